/* Cross-entropy with left-out rows, smoothing and mixed labels, its gradient, what is not finite; top-k counts with ties. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reference ----------------------------------------------------------------------------------------------------------------------- */

struct problem {
    size_t rows, classes;
    float smoothing;
    bool mixed;
    float scale;   /* logits in -scale .. scale */
    bool upstream; /* the gradient of the loss is fed in, 1.75, instead of 1 */
    int32_t *label, *second;
    float *logits, *weight;
};

static double target(const struct problem *p, size_t row, size_t k)
{
    double share = p->mixed ? (double)p->weight[row] : 1.0, hit = share * ((int32_t)k == p->label[row]);

    if (p->mixed)
        hit += (1.0 - share) * ((int32_t)k == p->second[row]);
    return (1.0 - (double)p->smoothing) * hit + (double)p->smoothing / (double)p->classes;
}

static bool counted(const struct problem *p, size_t row)
{
    return p->label[row] != -100 && (!p->mixed || p->second[row] != -100);
}

static double reference(const struct problem *p, double *gradient)
{
    double loss = 0.0, count = 0.0;

    for (size_t r = 0; r < p->rows; r++)
        count += counted(p, r);
    for (size_t r = 0; r < p->rows; r++) {
        const float *x = p->logits + r * p->classes;
        double most = -INFINITY, sum = 0.0;

        for (size_t k = 0; k < p->classes; k++)
            most = fmax(most, (double)x[k]);
        for (size_t k = 0; k < p->classes; k++)
            sum += exp((double)x[k] - most);
        for (size_t k = 0; k < p->classes; k++) {
            double t = target(p, r, k);

            if (counted(p, r))
                loss += t * (log(sum) + most - (double)x[k]) / count;
            gradient[r * p->classes + k] = counted(p, r) ? (exp((double)x[k] - most) / sum - t) / count * (p->upstream ? 1.75 : 1.0) : 0.0;
        }
    }
    return loss;
}

/* ---- a problem on the device --------------------------------------------------------------------------------------------------------- */

static void make(struct problem *p)
{
    float *picks = ops_floats(3 * p->rows, 5, 0.0f, 1.0f);

    p->logits = ops_floats(p->rows * p->classes, 1, -p->scale, p->scale);
    p->weight = ops_floats(p->rows, 2, 0.0f, 1.0f);
    p->label = malloc(p->rows * sizeof *p->label);
    p->second = malloc(p->rows * sizeof *p->second);
    ck_assert(p->label != NULL && p->second != NULL);
    for (size_t r = 0; r < p->rows; r++) {
        p->label[r] = r % 5 == 3 ? -100 : (int32_t)(picks[3 * r] * (float)p->classes);
        p->second[r] = (int32_t)(picks[3 * r + 1] * (float)p->classes);
    }
    free(picks);
}

static void drop(struct problem *p)
{
    free(p->logits);
    free(p->weight);
    free(p->label);
    free(p->second);
}

/* Runs it; the loss, how many labels it counts and, in `gradient` (freed by the caller), that of the logits. */
static float run_counting(const struct problem *p, float **gradient, float *count)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value logits = ops_input(graph, "logits", ops_shape2(p->rows, p->classes)),
                label = clmix_input(graph, "label", CLMIX_I32, 1, &p->rows), second = { 0 }, weight = { 0 }, loss, up = { 0 };
    float *got, value, more = 1.75f;
    clmix_plan *plan;

    if (p->mixed) {
        second = clmix_input(graph, "second", CLMIX_I32, 1, &p->rows);
        weight = clmix_input(graph, "weight", CLMIX_F32, 1, &p->rows);
    }
    clmix_want_gradient(logits);
    loss = clmix_cross_entropy(logits, label, p->smoothing, second, weight);
    if (p->upstream)
        up = clmix_input(graph, "up", CLMIX_F32, 0, NULL);
    clmix_output(graph, "loss", loss);
    clmix_output(graph, "counted", clmix_counted(loss));
    clmix_backward(graph, 1, &loss, &up);
    clmix_output(graph, "gradient", clmix_gradient_of(logits));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "logits", p->logits, p->rows * p->classes);
    ops_ok(clmix_plan_write(plan, "label", p->label, p->rows * sizeof *p->label));
    if (p->mixed) {
        ops_ok(clmix_plan_write(plan, "second", p->second, p->rows * sizeof *p->second));
        ops_write(plan, "weight", p->weight, p->rows);
    }
    if (p->upstream)
        ops_write(plan, "up", &more, 1);
    ops_ok(clmix_plan_run(plan));
    got = ops_read(plan, "loss", 1);
    value = *got;
    free(got);
    got = ops_read(plan, "counted", 1);
    *count = *got;
    free(got);
    *gradient = ops_read(plan, "gradient", p->rows * p->classes);
    clmix_plan_free(plan);
    return value;
}

