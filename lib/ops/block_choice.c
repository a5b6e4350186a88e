/* The choice of blocks. An order of all blocks of a head: by level, which priors and missing tokens make, then by how far the score is below the
 * largest one of its row, whose bits, as it is not negative, are a number in the same order. The last block's number is found bit by bit, by counting
 * how many are below: nothing is sorted, and no element is added to by two work-items. Kernels: cl/block_choice.cl. */
#include "ops/block_choice.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

enum { SCORES, COUNTS };                   /* inputs */
enum { GRAD_REST, GRAD_DREST, GRAD_DSUM }; /* of the gradient; the last two may be missing, but not both */

#define KEYS_STEP 16 /* of a head's keys, whole vectors */

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status choice_shape(clmix_graph *graph, struct clmix_node *node)
{
    struct clmix_block_choice *choice = node->attributes;
    const clmix_shape scores = clmix_node_input(graph, node, SCORES)->shape, counts = clmix_node_input(graph, node, COUNTS)->shape;
    char text[2][64];
    size_t blocks;

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (scores.rank != 3 || choice->heads == 0 || scores.size[2] != choice->heads * scores.size[1] || counts.rank != 2 ||
        counts.size[0] != scores.size[0] || counts.size[1] != scores.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "blocks are chosen by scores (batch, blocks, heads * blocks) and counts (batch, blocks); "
                          "these are %s and %s, and the heads are %zu",
                          clmix_shape_text(scores, text[0]), clmix_shape_text(counts, text[1]), choice->heads);
    if (choice->count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a choice of 0 blocks; at least one is taken");
    blocks = scores.size[1];
    choice->count = clmix_smaller(choice->count, blocks * blocks);
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_I32, clmix_shape_make(3, (size_t[]){ scores.size[0], choice->heads, choice->count })));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_I32, clmix_shape_make(3, (size_t[]){ scores.size[0], choice->heads, blocks + 1 })));
    if (choice->alone)
        return CLMIX_OK;
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, scores));
    for (int i = CLMIX_CHOICE_SUM; i <= CLMIX_CHOICE_MOST; i++)
        CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ scores.size[0], choice->heads, blocks })));
    return CLMIX_OK;
}

static clmix_status rest_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, GRAD_REST)->shape);
}

static clmix_status choice_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct clmix_block_choice choice = *(const struct clmix_block_choice *)node->attributes;
    clmix_value drest, dsum;

    if (choice.alone || !clmix_backward_wants(backward, node, SCORES))
        return CLMIX_OK;
    drest = clmix_backward_gradient(backward, node, CLMIX_CHOICE_REST);
    dsum = clmix_backward_gradient(backward, node, CLMIX_CHOICE_SUM);
    if (!clmix_is_value(drest) && !clmix_is_value(dsum))
        return CLMIX_OK;
    return clmix_backward_give(backward, node, SCORES,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_block_rest_grad, &choice, sizeof choice,
                                              (clmix_value[]){ clmix_backward_output(backward, node, CLMIX_CHOICE_REST), drest, dsum }, 3));
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

static struct clmix_record *record_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, size_t group)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "block_choice.cl", kernel);

    clmix_record_define(record, "WG", (long)group);
    return record;
}

/* What the choice leaves for the weights of the rest: each row's largest score, each block's key, the key of the last one. */
struct order {
    int32_t most, keys, last;
    size_t keys_pitch;
};

static void record_order(struct clmix_record *record, const struct order *order)
{
    clmix_record_value(record, order->most);
    clmix_record_value(record, order->keys);
    clmix_record_uint(record, order->keys_pitch);
    clmix_record_value(record, order->last);
}

