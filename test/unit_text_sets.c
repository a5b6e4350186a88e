/* lib/data: texts as ids in memory, sentences packed into sequences, tokens masked. */
#include "data/masking.h"
#include "data/packing.h"
#include "data/token_set.h"

#include "base/file.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_temporary.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[300];

static void make_path(void)
{
    snprintf(path, sizeof path, "%.200s/clmix-sets-%ld", support_temporary(), (long)getpid());
}

static void remove_path(void)
{
    unlink(path);
}

static clmix_tokenizer *must_make(const char *text)
{
    clmix_tokenizer *tokenizer = NULL;

    ck_assert_msg(clmix_tokenizer_read(&tokenizer, text) == CLMIX_OK, "%s", clmix_error());
    return tokenizer;
}

static clmix_status read_set(struct clmix_token_set *set, const char *kind, const char *content, const clmix_tokenizer *tokenizer,
                             const struct clmix_token_set_options *options)
{
    clmix_text_reader *reader = NULL;
    clmix_status status;
    char spec[400];

    ck_assert_int_eq(clmix_file_write(path, content, strlen(content)), CLMIX_OK);
    snprintf(spec, sizeof spec, "%s:%s", kind, path);
    ck_assert_msg(clmix_text_reader_open(&reader, spec) == CLMIX_OK, "%s", clmix_error());
    status = clmix_token_set_read(set, reader, CLMIX_TRAIN, tokenizer, options);
    clmix_text_reader_close(reader);
    return status;
}

/* The ids of sample `index`. */
static void expect_ids(const struct clmix_token_set *set, size_t index, const int32_t *ids, size_t count, size_t second, int32_t label)
{
    const struct clmix_token_sample *sample = &set->samples[index];
    int32_t found[32];

    ck_assert_uint_eq(sample->count, count);
    ck_assert_uint_eq(sample->second, second);
    ck_assert_int_eq(sample->label, label);
    clmix_token_set_get(set, sample->first, count, found);
    ck_assert(memcmp(found, ids, count * sizeof *ids) == 0);
}

#define VOCABULARY "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n"

START_TEST(sets)
{
    clmix_tokenizer *tokenizer = must_make("wordpiece\n" VOCABULARY), *bytes = must_make("bytes"), *trees = must_make("listops");
    struct clmix_token_set_options options = { .encoding = { .longest = 6 } };
    const char *rows = "a b\tc\t0\na a a a\tx\t1\n";
    struct clmix_token_set set;

    ck_assert_int_eq(read_set(&set, "tsv", rows, tokenizer, &options), CLMIX_OK);
    ck_assert(set.count == 2 && set.cut == 1 && set.unknown == 1 && set.longest == 6 && set.id_bytes == 1 && set.least == 0);
    expect_ids(&set, 0, (int32_t[]){ 2, 5, 6, 3, 7, 3 }, 6, 4, 0);
    expect_ids(&set, 1, (int32_t[]){ 2, 5, 5, 3, 1, 3 }, 6, 4, 1);
    clmix_token_set_free(&set);
    options.apart = true;
    ck_assert_int_eq(read_set(&set, "tsv", rows, tokenizer, &options), CLMIX_OK);
    expect_ids(&set, 0, (int32_t[]){ 2, 5, 6, 3, 2, 7, 3 }, 7, 4, 0);
    ck_assert(set.longest == 6 && set.cut == 0);
    clmix_token_set_free(&set);
    ck_assert_int_eq(read_set(&set, "tsv", "\xC3\xA4\t1\n", bytes, &options), CLMIX_OK);
    expect_ids(&set, 0, (int32_t[]){ 0xC4, 0xA5 }, 2, 2, 0);
    clmix_token_set_free(&set);
    options.encoding.longest = 0;
    ck_assert_int_eq(read_set(&set, "tsv", "a\xF4\x8F\xBF\xBF\x01\t1\n", bytes, &options),
                     CLMIX_OK); /* the largest byte that UTF-8 has, and a small one */
    ck_assert(set.id_bytes == 1 && set.least == 1);
    expect_ids(&set, 0, (int32_t[]){ 'a' + 1, 0xF5, 0x90, 0xC0, 0xC0, 2 }, 6, 6, 0);
    clmix_token_set_free(&set);
    for (int letters = 248; letters <= 249; letters++) { /* with eight others 256 tokens, and 257 */
        char *text = malloc(8000);
        clmix_tokenizer *many;
        size_t used = (size_t)sprintf(text, "wordpiece\n%s", VOCABULARY);

        for (int i = 0; i < letters; i++)
            used += (size_t)sprintf(text + used, "z%d\n", i);
        many = must_make(text);
        ck_assert_int_eq(read_set(&set, "tsv", "z247 a\t1\n", many, &(struct clmix_token_set_options){ .encoding = { .bare = true } }),
                         CLMIX_OK);
        ck_assert_uint_eq(set.id_bytes, letters == 248 ? 1 : 2);
        expect_ids(&set, 0, (int32_t[]){ 255, 5 }, 2, 2, 0);
        clmix_token_set_free(&set);
        clmix_tokenizer_close(many);
        free(text);
    }
    expect_error(read_set(&set, "tsv", "[MIN 1 ]\t1\n[AVG 1 ]\t1\n", trees, &options), CLMIX_ERROR_FORMAT,
                 "': '[AVG' is no token of ListOps");
    clmix_token_set_free(&set);
    clmix_tokenizer_close(tokenizer);
    clmix_tokenizer_close(bytes);
    clmix_tokenizer_close(trees);
}
END_TEST

