/* Matrix products: every transpose, odd sizes, gaps, epilogues, split depths, batches, both routes, bit-for-bit
 * repeats. The choice between routes is tested in ops_gemm_route.c. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/gemm_internal.h"
#include "runtime/internal.h"
#include "runtime/runtime.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"

#define CANARY 12345.0f

/* ---- a product as an op of its own -------------------------------------------------------------------------------------------------- */

/* What is run: sizes, transposes and epilogue of `gemm`, gaps of `padding` floats everywhere, the route, and the tile to use (or the
 * chosen one). */
struct product {
    struct clmix_gemm gemm;
    size_t padding;
    enum clmix_gemm_route route;
    bool has_tile;
    struct clmix_gemm_tile tile;
};

static size_t batches(const struct clmix_gemm *gemm)
{
    return gemm->outer_batch * gemm->inner_batch;
}

static size_t extent(const struct clmix_gemm *gemm, const struct clmix_matrix *matrix)
{
    return matrix->offset + gemm->outer_batch * matrix->outer_stride;
}

static clmix_status product_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct product *product = node->attributes;
    size_t count = extent(&product->gemm, &product->gemm.c);

    return clmix_node_declare(graph, node, CLMIX_F32, clmix_shape_make(1, &count));
}

static clmix_status product_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct product *product = node->attributes;
    struct clmix_gemm gemm = product->gemm;

    gemm.a.value = node->inputs[0];
    gemm.b.value = node->inputs[1];
    gemm.bias = node->inputs[2];
    gemm.residual.value = node->inputs[3];
    gemm.c.value = node->outputs[0];
    return clmix_gemm_plan_route(planner, node, &gemm, product->route, product->has_tile ? &product->tile : NULL);
}

static const struct clmix_op product_op = {
    .name = "product", .flags = CLMIX_OP_STRIDED, .shape = product_shape, .launch = product_launch
};

static struct product make(size_t rows, size_t columns, size_t depth, bool transpose_a, bool transpose_b)
{
    struct product product = { .gemm = { .rows = rows,
                                         .columns = columns,
                                         .depth = depth,
                                         .outer_batch = 1,
                                         .inner_batch = 1,
                                         .transpose_a = transpose_a,
                                         .transpose_b = transpose_b } };

    product.gemm.bias = CLMIX_NONE;
    product.gemm.residual.value = CLMIX_NONE;
    return product;
}

static void lay_out(struct product *product, struct clmix_matrix *matrix, size_t rows, size_t columns)
{
    matrix->offset = product->padding;
    matrix->pitch = columns + product->padding;
    matrix->inner_stride = rows * matrix->pitch + product->padding;
    matrix->outer_stride = product->gemm.inner_batch * matrix->inner_stride;
}

static void lay_out_all(struct product *product)
{
    struct clmix_gemm *gemm = &product->gemm;

    lay_out(product, &gemm->a, gemm->transpose_a ? gemm->depth : gemm->rows, gemm->transpose_a ? gemm->rows : gemm->depth);
    lay_out(product, &gemm->b, gemm->transpose_b ? gemm->columns : gemm->depth, gemm->transpose_b ? gemm->depth : gemm->columns);
    lay_out(product, &gemm->c, gemm->rows, gemm->columns);
    lay_out(product, &gemm->residual, gemm->rows, gemm->columns);
}

