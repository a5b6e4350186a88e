/* The wide form of the window sums: register tiles, how work is cut so that it fits local memory and feeds all compute units, launches. */
#include "ops/conv_form.h"

/* ---- the wide form: cutting -------------------------------------------------------------------------------------------------------- */

/* Register tiles: `tile` rows of `vectors` vectors of `lanes` floats. */
struct tiles {
    size_t lanes, vectors, tile;
    size_t panel, panels; /* floats of a row, and rows of tiles to cover all columns */
    double cost;          /* of one term of all columns, in fused multiply-adds of the widest vectors */
};

/* The shape of tile that does `columns` columns in the least time: whole vectors cost the same however many of their floats count, shorter
 * ones are cheaper but not in proportion, and a tile of few vectors spends more of its time on loads. */
static struct tiles choose_tiles(const clmix_device_info *info, size_t columns)
{
    static const double load_factor[] = { 0, 1.10, 1.01, 1.0 };
    const size_t widest = info->vector_width >= 16 ? 16 : info->vector_width >= 8 ? 8 : 4;
    struct tiles best = { .lanes = 0 };
    double vector_cost = 1;

    for (size_t lanes = widest; lanes >= 4; lanes /= 2, vector_cost *= 0.62)
        for (size_t vectors = 1; vectors <= 3; vectors++) {
            const size_t panel = lanes * vectors, panels = clmix_ceil_div(columns, panel);
            const double cost = (double)(panels * vectors) * vector_cost * load_factor[vectors];

            if (best.lanes == 0 || cost < best.cost) {
                best = (struct tiles){
                    .lanes = lanes, .vectors = vectors, .tile = widest == 8 ? 4 : 8, .panel = panel, .panels = panels, .cost = cost
                };
            }
        }
    return best;
}

/* What a work-group may use of local memory: half of it, so that two groups are not the device's limit, and not more than second-level
 * caches hold. */
struct room {
    size_t floats, pixels;
};

static struct room local_room(const clmix_device_info *info)
{
    const size_t bytes = clmix_smaller(info->local_bytes / 2, 256 * 1024), fixed = 1024; /* fixed: a panel or two, and alignment */
    const size_t pixels = clmix_smaller(clmix_larger(bytes / 64, 32), 1024), tables = 2 * (pixels + 8) * sizeof(int32_t);

    return (struct room){ .floats = bytes > tables + fixed ? (bytes - tables - fixed) / sizeof(float) : 0, .pixels = pixels };
}

struct gather_cut {
    size_t samples, rows, columns, taps;
};

static bool gather_fits(const struct clmix_conv_map *map, const struct tiles *tiles, struct room room, const struct gather_cut *cut)
{
    const size_t step = clmix_smaller(map->stride[0], cut->taps), strip_rows = (cut->rows - 1) * step + cut->taps;
    const size_t strip_columns = (cut->columns - 1) * map->stride[1] + map->kernel[1];
    const size_t pixels = cut->samples * cut->rows * cut->columns;
    const size_t strip = cut->samples * strip_rows * strip_columns * map->big_channels;
    const size_t sums = cut->taps < map->kernel[0] ? (pixels + tiles->tile) * tiles->panels * tiles->panel : 0;

    return pixels <= room.pixels && strip + sums <= room.floats;
}

/* The pixels of the small map that one group makes: enough that the weights it reads pay, few enough that all compute units have work.
 * Where the window's rows do not fit for as many, the kernel's rows are taken a few at a time. */
static bool cut_gather(const clmix_device_info *info, const struct clmix_conv_map *map, const struct tiles *tiles, struct gather_cut *best)
{
    const struct room room = local_room(info);
    const size_t area = map->small[0] * map->small[1], total = map->batch * area;
    size_t target = clmix_smaller(total / clmix_conv_groups(info), clmix_smaller(room.pixels, 512)), best_pixels = 0;

    *best = (struct gather_cut){ .samples = 0 };
    target = clmix_larger(target, clmix_smaller(32, clmix_ceil_div(total, 2 * clmix_larger(info->compute_units, 1))));
    for (size_t taps = map->kernel[0];; taps = clmix_ceil_div(taps, 2)) {
        struct gather_cut cut = { .samples = 1, .rows = map->small[0], .columns = map->small[1], .taps = taps };

        if (area < target)
            cut.samples = clmix_smaller(map->batch, clmix_ceil_div(target, area));
        else
            cut.rows = clmix_larger(1, clmix_smaller(map->small[0], target / map->small[1]));
        while (!gather_fits(map, tiles, room, &cut)) {
            size_t *cutting = cut.samples > 1 ? &cut.samples : cut.rows > 1 ? &cut.rows : &cut.columns;

            if (*cutting == 1 || (cutting == &cut.columns && taps > 1))
                break;
            *cutting = clmix_ceil_div(*cutting, 2);
        }
        if (gather_fits(map, tiles, room, &cut) && cut.samples * cut.rows * cut.columns > best_pixels) {
            best_pixels = cut.samples * cut.rows * cut.columns;
            *best = cut;
        }
        if (taps == 1 || best_pixels >= clmix_smaller(target, 24))
            break;
    }
    if (best_pixels == 0)
        return false;
    best->rows = clmix_ceil_div(map->small[0], clmix_ceil_div(map->small[0], best->rows));
    return true;
}

