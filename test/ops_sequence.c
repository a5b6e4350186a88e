/* Ops of sequences: embeddings and their gradients, ids and masks, some of the tokens, against the host; in slices of the batch; refusals. */
#include "support_ops.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids that the tests share ------------------------------------------------------------------------------------------------------------ */

static int32_t *ids_of(size_t count, size_t rows, uint64_t stream)
{
    float *draw = ops_floats(count, stream, 0.0f, 1.0f);
    int32_t *ids = malloc(count * sizeof *ids);

    ck_assert_ptr_nonnull(ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = i % 4 == 0 ? (int32_t)(rows - 1) : (int32_t)((float)rows * draw[i]) % (int32_t)rows;
    free(draw);
    return ids;
}

static clmix_value ids_input(clmix_graph *graph, const char *name, size_t batch, size_t tokens)
{
    return clmix_batch_input(graph, name, CLMIX_I32, 2, (size_t[]){ batch, tokens });
}

static void write_ids(clmix_plan *plan, const char *name, const int32_t *ids, size_t count)
{
    ops_ok(clmix_plan_write(plan, name, ids, count * sizeof *ids));
}

static int32_t *read_ids(clmix_plan *plan, const char *name, size_t count)
{
    int32_t *ids = malloc(count * sizeof *ids);

    ck_assert_ptr_nonnull(ids);
    ops_ok(clmix_plan_read(plan, name, ids, count * sizeof *ids));
    return ids;
}

/* ---- embeddings -------------------------------------------------------------------------------------------------------------------------- */

enum { WORDS, OTHERS, ONE, TABLES };

struct embedding {
    size_t batch, tokens, columns, words, others;
    int count;   /* tables: words by ids, others by ids or of the tokens' own, one for all */
    bool named;  /* the others have ids */
    bool inside; /* tables are parts of wider ones: the first rows of the others, a row of `one` */
};

struct tables {
    size_t rows[TABLES]; /* as stored */
    float *values[TABLES], *dy;
    int32_t *ids[2];
};

static struct tables make_tables(const struct embedding *of)
{
    struct tables tables = { .rows = { of->words, of->others + (of->inside ? 3 : 0), of->inside ? 2 : 1 } };

    for (int t = 0; t < TABLES; t++)
        tables.values[t] = ops_floats(tables.rows[t] * of->columns, (uint64_t)t + 1, -1.0f, 1.0f);
    tables.dy = ops_floats(of->batch * of->tokens * of->columns, 9, -1.0f, 1.0f);
    tables.ids[0] = ids_of(of->batch * of->tokens, of->words, 11);
    tables.ids[1] = ids_of(of->batch * of->tokens, of->others, 12);
    return tables;
}

static void free_tables(struct tables *tables)
{
    for (int t = 0; t < TABLES; t++)
        free(tables->values[t]);
    free(tables->dy);
    free(tables->ids[0]);
    free(tables->ids[1]);
}

static const char *const names[TABLES] = { "words", "others", "one" };

static clmix_value build_embedding(clmix_graph *graph, const struct embedding *of, const struct tables *tables, clmix_value *stored)
{
    clmix_lookup lookups[TABLES];

    for (int t = 0; t < of->count; t++) {
        stored[t] = ops_input(graph, names[t], ops_shape2(tables->rows[t], of->columns));
        clmix_want_gradient(stored[t]);
        lookups[t] = (clmix_lookup){ .table = stored[t] };
        if (of->inside && t > WORDS)
            lookups[t].table = clmix_slice(stored[t], 0, t == ONE ? 1 : 0, t == ONE ? 1 : of->others);
    }
    lookups[WORDS].ids = ids_input(graph, "ids", of->batch, of->tokens);
    if (of->named)
        lookups[OTHERS].ids = ids_input(graph, "other_ids", of->batch, of->tokens);
    return clmix_embed(lookups, of->count);
}

static clmix_plan *embedding_plan(const struct embedding *of, const struct tables *tables)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value stored[TABLES], y = build_embedding(graph, of, tables, stored), dy = ops_input(graph, "dy", clmix_shape_of(y));
    const char *const gradients[TABLES] = { "d words", "d others", "d one" };
    clmix_plan *plan;

    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    for (int t = 0; t < of->count; t++)
        clmix_output(graph, gradients[t], clmix_gradient_of(stored[t]));
    plan = ops_plan(graph, CLMIX_TRAINING);
    for (int t = 0; t < of->count; t++)
        ops_write(plan, names[t], tables->values[t], tables->rows[t] * of->columns);
    write_ids(plan, "ids", tables->ids[0], of->batch * of->tokens);
    if (of->named)
        write_ids(plan, "other_ids", tables->ids[1], of->batch * of->tokens);
    ops_write(plan, "dy", tables->dy, of->batch * of->tokens * of->columns);
    ops_ok(clmix_plan_run(plan));
    return plan;
}