/* Runs it and gives C with its gaps; the memory behind C held canaries before. */
static float *run(struct product *product, const float *a, const float *b, const float *bias, const float *residual)
{
    struct clmix_gemm *gemm = &product->gemm;
    size_t counts[4] = { extent(gemm, &gemm->a), extent(gemm, &gemm->b), gemm->columns, extent(gemm, &gemm->residual) },
           c_count = extent(gemm, &gemm->c);
    static const char *const names[4] = { "a", "b", "bias", "residual" };
    const float *data[4] = { a, b, gemm->bias != CLMIX_NONE ? bias : NULL, gemm->residual.value != CLMIX_NONE ? residual : NULL };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[4];
    clmix_plan *plan;
    cl_mem memory;
    float *c = malloc(c_count * sizeof *c);

    for (int i = 0; i < 4; i++)
        inputs[i] = data[i] == NULL ? clmix_no_value() : clmix_input(graph, names[i], CLMIX_F32, 1, &counts[i]);
    clmix_output(graph, "c", clmix_node_add(clmix_root(graph), &product_op, product, sizeof *product, inputs, 4));
    check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_INFERENCE));
    for (size_t i = 0; i < c_count; i++)
        c[i] = CANARY;
    check_ok(clmix_buffer_create(test_device, c_count * sizeof *c, "c", &memory));
    check_ok(clmix_buffer_write(test_device, memory, 0, c, c_count * sizeof *c));
    check_ok(clmix_plan_bind(plan, "c", memory, 0));
    for (int i = 0; i < 4; i++)
        if (data[i] != NULL)
            check_ok(clmix_plan_write(plan, names[i], data[i], counts[i] * sizeof(float)));
    check_ok(clmix_plan_run(plan));
    check_ok(clmix_plan_read(plan, "c", c, c_count * sizeof *c));
    clmix_plan_free(plan);
    clmix_buffer_release(test_device, memory);
    clmix_graph_free(graph);
    return c;
}

static double expected(const struct clmix_gemm *gemm, const float *a, const float *b, const float *bias, const float *residual, size_t i,
                       size_t j)
{
    double sum = 0.0, factor[4] = { 1.0, 1.0, 1.0, 1.0 }, r;

    if (gemm->scale_place != CLMIX_SCALE_NONE)
        factor[gemm->scale_place] = gemm->scale;
    for (size_t k = 0; k < gemm->depth; k++)
        sum += (double)a[gemm->transpose_a ? k * gemm->a.pitch + i : i * gemm->a.pitch + k] *
               b[gemm->transpose_b ? j * gemm->b.pitch + k : k * gemm->b.pitch + j];
    if (gemm->bias != CLMIX_NONE)
        sum += bias[j];
    sum *= factor[CLMIX_SCALE_BIASED];
    if (gemm->activation == CLMIX_ACTIVATION_GELU)
        sum = 0.5 * sum * (1.0 + erf(sum * sqrt(0.5)));
    else if (gemm->activation == CLMIX_ACTIVATION_RELU)
        sum = sum < 0.0 ? 0.0 : sum;
    sum *= factor[CLMIX_SCALE_ACTIVATED];
    if (gemm->residual.value == CLMIX_NONE)
        return sum * factor[CLMIX_SCALE_ADDED];
    r = residual[i * gemm->residual.pitch + j];
    if (gemm->residual_use == CLMIX_RESIDUAL_GELU_INPUT)
        sum *= 0.5 * (1.0 + erf(r * sqrt(0.5))) + r * exp(-0.5 * r * r) * 0.39894228040143268;
    else if (gemm->residual_use == CLMIX_RESIDUAL_RELU_RESULT)
        sum = r > 0.0 ? sum : 0.0;
    else
        sum += r;
    return sum * factor[CLMIX_SCALE_ADDED];
}

/* Every element of C against the host, and every gap untouched. */
static void compare(const struct product *product, const float *c, const float *a, const float *b, const float *bias, const float *residual)
{
    const struct clmix_gemm *gemm = &product->gemm;
    double limit = 1e-5 * sqrt((double)gemm->depth);
    size_t gaps = 0;

    for (size_t z = 0; z < batches(gemm); z++) {
        size_t outer = z / gemm->inner_batch, inner = z % gemm->inner_batch;
        const float *az = a + gemm->a.offset + outer * gemm->a.outer_stride + inner * gemm->a.inner_stride,
                    *bz = b + gemm->b.offset + outer * gemm->b.outer_stride + inner * gemm->b.inner_stride;
        const float *cz = c + gemm->c.offset + outer * gemm->c.outer_stride + inner * gemm->c.inner_stride;
        const float *rz = residual + gemm->residual.offset + outer * gemm->residual.outer_stride + inner * gemm->residual.inner_stride;

        for (size_t i = 0; i < gemm->rows; i++)
            for (size_t j = 0; j < gemm->columns; j++) {
                double want = expected(gemm, az, bz, bias, rz, i, j), error = fabs(cz[i * gemm->c.pitch + j] - want);

                ck_assert_msg(error <= limit, "%zux%zux%zu %c%c, batch %zu, row %zu, column %zu: %.8g instead of %.8g", gemm->rows,
                              gemm->columns, gemm->depth, gemm->transpose_a ? 't' : 'n', gemm->transpose_b ? 't' : 'n', z, i, j,
                              (double)cz[i * gemm->c.pitch + j], want);
            }
    }
    for (size_t i = 0; i < extent(gemm, &gemm->c); i++)
        gaps += c[i] == CANARY;
    ck_assert_uint_eq(gaps, extent(gemm, &gemm->c) - batches(gemm) * gemm->rows * gemm->columns);
}

