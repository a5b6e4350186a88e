/* What lets a weight of a token depend on the tokens before: means of those up to each token, and a product with a table of tokens. Kernels:
 * cl/tokens.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/features.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#define CHANNELS    4   /* of a work-item */
#define LEAST_CHUNK 64  /* tokens */
#define MOST_CHUNKS 256 /* each of which adds up those before */

/* ---- running means ------------------------------------------------------------------------------------------------------------------- */

enum { X, MASK, SHARE }; /* inputs; the last one of the gradient */

static clmix_status means_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_tensor *x = clmix_node_input(graph, node, X);
    char text[64];

    if (x->type != CLMIX_F32 || x->shape.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "running means are of f32 tokens (batch, tokens, channels), and these values are %s",
                          clmix_shape_text(x->shape, text));
    CLMIX_TRY(clmix_expect_mask(clmix_node_input(graph, node, MASK), x->shape));
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_F32, x->shape));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, x->shape.size));
}

static clmix_status means_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, X)->shape);
}

static clmix_status means_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const clmix_value dy = clmix_backward_gradient(backward, node, 0);

    if (!clmix_is_value(dy) || !clmix_backward_wants(backward, node, X))
        return CLMIX_OK;
    return clmix_backward_give(
        backward, node, X,
        clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_running_means_grad, NULL, 0,
                       (clmix_value[]){ dy, clmix_backward_input(backward, node, MASK), clmix_backward_output(backward, node, 1) }, 3));
}

/* Chunks of tokens, each with its channels. */
struct chunks {
    size_t batch, tokens, columns, length, count;
};

static struct clmix_record *launch_chunks(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                          const struct chunks *chunks, int32_t share)
{
    struct clmix_record *record = clmix_record_elements(planner, node, "tokens.cl", kernel,
                                                        chunks->batch * chunks->count * clmix_ceil_div(chunks->columns, CHANNELS), 1);

    clmix_record_define(record, "VW", CHANNELS);
    clmix_record_define(record, "BACK", node->op == &clmix_op_running_means_grad);
    clmix_record_define(record, "MASKED", node->inputs[MASK] != CLMIX_NONE);
    clmix_record_uint(record, chunks->tokens);
    clmix_record_uint(record, chunks->columns);
    clmix_record_uint(record, chunks->length);
    clmix_record_uint(record, chunks->count);
    clmix_record_pitched(planner, record, node->inputs[X]);
    clmix_record_value(record, node->inputs[MASK]);
    clmix_record_value(record, share);
    return record;
}

static clmix_status means_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(clmix_planner_graph(planner), node, X)->shape;
    const size_t length = clmix_larger(LEAST_CHUNK, clmix_ceil_div(x.size[1], MOST_CHUNKS));
    const struct chunks chunks = { x.size[0], x.size[1], x.size[2], length, clmix_ceil_div(x.size[1], length) };
    const int32_t share = node->op == &clmix_op_running_means_grad ? node->inputs[SHARE] : node->outputs[1],
                  partial = clmix_planner_scratch(planner, node, chunks.batch * chunks.count * (chunks.columns + CHANNELS) * sizeof(float));
    struct clmix_record *record = launch_chunks(planner, node, "running_sums", &chunks, share);

    clmix_record_value(record, partial);
    clmix_record_flops(record, 0);
    record = launch_chunks(planner, node, "running_means", &chunks, share);
    clmix_record_value(record, partial);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_running_means = {
    .name = "running_means",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << MASK,
    .shape = means_shape,
    .backward = means_backward,
    .launch = means_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

const struct clmix_op clmix_op_running_means_grad = {
    .name = "running_means_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << MASK | 1U << SHARE,
    .shape = means_grad_shape,
    .launch = means_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_running_means(clmix_value x, clmix_value mask)
{
    const clmix_value inputs[2] = { x, mask };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_running_means, inputs, 1);
    return clmix_node_add(at, &clmix_op_running_means, NULL, 0, inputs, 2);
}

/* ---- products with a table --------------------------------------------------------------------------------------------------------------- */

struct dots_attributes {
    size_t heads;
};

enum { DOTS_X, DOTS_TABLE };

static size_t heads_of(const struct clmix_node *node)
{
    return ((const struct dots_attributes *)node->attributes)->heads;
}

static clmix_status dots_shape(clmix_graph *graph, struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(graph, node, DOTS_X)->shape, table = clmix_node_input(graph, node, DOTS_TABLE)->shape;
    const size_t heads = heads_of(node);
    char text[2][64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (x.rank != 3 || table.rank != 2 || x.size[2] != heads * table.size[0] || x.size[1] != table.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "tokens (batch, tokens, %zu heads side by side) have a table (width of a head, tokens); these are %s and %s",
                          heads, clmix_shape_text(x, text[0]), clmix_shape_text(table, text[1]));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ x.size[0], heads, x.size[1] }));
}

