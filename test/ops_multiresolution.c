/* Multiresolution attention against the host in double precision, which takes the paper's equations one by one; the choice of blocks against a sort, with as
 * many equals as there can be; the order of patches. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/block_choice.h"
#include "ops/block_means.h"
#include "support_ops.h"
#include "support_suite.h"

static double *doubles(size_t count)
{
    double *values = calloc(count + 1, sizeof *values);

    ck_assert_ptr_nonnull(values);
    return values;
}

/* ---- masks ------------------------------------------------------------------------------------------------------------------------------ */

/* Sample 0 has holes and padding, sample 1 one token, sample 2 none, sample 3 all. */
static bool is_token(size_t sample, size_t token, size_t tokens)
{
    switch (sample) {
    case 0: return token % 5 != 3 && token < tokens - tokens / 4;
    case 1: return token == tokens / 2;
    case 2: return false;
    default: return true;
    }
}

static clmix_value mask_of(clmix_graph *graph, bool masked, size_t batch, size_t tokens)
{
    return ops_mask(graph, masked ? is_token : NULL, batch, tokens);
}

/* ---- the choice ------------------------------------------------------------------------------------------------------------------------- */

/* A block's number, and T of the paper. */
struct scored {
    size_t block;
    double score;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->block < y->block ? -1 : 1;
}

/* T = L - r, and the priors; counts of 0 take 1e4 away. */
static void score_blocks(struct scored *scored, const double *scores, const double *counts, const double *most, size_t blocks, size_t first,
                         size_t diagonal)
{
    for (size_t e = 0; e < blocks * blocks; e++) {
        const size_t i = e / blocks, j = e % blocks, apart = i > j ? i - j : j - i;

        scored[e] = (struct scored){ e, scores[e] - most[i] };
        scored[e].score += counts[i] == 0.0 || counts[j] == 0.0 ? -1e4 : 0.0;
        scored[e].score += diagonal > 0 && apart <= diagonal / 2 ? 5e3 : 0.0;
        scored[e].score += (i < first ? 5e3 : 0.0) + (j < first ? 5e3 : 0.0);
    }
}

/* Which blocks are taken, and which are at least as large as the last of them. */
static void choose(bool *taken, bool *excluded, const double *scores, const double *counts, const double *most, size_t blocks, size_t count,
                   size_t first, size_t diagonal)
{
    struct scored *scored = calloc(blocks * blocks, sizeof *scored);

    ck_assert_ptr_nonnull(scored);
    count = count < blocks * blocks ? count : blocks * blocks;
    score_blocks(scored, scores, counts, most, blocks, first, diagonal);
    qsort(scored, blocks * blocks, sizeof *scored, by_score);
    for (size_t e = 0; e < blocks * blocks; e++) {
        taken[scored[e].block] = e < count;
        excluded[scored[e].block] = scored[e].score >= scored[count - 1].score;
    }
    free(scored);
}

/* ---- the reference ------------------------------------------------------------------------------------------------------------------------ */

struct mra_case {
    size_t batch, tokens, heads, width, values;
    bool masked;
    clmix_multiresolution_options options;
};

/* One head of a sample, with zero rows behind the tokens up to whole blocks. */
struct head {
    size_t blocks, block, width, values;
    double *q, *k, *v, *there;        /* (N, d), (N, dv), (N) */
    double *q_mean, *k_mean, *v_mean; /* (nb, d), (nb, dv) */
    double *counts, *scores, *most;   /* (nb), (nb, nb), (nb) */
    bool *taken, *excluded;           /* (nb, nb) */
    bool masked;
};

static double *rows_of(const struct mra_case *test, const struct head *head, const double *from, size_t sample, size_t number, size_t width)
{
    double *rows = doubles(head->blocks * head->block * width);

    for (size_t n = 0; n < test->tokens; n++)
        for (size_t c = 0; c < width; c++)
            rows[n * width + c] = head->there[n] * from[((sample * test->tokens + n) * test->heads + number) * width + c];
    return rows;
}

