/* Depthwise convolution along the tokens with one kernel a head, which all features of the head share. The input gradient is the same with the
 * kernel turned round. Kernels: cl/token_conv.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/arithmetic.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/mixing.h>

#include <math.h>

#define MOST_TAPS 1023
#define STRIP     64   /* rows of a group, forward: a multiple of a run's */
#define CHUNK     2048 /* rows of a group at most, gradient of the weights: it fixes the order of additions */

struct conv_attributes {
    size_t heads;
    clmix_shape weight;
};

enum { X, WEIGHT };

static size_t taps_of(const struct conv_attributes *attributes)
{
    return clmix_shape_count(attributes->weight) / attributes->heads;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status conv_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct conv_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, X);
    char text[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (x->shape.rank != 3 || x->shape.size[2] % attributes->heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a convolution along tokens (batch, tokens, heads * d) of %zu heads; this is %s",
                          attributes->heads, clmix_shape_text(x->shape, text));
    if (attributes->weight.rank < 2 || attributes->weight.size[0] != attributes->heads)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the weight %s must be (heads, taps), of %zu heads",
                          clmix_shape_text(attributes->weight, text), attributes->heads);
    if (taps_of(attributes) % 2 == 0 || taps_of(attributes) > MOST_TAPS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a kernel of %zu taps; an odd number up to %d keeps the tokens in their places",
                          taps_of(attributes), MOST_TAPS);
    return clmix_node_declare(graph, node, CLMIX_F32, x->shape);
}

static clmix_status grad_input_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, X)->shape);
}

static clmix_status grad_weight_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, ((const struct conv_attributes *)node->attributes)->weight);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status conv_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct conv_attributes attributes = *(const struct conv_attributes *)node->attributes;
    const clmix_value gradient = clmix_backward_gradient(backward, node, 0);
    const clmix_scope at = clmix_backward_scope(backward, node);

    if (!clmix_is_value(gradient))
        return CLMIX_OK;
    if (clmix_backward_wants(backward, node, X)) {
        const clmix_value inputs[2] = { gradient, clmix_backward_input(backward, node, WEIGHT) };

        CLMIX_TRY(clmix_backward_give(backward, node, X,
                                      clmix_node_add(at, &clmix_op_token_conv_grad_input, &attributes, sizeof attributes, inputs, 2)));
    }
    if (clmix_backward_wants(backward, node, WEIGHT)) {
        const clmix_value inputs[2] = { clmix_backward_input(backward, node, X), gradient };

        CLMIX_TRY(clmix_backward_give(backward, node, WEIGHT,
                                      clmix_node_add(at, &clmix_op_token_conv_grad_weight, &attributes, sizeof attributes, inputs, 2)));
    }
    return CLMIX_OK;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

static struct clmix_record *record_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, long vector,
                                          size_t *group)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "token_conv.cl", kernel);

    *group = clmix_group_size(planner, 64);
    clmix_record_define(record, "K", (long)taps_of(node->attributes));
    clmix_record_define(record, "WG", (long)*group);
    if (!clmix_planner_wide(planner))
        clmix_record_define(record, "VW", vector);
    return record;
}

static clmix_status conv_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct conv_attributes *attributes = node->attributes;
    const int32_t residual = clmix_other_term(planner, node);
    const clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, X)->shape;
    size_t group;
    struct clmix_record *record = record_kernel(planner, node, "token_conv", 4, &group);

    clmix_record_grid(record, clmix_ceil_div(shape.size[1], STRIP), attributes->heads, shape.size[0], group);
    clmix_record_uint(record, shape.size[1]);
    clmix_record_uint(record, shape.size[2] / attributes->heads);
    clmix_record_uint(record, STRIP);
    clmix_record_uint(record, node->op == &clmix_op_token_conv_grad_input);
    clmix_record_pitched(planner, record, node->inputs[X]);
    clmix_record_value(record, node->inputs[WEIGHT]);
    clmix_record_pitched(planner, record, residual);
    clmix_record_uint(record, residual != CLMIX_NONE);
    clmix_record_pitched(planner, record, clmix_planner_result(planner, node));
    return CLMIX_OK;
}

