/* lib/data: batches of sequences of few lengths, in groups and by tokens. */
#include <clmix/data.h>

#include "base/file.h"
#include "base/lengths.h"
#include "data/batching.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS    311
#define LONGEST 200

static char folder[256];
static clmix_dataset *data;

/* Row i has `length_of(i)` letters, and its label is its number. */
static size_t length_of(size_t row)
{
    return 1 + row * row * 7 % (row % 3 == 0 ? 180 : 40);
}

static void open_rows(void)
{
    const clmix_port wanted[] = { { "tokens", CLMIX_I32, 1, { LONGEST } }, { "mask", CLMIX_I32, 1, { LONGEST } } };
    char *text = malloc(ROWS * (LONGEST + 20)), path[400], spec[500];
    size_t used = 0;

    snprintf(folder, sizeof folder, "%s", make_folder());
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t letter = 0; letter < length_of(i); letter++)
            text[used++] = (char)('a' + (i + letter) % 26);
        used += (size_t)sprintf(text + used, "\t%zu\n", i);
    }
    snprintf(path, sizeof path, "%s/train.tsv", folder);
    ck_assert_int_eq(clmix_file_write(path, text, used), CLMIX_OK);
    snprintf(spec, sizeof spec, "tsv:%s,test=%s", path, path);
    ck_assert_msg(clmix_dataset_open(&data, spec, wanted, 2) == CLMIX_OK, "%s", clmix_error());
    ck_assert_uint_eq(clmix_dataset_count(data, CLMIX_TRAIN), ROWS);
    free(text);
}

static void close_rows(void)
{
    clmix_dataset_close(data);
    remove_folder(folder);
}

static clmix_loader *must_load(clmix_split split, size_t batch, const clmix_loader_options *options)
{
    clmix_loader *loader = NULL;

    ck_assert_msg(clmix_loader_open(&loader, data, split, batch, options) == CLMIX_OK, "%s", clmix_error());
    return loader;
}

static void must_give(clmix_loader *loader, clmix_batch *batch)
{
    ck_assert_msg(clmix_loader_next(loader, batch) == CLMIX_OK, "%s", clmix_error());
}

static size_t length_in(const clmix_batch *batch)
{
    const clmix_port *tokens = clmix_port_find(batch->ports, batch->port_count, CLMIX_TOKENS),
                     *mask = clmix_port_find(batch->ports, batch->port_count, CLMIX_TOKEN_MASK);

    ck_assert_uint_eq(tokens->size[0], mask->size[0]);
    return tokens->size[0];
}

/* Samples as they are in the set, filled up to the batch's length, which is the shortest that has room; blank behind them. Counts how often each came. */
static void expect_samples(const clmix_batch *batch, size_t seen[ROWS])
{
    const int32_t *tokens = clmix_batch_array(batch, CLMIX_TOKENS), *mask = clmix_batch_array(batch, CLMIX_TOKEN_MASK),
                  *labels = clmix_batch_array(batch, CLMIX_LABELS);
    const size_t length = length_in(batch);
    size_t longest = 0;

    for (size_t i = 0; i < batch->room; i++) {
        const size_t row = i < batch->count ? (size_t)labels[i] : 0, count = i < batch->count ? length_of(row) : 0;

        ck_assert(i >= batch->count ? labels[i] == CLMIX_NO_LABEL : row < ROWS);
        longest = count > longest ? count : longest;
        for (size_t at = 0; at < length; at++) {
            ck_assert_int_eq(tokens[i * length + at], at < count ? (int32_t)('a' + (row + at) % 26) + 1 : 0);
            ck_assert_int_eq(mask[i * length + at], at < count);
        }
        if (i < batch->count)
            seen[row]++;
    }
    ck_assert_uint_eq(length, clmix_length_for(longest, LONGEST));
}

static void expect_all_once(const size_t seen[ROWS], size_t times)
{
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_uint_eq(seen[i], times);
}