static double *means_of(const struct head *head, const double *rows, size_t width)
{
    double *means = doubles(head->blocks * width);

    for (size_t i = 0; i < head->blocks * head->block * width; i++)
        means[i / width / head->block * width + i % width] += rows[i];
    for (size_t i = 0; i < head->blocks * width; i++)
        means[i] /= head->counts[i / width] + (head->masked ? 1e-6 : 0.0);
    return means;
}

static double dot(const double *a, const double *b, size_t width)
{
    double sum = 0.0;

    for (size_t c = 0; c < width; c++)
        sum += a[c] * b[c];
    return sum / sqrt((double)width);
}

static struct head open_head(const struct mra_case *test, const double *const *inputs, size_t sample, size_t number)
{
    const size_t block = test->options.block == 0 ? 32 : test->options.block, blocks = (test->tokens + block - 1) / block;
    struct head head = { .blocks = blocks, .block = block, .width = test->width, .values = test->values };

    head.masked = test->masked || test->tokens % block != 0;
    head.there = doubles(blocks * block);
    head.counts = doubles(blocks);
    for (size_t n = 0; n < test->tokens; n++) {
        head.there[n] = !test->masked || is_token(sample, n, test->tokens) ? 1.0 : 0.0;
        head.counts[n / block] += head.there[n];
    }
    head.q = rows_of(test, &head, inputs[0], sample, number, test->width);
    head.k = rows_of(test, &head, inputs[1], sample, number, test->width);
    head.v = rows_of(test, &head, inputs[2], sample, number, test->values);
    head.q_mean = means_of(&head, head.q, test->width);
    head.k_mean = means_of(&head, head.k, test->width);
    head.v_mean = means_of(&head, head.v, test->values);
    head.scores = doubles(blocks * blocks);
    head.most = doubles(blocks);
    for (size_t e = 0; e < blocks * blocks; e++) {
        head.scores[e] = dot(head.q_mean + e / blocks * test->width, head.k_mean + e % blocks * test->width, test->width);
        head.most[e / blocks] = e % blocks == 0 ? head.scores[e] : fmax(head.most[e / blocks], head.scores[e]);
    }
    head.taken = calloc(2 * blocks * blocks, sizeof(bool));
    ck_assert_ptr_nonnull(head.taken);
    head.excluded = head.taken + blocks * blocks;
    choose(head.taken, head.excluded, head.scores, head.counts, head.most, blocks, test->options.blocks, test->options.first_blocks,
           test->options.diagonal_blocks);
    return head;
}

static void close_head(struct head *head)
{
    double *const all[] = { head->q,      head->k,      head->v,      head->there,  head->q_mean,
                            head->k_mean, head->v_mean, head->counts, head->scores, head->most };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(head->taken);
}

/* A row of y. */
static void attend_row(const struct head *head, size_t t, bool sparse, double *y)
{
    const size_t own = t / head->block, width = head->width, values = head->values;
    double most = -DBL_MAX, z = 0.0, w = 0.0, e, low, high, *a = doubles(2 * values), *far = a + values;

    for (size_t u = 0; u < head->blocks * head->block; u++)
        if (head->taken[own * head->blocks + u / head->block])
            most = fmax(most, dot(head->q + t * width, head->k + u * width, width));
    most = most == -DBL_MAX ? -1e5 : most;
    for (size_t u = 0; u < head->blocks * head->block; u++)
        if (head->taken[own * head->blocks + u / head->block]) {
            const double p = exp(dot(head->q + t * width, head->k + u * width, width) - most - 1e4 * (1.0 - head->there[u]));

            z += p;
            for (size_t c = 0; c < values; c++)
                a[c] += p * head->v[u * values + c];
        }
    for (size_t j = 0; j < head->blocks && !sparse; j++) {
        const bool hidden = head->counts[own] == 0.0 || head->counts[j] == 0.0;
        const double g = head->counts[j] * exp(head->scores[own * head->blocks + j] - (hidden ? 1e4 : 0.0) - head->most[own] -
                                               (head->excluded[own * head->blocks + j] ? 1e4 : 0.0));

        w += g;
        for (size_t c = 0; c < values; c++)
            far[c] += g * head->v_mean[j * values + c];
    }
    e = sparse ? -DBL_MAX : head->there[t] * (head->most[own] - most);
    low = sparse ? 0.0 : exp(fmin(e, 0.0));
    high = sparse ? 1.0 : exp(-fmax(e, 0.0));
    for (size_t c = 0; c < values; c++)
        y[c] = head->there[t] * (a[c] * high + far[c] * low) / (z * high + w * low + 1e-6);
    free(a);
}

