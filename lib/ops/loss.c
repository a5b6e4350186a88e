/* Cross-entropy and top-k counts. Kernels: cl/loss.cl. The loss keeps each row's largest logit and sum of exponentials, so that the
 * gradient is one pass over the logits. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

enum { LOGITS, LABEL, SECOND, WEIGHT, STATS, COUNTED, UPSTREAM, INPUTS }; /* inputs; the last three of the gradient only */
enum { OUT_LOSS, OUT_STATS, OUT_COUNTED };                                /* outputs of the loss */

struct loss_attributes {
    float smoothing;
};

/* ---- shapes -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status expect_column(const clmix_graph *graph, const struct clmix_node *node, int index, const char *what, clmix_type type,
                                  size_t rows)
{
    const struct clmix_tensor *input = clmix_node_input(graph, node, index);
    char text[64];

    if (input->type != type || clmix_shape_count(input->shape) != rows)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s of %zu rows of logits must be %zu values of type %s; they are %s of %s", what, rows,
                          rows, type == CLMIX_I32 ? "i32" : "f32", clmix_shape_text(input->shape, text),
                          input->type == CLMIX_F32   ? "f32"
                          : input->type == CLMIX_I32 ? "i32"
                                                     : "u8");
    return CLMIX_OK;
}

static clmix_status expect_logits(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_tensor *logits = clmix_node_input(graph, node, LOGITS);
    char text[64];

    if (logits->type != CLMIX_F32 || logits->shape.rank < 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the logits are %s and must be f32 (rows, classes)", clmix_shape_text(logits->shape, text));
    return expect_column(graph, node, LABEL, "the labels", CLMIX_I32, clmix_shape_rows(logits->shape));
}

/* ---- cross-entropy ------------------------------------------------------------------------------------------------------------------- */

static clmix_status cross_entropy_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct loss_attributes *attributes = node->attributes;
    size_t rows = clmix_shape_rows(clmix_node_input(graph, node, LOGITS)->shape);

    CLMIX_TRY(expect_logits(graph, node));
    if (!(attributes->smoothing >= 0.0f && attributes->smoothing <= 1.0f))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "label smoothing of %g; it must lie between 0 and 1", (double)attributes->smoothing);
    if ((clmix_node_input(graph, node, SECOND) == NULL) != (clmix_node_input(graph, node, WEIGHT) == NULL))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "mixed labels need both the second labels and the weights");
    if (clmix_node_input(graph, node, SECOND) != NULL) {
        CLMIX_TRY(expect_column(graph, node, SECOND, "the second labels", CLMIX_I32, rows));
        CLMIX_TRY(expect_column(graph, node, WEIGHT, "the weights of mixed labels", CLMIX_F32, rows));
    }
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 0 }));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 1, .size = { 2 * rows } }));
    return clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 0 });
}

static clmix_status cross_entropy_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, LOGITS)->shape);
}

static clmix_status cross_entropy_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct loss_attributes attributes = *(const struct loss_attributes *)node->attributes;
    clmix_value gradient = clmix_backward_gradient(backward, node, OUT_LOSS), inputs[INPUTS];

    if (!clmix_backward_wants(backward, node, LOGITS) || !clmix_is_value(gradient))
        return CLMIX_OK;
    for (int i = LOGITS; i <= WEIGHT; i++)
        inputs[i] = clmix_backward_input(backward, node, i);
    inputs[STATS] = clmix_backward_output(backward, node, OUT_STATS);
    inputs[COUNTED] = clmix_backward_output(backward, node, OUT_COUNTED);
    inputs[UPSTREAM] = clmix_is_ones(gradient) ? clmix_no_value() : gradient;
    return clmix_backward_give(backward, node, LOGITS,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_cross_entropy_grad, &attributes,
                                              sizeof attributes, inputs, INPUTS));
}

/* Logits, labels, mixing and smoothing, as both kernels over rows take them. */
static void launch_targets(struct clmix_record *record, const struct clmix_node *node)
{
    const struct loss_attributes *attributes = node->attributes;

    for (int i = LOGITS; i <= WEIGHT; i++)
        clmix_record_value(record, node->inputs[i]);
    clmix_record_int(record, node->inputs[SECOND] != CLMIX_NONE);
    clmix_record_float(record, attributes->smoothing);
}

static clmix_status cross_entropy_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, LOGITS)->shape;
    size_t rows = clmix_shape_rows(shape), classes = clmix_shape_columns(shape), group = clmix_group_size(planner, 64);
    size_t groups = clmix_chunks_of_few(planner, rows, classes).groups;
    int32_t parts = clmix_planner_scratch(planner, node, groups * 2 * sizeof(float));
    struct clmix_record *record = clmix_record_few(planner, node, "loss.cl", "cross_entropy_rows", "cross_entropy_few", rows, classes);

    launch_targets(record, node);
    clmix_record_value(record, node->outputs[OUT_STATS]);
    clmix_record_value(record, parts);
    record = clmix_record_kernel(planner, node, "loss.cl", "cross_entropy_mean");
    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, 1, 1, 1, group);
    clmix_record_uint(record, groups);
    clmix_record_value(record, parts);
    clmix_record_value(record, node->outputs[OUT_LOSS]);
    clmix_record_value(record, node->outputs[OUT_COUNTED]);
    return CLMIX_OK;
}