/* The row of its table that token i takes. */
static size_t row_of(const struct embedding *of, const struct tables *tables, int t, size_t i)
{
    if (t == WORDS || (t == OTHERS && of->named))
        return (size_t)tables->ids[t][i];
    return t == ONE ? (of->inside ? 1 : 0) : i % of->tokens;
}

static void compare_embedding(const struct embedding *of, const struct tables *tables, clmix_plan *plan)
{
    const size_t places = of->batch * of->tokens, count = places * of->columns;
    const char *const gradients[TABLES] = { "d words", "d others", "d one" };
    double *y = calloc(count, sizeof *y), *d = NULL;
    float *got = ops_read(plan, "y", count);

    ck_assert_ptr_nonnull(y);
    for (int t = 0; t < of->count; t++) {
        float *gradient = ops_read(plan, gradients[t], tables->rows[t] * of->columns);

        d = calloc(tables->rows[t] * of->columns, sizeof *d);
        ck_assert_ptr_nonnull(d);
        for (size_t i = 0; i < count; i++) {
            const size_t at = row_of(of, tables, t, i / of->columns) * of->columns + i % of->columns;

            y[i] += (double)tables->values[t][at];
            d[at] += (double)tables->dy[i];
        }
        ops_compare(gradients[t], gradient, d, tables->rows[t] * of->columns, 5e-6);
        free(gradient);
        free(d);
    }
    ops_compare("y", got, y, count, 2e-6);
    free(got);
    free(y);
}

static const struct embedding embeddings[] = {
    { .batch = 1, .tokens = 1, .columns = 1, .words = 1, .others = 1, .count = 1 },
    { .batch = 2, .tokens = 5, .columns = 3, .words = 7, .others = 5, .count = 2 },
    { .batch = 3, .tokens = 17, .columns = 20, .words = 33, .others = 17, .count = 3 },
    { .batch = 3, .tokens = 17, .columns = 20, .words = 33, .others = 17, .count = 3, .inside = true },
    { .batch = 4, .tokens = 9, .columns = 33, .words = 11, .others = 40, .count = 3, .named = true },
    { .batch = 5, .tokens = 41, .columns = 70, .words = 300, .others = 41, .count = 3, .inside = true },
    { .batch = 13, .tokens = 129, .columns = 37, .words = 3001, .others = 150, .count = 2, .named = true },
};

START_TEST(rows_are_added_and_sent_back)
{
    const struct embedding *of = &embeddings[_i];
    struct tables tables = make_tables(of);
    clmix_plan *plan = embedding_plan(of, &tables), *again = embedding_plan(of, &tables);
    float *first = ops_read(plan, "d words", of->words * of->columns), *second = ops_read(again, "d words", of->words * of->columns);

    compare_embedding(of, &tables, plan);
    ck_assert_mem_eq(first, second, of->words * of->columns * sizeof *first);
    free(first);
    free(second);
    clmix_plan_free(plan);
    clmix_plan_free(again);
    free_tables(&tables);
}
END_TEST

/* An id that is none makes its own token NaN and no other, and adds to no row. */
START_TEST(ids_outside_a_table)
{
    enum { TOKENS = 6, COLUMNS = 19, ROWS = 5 };
    const struct embedding of = { .batch = 2, .tokens = TOKENS / 2, .columns = COLUMNS, .words = ROWS, .others = TOKENS / 2, .count = 2 };
    struct tables tables = make_tables(&of);
    static const int32_t wrong[TOKENS] = { 4, -1, 0, 5, INT32_MAX, INT32_MIN };
    clmix_plan *plan;
    float *y, *gradient;

    memcpy(tables.ids[0], wrong, sizeof wrong);
    plan = embedding_plan(&of, &tables);
    y = ops_read(plan, "y", (size_t)TOKENS * COLUMNS);
    gradient = ops_read(plan, "d words", (size_t)ROWS * COLUMNS);
    for (int i = 0; i < TOKENS * COLUMNS; i++)
        ck_assert(isnan(y[i]) == (wrong[i / COLUMNS] < 0 || wrong[i / COLUMNS] >= ROWS));
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ck_assert(i / COLUMNS == 0 || i / COLUMNS == 4 ? gradient[i] != 0.0f : gradient[i] == 0.0f);
    free(y);
    free(gradient);
    clmix_plan_free(plan);
    free_tables(&tables);
}
END_TEST