static clmix_status grad_weight_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct conv_attributes *attributes = node->attributes;
    const clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, X)->shape;
    const size_t chunks = clmix_ceil_div(shape.size[1], CHUNK), parts = shape.size[0] * chunks, taps = taps_of(attributes),
                 block = taps < 11 ? taps : 11; /* TAPS of the kernel */
    const int32_t partial = clmix_planner_scratch(planner, node, parts * attributes->heads * taps * sizeof(float));
    size_t group;
    struct clmix_record *record = record_kernel(planner, node, "token_conv_weight", 1, &group);

    clmix_record_define(record, "TAPS", (long)block);
    clmix_record_grid(record, clmix_ceil_div(taps, block), attributes->heads, parts, group);
    clmix_record_uint(record, shape.size[1]);
    clmix_record_uint(record, shape.size[2] / attributes->heads);
    clmix_record_uint(record, CHUNK);
    clmix_record_uint(record, chunks);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, partial);
    record = clmix_record_elements(planner, node, "token_conv.cl", "token_conv_sum", attributes->heads * taps, 1);
    clmix_record_define(record, "K", (long)taps);
    clmix_record_flops(record, 0);
    clmix_record_uint(record, parts);
    clmix_record_value(record, partial);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

/* ---- costs, parts --------------------------------------------------------------------------------------------------------------------- */

static void conv_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const size_t count = clmix_shape_count(clmix_node_input(graph, node, X)->shape);

    *flops = (uint64_t)2 * count * taps_of(node->attributes);
    *bytes = (uint64_t)2 * count * sizeof(float);
}

/* Every sample by itself, of weights that are the same for all. */
static bool conv_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                       struct clmix_parts *outputs)
{
    (void)planner;
    (void)node;
    outputs[0] = inputs[X];
    return inputs[X].count == 1 && inputs[WEIGHT].count == 0;
}

const struct clmix_op clmix_op_token_conv = {
    .name = "token_conv",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << WEIGHT,
    .shape = conv_shape,
    .backward = conv_backward,
    .launch = conv_launch,
    .absorb = clmix_absorb_addition,
    .cost = conv_cost,
    .parts = conv_parts,
};
const struct clmix_op clmix_op_token_conv_grad_input = {
    .name = "token_conv_grad_input",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << WEIGHT,
    .shape = grad_input_shape,
    .launch = conv_launch,
    .absorb = clmix_absorb_addition,
    .cost = conv_cost,
    .parts = conv_parts,
};
const struct clmix_op clmix_op_token_conv_grad_weight = {
    .name = "token_conv_grad_weight",
    .flags = CLMIX_OP_STRIDED,
    .shape = grad_weight_shape,
    .launch = grad_weight_launch,
    .cost = conv_cost,
};

/* ---- building ------------------------------------------------------------------------------------------------------------------------ */

clmix_value clmix_token_conv_with(clmix_scope at, clmix_value x, clmix_value weight, size_t heads)
{
    const clmix_value inputs[2] = { x, weight };
    struct conv_attributes attributes = { .heads = clmix_at_least_one(heads), .weight = clmix_shape_of(weight) };

    clmix_expect_values(at, &clmix_op_token_conv, inputs, 2);
    return clmix_node_add(at, &clmix_op_token_conv, &attributes, sizeof attributes, inputs, 2);
}

clmix_value clmix_token_conv(clmix_scope at, clmix_value x, size_t heads, size_t kernel)
{
    const size_t count = clmix_at_least_one(heads);
    clmix_value weight;

    if (!clmix_is_value(x))
        return x;
    if (kernel == 0)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a convolution along tokens needs a kernel of at least one tap");
    weight = clmix_parameter(at, "weight", 4, (size_t[]){ count, 1, kernel, 1 }, NULL,
                             (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)kernel) });
    return clmix_token_conv_with(at, x, weight, count);
}
