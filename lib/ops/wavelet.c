/* Haar wavelets: the pyramid of bands that WaveMix mixes, its adjoint, and the inverse transform. Kernels: cl/wavelet.cl.
 *
 * One level of the transform is an orthonormal, symmetric 4 x 4 matrix applied to 2 x 2 blocks, so the inverse is the transpose and the
 * gradient of one is the other. */
#include "ops/wavelet.h"
#include "base/status.h"
#include "ops/row_launch.h"
#include "ops/rules.h"
#include "ops/table.h"

#include <clmix/ops.h>

struct wavelet_attributes {
    int levels;
    clmix_shape shape; /* of the map: (B, H, W, C) */
};

struct clmix_haar_map clmix_haar_map_of(clmix_shape whole, int level)
{
    struct clmix_haar_map at = { .height = whole.size[1], .width = whole.size[2] };

    for (int j = 1; j <= level; j++) {
        at.row += j > 1 ? whole.size[0] * at.height * at.width : 0;
        at.height = (at.height + 1) / 2;
        at.width = (at.width + 1) / 2;
    }
    return at;
}

size_t clmix_haar_rows(clmix_shape whole, int levels)
{
    struct clmix_haar_map last = clmix_haar_map_of(whole, levels);

    return last.row + whole.size[0] * last.height * last.width;
}

struct clmix_record *clmix_record_haar_level(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                             clmix_shape whole, struct clmix_haar_map fine, bool added)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "wavelet.cl", kernel);
    size_t group = clmix_group_size(planner, 64), blocks = whole.size[0] * ((fine.height + 1) / 2) * ((fine.width + 1) / 2),
           vectors = blocks * ((whole.size[3] + 3) / 4), pixels = whole.size[0] * fine.height * fine.width;
    struct clmix_chunks cut = clmix_chunks_of(planner, vectors, 1, clmix_planner_wide(planner) ? 512 : 2 * group, 0);

    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, whole.size[0]);
    clmix_record_uint(record, fine.height);
    clmix_record_uint(record, fine.width);
    clmix_record_uint(record, whole.size[3]);
    clmix_record_bytes(record, (uint64_t)(4 * blocks + (added ? 2 : 1) * pixels) * whole.size[3] * sizeof(float));
    return record;
}

/* Tiles of maps that a work-item takes through all levels: as many pixels of the coarsest map as leave a tile and its bands in a core's
 * cache. */
struct tiles {
    size_t side, x, y, units;
};

#define TILE_BYTES ((size_t)256 << 10)

static struct tiles tiles_of(clmix_shape whole, int levels)
{
    struct clmix_haar_map last = clmix_haar_map_of(whole, levels);
    size_t fine = (size_t)1 << levels, bytes = fine * fine * whole.size[3] * sizeof(float);
    struct tiles tiles = { .side = 1 };

    while (4 * bytes <= TILE_BYTES && tiles.side < (last.height > last.width ? last.height : last.width)) {
        tiles.side *= 2;
        bytes *= 4;
    }
    tiles.x = (last.width + tiles.side - 1) / tiles.side;
    tiles.y = (last.height + tiles.side - 1) / tiles.side;
    tiles.units = whole.size[0] * tiles.x * tiles.y;
    return tiles;
}

/* A launch of a kernel that does all levels, a work-item a tile after the other. */
static struct clmix_record *launch_tiles(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                         clmix_shape whole, int levels)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, "wavelet.cl", kernel);
    struct tiles tiles = tiles_of(whole, levels);
    struct clmix_chunks cut = clmix_chunks_of(planner, tiles.units, 1, 1, 0);

    clmix_record_define(record, "WG", 1);
    clmix_record_grid(record, cut.groups, 1, 1, 1);
    clmix_record_uint(record, tiles.units);
    clmix_record_uint(record, cut.chunk);
    for (int i = 0; i < 4; i++)
        clmix_record_uint(record, whole.size[i]);
    clmix_record_uint(record, (size_t)levels);
    clmix_record_uint(record, tiles.side);
    clmix_record_uint(record, tiles.x);
    clmix_record_uint(record, tiles.y);
    return record;
}

/* All levels of a tile in one go keep its approximations in a core's cache; that needs enough tiles for all cores. */
static bool goes_by_tiles(const struct clmix_planner *planner, clmix_shape whole, int levels)
{
    return clmix_planner_wide(planner) && tiles_of(whole, levels).units >= 2 * (size_t)clmix_planner_device(planner)->compute_units;
}

void clmix_record_haar_place(struct clmix_record *record, int32_t value, size_t first, size_t pitch)
{
    clmix_record_value(record, value);
    clmix_record_uint(record, first);
    clmix_record_uint(record, pitch);
}

void clmix_haar_cost(clmix_shape whole, int levels, bool added, uint64_t *flops, uint64_t *bytes)
{
    uint64_t blocks = (uint64_t)clmix_haar_rows(whole, levels) * whole.size[3], pixels = clmix_shape_count(whole);

    *flops = 12 * blocks + (added ? blocks : 0);
    *bytes = (pixels + 4 * blocks) * 4;
}

