/* The iterative pseudo-inverse of Nystrom attention: Z_0 = s x^T, s = 1 / (the largest row sum of |x| times the largest column sum), and so many
 * times Z <- Z (13 I - x Z (15 I - x Z (7 I - x Z))) / 4. The maxima are differentiated like everything else. Second output: of each matrix the
 * maxima, how often they occur, and s. Kernels: cl/pseudo_inverse.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/table.h"

#include <clmix/mixing.h>

#define MOST_ITERATIONS 64
#define SCRATCH_BYTES   ((size_t)64 << 20) /* of all groups, but at least one a compute unit */
#define STATS           5

struct pinv_attributes {
    size_t heads;
    int iterations;
    clmix_inverse_maxima maxima; /* over what */
};

static clmix_status pinv_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct pinv_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    char text[64];

    if (x->type != CLMIX_F32 || x->shape.rank != 3 || x->shape.size[2] != attributes->heads * x->shape.size[1])
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "a pseudo-inverse takes f32 (batch, m, heads * m), square matrices side by side; this is %s and the heads are %zu",
            clmix_shape_text(x->shape, text), attributes->heads);
    if (attributes->iterations < 1 || attributes->iterations > MOST_ITERATIONS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%d iterations of a pseudo-inverse; 1 to %d can be made", attributes->iterations,
                          MOST_ITERATIONS);
    if (attributes->maxima < CLMIX_INVERSE_BATCH || attributes->maxima > CLMIX_INVERSE_MATRIX)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "maxima of %d; there are none", (int)attributes->maxima);
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, x->shape));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ x->shape.size[0], attributes->heads, STATS }));
}

static clmix_status pinv_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, 0)->shape);
}

static clmix_status pinv_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct pinv_attributes attributes = *(const struct pinv_attributes *)node->attributes;
    clmix_value inputs[3] = { clmix_backward_gradient(backward, node, 0) };

    if (!clmix_is_value(inputs[0]) || !clmix_backward_wants(backward, node, 0))
        return CLMIX_OK;
    inputs[1] = clmix_backward_input(backward, node, 0);
    inputs[2] = clmix_backward_output(backward, node, 1);
    return clmix_backward_give(backward, node, 0,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_pseudo_inverse_grad, &attributes,
                                              sizeof attributes, inputs, 3));
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

/* The matrices of a node: m x m, padded to `side` in scratch; `set` of them share their maxima. */
struct matrices {
    size_t count, heads, m, side, set;
};

static struct matrices matrices_of(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct pinv_attributes *attributes = node->attributes;
    const bool wide = clmix_planner_wide(planner);
    clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    size_t count = shape.size[0] * attributes->heads;

    return (struct matrices){
        .count = count,
        .heads = attributes->heads,
        .m = shape.size[1],
        .side = clmix_round_up(shape.size[1], wide ? 16 : 32),
        .set = attributes->maxima == CLMIX_INVERSE_MATRIX   ? 1
               : attributes->maxima == CLMIX_INVERSE_SAMPLE ? attributes->heads
                                                            : count,
    };
}

/* Work-items of a group. */
static size_t group_of(const struct clmix_planner *planner, const struct matrices *matrices)
{
    return clmix_group_size(planner, matrices->side % 64 == 0 ? 256 : 64);
}

static struct clmix_record *record_matrices(struct clmix_planner *planner, const struct clmix_node *node, const struct matrices *matrices,
                                            const char *kernel, size_t groups)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "pseudo_inverse.cl", kernel);
    size_t group = group_of(planner, matrices), tile = 4;

    while (tile / 4 * (tile / 4) < group) /* a work-item has 4 x 4 of it */
        tile *= 2;
    clmix_record_define(record, "SIDE", (long)matrices->side);
    clmix_record_define(record, "WG", (long)group);
    if (!clmix_planner_wide(planner)) {
        clmix_record_define(record, "VW", 4);
        clmix_record_define(record, "TM", (long)(16 * group / tile));
        clmix_record_define(record, "TN", (long)tile);
    }
    clmix_record_grid(record, groups, 1, 1, group);
    return record;
}

/* Groups for so many matrices of scratch each. */
static size_t groups_of(const struct clmix_planner *planner, const struct matrices *matrices, size_t each)
{
    const size_t units = clmix_at_least_one(clmix_planner_device(planner)->compute_units),
                 bytes = each * matrices->side * matrices->side * sizeof(float),
                 groups = clmix_larger(clmix_smaller(8 * units, SCRATCH_BYTES / bytes), units);

    return clmix_smaller(groups, matrices->count);
}

