#include "models/parts/token_linear.h"

#include "graph/op.h"

#include <clmix/ops.h>
#include <math.h>

static clmix_status fill_ones(void *values, clmix_shape shape, const void *data)
{
    float *ones = values;

    (void)data;
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ones[i] = 1.0f;
    return CLMIX_OK;
}

/* bias (features) -> (features, columns), each entry a row: a product with a row of ones, whose gradient is the sum along it. */
static clmix_value in_columns(clmix_value bias, size_t columns)
{
    clmix_value ones = clmix_constant(bias.graph, CLMIX_F32, 2, (size_t[]){ 1, columns }, fill_ones, NULL, 0);

    return clmix_matmul(clmix_reshape(bias, 2, (size_t[]){ clmix_shape_of(bias).size[0], 1 }), ones, (clmix_product){ 0 });
}

clmix_value clmix_token_linear(clmix_scope at, clmix_value x, size_t features)
{
    clmix_shape shape = clmix_shape_of(x);
    clmix_value weight, bias;
    char text[64];
    float bound;

    if (!clmix_is_value(x))
        return x;
    if (shape.rank != 3)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "mixing along tokens needs (batch, tokens, channels), and this is %s",
                            clmix_shape_text(shape, text));
    bound = 1.0f / sqrtf((float)shape.size[1]);
    weight = clmix_parameter(at, "weight", 3, (size_t[]){ features, shape.size[1], 1 }, NULL,
                             (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = bound });
    bias = clmix_parameter(at, "bias", 1, &features, NULL, (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = bound });
    if (!clmix_is_value(weight) || !clmix_is_value(bias))
        return bias;
    clmix_at(at);
    bias = in_columns(bias, shape.size[2]); /* before the product, which takes it in */
    return clmix_add(clmix_matmul(clmix_reshape(weight, 2, (size_t[]){ features, shape.size[1] }), x, (clmix_product){ 0 }), bias);
}
