/* The simt form of the window sums: products over taps by tiles in local memory, cut over phases, and over pixels for weights. */
#include "ops/conv_form.h"
#include "ops/gemm_internal.h"

/* A work-group's tile: pixels (or weights) by outputs, of which each work-item has so many. */
struct tile {
    size_t rows, columns, item_rows, item_columns;
    bool runs;
};

static struct tile choose_tile(const clmix_device_info *info, size_t outputs)
{
    struct tile tile = { 64, 64, 4, 4, true };

    if (clmix_simt_makes_vectors(info)) { /* rows of 16 work-items are vectors */
        tile.item_rows = info->vector_width >= 16 ? 8 : 4;
        tile.item_columns = outputs <= 16 ? 1 : 2;
        tile.columns = 16 * tile.item_columns;
        tile.runs = false;
    } else if (outputs <= 8) { /* groups of 64 work-items */
        tile.columns = outputs <= 4 ? 4 : 8;
        tile.rows = 1024 / tile.columns;
    } else if (outputs <= 32 || info->max_work_group < 256)
        tile.columns = outputs <= 16 ? 16 : 32;
    return tile;
}

static void define_tile(struct clmix_launcher *launcher, const struct tile *tile)
{
    clmix_launch_define(launcher, "TM", (long)tile->rows);
    clmix_launch_define(launcher, "TN", (long)tile->columns);
    clmix_launch_define(launcher, "PM", (long)tile->item_rows);
    clmix_launch_define(launcher, "PN", (long)tile->item_columns);
    clmix_launch_define(launcher, "RUNS", tile->runs);
}

static void launch_tiles(struct clmix_launcher *launcher, const struct tile *tile, size_t rows, size_t columns, size_t parts)
{
    clmix_launch_grid(launcher, clmix_ceil_div(rows, tile->rows), clmix_ceil_div(columns, tile->columns), parts, 1);
    clmix_launch_group(launcher, tile->columns / tile->item_columns, tile->rows / tile->item_rows);
}

/* Gathering and scattering are one kernel: a product over taps, with the map it reads, the map it writes, and how far apart the weights of
 * their channels are. */
void clmix_conv_product_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map, bool scatter,
                             struct clmix_conv_pixels from, struct clmix_conv_pixels to, const struct clmix_conv_weights *weights,
                             int32_t bias)
{
    const size_t *from_size = scatter ? map->small : map->big, *to_size = scatter ? map->big : map->small;
    const size_t channels = scatter ? map->small_channels : map->big_channels, outputs = scatter ? map->big_channels : map->small_channels;
    const size_t phases[2] = { scatter ? map->stride[0] : 1, scatter ? map->stride[1] : 1 };
    const size_t pixels = map->batch * clmix_ceil_div(to_size[0], phases[0]) * clmix_ceil_div(to_size[1], phases[1]);
    const struct tile tile = choose_tile(clmix_planner_device(planner), outputs);
    struct clmix_launcher *launcher = clmix_launch_kernel(planner, node, "conv_simt.cl", "conv_product");

    define_tile(launcher, &tile);
    clmix_launch_value(launcher, from.value);
    clmix_launch_value(launcher, weights->value);
    clmix_launch_value(launcher, bias);
    clmix_launch_value(launcher, to.value);
    clmix_conv_push_sizes(launcher, 1, &map->batch);
    clmix_conv_push_map(launcher, from_size, channels, from.pitch);
    clmix_conv_push_map(launcher, to_size, outputs, to.pitch);
    clmix_conv_push(launcher, map);
    clmix_launch_int(launcher, weights->base);
    clmix_launch_int(launcher, weights->ky_step);
    clmix_launch_int(launcher, weights->kx_step);
    clmix_launch_int(launcher, scatter ? weights->small_step : weights->big_step);
    clmix_launch_int(launcher, scatter ? weights->big_step : weights->small_step);
    clmix_launch_int(launcher, bias != CLMIX_NONE);
    clmix_launch_int(launcher, scatter);
    launch_tiles(launcher, &tile, pixels, outputs, phases[0] * phases[1]);
    clmix_conv_claim_flops(planner, node, launcher);
}

void clmix_conv_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map, int32_t partial,
                       size_t parts, struct clmix_conv_weights weights)
{
    const size_t count = map->kernel[0] * map->kernel[1] * map->big_channels * map->small_channels;
    struct clmix_launcher *launcher = clmix_launch_kernel(planner, node, "conv_simt_reduce.cl", "conv_reduce");

    clmix_launch_value(launcher, partial);
    clmix_launch_value(launcher, weights.value);
    clmix_conv_push_sizes(launcher, 5, (const size_t[]){ parts, count, map->kernel[1], map->big_channels, map->small_channels });
    clmix_launch_int(launcher, weights.ky_step);
    clmix_launch_int(launcher, weights.kx_step);
    clmix_launch_int(launcher, weights.big_step);
    clmix_launch_int(launcher, weights.small_step);
    clmix_launch_grid(launcher, clmix_ceil_div(count, 64), 1, 1, 64);
    clmix_launch_flops(launcher, 0);
}

void clmix_conv_weight_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, struct clmix_conv_pixels small, const struct clmix_conv_weights *weights)
{
    const struct tile tile = choose_tile(clmix_planner_device(planner), map->small_channels);
    const size_t terms = map->kernel[0] * map->kernel[1] * map->big_channels;
    const size_t tiles = clmix_ceil_div(terms, 64) * clmix_ceil_div(map->small_channels, 64),
                 pixels = map->batch * map->small[0] * map->small[1];
    const size_t wanted = clmix_larger(1, clmix_conv_groups(clmix_planner_device(planner)) / tiles), most = clmix_larger(1, pixels / 256);
    const size_t part_pixels = clmix_ceil_div(clmix_ceil_div(pixels, clmix_smaller(wanted, most)), 32) * 32,
                 parts = clmix_ceil_div(pixels, part_pixels);
    const int32_t partial = clmix_planner_scratch(planner, node, parts * terms * map->small_channels * sizeof(float));
    struct clmix_launcher *launcher = clmix_launch_kernel(planner, node, "conv_simt_weight.cl", "conv_weight_product");

    define_tile(launcher, &tile);
    clmix_launch_value(launcher, big.value);
    clmix_launch_value(launcher, small.value);
    clmix_launch_value(launcher, partial);
    clmix_conv_push_sizes(launcher, 1, &map->batch);
    clmix_conv_push_map(launcher, map->big, map->big_channels, big.pitch);
    clmix_conv_push_map(launcher, map->small, map->small_channels, small.pitch);
    clmix_conv_push(launcher, map);
    clmix_conv_push_sizes(launcher, 1, &part_pixels);
    launch_tiles(launcher, &tile, terms, map->small_channels, parts);
    clmix_conv_claim_flops(planner, node, launcher);
    clmix_conv_reduce(planner, node, map, partial, parts, *weights);
}
