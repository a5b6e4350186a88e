/* Products of two values against the host in double precision: all transposes, heads, values without a batch, sums over the batch, slices of one value;
 * their gradients, which are such products; sums of many elements, bits, slices of the batch, sentences. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_ops.h"
#include "support_suite.h"

/* ---- against the host --------------------------------------------------------------------------------------------------------------- */

/* `rows`, `depth` and `columns` of a head; in a batch of 1 where a value has none. */
struct product_case {
    clmix_product product;
    size_t batch, rows, depth, columns;
    bool shared_a, shared_b;
};

static clmix_value build_product(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct product_case *test = attributes;

    (void)at;
    return clmix_matmul(inputs[0], inputs[1], test->product);
}

static size_t heads_of(const struct product_case *test)
{
    return test->product.heads == 0 ? 1 : test->product.heads;
}

/* Place of an element of a head in a value with matrices of `rows` x `columns`, stored so or transposed. */
static size_t place(size_t sample, size_t heads, size_t head, size_t rows, size_t columns, bool transposed, size_t row, size_t column)
{
    return transposed ? (sample * columns + column) * heads * rows + head * rows + row
                      : (sample * rows + row) * heads * columns + head * columns + column;
}

static void product_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct product_case *test = attributes;
    const clmix_product *product = &test->product;
    size_t heads = heads_of(test);
    double factor = product->scale == 0.0f ? 1.0 : (double)product->scale;

    (void)shapes;
    memset(out, 0, (product->sum_batch ? 1 : test->batch) * test->rows * heads * test->columns * sizeof *out);
    for (size_t s = 0; s < test->batch; s++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < test->rows; i++)
                for (size_t j = 0; j < test->columns; j++) {
                    double sum = 0.0;

                    for (size_t k = 0; k < test->depth; k++)
                        sum += inputs[0][place(test->shared_a ? 0 : s, heads, h, test->rows, test->depth, product->transpose_a, i, k)] *
                               inputs[1][place(test->shared_b ? 0 : s, heads, h, test->depth, test->columns, product->transpose_b, k, j)];
                    out[place(product->sum_batch ? 0 : s, heads, h, test->rows, test->columns, false, i, j)] += factor * sum;
                }
}

static clmix_shape shape_of(size_t batch, bool shared, size_t heads, size_t rows, size_t columns, bool transposed)
{
    clmix_shape shape = { 3, { batch, transposed ? columns : rows, heads * (transposed ? rows : columns) } };

    return shared ? ops_shape2(shape.size[1], shape.size[2]) : shape;
}

static void check_product(struct product_case test)
{
    ops_run_check(&(struct ops_check){
        .what = "matmul",
        .build = build_product,
        .reference = product_reference,
        .attributes = &test,
        .input_count = 2,
        .shapes = { shape_of(test.batch, test.shared_a, heads_of(&test), test.rows, test.depth, test.product.transpose_a),
                    shape_of(test.batch, test.shared_b, heads_of(&test), test.depth, test.columns, test.product.transpose_b) },
    });
}

static clmix_product transposes(int bits)
{
    return (clmix_product){ .transpose_a = (bits & 1) != 0, .transpose_b = (bits & 2) != 0 };
}

START_TEST(every_transpose)
{
    static const size_t sizes[][4] = { { 3, 7, 5, 11 }, { 2, 33, 17, 29 }, { 1, 1, 1, 1 }, { 5, 1, 40, 13 } };

    for (size_t s = 0; s < (ops_small_effort() ? 1 : 4); s++)
        for (size_t heads = 1; heads <= 3; heads += 2) {
            struct product_case test = {
                .product = transposes(_i), .batch = sizes[s][0], .rows = sizes[s][1], .depth = sizes[s][2], .columns = sizes[s][3]
            };

            test.product.heads = heads;
            test.product.scale = heads == 3 ? -0.375f : 0.0f;
            check_product(test);
        }
}
END_TEST

