/* Tiles of the wide form: registers, blocks for the caches, and splits of the depth where there are too few tiles to keep the device busy. */
#include "ops/gemm_internal.h"

#include "base/size.h"

/* Floats in a vector: what the device calls native, of those the kernels have a tile for. */
static size_t vector_width(const clmix_device_info *info)
{
    return info->vector_width >= 16 ? 16 : info->vector_width >= 8 ? 8 : 4;
}

/* Register tile: the one that takes the fewest multiply-adds of whole vectors, edges counted, of those that leave the registers room for a
 * step of B and a broadcast of A. A strip's last rows and a panel's last vectors go one vector at a time, which is slower by half, and
 * loads are not quite free. */
static void register_tile(size_t width, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    static const struct {
        size_t width, rows, vectors;
    } shapes[] = { { 16, 4, 4 }, { 16, 8, 2 }, { 16, 16, 1 }, { 8, 6, 2 }, { 8, 6, 1 }, { 4, 8, 3 }, { 4, 8, 1 } };
    double least = 0;

    tile->width = (long)width;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t strips = gemm->rows / shapes[i].rows, panel = width * shapes[i].vectors, panels = gemm->columns / panel;
        const size_t rows = gemm->rows % shapes[i].rows == 0 ? 0 : shapes[i].rows, vectors = clmix_ceil_div(gemm->columns % panel, width);
        const double across = (double)(panels * shapes[i].vectors) + 1.5 * (double)vectors,
                     loads = 1.0 / (double)shapes[i].rows + 1.0 / (double)shapes[i].vectors,
                     cost = ((double)(strips * shapes[i].rows) + 1.5 * (double)rows) * across * (1 + 0.2 * loads);

        if (shapes[i].width != width || (tile->rows != 0 && cost >= least))
            continue;
        least = cost;
        tile->rows = (long)shapes[i].rows;
        tile->vectors = (long)shapes[i].vectors;
    }
}

/* The packed block of B takes at most half of local memory. Transposed A is read a row of the stored matrix a step, so a slab's rows
 * must stay within reach of the caches and page tables. There B, of which few strips read each slab, stays where it is if its rows are
 * whole vectors and not so long that they meet in the same cache sets. Tiles of narrow vectors are many to a strip of A, which is then worth
 * copying (measured on a Zen 3: 1 to 8 % of a step of bert-small, by turns; with fewer than eight panels it costs more than it gives), and B with it. */
static void blocks(const clmix_device_info *info, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    size_t panel_columns = (size_t)(tile->vectors * tile->width), steps = clmix_smaller(gemm->depth, 512), across = 1;

    tile->panel = (long)(clmix_smaller(clmix_larger(info->local_bytes, (size_t)32 << 10), (size_t)1 << 20) / 2 / sizeof(float));
    tile->copy_a = tile->width < 16 && gemm->columns >= 8 * panel_columns && gemm->segment == 0 && !gemm->has_prologue;
    tile->in_place = gemm->transpose_a && !gemm->transpose_b && gemm->columns <= 512 && gemm->columns % (size_t)tile->width == 0 &&
                     gemm->segment == 0 && !tile->copy_a;
    if (gemm->transpose_a)
        steps = clmix_smaller(steps, 128);
    if (!tile->in_place)
        steps = clmix_smaller(steps, (size_t)tile->panel / panel_columns);
    tile->slab = steps;
    if (!tile->in_place) /* as few as have room, of one size, so that no core waits for another */
        across = clmix_ceil_div(gemm->columns, (size_t)tile->panel / steps / panel_columns * panel_columns);
    tile->column_block = clmix_round_up(clmix_ceil_div(gemm->columns, across), panel_columns);
}

bool clmix_gemm_choose_wide(const clmix_device_info *info, const struct clmix_gemm *gemm, int variant, struct clmix_gemm_tile *tile)
{
    size_t width = vector_width(info), batch = clmix_gemm_batches(gemm);
    size_t wanted = 8 * (size_t)clmix_larger(info->compute_units, 1), across, most, height, down;
    bool few, deep;

    register_tile(width, gemm, tile);
    height = (size_t)tile->rows;
    blocks(info, gemm, tile);
    across = clmix_ceil_div(gemm->columns, tile->column_block) * batch;
    most = clmix_ceil_div(gemm->rows, 48); /* a block packs B for itself: worth it from some rows on */
    down = clmix_smaller(clmix_larger(wanted / across, 1), most);
    few = across * most < wanted;
    /* Where the depth alone keeps the device busy, and A and B are large beside C, only that is split: then B, which may be larger than the
     * caches, is read and packed once, and transposed A read in whole rows. */
    deep = gemm->depth / 256 >= wanted && (gemm->depth >= 8 * gemm->rows || (gemm->transpose_a && few));
    if (deep || (few && gemm->depth >= 512)) {
        down = deep ? 1 : clmix_smaller(down, clmix_ceil_div(gemm->rows, 96));
        clmix_gemm_split_depth(gemm, across * down, wanted, tile);
        if (deep) /* there is a limit to partial sums: rows are cut for what it leaves to do */
            down = clmix_smaller(clmix_larger(wanted / (across * tile->splits), 1), most);
    }
    tile->row_block = clmix_round_up(clmix_ceil_div(gemm->rows, down), height);
    tile->groups[0] = clmix_ceil_div(gemm->rows, tile->row_block);
    tile->groups[1] = clmix_ceil_div(gemm->columns, tile->column_block);
    /* Several slabs keep their sums in C, which the residual may share: then the splits' sums go to memory of their own. */
    if (gemm->residual.value != CLMIX_NONE && !gemm->residual_apart && tile->splits == 1 && gemm->depth > tile->slab) {
        tile->chunk = clmix_round_up(clmix_ceil_div(gemm->depth, 2), 32);
        tile->splits = clmix_ceil_div(gemm->depth, tile->chunk);
    }
    return variant == 0;
}
