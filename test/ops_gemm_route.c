/* The choice between routes and tiles of a matrix product: measured once, remembered as text, never a wrong one. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/gemm_internal.h"
#include "runtime/runtime.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tuning.h"

#define HEAD "clmix tuning 2: made by a test\ndevice x\n"

/* ---- a device with a tuning file of its own ------------------------------------------------------------------------------------------ */

static void open_with_own_cache(void)
{
    open_test_device();
    (void)begin_own_tuning();
}

static void close_with_own_cache(void)
{
    end_own_tuning();
    close_test_device();
}

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

/* ---- what the tuning file decides ------------------------------------------------------------------------------------------------------ */

enum { ROWS = 256, IN = 64, OUT = 128 }; /* stands for its class */

/* A linear layer's result on inputs that are always the same, and the name of its first kernel. */
static float *run_linear(char *kernel, size_t kernel_bytes)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value value = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ ROWS, IN });
    float *x = ops_centred_floats(ROWS * IN, 0), *weight = ops_centred_floats(IN * OUT, 1), *y = malloc(ROWS * OUT * sizeof *y);
    const clmix_timing *timings;
    clmix_plan *plan;
    size_t count;

    clmix_output(graph, "y", clmix_linear(clmix_in(clmix_root(graph), "fc"), value, OUT, false));
    check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_INFERENCE));
    check_ok(clmix_plan_write(plan, "x", x, ROWS * IN * sizeof(float)));
    check_ok(clmix_plan_write(plan, "fc.weight", weight, IN * OUT * sizeof(float)));
    check_ok(clmix_profile_start(test_device));
    check_ok(clmix_plan_run(plan));
    check_ok(clmix_profile_stop(test_device, &timings, &count));
    ck_assert_uint_ge(count, 1);
    snprintf(kernel, kernel_bytes, "%s", timings[0].kernel);
    check_ok(clmix_plan_read(plan, "y", y, ROWS * OUT * sizeof(float)));
    for (size_t i = 0; i < ROWS * OUT; i++) {
        double want = 0.0;

        for (size_t k = 0; k < IN; k++)
            want += (double)x[i / OUT * IN + k] * weight[k * OUT + i % OUT];
        ck_assert(fabs(y[i] - want) < 1e-5);
    }
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    free(x);
    free(weight);
    return y;
}

/* With tuning on: the file appears with the own route in it, and an answer edited to CLBlast is obeyed. */
START_TEST(the_file_decides_the_route)
{
    const char *form = clmix_form_name(clmix_device_describe(test_device)->form);
    char text[4096], kernel[64];

    free(run_linear(kernel, sizeof kernel));
    ck_assert_int_eq(strncmp(kernel, "gemm_", 5), 0);
    read_tuning(test_device, text);
    ck_assert_ptr_nonnull(strstr(text, "\nclblast 2 "));
    ck_assert_ptr_nonnull(strstr(text, " nn\town\town right\n"));
    snprintf(text, sizeof text, HEAD "clblast 2 %s\tmeasured\t\nroute 2 %s nn 256x128x64\tclblast\t\n", form, form);
    write_tuning(test_device, text);
    free(run_linear(kernel, sizeof kernel));
    ck_assert_str_eq(kernel, "CLBlastSgemm");
}
END_TEST

/* Every tile that the file may name is taken, and gives the same bits. */
START_TEST(the_file_decides_the_tile)
{
    const struct clmix_gemm like = { .rows = 256, .columns = 128, .depth = 64, .bias = CLMIX_NONE, .residual = { .value = CLMIX_NONE } };
    const bool wide = clmix_device_describe(test_device)->form == CLMIX_WIDE;
    struct clmix_gemm_tile tile;
    float *first = NULL;

    for (int variant = 0; clmix_gemm_choose_tile(clmix_device_describe(test_device), wide, &like, variant, &tile); variant++) {
        const char *form = clmix_form_name(wide ? CLMIX_WIDE : CLMIX_SIMT);
        char name[64], text[4096], kernel[64], wanted[80];
        float *y;

        if (variant == 3 && ops_small_effort())
            break;
        clmix_gemm_name_tile(&tile, name, sizeof name);
        snprintf(text, sizeof text, HEAD "clblast 2 %s\town\t\ntile 1 %s nn 256x128x64\t%s\tby hand\n", form, form, name);
        write_tuning(test_device, text);
        y = run_linear(kernel, sizeof kernel);
        read_tuning(test_device, text);
        clmix_gemm_name_kernel(&tile, name, sizeof name);
        snprintf(wanted, sizeof wanted, "\ngemm 2 %s nn\town\t", name);
        ck_assert_msg(strstr(text, wanted) != NULL, "'%s' is not in\n%s", wanted, text);
        if (variant == 0)
            first = y;
        else
            ck_assert_msg(memcmp(first, y, ROWS * OUT * sizeof *y) == 0, "tile %s gives other bits", name);
        if (variant > 0)
            free(y);
    }
    free(first);
}
END_TEST

/* Tiles are measured, each of them verified, and the answer is kept. */
START_TEST(tiles_are_measured)
{
    const struct clmix_gemm like = { .rows = 256, .columns = 128, .depth = 64, .bias = CLMIX_NONE, .residual = { .value = CLMIX_NONE } };
    const bool wide = clmix_device_describe(test_device)->form == CLMIX_WIDE;
    struct clmix_gemm_tile tile, again;
    char text[4096];

    if (!clmix_gemm_choose_tile(clmix_device_describe(test_device), wide, &like, 1, &tile))
        return; /* there is no choice */
    setenv("CLMIX_TUNE", "full", 1);
    check_ok(clmix_gemm_tune_tile(test_device, wide, &like, &tile));
    read_tuning(test_device, text);
    ck_assert_ptr_nonnull(strstr(text, " nn 256x128x64\t"));
    ck_assert_ptr_null(strstr(text, " wrong"));
    check_ok(clmix_gemm_tune_tile(test_device, wide, &like, &again));
    ck_assert_int_eq(memcmp(&tile, &again, sizeof tile), 0);
}
END_TEST

/* ---- the program -------------------------------------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("gemm_route");
    TCase *routes = tcase_create("routes");

    tcase_add_checked_fixture(routes, open_with_own_cache, close_with_own_cache);
    tcase_set_timeout(routes, 600);
    tcase_add_test(routes, probe_tells_wrong_from_right);
    tcase_add_test(routes, the_file_decides_the_tile);
    tcase_add_test(routes, tiles_are_measured);
    if (!ops_small_effort())
        tcase_add_test(routes, the_file_decides_the_route);
    suite_add_tcase(suite, routes);
    return support_run(suite);
}
