/* Pictures of bytes to floats of mean 0 and std 1. Kernel: cl/normalize.cl. */
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>
#include <math.h>

#define MOST_CHANNELS 4

struct normalize_attributes {
    float mean[MOST_CHANNELS], std[MOST_CHANNELS];
};

static clmix_status normalize_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct normalize_attributes *attributes = node->attributes;
    const struct clmix_tensor *x = clmix_node_input(graph, node, 0);
    size_t channels = clmix_shape_columns(x->shape);
    char text[64];

    if (x->type != CLMIX_U8 || x->shape.rank != 4 || channels > MOST_CHANNELS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "normalisation of %s; it takes u8 pictures (batch, height, width, at most %d channels)",
                          clmix_shape_text(x->shape, text), MOST_CHANNELS);
    for (size_t c = 0; c < channels; c++)
        if (!(attributes->std[c] > 0.0f) || !isfinite(attributes->mean[c]))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "normalisation of channel %zu by mean %g and std %g; the std must be positive", c,
                              (double)attributes->mean[c], (double)attributes->std[c]);
    return clmix_node_declare(graph, node, CLMIX_F32, x->shape);
}

static clmix_status normalize_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct normalize_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_result(clmix_planner_graph(planner), node, 0)->shape;
    size_t channels = clmix_shape_columns(shape);
    struct clmix_record *record =
        clmix_record_elements(planner, node, "normalize.cl", "normalize_pictures", clmix_shape_count(shape), 64 * channels);

    clmix_record_define(record, "CHANNELS", (long)channels);
    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    for (size_t c = 0; c < MOST_CHANNELS; c++)
        clmix_record_float(record, c < channels ? (float)(1.0 / (255.0 * (double)attributes->std[c])) : 0.0f);
    for (size_t c = 0; c < MOST_CHANNELS; c++)
        clmix_record_float(record, c < channels ? -attributes->mean[c] / attributes->std[c] : 0.0f);
    return CLMIX_OK;
}

static void normalize_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops *= 2;
}

const struct clmix_op clmix_op_normalize = {
    .name = "normalize",
    .shape = normalize_shape,
    .launch = normalize_launch,
    .cost = normalize_cost,
    .parts = clmix_parts_by_row,
};

clmix_value clmix_normalize(clmix_value pictures, const float *mean, const float *std)
{
    struct normalize_attributes attributes = { .mean = { 0.0f } };
    size_t channels = clmix_shape_columns(clmix_shape_of(pictures));

    if (mean == NULL || std == NULL)
        return clmix_poison_null(clmix_here(pictures.graph), "clmix_normalize", mean == NULL ? "mean" : "std");
    for (size_t c = 0; c < channels && c < MOST_CHANNELS; c++) {
        attributes.mean[c] = mean[c];
        attributes.std[c] = std[c];
    }
    return clmix_node_add(clmix_here(pictures.graph), &clmix_op_normalize, &attributes, sizeof attributes, &pictures, 1);
}