/* Of dy (batch, heads, tokens) and the table. */
static clmix_status dots_grad_shape(clmix_graph *graph, struct clmix_node *node)
{
    const clmix_shape dy = clmix_node_input(graph, node, 0)->shape, table = clmix_node_input(graph, node, 1)->shape;

    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(3, (size_t[]){ dy.size[0], dy.size[2], dy.size[1] * table.size[0] }));
}

/* Of dy and x. */
static clmix_status dots_table_shape(clmix_graph *graph, struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(graph, node, 1)->shape;

    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, (size_t[]){ x.size[2] / heads_of(node), x.size[1] }));
}

static clmix_status dots_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct dots_attributes attributes = *(const struct dots_attributes *)node->attributes;
    const clmix_scope at = clmix_backward_scope(backward, node);
    clmix_value inputs[2] = { clmix_backward_gradient(backward, node, 0) };

    if (!clmix_is_value(inputs[0]))
        return CLMIX_OK;
    if (clmix_backward_wants(backward, node, DOTS_X)) {
        inputs[1] = clmix_backward_input(backward, node, DOTS_TABLE);
        CLMIX_TRY(clmix_backward_give(backward, node, DOTS_X,
                                      clmix_node_add(at, &clmix_op_token_dots_grad, &attributes, sizeof attributes, inputs, 2)));
    }
    if (!clmix_backward_wants(backward, node, DOTS_TABLE))
        return CLMIX_OK;
    inputs[1] = clmix_backward_input(backward, node, DOTS_X);
    return clmix_backward_give(backward, node, DOTS_TABLE,
                               clmix_node_add(at, &clmix_op_token_dots_table, &attributes, sizeof attributes, inputs, 2));
}

/* Sizes of a launch over the elements of output 0. */
static struct clmix_record *launch_dots(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel, size_t tokens,
                                        size_t width)
{
    struct clmix_record *record =
        clmix_record_elements(planner, node, "tokens.cl", kernel, clmix_result_count(clmix_planner_graph(planner), node, 0), 1);

    clmix_record_uint(record, tokens);
    clmix_record_uint(record, heads_of(node));
    clmix_record_uint(record, width);
    return record;
}

static clmix_status dots_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape table = clmix_node_input(clmix_planner_graph(planner), node, DOTS_TABLE)->shape;
    struct clmix_record *record = launch_dots(planner, node, "token_dots", table.size[1], table.size[0]);

    clmix_record_pitched(planner, record, node->inputs[DOTS_X]);
    clmix_record_pitched(planner, record, node->inputs[DOTS_TABLE]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status dots_grad_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape table = clmix_node_input(clmix_planner_graph(planner), node, 1)->shape;
    struct clmix_record *record = launch_dots(planner, node, "token_dots_grad", table.size[1], table.size[0]);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status dots_table_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(clmix_planner_graph(planner), node, 1)->shape;
    struct clmix_record *record = launch_dots(planner, node, "token_dots_table", x.size[1], x.size[2] / heads_of(node));

    clmix_record_uint(record, x.size[0]);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_token_dots = {
    .name = "token_dots",
    .flags = CLMIX_OP_STRIDED,
    .shape = dots_shape,
    .backward = dots_backward,
    .launch = dots_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
    .same = 1U << DOTS_TABLE,
};

const struct clmix_op clmix_op_token_dots_grad = {
    .name = "token_dots_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << 0,
    .shape = dots_grad_shape,
    .launch = dots_grad_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
    .same = 1U << DOTS_TABLE,
};

const struct clmix_op clmix_op_token_dots_table = {
    .name = "token_dots_table",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << 0,
    .shape = dots_table_shape,
    .launch = dots_table_launch,
    .cost = clmix_cost_moved,
};

clmix_value clmix_token_dots(clmix_value x, clmix_value table, size_t heads)
{
    const struct dots_attributes attributes = { .heads = heads > 0 ? heads : 1 };
    const clmix_value inputs[2] = { x, table };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_token_dots, inputs, 2);
    return clmix_node_add(at, &clmix_op_token_dots, &attributes, sizeof attributes, inputs, 2);
}