static void check_product(struct product product)
{
    struct clmix_gemm *gemm = &product.gemm;
    float *a, *b, *bias, *residual, *c;

    lay_out_all(&product);
    a = ops_centred_floats(extent(gemm, &gemm->a), 0);
    b = ops_centred_floats(extent(gemm, &gemm->b), 1);
    bias = ops_centred_floats(gemm->columns, 2);
    residual = ops_centred_floats(extent(gemm, &gemm->residual), 3);
    c = run(&product, a, b, bias, residual);
    compare(&product, c, a, b, bias, residual);
    free(a);
    free(b);
    free(bias);
    free(residual);
    free(c);
}

/* ---- products ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(every_transpose_and_size)
{
    static const size_t sizes[] = { 1, 2, 11, 12, 13, 16, 17, 31, 33, 64, 100 }, few[] = { 1, 13, 33 };
    const size_t *list = ops_small_effort() ? few : sizes;
    size_t count = ops_small_effort() ? 3 : 11;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            for (size_t k = 0; k < count; k += ops_small_effort() || i == j ? 1 : 3) {
                struct product product = make(list[i], list[j], list[(k + i) % count], _i & 1, _i & 2);

                product.padding = (i + j) % 2 == 0 ? 0 : 3;
                check_product(product);
            }
}
END_TEST

START_TEST(epilogues)
{
    static const size_t sizes[][3] = { { 33, 29, 20 }, { 100, 64, 17 }, { 13, 7, 5 } };

    for (size_t s = 0; s < (ops_small_effort() ? 1 : 3); s++)
        for (int kind = 0; kind < (ops_small_effort() ? 3 : 12); kind++) {
            static const enum clmix_residual_use uses[3] = { CLMIX_RESIDUAL_GELU_INPUT, CLMIX_RESIDUAL_RELU_RESULT, CLMIX_RESIDUAL_ADDED };
            struct product product = make(sizes[s][0], sizes[s][1], sizes[s][2], false, false);

            product.padding = 5;
            product.gemm.activation = (enum clmix_activation)(kind % 3);
            product.gemm.bias = kind / 3 % 2 == 0 ? 0 : CLMIX_NONE;
            product.gemm.residual.value = kind / 6 == 0 ? 0 : CLMIX_NONE;
            product.gemm.residual_use = uses[(kind + kind / 3) % 3];
            product.gemm.scale_place = (enum clmix_scale_place)(((size_t)kind + s) % 4);
            product.gemm.scale = -0.75f;
            check_product(product);
        }
}
END_TEST

/* Deep products are split, or go through several slabs; the epilogue comes once, at the end. */
START_TEST(deep_products)
{
    static const size_t sizes[][3] = { { 32, 16, 21760 }, { 128, 32, 5000 }, { 10, 10, 4097 }, { 300, 70, 1500 }, { 1, 1, 3000 } };

    for (size_t s = ops_small_effort() ? 2 : 0; s < (ops_small_effort() ? 3 : 5); s++)
        for (int kind = 0; kind < 3; kind++) {
            struct product product = make(sizes[s][0], sizes[s][1], ops_small_effort() ? 1100 : sizes[s][2], kind == 0, kind != 0);

            product.padding = 1;
            product.gemm.bias = kind == 1 ? 0 : CLMIX_NONE;
            product.gemm.residual.value = kind == 2 ? 0 : product.gemm.bias;
            product.gemm.residual_use = kind == 2 ? CLMIX_RESIDUAL_GELU_INPUT : CLMIX_RESIDUAL_ADDED;
            product.gemm.activation = kind == 1 ? CLMIX_ACTIVATION_GELU : CLMIX_ACTIVATION_NONE;
            product.gemm.scale_place = (enum clmix_scale_place)(kind + 1);
            product.gemm.scale = 0.7f;
            check_product(product);
        }
}
END_TEST

