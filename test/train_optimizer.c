/* The optimizer's kernels against the reference case and against the same equations in double. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "support_ops.h"
#include "support_suite.h"
#include "train/optimizer.h"

#define COUNT 70016 /* elements: several groups, a multiple of 16 and of no group's share */
#define STEPS 5

/* Two ranges with a parameter without gradient between them. */
static const struct clmix_range ranges[] = { { 0, 4112 }, { 5120, COUNT - 5120 } };

static bool in_ranges(size_t i)
{
    return i < 4112 || i >= 5120;
}

/* ---- on the device ---------------------------------------------------------------------------------------------------------------- */

struct rig {
    struct clmix_optimizer *optimizer;
    cl_mem weights, gradients, extra;
    size_t count;
};

static void rig_open(struct rig *rig, const clmix_train_options *options, const struct clmix_range *parts, size_t part_count, size_t count)
{
    memset(rig, 0, sizeof *rig);
    rig->count = count;
    ops_ok(clmix_optimizer_new(&rig->optimizer, ops_device, options, parts, part_count, count));
    ops_ok(clmix_optimizer_prepare(rig->optimizer));
    ops_ok(clmix_buffer_create(ops_device, count * sizeof(float), "weights", &rig->weights));
    ops_ok(clmix_buffer_create(ops_device, count * sizeof(float), "gradients", &rig->gradients));
    ops_ok(clmix_buffer_create(ops_device, count * sizeof(float), "extra", &rig->extra));
}

static void rig_close(struct rig *rig)
{
    clmix_optimizer_free(rig->optimizer);
    clmix_buffer_release(ops_device, rig->weights);
    clmix_buffer_release(ops_device, rig->gradients);
    clmix_buffer_release(ops_device, rig->extra);
}

static void put(const struct rig *rig, cl_mem memory, const float *values)
{
    ops_ok(clmix_buffer_write(ops_device, memory, 0, values, rig->count * sizeof(float)));
}

static float *get(const struct rig *rig, cl_mem memory)
{
    float *values = malloc(rig->count * sizeof *values);

    ck_assert_ptr_nonnull(values);
    ops_ok(clmix_buffer_read(ops_device, memory, 0, values, rig->count * sizeof(float)));
    return values;
}

/* The labels that the batch at hand counts, as its plan would write them. */
static void count_labels(const struct rig *rig, float counted)
{
    ops_ok(clmix_buffer_write(ops_device, rig->optimizer->scalars, CLMIX_SCALAR_COUNTED * sizeof(float), &counted, sizeof counted));
}

/* An update from gradients that are to be multiplied with `scale`: a sum over 1 / scale labels, of which the last batch had one. */
static void update(const struct rig *rig, float scale, double rate, int step)
{
    count_labels(rig, 1.0f);
    ops_ok(clmix_optimizer_update(rig->optimizer, rig->weights, rig->gradients, scale == 1.0f ? CLMIX_ONE_BATCH : 1.0f / scale - 1.0f, rate,
                                  (size_t)step));
}

/* ---- in double -------------------------------------------------------------------------------------------------------------------- */

struct model {
    double *w, *m, *v;
};

static double norm_of(const float *g, double scale)
{
    double sum = 0.0;

    for (size_t i = 0; i < COUNT; i++)
        if (in_ranges(i))
            sum += (double)g[i] * (double)g[i];
    return scale * sqrt(sum);
}

static double host_factor(const clmix_train_options *o, const float *g, double scale)
{
    const double norm = norm_of(g, scale), clip = (double)o->clip_norm;

    return clip > 0.0 && norm > clip ? scale * clip / (norm + 1e-6) : scale;
}

