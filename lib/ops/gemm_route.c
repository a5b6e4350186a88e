/* Which route a product takes: clmix's own kernel or CLBlast.
 *
 * Two questions (tune.h). The first once a device and kernel form, on one product of middling size: is CLBlast worth considering at all?
 * Where it is three times slower the answer holds for every shape (on CPUs it is twenty times slower, and compiling it takes seconds).
 * The second once a kernel variant, and a class of shapes where CLBlast is considered: which is right, and faster? A route is trusted
 * only after its result on a small product of odd sizes, with the same transposes and epilogue, has agreed with the host's. */
#include "ops/gemm.h"

#include "base/status.h"
#include "ops/tune.h"

#include <stdio.h>

#define REVISION         1           /* of the kernels and the questions: a new one asks again */
#define CLBLAST_MARGIN   1.2         /* CLBlast must be this much faster */
#define CLBLAST_HOPELESS 3.0         /* CLBlast is not considered any more when this much slower */
#define MOST_WORK        268435456.0 /* multiply-adds of a product that is timed */

static const char *const routes[] = { "own", "clblast" };
static const char *const verdicts[] = { "own", "measured" };

/* What a question is about. */
struct subject {
    struct clmix_gemm gemm;
    struct clmix_gemm_tile tile;
    bool considered;   /* CLBlast */
    bool own_is_right; /* as far as is known */
};

static size_t class_of(size_t size, size_t most)
{
    size_t rounded = 1;

    while (rounded < size && rounded < most)
        rounded *= 2;
    return rounded;
}

/* The product that stands for all of its class: sizes rounded up to powers of two, and bounded. */
static struct clmix_gemm representative(const struct clmix_gemm *gemm)
{
    struct clmix_gemm like = *gemm;

    like.rows = class_of(gemm->rows, 8192);
    like.columns = class_of(gemm->columns, 2048);
    like.depth = class_of(gemm->depth, 8192);
    while ((double)like.rows * (double)like.columns * (double)like.depth > MOST_WORK) {
        size_t *largest = like.rows >= like.columns && like.rows >= like.depth ? &like.rows
                          : like.columns >= like.depth                         ? &like.columns
                                                                               : &like.depth;

        *largest /= 2;
    }
    like.outer_batch = like.outer_batch > 1 ? 2 : 1;
    like.inner_batch = like.inner_batch > 1 ? 2 : 1;
    return like;
}

/* A kernel that does not compile, or a CLBlast that does not work, is wrong for good; what else fails may work another time. */
static double seconds_of_failure(clmix_status status, enum clmix_gemm_route route)
{
    if (status == CLMIX_ERROR_BUILD || (route == CLMIX_GEMM_CLBLAST && status != CLMIX_ERROR_DEVICE_MEMORY))
        return CLMIX_TUNE_WRONG;
    return CLMIX_TUNE_FAILED;
}