static void mra_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const struct mra_case *test = attributes;

    (void)shapes;
    for (size_t matrix = 0; matrix < test->batch * test->heads; matrix++) {
        const size_t sample = matrix / test->heads, number = matrix % test->heads;
        struct head head = open_head(test, inputs, sample, number);

        for (size_t n = 0; n < test->tokens; n++)
            attend_row(&head, n, test->options.sparse, out + ((sample * test->tokens + n) * test->heads + number) * test->values);
        close_head(&head);
    }
}

static clmix_value build_mra(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const struct mra_case *test = attributes;

    return clmix_multiresolution_attention(inputs[0], inputs[1], inputs[2], mask_of(at.graph, test->masked, test->batch, test->tokens),
                                           test->options);
}

/* Inputs large enough that no two scores are close. */
static void check_mra(struct mra_case test, bool sparse)
{
    const clmix_shape wide = { 3, { test.batch, test.tokens, test.heads * test.width } };

    test.options.heads = test.heads;
    test.options.sparse = sparse;
    ops_run_check(&(struct ops_check){ .what = sparse ? "MRA-2-s" : "MRA-2",
                                       .build = build_mra,
                                       .reference = mra_reference,
                                       .attributes = &test,
                                       .input_count = 3,
                                       .shapes = { wide, wide, { 3, { test.batch, test.tokens, test.heads * test.values } } },
                                       .low = -2.0f,
                                       .high = 2.0f,
                                       .tolerance = 1e-5 });
}

#define BLOCKS(b, count)                \
    {                                   \
        .block = (b), .blocks = (count) \
    }
#define PRIORS(b, count, first, diagonal)                                                       \
    {                                                                                           \
        .block = (b), .blocks = (count), .first_blocks = (first), .diagonal_blocks = (diagonal) \
    }

static const struct mra_case cases[] = {
    { 1, 45, 3, 7, 5, false, PRIORS(6, 20, 1, 3) }, /* lengths, widths and blocks that divide by nothing */
    { 2, 32, 1, 7, 5, false, BLOCKS(16, 2) },       /* whole blocks */
    { 1, 13, 2, 7, 5, false, BLOCKS(1, 40) },       /* blocks of a token */
    { 1, 33, 1, 7, 5, false, BLOCKS(16, 1) },       /* a budget that leaves rows without a block */
    { 1, 50, 1, 7, 5, false, BLOCKS(10, 1000) },    /* all blocks: softmax attention */
    { 1, 20, 1, 7, 5, false, BLOCKS(64, 5) },       /* a block longer than the tokens */
    { 4, 37, 2, 7, 5, true, PRIORS(8, 12, 0, 1) },  /* holes, one token, none, all */
    { 4, 64, 1, 7, 5, true, BLOCKS(16, 7) },        /* whole blocks, some of them empty */
    { 3, 21, 1, 7, 5, true, BLOCKS(4, 2) },         /* a budget below the number of rows, with padding */
};
/* Of these MRA-2-s for the first, MRA-2 for the others. */
static const struct mra_case larger[] = {
    { 1, 300, 1, 8, 8, false, BLOCKS(150, 3) },   /* blocks of several tiles */
    { 1, 130, 2, 40, 72, false, BLOCKS(32, 13) }, /* several parts of values */
    { 2, 256, 1, 32, 32, true, PRIORS(32, 20, 1, 1) },
};

START_TEST(attention)
{
    check_mra(cases[_i], false);
    check_mra(cases[_i], true);
}
END_TEST

START_TEST(larger_attention)
{
    if (!ops_small_effort())
        check_mra(larger[_i], _i == 0);
}
END_TEST

/* ---- equals --------------------------------------------------------------------------------------------------------------------------- */

