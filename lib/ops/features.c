/* Features of tokens: Performer's random ones (Choromanski et al. 2021), and what a map makes of each channel; the maximum that keys share and
 * the sums of a softmax over the tokens; and the gradient, which forms the features again. Kernels: cl/features.cl, cl/feature_means.cl. */
#include "ops/features.h"

#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <math.h>

struct attributes {
    size_t heads;
    bool mapped;
    clmix_performer_kernel kernel;
    clmix_performer_maximum maximum;
    bool constant;
    clmix_map map;
    bool turned;
};

static bool has_peaks(const struct clmix_features *features)
{
    return !features->mapped && features->kernel == CLMIX_PERFORMER_SOFTMAX && features->maximum != CLMIX_MAXIMUM_TOKEN;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------------- */

struct clmix_features clmix_features_of(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;
    struct clmix_features features = { .heads = attributes->heads,
                                       .width = x.size[2] / attributes->heads,
                                       .mapped = attributes->mapped,
                                       .kernel = attributes->kernel,
                                       .maximum = attributes->maximum,
                                       .constant = attributes->constant,
                                       .map = attributes->map,
                                       .turned = attributes->turned,
                                       .masked = node->inputs[CLMIX_FEATURES_MASK] != CLMIX_NONE };

    features.features =
        features.mapped ? (features.turned ? 2 : 1) * features.width : clmix_node_input(graph, node, CLMIX_FEATURES_TABLE)->shape.size[0];
    return features;
}

size_t clmix_features_floats(const struct clmix_features *features)
{
    return 2 * (clmix_padded(features->features) + clmix_padded(features->width));
}

clmix_status clmix_features_check_room(size_t features, size_t width)
{
    if (2 * (clmix_padded(features) + clmix_padded(width)) > CLMIX_TILE_MOST)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu features of heads of width %zu; both together may be %d", features, width,
                          CLMIX_TILE_MOST / 2 - 32);
    return CLMIX_OK;
}

clmix_status clmix_expect_mask(const struct clmix_tensor *mask, clmix_shape tokens)
{
    char text[2][64];

    if (mask == NULL || (mask->type == CLMIX_I32 && mask->shape.rank == 2 && mask->shape.size[0] == tokens.size[0] &&
                         mask->shape.size[1] == tokens.size[1]))
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "a mask is i32 (batch, tokens), and that of tokens %s is %s", clmix_shape_text(tokens, text[0]),
                      clmix_shape_text(mask->shape, text[1]));
}

static clmix_status check_random(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape,
                      projection = clmix_node_input(graph, node, CLMIX_FEATURES_TABLE)->shape;
    char text[64], other[64];

    if (attributes->kernel != CLMIX_PERFORMER_SOFTMAX && attributes->kernel != CLMIX_PERFORMER_RELU)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a performer kernel of %d; there is none", (int)attributes->kernel);
    if (attributes->maximum < CLMIX_MAXIMUM_TOKEN || attributes->maximum > CLMIX_MAXIMUM_HEAD)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a maximum of %d; there is none", (int)attributes->maximum);
    if (projection.rank != 2 || projection.size[0] == 0 || projection.size[1] * attributes->heads != x.size[2])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the projection for %zu head%s of %s is (features, %zu); this one is %s", attributes->heads,
                          attributes->heads == 1 ? "" : "s", clmix_shape_text(x, text), x.size[2] / attributes->heads,
                          clmix_shape_text(projection, other));
    return clmix_features_check_room(projection.size[0], projection.size[1]);
}