static float run(const struct problem *p, float **gradient)
{
    float ignored;

    return run_counting(p, gradient, &ignored);
}

static void check_problem(struct problem p)
{
    float *gradient, loss, count, wanted_count = 0.0f;
    double *wanted = malloc(p.rows * p.classes * sizeof *wanted), wanted_loss;

    ck_assert_ptr_nonnull(wanted);
    make(&p);
    loss = run_counting(&p, &gradient, &count);
    wanted_loss = reference(&p, wanted);
    for (size_t r = 0; r < p.rows; r++)
        wanted_count += counted(&p, r) ? 1.0f : 0.0f;
    ck_assert_float_eq(count, wanted_count);
    ops_compare("loss", &loss, &wanted_loss, 1, 2e-6);
    ops_compare("gradient of logits", gradient, wanted, p.rows * p.classes, p.classes == 1 ? 1e-3 : 1e-5);
    free(wanted);
    free(gradient);
    drop(&p);
}

START_TEST(cross_entropy)
{
    static const size_t sizes[][2] = { { 1, 1 }, { 1, 2 }, { 3, 5 }, { 64, 10 }, { 7, 100 }, { 33, 17 }, { 40, 3 }, { 150, 37 } };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int form = 0; form < 8; form++)
            check_problem((struct problem){ .rows = sizes[i][0],
                                            .classes = sizes[i][1],
                                            .smoothing = form & 1 ? 0.1f : 0.0f,
                                            .mixed = form & 2,
                                            .upstream = form & 4,
                                            .scale = 4.0f });
}
END_TEST

START_TEST(cross_entropy_of_large_logits)
{
    check_problem((struct problem){ .rows = 20, .classes = 33, .scale = 1000.0f });
    check_problem((struct problem){ .rows = 700, .classes = 65, .scale = 1.0f });
}
END_TEST

/* Of no labels the loss is 0, and so are the gradients: nothing of a microbatch without labels reaches the step that it is part of. */
START_TEST(no_labels_have_no_loss)
{
    static const size_t classes[] = { 3, 10, 100 };

    for (size_t i = 0; i < 3; i++) {
        struct problem p = { .rows = 21, .classes = classes[i], .scale = 4.0f, .smoothing = 0.1f };
        float *gradient, count = 1.0f;

        make(&p);
        for (size_t r = 0; r < p.rows; r++)
            p.label[r] = CLMIX_NO_LABEL;
        ck_assert_float_eq(run_counting(&p, &gradient, &count), 0.0f);
        ck_assert_float_eq(count, 0.0f);
        for (size_t k = 0; k < p.rows * p.classes; k++)
            ck_assert_float_eq(gradient[k], 0.0f);
        free(gradient);
        drop(&p);
    }
}
END_TEST

/* A NaN or an infinity anywhere in the logits, or a label that is no class, must show in the loss. */
START_TEST(what_is_not_finite_shows)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    struct problem p = { .rows = 6, .classes = 21, .scale = 1.0f };
    float *gradient;

    make(&p);
    for (size_t b = 0; b < 3; b++)
        for (size_t place = 21; place < 42; place += 4) { /* of the second row */
            float kept = p.logits[place];

            p.logits[place] = bad[b];
            ck_assert_msg(!isfinite(run(&p, &gradient)), "%g at %zu", (double)bad[b], place);
            free(gradient);
            p.logits[place] = kept;
        }
    p.label[0] = 21;
    ck_assert(!isfinite(run(&p, &gradient)));
    free(gradient);
    p.label[0] = -1;
    ck_assert(!isfinite(run(&p, &gradient)));
    free(gradient);
    drop(&p);
}
END_TEST

/* Adding two losses: the gradient 1 of a sum reaches both. */
START_TEST(losses_add_up)
{
    clmix_graph *graph = clmix_graph_new();
    const size_t rows = 4;
    clmix_value logits = ops_input(graph, "logits", ops_shape2(rows, 3)), label = clmix_input(graph, "label", CLMIX_I32, 1, &rows),
                none = { 0 }, loss, one = { 0 };
    int32_t labels[4] = { 0, 1, 2, 0 };
    float *data = ops_floats(12, 1, -1.0f, 1.0f), *twice, *once;
    struct problem p = { .rows = rows, .classes = 3, .label = labels, .logits = data };
    clmix_plan *plan;

    clmix_want_gradient(logits);
    loss = clmix_add(clmix_cross_entropy(logits, label, 0.0f, none, none),
                     clmix_scale(clmix_cross_entropy(logits, label, 0.0f, none, none), 2.0f));
    clmix_output(graph, "loss", loss);
    clmix_backward(graph, 1, &loss, &one);
    clmix_output(graph, "gradient", clmix_gradient_of(logits));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "logits", data, 12);
    ops_ok(clmix_plan_write(plan, "label", labels, sizeof labels));
    ops_ok(clmix_plan_run(plan));
    twice = ops_read(plan, "gradient", 12);
    run(&p, &once);
    for (size_t i = 0; i < 12; i++)
        ck_assert_float_eq_tol(twice[i], 3.0f * once[i], 1e-6f);
    free(data);
    free(once);
    free(twice);
    clmix_plan_free(plan);
}
END_TEST