/* ---- slices of the batch -------------------------------------------------------------------------------------------------------------------- */

static float *sliced(const char *wish, const int32_t *ids, const int32_t *mask, size_t *launches)
{
    enum { BATCH = 7, TOKENS = 5, COLUMNS = 20, ROWS = 11 };
    clmix_graph *graph = clmix_graph_new();
    clmix_value words = clmix_parameter(clmix_root(graph), "words", 2, (size_t[]){ ROWS, COLUMNS }, NULL,
                                        (clmix_initializer){ .kind = CLMIX_ZEROS }),
                own = clmix_parameter(clmix_root(graph), "own", 2, (size_t[]){ TOKENS, COLUMNS }, NULL,
                                      (clmix_initializer){ .kind = CLMIX_ZEROS });
    const clmix_lookup lookups[] = { { words, ids_input(graph, "ids", BATCH, TOKENS) },
                                     { own, { 0 } },
                                     { words, clmix_token_numbers(ids_input(graph, "mask", BATCH, TOKENS), 2) } };
    clmix_value places = clmix_labelled_places(clmix_push_id(lookups[0].ids, CLMIX_NO_LABEL), 3, NULL);
    float *data = ops_floats(ROWS * COLUMNS, 1, -1.0f, 1.0f), *y;
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_scale(clmix_gelu(clmix_take_tokens(clmix_gelu(clmix_embed(lookups, 3)), places)), 2.0f));
    ops_slice(wish);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    ops_slice(NULL);
    *launches = ops_launches(plan);
    ops_write(plan, "words", data, (size_t)ROWS * COLUMNS);
    ops_write(plan, "own", data, (size_t)TOKENS * COLUMNS);
    write_ids(plan, "ids", ids, (size_t)BATCH * TOKENS);
    write_ids(plan, "mask", mask, (size_t)BATCH * TOKENS);
    ops_ok(clmix_plan_run(plan));
    y = ops_read(plan, "y", (size_t)BATCH * 3 * COLUMNS);
    clmix_plan_free(plan);
    free(data);
    return y;
}

START_TEST(slices_make_the_same)
{
    int32_t *ids = ids_of(35, 11, 3), *mask = ids_of(35, 2, 4);
    size_t launches, more;
    float *whole = sliced("off", ids, mask, &launches), *parts = sliced("3", ids, mask, &more);

    ck_assert_uint_eq(more, 3 * launches);
    ck_assert_mem_eq(whole, parts, (size_t)35 * 3 / 5 * 20 * sizeof *whole);
    free(whole);
    free(parts);
    free(ids);
    free(mask);
}
END_TEST

/* ---- ids and masks --------------------------------------------------------------------------------------------------------------------------- */

static const size_t lengths[][2] = { { 1, 1 }, { 3, 7 }, { 2, 64 }, { 2, 65 }, { 5, 200 }, { 2, 1000 } };
#define LENGTHS ((int)(sizeof lengths / sizeof *lengths))

static int32_t *run_ids(size_t batch, size_t tokens, const int32_t *ids, clmix_value (*make)(clmix_value ids))
{
    clmix_graph *graph = clmix_graph_new();
    int32_t *got;
    clmix_plan *plan;

    clmix_output(graph, "y", make(ids_input(graph, "ids", batch, tokens)));
    plan = ops_plan(graph, CLMIX_INFERENCE);
    write_ids(plan, "ids", ids, batch * tokens);
    ops_ok(clmix_plan_run(plan));
    got = read_ids(plan, "y", batch * tokens);
    clmix_plan_free(plan);
    return got;
}

static clmix_value push_seven(clmix_value ids)
{
    return clmix_push_id(ids, 7);
}

static clmix_value number_from_two(clmix_value mask)
{
    return clmix_token_numbers(mask, 2);
}

START_TEST(a_token_in_front)
{
    const size_t batch = lengths[_i][0], tokens = lengths[_i][1];
    int32_t *ids = ids_of(batch * tokens, 100, 5), *got = run_ids(batch, tokens, ids, push_seven);

    for (size_t i = 0; i < batch * tokens; i++)
        ck_assert_int_eq(got[i], i % tokens == 0 ? 7 : ids[i - 1]);
    free(ids);
    free(got);
}
END_TEST