/* A group a head. */
static void launch_choice(struct clmix_planner *planner, const struct clmix_node *node, const struct order *order)
{
    const struct clmix_block_choice *choice = node->attributes;
    const clmix_shape scores = clmix_node_input(clmix_planner_graph(planner), node, SCORES)->shape;
    const size_t group = clmix_group_size(planner, 256);
    struct clmix_record *record = record_kernel(planner, node, "block_choice", group);

    clmix_record_grid(record, choice->heads, scores.size[0], 1, group);
    clmix_record_uint(record, scores.size[1]);
    clmix_record_uint(record, choice->count);
    clmix_record_uint(record, clmix_smaller(choice->first, scores.size[1]));
    clmix_record_uint(record, clmix_smaller(choice->beside, scores.size[1]));
    clmix_record_pitched(planner, record, node->inputs[SCORES]);
    clmix_record_value(record, node->inputs[COUNTS]);
    record_order(record, order);
    clmix_record_value(record, node->outputs[CLMIX_CHOICE_BLOCKS]);
    clmix_record_value(record, node->outputs[CLMIX_CHOICE_BEGINS]);
}

/* A row of a head at a time. */
static struct clmix_record *launch_rows(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel)
{
    const struct clmix_block_choice *choice = node->attributes;
    const clmix_shape scores = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    const size_t group = clmix_group_size(planner, 64), rows = scores.size[0] * scores.size[1] * choice->heads;
    const struct clmix_chunks cut = clmix_chunks_of(planner, rows, 1, clmix_planner_wide(planner) ? 4096 / scores.size[1] + 1 : 1, 0);
    struct clmix_record *record = record_kernel(planner, node, kernel, group);

    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, rows);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, scores.size[1]);
    clmix_record_uint(record, choice->heads);
    return record;
}

static clmix_status choice_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_block_choice *choice = node->attributes;
    const clmix_shape scores = clmix_node_input(clmix_planner_graph(planner), node, SCORES)->shape;
    const size_t heads = scores.size[0] * choice->heads;
    struct order order = { .keys_pitch = clmix_round_up(scores.size[1] * scores.size[1], KEYS_STEP) };
    struct clmix_record *record;

    order.most =
        choice->alone ? clmix_planner_scratch(planner, node, heads * scores.size[1] * sizeof(float)) : node->outputs[CLMIX_CHOICE_MOST];
    /* a vector more, for the last row is read whole */
    order.keys = clmix_planner_scratch(planner, node, (heads * order.keys_pitch + KEYS_STEP) * sizeof(uint32_t));
    order.last = clmix_planner_scratch(planner, node, heads * sizeof(uint32_t));
    launch_choice(planner, node, &order);
    if (choice->alone)
        return CLMIX_OK;
    record = launch_rows(planner, node, "block_rest");
    clmix_record_pitched(planner, record, node->inputs[SCORES]);
    clmix_record_value(record, node->inputs[COUNTS]);
    record_order(record, &order);
    clmix_record_pitched(planner, record, node->outputs[CLMIX_CHOICE_REST]);
    clmix_record_value(record, node->outputs[CLMIX_CHOICE_SUM]);
    return CLMIX_OK;
}

static clmix_status rest_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    struct clmix_record *record = launch_rows(planner, node, "block_rest_grad");

    clmix_record_define(record, "OF_REST", node->inputs[GRAD_DREST] != CLMIX_NONE);
    clmix_record_define(record, "OF_SUM", node->inputs[GRAD_DSUM] != CLMIX_NONE);
    clmix_record_pitched(planner, record, node->inputs[GRAD_REST]);
    clmix_record_pitched(planner, record, node->inputs[GRAD_DREST]);
    clmix_record_value(record, node->inputs[GRAD_DSUM]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_block_choice = {
    .name = "block_choice",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << COUNTS,
    .shape = choice_shape,
    .backward = choice_backward,
    .launch = choice_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};
const struct clmix_op clmix_op_block_rest_grad = {
    .name = "block_rest_grad",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << GRAD_DSUM,
    .shape = rest_grad_shape,
    .launch = rest_grad_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_block_choice(clmix_value scores, clmix_value counts, struct clmix_block_choice choice)
{
    const clmix_value inputs[] = { scores, counts };

    return clmix_node_add(clmix_here(scores.graph), &clmix_op_block_choice, &choice, sizeof choice, inputs, 2);
}