struct scatter_cut {
    size_t samples, rows;
};

static bool scatter_fits(const struct clmix_conv_map *map, const struct tiles *tiles, struct room room, const struct scatter_cut *cut)
{
    const size_t reach = (map->small[1] - 1) * map->stride[1] + map->kernel[1];
    const size_t line = clmix_larger(reach, map->padding[1] + map->big[1]) * map->big_channels;
    const size_t left_rows = clmix_ceil_div(cut->rows, map->stride[0]) + 1 + (map->kernel[0] - 1) / map->stride[0];
    const size_t left = cut->samples * left_rows * map->small[1] * map->small_channels;
    const size_t pixels = cut->samples * clmix_ceil_div(cut->rows, map->stride[0]) * map->small[1];

    return pixels <= room.pixels && cut->samples * cut->rows * line + left + tiles->panel <= room.floats;
}

/* Rows of the big map and samples of one group. Each phase of rows should meet some 64 pixels of the small map, so that a panel of weights
 * serves several tiles: several samples where maps are small, and then few rows, which costs nothing as phases do not share weights. */
static bool cut_scatter(const clmix_device_info *info, const struct clmix_conv_map *map, const struct tiles *tiles, struct scatter_cut *cut)
{
    const struct room room = local_room(info);

    cut->samples = clmix_smaller(map->batch, clmix_ceil_div(64, map->small[0] * map->small[1]));
    cut->rows = map->big[0];
    while (!scatter_fits(map, tiles, room, cut) ||
           clmix_ceil_div(map->batch, cut->samples) * clmix_ceil_div(map->big[0], cut->rows) < clmix_conv_groups(info)) {
        if (cut->rows > 1)
            cut->rows = clmix_ceil_div(cut->rows, 2);
        else if (cut->samples > 1 && !scatter_fits(map, tiles, room, cut))
            cut->samples = clmix_ceil_div(cut->samples, 2);
        else
            break;
    }
    cut->samples = clmix_ceil_div(map->batch, clmix_ceil_div(map->batch, cut->samples));
    cut->rows = clmix_ceil_div(map->big[0], clmix_ceil_div(map->big[0], cut->rows));
    return scatter_fits(map, tiles, room, cut);
}

struct weight_cut {
    struct tiles tiles;
    bool few;                              /* conv_weight_few */
    size_t taps, chunk_rows, chunks, rows; /* kernel rows of a group, rows of the small map of a group and of what it holds at once */
};

/* Floats of local memory for `rows` rows of pixels: the strips that they meet, or one row's strips and the runs joined from them. */
static size_t weight_floats(const struct clmix_conv_map *map, size_t taps, size_t rows)
{
    const size_t line = ((map->small[1] - 1) * map->stride[1] + map->kernel[1]) * map->big_channels;

    return taps == 1 ? rows * line : taps * (line + rows * map->small[1] * map->kernel[1] * map->big_channels);
}

/* The same where one copy serves all these kernel rows; samples beginning among the rows have lines of their own. */
static size_t few_floats(const struct clmix_conv_map *map, size_t taps, size_t rows)
{
    const size_t line = ((map->small[1] - 1) * map->stride[1] + map->kernel[1]) * map->big_channels;
    const size_t step = clmix_smaller(map->stride[0], taps), samples = 1 + clmix_ceil_div(rows - 1, map->small[0]);

    return (rows * step + samples * (taps - step)) * line;
}

/* All kernel rows in one product, where that fills vectors so much better that it pays for moving every run once: some 4 a vector. */
static double joined_cost(const struct clmix_conv_map *map, const struct tiles *joined)
{
    const size_t run = map->kernel[1] * map->big_channels;

    return joined->cost * (double)map->small_channels + 4.0 * (double)(map->kernel[0] * clmix_ceil_div(run, joined->lanes));
}