/* Beyond 65,536 tokens ids take four bytes. */
START_TEST(large_vocabularies)
{
    const size_t room = 1 << 20;
    char *text = malloc(room);
    size_t used = (size_t)snprintf(text, room, "wordpiece\n%s", VOCABULARY);
    const struct clmix_token_set_options options = { .encoding = { .bare = true } };
    struct clmix_token_set set;
    clmix_tokenizer *tokenizer;

    for (int i = 0; i < 70000; i++)
        used += (size_t)snprintf(text + used, room - used, "z%d\n", i);
    tokenizer = must_make(text);
    ck_assert_int_eq(read_set(&set, "text", "z69999 z0", tokenizer, &options), CLMIX_OK);
    ck_assert_uint_eq(set.id_bytes, 4);
    expect_ids(&set, 0, (int32_t[]){ 70007, 8 }, 2, 2, CLMIX_NO_LABEL);
    clmix_token_set_free(&set);
    clmix_tokenizer_close(tokenizer);
    free(text);
}
END_TEST

/* ---- packing ------------------------------------------------------------------------------------------------------------------------------ */

/* Packs sentences of these lengths, "/" between documents, and gives the sequences' lengths. */
static const char *pack(const char *lengths, size_t room)
{
    static char found[256];
    struct clmix_token_sample samples[32];
    struct clmix_token_set set = { .samples = samples };
    const struct clmix_packing_options options = { .room = room };
    struct clmix_packed packed;
    size_t used = 0, document = 0, next = 0;

    for (; *lengths != '\0'; lengths++) {
        const size_t count = (size_t)(*lengths - '0');

        if (*lengths == '/') {
            document++;
            continue;
        }
        samples[set.count++] = (struct clmix_token_sample){ .first = set.id_count, .count = count, .document = document };
        set.id_count += count;
    }
    ck_assert_int_eq(clmix_pack(&packed, &set, &options), CLMIX_OK);
    found[0] = '\0';
    for (size_t i = 0; i < packed.count; i++) {
        ck_assert_uint_eq(packed.sequences[i].first, next); /* nothing is lost */
        next += packed.sequences[i].count;
        used += (size_t)snprintf(found + used, sizeof found - used, "%zu ", packed.sequences[i].count);
    }
    ck_assert_uint_eq(next, set.id_count);
    clmix_packed_free(&packed);
    return found;
}