/* ---- bands --------------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_check_levels(clmix_shape shape, int levels)
{
    char text[64];

    if (shape.rank != 4)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a wavelet transform of %s; it takes maps (batch, height, width, channels)",
                          clmix_shape_text(shape, text));
    if (levels < 1 || levels > CLMIX_MOST_LEVELS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a wavelet transform of %d levels; it takes 1 to %d", levels, CLMIX_MOST_LEVELS);
    return CLMIX_OK;
}

static clmix_status bands_shape(clmix_graph *graph, struct clmix_node *node)
{
    struct wavelet_attributes *attributes = node->attributes;
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;

    CLMIX_TRY(clmix_expect_f32(graph, node));
    CLMIX_TRY(clmix_check_levels(shape, attributes->levels));
    attributes->shape = shape;
    return clmix_node_declare(graph, node, CLMIX_F32,
                              (clmix_shape){ .rank = 2, .size = { clmix_haar_rows(shape, attributes->levels), 4 * shape.size[3] } });
}

static clmix_status bands_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct wavelet_attributes attributes = *(const struct wavelet_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_haar_adjoint, &attributes, sizeof attributes, clmix_no_value());
}

static clmix_status bands_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct wavelet_attributes *attributes = node->attributes;
    size_t pitch = clmix_planner_layout(planner, node->inputs[0]).pitch, columns = 4 * attributes->shape.size[3];
    struct clmix_record *record;

    if (goes_by_tiles(planner, attributes->shape, attributes->levels)) {
        record = launch_tiles(planner, node, "haar_forward_tiles", attributes->shape, attributes->levels);
        clmix_record_value(record, node->inputs[0]);
        clmix_record_uint(record, pitch);
        clmix_record_value(record, node->outputs[0]);
        return CLMIX_OK;
    }
    for (int j = 1; j <= attributes->levels; j++) {
        struct clmix_haar_map fine = clmix_haar_map_of(attributes->shape, j - 1), coarse = clmix_haar_map_of(attributes->shape, j);

        record = clmix_record_haar_level(planner, node, "haar_forward_level", attributes->shape, fine, false);
        clmix_record_haar_place(record, j == 1 ? node->inputs[0] : node->outputs[0], fine.row * columns, j == 1 ? pitch : columns);
        clmix_record_value(record, node->outputs[0]);
        clmix_record_uint(record, coarse.row * columns);
    }
    return CLMIX_OK;
}

static void bands_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct wavelet_attributes *attributes = node->attributes;

    (void)graph;
    clmix_haar_cost(attributes->shape, attributes->levels, false, flops, bytes);
}

/* The list of bands: a part a level. False where the list has more levels than parts can be told of. */
static bool parts_of_bands(clmix_shape whole, int levels, struct clmix_parts *parts)
{
    *parts = (struct clmix_parts){ .count = levels };
    for (int j = 1; j <= levels && levels <= CLMIX_MOST_PARTS; j++) {
        struct clmix_haar_map map = clmix_haar_map_of(whole, j);

        parts->rows[j - 1] = map.height * map.width;
    }
    return levels <= CLMIX_MOST_PARTS;
}

static bool bands_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                        struct clmix_parts *outputs)
{
    const struct wavelet_attributes *attributes = node->attributes;

    return clmix_parts_by_sample(planner, node, inputs, outputs) && parts_of_bands(attributes->shape, attributes->levels, &outputs[0]);
}

static bool adjoint_parts(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_parts *inputs,
                          struct clmix_parts *outputs)
{
    const struct wavelet_attributes *attributes = node->attributes;
    const size_t pixels = attributes->shape.size[1] * attributes->shape.size[2];
    struct clmix_parts bands;

    (void)planner;
    outputs[0] = (struct clmix_parts){ .count = 1, .rows = { pixels } };
    return parts_of_bands(attributes->shape, attributes->levels, &bands) && clmix_parts_equal(&inputs[0], &bands);
}

static void wavelet_cut(void *attributes, size_t batch, size_t samples)
{
    struct wavelet_attributes *wavelet = attributes;

    clmix_shape_cut(&wavelet->shape, batch, samples);
}

const struct clmix_op clmix_op_haar_bands = {
    .name = "haar_bands",
    .flags = CLMIX_OP_STRIDED,
    .shape = bands_shape,
    .backward = bands_backward,
    .launch = bands_launch,
    .cost = bands_cost,
    .parts = bands_parts,
    .cut = wavelet_cut,
};

clmix_value clmix_haar_bands(clmix_value x, int levels)
{
    struct wavelet_attributes attributes = { .levels = levels };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_haar_bands, &attributes, sizeof attributes, &x, 1);
}

/* ---- the adjoint of bands ------------------------------------------------------------------------------------------------------------ */

static clmix_status adjoint_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct wavelet_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->shape);
}

/* Takes in "+ other": dx = adjoint + other in the same pass. */
static bool adjoint_absorb(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_node *next)
{
    return next->op == &clmix_op_add && clmix_planner_absorbed(planner, node, 0) == NULL && next->inputs[0] != next->inputs[1];
}

