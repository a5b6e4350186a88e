/* Integers of sequences: a token in front, numbers of tokens, places of labels. None has a gradient. Kernels: cl/ids.cl. */
#include "base/size.h"
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/sequence.h>

#define LENGTH 64 /* tokens that a work-item numbers, after counting those before */

struct ids_attributes {
    long id;     /* to be put in front, or the number of the first token */
    size_t most; /* places */
};

static const struct ids_attributes *attributes_of(const struct clmix_node *node)
{
    return node->attributes;
}

static clmix_status expect_ids(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_tensor *ids = clmix_node_input(graph, node, 0);
    char text[64];

    if (ids->type != CLMIX_I32 || ids->shape.rank != 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "ids, masks and labels of tokens are i32 (batch, tokens); these are %s of %s",
                          clmix_shape_text(ids->shape, text),
                          ids->type == CLMIX_I32   ? "i32"
                          : ids->type == CLMIX_F32 ? "f32"
                                                   : "u8");
    return CLMIX_OK;
}

static clmix_status shape_of_ids(clmix_graph *graph, struct clmix_node *node)
{
    CLMIX_TRY(expect_ids(graph, node));
    return clmix_node_declare(graph, node, CLMIX_I32, clmix_node_input(graph, node, 0)->shape);
}

static clmix_value add_ids(const struct clmix_op *op, clmix_value ids, struct ids_attributes attributes)
{
    return clmix_node_add(clmix_here(ids.graph), op, &attributes, sizeof attributes, &ids, 1);
}

/* ---- a token in front ------------------------------------------------------------------------------------------------------------------ */

static clmix_status push_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape ids = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    struct clmix_record *record = clmix_record_elements(planner, node, "ids.cl", "push_id", clmix_shape_count(ids), 1);

    clmix_record_uint(record, ids.size[1]);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_int(record, attributes_of(node)->id);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_push_id = {
    .name = "push_id",
    .shape = shape_of_ids,
    .launch = push_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_push_id(clmix_value ids, int id)
{
    return add_ids(&clmix_op_push_id, ids, (struct ids_attributes){ .id = id });
}

/* ---- numbers of tokens ----------------------------------------------------------------------------------------------------------------- */

static clmix_status numbers_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape mask = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    struct clmix_record *record =
        clmix_record_elements(planner, node, "ids.cl", "token_numbers", mask.size[0] * clmix_ceil_div(mask.size[1], LENGTH), 1);

    clmix_record_define(record, "LENGTH", LENGTH);
    clmix_record_uint(record, mask.size[1]);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_int(record, attributes_of(node)->id);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_token_numbers = {
    .name = "token_numbers",
    .shape = shape_of_ids,
    .launch = numbers_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_token_numbers(clmix_value mask, int first)
{
    return add_ids(&clmix_op_token_numbers, mask, (struct ids_attributes){ .id = first });
}

/* ---- places of labels ------------------------------------------------------------------------------------------------------------------ */

static clmix_status places_shape(clmix_graph *graph, struct clmix_node *node)
{
    const clmix_shape labels = clmix_node_input(graph, node, 0)->shape;
    const size_t most = attributes_of(node)->most;
    clmix_shape places;

    CLMIX_TRY(expect_ids(graph, node));
    if (most == 0 || most > labels.size[1])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "places of %zu labelled tokens; of %zu tokens 1 to %zu can be asked for", most,
                          labels.size[1], labels.size[1]);
    places = clmix_shape_make(2, (size_t[]){ labels.size[0], most });
    CLMIX_TRY(clmix_node_declare(graph, node, CLMIX_I32, places));
    return clmix_node_declare(graph, node, CLMIX_I32, places);
}

static clmix_status places_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const clmix_shape labels = clmix_node_input(clmix_planner_graph(planner), node, 0)->shape;
    struct clmix_record *record = clmix_record_elements(planner, node, "ids.cl", "labelled_places", labels.size[0], 1);

    clmix_record_uint(record, labels.size[1]);
    clmix_record_uint(record, attributes_of(node)->most);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_value(record, node->outputs[1]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_labelled_places = {
    .name = "labelled_places",
    .shape = places_shape,
    .launch = places_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_of_samples,
};

clmix_value clmix_labelled_places(clmix_value labels, size_t most, clmix_value *labelled)
{
    const clmix_value places = add_ids(&clmix_op_labelled_places, labels, (struct ids_attributes){ .most = most });

    if (labelled != NULL)
        *labelled = clmix_is_value(places) ? clmix_node_output(places, 1) : places;
    return places;
}