/* Tiles with vectors along the small map's channels, and the rows that a run of the big map divides into with the least waste. */
static struct tiles few_tiles(const clmix_device_info *info, const struct clmix_conv_map *map)
{
    const size_t registers = info->vector_width == 8 ? 16 : 32, run = map->kernel[1] * map->big_channels;
    struct tiles tiles = choose_tiles(info, map->small_channels);
    const size_t most = clmix_smaller(14, (registers - 1 - tiles.vectors) / tiles.vectors);

    tiles.tile = clmix_ceil_div(run, clmix_ceil_div(run, most));
    return tiles;
}

/* Vectors along the small map's channels are read in place, so they must be whole ones. Taken only where clearly fewer are needed, and rows
 * are not so short that a tile mostly begins and ends. */
static bool few_pays(const struct clmix_conv_map *map, const struct tiles *few, double other, const struct clmix_conv_weights *weights)
{
    const size_t run = map->kernel[1] * map->big_channels;
    const double cost = few->cost * (double)(map->kernel[0] * clmix_ceil_div(run, few->tile) * few->tile);

    return few->panels * few->panel == map->small_channels && weights->kx_step == (long)map->big_channels * weights->big_step &&
           map->small[1] >= 4 && cost < 0.95 * other;
}

/* A chunk of fewer pixels costs more to add up than to make. */
static size_t most_parts(const struct clmix_conv_map *map)
{
    return clmix_larger(1, map->batch * map->small[0] * map->small[1] / 128);
}

/* Chunks of the pixels so that all compute units are fed by groups of `taps` kernel rows. */
static void cut_parts(const clmix_device_info *info, const struct clmix_conv_map *map, size_t taps, struct weight_cut *cut)
{
    const size_t lines = map->batch * map->small[0], groups = clmix_ceil_div(clmix_conv_groups(info), map->kernel[0] / taps);
    const size_t wanted = clmix_smaller(clmix_smaller(groups, most_parts(map)), lines);

    cut->taps = taps;
    cut->chunk_rows = clmix_ceil_div(lines, wanted);
    cut->chunks = clmix_ceil_div(lines, cut->chunk_rows);
}

/* Every tile goes over the rows of both maps again: 128 KiB of them, `row` floats each, stay in a second-level cache. */
static size_t cached_rows(const struct clmix_conv_map *map, size_t row)
{
    return clmix_larger(32768 / (row + map->small[1] * map->small_channels), clmix_ceil_div(64, map->small[1]));
}

/* The cut of vectors along the small map's channels; false where that is slower than `other`, or local memory does not hold one row. */
static bool cut_few(const clmix_device_info *info, const struct clmix_conv_map *map, const struct clmix_conv_weights *weights, double other,
                    struct weight_cut *cut)
{
    const size_t floats = local_room(info).floats, taps = most_parts(map) < clmix_conv_groups(info) ? 1 : map->kernel[0];

    *cut = (struct weight_cut){ .tiles = few_tiles(info, map), .few = true };
    if (!few_pays(map, &cut->tiles, other, weights) || few_floats(map, taps, 1) > floats)
        return false;
    cut_parts(info, map, taps, cut);
    cut->rows = clmix_smaller(cut->chunk_rows, cached_rows(map, few_floats(map, taps, 1) / taps));
    while (few_floats(map, taps, cut->rows) > floats)
        cut->rows--;
    return true;
}

/* False where local memory does not hold one row. */
static bool cut_weight(const clmix_device_info *info, const struct clmix_conv_map *map, const struct clmix_conv_weights *weights,
                       struct weight_cut *cut)
{
    const size_t floats = local_room(info).floats, run = map->kernel[1] * map->big_channels;
    const struct tiles apart = choose_tiles(info, run), joined = choose_tiles(info, map->kernel[0] * run);
    const double apart_cost = (double)map->kernel[0] * apart.cost * (double)map->small_channels;
    const bool joining = map->kernel[0] > 1 && joined_cost(map, &joined) < apart_cost && weight_floats(map, map->kernel[0], 1) <= floats;
    const size_t taps = joining ? map->kernel[0] : 1, fixed = weight_floats(map, taps, 0), row = weight_floats(map, taps, 1) - fixed;