START_TEST(lengths)
{
    static const size_t counts[] = { 1, 16, 17, 32, 33, 48, 49, 64, 65, 96, 97, 128, 129, 192, 193, 199, 200 };
    static const size_t wanted[] = { 16, 16, 32, 32, 48, 48, 64, 64, 96, 96, 128, 128, 192, 192, 200, 200, 200 };

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        ck_assert_uint_eq(clmix_length_for(counts[i], LONGEST), wanted[i]);
    ck_assert_uint_eq(clmix_length_for(3, 10), 10);
    ck_assert_uint_eq(clmix_length_for(4000, 4096), 4096);
}
END_TEST

/* Whatever the options, an epoch has every sample once; and as many batches, of the sizes, that were told before. */
START_TEST(epochs)
{
    static const clmix_loader_options variants[] = {
        { .seed = 3, .shuffle = true, .lengths = CLMIX_LENGTHS_FEW, .group = true },
        { .seed = 3, .shuffle = true, .lengths = CLMIX_LENGTHS_FEW, .tokens = 500 },
        { .lengths = CLMIX_LENGTHS_FEW, .group = true, .threads = 3 },
        { .lengths = CLMIX_LENGTHS_FEW, .tokens = 10 },
    };
    const clmix_loader_options *options = &variants[_i];
    struct clmix_batch_size sizes[CLMIX_BATCH_SIZES];
    struct clmix_batching batching;
    size_t seen[ROWS] = { 0 }, size_count, changes = 0, last = 0;
    clmix_loader *loader = must_load(CLMIX_TRAIN, 12, options);
    bool met[CLMIX_BATCH_SIZES] = { false };

    ck_assert_int_eq(clmix_batching_make(&batching, data, CLMIX_TRAIN, 12, options), CLMIX_OK);
    size_count = clmix_batching_sizes(&batching, sizes);
    ck_assert_uint_eq(clmix_loader_batches(loader), batching.batches);
    for (size_t epoch = 0; epoch < 3; epoch++) {
        for (size_t i = 0; i < batching.batches; i++) {
            clmix_batch batch;
            size_t at = 0;

            must_give(loader, &batch);
            ck_assert(batch.epoch == epoch && batch.index == i && batch.count > 0 && batch.count <= batch.room);
            expect_samples(&batch, seen);
            if (options->tokens > 0)
                ck_assert(batch.room == 1 || batch.room * length_in(&batch) <= options->tokens);
            else
                ck_assert_uint_eq(batch.room, 12);
            while (at < size_count && (sizes[at].count != batch.count || sizes[at].length != length_in(&batch)))
                at++;
            ck_assert_uint_lt(at, size_count);
            ck_assert_uint_eq(sizes[at].room, batch.room);
            met[at] = true;
            changes += length_in(&batch) != last;
            last = length_in(&batch);
        }
        expect_all_once(seen, epoch + 1);
    }
    for (size_t i = 0; i < size_count; i++)
        ck_assert(met[i]);
    ck_assert_uint_gt(changes, 20); /* long and short ones in turn */
    clmix_loader_close(loader);
    clmix_batching_free(&batching);
}
END_TEST

/* Without groups batches are the epoch's order, each as long as its longest; with one length as long as the set's. */
START_TEST(batches_in_order)
{
    const clmix_loader_options few = { .lengths = CLMIX_LENGTHS_FEW }, one = { 0 };
    clmix_loader *short_ones = must_load(CLMIX_TEST, 10, &few), *long_ones = must_load(CLMIX_TEST, 10, &one);
    size_t seen[ROWS] = { 0 }, shorter = 0;

    ck_assert_uint_eq(clmix_loader_batches(short_ones), 32);
    for (size_t i = 0; i < 32; i++) {
        clmix_batch batch, same;

        must_give(short_ones, &batch);
        must_give(long_ones, &same);
        expect_samples(&batch, seen);
        ck_assert(batch.count == same.count && length_in(&same) == LONGEST && same.room == 10);
        ck_assert(memcmp(clmix_batch_array(&batch, CLMIX_LABELS), clmix_batch_array(&same, CLMIX_LABELS), 10 * sizeof(int32_t)) == 0);
        shorter += length_in(&batch) < LONGEST;
    }
    expect_all_once(seen, 1);
    ck_assert_uint_gt(shorter, 20);
    clmix_loader_close(short_ones);
    clmix_loader_close(long_ones);
}
END_TEST

