/* Pictures of bytes to floats of mean 0 and std 1. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <stdlib.h>

START_TEST(pictures_are_normalised)
{
    static const float mean[] = { 0.4914f, 0.4822f, 0.4465f, 0.5f }, std[] = { 0.247f, 0.2435f, 0.2616f, 0.1f };

    for (size_t channels = 1; channels <= 4; channels++) {
        const size_t count = 5 * 33 * 17 * channels;
        clmix_graph *graph = clmix_graph_new();
        clmix_value x = clmix_input(graph, "x", CLMIX_U8, 4, (size_t[]){ 5, 33, 17, channels });
        uint8_t *bytes = malloc(count);
        double *wanted = malloc(count * sizeof *wanted);
        clmix_plan *plan;
        float *out;

        ck_assert(bytes != NULL && wanted != NULL);
        for (size_t i = 0; i < count; i++) {
            bytes[i] = (uint8_t)(i * 37 % 256);
            wanted[i] = ((double)bytes[i] / 255.0 - (double)mean[i % channels]) / (double)std[i % channels];
        }
        clmix_output(graph, "y", clmix_normalize(x, mean, std));
        plan = ops_plan(graph, CLMIX_INFERENCE);
        ops_ok(clmix_plan_write(plan, "x", bytes, count));
        ops_ok(clmix_plan_run(plan));
        out = ops_read(plan, "y", count);
        ops_compare("normalize", out, wanted, count, 1e-6);
        free(bytes);
        free(wanted);
        free(out);
        clmix_plan_free(plan);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("normalize");
    TCase *all = tcase_create("normalize");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, pictures_are_normalised);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
