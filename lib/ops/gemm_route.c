/* Which route a product takes: clmix's own kernel or CLBlast. Three things are measured (tune.h) and remembered:
 * 1. once a device and kernel form, on one product of middling size: is CLBlast worth considering? Where it takes three times as long it is
 *    not, for any shape. (On CPUs it takes twenty times as long, and compiling it takes seconds.)
 * 2. once a variant of the own kernel: are its results right?
 * 3. where CLBlast is considered, or the own kernel is wrong, once a variant and class of shapes: which one is right, and faster?
 * A route is taken only if its result of a small product of odd sizes, with the same transposes and epilogue, agreed with the host's. */
#include "ops/gemm_internal.h"

#include "base/status.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#include <stdio.h>

#define REVISION         2           /* of the kernels and the questions: a new one asks again */
#define CLBLAST_MARGIN   1.2         /* CLBlast must be this much faster */
#define CLBLAST_HOPELESS 3.0         /* CLBlast is not considered any more when this much slower */
#define MOST_WORK        268435456.0 /* multiply-adds of a product that is timed */
#define MOST_KEY         192

static const char *const routes[] = { "own", "clblast" };
static const char *const verdicts[] = { "own", "measured" };

/* What a question is about. */
struct subject {
    struct clmix_gemm gemm;
    struct clmix_gemm_tile tile; /* of the own kernel */
    bool own_is_wrong;           /* known before the question */
    bool timed;                  /* on this product: */
    struct clmix_gemm like;
    struct clmix_gemm_tile like_tile;
};

/* A kernel that does not compile, or a CLBlast that does not work, is wrong for good; what else fails may work another time. */
static double seconds_of_failure(clmix_status status, enum clmix_gemm_route route)
{
    if (status == CLMIX_ERROR_BUILD || (route == CLMIX_GEMM_CLBLAST && status != CLMIX_ERROR_DEVICE_MEMORY))
        return CLMIX_TUNE_WRONG;
    return CLMIX_TUNE_FAILED;
}

