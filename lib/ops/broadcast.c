/* Additions: of two values of one shape, or of a value to each of several of its shape that lie one behind another in a larger one, such as
 * positions to the tokens of every sample and a bias to every row. The smaller one's gradient is the sum over these. Kernels:
 * cl/broadcast.cl, cl/arithmetic.cl. */
#include "base/status.h"
#include "ops/column_sum.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

/* Whether the axes of `part`, leading ones of size 1 left out, are the last ones of `whole`. */
static bool is_part(clmix_shape whole, clmix_shape part)
{
    int first = 0;

    while (first < part.rank && part.size[first] == 1)
        first++;
    if (part.rank - first > whole.rank)
        return false;
    for (int i = first; i < part.rank; i++)
        if (part.size[i] != whole.size[whole.rank - part.rank + i])
            return false;
    return true;
}

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    CLMIX_TRY(clmix_expect_f32(graph, node));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, 0)->shape);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value dy = clmix_backward_gradient(backward, node, 0);

    if (!clmix_is_value(dy))
        return CLMIX_OK;
    CLMIX_TRY(clmix_backward_give(backward, node, 0, dy));
    if (!clmix_backward_wants(backward, node, 1))
        return CLMIX_OK;
    return clmix_backward_give(backward, node, 1,
                               clmix_sum_of_parts(clmix_backward_scope(backward, node), dy,
                                                  clmix_node_input(clmix_backward_graph(backward), node, 1)->shape));
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    struct clmix_record *record =
        clmix_record_elements(planner, node, "broadcast.cl", "add_repeated", clmix_result_count(graph, node, 0), 64);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_uint(record, clmix_shape_count(clmix_node_input(graph, node, 1)->shape));
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

/* The smaller value has no batch: then each sample holds it a whole number of times, or else each row does. */
static bool parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                  struct clmix_parts *outputs)
{
    const clmix_graph *graph = clmix_planner_graph(planner);
    const size_t columns = clmix_shape_columns(clmix_node_input(graph, node, 0)->shape),
                 period = clmix_shape_count(clmix_node_input(graph, node, 1)->shape);

    if (inputs[1].count != 0 || (columns % period != 0 && (inputs[0].count != 1 || inputs[0].rows[0] * columns % period != 0)))
        return false;
    return clmix_parts_by_row(planner, node, inputs, outputs);
}

const struct clmix_op clmix_op_add_repeated = {
    .name = "add_repeated",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = shape,
    .backward = backward,
    .launch = launch,
    .cost = clmix_cost_moved,
    .parts = parts,
};

clmix_value clmix_add(clmix_value a, clmix_value b)
{
    const clmix_shape first = clmix_shape_of(a), second = clmix_shape_of(b);
    const bool apart = clmix_is_value(a) && clmix_is_value(b) && a.graph == b.graph && !clmix_shape_equal(first, second),
               swapped = apart && is_part(second, first) && (second.rank > first.rank || !is_part(first, second));
    clmix_value inputs[2] = { swapped ? b : a, swapped ? a : b };
    char text[2][64];

    if (apart && !swapped && !is_part(first, second))
        return clmix_poison(clmix_here(a.graph), CLMIX_ERROR_ARGUMENT,
                            "add: values of one shape are needed, or two of which one has the last axes of the other; these are %s and %s",
                            clmix_shape_text(first, text[0]), clmix_shape_text(second, text[1]));
    return clmix_node_add(clmix_here(a.graph), apart ? &clmix_op_add_repeated : &clmix_op_add, NULL, 0, inputs, 2);
}
