/* Layer, channel and batch normalisation. Kernels: cl/norm.cl. All keep the means and reciprocal stds as a second output; the normalised
 * values are formed again from the input. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

#define MOST_PARTS 256 /* of a column reduction */

struct norm_attributes {
    float epsilon, momentum;
};

struct grad_attributes {
    bool constant_stats; /* nothing flows through them */
    float epsilon;
};

enum { X, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR }; /* inputs of the forward ops; layer and channel norm have the first three */
enum { DY, GRAD_X, STATS, GRAD_WEIGHT };             /* inputs of the gradients */
enum { DX, DWEIGHT, DBIAS };                         /* their outputs */

/* ---- what all have ------------------------------------------------------------------------------------------------------------------- */

/* x with at least one axis, everything else one value a channel; y like x, then statistics. */
static clmix_status norm_shape(clmix_graph *graph, struct clmix_node *node, size_t stats)
{
    const struct norm_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, X)->shape;
    char text[2][64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    for (int i = WEIGHT; i < node->input_count; i++) {
        clmix_shape channels = clmix_node_input(graph, node, i)->shape;

        if (channels.rank != 1 || channels.size[0] != clmix_shape_columns(shape))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "input %d is %s and should have one value for each of the last axis of %s", i,
                              clmix_shape_text(channels, text[0]), clmix_shape_text(shape, text[1]));
    }
    if (!(attributes->epsilon >= 0.0f))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "epsilon %g; it must not be negative", (double)attributes->epsilon);
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, shape));
    return clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 2, .size = { stats, 2 } });
}

static clmix_status grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape channels = clmix_node_input(graph, node, GRAD_WEIGHT)->shape;

    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, GRAD_X)->shape));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, channels));
    return clmix_node_declare(graph, node, CLMIX_F32, channels);
}

static clmix_status norm_backward(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *op,
                                  bool constant_stats)
{
    const struct grad_attributes attributes = { constant_stats, ((const struct norm_attributes *)node->attributes)->epsilon };
    clmix_value dy = clmix_backward_gradient(backward, node, 0), dx;

    if (!clmix_is_value(dy))
        return CLMIX_OK;
    dx = clmix_node_add(clmix_backward_scope(backward, node), op, &attributes, sizeof attributes,
                        (clmix_value[]){ dy, clmix_backward_input(backward, node, X), clmix_backward_output(backward, node, 1),
                                         clmix_backward_input(backward, node, WEIGHT) },
                        4);
    CLMIX_TRY(clmix_backward_give(backward, node, X, clmix_node_output(dx, DX)));
    CLMIX_TRY(clmix_backward_give(backward, node, WEIGHT, clmix_node_output(dx, DWEIGHT)));
    return clmix_backward_give(backward, node, BIAS, clmix_node_output(dx, DBIAS));
}

/* Rows of a matrix cut for column reductions: some parts, whose results a second kernel adds in order. */
static struct clmix_chunks parts_of(const struct clmix_planner *planner, size_t rows, size_t columns)
{
    struct clmix_chunks parts = clmix_chunks_of(planner, rows, 1, 4096 / columns + 16, 0);

    if (parts.groups > MOST_PARTS)
        parts.chunk = (rows + MOST_PARTS - 1) / MOST_PARTS;
    parts.groups = (rows + parts.chunk - 1) / parts.chunk;
    return parts;
}

/* A launch with WG defined over row chunks; first arguments (rows, chunk, columns). */
static struct clmix_record *launch_parts(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, size_t rows,
                                         size_t columns)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "norm.cl", kernel);
    struct clmix_chunks parts = parts_of(planner, rows, columns);
    size_t group = clmix_group_size(planner, 64);

    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, parts.groups, 1, 1, group);
    clmix_record_uint(record, rows);
    clmix_record_uint(record, parts.chunk);
    clmix_record_uint(record, columns);
    return record;
}

/* A launch with WG defined over columns, of which work-items take as many as they must. */
static struct clmix_record *launch_columns(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, size_t columns)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "norm.cl", kernel);
    size_t group = clmix_group_size(planner, 64),
           groups = clmix_planner_wide(planner) ? (columns + 255) / 256 : (columns + group - 1) / group;

    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, groups, 1, 1, group);
    return record;
}

/* Scratch for what the parts of a column reduction find: two values a column each. */
static int32_t parts_scratch(struct clmix_planner *planner, const struct clmix_node *node, size_t rows, size_t columns)
{
    return clmix_planner_scratch(planner, node, parts_of(planner, rows, columns).groups * 2 * columns * sizeof(float));
}