    if (cut_few(info, map, weights, joining ? joined_cost(map, &joined) : apart_cost, cut))
        return true;
    if (fixed + row > floats)
        return false;
    *cut = (struct weight_cut){ .tiles = joining ? joined : apart };
    cut_parts(info, map, taps, cut);
    cut->rows = clmix_smaller(clmix_smaller(cut->chunk_rows, cached_rows(map, row)), (floats - fixed) / row);
    while (cut->tiles.tile > map->small_channels)
        cut->tiles.tile /= 2;
    return true;
}

/* ---- the wide form: launches ------------------------------------------------------------------------------------------------------- */

static struct clmix_record *launch_wide(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                        const struct tiles *tiles)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);

    clmix_record_define(record, "LANES", (long)tiles->lanes);
    clmix_record_define(record, "VECTORS", (long)tiles->vectors);
    return record;
}

/* Sizes that a kernel's local arrays get: the device's, not the launch's, so that one program serves all maps. */
static void define_room(struct clmix_record *record, const struct tiles *tiles, struct room room, bool pixels)
{
    clmix_record_define(record, "TILE", (long)tiles->tile);
    clmix_record_define(record, "FLOATS", (long)room.floats);
    if (pixels)
        clmix_record_define(record, "PIXELS", (long)room.pixels);
}

/* Rows or columns of a matrix that are two axes of the weights: `outer` x `inner` elements, so far apart. */
struct axis {
    size_t outer, inner;
    long outer_step, inner_step;
};

/* Runs of kw channels of the big map lie side by side in these weights and fill whole panels, so that a kernel can take them as they are.
 * */
static bool runs_are_panels(const struct clmix_conv_map *map, const struct tiles *tiles, const struct clmix_conv_weights *weights)
{
    return map->kernel[1] * map->big_channels == tiles->panels * tiles->panel && weights->base == 0 && weights->big_step == 1 &&
           weights->kx_step == (long)map->big_channels;
}

/* Packs the weights' matrices, one a kernel row, into panels: matrix ky, panel p begins at ky to_ky + p to_panel. Gives the packed weights.
 * */
static int32_t pack_weights(struct clmix_planner *planner, const struct clmix_node *node, const struct tiles *tiles,
                            const struct clmix_conv_map *map, const struct clmix_conv_weights *weights, struct axis rows,
                            struct axis columns, size_t to_ky, size_t to_panel)
{
    const size_t count = map->kernel[0] * tiles->panels * tiles->panel * rows.outer * rows.inner;
    const int32_t packed = clmix_planner_scratch(planner, node, count * sizeof(float));
    struct clmix_record *record = launch_wide(planner, node, "conv_wide_pack.cl", "conv_pack", tiles);

    clmix_record_value(record, weights->value);
    clmix_record_value(record, packed);
    clmix_record_int(record, weights->base);
    clmix_conv_push_sizes(record, 4, (const size_t[]){ rows.outer, rows.inner, columns.outer, columns.inner });
    clmix_record_int(record, weights->ky_step);
    clmix_record_int(record, rows.outer_step);
    clmix_record_int(record, rows.inner_step);
    clmix_record_int(record, columns.outer_step);
    clmix_record_int(record, columns.inner_step);
    clmix_conv_push_sizes(record, 2, (const size_t[]){ to_ky, to_panel });
    clmix_record_grid(record, tiles->panels, map->kernel[0], 1, 1);
    clmix_record_flops(record, 0);
    return packed;
}

bool clmix_conv_gather_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, const struct clmix_conv_weights *weights, int32_t bias,
                            struct clmix_conv_pixels small)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    const struct tiles tiles = choose_tiles(info, map->small_channels);
    const struct axis rows = { map->kernel[1], map->big_channels, weights->kx_step, weights->big_step };
    const struct axis columns = { 1, map->small_channels, 0, weights->small_step };
    const size_t matrix = map->kernel[1] * map->big_channels * tiles.panel;
    struct gather_cut cut;
    struct clmix_record *record;
    int32_t packed = weights->value;

    if (!cut_gather(info, map, &tiles, &cut))
        return false;
    if (tiles.panel != map->small_channels || weights->small_step != 1 || weights->big_step != (long)tiles.panel ||
        weights->kx_step != weights->big_step * (long)map->big_channels || weights->ky_step != weights->kx_step * (long)map->kernel[1])
        packed = pack_weights(planner, node, &tiles, map, weights, rows, columns, matrix, map->kernel[0] * matrix);

    record = launch_wide(planner, node, "conv_wide_gather.cl", "conv_gather", &tiles);
    define_room(record, &tiles, local_room(info), true);
    clmix_record_value(record, big.value);
    clmix_record_value(record, packed);
    clmix_record_value(record, bias);
    clmix_record_value(record, small.value);
    clmix_conv_push_sizes(record, 1, &map->batch);
    clmix_conv_push_map(record, map->big, map->big_channels, big.pitch);
    clmix_conv_push_map(record, map->small, map->small_channels, small.pitch);
    clmix_conv_push(record, map);
    clmix_record_int(record, bias != CLMIX_NONE);
    clmix_conv_push_sizes(record, 4, (const size_t[]){ cut.samples, cut.rows, cut.columns, cut.taps });
    clmix_record_grid(record, clmix_ceil_div(map->small[1], cut.columns), clmix_ceil_div(map->small[0], cut.rows),
                      clmix_ceil_div(map->batch, cut.samples), 1);
    clmix_conv_claim_flops(planner, node, record);
    return true;
}