/* Scratch for the gradients of approximations: those of odd levels in the first part, as large as level 1, those of even levels behind
 * it, as large as level 2. */
static size_t scratch_first(clmix_shape whole, int level)
{
    struct clmix_haar_map one = clmix_haar_map_of(whole, 1);

    return level % 2 == 1 ? 0 : whole.size[0] * one.height * one.width * whole.size[3];
}

static int32_t adjoint_scratch(struct clmix_planner *planner, const struct clmix_node *node, clmix_shape whole, int levels)
{
    struct clmix_haar_map two = clmix_haar_map_of(whole, 2);
    size_t count = scratch_first(whole, 2) + (levels > 2 ? whole.size[0] * two.height * two.width * whole.size[3] : 0);

    return levels > 1 ? clmix_planner_scratch(planner, node, count * sizeof(float)) : CLMIX_NONE;
}

static clmix_status adjoint_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct wavelet_attributes *attributes = node->attributes;
    const struct clmix_node *sum = clmix_planner_absorbed(planner, node, 0);
    clmix_shape whole = attributes->shape;
    size_t channels = whole.size[3], columns = 4 * channels;
    int32_t bands = node->inputs[0], scratch = adjoint_scratch(planner, node, whole, attributes->levels);
    int32_t other = sum == NULL ? CLMIX_NONE : sum->inputs[sum->inputs[0] == node->outputs[0]];
    struct clmix_record *record;

    if (goes_by_tiles(planner, whole, attributes->levels)) {
        record = launch_tiles(planner, node, "haar_backward_tiles", whole, attributes->levels);
        clmix_record_stream(planner, record, clmix_shape_count(whole));
        clmix_record_value(record, bands);
        clmix_record_value(record, other);
        clmix_record_int(record, other != CLMIX_NONE);
        clmix_record_value(record, scratch);
        clmix_record_value(record, clmix_planner_result(planner, node));
        return CLMIX_OK;
    }
    for (int j = attributes->levels; j >= 1; j--) {
        struct clmix_haar_map fine = clmix_haar_map_of(whole, j - 1), coarse = clmix_haar_map_of(whole, j);
        bool coarsest = j == attributes->levels, added = j > 1 || other != CLMIX_NONE;

        record = clmix_record_haar_level(planner, node, "haar_backward_level", whole, fine, added);
        clmix_record_haar_place(record, coarsest ? bands : scratch, coarsest ? coarse.row * columns : scratch_first(whole, j),
                                coarsest ? columns : channels);
        clmix_record_haar_place(record, bands, coarse.row * columns + channels, columns);
        clmix_record_haar_place(record, j > 1 ? bands : other, j > 1 ? fine.row * columns : 0, j > 1 ? columns : channels);
        clmix_record_int(record, added);
        clmix_record_value(record, j > 1 ? scratch : clmix_planner_result(planner, node));
        clmix_record_uint(record, j > 1 ? scratch_first(whole, j - 1) : 0);
    }
    return CLMIX_OK;
}

static void adjoint_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct wavelet_attributes *attributes = node->attributes;

    (void)graph;
    clmix_haar_cost(attributes->shape, attributes->levels, true, flops, bytes);
}

const struct clmix_op clmix_op_haar_adjoint = {
    .name = "haar_adjoint",
    .shape = adjoint_shape,
    .launch = adjoint_launch,
    .absorb = adjoint_absorb,
    .cost = adjoint_cost,
    .parts = adjoint_parts,
    .cut = wavelet_cut,
};

/* ---- views of the bands -------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_haar_level(clmix_value bands, clmix_value x, int level)
{
    clmix_shape whole = clmix_shape_of(x), list = clmix_shape_of(bands);
    struct clmix_haar_map at;
    char text[64], of[64];

    if (!clmix_is_value(bands) || !clmix_is_value(x))
        return clmix_is_value(bands) ? x : bands;
    if (clmix_check_levels(whole, level) != CLMIX_OK)
        return clmix_poison(clmix_here(bands.graph), CLMIX_ERROR_ARGUMENT, "%s", clmix_error());
    at = clmix_haar_map_of(whole, level);
    if (list.rank != 2 || clmix_haar_rows(whole, level) > list.size[0])
        return clmix_poison(clmix_here(bands.graph), CLMIX_ERROR_ARGUMENT, "level %d of the bands of %s ends at row %zu; the list is %s",
                            level, clmix_shape_text(whole, text), clmix_haar_rows(whole, level), clmix_shape_text(list, of));
    return clmix_reshape(clmix_slice(bands, 0, at.row, whole.size[0] * at.height * at.width), 4,
                         (size_t[]){ whole.size[0], at.height, at.width, list.size[1] });
}

clmix_value clmix_haar_dwt(clmix_value x, int levels, clmix_value *details)
{
    clmix_value bands = clmix_haar_bands(x, levels);
    size_t channels = clmix_shape_columns(clmix_shape_of(x));

    for (int j = 1; j <= levels && details != NULL; j++)
        details[j - 1] = clmix_slice(clmix_haar_level(bands, x, j), -1, channels, 3 * channels);
    return clmix_slice(clmix_haar_level(bands, x, levels), -1, 0, channels);
}
