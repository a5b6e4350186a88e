/* Some tokens of each sample, by their places. The gradient goes back to where they were. Kernels: cl/take.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/sequence.h>

#define MOST_GROUPS 1024 /* of the gradient's tokens in the simt form: each reads a few samples' places */

struct take_attributes {
    size_t tokens; /* of a sample */
};

enum { X, PLACES }; /* inputs; X is dy in the gradient */

static size_t tokens_of(const struct clmix_node *node)
{
    return ((const struct take_attributes *)node->attributes)->tokens;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, X), *places = clmix_node_input(graph, node, PLACES);
    char text[2][64];

    if (x->type != CLMIX_F32 || x->shape.rank != 3 || places->type != CLMIX_I32 || places->shape.rank != 2 ||
        places->shape.size[0] != x->shape.size[0])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "tokens f32 (batch, tokens, channels) are taken at places i32 (batch, places); these are %s%s and %s%s",
                          clmix_shape_text(x->shape, text[0]), x->type == CLMIX_F32 ? "" : ", not f32",
                          clmix_shape_text(places->shape, text[1]), places->type == CLMIX_I32 ? "" : ", not i32");
    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(3, (size_t[]){ x->shape.size[0], places->shape.size[1], x->shape.size[2] }));
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    return clmix_give_through(backward, node, &clmix_op_take_tokens_grad, node->attributes, sizeof(struct take_attributes),
                              clmix_backward_input(backward, node, PLACES));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout y = clmix_planner_layout(planner, node->outputs[0]);
    struct clmix_record *record = clmix_record_rows(planner, node, "take.cl", "take_tokens", y.rows, y.columns, false);

    clmix_record_uint(record, tokens_of(node));
    clmix_record_uint(record, clmix_node_input(clmix_planner_graph(planner), node, PLACES)->shape.size[1]);
    clmix_record_value(record, node->inputs[PLACES]);
    clmix_record_pitched(planner, record, node->inputs[X]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_bytes(record, (uint64_t)y.rows * (8 * y.columns + 4));
    return CLMIX_OK;
}

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes =
        (uint64_t)8 * clmix_result_count(graph, node, 0) + (uint64_t)4 * clmix_shape_count(clmix_node_input(graph, node, PLACES)->shape);
}

const struct clmix_op clmix_op_take_tokens = {
    .name = "take_tokens",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << PLACES,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_take_tokens(clmix_value x, clmix_value places)
{
    const clmix_shape shape = clmix_shape_of(x);
    const struct take_attributes attributes = { .tokens = shape.rank == 3 ? shape.size[1] : 0 };
    const clmix_value inputs[2] = { x, places };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_take_tokens, inputs, 2);
    return clmix_node_add(at, &clmix_op_take_tokens, &attributes, sizeof attributes, inputs, 2);
}

/* ---- gradient ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(graph, node, X)->shape;

    shape.size[1] = tokens_of(node);
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_layout dy = clmix_planner_layout(planner, node->inputs[X]), dx = clmix_planner_layout(planner, node->outputs[0]);
    const bool wide = clmix_planner_wide(planner);
    const size_t group = clmix_group_size(planner, 64), least = wide ? 4096 / dx.columns + 1 : clmix_ceil_div(dx.rows, MOST_GROUPS);
    const struct clmix_chunks cut = clmix_chunks_of(planner, dx.rows, 1, least, 0);
    struct clmix_record *record = clmix_record_kernel(planner, node, "take.cl", "take_tokens_grad");

    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, dx.rows);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, dx.columns);
    clmix_record_uint(record, tokens_of(node));
    clmix_record_uint(record, clmix_node_input(clmix_planner_graph(planner), node, PLACES)->shape.size[1]);
    clmix_record_value(record, node->inputs[PLACES]);
    clmix_record_pitched(planner, record, node->inputs[X]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_bytes(record, (uint64_t)4 * (dx.rows * dx.columns + 3 * dy.rows * dy.columns + dy.rows));
    return CLMIX_OK;
}

const struct clmix_op clmix_op_take_tokens_grad = {
    .name = "take_tokens_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << PLACES,
    .shape = gradient_shape,
    .launch = gradient_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};