bool clmix_conv_scatter_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                             struct clmix_conv_pixels small, const struct clmix_conv_weights *weights, int32_t bias,
                             struct clmix_conv_pixels big)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    const struct tiles tiles = choose_tiles(info, map->kernel[1] * map->big_channels);
    const struct axis rows = { 1, map->small_channels, 0, weights->small_step };
    const struct axis columns = { map->kernel[1], map->big_channels, weights->kx_step, weights->big_step };
    /* A weight that meets few pixels is not worth moving. */
    const bool packing = !runs_are_panels(map, &tiles, weights) || map->batch * map->small[0] * map->small[1] > 128;
    const size_t matrix = map->small_channels * tiles.panel;
    struct scatter_cut cut;
    struct clmix_record *record;
    int32_t packed = weights->value;

    if (!cut_scatter(info, map, &tiles, &cut))
        return false;
    if (packing)
        packed = pack_weights(planner, node, &tiles, map, weights, rows, columns, tiles.panels * matrix, matrix);

    record = launch_wide(planner, node, "conv_wide_scatter.cl", "conv_scatter", &tiles);
    define_room(record, &tiles, local_room(info), true);
    clmix_record_value(record, small.value);
    clmix_record_value(record, packed);
    clmix_record_value(record, bias);
    clmix_record_value(record, big.value);
    clmix_conv_push_sizes(record, 1, &map->batch);
    clmix_conv_push_map(record, map->small, map->small_channels, small.pitch);
    clmix_conv_push_map(record, map->big, map->big_channels, big.pitch);
    clmix_conv_push(record, map);
    clmix_record_int(record, bias != CLMIX_NONE);
    clmix_conv_push_sizes(record, 2, (const size_t[]){ cut.samples, cut.rows });
    clmix_record_int(record, packing ? (long)(tiles.panels * matrix) : weights->ky_step);
    clmix_record_int(record, packing ? (long)matrix : (long)tiles.panel);
    clmix_record_int(record, packing ? (long)tiles.panel : weights->small_step);
    clmix_record_grid(record, clmix_ceil_div(map->big[0], cut.rows), clmix_ceil_div(map->batch, cut.samples), 1, 1);
    clmix_conv_claim_flops(planner, node, record);
    return true;
}

/* Partial weight gradients (chunks, kh / taps, channels, row of `pitch`), and where element (ky, kx, o) of a channel's row belongs. */
struct partial_sums {
    int32_t value;
    size_t chunks, groups, taps, kernel_width, channels, outputs, pitch;
    long to_ky, to_c, to_kx, to_o;
};

static void reduce_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct tiles *tiles,
                        const struct partial_sums *sums, int32_t weights)
{
    struct clmix_record *record = launch_wide(planner, node, "conv_wide_pack.cl", "conv_weight_reduce", tiles);

    clmix_record_value(record, sums->value);
    clmix_record_value(record, weights);
    clmix_conv_push_sizes(record, 3, (const size_t[]){ sums->chunks, sums->taps, sums->kernel_width });
    clmix_conv_push_sizes(record, 3, (const size_t[]){ sums->channels, sums->outputs, sums->pitch });
    clmix_record_int(record, sums->to_ky);
    clmix_record_int(record, sums->to_c);
    clmix_record_int(record, sums->to_kx);
    clmix_record_int(record, sums->to_o);
    clmix_record_grid(record, sums->groups, clmix_ceil_div(sums->channels, 16), 1, 1);
    clmix_record_flops(record, 0);
}

