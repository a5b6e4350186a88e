/* Performer's random features (Choromanski et al. 2021): the op, the maximum that keys share, and the gradient, which forms them again. Both
 * maxima are differentiated. Kernels: cl/features.cl. */
#include "ops/features.h"

#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

struct attributes {
    size_t heads;
    clmix_performer_options options;
};

static bool has_peaks(const clmix_performer_options *options)
{
    return options->kernel == CLMIX_PERFORMER_SOFTMAX && options->maximum != CLMIX_MAXIMUM_TOKEN;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

struct clmix_features clmix_features_of(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape projection = clmix_node_input(graph, node, CLMIX_FEATURES_PROJECTION)->shape;

    return (struct clmix_features){
        .heads = attributes->heads, .width = projection.size[1], .features = projection.size[0], .options = attributes->options
    };
}

size_t clmix_features_floats(const struct clmix_features *features)
{
    return 2 * (clmix_padded(features->features) + clmix_padded(features->width));
}

static clmix_status check(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape,
                      projection = clmix_node_input(graph, node, CLMIX_FEATURES_PROJECTION)->shape;
    char text[64], other[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    clmix_shape_text(x, text);
    clmix_shape_text(projection, other);
    if (attributes->options.kernel != CLMIX_PERFORMER_SOFTMAX && attributes->options.kernel != CLMIX_PERFORMER_RELU)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a performer kernel of %d; there is none", (int)attributes->options.kernel);
    if (attributes->options.maximum < CLMIX_MAXIMUM_TOKEN || attributes->options.maximum > CLMIX_MAXIMUM_BATCH)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a maximum of %d; there is none", (int)attributes->options.maximum);
    if (x.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "features are those of tokens (batch, tokens, channels), and these values are %s", text);
    if (projection.rank != 2 || projection.size[0] == 0 || projection.size[1] * attributes->heads != x.size[2])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the projection for %zu head%s of %s is (features, %zu); this one is %s", attributes->heads,
                          attributes->heads == 1 ? "" : "s", text, x.size[2] / attributes->heads, other);
    if (2 * (clmix_padded(projection.size[0]) + clmix_padded(projection.size[1])) > CLMIX_TILE_MOST)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu features of heads of width %zu; both together may be %d", projection.size[0],
                          projection.size[1], CLMIX_TILE_MOST / 2 - 32);
    return CLMIX_OK;
}

static clmix_status features_shape(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;
    struct clmix_features features;

    CLMIX_TRY(check(graph, node));
    features = clmix_features_of(graph, node);
    shape.size[2] = features.heads * features.features;
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

static clmix_status peaks_shape(clmix_graph *graph, struct clmix_node *node)
{
    CLMIX_TRY(check(graph, node));
    return clmix_node_declare(graph, node, CLMIX_F32,
                              clmix_shape_make(2, (size_t[]){ clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape.size[0], 2 }));
}

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct attributes attributes = *(const struct attributes *)node->attributes;
    const clmix_value dphi = clmix_backward_gradient(backward, node, 0);

    if (!clmix_is_value(dphi) || !clmix_backward_wants(backward, node, CLMIX_FEATURES_X))
        return CLMIX_OK;
    return clmix_backward_give(
        backward, node, CLMIX_FEATURES_X,
        clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_performer_features_grad, &attributes, sizeof attributes,
                       (clmix_value[]){ [CLMIX_FEATURES_X] = clmix_backward_input(backward, node, CLMIX_FEATURES_X),
                                        [CLMIX_FEATURES_PROJECTION] = clmix_backward_input(backward, node, CLMIX_FEATURES_PROJECTION),
                                        [CLMIX_FEATURES_PEAKS] = clmix_backward_input(backward, node, CLMIX_FEATURES_PEAKS),
                                        [CLMIX_FEATURES_DPHI] = dphi },
                       4));
}

/* The product with the projection, and some twenty FLOPs a feature for its exponential. */
uint64_t clmix_features_flops(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(graph, node);
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;

    return (uint64_t)x.size[0] * x.size[1] * features.heads * features.features *
           (2 * features.width + (features.options.kernel == CLMIX_PERFORMER_SOFTMAX ? 20 : 2));
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

void clmix_features_define(struct clmix_record *record, const struct clmix_features *features)
{
    clmix_record_define(record, "D", (long)features->width);
    clmix_record_define(record, "M", (long)features->features);
    clmix_record_define(record, "FEATURES", features->options.kernel == CLMIX_PERFORMER_RELU ? 0 : has_peaks(&features->options) ? 2 : 1);
}

void clmix_features_push(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *features_node, int32_t table)
{
    clmix_record_pitched(planner, record, features_node->inputs[CLMIX_FEATURES_X]);
    clmix_record_value(record, table);
    clmix_record_value(record, features_node->inputs[CLMIX_FEATURES_PEAKS]);
}

int32_t clmix_features_plan_table(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), features_node);
    const size_t count = features.width * clmix_padded(features.features) + features.features * clmix_padded(features.width);
    const int32_t table = clmix_planner_scratch(planner, node, count * sizeof(float));
    struct clmix_record *record = clmix_record_elements(planner, node, "features.cl", "performer_table", count, 1);

    clmix_features_define(record, &features);
    clmix_record_value(record, features_node->inputs[CLMIX_FEATURES_PROJECTION]);
    clmix_record_value(record, table);
    clmix_record_flops(record, 0);
    return table;
}

static struct clmix_token_tiles tiles_of(const struct clmix_planner *planner, const struct clmix_node *node,
                                         const struct clmix_features *features)
{
    return clmix_token_tiles_of(planner, clmix_node_input(clmix_planner_graph(planner), node, CLMIX_FEATURES_X)->shape, features->heads,
                                clmix_features_floats(features), 1, 1);
}