/* Verifies a route, then times it where that matters. */
static clmix_status try_route(clmix_device *device, const struct subject *subject, enum clmix_gemm_route route, double *seconds)
{
    double error = 0.0, ignored;
    clmix_status status;

    *seconds = CLMIX_TUNE_WRONG;
    status = clmix_gemm_probe(device, &subject->gemm, route, &subject->tile, true, &error, &ignored);
    if (status == CLMIX_OK && !(error <= 1.0)) /* NaN is wrong too */
        return CLMIX_OK;
    if (status == CLMIX_OK && subject->timed)
        status = clmix_gemm_probe(device, &subject->like, route, &subject->like_tile, false, &error, seconds);
    else if (status == CLMIX_OK)
        *seconds = 0.0;
    if (status != CLMIX_OK)
        *seconds = seconds_of_failure(status, route);
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

static clmix_status measure_route(clmix_device *device, int way, double enough, const void *data, double *seconds)
{
    const struct subject *subject = data;

    (void)enough;
    *seconds = CLMIX_TUNE_WRONG;
    if (way == CLMIX_GEMM_OWN ? subject->own_is_wrong : !clmix_gemm_clblast_can(&subject->gemm))
        return CLMIX_OK;
    return try_route(device, subject, way == CLMIX_GEMM_OWN ? CLMIX_GEMM_OWN : CLMIX_GEMM_CLBLAST, seconds);
}

/* Whether CLBlast is worth considering on this device. */
static clmix_status consider_clblast(clmix_device *device, bool wide, bool *considered)
{
    struct subject subject = {
        .gemm = { .rows = 1024, .columns = 128, .depth = 128, .bias = CLMIX_NONE, .residual = { .value = CLMIX_NONE } },
        .timed = true,
    };
    char key[MOST_KEY];
    const struct clmix_tune_question question = {
        .key = key, .ways = verdicts, .count = 2, .margin = 1.0 / CLBLAST_HOPELESS, .measure = measure_route, .data = &subject
    };
    clmix_status status;
    int way;

    clmix_gemm_choose_tile(clmix_device_describe(device), wide, &subject.gemm, 0, &subject.tile);
    subject.like = subject.gemm;
    subject.like_tile = subject.tile;
    snprintf(key, sizeof key, "clblast %d %s", REVISION, clmix_form_name(wide ? CLMIX_WIDE : CLMIX_SIMT));
    status = clmix_tune_choose(device, &question, &way);
    *considered = status == CLMIX_OK && way == 1;
    return status == CLMIX_ERROR_DRIVER ? CLMIX_OK : status; /* each variant is tried by itself next */
}

/* " normalized segments bias gelu residual scaled last", what of it there is. */
static void name_epilogue(const struct clmix_gemm *gemm, char *text, size_t bytes)
{
    static const char *const activations[] = { "", " gelu", " relu" };
    static const char *const residuals[] = { " residual", " residual", " gelu'", " relu'" };
    static const char *const scales[] = { "", " scaled", " scaled behind", " scaled last" };

    snprintf(text, bytes, "%s%s%s%s%s%s", gemm->has_prologue ? " normalized" : "", gemm->segment != 0 ? " segments" : "",
             gemm->bias != CLMIX_NONE ? " bias" : "", activations[gemm->activation],
             gemm->residual.value != CLMIX_NONE ? residuals[gemm->residual_use] : "", scales[gemm->scale_place]);
}

/* Whether the own kernel is right with this tile, transposes and epilogue. */
static clmix_status verify_own(clmix_device *device, const struct subject *subject, bool *right)
{
    const struct clmix_gemm *gemm = &subject->gemm;
    char key[MOST_KEY], kernel[64], epilogue[64];
    const struct clmix_tune_question question = { .key = key, .ways = routes, .count = 1, .measure = measure_route, .data = subject };
    clmix_status status;
    int way;

    clmix_gemm_name_kernel(&subject->tile, kernel, sizeof kernel);
    name_epilogue(gemm, epilogue, sizeof epilogue);
    snprintf(key, sizeof key, "gemm %d %s%s %c%c%s%s", REVISION, kernel, subject->tile.splits > 1 ? " split" : "",
             gemm->transpose_a ? 't' : 'n', gemm->transpose_b ? 't' : 'n', epilogue, clmix_gemm_batches(gemm) > 1 ? " batched" : "");
    status = clmix_tune_choose(device, &question, &way);
    *right = status == CLMIX_OK;
    return status == CLMIX_ERROR_DRIVER ? CLMIX_OK : status;
}

/* The own kernel against CLBlast. The key names no tile: a result holds whichever is in force. */
static clmix_status compare_routes(clmix_device *device, struct subject *subject, enum clmix_gemm_route *route)
{
    const bool wide = subject->tile.wide;
    char key[MOST_KEY], class[64], epilogue[64];
    const struct clmix_tune_question question = {
        .key = key, .ways = routes, .count = 2, .margin = CLBLAST_MARGIN, .measure = measure_route, .data = subject
    };
    int way;

    subject->like = clmix_gemm_representative(&subject->gemm, MOST_WORK);
    subject->timed = !subject->own_is_wrong;
    CLMIX_TRY(clmix_gemm_tune_tile(device, wide, &subject->like, &subject->like_tile));
    clmix_gemm_name_class(&subject->like, class, sizeof class);
    name_epilogue(&subject->gemm, epilogue, sizeof epilogue);
    snprintf(key, sizeof key, "route %d %s %s%s", REVISION, clmix_form_name(wide ? CLMIX_WIDE : CLMIX_SIMT), class, epilogue);
    CLMIX_TRY(clmix_tune_choose(device, &question, &way));
    if (way == CLMIX_GEMM_CLBLAST && clmix_gemm_clblast_can(&subject->gemm))
        *route = CLMIX_GEMM_CLBLAST;
    return CLMIX_OK;
}

clmix_status clmix_gemm_choose_route(struct clmix_planner *planner, const struct clmix_gemm *gemm, enum clmix_gemm_route *route,
                                     struct clmix_gemm_tile *tile)
{
    const clmix_device_info *info = clmix_planner_device(planner);
    clmix_device *device = clmix_planner_open_device(planner);
    struct subject subject = { .gemm = *gemm };
    const bool wide = clmix_planner_wide(planner);
    bool considered, right;

    *route = CLMIX_GEMM_OWN;
    clmix_gemm_choose_tile(info, wide, gemm, 0, tile);
    if (device == NULL || !clmix_tuning_used(device))
        return CLMIX_OK;
    CLMIX_TRY(consider_clblast(device, wide, &considered));
    CLMIX_TRY(clmix_gemm_tune_tile(device, wide, gemm, &subject.tile));
    CLMIX_TRY(verify_own(device, &subject, &right));
    if (right)
        *tile = subject.tile;
    else {
        subject.tile = *tile;
        CLMIX_TRY(verify_own(device, &subject, &right));
    }
    subject.own_is_wrong = !right;
    return considered || !right ? compare_routes(device, &subject, route) : CLMIX_OK;
}
