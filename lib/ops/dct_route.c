/* Which way a cosine transform takes: the matrix, or Makhoul's. Of few coefficients or short sequences the matrix is one good product; of many the
 * other way has a small part of the work, in smaller products. Where that part is small enough to be worth it both are run once for each
 * triple of lengths and width (tune.h), and a way is taken only if what it makes of random tokens agrees with the host's sums. */
#include "ops/dct_internal.h"

#include "base/random.h"
#include "base/size.h"
#include "base/status.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REVISION    2
#define MARGIN      1.2      /* the other way must be this much faster */
#define WORTH       2        /* Makhoul's way is considered where the matrix has this many times its work */
#define USUAL       6        /* and taken unmeasured where it has that many times */
#define LEAST_WORK  33554432 /* multiply-adds and additions of the matrix: below, a transform takes hardly longer than its launches */
#define MOST_FLOATS 2097152  /* of the tokens that are timed */
#define PLACES      96
#define TAU         6.283185307179586476925286766559

static const char *const names[] = { "matrix", "fourier" };

/* ---- unmeasured ------------------------------------------------------------------------------------------------------------------------ */

/* By how much the matrix has more work. */
static double share_of(const struct clmix_dct_stages *stages)
{
    return clmix_dct_is_open(stages)
               ? (double)clmix_dct_flops(stages, CLMIX_DCT_MATRIX) / (double)clmix_dct_flops(stages, CLMIX_DCT_FOURIER)
               : 0.0;
}

static bool is_prescribed(enum clmix_dct_way *way)
{
    const char *wish = getenv("CLMIX_DCT");

    for (int i = 0; wish != NULL && i < CLMIX_DCT_WAYS; i++)
        if (strcmp(wish, names[i]) == 0) {
            *way = i == 0 ? CLMIX_DCT_MATRIX : CLMIX_DCT_FOURIER;
            return true;
        }
    return false;
}

enum clmix_dct_way clmix_dct_usual_way(const struct clmix_dct_stages *stages)
{
    enum clmix_dct_way way = share_of(stages) >= USUAL ? CLMIX_DCT_FOURIER : CLMIX_DCT_MATRIX;

    (void)is_prescribed(&way);
    return clmix_dct_is_open(stages) ? way : CLMIX_DCT_MATRIX;
}

/* ---- a transform by itself --------------------------------------------------------------------------------------------------------------- */

/* A forward transform, by a way. */
struct transform {
    struct clmix_dct_stages stages;
    enum clmix_dct_way way;
};

static clmix_status shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct transform *transform = node->attributes;
    clmix_shape y = clmix_node_input(graph, node, CLMIX_DCT_X)->shape;

    y.size[1] = transform->stages.kept;
    return clmix_node_declare(graph, node, CLMIX_F32, y);
}

static clmix_status launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct transform *transform = node->attributes;
    const clmix_shape x = clmix_node_input(clmix_planner_graph(planner), node, CLMIX_DCT_X)->shape;
    const struct clmix_dct_call call = { .stages = transform->stages,
                                         .batch = x.size[0],
                                         .width = x.size[2],
                                         .x = node->inputs[CLMIX_DCT_X],
                                         .y = node->outputs[0],
                                         .bias = CLMIX_NONE,
                                         .residual = CLMIX_NONE };
    const struct clmix_gemm gemm = clmix_dct_product(planner, node, &call);

    return transform->way == CLMIX_DCT_FOURIER ? clmix_dct_plan_fourier(planner, node, &call)
                                               : clmix_gemm_plan_route(planner, node, &gemm, CLMIX_GEMM_OWN, NULL);
}

static const struct clmix_op probe_op = { .name = "dct_probe", .shape = shape, .launch = launch };

/* What a probe works with. */
struct probe {
    struct transform transform;
    size_t batch, width;
    float *x, *y;
};

static size_t count_in(const struct probe *probe)
{
    return probe->batch * probe->transform.stages.tokens * probe->width;
}

static size_t count_out(const struct probe *probe)
{
    return probe->batch * probe->transform.stages.kept * probe->width;
}

static clmix_status fill(struct probe *probe)
{
    clmix_random random = clmix_random_stream(20232, 0);

    probe->x = malloc(count_in(probe) * sizeof(float));
    probe->y = calloc(count_out(probe), sizeof(float));
    if (probe->x == NULL || probe->y == NULL)
        return clmix_fail_memory("a probe of a transform");
    for (size_t i = 0; i < count_in(probe); i++)
        probe->x[i] = clmix_random_uniform(&random) - 0.5f;
    return CLMIX_OK;
}

/* One element of the host's result. */
static double element(const struct probe *probe, size_t sample, size_t k, size_t channel)
{
    const size_t tokens = probe->transform.stages.tokens;
    double sum = 0.0;

    for (size_t t = 0, angle = k; t < tokens; t++, angle = (angle + 2 * k) % (4 * tokens))
        sum += (double)probe->x[(sample * tokens + t) * probe->width + channel] * cos(TAU * (double)angle / (double)(4 * tokens));
    return sqrt((k == 0 ? 1.0 : 2.0) / (double)tokens) * sum;
}