START_TEST(batches_of_two_levels)
{
    for (int kind = 0; kind < 2; kind++) {
        struct product product = make(19, 21, kind == 0 ? 9 : 1200, false, true);

        product.padding = 2;
        product.gemm.outer_batch = 2;
        product.gemm.inner_batch = ops_small_effort() ? 1 : 3;
        product.gemm.residual.value = 0;
        check_product(product);
    }
}
END_TEST

/* PoCL 6.0 with LLVM 18 ends the process over GPUs' tiles that are four work-items wide ("Instruction Combining did not reach a fixpoint",
 * https://github.com/pocl/pocl/issues/1608). No CPU gets them but here. */
static bool compiler_dies(const struct clmix_gemm_tile *tile)
{
    return tile->runs && tile->tile_columns == 4 * tile->item_columns &&
           strstr(clmix_device_describe(test_device)->platform_version, "PoCL 6.0") != NULL;
}

/* The tiles of the simt form that GPUs get, which no CPU chooses by itself: several shapes of tile on sizes that are multiples of everything and of
 * nothing, all transposes, split and not, with an epilogue. */
START_TEST(tiles_of_gpus)
{
    static const size_t sizes[][4] = { { 70, 67, 37, 1 }, { 128, 128, 64, 0 }, { 600, 30, 21, 1 },
                                       { 33, 9, 600, 1 }, { 20, 132, 19, 4 },  { 1, 64, 1, 0 } };
    clmix_device_info gpu = *clmix_device_describe(test_device);

    gpu.type = CL_DEVICE_TYPE_GPU;
    for (size_t s = 0; s < (gpu.form != CLMIX_SIMT ? 0 : ops_small_effort() ? 1 : sizeof sizes / sizeof *sizes); s++) {
        struct product product = make(sizes[s][0], sizes[s][1], sizes[s][2], _i & 1, _i & 2);

        product.padding = sizes[s][3];
        product.gemm.bias = product.gemm.residual.value = _i == 0 ? 0 : CLMIX_NONE;
        product.gemm.activation = _i == 0 ? CLMIX_ACTIVATION_GELU : CLMIX_ACTIVATION_NONE;
        clmix_gemm_choose_tile(&gpu, false, &product.gemm, 0, &product.tile);
        product.has_tile = true;
        ck_assert(product.tile.runs);
        if (!compiler_dies(&product.tile))
            check_product(product);
    }
}
END_TEST

/* The tiles of the wide form that processors of narrower vectors get, on whatever is here: strips of A are copied from some columns on, in several
 * slabs, and none of the sizes is a multiple of a tile's. */
START_TEST(tiles_of_narrow_vectors)
{
    static const size_t sizes[][3] = { { 20, 203, 19 }, { 7, 131, 1100 }, { 61, 300, 133 }, { 20, 40, 77 } };

    for (size_t s = 0; s < (ops_small_effort() ? 1 : sizeof sizes / sizeof *sizes); s++)
        for (unsigned width = 4; width <= 8; width += 4) {
            struct product product = make(sizes[s][0], sizes[s][1], sizes[s][2], _i & 1, _i & 2);
            clmix_device_info info = *clmix_device_describe(test_device);

            if (info.form != CLMIX_WIDE)
                continue;
            info.vector_width = width;
            product.padding = s;
            product.gemm.residual.value = s == 1 ? 0 : CLMIX_NONE;
            ck_assert(clmix_gemm_choose_tile(&info, true, &product.gemm, 0, &product.tile));
            ck_assert_int_eq(product.tile.width, width);
            ck_assert_int_eq(product.tile.copy_a, s != 3);
            product.has_tile = true;
            check_product(product);
        }
}
END_TEST

