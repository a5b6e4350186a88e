/* Rotary position embedding (Su et al. 2021): the pairs of each head's elements turned by angles of a table. The gradient is the turn back.
 * Kernel: cl/rotary.cl. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/mixing.h>
#include <math.h>

struct rotary_attributes {
    size_t heads;
    clmix_rotary_form form;
    bool back;
};

/* ---- the table -------------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_rotary_fill(void *values, clmix_shape shape, const void *data)
{
    const size_t half = shape.size[1] / 2;

    (void)data;
    CLMIX_NEED(values);
    for (size_t j = 0; j < half; j++) {
        const float frequency = (float)pow(10000.0, -(double)j / (double)half);

        for (size_t p = 0; p < shape.size[0]; p++) {
            float *row = (float *)values + p * 2 * half;
            const float angle = (float)p * frequency;

            row[j] = sinf(angle);
            row[half + j] = cosf(angle);
        }
    }
    return CLMIX_OK;
}

clmix_value clmix_rotary_table(clmix_graph *graph, size_t rows, size_t width)
{
    if (width % 2 != 0)
        return clmix_poison(clmix_here(graph), CLMIX_ERROR_ARGUMENT, "a rotary table for heads of width %zu; pairs need an even one",
                            width);
    return clmix_constant(graph, CLMIX_F32, 2, (const size_t[]){ rows, width }, clmix_rotary_fill, NULL, 0);
}

/* ---- the op ----------------------------------------------------------------------------------------------------------------------------- */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct rotary_attributes *attributes = node->attributes;
    const clmix_shape x = clmix_node_input(graph, node, 0)->shape, table = clmix_node_input(graph, node, 1)->shape;
    char text[64], other[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    clmix_shape_text(x, text);
    if (attributes->form != CLMIX_ROTARY_PAIRS && attributes->form != CLMIX_ROTARY_HALVES)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a rotary form of %d; there is none", (int)attributes->form);
    if (x.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "tokens (batch, tokens, channels) are turned, and these values are %s", text);
    if (x.size[2] % attributes->heads != 0 || x.size[2] / attributes->heads % 2 != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the channels of %s cannot be cut into %zu heads of even width", text, attributes->heads);
    if (table.rank != 2 || table.size[1] != x.size[2] / attributes->heads || table.size[0] < x.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the table for %s and %zu heads has at least %zu rows of %zu sines and cosines; this one is %s", text,
                          attributes->heads, x.size[1], x.size[2] / attributes->heads, clmix_shape_text(table, other));
    return clmix_node_declare(graph, node, CLMIX_F32, x);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct rotary_attributes attributes = *(const struct rotary_attributes *)node->attributes;

    attributes.back = !attributes.back;
    return clmix_give_through(backward, node, &clmix_op_rotary, &attributes, sizeof attributes, clmix_backward_input(backward, node, 1));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct rotary_attributes *attributes = node->attributes;
    const size_t tokens = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape.size[1];
    const struct clmix_layout y = clmix_planner_layout(planner, node->outputs[0]);
    struct clmix_record *record = clmix_record_rows(planner, node, "rotary.cl", "rotary", y.rows, y.columns, false);

    clmix_record_define(record, "HALVES", attributes->form == CLMIX_ROTARY_HALVES);
    clmix_record_uint(record, tokens);
    clmix_record_uint(record, y.columns / attributes->heads);
    clmix_record_float(record, attributes->back ? -1.0f : 1.0f);
    clmix_record_pitched(planner, record, node->inputs[0]);
    clmix_record_pitched(planner, record, node->inputs[1]);
    clmix_record_pitched(planner, record, node->outputs[0]);
    return CLMIX_OK;
}

/* Four products, a sum and a difference a pair. */
static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops *= 3;
}

const struct clmix_op clmix_op_rotary = {
    .name = "rotary",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << 1, /* the table */
};

clmix_value clmix_rotary(clmix_value x, clmix_value table, size_t heads, clmix_rotary_form form)
{
    const struct rotary_attributes attributes = { .heads = heads > 0 ? heads : 1, .form = form };
    const clmix_value inputs[2] = { x, table };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_rotary, inputs, 2);
    return clmix_node_add(at, &clmix_op_rotary, &attributes, sizeof attributes, inputs, 2);
}