/* Masks with holes, of nothing and of all. */
START_TEST(tokens_are_numbered_as_the_mask_has_them)
{
    const size_t batch = lengths[_i][0], tokens = lengths[_i][1];
    int32_t *mask = ids_of(batch * tokens, 2, 6), *got;

    for (size_t n = 0; n < tokens; n++) {
        mask[n] = batch > 1 ? 0 : mask[n];
        mask[(batch - 1) * tokens + n] = batch > 2 ? 1 : mask[(batch - 1) * tokens + n];
    }
    got = run_ids(batch, tokens, mask, number_from_two);
    for (size_t b = 0; b < batch; b++) {
        int32_t number = 2;

        for (size_t n = 0; n < tokens; n++) {
            ck_assert_int_eq(got[b * tokens + n], mask[b * tokens + n] != 0 ? number : 2);
            number += mask[b * tokens + n] != 0;
        }
    }
    free(mask);
    free(got);
}
END_TEST

/* ---- some of the tokens ------------------------------------------------------------------------------------------------------------------------ */

/* Labels of a sample: of none, of fewer than are asked for, of as many and of more. */
static int32_t *labels_of(size_t batch, size_t tokens)
{
    int32_t *labels = malloc(batch * tokens * sizeof *labels);

    ck_assert_ptr_nonnull(labels);
    for (size_t i = 0; i < batch * tokens; i++)
        labels[i] = i / tokens > 0 && (i * 7 + i / tokens) % (9 - i / tokens % 8) == 0 ? (int32_t)(i % 50) : CLMIX_NO_LABEL;
    return labels;
}

START_TEST(labelled_tokens_are_found)
{
    const size_t batch = lengths[_i][0], tokens = lengths[_i][1], most = (tokens + 5) / 6;
    int32_t *labels = labels_of(batch, tokens), *places, *there;
    clmix_graph *graph = clmix_graph_new();
    clmix_value labelled;
    clmix_plan *plan;

    clmix_output(graph, "places", clmix_labelled_places(ids_input(graph, "labels", batch, tokens), most, &labelled));
    clmix_output(graph, "labelled", labelled);
    plan = ops_plan(graph, CLMIX_INFERENCE);
    write_ids(plan, "labels", labels, batch * tokens);
    ops_ok(clmix_plan_run(plan));
    places = read_ids(plan, "places", batch * most);
    there = read_ids(plan, "labelled", batch * most);
    for (size_t b = 0; b < batch; b++) {
        size_t found = 0;

        for (size_t n = 0; n < tokens && found < most; n++)
            if (labels[b * tokens + n] != CLMIX_NO_LABEL) {
                ck_assert_int_eq(places[b * most + found], (int32_t)n);
                ck_assert_int_eq(there[b * most + found++], labels[b * tokens + n]);
            }
        for (; found < most; found++)
            ck_assert(places[b * most + found] == -1 && there[b * most + found] == CLMIX_NO_LABEL);
    }
    clmix_plan_free(plan);
    free(labels);
    free(places);
    free(there);
}
END_TEST

static const struct taking {
    size_t batch, tokens, columns, places;
    bool strided;
} takings[] = {
    { 1, 1, 1, 1, false }, { 2, 5, 3, 4, false }, { 3, 17, 20, 9, true }, { 4, 65, 33, 70, false }, { 5, 300, 70, 47, true },
};

/* Some tokens more than once, some never, some places that are none. */
START_TEST(tokens_are_taken_and_sent_back)
{
    const struct taking *of = &takings[_i];
    const size_t wide = of->columns + (of->strided ? 5 : 0), rows = of->batch * of->tokens, picked = of->batch * of->places;
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = ops_input(graph, "x", (clmix_shape){ 3, { of->batch, of->tokens, wide } }), y, dy;
    float *data = ops_floats(rows * wide, 1, -1.0f, 1.0f), *back = ops_floats(picked * of->columns, 2, -1.0f, 1.0f), *got, *gradient;
    double *wanted = calloc(picked * of->columns, sizeof *wanted), *sent = calloc(rows * wide, sizeof *sent);
    int32_t *places = ids_of(picked, of->tokens, 8);
    clmix_plan *plan;

    for (size_t i = 0; i < picked; i += 5)
        places[i] = i % 10 == 0 ? -1 : (int32_t)of->tokens;
    clmix_want_gradient(x);
    y = clmix_take_tokens(of->strided ? clmix_slice(x, -1, 3, of->columns) : x, ids_input(graph, "places", of->batch, of->places));
    dy = ops_input(graph, "dy", clmix_shape_of(y));
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "gradient", clmix_gradient_of(x));
    plan = ops_plan(graph, CLMIX_TRAINING);
    ops_write(plan, "x", data, rows * wide);
    ops_write(plan, "dy", back, picked * of->columns);
    write_ids(plan, "places", places, picked);
    ops_ok(clmix_plan_run(plan));
    got = ops_read(plan, "y", picked * of->columns);
    gradient = ops_read(plan, "gradient", rows * wide);
    for (size_t i = 0; i < picked; i++)
        for (size_t c = 0; c < of->columns && places[i] >= 0 && (size_t)places[i] < of->tokens; c++) {
            const size_t at = (i / of->places * of->tokens + (size_t)places[i]) * wide + (of->strided ? 3 : 0) + c;

            wanted[i * of->columns + c] = (double)data[at];
            sent[at] += (double)back[i * of->columns + c];
        }
    ops_compare("tokens", got, wanted, picked * of->columns, 0.0);
    ops_compare("gradient", gradient, sent, rows * wide, 2e-6);
    clmix_plan_free(plan);
    free(data);
    free(back);
    free(got);
    free(gradient);
    free(wanted);
    free(sent);
    free(places);
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------------------------------------------------------------- */

