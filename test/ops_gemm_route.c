/* The choice between routes of a matrix product: measured once, remembered as text, never a wrong one. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/gemm.h"
#include "ops/tune.h"
#include "runtime/runtime.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"

/* ---- choosing a route --------------------------------------------------------------------------------------------------------------- */

static double pretended[2];
static int asked;

static clmix_status pretend(clmix_device *on, int way, const void *data, double *seconds)
{
    (void)on;
    (void)data;
    asked++;
    *seconds = pretended[way];
    return CLMIX_OK;
}

static clmix_status choose(const char *key, double first, double second, int *way)
{
    static const char *const ways[] = { "first", "second" };
    struct clmix_tune_question question = { key, ways, 2, 1.2, pretend, NULL };

    pretended[0] = first;
    pretended[1] = second;
    asked = 0;
    return clmix_tune_choose(test_device, &question, way);
}

static char folder[] = "/tmp/clmix-gemm-XXXXXX", *saved_cache, *saved_tune;

static void open_with_own_cache(void)
{
    saved_cache = getenv("CLMIX_CACHE_DIR") == NULL ? NULL : strdup(getenv("CLMIX_CACHE_DIR"));
    saved_tune = getenv("CLMIX_TUNE") == NULL ? NULL : strdup(getenv("CLMIX_TUNE"));
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_test_device(); /* its kernels still come from the shared cache */
    setenv("CLMIX_CACHE_DIR", folder, 1);
    unsetenv("CLMIX_TUNE");
}

static void put_back(const char *name, char *value)
{
    if (value == NULL)
        unsetenv(name);
    else
        setenv(name, value, 1);
    free(value);
}

static void close_with_own_cache(void)
{
    char command[sizeof folder + 16];

    put_back("CLMIX_CACHE_DIR", saved_cache);
    put_back("CLMIX_TUNE", saved_tune);
    close_test_device();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void write_tuning(const char *text)
{
    char *path = clmix_tune_path(test_device);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

START_TEST(choice_is_measured_once)
{
    int way;

    check_ok(choose("a", 1.0, 0.9, &way));
    ck_assert_int_eq(way, 0); /* not 1.2 times faster */
    ck_assert_int_eq(asked, 2);
    check_ok(choose("b", 1.0, 0.5, &way));
    ck_assert_int_eq(way, 1);
    check_ok(choose("a", 1.0, 0.1, &way));
    ck_assert_int_eq(way, 0);
    check_ok(choose("b", 0.1, 1.0, &way));
    ck_assert_int_eq(way, 1);
    ck_assert_int_eq(asked, 0);
}
END_TEST

START_TEST(wrong_ways_are_not_taken)
{
    int way;

    check_ok(choose("a", CLMIX_TUNE_WRONG, 5.0, &way));
    ck_assert_int_eq(way, 1);
    check_ok(choose("b", 5.0, CLMIX_TUNE_WRONG, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(choose("c", CLMIX_TUNE_WRONG, CLMIX_TUNE_WRONG, &way), CLMIX_ERROR_DRIVER);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "'c'"));
    check_ok(choose("c", 1.0, 1.0, &way)); /* a failure is not remembered */
    ck_assert_int_eq(asked, 2);
}
END_TEST

START_TEST(spoilt_files_are_rewritten)
{
    static const char *const texts[] = { "",
                                         "rubbish",
                                         "clmix tuning 1\n",
                                         "clmix tuning 1\ndevice x\na\tsecond",
                                         "clmix tuning 1\ndevice x\na second\n",
                                         "clmix tuning 0\ndevice x\na\tsecond\t\n" };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int way;

        write_tuning(texts[i]);
        check_ok(choose("a", 1.0, 2.0, &way));
        ck_assert_int_eq(way, 0);
        ck_assert_int_eq(asked, 2);
        check_ok(choose("a", 2.0, 1.0, &way));
        ck_assert_int_eq(asked, 0);
    }
    write_tuning("clmix tuning 1\ndevice x\na\tsecond\tby hand\nb\tthird\tunknown\n");
    {
        int way;

        check_ok(choose("a", 1.0, 2.0, &way));
        ck_assert_int_eq(way, 1);
        check_ok(choose("b", 1.0, 2.0, &way));
        ck_assert_int_eq(way, 0);
        ck_assert_int_eq(asked, 2);
    }
}
END_TEST

START_TEST(nothing_is_measured_where_nothing_is_kept)
{
    char blocked[sizeof folder + 16];
    int way;

    setenv("CLMIX_TUNE", "off", 1);
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    unsetenv("CLMIX_TUNE");
    setenv("CLMIX_CACHE_DIR", "", 1);
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    snprintf(blocked, sizeof blocked, "%s/file", folder);
    fclose(fopen(blocked, "w"));
    setenv("CLMIX_CACHE_DIR", blocked, 1); /* a file where the folder should be */
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(asked, 0);
}
END_TEST

/* The probe passes the right kernels, and sees one whose parts leave most of the depth out. */
START_TEST(probe_tells_wrong_from_right)
{
    struct clmix_gemm gemm = { .rows = 64,
                               .columns = 64,
                               .depth = 64,
                               .transpose_b = true,
                               .bias = 0,
                               .residual = { .value = CLMIX_NONE },
                               .activation = CLMIX_ACTIVATION_GELU };
    struct clmix_gemm_tile tile;
    double error, seconds;

    clmix_gemm_choose_tile(clmix_device_describe(test_device), clmix_device_describe(test_device)->form == CLMIX_WIDE, &gemm, 0, &tile);
    check_ok(clmix_gemm_probe(test_device, &gemm, CLMIX_GEMM_OWN, &tile, true, &error, &seconds));
    ck_assert_msg(error <= 1.0, "error %g", error);
    gemm.activation = CLMIX_ACTIVATION_NONE;
    tile.splits = 3;
    tile.chunk = 256;
    check_ok(clmix_gemm_probe(test_device, &gemm, CLMIX_GEMM_OWN, &tile, true, &error, &seconds));
    ck_assert_msg(error <= 1.0, "error %g", error);
    tile.chunk = 32;
    check_ok(clmix_gemm_probe(test_device, &gemm, CLMIX_GEMM_OWN, &tile, true, &error, &seconds));
    ck_assert_msg(error > 1.0, "error %g", error);
    check_ok(clmix_gemm_probe(test_device, &gemm, CLMIX_GEMM_OWN, NULL, false, &error, &seconds));
    ck_assert(seconds > 0.0);
}
END_TEST

static float *run_linear(size_t rows, size_t in, size_t out, const float *x, const float *weight)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value value = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ rows, in });
    float *y = malloc(rows * out * sizeof *y);
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_linear(clmix_in(clmix_root(graph), "fc"), value, out, false));
    check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_INFERENCE));
    check_ok(clmix_plan_write(plan, "x", x, rows * in * sizeof(float)));
    check_ok(clmix_plan_write(plan, "fc.weight", weight, in * out * sizeof(float)));
    check_ok(clmix_plan_run(plan));
    check_ok(clmix_plan_read(plan, "y", y, rows * out * sizeof(float)));
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return y;
}

