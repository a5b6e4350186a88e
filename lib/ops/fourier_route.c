/* Which way a Fourier transform takes: clmix's own products or clFFT. Two things are measured (tune.h) and remembered:
 * 1. once a device and kernel form, on one transform of middling size: is clFFT worth considering? Where it fails, is wrong or takes half
 *    as long again it is not, for any size: on processors it takes twice as long, and compiling a size takes seconds.
 * 2. where it is, once for each pair of lengths: which way is right, and faster?
 * A way is taken only if what it makes of random tokens agrees with the host's sums at places all over the result. */
#include "ops/fourier_internal.h"

#include "base/random.h"
#include "base/size.h"
#include "base/status.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define REVISION    1
#define MARGIN      1.2      /* clFFT must be this much faster */
#define HOPELESS    1.5      /* clFFT is not considered any more when this much slower */
#define LEAST_WORK  16777216 /* multiply-adds and additions: below, a transform takes hardly longer than its launches */
#define MOST_FLOATS 2097152  /* of the tokens that are timed */
#define PLACES      96
#define TAU         6.283185307179586476925286766559

static const char *const ways[] = { "own", "clfft" };
static const char *const verdicts[] = { "own", "measured" };

/* ---- a transform by itself ------------------------------------------------------------------------------------------------------------ */

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    return clmix_node_declare(graph, node, CLMIX_F32, clmix_node_input(graph, node, CLMIX_FOURIER_X)->shape);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const enum clmix_fourier_way *way = node->attributes;

    return *way == CLMIX_FOURIER_CLFFT ? clmix_fourier_plan_clfft(planner, node) : clmix_fourier_plan_own(planner, node, NULL);
}

static const struct clmix_op probe_op = { .name = "fourier_probe", .shape = shape, .launch = launch };

/* What a probe works with. */
struct probe {
    struct clmix_fourier fourier;
    float *x, *y, *angles[2]; /* of tokens and of features: cosine and sine */
};

static float *angles_of(size_t length)
{
    float *angles = malloc(2 * length * sizeof *angles);

    for (size_t m = 0; angles != NULL && m < length; m++) {
        angles[2 * m] = (float)cos(TAU * (double)m / (double)length);
        angles[2 * m + 1] = (float)sin(TAU * (double)m / (double)length);
    }
    return angles;
}

static size_t count_of(const struct clmix_fourier *fourier)
{
    return fourier->batch * fourier->tokens * fourier->features;
}

static clmix_status fill(struct probe *probe)
{
    clmix_random random = clmix_random_stream(20211, 0);
    const size_t count = count_of(&probe->fourier);

    probe->x = malloc(count * sizeof(float));
    probe->y = calloc(count, sizeof(float));
    probe->angles[0] = angles_of(probe->fourier.tokens);
    probe->angles[1] = angles_of(probe->fourier.features);
    if (probe->x == NULL || probe->y == NULL || probe->angles[0] == NULL || probe->angles[1] == NULL)
        return clmix_fail_memory("a probe of a transform");
    for (size_t i = 0; i < count; i++)
        probe->x[i] = clmix_random_uniform(&random) - 0.5f;
    return CLMIX_OK;
}

/* One element of the host's result. */
static double element(const struct probe *probe, size_t sample, size_t n, size_t k)
{
    const struct clmix_fourier *fourier = &probe->fourier;
    const float *x = probe->x + sample * fourier->tokens * fourier->features;
    double sum = 0.0;

    for (size_t a = 0; a < fourier->tokens; a++) {
        const float *along = probe->angles[0] + 2 * (a * n % fourier->tokens);
        double cosines = 0.0, sines = 0.0;

        for (size_t b = 0, at = 0; b < fourier->features; b++) {
            cosines += (double)x[a * fourier->features + b] * (double)probe->angles[1][2 * at];
            sines += (double)x[a * fourier->features + b] * (double)probe->angles[1][2 * at + 1];
            at = at + k < fourier->features ? at + k : at + k - fourier->features;
        }
        sum += cosines * (double)along[0] - sines * (double)along[1];
    }
    return sum;
}

/* Whether y agrees at the places that are looked at. Errors grow like the size of the result, which is that of sqrt(N D) random numbers. */
static bool agrees(const struct probe *probe)
{
    const struct clmix_fourier *fourier = &probe->fourier;
    clmix_random random = clmix_random_stream(20211, 1);
    const double tolerance = 1e-5 * sqrt((double)fourier->tokens * (double)fourier->features);

    for (int i = 0; i < PLACES; i++) {
        const size_t at = (size_t)((double)clmix_random_uniform(&random) * (double)count_of(fourier)), row = at / fourier->features;

        if (!(fabs(probe->y[at] - element(probe, row / fourier->tokens, row % fourier->tokens, at % fourier->features)) <= tolerance))
            return false;
    }
    return true;
}