static clmix_status check_map(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct attributes *attributes = node->attributes;
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;
    char text[64];

    if (attributes->map < CLMIX_MAP_IDENTITY || attributes->map > CLMIX_MAP_SOFTMAX_TOKENS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a map of %d; there is none", (int)attributes->map);
    if (attributes->turned && attributes->map > CLMIX_MAP_ELU)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a softmax is not turned by angles; only functions of each channel are");
    if (x.size[2] % attributes->heads != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "features of %zu heads of %s; heads are equal runs of the last axis", attributes->heads,
                          clmix_shape_text(x, text));
    return clmix_features_check_room((attributes->turned ? 2 : 1) * x.size[2] / attributes->heads, x.size[2] / attributes->heads);
}

static clmix_status check(const clmix_graph *graph, const struct clmix_node *node)
{
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;
    char text[64];

    for (int i = 0; i < node->input_count; i++)
        if (i != CLMIX_FEATURES_MASK && clmix_node_input(graph, node, i) != NULL && clmix_node_input(graph, node, i)->type != CLMIX_F32)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "f32 values are needed, and input %d holds integers", i);
    if (x.rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "features are those of tokens (batch, tokens, channels), and these values are %s",
                          clmix_shape_text(x, text));
    CLMIX_TRY(clmix_expect_mask(clmix_node_input(graph, node, CLMIX_FEATURES_MASK), x));
    return ((const struct attributes *)node->attributes)->mapped ? check_map(graph, node) : check_random(graph, node);
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
    const struct attributes *attributes = node->attributes;
    clmix_shape x;

    CLMIX_TRY(check(graph, node));
    x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;
    if (attributes->mapped)
        return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(2, (size_t[]){ x.size[0], x.size[2] }));
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(3, (size_t[]){ x.size[0], attributes->heads, 2 }));
}

static clmix_status gradient_shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape);
}

static clmix_status backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct attributes attributes = *(const struct attributes *)node->attributes;
    const clmix_value dphi = clmix_backward_gradient(backward, node, 0);
    clmix_value inputs[CLMIX_FEATURES_DPHI + 1];

    if (!clmix_is_value(dphi) || !clmix_backward_wants(backward, node, CLMIX_FEATURES_X))
        return CLMIX_OK;
    for (int i = 0; i < CLMIX_FEATURES_DPHI; i++)
        inputs[i] = clmix_backward_input(backward, node, i);
    inputs[CLMIX_FEATURES_DPHI] = dphi;
    return clmix_backward_give(backward, node, CLMIX_FEATURES_X,
                               clmix_node_add(clmix_backward_scope(backward, node), &clmix_op_features_grad, &attributes, sizeof attributes,
                                              inputs, CLMIX_FEATURES_DPHI + 1));
}

/* The product with the projection, and some twenty FLOPs a feature for its exponential. */
uint64_t clmix_features_flops(const clmix_graph *graph, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(graph, node);
    const clmix_shape x = clmix_node_input(graph, node, CLMIX_FEATURES_X)->shape;
    const bool exponential =
        features.mapped ? features.map != CLMIX_MAP_IDENTITY && features.map != CLMIX_MAP_RELU : features.kernel == CLMIX_PERFORMER_SOFTMAX;

    return (uint64_t)x.size[0] * x.size[1] * features.heads * features.features *
           ((features.mapped ? 0 : 2 * features.width) + (exponential ? 20 : 2));
}

/* ---- launches ----------------------------------------------------------------------------------------------------------------------- */

void clmix_features_define(struct clmix_record *record, const struct clmix_features *features)
{
    clmix_record_define(record, "D", (long)features->width);
    clmix_record_define(record, "M", (long)features->features);
    clmix_record_define(record, "MASKED", features->masked);
    if (features->mapped) {
        clmix_record_define(record, "FEATURES", 3);
        clmix_record_define(record, "MAP", features->map);
        clmix_record_define(record, "COSINE", features->turned);
        return;
    }
    clmix_record_define(record, "FEATURES", features->kernel == CLMIX_PERFORMER_RELU ? 0 : has_peaks(features) ? 2 : 1);
    clmix_record_define(record, "CONSTANT", features->constant);
}

void clmix_features_push(struct clmix_planner *planner, struct clmix_record *record, const struct clmix_node *features_node, int32_t table)
{
    clmix_record_pitched(planner, record, features_node->inputs[CLMIX_FEATURES_X]);
    clmix_record_value(record, table);
    clmix_record_value(record, features_node->inputs[CLMIX_FEATURES_PEAKS]);
    clmix_record_value(record, features_node->inputs[CLMIX_FEATURES_MASK]);
}