/* dbias and dweight from the sums that the parts left in `partial`. */
static void launch_sums(struct clmix_planner *planner, const struct clmix_node *node, size_t rows, size_t columns, int32_t partial)
{
    struct clmix_record *record = launch_columns(planner, node, "norm_sums", columns);

    clmix_record_uint(record, columns);
    clmix_record_uint(record, parts_of(planner, rows, columns).groups);
    clmix_record_value(record, partial);
    clmix_record_value(record, node->outputs[DBIAS]);
    clmix_record_value(record, node->outputs[DWEIGHT]);
}

/* Mean, variance, and the affine map: some eight FLOPs an element; backward some twelve. */
static void forward_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops *= 8;
}

static void backward_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops *= 12;
}

/* ---- layer norm, and channel norm, which differs in where epsilon is added ------------------------------------------------------------- */

static void define_outside(struct clmix_record *record, const struct clmix_node *node)
{
    if (node->op == &clmix_op_channel_norm || node->op == &clmix_op_channel_norm_grad)
        clmix_record_define(record, "OUTSIDE", 1);
}

static clmix_status layer_norm_shape(clmix_graph *graph, struct clmix_node *node)
{
    return norm_shape(graph, node, clmix_shape_rows(clmix_node_input(graph, node, X)->shape));
}

static clmix_status layer_norm_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return norm_backward(backward, node, &clmix_op_layer_norm_grad, false);
}

static clmix_status channel_norm_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return norm_backward(backward, node, &clmix_op_channel_norm_grad, false);
}

static clmix_status layer_norm_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct norm_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;
    struct clmix_record *record =
        clmix_record_rows(planner, node, "norm.cl", "layer_norm", clmix_shape_rows(shape), clmix_shape_columns(shape), true);

    define_outside(record, node);
    clmix_record_value(record, node->inputs[X]);
    clmix_record_value(record, node->inputs[WEIGHT]);
    clmix_record_value(record, node->inputs[BIAS]);
    if (clmix_planner_is_read_through(planner, node)) {
        clmix_record_define(record, "STATS_ONLY", 1);
        clmix_record_value(record, CLMIX_NONE);
    } else
        clmix_record_value(record, node->outputs[0]);
    clmix_record_value(record, node->outputs[1]);
    clmix_record_float(record, attributes->epsilon);
    return CLMIX_OK;
}

static clmix_status layer_norm_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct grad_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, DX)->shape;
    size_t rows = clmix_shape_rows(shape), columns = clmix_shape_columns(shape);
    int32_t partial = parts_scratch(planner, node, rows, columns);
    struct clmix_record *record = launch_parts(planner, node, "layer_norm_dx", rows, columns);

    define_outside(record, node);
    clmix_record_stream(planner, record, rows * columns);
    clmix_record_value(record, node->inputs[DY]);
    clmix_record_value(record, node->inputs[GRAD_X]);
    clmix_record_value(record, node->inputs[GRAD_WEIGHT]);
    clmix_record_value(record, node->inputs[STATS]);
    clmix_record_value(record, node->outputs[DX]);
    clmix_record_value(record, partial);
    clmix_record_float(record, attributes->epsilon);
    launch_sums(planner, node, rows, columns, partial);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_layer_norm = {
    .name = "layer_norm",
    .shape = layer_norm_shape,
    .backward = layer_norm_backward,
    .launch = layer_norm_launch,
    .cost = forward_cost,
    .parts = clmix_parts_by_row,
};
const struct clmix_op clmix_op_layer_norm_grad = {
    .name = "layer_norm_grad", .flags = CLMIX_OP_IN_PLACE, .shape = grad_shape, .launch = layer_norm_grad_launch, .cost = backward_cost
};

const struct clmix_op clmix_op_channel_norm = {
    .name = "channel_norm",
    .shape = layer_norm_shape,
    .backward = channel_norm_backward,
    .launch = layer_norm_launch,
    .cost = forward_cost,
    .parts = clmix_parts_by_row,
};
const struct clmix_op clmix_op_channel_norm_grad = {
    .name = "channel_norm_grad", .flags = CLMIX_OP_IN_PLACE, .shape = grad_shape, .launch = layer_norm_grad_launch, .cost = backward_cost
};

clmix_value clmix_layer_norm_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, float epsilon)
{
    const struct norm_attributes attributes = { .epsilon = epsilon };
    const clmix_value inputs[3] = { x, weight, bias };

    clmix_expect_values(at, &clmix_op_layer_norm, inputs, 3);
    return clmix_node_add(at, &clmix_op_layer_norm, &attributes, sizeof attributes, inputs, 3);
}