static void refuse_embedding(clmix_shape words, clmix_shape others, bool named, const char *sentence)
{
    clmix_graph *graph = clmix_graph_new();
    const clmix_lookup lookups[] = { { ops_input(graph, "words", words), ids_input(graph, "ids", 2, 5) },
                                     { ops_input(graph, "others", others),
                                       named ? ids_input(graph, "other_ids", 2, 4) : (clmix_value){ 0 } } };

    clmix_embed(lookups, 2);
    ops_refused(graph, sentence);
}

static void refuse_ids(clmix_value (*make)(clmix_value ids))
{
    clmix_graph *graph = clmix_graph_new();

    make(ops_input(graph, "x", ops_shape2(2, 3)));
    ops_refused(graph, "ids, masks and labels of tokens are i32 (batch, tokens); these are 2x3 of f32");
}

static clmix_value find_two(clmix_value labels)
{
    return clmix_labelled_places(labels, 2, NULL);
}

START_TEST(what_does_not_fit)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_lookup lookups[4];

    refuse_embedding(ops_shape2(7, 3), ops_shape2(5, 4), false, "all of as many columns; table 1 is 5x4");
    refuse_embedding((clmix_shape){ 3, { 1, 7, 3 } }, ops_shape2(5, 3), false, "all of as many columns; table 0 is 1x7x3");
    refuse_embedding(ops_shape2(7, 3), ops_shape2(6, 3), false,
                     "embed: a table without ids has a row a token, 5, or one row for all; table 1 has 6");
    refuse_embedding(ops_shape2(7, 3), ops_shape2(6, 3), true, "ids are i32 of one shape (batch, tokens), 2x5; those of table 1 are 2x4");
    for (int t = 0; t < 4; t++)
        lookups[t] = (clmix_lookup){ .table = t == 0 ? ops_input(graph, "words", ops_shape2(7, 3)) : lookups[0].table };
    clmix_embed(lookups, 4);
    ops_refused(graph, "an embedding of 4 tables; it is of 1 to 3");
    graph = clmix_graph_new();
    lookups[0] = (clmix_lookup){ .table = ops_input(graph, "words", ops_shape2(7, 3)) };
    clmix_embed(lookups, 1);
    ops_refused(graph, "the first table's rows are taken by ids i32 (batch, tokens); these are left out");
    refuse_ids(push_seven);
    refuse_ids(number_from_two);
    refuse_ids(find_two);
    graph = clmix_graph_new();
    clmix_labelled_places(ids_input(graph, "labels", 2, 5), 6, NULL);
    ops_refused(graph, "labelled_places: places of 6 labelled tokens; of 5 tokens 1 to 5 can be asked for");
    graph = clmix_graph_new();
    clmix_take_tokens(ops_input(graph, "x", (clmix_shape){ 3, { 2, 5, 3 } }), ids_input(graph, "places", 3, 5));
    ops_refused(graph,
                "take_tokens: tokens f32 (batch, tokens, channels) are taken at places i32 (batch, places); these are 2x5x3 and 3x5");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sequence");
    TCase *all = tcase_create("sequence");

    tcase_add_unchecked_fixture(all, ops_open, ops_close);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, rows_are_added_and_sent_back, 0, (int)(sizeof embeddings / sizeof *embeddings));
    tcase_add_test(all, ids_outside_a_table);
    tcase_add_test(all, slices_make_the_same);
    tcase_add_loop_test(all, a_token_in_front, 0, LENGTHS);
    tcase_add_loop_test(all, tokens_are_numbered_as_the_mask_has_them, 0, LENGTHS);
    tcase_add_loop_test(all, labelled_tokens_are_found, 0, LENGTHS);
    tcase_add_loop_test(all, tokens_are_taken_and_sent_back, 0, (int)(sizeof takings / sizeof *takings));
    tcase_add_test(all, what_does_not_fit);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