struct choice_case {
    size_t batch, heads, blocks, levels; /* so many different scores */
    struct clmix_block_choice choice;
    size_t diagonal;
};

static int32_t *read_numbers(clmix_plan *plan, const char *name, size_t count)
{
    int32_t *numbers = calloc(count, sizeof *numbers);

    ck_assert_ptr_nonnull(numbers);
    ops_ok(clmix_plan_read(plan, name, numbers, count * sizeof *numbers));
    return numbers;
}

/* What one head chose, and the weights of the rest. */
static void expect_choice(const struct choice_case *test, const double *scores, const double *counts, const int32_t *blocks,
                          const int32_t *begins, double *rest, double *sums)
{
    const size_t nb = test->blocks, all = nb * nb, count = test->choice.count < all ? test->choice.count : all;
    bool *taken = calloc(2 * all, sizeof *taken);
    double *most = doubles(nb);
    size_t place = 0;

    ck_assert_ptr_nonnull(taken);
    for (size_t e = 0; e < all; e++)
        most[e / nb] = e % nb == 0 ? scores[e] : fmax(most[e / nb], scores[e]);
    choose(taken, taken + all, scores, counts, most, nb, count, test->choice.first, test->diagonal);
    for (size_t e = 0; e < all; e++) {
        if (e % nb == 0)
            ck_assert_int_eq(begins[e / nb], (int)place);
        if (taken[e]) {
            ck_assert_uint_lt(place, count);
            ck_assert_int_eq(blocks[place++], (int)e);
        }
        rest[e] = taken[all + e] ? 0.0 : counts[e % nb] * exp(scores[e] - most[e / nb]);
        sums[e / nb] += rest[e];
    }
    ck_assert_uint_eq(place, count);
    ck_assert_int_eq(begins[nb], (int)count);
    free(most);
    free(taken);
}

/* Few different scores, some blocks without a token. */
static void draw(const struct choice_case *test, float *scores, float *counts)
{
    const size_t count = test->batch * test->blocks * test->heads * test->blocks;
    float *drawn = ops_floats(count, 7, 0.0f, (float)test->levels);

    for (size_t i = 0; i < count; i++)
        scores[i] = floorf(drawn[i]) / (test->levels > 64 ? 16384.0f : 4.0f) - 1.0f; /* exact, and so are sums with priors */
    for (size_t i = 0; i < test->batch * test->blocks; i++)
        counts[i] = i % 7 == 3 ? 0.0f : 1.0f + (float)(i % 3);
    free(drawn);
}

static void check_choice(struct choice_case test)
{
    const size_t nb = test.blocks, all = nb * nb, heads = test.heads, matrices = test.batch * heads,
                 count = test.choice.count < all ? test.choice.count : all;
    const clmix_shape shape = { 3, { test.batch, nb, heads * nb } };
    float *scores = calloc(matrices * all + test.batch * nb, sizeof *scores), *counts = scores + matrices * all, *rest, *sums;
    double *one = doubles(all + nb), *wanted = doubles(matrices * all), *wanted_sums = doubles(matrices * nb);
    clmix_graph *graph = clmix_graph_new();
    clmix_value chosen;
    clmix_plan *plan;
    int32_t *blocks, *begins;

    ck_assert_ptr_nonnull(scores);
    test.choice.heads = heads;
    test.choice.beside = test.diagonal == 0 ? 0 : test.diagonal / 2 + 1;
    draw(&test, scores, counts);
    chosen = clmix_block_choice(ops_input(graph, "scores", shape), ops_input(graph, "counts", ops_shape2(test.batch, nb)), test.choice);
    clmix_output(graph, "blocks", chosen);
    clmix_output(graph, "begins", clmix_node_output(chosen, CLMIX_CHOICE_BEGINS));
    clmix_output(graph, "rest", clmix_node_output(chosen, CLMIX_CHOICE_REST));
    clmix_output(graph, "sums", clmix_node_output(chosen, CLMIX_CHOICE_SUM));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_write(plan, "scores", scores, matrices * all);
    ops_write(plan, "counts", counts, test.batch * nb);
    ops_ok(clmix_plan_run(plan));
    blocks = read_numbers(plan, "blocks", matrices * count);
    begins = read_numbers(plan, "begins", matrices * (nb + 1));
    rest = ops_read(plan, "rest", matrices * all);
    sums = ops_read(plan, "sums", matrices * nb);
    for (size_t matrix = 0; matrix < matrices; matrix++) {
        const size_t sample = matrix / heads, head = matrix % heads;
        double *of_head = doubles(all), *sum = wanted_sums + matrix * nb;

        for (size_t i = 0; i < nb; i++)
            one[all + i] = (double)counts[sample * nb + i];
        for (size_t e = 0; e < all; e++)
            one[e] = (double)scores[((sample * nb + e / nb) * heads + head) * nb + e % nb];
        expect_choice(&test, one, one + all, blocks + matrix * count, begins + matrix * (nb + 1), of_head, sum);
        for (size_t e = 0; e < all; e++)
            wanted[((sample * nb + e / nb) * heads + head) * nb + e % nb] = of_head[e];
        free(of_head);
    }
    ops_compare("weights of the rest", rest, wanted, matrices * all, 2e-6);
    ops_compare("their sums", sums, wanted_sums, matrices * nb, 2e-6);
    clmix_plan_free(plan);
    free(sums);
    free(rest);
    free(begins);
    free(blocks);
    free(wanted_sums);
    free(wanted);
    free(one);
    free(scores);
}