/* Whether y agrees at the places that are looked at: numbers of the size of the tokens, since the transform keeps lengths. */
static bool agrees(const struct probe *probe)
{
    clmix_random random = clmix_random_stream(20232, 1);

    for (int i = 0; i < PLACES; i++) {
        const size_t at = (size_t)((double)clmix_random_uniform(&random) * (double)count_out(probe)), row = at / probe->width,
                     kept = probe->transform.stages.kept;

        if (!(fabs(probe->y[at] - element(probe, row / kept, row % kept, at % probe->width)) <= 1e-4))
            return false;
    }
    return true;
}

static clmix_status run(clmix_plan *plan, const struct probe *probe, double *seconds)
{
    CLMIX_TRY(clmix_plan_write(plan, "x", probe->x, count_in(probe) * sizeof(float)));
    CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(clmix_plan_read(plan, "y", probe->y, count_out(probe) * sizeof(float)));
    *seconds = CLMIX_TUNE_WRONG;
    return agrees(probe) ? clmix_tune_time(plan, seconds) : CLMIX_OK;
}

static clmix_status build(clmix_graph *graph, const struct probe *probe)
{
    const struct clmix_dct_stages *stages = &probe->transform.stages;
    const clmix_value inputs[CLMIX_DCT_INPUTS] = {
        [CLMIX_DCT_X] = clmix_input(graph, "x", CLMIX_F32, 3, (size_t[]){ probe->batch, stages->tokens, probe->width }),
        [CLMIX_DCT_TABLE] = clmix_dct_table(graph, stages->tokens, stages->kept),
        [CLMIX_DCT_FIRST] = clmix_dct_first(graph, stages),
        [CLMIX_DCT_SECOND] = clmix_dct_second(graph, stages),
    };

    clmix_output(graph, "y",
                 clmix_node_add(clmix_root(graph), &probe_op, &probe->transform, sizeof probe->transform, inputs, CLMIX_DCT_INPUTS));
    return clmix_graph_check(graph);
}

/* One transform by a way, checked against the host, then timed; CLMIX_TUNE_WRONG where it disagrees. */
static clmix_status probe_way(clmix_device *device, struct probe *probe, double *seconds)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan = NULL;
    clmix_status status = graph == NULL ? clmix_fail_memory("a probe of a transform") : fill(probe);

    *seconds = CLMIX_TUNE_WRONG;
    if (status == CLMIX_OK)
        status = build(graph, probe);
    if (status == CLMIX_OK)
        status = clmix_plan_make(&plan, graph, device, CLMIX_INFERENCE);
    if (status == CLMIX_OK)
        status = run(plan, probe, seconds);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    free(probe->x);
    free(probe->y);
    return status;
}

/* ---- the question ------------------------------------------------------------------------------------------------------------------------ */

/* The ways in the order in which they are preferred. */
struct subject {
    struct probe probe;
    enum clmix_dct_way ways[CLMIX_DCT_WAYS];
};

static clmix_status measure_way(clmix_device *device, int way, double enough, const void *data, double *seconds)
{
    const struct subject *subject = data;
    struct probe probe = subject->probe;
    clmix_status status;

    (void)enough;
    probe.transform.way = subject->ways[way];
    status = probe_way(device, &probe, seconds);
    if (status != CLMIX_OK)
        *seconds = status == CLMIX_ERROR_BUILD ? CLMIX_TUNE_WRONG : CLMIX_TUNE_FAILED;
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

static clmix_status ask(clmix_device *device, const char *form, struct subject *subject, enum clmix_dct_way *way)
{
    const enum clmix_dct_way usual = *way, other = usual == CLMIX_DCT_MATRIX ? CLMIX_DCT_FOURIER : CLMIX_DCT_MATRIX;
    const char *const ordered[] = { names[usual], names[other] };
    const struct clmix_dct_stages *sizes = &subject->probe.transform.stages;
    char key[128];
    const struct clmix_tune_question question = {
        .key = key, .ways = ordered, .count = CLMIX_DCT_WAYS, .margin = MARGIN, .measure = measure_way, .data = subject
    };
    clmix_status status;
    int taken = 0;

    subject->ways[0] = usual;
    subject->ways[1] = other;
    snprintf(key, sizeof key, "dct %d %s %zu of %zu, %zu wide", REVISION, form, sizes->kept, sizes->tokens, subject->probe.width);
    status = clmix_tune_choose(device, &question, &taken);
    if (status == CLMIX_OK)
        *way = subject->ways[taken];
    return status == CLMIX_ERROR_DRIVER ? CLMIX_OK : status; /* both wrong: the usual way is taken, and tests see it */
}

clmix_status clmix_dct_choose_way(struct clmix_planner *planner, const struct clmix_dct_call *call, enum clmix_dct_way *way)
{
    const struct clmix_dct_stages *stages = &call->stages;
    clmix_device *device = clmix_planner_open_device(planner);
    struct subject subject = { .probe = { .transform = { .stages = *stages }, .width = call->width } };
    enum clmix_dct_way prescribed;

    subject.probe.batch = clmix_larger(1, clmix_smaller(16, MOST_FLOATS / (stages->tokens * call->width)));
    *way = clmix_dct_usual_way(stages);
    if (is_prescribed(&prescribed) || device == NULL || !clmix_tuning_used(device) || share_of(stages) < WORTH ||
        clmix_dct_flops(stages, CLMIX_DCT_MATRIX) * subject.probe.batch * subject.probe.width < LEAST_WORK)
        return CLMIX_OK;
    return ask(device, clmix_form_name(clmix_planner_wide(planner) ? CLMIX_WIDE : CLMIX_SIMT), &subject, way);
}