/* ---- top k --------------------------------------------------------------------------------------------------------------------------- */

static void count_top(size_t rows, size_t classes, const float *logits, const int32_t *label, const int *k, int count, float *found)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "logits", ops_shape2(rows, classes));
    clmix_plan *plan;
    float *got;

    clmix_output(graph, "top", clmix_top_k(x, clmix_input(graph, "label", CLMIX_I32, 1, &rows), count, k));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "logits", logits, rows * classes);
    ops_ok(clmix_plan_write(plan, "label", label, rows * sizeof *label));
    ops_ok(clmix_plan_run(plan));
    got = ops_read(plan, "top", (size_t)count);
    memcpy(found, got, (size_t)count * sizeof *found);
    free(got);
    clmix_plan_free(plan);
}

START_TEST(top_k_counts)
{
    static const int k[] = { 1, 5, 10 };
    struct problem p = { .rows = 333, .classes = 37, .scale = 1.0f };
    float found[3];

    make(&p);
    count_top(p.rows, p.classes, p.logits, p.label, k, 3, found);
    for (size_t i = 0; i < 3; i++) {
        int wanted = 0;

        for (size_t r = 0; r < p.rows; r++) {
            int before = 0;

            if (p.label[r] < 0)
                continue;
            for (size_t c = 0; c < p.classes; c++)
                before += p.logits[r * p.classes + c] > p.logits[r * p.classes + (size_t)p.label[r]];
            wanted += before < k[i];
        }
        ck_assert_int_eq((int)found[i], wanted);
    }
    drop(&p);
}
END_TEST

START_TEST(top_k_of_ties_and_nan)
{
    static const int k[] = { 1, 2 };
    const float logits[] = { 1, 1, 0, /* tie: the lower class first */ 1, 1, 0, NAN, 0, 0, /* the label's own */ 0, NAN, 2, 3, 2, 1 };
    const int32_t label[] = { 0, 1, 0, 2, -100 };
    float found[2];

    count_top(5, 3, logits, label, k, 2, found);
    ck_assert_float_eq(found[0], 1.0f); /* row 0 */
    ck_assert_float_eq(found[1], 3.0f); /* and rows 1 and 3: only the NaN stands before its label */
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(refusals)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value none = { 0 }, x = ops_input(graph, "x", ops_shape2(4, 3));

    clmix_cross_entropy(x, clmix_input(graph, "l", CLMIX_I32, 1, (size_t[]){ 5 }), 0.0f, none, none);
    ops_refused(graph, "4 rows of logits");
    graph = clmix_graph_new();
    x = ops_input(graph, "x", ops_shape2(4, 3));
    clmix_cross_entropy(x, clmix_input(graph, "l", CLMIX_F32, 1, (size_t[]){ 4 }), 0.0f, none, none);
    ops_refused(graph, "type i32");
    graph = clmix_graph_new();
    x = ops_input(graph, "x", ops_shape2(4, 3));
    clmix_cross_entropy(x, clmix_input(graph, "l", CLMIX_I32, 1, (size_t[]){ 4 }), 1.5f, none, none);
    ops_refused(graph, "smoothing");
    graph = clmix_graph_new();
    x = ops_input(graph, "x", ops_shape2(4, 3));
    clmix_top_k(x, clmix_input(graph, "l", CLMIX_I32, 1, (size_t[]){ 4 }), 1, (int[]){ 0 });
    ops_refused(graph, "at least 1");
    graph = clmix_graph_new();
    clmix_counted(clmix_relu(ops_input(graph, "x", ops_shape2(4, 3))));
    ops_refused(graph, "no loss");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loss");
    TCase *all = tcase_create("loss");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, cross_entropy);
    tcase_add_test(all, cross_entropy_of_large_logits);
    tcase_add_test(all, no_labels_have_no_loss);
    tcase_add_test(all, what_is_not_finite_shows);
    tcase_add_test(all, losses_add_up);
    tcase_add_test(all, top_k_counts);
    tcase_add_test(all, top_k_of_ties_and_nan);
    tcase_add_test(all, refusals);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
