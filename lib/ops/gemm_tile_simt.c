/* Tiles of the simt form: what a work-group and a work-item own, and splits of the depth where there are too few tiles. */
#include "ops/gemm_internal.h"

#include "base/size.h"
#include "runtime/runtime.h"

struct shape {
    long rows, columns;           /* of a work-group */
    long item_rows, item_columns; /* of a work-item */
};

/* Best first where they waste alike. A work-item of 4 x 4 leaves room for other groups; larger ones load less for each multiply-add. Every
 * group is a multiple of 64 work-items. */
static const struct shape gpu_shapes[] = {
    { 64, 64, 4, 4 }, { 128, 64, 8, 4 }, { 128, 128, 8, 8 }, { 128, 32, 4, 4 }, { 128, 32, 8, 4 }, { 64, 32, 4, 4 },
    { 32, 64, 4, 4 }, { 128, 16, 4, 4 }, { 64, 16, 4, 4 },   { 16, 64, 4, 4 },  { 32, 32, 4, 4 },
};
/* For a device that has no such groups. */
static const struct shape small_shapes[] = { { 16, 16, 4, 4 } };
/* CPU compilers make a vector of the 16 work-items of a row: as many sums as registers of 512 bits hold, or of 256. */
static const struct shape cpu_shapes[] = {
    { 64, 64, 4, 4 }, { 128, 32, 8, 2 }, { 64, 32, 8, 2 }, { 48, 32, 12, 2 }, { 128, 16, 8, 1 },
    { 32, 32, 8, 2 }, { 32, 16, 8, 1 },  { 16, 32, 8, 2 }, { 8, 32, 8, 2 },   { 4, 64, 4, 4 },
};
static const struct shape narrow_cpu_shapes[] = {
    { 64, 32, 4, 2 }, { 64, 16, 8, 1 }, { 64, 16, 4, 1 }, { 32, 32, 4, 2 }, { 16, 32, 4, 2 }, { 4, 32, 4, 2 },
};

struct shapes {
    const struct shape *list;
    int count;
};

static struct shapes shapes_for(const clmix_device_info *info, bool cpu)
{
    if (!cpu && info->max_work_group < 64)
        return (struct shapes){ small_shapes, 1 };
    if (!cpu)
        return (struct shapes){ gpu_shapes, sizeof gpu_shapes / sizeof *gpu_shapes };
    if (info->vector_width >= 16)
        return (struct shapes){ cpu_shapes, sizeof cpu_shapes / sizeof *cpu_shapes };
    return (struct shapes){ narrow_cpu_shapes, sizeof narrow_cpu_shapes / sizeof *narrow_cpu_shapes };
}

/* Elements of C and beyond that all tiles together compute. */
static size_t area(const struct shape *shape, const struct clmix_gemm *gemm)
{
    return clmix_round_up(gemm->rows, (size_t)shape->rows) * clmix_round_up(gemm->columns, (size_t)shape->columns);
}

/* Of a small tile each work-item brings much: normalising that on the way takes more registers than some GPUs have. */
static bool fits(const struct shape *shape, const clmix_device_info *info, const struct clmix_gemm *gemm, bool cpu)
{
    if (clmix_device_few_sums(info) && shape->item_rows * shape->item_columns > 16)
        return false;
    if (gemm->has_prologue && !cpu && (shape->rows < 64 || shape->columns < 64) && info->max_work_group >= 64)
        return false;
    return (size_t)(shape->rows / shape->item_rows * (shape->columns / shape->item_columns)) <= info->max_work_group;
}

bool clmix_simt_makes_vectors(const clmix_device_info *info)
{
    const cl_device_type kinds = CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR;

    return (info->type & kinds) == CL_DEVICE_TYPE_CPU && info->vector_width > 1;
}

/* The variant-th of the shapes that waste little; false when there are not so many. */
static bool choose_shape(const clmix_device_info *info, const struct clmix_gemm *gemm, bool cpu, int variant, struct shape *shape)
{
    struct shapes shapes = shapes_for(info, cpu);
    size_t least = SIZE_MAX;

    for (int i = 0; i < shapes.count; i++)
        if (fits(&shapes.list[i], info, gemm, cpu))
            least = clmix_smaller(least, area(&shapes.list[i], gemm));
    for (int i = 0; i < shapes.count; i++)
        if (fits(&shapes.list[i], info, gemm, cpu) && area(&shapes.list[i], gemm) <= least + least / 8 && variant-- == 0) {
            *shape = shapes.list[i];
            return true;
        }
    return false;
}

bool clmix_gemm_choose_simt(const clmix_device_info *info, const struct clmix_gemm *gemm, int variant, struct clmix_gemm_tile *tile)
{
    const bool cpu = clmix_simt_makes_vectors(info);
    const size_t tiles = clmix_ceil_div(gemm->rows, 64) * clmix_ceil_div(gemm->columns, 64) * clmix_gemm_batches(gemm);
    const size_t wanted = 4 * (size_t)clmix_larger(info->compute_units, 1);
    struct shape shape;

    if (!choose_shape(info, gemm, cpu, variant, &shape))
        return false;
    tile->tile_rows = shape.rows;
    tile->tile_columns = shape.columns;
    tile->item_rows = shape.item_rows;
    tile->item_columns = shape.item_columns;
    tile->runs = !cpu;
    tile->groups[0] = clmix_ceil_div(gemm->rows, (size_t)tile->tile_rows);
    tile->groups[1] = clmix_ceil_div(gemm->columns, (size_t)tile->tile_columns);
    if (2 * tiles <= wanted && gemm->depth >= 512) /* by 64 x 64 whatever the tile: the splits decide the bits */
        clmix_gemm_split_depth(gemm, tiles, wanted, tile);
    return true;
}
