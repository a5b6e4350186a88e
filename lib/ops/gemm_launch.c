/* The launches of a product once its route and its tile are known. */
#include "ops/gemm_internal.h"

#include "base/size.h"
#include "base/status.h"

/* Steps that the wide form's strip of normalised rows has room for: one of few numbers, each a kernel. */
static long strip_of(const struct clmix_gemm_tile *tile)
{
    long steps = 64;

    while ((size_t)steps < tile->slab)
        steps *= 2;
    return steps;
}

static struct clmix_record *begin_kernel(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                         const struct clmix_gemm_tile *tile)
{
    struct clmix_record *record = tile->wide ? clmix_record_kernel(planner, node, "gemm_wide.cl", "gemm_wide")
                                             : clmix_record_kernel(planner, node, "gemm_simt.cl", "gemm_simt");

    if (tile->wide) {
        clmix_record_define(record, "VW", tile->width);
        clmix_record_define(record, "MR", tile->rows);
        clmix_record_define(record, "NRV", tile->vectors);
        if (tile->in_place)
            clmix_record_define(record, "IN_PLACE", 1);
        else
            clmix_record_define(record, "PANEL", tile->panel);
    } else {
        clmix_record_define(record, "VW", 4);
        clmix_record_define(record, "TM", tile->tile_rows);
        clmix_record_define(record, "TN", tile->tile_columns);
        clmix_record_define(record, "PM", tile->item_rows);
        clmix_record_define(record, "PN", tile->item_columns);
        clmix_record_define(record, "RUNS", tile->runs);
    }
    if (gemm->transpose_a)
        clmix_record_define(record, "TRANSPOSE_A", 1);
    if (gemm->transpose_b)
        clmix_record_define(record, "TRANSPOSE_B", 1);
    if (gemm->segment != 0)
        clmix_record_define(record, "SEGMENTS", 1);
    if (gemm->has_prologue)
        clmix_record_define(record, "PROLOGUE", 1);
    if (tile->wide && tile->copy_a)
        clmix_record_define(record, "COPY_A", 1);
    if (tile->wide && (gemm->has_prologue || tile->copy_a))
        clmix_record_define(record, "STRIP", strip_of(tile));
    clmix_gemm_define_epilogue(record, gemm, tile->splits > 1);
    return record;
}

static void plan_own(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                     const struct clmix_gemm_tile *tile)
{
    size_t product = gemm->rows * gemm->columns, inner = clmix_at_least_one(gemm->inner_batch),
           outer = clmix_at_least_one(gemm->outer_batch);
    struct clmix_matrix c = gemm->c;
    struct clmix_record *record;

    if (tile->splits > 1)
        c = (struct clmix_matrix){
            .value = clmix_planner_scratch(planner, node, outer * inner * tile->splits * product * sizeof(float)),
            .pitch = gemm->columns,
            .outer_stride = inner * tile->splits * product,
            .inner_stride = tile->splits * product,
        };
    record = begin_kernel(planner, node, gemm, tile);
    clmix_record_uint(record, gemm->rows);
    clmix_record_uint(record, gemm->columns);
    clmix_record_uint(record, gemm->depth);
    clmix_record_uint(record, inner);
    clmix_record_uint(record, tile->splits);
    clmix_record_uint(record, tile->chunk);
    clmix_gemm_push_matrix(record, planner, &gemm->a);
    clmix_gemm_push_matrix(record, planner, &gemm->b);
    clmix_gemm_push_matrix(record, planner, &c);
    clmix_record_uint(record, tile->splits > 1 ? product : 0);
    clmix_gemm_push_matrix(record, planner, &gemm->residual);
    clmix_record_value(record, gemm->bias);
    clmix_record_float(record, gemm->scale);
    if (tile->wide) {
        clmix_record_uint(record, tile->row_block);
        clmix_record_uint(record, tile->column_block);
        clmix_record_uint(record, tile->slab);
    }
    if (gemm->segment != 0)
        clmix_record_uint(record, gemm->segment);
    if (gemm->has_prologue) {
        clmix_record_value(record, gemm->prologue.stats);
        clmix_record_value(record, gemm->prologue.weight);
        clmix_record_value(record, gemm->prologue.bias);
    }
    clmix_record_grid(record, tile->groups[0], tile->groups[1], tile->groups[2], 1);
    if (!tile->wide)
        clmix_record_group(record, (size_t)(tile->tile_columns / tile->item_columns), (size_t)(tile->tile_rows / tile->item_rows));
    if (tile->splits > 1)
        clmix_gemm_plan_reduce(planner, node, gemm, &c, tile->splits, product);
}

clmix_status clmix_gemm_plan_route(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                   enum clmix_gemm_route route, const struct clmix_gemm_tile *tile)
{
    struct clmix_gemm_tile chosen;

    if (route == CLMIX_GEMM_CLBLAST) {
        clmix_gemm_plan_clblast(planner, node, gemm);
        return CLMIX_OK;
    }
    if (tile == NULL) {
        clmix_gemm_choose_tile(clmix_planner_device(planner), clmix_planner_wide(planner), gemm, 0, &chosen);
        tile = &chosen;
    }
    plan_own(planner, node, gemm, tile);
    return CLMIX_OK;
}
