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

static void define_tile(struct clmix_record *record, const struct tile *tile)
{
    clmix_record_define(record, "TM", (long)tile->rows);
    clmix_record_define(record, "TN", (long)tile->columns);
    clmix_record_define(record, "PM", (long)tile->item_rows);
    clmix_record_define(record, "PN", (long)tile->item_columns);
    clmix_record_define(record, "RUNS", tile->runs);
}

static void launch_tiles(struct clmix_record *record, const struct tile *tile, size_t rows, size_t columns, size_t chunks)
{
    clmix_record_grid(record, clmix_ceil_div(rows, tile->rows), clmix_ceil_div(columns, tile->columns), chunks, 1);
    clmix_record_group(record, tile->columns / tile->item_columns, tile->rows / tile->item_rows);
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
    struct clmix_record *record = clmix_record_kernel(planner, node, "conv_simt.cl", "conv_product");

    define_tile(record, &tile);
    clmix_record_value(record, from.value);
    clmix_record_value(record, weights->value);
    clmix_record_value(record, bias);
    clmix_record_value(record, to.value);
    clmix_conv_push_sizes(record, 1, &map->batch);
    clmix_conv_push_map(record, from_size, channels, from.pitch);
    clmix_conv_push_map(record, to_size, outputs, to.pitch);
    clmix_conv_push(record, map);
    clmix_record_int(record, weights->base);
    clmix_record_int(record, weights->ky_step);
    clmix_record_int(record, weights->kx_step);
    clmix_record_int(record, scatter ? weights->small_step : weights->big_step);
    clmix_record_int(record, scatter ? weights->big_step : weights->small_step);
    clmix_record_int(record, bias != CLMIX_NONE);
    clmix_record_int(record, scatter);
    launch_tiles(record, &tile, pixels, outputs, phases[0] * phases[1]);
    clmix_conv_claim_flops(planner, node, record);
}

void clmix_conv_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map, int32_t partial,
                       size_t chunks, struct clmix_conv_weights weights)
{
    const size_t count = map->kernel[0] * map->kernel[1] * map->big_channels * map->small_channels;
    struct clmix_record *record = clmix_record_kernel(planner, node, "conv_simt_reduce.cl", "conv_reduce");

    clmix_record_value(record, partial);
    clmix_record_value(record, weights.value);
    clmix_conv_push_sizes(record, 5, (const size_t[]){ chunks, count, map->kernel[1], map->big_channels, map->small_channels });
    clmix_record_int(record, weights.ky_step);
    clmix_record_int(record, weights.kx_step);
    clmix_record_int(record, weights.big_step);
    clmix_record_int(record, weights.small_step);
    clmix_record_grid(record, clmix_ceil_div(count, 64), 1, 1, 64);
    clmix_record_flops(record, 0);
}

void clmix_conv_weight_simt(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_conv_map *map,
                            struct clmix_conv_pixels big, struct clmix_conv_pixels small, const struct clmix_conv_weights *weights)
{
    const struct tile tile = choose_tile(clmix_planner_device(planner), map->small_channels);
    const size_t terms = map->kernel[0] * map->kernel[1] * map->big_channels;
    const size_t tiles = clmix_ceil_div(terms, 64) * clmix_ceil_div(map->small_channels, 64),
                 pixels = map->batch * map->small[0] * map->small[1];
    const size_t wanted = clmix_larger(1, clmix_conv_groups(clmix_planner_device(planner)) / tiles), most = clmix_larger(1, pixels / 256);
    const size_t chunk_pixels = clmix_ceil_div(clmix_ceil_div(pixels, clmix_smaller(wanted, most)), 32) * 32,
                 chunks = clmix_ceil_div(pixels, chunk_pixels);
    const int32_t partial = clmix_planner_scratch(planner, node, chunks * terms * map->small_channels * sizeof(float));
    struct clmix_record *record = clmix_record_kernel(planner, node, "conv_simt_weight.cl", "conv_weight_product");

    define_tile(record, &tile);
    clmix_record_value(record, big.value);
    clmix_record_value(record, small.value);
    clmix_record_value(record, partial);
    clmix_conv_push_sizes(record, 1, &map->batch);
    clmix_conv_push_map(record, map->big, map->big_channels, big.pitch);
    clmix_conv_push_map(record, map->small, map->small_channels, small.pitch);
    clmix_conv_push(record, map);
    clmix_conv_push_sizes(record, 1, &chunk_pixels);
    launch_tiles(record, &tile, terms, map->small_channels, chunks);
    clmix_conv_claim_flops(planner, node, record);
    clmix_conv_reduce(planner, node, map, partial, chunks, *weights);
}