clmix_value clmix_layer_norm(clmix_scope at, clmix_value x, float epsilon)
{
    size_t channels = clmix_shape_columns(clmix_shape_of(x));
    clmix_value weight, bias;

    if (!clmix_is_value(x))
        return x;
    weight = clmix_parameter(at, "weight", 1, &channels, NULL, (clmix_initializer){ .kind = CLMIX_ONES });
    bias = clmix_parameter(at, "bias", 1, &channels, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    return clmix_layer_norm_with(at, x, weight, bias, epsilon);
}

clmix_value clmix_channel_norm_with(clmix_scope at, clmix_value x, clmix_value g, clmix_value b, float epsilon)
{
    const struct norm_attributes attributes = { .epsilon = epsilon };
    const clmix_value inputs[3] = { x, g, b };

    clmix_expect_values(at, &clmix_op_channel_norm, inputs, 3);
    return clmix_node_add(at, &clmix_op_channel_norm, &attributes, sizeof attributes, inputs, 3);
}

/* Files have a value a channel as a map of one pixel, (1, C, 1, 1). */
static clmix_value channel_parameter(clmix_scope at, const char *name, size_t channels, clmix_distribution kind)
{
    return clmix_reshape(clmix_parameter(at, name, 4, (size_t[]){ 1, channels, 1, 1 }, (int[]){ 0, 2, 3, 1 },
                                         (clmix_initializer){ .kind = kind }),
                         1, &channels);
}

clmix_value clmix_channel_norm(clmix_scope at, clmix_value x, float epsilon)
{
    size_t channels = clmix_shape_columns(clmix_shape_of(x));
    clmix_value g, b;

    if (!clmix_is_value(x))
        return x;
    clmix_at(at);
    g = channel_parameter(at, "g", channels, CLMIX_ONES);
    b = channel_parameter(at, "b", channels, CLMIX_ZEROS);
    return clmix_channel_norm_with(at, x, g, b, epsilon);
}

/* ---- batch norm ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status batch_norm_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct norm_attributes *attributes = node->attributes;

    if (!(attributes->momentum >= 0.0f && attributes->momentum <= 1.0f))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "momentum %g; it must lie between 0 and 1", (double)attributes->momentum);
    for (int i = RUNNING_MEAN; i <= RUNNING_VAR; i++) /* training plans write them */
        if (clmix_node_input(graph, node, i)->kind != CLMIX_VALUE_STATE)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "running statistics must be states (clmix_state), and input %d is none", i);
    if (node->inputs[RUNNING_MEAN] == node->inputs[RUNNING_VAR])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "one state for both the running mean and the running variance; they need one each");
    return norm_shape(graph, node, clmix_shape_columns(clmix_node_input(graph, node, X)->shape));
}

/* Frozen running statistics are taken in training too, and left as they are. */
static bool is_frozen(const clmix_graph *graph, const struct clmix_node *node)
{
    return clmix_node_input(graph, node, RUNNING_MEAN)->frozen || clmix_node_input(graph, node, RUNNING_VAR)->frozen;
}

static clmix_status batch_norm_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return norm_backward(backward, node, &clmix_op_batch_norm_grad, is_frozen(clmix_backward_graph(backward), node));
}

/* Statistics of the batch, which also move the running ones. */
static void launch_batch_stats(struct clmix_planner *planner, const struct clmix_node *node, size_t rows, size_t columns)
{
    const struct norm_attributes *attributes = node->attributes;
    struct clmix_chunks parts = parts_of(planner, rows, columns);
    int32_t partial = parts_scratch(planner, node, rows, columns);
    struct clmix_record *record = launch_parts(planner, node, "batch_norm_partial", rows, columns);

    clmix_record_value(record, node->inputs[X]);
    clmix_record_value(record, partial);
    record = launch_columns(planner, node, "batch_norm_finish", columns);
    clmix_record_uint(record, rows);
    clmix_record_uint(record, parts.chunk);
    clmix_record_uint(record, columns);
    clmix_record_uint(record, parts.groups);
    clmix_record_value(record, partial);
    clmix_record_value(record, node->outputs[1]);
    clmix_record_value(record, node->inputs[RUNNING_MEAN]);
    clmix_record_value(record, node->inputs[RUNNING_VAR]);
    clmix_record_float(record, attributes->epsilon);
    clmix_record_float(record, attributes->momentum);
}

static void launch_running_stats(struct clmix_planner *planner, const struct clmix_node *node, size_t columns)
{
    const struct norm_attributes *attributes = node->attributes;
    struct clmix_record *record = launch_columns(planner, node, "batch_norm_running", columns);

    clmix_record_uint(record, columns);
    clmix_record_value(record, node->inputs[RUNNING_MEAN]);
    clmix_record_value(record, node->inputs[RUNNING_VAR]);
    clmix_record_value(record, node->outputs[1]);
    clmix_record_float(record, attributes->epsilon);
}