int32_t clmix_features_plan_table(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), features_node);
    const size_t count = features.width * clmix_padded(features.features) + features.features * clmix_padded(features.width);
    struct clmix_record *record;
    int32_t table;

    if (features.mapped)
        return features_node->inputs[CLMIX_FEATURES_TABLE];
    table = clmix_planner_scratch(planner, node, count * sizeof(float));
    record = clmix_record_elements(planner, node, "features.cl", "performer_table", count, 1);
    clmix_features_define(record, &features);
    clmix_record_value(record, features_node->inputs[CLMIX_FEATURES_TABLE]);
    clmix_record_value(record, table);
    clmix_record_flops(record, 0);
    return table;
}

static struct clmix_token_tiles tiles_of(const struct clmix_planner *planner, int32_t x, const struct clmix_features *features)
{
    return clmix_token_tiles_of(planner, clmix_tensor_at(clmix_planner_graph(planner), x)->shape, features->heads,
                                clmix_features_floats(features), 1, 1);
}

static struct clmix_record *launch_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                         const struct clmix_features *features, const struct clmix_token_tiles *tiles)
{
    struct clmix_record *record = clmix_record_tiles(planner, node, file, kernel, tiles, 1);

    clmix_features_define(record, features);
    return record;
}

/* How many groups, from the first of a batch's on, share a maximum. */
static size_t scope_of(const struct clmix_features *features, const struct clmix_token_tiles *tiles)
{
    return (features->maximum == CLMIX_MAXIMUM_BATCH ? tiles->batch : 1) * (features->maximum == CLMIX_MAXIMUM_HEAD ? 1 : tiles->heads) *
           tiles->chunks;
}

static clmix_status peaks_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node->inputs[CLMIX_FEATURES_X], &features);
    const size_t groups = tiles.batch * tiles.heads * tiles.chunks, scope = scope_of(&features, &tiles), scopes = groups / scope;
    const int32_t table = clmix_features_plan_table(planner, node, node),
                  partial = clmix_planner_scratch(planner, node, 2 * groups * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "features.cl", "performer_peaks", &features, &tiles);

    clmix_features_push(planner, record, node, table);
    clmix_record_value(record, partial);
    clmix_record_flops(record, clmix_features_flops(clmix_planner_graph(planner), node));
    record = clmix_record_kernel(planner, node, "features.cl", "performer_peak");
    clmix_record_define(record, "TOKENS", (long)tiles.tile);
    clmix_record_define(record, "WG", (long)tiles.group);
    clmix_features_define(record, &features);
    clmix_record_grid(record, scopes, 1, 1, tiles.group);
    clmix_record_uint(record, scope);
    clmix_record_uint(record, tiles.batch * tiles.heads / scopes);
    clmix_record_value(record, partial);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

static clmix_status shift_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node->inputs[CLMIX_FEATURES_X], &features);
    const size_t heads = tiles.batch * tiles.heads;
    const int32_t partial = clmix_planner_scratch(planner, node, 2 * heads * tiles.chunks * clmix_padded(features.width) * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "feature_means.cl", "softmax_peaks", &features, &tiles);

    clmix_features_push(planner, record, node, CLMIX_NONE);
    clmix_record_value(record, partial);
    record = clmix_record_elements(planner, node, "feature_means.cl", "softmax_shift", heads * features.width, 1);
    clmix_features_define(record, &features);
    clmix_record_uint(record, tiles.chunks);
    clmix_record_value(record, partial);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_flops(record, 0);
    return CLMIX_OK;
}

void clmix_features_plan_sums(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_features *features,
                              const struct clmix_feature_sums *sums)
{
    const struct clmix_token_tiles tiles = tiles_of(planner, sums->x, features);
    const size_t heads = tiles.batch * tiles.heads;
    const int32_t partial =
        clmix_planner_scratch(planner, node, heads * tiles.chunks * (clmix_padded(features->features) + 16) * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "feature_means.cl", "feature_sums", features, &tiles);

    clmix_record_pitched(planner, record, sums->x);
    clmix_record_value(record, CLMIX_NONE);
    clmix_record_value(record, sums->peaks);
    clmix_record_value(record, sums->mask);
    clmix_record_value(record, partial);
    record = clmix_record_elements(planner, node, "feature_means.cl", "feature_sum", heads * features->features, 1);
    clmix_features_define(record, features);
    clmix_record_uint(record, tiles.chunks);
    clmix_record_uint(record, sums->share != CLMIX_NONE);
    clmix_record_value(record, partial);
    clmix_record_value(record, sums->result);
    clmix_record_value(record, sums->share);
    clmix_record_flops(record, 0);
}