static void host_step(const clmix_train_options *o, struct model *model, const float *gradients, double scale, double rate, int step)
{
    const double b1 = (double)o->beta1, b2 = (double)o->beta2, decay = (double)o->weight_decay, mu = (double)o->momentum,
                 factor = host_factor(o, gradients, scale);

    for (size_t i = 0; i < COUNT; i++) {
        double g = factor * (double)gradients[i], *w = &model->w[i], *m = &model->m[i], *v = &model->v[i];

        if (!in_ranges(i))
            continue;
        if (o->optimizer == CLMIX_ADAMW)
            *w *= 1.0 - rate * decay;
        else
            g += decay * *w;
        if (o->optimizer == CLMIX_SGD) {
            *m = mu * *m + g;
            *w -= rate * (o->nesterov ? g + mu * *m : *m);
            continue;
        }
        *m = b1 * *m + (1.0 - b1) * g;
        *v = b2 * *v + (1.0 - b2) * g * g;
        *w -= rate * (*m / (1.0 - pow(b1, step + 1))) / (sqrt(*v / (1.0 - pow(b2, step + 1))) + (double)o->epsilon);
    }
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------------ */

struct variant {
    const char *name;
    clmix_optimizer_kind kind;
    float decay, momentum, clip, scale;
    bool nesterov;
};

static const struct variant variants[] = {
    { "adamw", CLMIX_ADAMW, 0.05f, 0.0f, 0.0f, 1.0f, false },
    { "adamw, clipped", CLMIX_ADAMW, 0.05f, 0.0f, 3.0f, 1.0f, false },
    { "adamw, limit not reached", CLMIX_ADAMW, 0.0f, 0.0f, 1e6f, 0.25f, false },
    { "adam", CLMIX_ADAM, 0.05f, 0.0f, 0.0f, 0.5f, false },
    { "sgd", CLMIX_SGD, 0.0f, 0.0f, 0.0f, 1.0f, false },
    { "sgd with decay, clipped", CLMIX_SGD, 0.1f, 0.0f, 10.0f, 1.0f, false },
    { "momentum", CLMIX_SGD, 0.1f, 0.9f, 0.0f, 1.0f, false },
    { "nesterov", CLMIX_SGD, 0.1f, 0.9f, 0.0f, 0.125f, true },
};

static clmix_train_options options_of(const struct variant *variant)
{
    clmix_train_options options = clmix_train_defaults();

    options.optimizer = variant->kind;
    options.weight_decay = variant->decay;
    options.momentum = variant->momentum;
    options.clip_norm = variant->clip;
    options.nesterov = variant->nesterov;
    return options;
}

START_TEST(every_kind_follows_its_equations)
{
    const struct variant *variant = &variants[_i];
    const clmix_train_options options = options_of(variant);
    float *start = ops_floats(COUNT, 1, -1.0f, 1.0f), *got;
    struct model model = { calloc(COUNT, sizeof(double)), calloc(COUNT, sizeof(double)), calloc(COUNT, sizeof(double)) };
    struct rig rig;

    for (size_t i = 0; i < COUNT; i++)
        model.w[i] = (double)start[i];
    rig_open(&rig, &options, ranges, 2, COUNT);
    put(&rig, rig.weights, start);
    for (int step = 0; step < STEPS; step++) {
        const double rate = 0.01 / (step + 1);
        float *gradients = ops_floats(COUNT, (uint64_t)(100 + step), -0.3f, 0.5f);

        put(&rig, rig.gradients, gradients);
        update(&rig, variant->scale, rate, step);
        host_step(&options, &model, gradients, (double)variant->scale, rate, step);
        free(gradients);
    }
    got = get(&rig, rig.weights);
    ops_compare(variant->name, got, model.w, COUNT, 1e-6);
    for (size_t i = 4112; i < 5120; i++)
        ck_assert_msg(got[i] == start[i], "%s: a parameter without a gradient was touched", variant->name);
    rig_close(&rig);
    free(got);
    free(start);
    free(model.w);
    free(model.m);
    free(model.v);
}
END_TEST

START_TEST(norm_and_factor_are_those_of_all_ranges)
{
    clmix_train_options options = clmix_train_defaults();
    float *gradients = ops_floats(COUNT, 7, -1.0f, 1.0f), scalars[CLMIX_SCALARS];
    double norm;
    struct rig rig;

    options.clip_norm = 5.0f;
    for (size_t i = 4112; i < 5120; i++)
        gradients[i] = 1e9f; /* of no range */
    norm = norm_of(gradients, 0.5);
    rig_open(&rig, &options, ranges, 2, COUNT);
    put(&rig, rig.weights, gradients);
    put(&rig, rig.gradients, gradients);
    update(&rig, 0.5f, 0.0, 0);
    ops_ok(clmix_optimizer_scalars(rig.optimizer, scalars));
    ck_assert_double_eq_tol((double)scalars[CLMIX_SCALAR_NORM], norm, 1e-5 * norm);
    ck_assert_double_eq_tol((double)scalars[CLMIX_SCALAR_FACTOR], 0.5 * 5.0 / norm, 1e-5 * 0.5 * 5.0 / norm);
    ck_assert_float_eq(scalars[CLMIX_SCALAR_GOOD], 1.0f);
    rig_close(&rig);
    free(gradients);
}
END_TEST

/* Ranges without decay, and another beta1 than the options': each element follows the equations with its own. */
START_TEST(decay_is_left_out_in_ranges)
{
    static const struct clmix_range exempt[] = { { 60000, 32 }, { 4096, 16 }, { 0, 1024 }, { 4112, 1008 } }; /* the last has no gradient */
    const struct variant *variant = &variants[_i];
    clmix_train_options options = options_of(variant), without;
    float *start = ops_floats(COUNT, 1, -1.0f, 1.0f), *got;
    struct model with_decay = { calloc(COUNT, sizeof(double)), calloc(COUNT, sizeof(double)), calloc(COUNT, sizeof(double)) },
                 plain = { calloc(COUNT, sizeof(double)), calloc(COUNT, sizeof(double)), calloc(COUNT, sizeof(double)) };
    struct rig rig;

    for (size_t i = 0; i < COUNT; i++)
        with_decay.w[i] = plain.w[i] = (double)start[i];
    rig_open(&rig, &options, ranges, 2, COUNT);
    ops_ok(clmix_optimizer_exempt(rig.optimizer, exempt, 4));
    ck_assert_uint_eq(rig.optimizer->update_count, 6); /* [0, 1024), -4096, -4112; [5120, 60000), -60032 and the rest */
    put(&rig, rig.weights, start);
    for (int step = 0; step < STEPS; step++) {
        float *gradients = ops_floats(COUNT, (uint64_t)(100 + step), -0.3f, 0.5f);

        put(&rig, rig.gradients, gradients);
        options.beta1 = 0.95f - 0.02f * (float)step;
        without = options;
        without.weight_decay = 0.0f;
        rig.optimizer->beta1 = (double)options.beta1;
        update(&rig, variant->scale, 0.01, step);
        host_step(&options, &with_decay, gradients, (double)variant->scale, 0.01, step);
        host_step(&without, &plain, gradients, (double)variant->scale, 0.01, step);
        free(gradients);
    }
    got = get(&rig, rig.weights);
    for (size_t i = 0; i < COUNT; i++) {
        const bool is_exempt = i < 1024 || (i >= 4096 && i < 4112) || (i >= 60000 && i < 60032);

        ck_assert_double_eq_tol((double)got[i], is_exempt ? plain.w[i] : with_decay.w[i], 3e-6);
    }
    rig_close(&rig);
    free(start);
    free(got);
    free(with_decay.w);
    free(with_decay.m);
    free(with_decay.v);
    free(plain.w);
    free(plain.m);
    free(plain.v);
}
END_TEST

/* A loss or a gradient that is not finite: nothing changes, moments and averages included. */
START_TEST(nothing_changes_when_something_is_not_finite)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    clmix_train_options options = clmix_train_defaults();
    float *values = ops_floats(COUNT, 3, -1.0f, 1.0f), *gradients = ops_floats(COUNT, 4, -1.0f, 1.0f), scalars[CLMIX_SCALARS], *weights,
          *means, *averages;
    struct rig rig;

    rig_open(&rig, &options, ranges, 2, COUNT);
    put(&rig, rig.weights, values);
    put(&rig, rig.extra, gradients);
    if (_i < 3)
        gradients[COUNT - 1] = bad[_i];
    else
        ops_ok(clmix_buffer_write(ops_device, rig.optimizer->scalars, CLMIX_SCALAR_LOSS * sizeof(float), &bad[_i - 3], sizeof(float)));
    put(&rig, rig.gradients, gradients);
    ops_ok(clmix_optimizer_update(rig.optimizer, rig.weights, rig.gradients, CLMIX_ONE_BATCH, 0.1, 0));
    ops_ok(clmix_optimizer_average(rig.optimizer, rig.extra, rig.weights, COUNT, 0.5));
    ops_ok(clmix_optimizer_scalars(rig.optimizer, scalars));
    ck_assert_float_eq(scalars[CLMIX_SCALAR_GOOD], 0.0f);
    weights = get(&rig, rig.weights);
    means = get(&rig, rig.optimizer->moments[0]);
    averages = get(&rig, rig.extra);
    ck_assert_mem_eq(weights, values, COUNT * sizeof(float));
    ck_assert_mem_eq(averages, gradients, (COUNT - 1) * sizeof(float));
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_float_eq(means[i], 0.0f);
    rig_close(&rig);
    free(values);
    free(gradients);
    free(weights);
    free(means);
    free(averages);
}
END_TEST