START_TEST(packed_sentences)
{
    ck_assert_str_eq(pack("233", 5), "5 3 ");
    ck_assert_str_eq(pack("2/33", 5), "2 3 3 ");
    ck_assert_str_eq(pack("27/1", 5), "2 5 2 1 ");
    ck_assert_str_eq(pack("272", 5), "2 5 4 "); /* the next sentence follows what is left of a long one */
    ck_assert_str_eq(pack("505", 5), "5 5 ");
    ck_assert_str_eq(pack("", 5), "");
    ck_assert_str_eq(pack("31", 1), "1 1 1 1 ");
}
END_TEST

START_TEST(short_sequences)
{
    struct clmix_token_sample sample = { .count = 2000000 };
    const struct clmix_token_set set = { .samples = &sample, .count = 1, .id_count = sample.count };
    struct clmix_packing_options options = { .room = 126, .short_share = 0.1, .seed = 5 };
    struct clmix_packed packed, again;
    size_t short_ones = 0, shortest = 126;

    ck_assert_int_eq(clmix_pack(&packed, &set, &options), CLMIX_OK);
    ck_assert_int_eq(clmix_pack(&again, &set, &options), CLMIX_OK);
    ck_assert(again.count == packed.count && memcmp(again.sequences, packed.sequences, packed.count * sizeof *packed.sequences) == 0);
    for (size_t i = 0; i + 1 < packed.count; i++) {
        short_ones += packed.sequences[i].count < 126;
        shortest = packed.sequences[i].count < shortest ? packed.sequences[i].count : shortest;
    }
    ck_assert(short_ones * 100 > packed.count * 8 && short_ones * 100 < packed.count * 12);
    ck_assert_uint_eq(shortest, 2);
    clmix_packed_free(&packed);
    clmix_packed_free(&again);
}
END_TEST

/* ---- masking ------------------------------------------------------------------------------------------------------------------------------ */

#define LENGTH 128

/* [CLS], words from 5 on, [SEP], padding. */
static void draw_sequence(int32_t *ids, size_t words, size_t size)
{
    memset(ids, 0, LENGTH * sizeof *ids);
    ids[0] = 2;
    for (size_t i = 0; i < words; i++)
        ids[1 + i] = (int32_t)(5 + i * 7919 % (size - 5));
    ids[1 + words] = 3;
}

static struct clmix_masking must_mask(double share, size_t places, size_t size)
{
    struct clmix_masking masking = {
        .share = share, .places = places, .mask = 4, .vocabulary = size, .special = { 0, 1, 2, 3, 4 }, .seed = 9
    };

    return masking;
}

START_TEST(masked_tokens)
{
    const struct clmix_masking masking = must_mask(0.15, 128, 1000);
    size_t masked = 0, kept = 0, drawn = 0, places[LENGTH] = { 0 };
    int32_t ids[LENGTH], before[LENGTH], labels[LENGTH];

    for (size_t index = 0; index < 4000; index++) {
        draw_sequence(ids, 98, 1000);
        memcpy(before, ids, sizeof before);
        ck_assert_uint_eq(clmix_masking_apply(&masking, 3, index, ids, 100, labels), 15);
        for (size_t i = 0; i < 100; i++) {
            if (labels[i] == CLMIX_NO_LABEL) {
                ck_assert_int_eq(ids[i], before[i]);
                continue;
            }
            ck_assert(labels[i] == before[i] && i > 0 && i < 99 && ids[i] >= 4 && ids[i] < 1000);
            places[i]++;
            masked += ids[i] == 4;
            kept += ids[i] == before[i];
            drawn += ids[i] != 4 && ids[i] != before[i];
        }
    }
    ck_assert_uint_eq(masked + kept + drawn, 4000 * 15);
    ck_assert(masked > 47500 && masked < 48500); /* 48,000 of 60,000 */
    ck_assert(kept > 5700 && kept < 6300 && drawn > 5700 && drawn < 6300);
    for (size_t i = 1; i < 99; i++)
        ck_assert(places[i] > 500 && places[i] < 730); /* 612 */
}
END_TEST