/* All ways to cut a product up that may be chosen by measuring give the same bits, and there is always one. */
START_TEST(variants_agree)
{
    static const size_t sizes[][3] = { { 130, 70, 33 }, { 1, 1, 1 }, { 1, 40, 600 }, { 40, 1, 7 }, { 9, 300, 40 } };
    bool wide = clmix_device_describe(test_device)->form == CLMIX_WIDE;

    for (size_t s = 0; s < (ops_small_effort() ? _i == 1 : sizeof sizes / sizeof *sizes); s++)
        for (int cpu = 0; cpu < (wide ? 1 : 2); cpu++) {
            struct product product = make(sizes[s][0], sizes[s][1], sizes[s][2], _i & 1, _i & 2);
            struct clmix_gemm *gemm = &product.gemm;
            clmix_device_info info = *clmix_device_describe(test_device);
            float *a, *b, *first = NULL;
            int variant = 0;

            if (!wide) {
                info.type = cpu ? CL_DEVICE_TYPE_CPU : CL_DEVICE_TYPE_GPU;
                info.vector_width = 16;
            }
            lay_out_all(&product);
            a = ops_centred_floats(extent(gemm, &gemm->a), 0);
            b = ops_centred_floats(extent(gemm, &gemm->b), 1);
            product.has_tile = true;
            for (; clmix_gemm_choose_tile(&info, wide, gemm, variant, &product.tile); variant++) {
                float *c;

                if (compiler_dies(&product.tile))
                    continue;
                c = run(&product, a, b, a, a);
                compare(&product, c, a, b, NULL, c);
                if (first == NULL)
                    first = c;
                else {
                    ck_assert_mem_eq(first, c, extent(gemm, &gemm->c) * sizeof *c);
                    free(c);
                }
            }
            ck_assert_int_gt(variant, 0);
            free(first);
            free(a);
            free(b);
        }
}
END_TEST

/* Intel's GPUs have registers for 16 sums a work-item; all others are offered more. */
START_TEST(tiles_fit_registers)
{
    struct product product = make(512, 512, 64, false, false);
    clmix_device_info gpu = *clmix_device_describe(test_device);
    long most[2] = { 0, 0 };

    gpu.type = CL_DEVICE_TYPE_GPU;
    gpu.max_work_group = 256;
    for (int intel = 0; intel < 2; intel++) {
        strcpy(gpu.platform, intel ? "Intel(R) OpenCL Graphics" : "AMD Accelerated Parallel Processing");
        gpu.quirks = clmix_quirks_match(&gpu);
        for (int i = 0; clmix_gemm_choose_tile(&gpu, false, &product.gemm, i, &product.tile); i++)
            if (product.tile.item_rows * product.tile.item_columns > most[intel])
                most[intel] = product.tile.item_rows * product.tile.item_columns;
    }
    ck_assert_int_eq(most[0], 64);
    ck_assert_int_eq(most[1], 16);
}
END_TEST