START_TEST(gradients_are_summed_weighted_by_labels)
{
    const clmix_train_options options = clmix_train_defaults();
    float *a = ops_floats(COUNT, 5, -1.0f, 1.0f), *b = ops_floats(COUNT, 6, -1.0f, 1.0f), *got;
    double *sum = calloc(COUNT, sizeof *sum);
    struct rig rig;

    rig_open(&rig, &options, ranges, 2, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        a[i] = i % 2 == 0 ? a[i] : 0.0f;
        sum[i] = in_ranges(i) ? 3.0 * (double)a[i] + 2.0 * (double)b[i] : (double)NAN;
    }
    for (size_t i = 0; i < COUNT; i++)
        b[i] = in_ranges(i) ? b[i] : 0.0f;
    got = malloc(COUNT * sizeof *got);
    for (size_t i = 0; i < COUNT; i++)
        got[i] = in_ranges(i) ? NAN : 1.0f; /* what was there before must not matter */
    put(&rig, rig.extra, got);
    free(got);
    put(&rig, rig.gradients, a);
    count_labels(&rig, 3.0f);
    ops_ok(clmix_optimizer_accumulate(rig.optimizer, rig.extra, rig.gradients, true));
    put(&rig, rig.gradients, b);
    count_labels(&rig, 2.0f);
    ops_ok(clmix_optimizer_accumulate(rig.optimizer, rig.extra, rig.gradients, false));
    got = get(&rig, rig.extra);
    for (size_t i = 0; i < COUNT; i++)
        if (in_ranges(i))
            ck_assert_double_eq_tol((double)got[i], sum[i], 1e-6);
        else
            ck_assert_float_eq(got[i], 1.0f);
    rig_close(&rig);
    free(a);
    free(b);
    free(got);
    free(sum);
}
END_TEST

