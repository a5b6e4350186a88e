/* Tokens of a map in the order of its patches, and back: moves of rows, with the copy kernel of cl/shape.cl. */
#include "base/status.h"
#include "ops/rules.h"
#include "ops/shape.h"
#include "ops/table.h"

#include <clmix/mixing.h>

struct order {
    size_t height, width; /* of the map */
    size_t patch_height, patch_width;
    bool back; /* from the order of patches to that of rows */
};

static clmix_status order_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct order *order = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    char text[64];

    if (x->type == CLMIX_U8 || x->shape.rank < 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "f32 or i32 tokens (batch, tokens, ...) are put in the order of patches, and these are %s",
                          clmix_shape_text(x->shape, text));
    if (order->patch_height == 0 || order->patch_width == 0 || order->height % order->patch_height != 0 ||
        order->width % order->patch_width != 0 || order->height * order->width == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "patches of %zux%zu do not cover a map of %zux%zu", order->patch_height, order->patch_width,
                          order->height, order->width);
    if (x->shape.size[1] != order->height * order->width)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu tokens are no map of %zux%zu", x->shape.size[1], order->height, order->width);
    return clmix_node_declare(graph, node, x->type, x->shape);
}

static clmix_status order_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct order order = *(const struct order *)node->attributes;

    order.back = !order.back;
    return clmix_give_through(backward, node, &clmix_op_patch_order, &order, sizeof order, clmix_no_value());
}

/* A row of all patches at a time: runs of a patch's width, `columns` a token. */
static clmix_status order_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct order *order = node->attributes;
    const clmix_shape shape = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    const size_t columns = clmix_shape_count(shape) / (shape.size[0] * shape.size[1]), run = order->patch_width * columns,
                 band = order->patch_height * order->width * columns;

    for (size_t row = 0; row < order->patch_height; row++) {
        const struct clmix_run_places by_rows = { .first = row * order->width * columns, .outer = band, .inner = run },
                                      by_patches = { .first = row * run, .outer = band, .inner = order->patch_height * run };

        clmix_record_copy(planner, node,
                          (struct clmix_runs){ .outer = shape.size[0] * (order->height / order->patch_height),
                                               .inner = order->width / order->patch_width,
                                               .columns = run,
                                               .from = order->back ? by_patches : by_rows,
                                               .to = order->back ? by_rows : by_patches },
                          node->inputs[0], node->outputs[0]);
    }
    return CLMIX_OK;
}

static void order_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 0;
}

const struct clmix_op clmix_op_patch_order = {
    .name = "patch_order",
    .shape = order_shape,
    .backward = order_backward,
    .launch = order_launch,
    .cost = order_cost,
    .parts = clmix_parts_by_sample,
};

clmix_value clmix_patch_order(clmix_value x, const size_t map[2], const size_t patch[2], bool back)
{
    struct order order;

    if (map == NULL || patch == NULL)
        return clmix_poison_null(clmix_here(x.graph), "clmix_patch_order", map == NULL ? "map" : "patch");
    order = (struct order){ map[0], map[1], patch[0], patch[1], back };
    return clmix_node_add(clmix_here(x.graph), &clmix_op_patch_order, &order, sizeof order, &x, 1);
}