/* Verifies a route, then times it on the class's product where that matters. */
static clmix_status try_route(clmix_device *device, const struct subject *subject, enum clmix_gemm_route route, bool timed, double *seconds)
{
    double error = 0.0, ignored;
    clmix_status status;

    *seconds = CLMIX_TUNE_WRONG;
    status = clmix_gemm_probe(device, &subject->gemm, route, &subject->tile, true, &error, &ignored);
    if (status == CLMIX_OK && !(error <= 1.0)) /* NaN is wrong too */
        return CLMIX_OK;
    if (status == CLMIX_OK && timed) {
        struct clmix_gemm like = representative(&subject->gemm);

        status = clmix_gemm_probe(device, &like, route, NULL, false, &error, seconds);
    } else if (status == CLMIX_OK)
        *seconds = 0.0;
    if (status != CLMIX_OK)
        *seconds = seconds_of_failure(status, route);
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

static clmix_status measure_route(clmix_device *device, int way, const void *data, double *seconds)
{
    struct subject *subject = *(struct subject *const *)data;
    clmix_status status;

    if (way == CLMIX_GEMM_OWN) {
        status = try_route(device, subject, CLMIX_GEMM_OWN, subject->considered, seconds);
        subject->own_is_right = *seconds != CLMIX_TUNE_WRONG;
        return status;
    }
    *seconds = CLMIX_TUNE_WRONG;
    if (!clmix_gemm_clblast_can(&subject->gemm) || (!subject->considered && subject->own_is_right))
        return CLMIX_OK;
    return try_route(device, subject, CLMIX_GEMM_CLBLAST, true, seconds);
}

static clmix_status measure_verdict(clmix_device *device, int way, const void *data, double *seconds)
{
    return try_route(device, data, way == 0 ? CLMIX_GEMM_OWN : CLMIX_GEMM_CLBLAST, true, seconds);
}

/* Whether CLBlast is worth considering on this device. */
static clmix_status consider_clblast(clmix_device *device, bool wide, bool *considered)
{
    struct subject subject = { .gemm = {
                                   .rows = 1024, .columns = 128, .depth = 128, .bias = CLMIX_NONE, .residual = { .value = CLMIX_NONE } } };
    char key[64];
    struct clmix_tune_question question = { key, verdicts, 2, 1.0 / CLBLAST_HOPELESS, measure_verdict, &subject };
    int way;
    clmix_status status;

    clmix_gemm_choose_tile(clmix_device_describe(device), wide, &subject.gemm, 0, &subject.tile);
    snprintf(key, sizeof key, "gemm %d %s clblast", REVISION, wide ? "wide" : "simt");
    status = clmix_tune_choose(device, &question, &way);
    *considered = status == CLMIX_OK && way == 1;
    return status == CLMIX_ERROR_DRIVER ? CLMIX_OK : status; /* each variant is tried by itself next */
}

/* Names a kernel variant, and the class of shapes where that matters. */
static void name_question(const struct subject *subject, char *key, size_t key_bytes)
{
    const struct clmix_gemm *gemm = &subject->gemm;
    const struct clmix_gemm_tile *tile = &subject->tile;
    struct clmix_gemm like = representative(gemm);
    int length = snprintf(key, key_bytes, "gemm %d %s %ldx%ld%s %c%c%s%s%s%s%s%s", REVISION, tile->wide ? "wide" : "simt",
                          tile->wide ? tile->rows : tile->tile_rows, tile->wide ? tile->vectors : tile->tile_columns,
                          tile->splits > 1 ? " split" : "", gemm->transpose_a ? 't' : 'n', gemm->transpose_b ? 't' : 'n',
                          gemm->bias != CLMIX_NONE ? " bias" : "", gemm->activation == CLMIX_ACTIVATION_GELU ? " gelu" : "",
                          gemm->activation == CLMIX_ACTIVATION_RELU ? " relu" : "", gemm->residual.value != CLMIX_NONE ? " residual" : "",
                          gemm->residual_use == CLMIX_RESIDUAL_GELU_INPUT    ? " gelu'"
                          : gemm->residual_use == CLMIX_RESIDUAL_RELU_RESULT ? " relu'"
                                                                             : "",
                          like.outer_batch * like.inner_batch > 1 ? " batched" : "");

    if (subject->considered)
        snprintf(key + length, key_bytes - (size_t)length, " %zux%zux%zu", like.rows, like.columns, like.depth);
}

clmix_status clmix_gemm_choose_route(struct clmix_planner *planner, const struct clmix_gemm *gemm, enum clmix_gemm_route *route)
{
    clmix_device *device = clmix_planner_open_device(planner);
    struct subject subject = { .gemm = *gemm }, *given = &subject;
    char key[192];
    struct clmix_tune_question question = { key, routes, 2, CLBLAST_MARGIN, measure_route, &given };
    int way = 0;

    *route = CLMIX_GEMM_OWN;
    if (device == NULL || !clmix_tune_on(device))
        return CLMIX_OK;
    clmix_gemm_choose_tile(clmix_planner_device(planner), clmix_planner_wide(planner), gemm, 0, &subject.tile);
    CLMIX_TRY(consider_clblast(device, subject.tile.wide, &subject.considered));
    name_question(&subject, key, sizeof key);
    CLMIX_TRY(clmix_tune_choose(device, &question, &way));
    if (way == CLMIX_GEMM_CLBLAST && clmix_gemm_clblast_can(gemm))
        *route = CLMIX_GEMM_CLBLAST;
    return CLMIX_OK;
}