START_TEST(equals_by_their_number)
{
    static const size_t budgets[] = { 1, 5, 17, 40, 80, 1000 };

    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        check_choice((struct choice_case){ 1, 1, 9, 1, { .count = budgets[i] }, 0 }); /* all are equal */
        check_choice((struct choice_case){ 2, 3, 9, 5, { .count = budgets[i] }, 0 });
        check_choice((struct choice_case){ 2, 2, 9, 3, { .count = budgets[i], .first = 1 }, 3 });
    }
    check_choice((struct choice_case){ 1, 2, 35, 100000, { .count = 280, .first = 2 }, 1 });
    check_choice((struct choice_case){ 1, 1, 1, 4, { .count = 1 }, 1 });
}
END_TEST

/* ---- means and orders --------------------------------------------------------------------------------------------------------------------- */

static clmix_value build_means(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    const clmix_shape shape = clmix_shape_of(inputs[0]);

    return clmix_block_means(inputs[0], mask_of(at.graph, true, shape.size[0], shape.size[1]), *(const size_t *)attributes);
}

static void means_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t block = *(const size_t *)attributes, tokens = shapes[0].size[1], columns = shapes[0].size[2],
                 blocks = (tokens + block - 1) / block;

    for (size_t i = 0; i < shapes[0].size[0] * blocks * columns; i++) {
        const size_t sample = i / columns / blocks, first = i / columns % blocks * block;
        double sum = 0.0, count = 0.0;

        for (size_t n = first; n < first + block && n < tokens; n++)
            if (is_token(sample, n, tokens)) {
                sum += inputs[0][(sample * tokens + n) * columns + i % columns];
                count++;
            }
        out[i] = sum / (count == (double)block ? count : count + 1e-6);
    }
}

START_TEST(means_of_blocks)
{
    static const size_t blocks[] = { 1, 4, 7, 64 };

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        ops_run_check(&(struct ops_check){ .what = "means of blocks",
                                           .build = build_means,
                                           .reference = means_reference,
                                           .attributes = &blocks[i],
                                           .input_count = 1,
                                           .shapes = { { 3, { 4, 30, i == 0 ? 3 : 70 } } } });
}
END_TEST

static const size_t map[] = { 6, 20 }, patch[] = { 3, 4 };

static clmix_value build_order(clmix_scope at, const clmix_value *inputs, const void *attributes)
{
    (void)at;
    return clmix_patch_order(inputs[0], map, patch, *(const bool *)attributes);
}

