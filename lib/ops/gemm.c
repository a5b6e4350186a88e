/* Matrix products: the launches of clmix's own kernels and of what follows them. */
#include "ops/gemm.h"

#include "base/size.h"
#include "base/status.h"

struct clmix_matrix clmix_matrix_of(int32_t value)
{
    return (struct clmix_matrix){ .value = value };
}

void clmix_gemm_push_matrix(struct clmix_launcher *launcher, const struct clmix_planner *planner, const struct clmix_matrix *matrix)
{
    size_t pitch = matrix->pitch;

    if (pitch == 0 && matrix->value != CLMIX_NONE)
        pitch = clmix_tensor_at(clmix_planner_graph(planner), matrix->value)->pitch;
    clmix_launch_value(launcher, matrix->value);
    clmix_launch_uint(launcher, matrix->offset);
    clmix_launch_uint(launcher, pitch);
    clmix_launch_uint(launcher, matrix->outer_stride);
    clmix_launch_uint(launcher, matrix->inner_stride);
}

void clmix_gemm_define_epilogue(struct clmix_launcher *launcher, const struct clmix_gemm *gemm, bool plain)
{
    if (plain)
        return;
    if (gemm->bias != CLMIX_NONE)
        clmix_launch_define(launcher, "BIAS", 1);
    if (gemm->activation != CLMIX_ACTIVATION_NONE)
        clmix_launch_define(launcher, "ACTIVATION", (long)gemm->activation);
    if (gemm->residual.value != CLMIX_NONE)
        clmix_launch_define(launcher, "RESIDUAL", gemm->residual_use == 0 ? CLMIX_RESIDUAL_ADDED : (long)gemm->residual_use);
    if (gemm->scale_place != CLMIX_SCALE_NONE)
        clmix_launch_define(launcher, "SCALE", (long)gemm->scale_place);
}

bool clmix_gemm_has_epilogue(const struct clmix_gemm *gemm)
{
    return gemm->bias != CLMIX_NONE || gemm->activation != CLMIX_ACTIVATION_NONE || gemm->residual.value != CLMIX_NONE ||
           gemm->scale_place != CLMIX_SCALE_NONE;
}

void clmix_gemm_plan_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                            const struct clmix_matrix *parts, size_t splits, size_t part_split)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    bool wide = clmix_planner_wide(planner);
    size_t wanted = 8 * (size_t)(info->compute_units == 0 ? 1 : info->compute_units), chunk = (gemm->rows + wanted - 1) / wanted;
    struct clmix_launcher *launcher = clmix_launch_kernel(planner, node, "gemm_reduce.cl", "gemm_reduce");

    clmix_launch_define(launcher, "WG", wide ? 1 : 64);
    if (!wide)
        clmix_launch_define(launcher, "VW", 4);
    clmix_gemm_define_epilogue(launcher, gemm, false);
    clmix_launch_uint(launcher, gemm->rows);
    clmix_launch_uint(launcher, gemm->columns);
    clmix_launch_uint(launcher, clmix_at_least_one(gemm->inner_batch));
    clmix_launch_uint(launcher, splits);
    clmix_launch_uint(launcher, chunk);
    clmix_gemm_push_matrix(launcher, planner, parts);
    clmix_launch_uint(launcher, part_split);
    clmix_gemm_push_matrix(launcher, planner, &gemm->c);
    clmix_gemm_push_matrix(launcher, planner, &gemm->residual);
    clmix_launch_value(launcher, gemm->bias);
    clmix_launch_float(launcher, gemm->scale);
    clmix_launch_grid(launcher, clmix_ceil_div(gemm->rows, chunk), clmix_gemm_batches(gemm), 1, wide ? 1 : 64);
}

/* Steps that the wide form's strip of normalised rows has room for: one of few numbers, each a kernel. */
static long strip_of(const struct clmix_gemm_tile *tile)
{
    long steps = 64;

    while ((size_t)steps < tile->slab)
        steps *= 2;
    return steps;
}

static struct clmix_launcher *begin_kernel(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                           const struct clmix_gemm_tile *tile)
{
    struct clmix_launcher *launcher = tile->wide ? clmix_launch_kernel(planner, node, "gemm_wide.cl", "gemm_wide")
                                                 : clmix_launch_kernel(planner, node, "gemm_simt.cl", "gemm_simt");

