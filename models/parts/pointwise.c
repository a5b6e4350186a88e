#include "models/parts/pointwise.h"

#include "graph/op.h"

#include <clmix/ops.h>
#include <math.h>

clmix_value clmix_pointwise(clmix_scope at, clmix_value x, size_t features, bool bias)
{
    const size_t in = clmix_shape_columns(clmix_shape_of(x));
    const clmix_initializer uniform = { .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)in) };
    clmix_value weight, shift = clmix_no_value();

    if (!clmix_is_value(x))
        return x;
    weight = clmix_parameter(at, "weight", 4, (size_t[]){ features, in, 1, 1 }, (int[]){ 2, 3, 1, 0 }, uniform);
    if (bias)
        shift = clmix_parameter(at, "bias", 1, &features, NULL, uniform);
    return clmix_linear_with(at, x, weight, shift);
}

clmix_value clmix_pointwise_layer(clmix_scope at, clmix_value x, size_t features)
{
    return clmix_pointwise(at, x, features, true);
}