START_TEST(average_is_exponential)
{
    const clmix_train_options options = clmix_train_defaults();
    float *a = ops_floats(COUNT, 8, -1.0f, 1.0f), *w = ops_floats(COUNT, 9, -1.0f, 1.0f), *got;
    double *wanted = calloc(COUNT, sizeof *wanted);
    struct rig rig;

    rig_open(&rig, &options, ranges, 2, COUNT);
    put(&rig, rig.extra, a);
    put(&rig, rig.weights, w);
    ops_ok(clmix_optimizer_average(rig.optimizer, rig.extra, rig.weights, COUNT, 0.99));
    for (size_t i = 0; i < COUNT; i++)
        wanted[i] = 0.99 * (double)a[i] + 0.01 * (double)w[i];
    got = get(&rig, rig.extra);
    ops_compare("average", got, wanted, COUNT, 5e-7);
    rig_close(&rig);
    free(a);
    free(w);
    free(got);
    free(wanted);
}
END_TEST

/* PyTorch's AdamW over four steps: in.gT_I, param.pI, out.pI_stepT. Each parameter has a place of its own in the arenas. */
START_TEST(reference_case_of_adamw)
{
    static const struct clmix_range both[] = { { 0, 16 }, { 16, 16 } };
    clmix_train_options options = clmix_train_defaults();
    options.clip_norm = 0.0f; /* the reference does not clip */
    clmix_safetensors *file = NULL;
    float arena[32] = { 0 };
    struct rig rig;

    ops_ok(clmix_safetensors_open(&file, CLMIX_TEST_CASES "/ops/adamw.safetensors"));
    options.weight_decay = 0.01f;
    rig_open(&rig, &options, both, 2, 32);
    for (int p = 0; p < 2; p++)
        ops_ok(clmix_stored_to_float(clmix_safetensors_find(file, p == 0 ? "param.p0" : "param.p1"), arena + 16 * p));
    put(&rig, rig.weights, arena);
    for (int step = 0; step < 4; step++) {
        float *got;

        for (int p = 0; p < 2; p++) {
            char name[32];

            snprintf(name, sizeof name, "in.g%d_%d", step, p);
            ops_ok(clmix_stored_to_float(clmix_safetensors_find(file, name), arena + 16 * p));
        }
        put(&rig, rig.gradients, arena);
        ops_ok(clmix_optimizer_update(rig.optimizer, rig.weights, rig.gradients, CLMIX_ONE_BATCH, 1e-3, (size_t)step));
        got = get(&rig, rig.weights);
        for (int p = 0; p < 2; p++) {
            const clmix_stored_tensor *tensor;
            float wanted[16];
            char name[32];

            snprintf(name, sizeof name, "out.p%d_step%d", p, step + 1);
            tensor = clmix_safetensors_find(file, name);
            ops_ok(clmix_stored_to_float(tensor, wanted));
            ops_compare_floats(name, got + 16 * p, wanted, tensor->count, 1e-6);
        }
        free(got);
    }
    rig_close(&rig);
    clmix_safetensors_close(file);
}
END_TEST