/* With tuning on: the file appears, and an answer edited to CLBlast is obeyed. */
START_TEST(the_file_decides)
{
    enum { ROWS = 40, IN = 24, OUT = 18 };
    float *x = ops_centred_floats(ROWS * IN, 0), *weight = ops_centred_floats(IN * OUT, 1), *y;
    char *path = clmix_tune_path(test_device), text[4096], *own;
    size_t length;
    FILE *file;

    for (int pass = 0; pass < 2; pass++) {
        y = run_linear(ROWS, IN, OUT, x, weight);
        for (size_t i = 0; i < ROWS * OUT; i++) {
            double want = 0.0;

            for (size_t k = 0; k < IN; k++)
                want += (double)x[i / OUT * IN + k] * weight[k * OUT + i % OUT];
            ck_assert(fabs(y[i] - want) < 1e-5);
        }
        free(y);
        file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        length = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        text[length] = '\0';
        own = strstr(text, " nn\town\t");
        if (pass == 0 && own != NULL) {
            char edited[4200];

            snprintf(edited, sizeof edited, "%.*s nn\tclblast\t%s", (int)(own - text), text, own + 8);
            write_tuning(edited);
        }
    }
    free(path);
    free(x);
    free(weight);
}
END_TEST

/* ---- the program -------------------------------------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("gemm_route");
    TCase *routes = tcase_create("routes");

    tcase_add_checked_fixture(routes, open_with_own_cache, close_with_own_cache);
    tcase_set_timeout(routes, 600);
    tcase_add_test(routes, choice_is_measured_once);
    tcase_add_test(routes, wrong_ways_are_not_taken);
    tcase_add_test(routes, spoilt_files_are_rewritten);
    tcase_add_test(routes, nothing_is_measured_where_nothing_is_kept);
    tcase_add_test(routes, probe_tells_wrong_from_right);
    if (!ops_small_effort())
        tcase_add_test(routes, the_file_decides);
    suite_add_tcase(suite, routes);
    return support_run(suite);
}