/* The same bits from every run, and from every tile, block and slab of the wide form. */
START_TEST(bits_repeat)
{
    struct product product = make(77, 53, 700, false, true), other;
    struct clmix_gemm *gemm = &product.gemm;
    float *a, *b, *c[3];
    size_t bytes;

    lay_out_all(&product);
    a = ops_centred_floats(extent(gemm, &gemm->a), 0);
    b = ops_centred_floats(extent(gemm, &gemm->b), 1);
    bytes = extent(gemm, &gemm->c) * sizeof(float);
    clmix_gemm_choose_tile(clmix_device_describe(test_device), clmix_device_describe(test_device)->form == CLMIX_WIDE, gemm, 0,
                           &product.tile);
    product.has_tile = true;
    product.tile.splits = product.tile.groups[2] = 1;
    product.tile.chunk = gemm->depth;
    other = product;
    if (product.tile.wide) {
        other.tile.rows = 8;
        other.tile.row_block = 16;
        other.tile.slab = 100;
        other.tile.groups[0] = (gemm->rows + 15) / 16;
    } else {
        other.tile.tile_rows = other.tile.tile_columns = 32;
        other.tile.item_rows = other.tile.item_columns = 4;
        other.tile.runs = true;
        other.tile.groups[0] = (gemm->rows + 31) / 32;
        other.tile.groups[1] = (gemm->columns + 31) / 32;
    }
    c[0] = run(&product, a, b, a, a);
    c[1] = run(&product, a, b, a, a);
    c[2] = run(&other, a, b, a, a);
    ck_assert_mem_eq(c[0], c[1], bytes);
    ck_assert_mem_eq(c[0], c[2], bytes);
    for (int i = 0; i < 3; i++)
        free(c[i]);
    free(a);
    free(b);
}
END_TEST

START_TEST(clblast_products)
{
    for (int kind = 0; kind < 4; kind++) {
        struct product product = make(35, 21, 27, kind & 1, kind & 2);

        product.route = CLMIX_GEMM_CLBLAST;
        product.padding = 3;
        product.gemm.outer_batch = kind == 3 ? 3 : 1;
        product.gemm.bias = product.gemm.residual.value = kind == 0 ? CLMIX_NONE : 0;
        product.gemm.activation = kind == 1 ? CLMIX_ACTIVATION_GELU : CLMIX_ACTIVATION_NONE;
        product.gemm.scale_place = (enum clmix_scale_place)(kind % 3 + 1);
        product.gemm.scale = 1.5f;
        ck_assert(clmix_gemm_clblast_can(&product.gemm));
        check_product(product);
    }
}
END_TEST

/* cl/math.h through a product of depth 1: GELU is right to 2e-7 of max(1, |x|) from one end of its range to the other, in vectors and in
 * the scalar tail. */
START_TEST(gelu_is_accurate)
{
    enum { ROWS = 4001, COLUMNS = 21 };
    struct product product = make(ROWS, COLUMNS, 1, false, false);
    float *x = malloc(ROWS * sizeof *x), ones[COLUMNS], *c;

    product.gemm.activation = CLMIX_ACTIVATION_GELU;
    lay_out_all(&product);
    for (int i = 0; i < ROWS; i++)
        x[i] = (float)(i - 2000) * 0.005f;
    x[0] = -1e30f;
    x[1] = 1e30f;
    x[2] = NAN;
    for (int j = 0; j < COLUMNS; j++)
        ones[j] = 1.0f;
    c = run(&product, x, ones, NULL, NULL);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        double at = x[i / COLUMNS], want = 0.5 * at * (1.0 + erf(at * sqrt(0.5)));

        if (isnan(at))
            ck_assert(isnan(c[i]));
        else
            ck_assert_msg(fabs(c[i] - want) <= 2e-7 * fmax(1.0, fabs(at)), "GELU(%.8g) is %.8g instead of %.8g", at, (double)c[i], want);
    }
    free(x);
    free(c);
}
END_TEST

/* ---- the program -------------------------------------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("gemm");
    TCase *products = tcase_create("products");

    tcase_add_checked_fixture(products, open_test_device, close_test_device);
    tcase_set_timeout(products, 1200);
    tcase_add_loop_test(products, every_transpose_and_size, 0, 4);
    tcase_add_test(products, epilogues);
    tcase_add_test(products, deep_products);
    tcase_add_test(products, batches_of_two_levels);
    tcase_add_loop_test(products, tiles_of_gpus, 0, 4);
    tcase_add_loop_test(products, tiles_of_narrow_vectors, 0, 4);
    tcase_add_test(products, tiles_fit_registers);
    tcase_add_loop_test(products, variants_agree, 0, 4);
    tcase_add_test(products, bits_repeat);
    tcase_add_test(products, gelu_is_accurate);
    if (!ops_small_effort())
        tcase_add_test(products, clblast_products);
    suite_add_tcase(suite, products);
    return support_run(suite);
}