static struct clmix_record *launch_weight(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                          const char *kernel, const struct clmix_conv_map *map, const struct weight_cut *cut,
                                          struct clmix_conv_pixels big, struct clmix_conv_pixels small, int32_t partial)
{
    struct clmix_record *record = launch_wide(planner, node, file, kernel, &cut->tiles);

    define_room(record, &cut->tiles, local_room(clmix_planner_device(planner)), false);
    clmix_record_value(record, small.value);
    clmix_record_value(record, big.value);
    clmix_record_value(record, partial);
    clmix_conv_push_sizes(record, 1, &map->batch);
    clmix_conv_push_map(record, map->small, map->small_channels, small.pitch);
    clmix_conv_push_map(record, map->big, map->big_channels, big.pitch);
    clmix_conv_push(record, map);
    clmix_conv_push_sizes(record, 3, (const size_t[]){ cut->chunk_rows, cut->rows, cut->taps });
    return record;
}

/* Vectors along the small map's channels: the sums of a kernel row are a matrix (kw big channels) x small channels. */
static void plan_weight_few(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            const struct weight_cut *cut, struct clmix_conv_pixels big, struct clmix_conv_pixels small,
                            const struct clmix_conv_weights *weights)
{
    const size_t run = map->kernel[1] * map->big_channels, matrix = run * map->small_channels;
    const bool whole = cut->chunks == 1 && weights->base == 0 && weights->small_step == 1 &&
                       weights->big_step == (long)map->small_channels && weights->ky_step == (long)matrix;
    const struct partial_sums sums = {
        .value = whole ? weights->value : clmix_planner_scratch(planner, node, cut->chunks * map->kernel[0] * matrix * sizeof(float)),
        .chunks = cut->chunks,
        .groups = map->kernel[0],
        .taps = 1,
        .kernel_width = 1,
        .channels = run,
        .outputs = map->small_channels,
        .pitch = map->small_channels,
        .to_ky = weights->ky_step,
        .to_c = weights->big_step,
        .to_kx = (long)map->small_channels,
        .to_o = weights->small_step,
    };
    struct clmix_record *record =
        launch_weight(planner, node, "conv_wide_weight_few.cl", "conv_weight_few", map, cut, big, small, sums.value);

    clmix_record_grid(record, map->kernel[0] / cut->taps, cut->chunks, 1, 1);
    clmix_conv_claim_flops(planner, node, record);
    if (!whole)
        reduce_wide(planner, node, &cut->tiles, &sums, weights->value);
}

bool clmix_conv_weight_wide(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, struct clmix_conv_pixels small, const struct clmix_conv_weights *weights)
{
    struct weight_cut cut;
    struct clmix_record *record;
    int32_t partial = weights->value;
    size_t run, matrix, chunk_step;
    bool whole;

    if (!cut_weight(clmix_planner_device(planner), map, weights, &cut))
        return false;
    if (cut.few) {
        plan_weight_few(planner, node, map, &cut, big, small, weights);
        return true;
    }
    run = cut.tiles.panels * cut.tiles.panel;
    matrix = map->small_channels * run;
    chunk_step = map->kernel[0] / cut.taps * matrix;
    whole = cut.taps == 1 && cut.chunks == 1 && runs_are_panels(map, &cut.tiles, weights); /* nothing to add up */
    if (!whole)
        partial = clmix_planner_scratch(planner, node, cut.chunks * chunk_step * sizeof(float));

    record = launch_weight(planner, node, "conv_wide_weight.cl", "conv_weight", map, &cut, big, small, partial);
    clmix_record_int(record, (long)chunk_step);
    clmix_record_int(record, whole ? weights->ky_step : (long)matrix);
    clmix_record_int(record, whole ? weights->small_step : (long)run);
    clmix_record_grid(record, map->kernel[0] / cut.taps, cut.chunks, 1, 1);
    clmix_conv_claim_flops(planner, node, record);
    if (!whole)
        reduce_wide(planner, node, &cut.tiles,
                    &(struct partial_sums){ .value = partial,
                                            .chunks = cut.chunks,
                                            .groups = map->kernel[0] / cut.taps,
                                            .taps = cut.taps,
                                            .kernel_width = map->kernel[1],
                                            .channels = map->small_channels,
                                            .outputs = map->big_channels,
                                            .pitch = run,
                                            .to_ky = weights->ky_step,
                                            .to_c = weights->small_step,
                                            .to_kx = weights->kx_step,
                                            .to_o = weights->big_step },
                    weights->value);
    return true;
}