static clmix_status features_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node->inputs[CLMIX_FEATURES_X], &features);
    struct clmix_record *record;
    int32_t table;

    if (clmix_planner_is_read_through(planner, node))
        return CLMIX_OK;
    table = clmix_features_plan_table(planner, node, node);
    record = launch_tiles(planner, node, "features.cl", "token_features", &features, &tiles);
    clmix_features_push(planner, record, node, table);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_flops(record, clmix_features_flops(clmix_planner_graph(planner), node));
    return CLMIX_OK;
}

/* dx holds phi dphi, and lacks -phi times the sum of that over the tokens. */
static void plan_softmax_back(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node,
                              int32_t dx)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), features_node);
    const struct clmix_token_tiles tiles = tiles_of(planner, features_node->inputs[CLMIX_FEATURES_X], &features);
    struct clmix_features plain = features;
    const int32_t sums = clmix_planner_scratch(planner, node, tiles.batch * tiles.heads * features.width * sizeof(float));
    struct clmix_record *record;

    plain.map = CLMIX_MAP_IDENTITY;
    plain.masked = false;
    clmix_features_plan_sums(planner, node, &plain,
                             &(struct clmix_feature_sums){ dx, CLMIX_NONE, CLMIX_NONE, .result = sums, .share = CLMIX_NONE });
    record = launch_tiles(planner, node, "feature_means.cl", "softmax_back", &features, &tiles);
    clmix_features_push(planner, record, features_node, CLMIX_NONE);
    clmix_record_value(record, sums);
    clmix_record_pitched(planner, record, dx);
    clmix_record_flops(record, 0);
}

void clmix_features_plan_rest(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *features_node,
                              const struct clmix_token_tiles *tiles, int32_t table, int32_t partial, int32_t dx)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), features_node);
    struct clmix_record *record;

    if (features.mapped && features.map == CLMIX_MAP_SOFTMAX_TOKENS)
        plan_softmax_back(planner, node, features_node, dx);
    if (!has_peaks(&features) || features.constant)
        return;
    record = launch_tiles(planner, node, "features.cl", "performer_peak_grad", &features, tiles);
    clmix_features_push(planner, record, features_node, table);
    clmix_record_value(record, partial);
    clmix_record_uint(record, scope_of(&features, tiles));
    clmix_record_pitched(planner, record, dx);
    clmix_record_flops(record, 0);
    clmix_record_bytes(record, 0);
}

static clmix_status gradient_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);
    const struct clmix_token_tiles tiles = tiles_of(planner, node->inputs[CLMIX_FEATURES_X], &features);
    const int32_t table = clmix_features_plan_table(planner, node, node),
                  partial = clmix_planner_scratch(planner, node, 2 * tiles.batch * tiles.heads * tiles.chunks * sizeof(float));
    struct clmix_record *record = launch_tiles(planner, node, "features.cl", "token_features_grad", &features, &tiles);

    clmix_features_push(planner, record, node, table);
    clmix_record_pitched(planner, record, node->inputs[CLMIX_FEATURES_DPHI]);
    clmix_record_value(record, partial);
    clmix_record_pitched(planner, record, node->outputs[0]);
    clmix_record_flops(record, 2 * clmix_features_flops(clmix_planner_graph(planner), node));
    clmix_features_plan_rest(planner, node, node, &tiles, table, partial, node->outputs[0]);
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

static bool mixes(const struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_features features = clmix_features_of(clmix_planner_graph(planner), node);

    return has_peaks(&features) && features.maximum == CLMIX_MAXIMUM_BATCH;
}

#define DENSE (1U << CLMIX_FEATURES_TABLE | 1U << CLMIX_FEATURES_PEAKS | 1U << CLMIX_FEATURES_MASK)

