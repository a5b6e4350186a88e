/* Sums over rows. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>

#include "ops/column_sum.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"

START_TEST(column_sums)
{
    static const size_t sizes[][3] = { { 1, 1, 1 },        { 3, 5, 5 },    { 340, 4, 4 },    { 21760, 32, 32 },
                                       { 1000, 100, 128 }, { 64, 10, 10 }, { 4097, 17, 20 }, { 2048, 4, 16 } };

    for (size_t s = 0; s < (ops_small_effort() ? 3 : 8); s++) {
        size_t rows = sizes[s][0], columns = sizes[s][1], pitch = sizes[s][2];
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ rows, pitch });
        float *data = ops_centred_floats(rows * pitch, 4), *sums = malloc(columns * sizeof *sums);
        clmix_plan *plan;

        if (pitch > columns)
            x = clmix_slice(x, 1, 1, columns);
        clmix_output(graph, "sums", clmix_column_sum(clmix_root(graph), x));
        check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_INFERENCE));
        check_ok(clmix_plan_write(plan, "x", data, rows * pitch * sizeof(float)));
        check_ok(clmix_plan_run(plan));
        check_ok(clmix_plan_read(plan, "sums", sums, columns * sizeof(float)));
        for (size_t j = 0; j < columns; j++) {
            double want = 0.0;

            for (size_t i = 0; i < rows; i++)
                want += data[i * pitch + j + (pitch > columns)];
            ck_assert_msg(fabs(sums[j] - want) <= 1e-6 * sqrt((double)rows) + 1e-6, "%zux%zu, column %zu: %.8g instead of %.8g", rows,
                          columns, j, (double)sums[j], want);
        }
        clmix_plan_free(plan);
        clmix_graph_free(graph);
        free(data);
        free(sums);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("column_sum");
    TCase *all = tcase_create("column_sum");

    tcase_add_checked_fixture(all, open_test_device, close_test_device);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, column_sums);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