    if (tile->wide) {
        clmix_launch_define(launcher, "VW", tile->width);
        clmix_launch_define(launcher, "MR", tile->rows);
        clmix_launch_define(launcher, "NRV", tile->vectors);
        if (tile->in_place)
            clmix_launch_define(launcher, "IN_PLACE", 1);
        else
            clmix_launch_define(launcher, "PANEL", tile->panel);
    } else {
        clmix_launch_define(launcher, "VW", 4);
        clmix_launch_define(launcher, "TM", tile->tile_rows);
        clmix_launch_define(launcher, "TN", tile->tile_columns);
        clmix_launch_define(launcher, "PM", tile->item_rows);
        clmix_launch_define(launcher, "PN", tile->item_columns);
        clmix_launch_define(launcher, "RUNS", tile->runs);
    }
    if (gemm->transpose_a)
        clmix_launch_define(launcher, "TRANSPOSE_A", 1);
    if (gemm->transpose_b)
        clmix_launch_define(launcher, "TRANSPOSE_B", 1);
    if (gemm->normalized)
        clmix_launch_define(launcher, "NORMALIZED", 1);
    if (gemm->normalized && tile->wide)
        clmix_launch_define(launcher, "STRIP", strip_of(tile));
    clmix_gemm_define_epilogue(launcher, gemm, tile->splits > 1);
    return launcher;
}

static void plan_own(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                     const struct clmix_gemm_tile *tile)
{
    size_t product = gemm->rows * gemm->columns, inner = clmix_at_least_one(gemm->inner_batch),
           outer = clmix_at_least_one(gemm->outer_batch);
    struct clmix_matrix c = gemm->c;
    struct clmix_launcher *launcher;

    if (tile->splits > 1)
        c = (struct clmix_matrix){
            .value = clmix_planner_scratch(planner, node, outer * inner * tile->splits * product * sizeof(float)),
            .pitch = gemm->columns,
            .outer_stride = inner * tile->splits * product,
            .inner_stride = tile->splits * product,
        };
    launcher = begin_kernel(planner, node, gemm, tile);
    clmix_launch_uint(launcher, gemm->rows);
    clmix_launch_uint(launcher, gemm->columns);
    clmix_launch_uint(launcher, gemm->depth);
    clmix_launch_uint(launcher, inner);
    clmix_launch_uint(launcher, tile->splits);
    clmix_launch_uint(launcher, tile->chunk);
    clmix_gemm_push_matrix(launcher, planner, &gemm->a);
    clmix_gemm_push_matrix(launcher, planner, &gemm->b);
    clmix_gemm_push_matrix(launcher, planner, &c);
    clmix_launch_uint(launcher, tile->splits > 1 ? product : 0);
    clmix_gemm_push_matrix(launcher, planner, &gemm->residual);
    clmix_launch_value(launcher, gemm->bias);
    clmix_launch_float(launcher, gemm->scale);
    if (tile->wide) {
        clmix_launch_uint(launcher, tile->row_block);
        clmix_launch_uint(launcher, tile->column_block);
        clmix_launch_uint(launcher, tile->slab);
    }
    if (gemm->normalized) {
        clmix_launch_value(launcher, gemm->normal.stats);
        clmix_launch_value(launcher, gemm->normal.weight);
        clmix_launch_value(launcher, gemm->normal.bias);
    }
    clmix_launch_grid(launcher, tile->groups[0], tile->groups[1], tile->groups[2], 1);
    if (!tile->wide)
        clmix_launch_group(launcher, (size_t)(tile->tile_columns / tile->item_columns), (size_t)(tile->tile_rows / tile->item_rows));
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

clmix_status clmix_gemm_plan(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm)
{
    enum clmix_gemm_route route;
    struct clmix_gemm_tile tile;

    if (gemm->rows == 0 || gemm->columns == 0 || gemm->depth == 0)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "a matrix product of %zux%zu by %zux%zu has nothing in it", gemm->rows, gemm->depth,
                          gemm->depth, gemm->columns);
    CLMIX_TRY(clmix_gemm_choose_route(planner, gemm, &route, &tile));
    return clmix_gemm_plan_route(planner, node, gemm, route, &tile);
}
