/* Dropout, of elements and of whole samples. The mask is drawn from a counter keyed by seed, step, and the op's key, forward and backward alike, and never stored. Kernel:
 * cl/dropout.cl. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* The key is the number of the op that was first asked for, and `value` its result: its gradient and what rebuilds it carry a copy, and so draw the
 * same mask. */
struct dropout_attributes {
    float rate;
    int32_t key; /* below 0: to be set to the node's number */
    int32_t value;
};

static clmix_status dropout_shape(clmix_graph *graph, struct clmix_node *node)
{
    struct dropout_attributes *attributes = node->attributes;

    if (!(attributes->rate >= 0.0f && attributes->rate < 1.0f))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a dropout rate of %g; it must be at least 0 and less than 1", (double)attributes->rate);
    CLMIX_TRY(clmix_shape_like_inputs(graph, node));
    if (attributes->key < 0) {
        attributes->key = node->number;
        attributes->value = node->outputs[0];
    }
    return CLMIX_OK;
}

static void dropout_detach(void *attributes)
{
    ((struct dropout_attributes *)attributes)->key = -1;
}

static clmix_status dropout_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct dropout_attributes attributes = *(const struct dropout_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_dropout_grad, &attributes, sizeof attributes, clmix_no_value());
}

static bool drops(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct dropout_attributes *attributes = node->attributes;

    return clmix_planner_mode(planner) == CLMIX_TRAINING && attributes->rate > 0.0f;
}

/* Where the samples lie, so that the kernel can find each one's elements in the whole batch: parts of so many elements a sample. */
static void launch_parts(struct clmix_planner *planner, struct clmix_record *record, int32_t value, bool dropping)
{
    const struct clmix_parts parts = clmix_planner_parts(planner, value);
    const size_t columns = clmix_shape_columns(clmix_tensor_at(clmix_planner_graph(planner), value)->shape);

    clmix_record_uint(record, parts.count > 0 ? clmix_planner_batch(planner) : 0);
    clmix_record_uint(record, (size_t)parts.count);
    for (int i = 0; i < CLMIX_MOST_PARTS; i++)
        clmix_record_uint(record, i < parts.count ? parts.rows[i] * columns : 0);
    if (dropping && parts.count == 0)
        clmix_planner_not_placed(planner);
}

/* Which words drop, and the factor of what stays. In inference plans the op is the identity, nothing at all where the planner put the result in
 * place: a threshold of 0 keeps all. */
static void record_mask(struct clmix_record *record, const struct dropout_attributes *attributes, bool dropping)
{
    clmix_record_uint(record, (size_t)attributes->key);
    clmix_record_uint(record, dropping ? (size_t)((double)attributes->rate * 4294967296.0) : 0);
    clmix_record_float(record, dropping ? 1.0f / (1.0f - attributes->rate) : 1.0f);
}

static clmix_status dropout_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct dropout_attributes *attributes = node->attributes;
    bool dropping = drops(planner, node);
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record;

    if (!dropping && clmix_planner_in_place(planner, node, 0))
        return CLMIX_OK;
    record = clmix_record_elements(planner, node, "dropout.cl", "dropout", count, 64);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_value(record, clmix_planner_random(planner));
    record_mask(record, attributes, dropping);
    clmix_record_uint(record, clmix_planner_first_element(planner, node->outputs[0]));
    launch_parts(planner, record, dropping ? attributes->value : node->outputs[0], dropping);
    return CLMIX_OK;
}

/* The mask counts the elements of the whole batch: those of a slice follow one another only where samples do. */
static bool dropout_mixes(const struct clmix_planner *planner, const struct clmix_node *node)
{
    return clmix_planner_parts(planner, node->outputs[0]).count > 1 && drops(planner, node);
}

const struct clmix_op clmix_op_dropout = {
    .name = "dropout",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_IN_PLACE,
    .shape = dropout_shape,
    .backward = dropout_backward,
    .launch = dropout_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
    .mixes = dropout_mixes,
    .detach = dropout_detach,
};
const struct clmix_op clmix_op_dropout_grad = {
    .name = "dropout_grad",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = dropout_shape,
    .launch = dropout_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
    .mixes = dropout_mixes,
    .detach = dropout_detach,
};

clmix_value clmix_dropout(clmix_value x, float rate)
{
    struct dropout_attributes attributes = { .rate = rate, .key = -1 };

    return rate == 0.0f ? x : clmix_node_add(clmix_here(x.graph), &clmix_op_dropout, &attributes, sizeof attributes, &x, 1);
}

/* ---- whole samples ------------------------------------------------------------------------------------------------------------------- */

static clmix_status drop_path_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct dropout_attributes attributes = *(const struct dropout_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_drop_path_grad, &attributes, sizeof attributes, clmix_no_value());
}

/* Elements of a sample in the value that the mask is of: by how samples lie in it, or by its first axis where nothing says that it carries the batch. */
static clmix_status sample_size(struct clmix_planner *planner, const struct clmix_node *node, size_t *size)
{
    const struct dropout_attributes *attributes = node->attributes;
    const clmix_shape shape = clmix_tensor_at(clmix_planner_graph(planner), attributes->value)->shape;
    const struct clmix_parts parts = clmix_planner_parts(planner, attributes->value);
    char text[64];

    if (parts.count > 1)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "samples are dropped whole, and those of %s lie in %d parts each",
                          clmix_shape_text(shape, text), parts.count);
    *size = parts.count == 1 ? parts.rows[0] * clmix_shape_columns(shape) : clmix_shape_count(shape) / shape.size[0];
    return CLMIX_OK;
}

static clmix_status drop_path_shape(clmix_graph *graph, struct clmix_node *node)
{
    if (clmix_node_input(graph, node, 0)->shape.rank < 1)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "samples of a scalar; there are none to drop");
    return dropout_shape(graph, node);
}

static clmix_status drop_path_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct dropout_attributes *attributes = node->attributes;
    const bool dropping = drops(planner, node);
    const size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record;
    size_t size = 1;

    if (!dropping && clmix_planner_in_place(planner, node, 0))
        return CLMIX_OK;
    CLMIX_TRY(sample_size(planner, node, &size));
    record = clmix_record_elements(planner, node, "dropout.cl", "drop_samples", count, 64);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_value(record, clmix_planner_random(planner));
    record_mask(record, attributes, dropping);
    clmix_record_uint(record, clmix_planner_first_element(planner, node->outputs[0]) / size);
    clmix_record_uint(record, size);
    if (dropping && clmix_planner_parts(planner, attributes->value).count == 0)
        clmix_planner_not_placed(planner);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_drop_path = {
    .name = "drop_path",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_IN_PLACE,
    .shape = drop_path_shape,
    .backward = drop_path_backward,
    .launch = drop_path_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
    .detach = dropout_detach,
};
const struct clmix_op clmix_op_drop_path_grad = {
    .name = "drop_path_grad",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = drop_path_shape,
    .launch = drop_path_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
    .detach = dropout_detach,
};

clmix_value clmix_drop_path(clmix_value x, float rate)
{
    struct dropout_attributes attributes = { .rate = rate, .key = -1 };

    return rate == 0.0f ? x : clmix_node_add(clmix_here(x.graph), &clmix_op_drop_path, &attributes, sizeof attributes, &x, 1);
}
