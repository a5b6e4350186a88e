/* Softmax along each axis. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>

static clmix_value build_softmax(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const int *axis = attributes;

    (void)at;
    return clmix_softmax(inputs[0], *axis);
}

static void softmax_reference(const double *const *inputs, const clmix_shape *of, double *out, const void *attributes)
{
    const int *wanted = attributes;
    size_t outer = 1, length, inner = 1;
    int axis = *wanted < 0 ? *wanted + of[0].rank : *wanted;

    for (int i = 0; i < axis; i++)
        outer *= of[0].size[i];
    for (int i = axis + 1; i < of[0].rank; i++)
        inner *= of[0].size[i];
    length = of[0].size[axis];
    for (size_t i = 0; i < outer * inner; i++) {
        const double *x = inputs[0] + i / inner * length * inner + i % inner;
        double most = x[0], sum = 0.0;

        for (size_t k = 0; k < length; k++)
            most = fmax(most, x[k * inner]);
        for (size_t k = 0; k < length; k++)
            sum += exp(x[k * inner] - most);
        for (size_t k = 0; k < length; k++)
            (out + (x - inputs[0]))[k * inner] = exp(x[k * inner] - most) / sum;
    }
}

START_TEST(softmax_along_every_axis)
{
    static const clmix_shape of[] = { { 2, { 1, 1 } },     { 2, { 5, 10 } },       { 3, { 2, 65, 1 } },
                                      { 3, { 3, 7, 33 } }, { 4, { 2, 3, 5, 16 } }, { 2, { 67, 130 } },
                                      { 2, { 37, 5 } },    { 2, { 70, 3 } },       { 3, { 2, 3, 1100 } } };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (int axis = -1; axis < of[i].rank - 1; axis++)
            ops_run_check(&(struct ops_check){ .what = "softmax",
                                               .build = build_softmax,
                                               .reference = softmax_reference,
                                               .attributes = &axis,
                                               .input_count = 1,
                                               .shapes = { of[i] },
                                               .low = -3.0f,
                                               .high = 3.0f });
}
END_TEST

START_TEST(softmax_of_large_values)
{
    for (int axis = 0; axis < 2; axis++)
        ops_run_check(&(struct ops_check){ .what = "softmax, large",
                                           .build = build_softmax,
                                           .reference = softmax_reference,
                                           .attributes = &axis,
                                           .input_count = 1,
                                           .shapes = { ops_shape2(9, 21) },
                                           .low = -1000.0f,
                                           .high = 1000.0f,
                                           .gradient_tolerance = 1e-4 });
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("softmax");
    TCase *all = tcase_create("softmax");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, softmax_along_every_axis);
    tcase_add_test(all, softmax_of_large_values);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