static struct clmix_record *launch_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                         const struct clmix_features *features, const struct clmix_token_tiles *tiles)
{
    struct clmix_record *record = clmix_record_tiles(planner, node, "features.cl", kernel, tiles, 1);

    clmix_features_define(record, features);
    return record;
}

static clmix_status peaks_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, &features);
    const size_t scopes = features.options.maximum == CLMIX_MAXIMUM_BATCH ? 1 : tiles.batch,
                 groups = tiles.batch * tiles.heads * tiles.chunks;
    const int32_t table = clmix_features_plan_table(planner, node, node),
                  partial = clmix_planner_scratch(planner, node, 2 * groups * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "performer_peaks", &features, &tiles);

    clmix_record_pitched(planner, record, node->inputs[CLMIX_FEATURES_X]);
    clmix_record_value(record, table);
    clmix_record_value(record, partial);
    clmix_record_flops(record, clmix_features_flops(clmix_planner_graph(planner), node));
    record = clmix_record_kernel(planner, node, "features.cl", "performer_peak");
    clmix_record_define(record, "TOKENS", (long)tiles.tile);
    clmix_record_define(record, "WG", (long)tiles.group);
    clmix_features_define(record, &features);
    clmix_record_grid(record, scopes, 1, 1, tiles.group);
    clmix_record_uint(record, groups / scopes);
    clmix_record_uint(record, tiles.batch / scopes);
    clmix_record_value(record, partial);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status features_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, &features);
    struct clmix_record *record;
    int32_t table;

    if (clmix_planner_is_read_through(planner, node))
        return CLMIX_OK;
    table = clmix_features_plan_table(planner, node, node);
    record = launch_tiles(planner, node, "performer_features", &features, &tiles);
    clmix_features_push(planner, record, node, table);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_flops(record, clmix_features_flops(clmix_planner_graph(planner), node));
    return CLMIX_OK;
}

void clmix_features_plan_peak_grad(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node,
                                   const struct clmix_token_tiles *tiles, int32_t table, int32_t partial, int32_t dx)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), features_node);
    struct clmix_record *record;

    if (!has_peaks(&features.options))
        return;
    record = launch_tiles(planner, node, "performer_peak_grad", &features, tiles);
    clmix_features_push(planner, record, features_node, table);
    clmix_record_value(record, partial);
    clmix_record_uint(record, (features.options.maximum == CLMIX_MAXIMUM_BATCH ? tiles->batch : 1) * tiles->heads * tiles->chunks);
    clmix_record_pitched(planner, record, dx);
    clmix_record_flops(record, 0);
    clmix_record_bytes(record, 0);
}

static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node, &features);
    const int32_t table = clmix_features_plan_table(planner, node, node),
                  partial = clmix_planner_scratch(planner, node, 2 * tiles.batch * tiles.heads * tiles.chunks * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "performer_features_grad", &features, &tiles);

    clmix_features_push(planner, record, node, table);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_FEATURES_DPHI]);
    clmix_record_value(record, partial);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_flops(record, 2 * clmix_features_flops(clmix_planner_graph(planner), node));
    clmix_features_plan_peak_grad(planner, node, node, &tiles, table, partial, node->outputs[0]);
    return CLMIX_OK;
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------------------- */

static void cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = clmix_features_flops(graph, node);
}

/* The features again, and a product back. */
static void gradient_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    clmix_cost_moved(graph, node, flops, bytes);
    *flops = 2 * clmix_features_flops(graph, node);
}

/* ---- the ops ------------------------------------------------------------------------------------------------------------------------- */

/* The samples of a batch meet in their maximum. */
static bool mixes(const struct clmix_planner *planner, const struct clmix_node *node)
{
    (void)planner;
    return ((const struct attributes *)node->attributes)->options.maximum == CLMIX_MAXIMUM_BATCH;
}

static bool gradient_mixes(const struct clmix_planner *planner, const struct clmix_node *node)
{
    return node->inputs[CLMIX_FEATURES_PEAKS] != CLMIX_NONE && mixes(planner, node);
}

const struct clmix_op clmix_op_performer_features = {
    .name = "performer_features",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_FEATURES_PROJECTION | 1U << CLMIX_FEATURES_PEAKS,
    .shape = features_shape,
    .backward = backward,
    .launch = features_launch,
    .cost = cost,
    .parts = clmix_parts_by_sample,
};

const struct clmix_op clmix_op_performer_peaks = {
    .name = "performer_peaks",
    .flags = CLMIX_OP_STRIDED,
    .dense = 1U << CLMIX_FEATURES_PROJECTION,
    .shape = peaks_shape,
    .launch = peaks_launch,
    .cost = cost,
    .parts = clmix_parts_by_sample,
    .mixes = mixes,
};

const struct clmix_op clmix_op_performer_features_grad = {
    .name = "performer_features_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = 1U << CLMIX_FEATURES_PROJECTION | 1U << CLMIX_FEATURES_PEAKS,
    .shape = gradient_shape,
    .launch = gradient_launch,
    .cost = gradient_cost,
    .parts = clmix_parts_by_sample,
    .mixes = gradient_mixes,
};

clmix_value clmix_performer_features(clmix_value x, clmix_value projection, size_t heads, clmix_performer_options options)
{
    const struct attributes attributes = { .heads = heads > 0 ? heads : 1, .options = options };
    clmix_value inputs[3] = { x, projection, clmix_no_value() };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_performer_features, inputs, 2);
    if (has_peaks(&options))
        inputs[CLMIX_FEATURES_PEAKS] = clmix_node_add(at, &clmix_op_performer_peaks, &attributes, sizeof attributes, inputs, 2);
    return clmix_node_add(at, &clmix_op_performer_features, &attributes, sizeof attributes, inputs, 3);
}