/* The gradient of what has no batch is a sum over it. */
START_TEST(without_a_batch)
{
    for (size_t heads = 1; heads <= (ops_small_effort() ? 1 : 3); heads += 2)
        for (int shared = 1; shared <= 3; shared++) {
            struct product_case test = { .product = transposes(_i),
                                         .batch = shared == 3 ? 1 : 4,
                                         .rows = 6,
                                         .depth = 19,
                                         .columns = 9,
                                         .shared_a = (shared & 1) != 0,
                                         .shared_b = (shared & 2) != 0 };

            test.product.heads = heads;
            test.product.scale = 0.75f;
            check_product(test);
        }
}
END_TEST

/* Along the depth where both values have it in their rows, which may be deep enough to be split; otherwise product by product. */
START_TEST(sums_over_the_batch)
{
    for (size_t heads = 1; heads <= (ops_small_effort() ? 1 : 3); heads += 2) {
        struct product_case test = { .product = transposes(_i), .batch = 5, .rows = 7, .depth = 6, .columns = 10 };

        test.product.heads = heads;
        test.product.sum_batch = true;
        test.product.scale = heads == 3 ? 1.5f : 0.0f;
        check_product(test);
        test.batch = 16;
        test.depth = ops_small_effort() ? 4 : 65;
        check_product(test);
    }
}
END_TEST

/* ---- slices of one value ------------------------------------------------------------------------------------------------------------- */

enum { TOKENS = 9, HEADS = 3, HEAD = 5, WIDTH = HEADS * HEAD };

/* (q k^T / 4) v, each a run of columns of one input: nothing is copied. */
static clmix_value build_attention(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    clmix_value q = clmix_slice(inputs[0], -1, 0, WIDTH), k = clmix_slice(inputs[0], -1, WIDTH, WIDTH),
                v = clmix_slice(inputs[0], -1, 2 * (size_t)WIDTH, WIDTH);

    (void)at;
    (void)attributes;
    return clmix_matmul(clmix_matmul(q, k, (clmix_product){ .heads = HEADS, .transpose_b = true, .scale = 0.25f }), v,
                        (clmix_product){ .heads = HEADS });
}

static void attention_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    (void)attributes;
    for (size_t s = 0; s < shapes[0].size[0]; s++)
        for (size_t h = 0; h < HEADS; h++)
            for (size_t i = 0; i < TOKENS; i++)
                for (size_t d = 0; d < HEAD; d++) {
                    const double *sample = inputs[0] + s * TOKENS * 3 * WIDTH + h * HEAD, *q = sample + i * 3 * WIDTH;
                    double sum = 0.0;

                    for (size_t j = 0; j < TOKENS; j++) {
                        const double *k = sample + j * 3 * WIDTH + WIDTH, *v = k + WIDTH;
                        double score = 0.0;

                        for (size_t e = 0; e < HEAD; e++)
                            score += q[e] * k[e];
                        sum += 0.25 * score * v[d];
                    }
                    out[(s * TOKENS + i) * WIDTH + h * HEAD + d] = sum;
                }
}

START_TEST(slices_of_one_value)
{
    const clmix_shape qkv = { 3, { 2, TOKENS, 3 * WIDTH } };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", qkv);
    clmix_plan *plan;

    ops_run_check(&(struct ops_check){ .what = "attention without softmax",
                                       .build = build_attention,
                                       .reference = attention_reference,
                                       .input_count = 1,
                                       .shapes = { qkv } });
    clmix_output(graph, "y", build_attention(clmix_root(graph), &x, NULL));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_uint_eq(ops_launches(plan), 2);
    clmix_plan_free(plan);
}
END_TEST

/* ---- what a product takes in ---------------------------------------------------------------------------------------------------------- */

/* A layer along the tokens, and what the gradient of such a layer behind it goes through: w x + bias, v gelu(w x + bias). */
static clmix_value build_layers(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const bool *two = attributes;
    clmix_value y = clmix_add(clmix_matmul(inputs[1], inputs[0], (clmix_product){ 0 }), inputs[2]);

    (void)at;
    return *two ? clmix_matmul(inputs[3], clmix_gelu(y), (clmix_product){ 0 }) : y;
}