static clmix_status batch_norm_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;
    size_t rows = clmix_shape_rows(shape), columns = clmix_shape_columns(shape);
    struct clmix_record *record;

    if (clmix_planner_mode(planner) == CLMIX_TRAINING && !is_frozen(clmix_planner_graph(planner), node))
        launch_batch_stats(planner, node, rows, columns);
    else
        launch_running_stats(planner, node, columns);
    record = clmix_record_rows(planner, node, "norm.cl", "batch_norm_apply", rows, columns, false);
    clmix_record_stream(planner, record, rows * columns);
    clmix_record_value(record, node->inputs[X]);
    clmix_record_value(record, node->outputs[1]);
    clmix_record_value(record, node->inputs[WEIGHT]);
    clmix_record_value(record, node->inputs[BIAS]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

/* In inference plans the statistics are constants too, so that nothing flows through them. */
static clmix_status batch_norm_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct grad_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, DX)->shape;
    size_t rows = clmix_shape_rows(shape), columns = clmix_shape_columns(shape);
    int32_t partial = parts_scratch(planner, node, rows, columns);
    struct clmix_record *record = launch_parts(planner, node, "batch_norm_sums", rows, columns);

    clmix_record_value(record, node->inputs[DY]);
    clmix_record_value(record, node->inputs[GRAD_X]);
    clmix_record_value(record, node->inputs[STATS]);
    clmix_record_value(record, partial);
    launch_sums(planner, node, rows, columns, partial);
    record = clmix_record_rows(planner, node, "norm.cl", "batch_norm_dx", rows, columns, false);
    if (!clmix_planner_in_place(planner, node, 0))
        clmix_record_stream(planner, record, rows * columns);
    clmix_record_value(record, node->inputs[DY]);
    clmix_record_value(record, node->inputs[GRAD_X]);
    clmix_record_value(record, node->inputs[STATS]);
    clmix_record_value(record, node->inputs[GRAD_WEIGHT]);
    clmix_record_value(record, node->outputs[DBIAS]);
    clmix_record_value(record, node->outputs[DWEIGHT]);
    clmix_record_value(record, node->outputs[DX]);
    clmix_record_float(record, clmix_planner_mode(planner) == CLMIX_TRAINING && !attributes->constant_stats ? 1.0f / (float)rows : 0.0f);
    return CLMIX_OK;
}

static bool batch_norm_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                             struct clmix_parts *outputs)
{
    (void)planner, (void)node;
    outputs[0] = inputs[X];
    return true;
}

/* With running statistics every row is on its own; those of a batch are all rows'. */
static bool batch_norm_mixes(const struct clmix_planner *planner, const struct clmix_node *node)
{
    (void)node;
    return clmix_planner_mode(planner) == CLMIX_TRAINING;
}

const struct clmix_op clmix_op_batch_norm = {
    .name = "batch_norm",
    .flags = CLMIX_OP_MOVES_STATES,
    .shape = batch_norm_shape,
    .backward = batch_norm_backward,
    .launch = batch_norm_launch,
    .cost = forward_cost,
    .parts = batch_norm_parts,
    .mixes = batch_norm_mixes,
};
const struct clmix_op clmix_op_batch_norm_grad = {
    .name = "batch_norm_grad", .flags = CLMIX_OP_IN_PLACE, .shape = grad_shape, .launch = batch_norm_grad_launch, .cost = backward_cost
};

clmix_value clmix_batch_norm_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_value running_mean,
                                  clmix_value running_var, float epsilon, float momentum)
{
    const struct norm_attributes attributes = { .epsilon = epsilon, .momentum = momentum };
    const clmix_value inputs[5] = { x, weight, bias, running_mean, running_var };

    clmix_expect_values(at, &clmix_op_batch_norm, inputs, 5);
    return clmix_node_add(at, &clmix_op_batch_norm, &attributes, sizeof attributes, inputs, 5);
}

clmix_value clmix_batch_norm(clmix_scope at, clmix_value x, float epsilon, float momentum)
{
    size_t channels = clmix_shape_columns(clmix_shape_of(x));
    clmix_value weight, bias, mean, variance;

    if (!clmix_is_value(x))
        return x;
    weight = clmix_parameter(at, "weight", 1, &channels, NULL, (clmix_initializer){ .kind = CLMIX_ONES });
    bias = clmix_parameter(at, "bias", 1, &channels, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    mean = clmix_state(at, "running_mean", 1, &channels, (clmix_initializer){ .kind = CLMIX_ZEROS });
    variance = clmix_state(at, "running_var", 1, &channels, (clmix_initializer){ .kind = CLMIX_ONES });
    return clmix_batch_norm_with(at, x, weight, bias, mean, variance, epsilon, momentum);
}