START_TEST(ranges_that_the_kernels_cannot_take_are_refused)
{
    static const struct clmix_range crooked = { 0, 17 }, outside = { 16, COUNT };
    const clmix_train_options options = clmix_train_defaults();
    struct clmix_optimizer *optimizer;

    ck_assert_int_eq(clmix_optimizer_new(&optimizer, ops_device, &options, &crooked, 1, COUNT), CLMIX_ERROR_INTERNAL);
    ck_assert_int_eq(clmix_optimizer_new(&optimizer, ops_device, &options, &outside, 1, COUNT), CLMIX_ERROR_INTERNAL);
    ck_assert_ptr_null(optimizer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizer");
    TCase *tests = tcase_create("kernels");

    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_loop_test(tests, every_kind_follows_its_equations, 0, (int)(sizeof variants / sizeof *variants));
    tcase_add_loop_test(tests, decay_is_left_out_in_ranges, 0, sizeof variants / sizeof variants[0]);
    tcase_add_test(tests, norm_and_factor_are_those_of_all_ranges);
    tcase_add_loop_test(tests, nothing_changes_when_something_is_not_finite, 0, 6);
    tcase_add_test(tests, gradients_are_summed_weighted_by_labels);
    tcase_add_test(tests, average_is_exponential);
    tcase_add_test(tests, reference_case_of_adamw);
    tcase_add_test(tests, ranges_that_the_kernels_cannot_take_are_refused);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