static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2)));
}

static void multiply(const double *a, const double *b, size_t rows, size_t depth, size_t columns, double *y)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            double sum = 0.0;

            for (size_t k = 0; k < depth; k++)
                sum += a[i * depth + k] * b[k * columns + j];
            y[i * columns + j] = sum;
        }
}

static void layers_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const bool *two = attributes;
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2], hidden = shapes[1].size[0];
    double *y = malloc(hidden * columns * sizeof *y);

    for (size_t s = 0; s < shapes[0].size[0]; s++) {
        multiply(inputs[1], inputs[0] + s * tokens * columns, hidden, tokens, columns, y);
        for (size_t i = 0; i < hidden * columns; i++)
            y[i] = *two ? gelu(y[i] + inputs[2][i]) : y[i] + inputs[2][i];
        if (*two)
            multiply(inputs[3], y, shapes[3].size[0], hidden, columns, out + s * shapes[3].size[0] * columns);
        else
            memcpy(out + s * hidden * columns, y, hidden * columns * sizeof *y);
    }
    free(y);
}

static size_t launches_of(ops_build build, const clmix_shape *shapes, const bool *two)
{
    static const char *const names[] = { "x", "w", "b", "v" };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[4];
    clmix_plan *plan;
    size_t launches;

    for (int i = 0; i < 4; i++)
        inputs[i] = ops_input(graph, names[i], shapes[i]);
    clmix_output(graph, "y", build(clmix_root(graph), inputs, two));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    launches = ops_launches(plan);
    clmix_plan_free(plan);
    return launches;
}

static clmix_value build_without(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    (void)attributes;
    return clmix_matmul(inputs[1], inputs[0], (clmix_product){ 0 });
}

/* The bias is added in the product, also where its depth is taken in several pieces (600 steps of many samples), and the gradient goes through
 * the derivative of GELU in it. */
START_TEST(biases_and_derivatives_are_taken_in)
{
    const bool two = _i == 1;
    const size_t tokens = two || ops_small_effort() ? 11 : 600;
    const struct ops_check check = {
        .what = "layers",
        .build = build_layers,
        .reference = layers_reference,
        .attributes = &two,
        .input_count = two ? 4 : 3,
        .shapes = { { 3, { two ? 3 : 17, tokens, 21 } }, ops_shape2(7, tokens), { 3, { 1, 7, 21 } }, ops_shape2(5, 7) }
    };

    ops_run_check(&check);
    ck_assert_uint_eq(launches_of(build_layers, check.shapes, &two), launches_of(build_without, check.shapes, &two) + (two ? 2 : 0));
}
END_TEST

/* ---- sums of many elements, bits, slices ---------------------------------------------------------------------------------------------------- */

/* Nothing waits to be added: one launch and no memory of its own. Depth 1: each element is a sum of four terms. */
START_TEST(sums_without_scratch)
{
    enum { BATCH = 4, SIZE = 2896 };
    clmix_graph *graph = clmix_graph_new();
    const clmix_shape shape = { 3, { BATCH, SIZE, 1 } };
    float *a = ops_centred_floats((size_t)BATCH * SIZE, 1), *b = ops_centred_floats((size_t)BATCH * SIZE, 2), *got;
    double worst = 0.0;
    clmix_plan *plan;

    clmix_output(graph, "y",
                 clmix_matmul(ops_input(graph, "a", shape), ops_input(graph, "b", shape),
                              (clmix_product){ .transpose_b = true, .sum_batch = true, .scale = 2.0f }));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ck_assert_uint_eq(ops_launches(plan), 1);
    ops_write(plan, "a", a, (size_t)BATCH * SIZE);
    ops_write(plan, "b", b, (size_t)BATCH * SIZE);
    ops_ok(clmix_plan_run(plan));
    got = ops_read(plan, "y", (size_t)SIZE * SIZE);
    for (size_t i = 0; i < SIZE; i++)
        for (size_t j = 0; j < SIZE; j++) {
            double want = 0.0, error;

            for (size_t s = 0; s < BATCH; s++)
                want += 2.0 * (double)a[s * SIZE + i] * b[s * SIZE + j];
            error = got[i * SIZE + j] > want ? got[i * SIZE + j] - want : want - got[i * SIZE + j];
            worst = error > worst ? error : worst;
        }
    ck_assert_msg(worst < 1e-6, "a difference of %.3g", worst);
    free(a);
    free(b);
    free(got);
    clmix_plan_free(plan);
}
END_TEST