static void order_reference(const double *const *inputs, const clmix_shape *shapes, double *out, const void *attributes)
{
    const size_t tokens = shapes[0].size[1], columns = shapes[0].size[2], across = map[1] / patch[1];

    for (size_t i = 0; i < shapes[0].size[0] * tokens; i++) {
        const size_t sample = i / tokens, row = i % tokens / map[1], column = i % tokens % map[1];
        const size_t of_patch = row / patch[0] * across + column / patch[1],
                     to = sample * tokens + of_patch * patch[0] * patch[1] + row % patch[0] * patch[1] + column % patch[1];

        for (size_t c = 0; c < columns; c++)
            if (*(const bool *)attributes)
                out[i * columns + c] = inputs[0][to * columns + c];
            else
                out[to * columns + c] = inputs[0][i * columns + c];
    }
}

START_TEST(patches_in_order)
{
    static const bool back[] = { false, true };

    for (size_t i = 0; i < 2; i++)
        ops_run_check(&(struct ops_check){ .what = "the order of patches",
                                           .build = build_order,
                                           .reference = order_reference,
                                           .attributes = &back[i],
                                           .input_count = 1,
                                           .shapes = { { 3, { 2, 120, 5 } } },
                                           .tolerance = 1e-30 });
}
END_TEST

/* ---- sentences --------------------------------------------------------------------------------------------------------------------------- */

#define REFUSED(call, sentence)                                                                                                            \
    do {                                                                                                                                   \
        clmix_graph *graph = clmix_graph_new();                                                                                            \
        const clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { 2, 9, 12 } }), flat = ops_input(graph, "flat", ops_shape2(2, 12)), \
                          none = { .graph = NULL };                                                                                        \
        const clmix_value mask = clmix_input(graph, "mask", CLMIX_I32, 2, (size_t[]){ 2, 8 });                                             \
                                                                                                                                           \
        (void)x, (void)flat, (void)none, (void)mask;                                                                                       \
        ops_poisoned(graph, call, sentence);                                                                                               \
    } while (0)
#define OPTIONS(...) ((clmix_multiresolution_options){ __VA_ARGS__ })

START_TEST(what_does_not_fit)
{
    static const size_t sides[] = { 3, 3 }, none_of_them[] = { 2, 2 }, empty[] = { 0, 3 };

    REFUSED(clmix_multiresolution_attention(x, x, x, none, OPTIONS(.heads = 2)), "a choice of 0 blocks");
    REFUSED(clmix_multiresolution_attention(x, x, x, none, OPTIONS(.heads = 5, .blocks = 1)), "5");
    REFUSED(clmix_multiresolution_attention(x, x, x, mask, OPTIONS(.blocks = 1)), "a mask is i32 (batch, tokens)");
    REFUSED(clmix_multiresolution_attention(flat, x, x, none, OPTIONS(.blocks = 1)), "these values are 2x12");
    REFUSED(clmix_multiresolution_attention(x, x, flat, none, OPTIONS(.blocks = 1)), "these values are 2x12");
    REFUSED(clmix_multiresolution_attention(x, x, flat, none, OPTIONS(.blocks = 1, .sparse = true)), "the values must be f32");
    REFUSED(clmix_multiresolution_attention(x, clmix_slice(x, 1, 0, 4), x, none, OPTIONS(.block = 16, .blocks = 1)), "one length");
    REFUSED(clmix_multiresolution_attention(x, x, none, none, OPTIONS(.blocks = 1)), "input 2 is no value of a graph");
    REFUSED(clmix_patch_order(x, sides, none_of_them, false), "patches of 2x2 do not cover a map of 3x3");
    REFUSED(clmix_patch_order(x, sides, empty, false), "patches of 0x3 do not cover");
    REFUSED(clmix_patch_order(flat, sides, sides, false), "12 tokens are no map of 3x3");
    REFUSED(clmix_patch_order(x, NULL, sides, false), "map");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("multiresolution attention");
    TCase *tests = tcase_create("multiresolution attention");

    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, attention, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tests, larger_attention, 0, sizeof larger / sizeof *larger);
    tcase_add_test(tests, equals_by_their_number);
    tcase_add_test(tests, means_of_blocks);
    tcase_add_test(tests, patches_in_order);
    tcase_add_test(tests, what_does_not_fit);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