static clmix_status build(clmix_graph *graph, const struct clmix_fourier *fourier, enum clmix_fourier_way way)
{
    const size_t size[3] = { fourier->batch, fourier->tokens, fourier->features };
    clmix_value inputs[CLMIX_FOURIER_INPUTS] = { clmix_input(graph, "x", CLMIX_F32, 3, size) };

    inputs[CLMIX_FOURIER_TOKENS] = clmix_input(graph, "tokens", CLMIX_F32, 2, (size_t[]){ fourier->tokens, 2 });
    inputs[CLMIX_FOURIER_FEATURES] = clmix_input(graph, "features", CLMIX_F32, 2, (size_t[]){ fourier->features, 2 });
    clmix_output(graph, "y", clmix_node_add(clmix_root(graph), &probe_op, &way, sizeof way, inputs, CLMIX_FOURIER_INPUTS));
    return clmix_graph_check(graph);
}

static clmix_status run(clmix_plan *plan, const struct probe *probe, double *seconds)
{
    const struct clmix_fourier *fourier = &probe->fourier;

    CLMIX_TRY(clmix_plan_write(plan, "x", probe->x, count_of(fourier) * sizeof(float)));
    CLMIX_TRY(clmix_plan_write(plan, "tokens", probe->angles[0], 2 * fourier->tokens * sizeof(float)));
    CLMIX_TRY(clmix_plan_write(plan, "features", probe->angles[1], 2 * fourier->features * sizeof(float)));
    CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(clmix_plan_read(plan, "y", probe->y, count_of(fourier) * sizeof(float)));
    *seconds = CLMIX_TUNE_WRONG;
    return agrees(probe) ? clmix_tune_time(plan, seconds) : CLMIX_OK;
}

clmix_status clmix_fourier_probe(clmix_device *device, const struct clmix_fourier *fourier, enum clmix_fourier_way way, double *seconds)
{
    struct probe probe = { .fourier = *fourier };
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    clmix_status status = graph == NULL ? clmix_fail_memory("a probe of a transform") : fill(&probe);

    *seconds = CLMIX_TUNE_WRONG;
    if (status == CLMIX_OK)
        status = build(graph, fourier, way);
    if (status == CLMIX_OK)
        status = clmix_plan_make(&plan, graph, device, CLMIX_INFERENCE);
    if (status == CLMIX_OK)
        status = run(plan, &probe, seconds);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    free(probe.x);
    free(probe.y);
    free(probe.angles[0]);
    free(probe.angles[1]);
    return status;
}

/* ---- the questions -------------------------------------------------------------------------------------------------------------------- */

/* What does not compile, or a clFFT that does not work, is wrong for good; what else fails may work another time. */
static clmix_status measure_way(clmix_device *device, int way, double enough, const void *data, double *seconds)
{
    const clmix_status status = clmix_fourier_probe(device, data, way == 0 ? CLMIX_FOURIER_OWN : CLMIX_FOURIER_CLFFT, seconds);

    (void)enough;
    if (status != CLMIX_OK)
        *seconds = status == CLMIX_ERROR_BUILD || (way != 0 && status != CLMIX_ERROR_DEVICE_MEMORY) ? CLMIX_TUNE_WRONG : CLMIX_TUNE_FAILED;
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

/* A transform of these lengths, of as many samples as are timed. */
static struct clmix_fourier timed(size_t batch, size_t tokens, size_t features)
{
    struct clmix_fourier fourier = { .tokens = tokens, .features = features };

    fourier.batch = clmix_larger(1, clmix_smaller(batch, MOST_FLOATS / (tokens * features)));
    return fourier;
}

static clmix_status ask(clmix_device *device, const char *key, const char *const *names, double margin, const struct clmix_fourier *fourier,
                        bool *second)
{
    const struct clmix_tune_question question = {
        .key = key, .ways = names, .count = 2, .margin = margin, .measure = measure_way, .data = fourier
    };
    int way = 0;
    const clmix_status status = clmix_tune_choose(device, &question, &way);

    *second = status == CLMIX_OK && way == 1;
    return status == CLMIX_ERROR_DRIVER ? CLMIX_OK : status; /* all wrong: the own way is taken, and tests see it */
}

clmix_status clmix_fourier_choose_way(clmix_device *device, bool wide, const struct clmix_fourier *fourier, enum clmix_fourier_way *way)
{
    const char *form = clmix_form_name(wide ? CLMIX_WIDE : CLMIX_SIMT);
    struct clmix_fourier middling = timed(16, 128, 128), like = timed(16, fourier->tokens, fourier->features);
    char key[128];
    bool taken;

    *way = CLMIX_FOURIER_OWN;
    if (device == NULL || !clmix_tuning_used(device) || !clmix_fourier_clfft_can(fourier) || clmix_fourier_flops(fourier) < LEAST_WORK)
        return CLMIX_OK;
    snprintf(key, sizeof key, "clfft %d %s", REVISION, form);
    CLMIX_TRY(ask(device, key, verdicts, 1.0 / HOPELESS, &middling, &taken));
    if (!taken)
        return CLMIX_OK;
    snprintf(key, sizeof key, "fourier %d %s %zux%zu", REVISION, form, fourier->tokens, fourier->features);
    CLMIX_TRY(ask(device, key, ways, MARGIN, &like, &taken));
    if (taken)
        *way = CLMIX_FOURIER_CLFFT;
    return CLMIX_OK;
}