static uint64_t hash_batch(const clmix_batch *batch)
{
    uint64_t hash = hash_more(HASH_START, &batch->count, sizeof batch->count);

    for (size_t i = 0; i < batch->port_count; i++)
        hash = hash_more(hash, batch->arrays[i], batch->room * clmix_port_bytes(&batch->ports[i]));
    return hash;
}

START_TEST(runs_that_begin_anywhere)
{
    clmix_loader_options options = { .seed = 8, .shuffle = true, .lengths = CLMIX_LENGTHS_FEW, .tokens = 700 };
    clmix_loader *all = must_load(CLMIX_TRAIN, 1, &options);
    const size_t batches = clmix_loader_batches(all);
    uint64_t hashes[200];
    clmix_batch batch;

    ck_assert_uint_lt(2 * batches, 200);
    for (size_t i = 0; i < 2 * batches; i++) {
        must_give(all, &batch);
        hashes[i] = hash_batch(&batch);
    }
    clmix_loader_close(all);
    for (size_t i = 0; i < 2 * batches; i += 7) {
        clmix_loader *loader;

        options.first_epoch = i / batches;
        options.first_batch = i % batches;
        options.threads = 1 + (int)(i % 3);
        loader = must_load(CLMIX_TRAIN, 1, &options);
        must_give(loader, &batch);
        ck_assert(hash_batch(&batch) == hashes[i]);
        clmix_loader_close(loader);
    }
    ck_assert(hashes[0] != hashes[batches]);
}
END_TEST

/* In the application's arrays masks and labels tell how long a sample is. */
START_TEST(lengths_of_arrays)
{
    const clmix_port ports[] = { { "tokens", CLMIX_I32, 1, { 100 } },
                                 { "mask", CLMIX_I32, 1, { 100 } },
                                 { "token_labels", CLMIX_I32, 1, { 100 } } };
    const clmix_samples samples = { .ports = ports, .port_count = 3, .count = { 4, 0 } };
    static int32_t tokens[4 * 100], mask[4 * 100], labels[4 * 100];
    const clmix_loader_options options = { .lengths = CLMIX_LENGTHS_FEW };
    static const size_t wanted[] = { 16, 48, 16, 100 };
    clmix_dataset *own = NULL;
    clmix_loader *loader = NULL;

    for (size_t i = 0; i < 400; i++)
        labels[i] = CLMIX_NO_LABEL;
    mask[0] = mask[105] = mask[140] = 1; /* with a hole */
    labels[200 + 9] = 3;                 /* no token, and still to be guessed */
    mask[300 + 97] = 1;
    tokens[60] = 5; /* behind the text */
    ck_assert_int_eq(clmix_dataset_from_arrays(&own, &samples, (const void *[]){ tokens, mask, labels }, NULL), CLMIX_OK);
    ck_assert_int_eq(clmix_loader_open(&loader, own, CLMIX_TRAIN, 1, &options), CLMIX_OK);
    for (size_t i = 0; i < 4; i++) {
        clmix_batch batch;

        must_give(loader, &batch);
        ck_assert_uint_eq(length_in(&batch), wanted[i]);
        ck_assert(memcmp(clmix_batch_array(&batch, CLMIX_TOKEN_MASK), mask + 100 * i, wanted[i] * sizeof *mask) == 0);
    }
    clmix_loader_close(loader);
    clmix_dataset_close(own);
}
END_TEST