static clmix_status cross_entropy_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, LOGITS)->shape;
    struct clmix_record *record = clmix_record_few(planner, node, "loss.cl", "cross_entropy_grad", "cross_entropy_few_grad",
                                                   clmix_shape_rows(shape), clmix_shape_columns(shape));

    launch_targets(record, node);
    clmix_record_value(record, node->inputs[STATS]);
    clmix_record_value(record, node->inputs[COUNTED]);
    clmix_record_value(record, node->inputs[UPSTREAM]);
    clmix_record_int(record, node->inputs[UPSTREAM] != CLMIX_NONE);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

/* A comparison, a difference, an exponential and a sum for each logit. */
static void loss_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = (uint64_t)4 * clmix_shape_count(clmix_node_input(graph, node, LOGITS)->shape);
}

const struct clmix_op clmix_op_cross_entropy = {
    .name = "cross_entropy",
    .shape = cross_entropy_shape,
    .backward = cross_entropy_backward,
    .launch = cross_entropy_launch,
    .cost = loss_cost,
};
const struct clmix_op clmix_op_cross_entropy_grad = { .name = "cross_entropy_grad",
                                                      .flags = CLMIX_OP_IN_PLACE,
                                                      .shape = cross_entropy_grad_shape,
                                                      .launch = cross_entropy_grad_launch,
                                                      .cost = loss_cost };

clmix_value clmix_cross_entropy(clmix_value logits, clmix_value label, float smoothing, clmix_value second, clmix_value weight)
{
    struct loss_attributes attributes = { .smoothing = smoothing };

    return clmix_node_add(clmix_here(logits.graph), &clmix_op_cross_entropy, &attributes, sizeof attributes,
                          (clmix_value[]){ logits, label, second, weight }, 4);
}

clmix_value clmix_counted(clmix_value loss)
{
    if (!clmix_is_value(loss))
        return loss;
    if (clmix_maker_of(loss) != &clmix_op_cross_entropy)
        return clmix_poison(clmix_here(loss.graph), CLMIX_ERROR_ARGUMENT,
                            "labels counted by a value that is no loss of clmix_cross_entropy");
    return clmix_node_output(loss, OUT_COUNTED);
}

/* ---- top k --------------------------------------------------------------------------------------------------------------------------- */

#define MOST_COUNTS 4

struct top_k_attributes {
    int count;
    int k[MOST_COUNTS];
};

static clmix_status top_k_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct top_k_attributes *attributes = node->attributes;

    CLMIX_TRY(expect_logits(graph, node));
    for (int i = 0; i < attributes->count; i++)
        if (attributes->k[i] < 1)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "labels among the %d largest logits; k is at least 1", attributes->k[i]);
    return clmix_node_declare(graph, node, CLMIX_F32, (clmix_shape){ .rank = 1, .size = { (size_t)attributes->count } });
}

static clmix_status top_k_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct top_k_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, LOGITS)->shape;
    size_t rows = clmix_shape_rows(shape), group = clmix_group_size(planner, 64);
    int32_t ranks = clmix_planner_scratch(planner, node, rows * sizeof(float));
    struct clmix_record *record =
        clmix_record_few(planner, node, "loss.cl", "label_ranks", "label_ranks_few", rows, clmix_shape_columns(shape));

    clmix_record_value(record, node->inputs[LOGITS]);
    clmix_record_value(record, node->inputs[LABEL]);
    clmix_record_value(record, ranks);
    record = clmix_record_kernel(planner, node, "loss.cl", "count_ranks");
    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, 1, 1, 1, group);
    clmix_record_uint(record, rows);
    clmix_record_value(record, ranks);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_uint(record, (size_t)attributes->count);
    for (int i = 0; i < MOST_COUNTS; i++)
        clmix_record_uint(record, i < attributes->count ? (size_t)attributes->k[i] : 0);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_top_k = { .name = "top_k", .shape = top_k_shape, .launch = top_k_launch, .cost = loss_cost };

clmix_value clmix_top_k(clmix_value logits, clmix_value label, int count, const int *k)
{
    struct top_k_attributes attributes = { .count = count };

    if (count < 1 || count > MOST_COUNTS)
        return clmix_poison(clmix_here(logits.graph), CLMIX_ERROR_ARGUMENT,
                            "top-k counts for %d values of k; between 1 and %d can be counted at once", count, MOST_COUNTS);
    if (k == NULL)
        return clmix_poison_null(clmix_here(logits.graph), "clmix_top_k", "k");
    for (int i = 0; i < count; i++)
        attributes.k[i] = k[i];
    return clmix_node_add(clmix_here(logits.graph), &clmix_op_top_k, &attributes, sizeof attributes, (clmix_value[]){ logits, label }, 2);
}