static float *gradient_of_shared(const float *a, const float *b)
{
    clmix_graph *graph = clmix_graph_new();
    const clmix_shape shape = { 3, { 6, 13, 31 } };
    clmix_plan *plan;
    float *result;

    clmix_output(graph, "y",
                 clmix_matmul(ops_input(graph, "a", shape), ops_input(graph, "b", shape),
                              (clmix_product){ .transpose_b = true, .sum_batch = true }));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "a", a, clmix_shape_count(shape));
    ops_write(plan, "b", b, clmix_shape_count(shape));
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_run(plan));
    result = ops_read(plan, "y", 13 * 13);
    clmix_plan_free(plan);
    return result;
}

START_TEST(bits_repeat)
{
    float *a = ops_centred_floats(6 * 13 * 31, 1), *b = ops_centred_floats(6 * 13 * 31, 2);
    float *first = gradient_of_shared(a, b), *second = gradient_of_shared(a, b);

    ck_assert_mem_eq(first, second, 13 * 13 * sizeof *first);
    free(a);
    free(b);
    free(first);
    free(second);
}
END_TEST

/* ---- sentences ---------------------------------------------------------------------------------------------------------------------- */

static void refuse(clmix_shape a, clmix_shape b, clmix_product product, const char *sentence)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_matmul(ops_input(graph, "a", a), ops_input(graph, "b", b), product);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), sentence) != NULL, "'%s' is not in '%s'", sentence, clmix_error());
    clmix_graph_free(graph);
}

START_TEST(what_does_not_fit)
{
    const clmix_shape tokens = { 3, { 2, 9, 12 } }, more = { 3, { 3, 9, 12 } }, line = { 1, { 12 } };

    refuse(tokens, line, (clmix_product){ 0 }, "two axes (rows, columns), or of three with the batch first; these are 2x9x12 and 12");
    refuse(tokens, tokens, (clmix_product){ 0 }, "2x9x12 times 2x9x12 with 1 head is a product of 9x12 by 9x12 matrices");
    refuse(tokens, ops_shape2(12, 9), (clmix_product){ .heads = 3, .transpose_a = true },
           "2x9x12 transposed times 12x9 with 3 heads is a product of 4x9 by 12x3 matrices");
    refuse(tokens, tokens, (clmix_product){ .heads = 5, .transpose_b = true }, "cannot both be cut into 5 heads");
    refuse(tokens, more, (clmix_product){ .transpose_b = true }, "the batches of 2x9x12 and 3x9x12 differ");
    refuse(tokens, ops_shape2(12, 9), (clmix_product){ .sum_batch = true }, "a sum over the batch needs one in both values");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul");
    TCase *products = tcase_create("products");

    tcase_add_unchecked_fixture(products, ops_open, ops_close);
    tcase_set_timeout(products, 600);
    tcase_add_loop_test(products, every_transpose, 0, 4);
    tcase_add_loop_test(products, without_a_batch, 0, 4);
    tcase_add_loop_test(products, sums_over_the_batch, 0, 4);
    tcase_add_loop_test(products, biases_and_derivatives_are_taken_in, 0, 2);
    tcase_add_test(products, slices_of_one_value);
    if (!ops_small_effort())
        tcase_add_test(products, sums_without_scratch);
    tcase_add_test(products, bits_repeat);
    tcase_add_test(products, what_does_not_fit);
    suite_add_tcase(suite, products);
    return support_run(suite);
}