const struct clmix_op clmix_op_features = {
    .name = "features",
    .flags = CLMIX_OP_REBUILD | CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE,
    .shape = features_shape,
    .backward = backward,
    .launch = features_launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << CLMIX_FEATURES_TABLE,
};

const struct clmix_op clmix_op_performer_peaks = {
    .name = "performer_peaks",
    .flags = CLMIX_OP_STRIDED,
    .dense = DENSE,
    .shape = peaks_shape,
    .launch = peaks_launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << CLMIX_FEATURES_TABLE,
    .mixes = mixes,
};

const struct clmix_op clmix_op_feature_shift = {
    .name = "feature_shift",
    .flags = CLMIX_OP_STRIDED,
    .dense = DENSE,
    .shape = peaks_shape,
    .launch = shift_launch,
    .cost = cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << CLMIX_FEATURES_TABLE,
};

const struct clmix_op clmix_op_features_grad = {
    .name = "features_grad",
    .flags = CLMIX_OP_STRIDED | CLMIX_OP_STRIDED_OUTPUT,
    .dense = DENSE,
    .shape = gradient_shape,
    .launch = gradient_launch,
    .cost = gradient_cost,
    .parts = clmix_parts_of_samples,
    .same = 1U << CLMIX_FEATURES_TABLE,
    .mixes = mixes,
};

clmix_value clmix_performer_features(clmix_value x, clmix_value projection, size_t heads, clmix_performer_options options)
{
    const struct attributes attributes = {
        .heads = heads > 0 ? heads : 1, .kernel = options.kernel, .maximum = options.maximum, .constant = options.constant
    };
    clmix_value inputs[4] = { x, projection, clmix_no_value(), options.mask };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_features, inputs, 2);
    if (options.kernel == CLMIX_PERFORMER_SOFTMAX && options.maximum != CLMIX_MAXIMUM_TOKEN)
        inputs[CLMIX_FEATURES_PEAKS] = clmix_node_add(at, &clmix_op_performer_peaks, &attributes, sizeof attributes, inputs, 4);
    return clmix_node_add(at, &clmix_op_features, &attributes, sizeof attributes, inputs, 4);
}

clmix_value clmix_feature_shift(clmix_value x, clmix_value mask, size_t heads)
{
    const struct attributes attributes = { .heads = heads, .mapped = true, .map = CLMIX_MAP_SOFTMAX_TOKENS };
    const clmix_value inputs[4] = { x, clmix_no_value(), clmix_no_value(), mask };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_feature_shift, &attributes, sizeof attributes, inputs, 4);
}

/* Sine and cosine of pi (n + 1) / (2 N) of each token n. */
static clmix_status fill_angles(void *values, clmix_shape shape, const void *data)
{
    float *angles = values;

    (void)data;
    for (size_t n = 0; n < shape.size[0]; n++) {
        const double angle = 1.5707963267948966 * (double)(n + 1) / (double)shape.size[0];

        angles[2 * n] = (float)sin(angle);
        angles[2 * n + 1] = (float)cos(angle);
    }
    return CLMIX_OK;
}

clmix_value clmix_feature_map(clmix_value x, clmix_value mask, size_t heads, clmix_map map, bool turned)
{
    const struct attributes attributes = { .heads = heads > 0 ? heads : 1, .mapped = true, .map = map, .turned = turned };
    clmix_value inputs[4] = { x, clmix_no_value(), clmix_no_value(), mask };
    const clmix_scope at = clmix_here(x.graph);

    clmix_expect_values(at, &clmix_op_features, inputs, 1);
    if (clmix_is_value(x) && clmix_shape_of(x).rank == 3 && turned)
        inputs[CLMIX_FEATURES_TABLE] =
            clmix_constant(x.graph, CLMIX_F32, 2, (size_t[]){ clmix_shape_of(x).size[1], 2 }, fill_angles, NULL, 0);
    if (clmix_is_value(x) && map == CLMIX_MAP_SOFTMAX_TOKENS)
        inputs[CLMIX_FEATURES_PEAKS] = clmix_feature_shift(x, mask, attributes.heads);
    return clmix_node_add(at, &clmix_op_features, &attributes, sizeof attributes, inputs, 4);
}