START_TEST(last_batches)
{
    clmix_loader_options options = { .lengths = CLMIX_LENGTHS_FEW, .group = true };
    clmix_loader *kept = must_load(CLMIX_TRAIN, 12, &options), *dropped;
    clmix_dataset *shapes = NULL;
    clmix_loader *refused = NULL;
    clmix_batch batch;

    options.drop_last = true;
    dropped = must_load(CLMIX_TRAIN, 12, &options);
    ck_assert_uint_eq(clmix_loader_batches(dropped) + 1, clmix_loader_batches(kept)); /* 311 = 25 * 12 + 11 */
    for (size_t i = 0; i < 2 * clmix_loader_batches(dropped); i++) {
        must_give(dropped, &batch);
        ck_assert_uint_eq(batch.count, 12);
    }
    clmix_loader_close(kept);
    clmix_loader_close(dropped);
    ck_assert_int_eq(clmix_dataset_open(&shapes, "shapes:size=8,train=5,test=2", NULL, 0), CLMIX_OK);
    options = (clmix_loader_options){ .lengths = CLMIX_LENGTHS_FEW, .tokens = 100 };
    expect_error(clmix_loader_open(&refused, shapes, CLMIX_TRAIN, 2, &options), CLMIX_ERROR_ARGUMENT, "has no sequences of tokens");
    options.tokens = 0; /* pictures have one size whatever is asked */
    ck_assert_int_eq(clmix_loader_open(&refused, shapes, CLMIX_TRAIN, 2, &options), CLMIX_OK);
    ck_assert_uint_eq(clmix_loader_batches(refused), 3);
    clmix_loader_close(refused);
    clmix_dataset_close(shapes);
}
END_TEST

/* None of the set's samples comes near the longest that there may be, so that all batches have one length, and no room for more. */
START_TEST(sets_of_short_samples)
{
    static const char rows[] = "abc\t0\nabcd\t1\nab\t0\nabcde\t1\n";
    const clmix_port wanted[] = { { "tokens", CLMIX_I32, 1, { 4096 } }, { "mask", CLMIX_I32, 1, { 4096 } } };
    const clmix_loader_options options = { .lengths = CLMIX_LENGTHS_FEW, .group = true };
    char path[400], spec[900];
    clmix_dataset *few = NULL;
    clmix_loader *loader = NULL;

    snprintf(path, sizeof path, "%s/short.tsv", folder);
    ck_assert_int_eq(clmix_file_write(path, rows, sizeof rows - 1), CLMIX_OK);
    snprintf(spec, sizeof spec, "tsv:%s,test=%s", path, path);
    ck_assert_msg(clmix_dataset_open(&few, spec, wanted, 2) == CLMIX_OK, "%s", clmix_error());
    ck_assert_int_eq(clmix_loader_open(&loader, few, CLMIX_TRAIN, 2, &options), CLMIX_OK);
    for (size_t i = 0; i < 8; i++) {
        clmix_batch batch;
        const int32_t *tokens;

        must_give(loader, &batch);
        ck_assert_uint_eq(length_in(&batch), 16);
        tokens = clmix_batch_array(&batch, CLMIX_TOKENS);
        ck_assert(tokens[0] == 'a' + 1 && tokens[1] == 'b' + 1 && tokens[5] == 0 && tokens[16] == 'a' + 1 && tokens[16 + 15] == 0);
    }
    clmix_loader_close(loader);
    clmix_dataset_close(few);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lengths");
    TCase *tests = tcase_create("lengths");

    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, open_rows, close_rows);
    tcase_add_test(tests, lengths);
    tcase_add_loop_test(tests, epochs, 0, 4);
    tcase_add_test(tests, batches_in_order);
    tcase_add_test(tests, runs_that_begin_anywhere);
    tcase_add_test(tests, lengths_of_arrays);
    tcase_add_test(tests, last_batches);
    tcase_add_test(tests, sets_of_short_samples);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
