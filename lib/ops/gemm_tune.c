/* Which tile clmix's own kernel takes. Measured once for each pair of transposes and class of shapes, and remembered (tune.h).
 *
 * What is measured is the plain product: prologue and epilogue take the same time with every tile. All tiles add in the same order, so the
 * choice changes no bit. */
#include "ops/gemm_internal.h"

#include "base/size.h"
#include "base/status.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <string.h>

#define REVISION   1
#define MARGIN     1.04
#define MOST_TILES 16
#define MOST_NAME  64
#define LEAST_WORK 1048576.0 /* multiply-adds: below, a product takes hardly longer than its launch, whatever the tile */
/* Multiply-adds of a product that is timed: a millisecond's work of a CPU or a small GPU, and enough for the waves of a large one. */
#define MOST_WORK_CPU 67108864.0
#define MOST_WORK     268435456.0
#define MOST_ELEMENTS 4194304 /* of an operand */

struct subject {
    struct clmix_gemm like;
    bool wide;
    int count;
    struct clmix_gemm_tile tiles[MOST_TILES]; /* of `like` */
    char names[MOST_TILES][MOST_NAME];
    const char *ways[MOST_TILES];
};

static size_t class_of(size_t size, size_t most)
{
    size_t rounded = 1;

    while (rounded < size && rounded < most)
        rounded *= 2;
    return rounded;
}

static bool too_large(const struct clmix_gemm *gemm, double most)
{
    return (double)gemm->rows * (double)gemm->columns * (double)gemm->depth > most || gemm->rows * gemm->columns > MOST_ELEMENTS ||
           gemm->rows * gemm->depth > MOST_ELEMENTS || gemm->columns * gemm->depth > MOST_ELEMENTS;
}

struct clmix_gemm clmix_gemm_representative(const struct clmix_gemm *gemm, double most)
{
    struct clmix_gemm like = *gemm;

    like.rows = class_of(gemm->rows, 8192);
    like.columns = class_of(gemm->columns, 2048);
    like.depth = class_of(gemm->depth, 8192);
    while (too_large(&like, most)) {
        size_t *largest = like.rows >= like.columns && like.rows >= like.depth ? &like.rows
                          : like.columns >= like.depth                         ? &like.columns
                                                                               : &like.depth;

        *largest /= 2;
    }
    like.outer_batch = like.outer_batch > 1 ? 2 : 1;
    like.inner_batch = like.inner_batch > 1 ? 2 : 1;
    if (like.segment != 0)
        like.segment = clmix_smaller(class_of(like.segment, 8192), like.depth);
    return like;
}

int clmix_gemm_name_class(const struct clmix_gemm *like, char *text, size_t bytes)
{
    return snprintf(text, bytes, "%s%c%c %zux%zux%zu", like->outer_batch * like->inner_batch > 1 ? "batched " : "",
                    like->transpose_a ? 't' : 'n', like->transpose_b ? 't' : 'n', like->rows, like->columns, like->depth);
}

/* The candidates for the class; those that come out alike count once. */
static void list_tiles(const clmix_device_info *info, struct subject *subject)
{
    for (int variant = 0; subject->count < MOST_TILES; variant++) {
        struct clmix_gemm_tile *tile = &subject->tiles[subject->count];
        char *name = subject->names[subject->count];
        bool known = false;

        if (!clmix_gemm_choose_tile(info, subject->wide, &subject->like, variant, tile))
            return;
        clmix_gemm_name_tile(tile, name, MOST_NAME);
        for (int i = 0; i < subject->count; i++)
            known = known || strcmp(subject->names[i], name) == 0;
        if (!known)
            subject->ways[subject->count++] = name;
    }
}

/* Verifies a tile, then times it. A tile that the device cannot run is not one for it, but if the first one lacks memory now, nothing
 * can be said. */
static clmix_status measure_tile(clmix_device *device, int way, double enough, const void *data, double *seconds)
{
    const struct subject *subject = data;
    const struct clmix_gemm_tile *tile = &subject->tiles[way];
    double error = 0.0, taken = 0.0;
    clmix_status status;

    (void)enough; /* what takes time is the compiler */
    *seconds = CLMIX_TUNE_WRONG;
    status = clmix_gemm_probe(device, &subject->like, CLMIX_GEMM_OWN, tile, true, &error, &taken);
    if (status == CLMIX_OK && !(error <= 1.0)) /* NaN is wrong too */
        return CLMIX_OK;
    if (status == CLMIX_OK)
        status = clmix_gemm_probe(device, &subject->like, CLMIX_GEMM_OWN, tile, false, &error, &taken);
    if (status == CLMIX_OK)
        *seconds = taken;
    else if (status == CLMIX_ERROR_DEVICE_MEMORY && way == 0)
        *seconds = CLMIX_TUNE_FAILED;
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

/* The tile of `gemm` that is named like that of its class; failing that, the first with the same kernel; failing that, the first, which is
 * there already. */
static void take_alike(const clmix_device_info *info, const struct clmix_gemm *gemm, const struct clmix_gemm_tile *chosen,
                       struct clmix_gemm_tile *tile)
{
    char wanted[2][MOST_NAME], found[2][MOST_NAME];
    struct clmix_gemm_tile candidate;
    bool same_kernel = false;

    clmix_gemm_name_kernel(chosen, wanted[0], MOST_NAME);
    clmix_gemm_name_tile(chosen, wanted[1], MOST_NAME);
    for (int variant = 0; clmix_gemm_choose_tile(info, chosen->wide, gemm, variant, &candidate); variant++) {
        clmix_gemm_name_kernel(&candidate, found[0], MOST_NAME);
        clmix_gemm_name_tile(&candidate, found[1], MOST_NAME);
        if (!same_kernel && strcmp(found[0], wanted[0]) == 0) {
            *tile = candidate;
            same_kernel = true;
        }
        if (strcmp(found[1], wanted[1]) == 0) {
            *tile = candidate;
            return;
        }
    }
}

clmix_status clmix_gemm_tune_tile(clmix_device *device, bool wide, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile)
{
    const clmix_device_info *info = clmix_device_describe(device);
    struct subject subject = { .wide = wide,
                               .like =
                                   clmix_gemm_representative(gemm, (info->type & CL_DEVICE_TYPE_CPU) != 0 ? MOST_WORK_CPU : MOST_WORK) };
    char key[128];
    struct clmix_tune_question question = {
        .key = key, .ways = subject.ways, .margin = MARGIN, .neutral = true, .measure = measure_tile, .data = &subject
    };
    int length, way = 0;

    clmix_gemm_choose_tile(info, wide, gemm, 0, tile);
    if ((double)gemm->rows * (double)gemm->columns * (double)gemm->depth * (double)clmix_gemm_batches(gemm) < LEAST_WORK)
        return CLMIX_OK;
    subject.like.bias = CLMIX_NONE;
    subject.like.activation = CLMIX_ACTIVATION_NONE;
    subject.like.residual.value = CLMIX_NONE;
    subject.like.scale_place = CLMIX_SCALE_NONE;
    subject.like.has_prologue = false;
    subject.like.segment = 0;
    list_tiles(info, &subject);
    if (subject.count < 2)
        return CLMIX_OK;
    question.count = subject.count;
    length = snprintf(key, sizeof key, "tile %d %s ", REVISION, clmix_form_name(wide ? CLMIX_WIDE : CLMIX_SIMT));
    clmix_gemm_name_class(&subject.like, key + length, sizeof key - (size_t)length);
    CLMIX_TRY(clmix_tune_choose(device, &question, &way));
    take_alike(info, gemm, &subject.tiles[way], tile);
    return CLMIX_OK;
}