static int32_t record_scratch(struct clmix_planner *planner, const struct clmix_node *node, const struct matrices *matrices, size_t each,
                              size_t groups)
{
    return clmix_planner_scratch(planner, node, groups * each * matrices->side * matrices->side * sizeof(float));
}

static void push_sizes(struct clmix_record *record, const struct matrices *matrices)
{
    clmix_record_uint(record, matrices->count);
    clmix_record_uint(record, matrices->heads);
    clmix_record_uint(record, matrices->m);
}

static size_t iterations_of(const struct clmix_node *node)
{
    return (size_t)((const struct pinv_attributes *)node->attributes)->iterations;
}

/* Four products an iteration; backward four once more, but for the last, and seven. */
static void pinv_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct pinv_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;
    const uint64_t m = shape.size[1], products = node->op == &clmix_op_pseudo_inverse ? 4 : 11;

    *flops = products * (uint64_t)attributes->iterations * 2 * m * m * m * shape.size[0] * attributes->heads;
    *bytes = (uint64_t)clmix_shape_count(shape) * sizeof(float) * (node->op == &clmix_op_pseudo_inverse ? 2 : 3);
}

static clmix_status pinv_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct matrices matrices = matrices_of(planner, node);
    const size_t each = 6, groups = groups_of(planner, &matrices, each);
    struct clmix_record *record = record_matrices(planner, node, &matrices, "pinv_sums", matrices.count);
    uint64_t flops, bytes;

    clmix_record_flops(record, 0);
    clmix_record_uint(record, matrices.heads);
    clmix_record_uint(record, matrices.m);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_value(record, node->outputs[1]);

    record = record_matrices(planner, node, &matrices, "pinv_iterate", groups);
    pinv_cost(clmix_planner_graph(planner), node, &flops, &bytes);
    clmix_record_flops(record, flops);
    push_sizes(record, &matrices);
    clmix_record_uint(record, matrices.set);
    clmix_record_uint(record, iterations_of(node));
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_value(record, node->outputs[1]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_value(record, record_scratch(planner, node, &matrices, each, groups));
    return CLMIX_OK;
}

static clmix_status pinv_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct matrices matrices = matrices_of(planner, node);
    const size_t each = 8 + 4 * iterations_of(node), groups = groups_of(planner, &matrices, each);
    const int32_t ds = clmix_planner_scratch(planner, node, matrices.count * sizeof(float));
    struct clmix_record *record = record_matrices(planner, node, &matrices, "pinv_gradient", groups);

    push_sizes(record, &matrices);
    clmix_record_uint(record, iterations_of(node));
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, node->inputs[2]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_value(record, ds);
    clmix_record_value(record, record_scratch(planner, node, &matrices, each, groups));

    record = record_matrices(planner, node, &matrices, "pinv_maxima", matrices.count);
    clmix_record_flops(record, 0);
    clmix_record_uint(record, matrices.heads);
    clmix_record_uint(record, matrices.m);
    clmix_record_uint(record, matrices.set);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, node->inputs[2]);
    clmix_record_value(record, ds);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

/* ---- parts ---------------------------------------------------------------------------------------------------------------------------- */

static bool pinv_mixes(const struct clmix_planner *planner, const struct clmix_node *node)
{
    (void)planner;
    return ((const struct pinv_attributes *)node->attributes)->maxima == CLMIX_INVERSE_BATCH;
}

const struct clmix_op clmix_op_pseudo_inverse = {
    .name = "pseudo_inverse",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = pinv_shape,
    .backward = pinv_backward,
    .launch = pinv_launch,
    .cost = pinv_cost,
    .parts = clmix_parts_by_sample,
    .mixes = pinv_mixes,
};
const struct clmix_op clmix_op_pseudo_inverse_grad = {
    .name = "pseudo_inverse_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << 2,
    .shape = pinv_grad_shape,
    .launch = pinv_grad_launch,
    .cost = pinv_cost,
    .parts = clmix_parts_by_sample,
    .mixes = pinv_mixes,
};

clmix_value clmix_pseudo_inverse(clmix_value x, size_t heads, int iterations, clmix_inverse_maxima maxima)
{
    struct pinv_attributes attributes = { .heads = heads == 0 ? 1 : heads, .iterations = iterations, .maxima = maxima };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_pseudo_inverse, &attributes, sizeof attributes, &x, 1);
}