START_TEST(numbers_of_masked_tokens)
{
    static const struct {
        double share;
        size_t places, words, expected;
    } cases[] = { { 0.15, 128, 1, 1 },   { 0.15, 128, 0, 0 },   { 0.15, 128, 126, 19 }, { 0.156, 128, 126, 20 }, { 0.125, 128, 10, 2 },
                  { 0.125, 128, 18, 2 }, { 0.125, 128, 26, 4 }, { 0.15, 10, 8, 1 },     { 0.15, 16, 8, 2 } };
    int32_t ids[LENGTH], labels[LENGTH];

    for (size_t i = 0; i < sizeof cases / sizeof *cases;
         i++) { /* 0.125 of 12 is 2, of 20 it is 2, of 28 4: half to even. Ten places have room for one */
        const struct clmix_masking masking = must_mask(cases[i].share, cases[i].places, 1000);

        draw_sequence(ids, cases[i].words, 1000);
        ck_assert_uint_eq(clmix_masking_apply(&masking, 0, i, ids, cases[i].words + 2, labels), cases[i].expected);
    }
}
END_TEST

/* Every run, and every host, masks the same. */
START_TEST(masking_is_the_same_everywhere)
{
    const struct clmix_masking masking = must_mask(0.15, 128, 30522);
    int32_t ids[LENGTH], labels[LENGTH], other[LENGTH], other_labels[LENGTH];
    uint64_t hash = HASH_START;

    for (size_t epoch = 0; epoch < 2; epoch++)
        for (size_t index = 0; index < 50; index++) {
            draw_sequence(ids, 126, 30522);
            clmix_masking_apply(&masking, epoch, index, ids, LENGTH, labels);
            hash = hash_more(hash_more(hash, ids, sizeof ids), labels, sizeof labels);
        }
    ck_assert_uint_eq(hash, 2730482627583254186u);
    draw_sequence(other, 126, 30522);
    clmix_masking_apply(&masking, 0, 49, other, LENGTH, other_labels);
    ck_assert(memcmp(labels, other_labels, sizeof labels) != 0); /* another epoch, other tokens */
}
END_TEST

START_TEST(refused_masking)
{
    clmix_tokenizer *bytes = must_make("bytes"), *words = must_make("wordpiece\n" VOCABULARY);
    struct clmix_masking masking;

    expect_error(clmix_masking_make(&masking, bytes, 0.15, 128, 1), CLMIX_ERROR_ARGUMENT, "the tokenizer 'bytes' has no [MASK]");
    expect_error(clmix_masking_make(&masking, words, 0.0, 128, 1), CLMIX_ERROR_ARGUMENT, "a share of 0");
    expect_error(clmix_masking_make(&masking, words, 0.16, 128, 1), CLMIX_ERROR_ARGUMENT, "a share of 0.16");
    ck_assert_int_eq(clmix_masking_make(&masking, words, 0.15, 128, 1), CLMIX_OK);
    ck_assert(masking.mask == 4 && masking.vocabulary == 8 && masking.special[CLMIX_SEPARATOR] == 3);
    clmix_tokenizer_close(bytes);
    clmix_tokenizer_close(words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text sets");
    TCase *tests = tcase_create("text sets");

    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, make_path, remove_path);
    tcase_add_test(tests, sets);
    tcase_add_test(tests, large_vocabularies);
    tcase_add_test(tests, packed_sentences);
    tcase_add_test(tests, short_sequences);
    tcase_add_test(tests, masked_tokens);
    tcase_add_test(tests, numbers_of_masked_tokens);
    tcase_add_test(tests, masking_is_the_same_everywhere);
    tcase_add_test(tests, refused_masking);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
