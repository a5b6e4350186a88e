/* lib/text: vocabularies made from text, against one made the plain way: all pairs counted anew before each merge. Text files line by line. */
#include <clmix/text.h>

#include "base/file.h"
#include "base/random.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_temporary.h"
#include "text/basic.h"
#include "text/file.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the plain way ---------------------------------------------------------------------------------------------------------------------- */

#define WORDS  400
#define TOKENS 600

static struct {
    char word[WORDS][64];
    size_t times[WORDS], words;
    int pieces[WORDS][64];
    int count[WORDS];
    char token[TOKENS][64];
    int tokens;
} plain;

static int plain_token(const char *text)
{
    for (int i = 0; i < plain.tokens; i++)
        if (strcmp(plain.token[i], text) == 0)
            return i;
    ck_assert_int_lt(plain.tokens, TOKENS);
    snprintf(plain.token[plain.tokens], sizeof plain.token[0], "%s", text);
    return plain.tokens++;
}

static void plain_add(const char *word)
{
    for (size_t i = 0; i < plain.words; i++)
        if (strcmp(plain.word[i], word) == 0) {
            plain.times[i]++;
            return;
        }
    ck_assert_uint_lt(plain.words, WORDS);
    snprintf(plain.word[plain.words], sizeof plain.word[0], "%s", word);
    plain.times[plain.words++] = 1;
}

/* Words of a to z only. */
static void plain_spell(void)
{
    char text[4] = "##";
    bool used[26] = { false };

    for (size_t i = 0; i < plain.words; i++)
        for (const char *c = plain.word[i]; *c != '\0'; c++)
            used[*c - 'a'] = true;
    for (int inside = 0; inside < 2; inside++)
        for (int c = 0; c < 26; c++) {
            text[2] = (char)('a' + c);
            if (used[c])
                plain_token(inside ? text : text + 2);
        }
    for (size_t i = 0; i < plain.words; i++)
        for (const char *c = plain.word[i]; *c != '\0'; c++) {
            text[2] = *c;
            plain.pieces[i][plain.count[i]++] = plain_token(c == plain.word[i] ? text + 2 : text);
        }
}

static bool plain_merge(size_t least)
{
    static size_t times[TOKENS][TOKENS];
    int left = -1, right = -1, joined;
    char text[128];

    memset(times, 0, sizeof times);
    for (size_t i = 0; i < plain.words; i++)
        for (int p = 1; p < plain.count[i]; p++)
            times[plain.pieces[i][p - 1]][plain.pieces[i][p]] += plain.times[i];
    for (int a = 0; a < plain.tokens; a++)
        for (int b = 0; b < plain.tokens; b++)
            if (times[a][b] >= least && (left < 0 || times[a][b] > times[left][right])) {
                left = a;
                right = b;
            }
    if (left < 0)
        return false;
    snprintf(text, sizeof text, "%s%s", plain.token[left], plain.token[right] + 2);
    joined = plain_token(text);
    for (size_t i = 0; i < plain.words; i++) {
        int to = 0;

        for (int from = 0; from < plain.count[i]; to++) {
            const bool both = from + 1 < plain.count[i] && plain.pieces[i][from] == left && plain.pieces[i][from + 1] == right;

            plain.pieces[i][to] = both ? joined : plain.pieces[i][from];
            from += both ? 2 : 1;
        }
        plain.count[i] = to;
    }
    return true;
}

/* The words of `text`, which are of a to z with one blank between. */
static char *plain_vocabulary(const char *text, int size, size_t least)
{
    static const char *const specials[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };
    static char written[TOKENS * 64];
    size_t used = 0;

    memset(&plain, 0, sizeof plain);
    for (int i = 0; i < 5; i++)
        plain_token(specials[i]);
    for (; *text != '\0'; text += strcspn(text, " "), text += *text == ' ') {
        char word[64];

        snprintf(word, sizeof word, "%.*s", (int)strcspn(text, " "), text);
        plain_add(word);
    }
    plain_spell();
    while (plain.tokens < size && plain_merge(least))
        ;
    for (int i = 0; i < plain.tokens; i++)
        used += (size_t)snprintf(written + used, sizeof written - used, "%s\n", plain.token[i]);
    return written;
}

/* ---- vocabularies ------------------------------------------------------------------------------------------------------------------------- */

static char *vocabulary_of(const char *const *texts, size_t count, const clmix_vocabulary_options *options)
{
    clmix_words *words = NULL;
    char *vocabulary = NULL;

    ck_assert_int_eq(clmix_words_new(&words, false), CLMIX_OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(clmix_words_add(words, texts[i], strlen(texts[i])), CLMIX_OK);
    ck_assert_msg(clmix_words_vocabulary(words, options, &vocabulary) == CLMIX_OK, "%s", clmix_error());
    clmix_words_free(words);
    return vocabulary;
}

/* Few letters and short words: many ties, and the same token by several merges. */
static void draw_text(uint64_t seed, char *text, size_t words)
{
    clmix_random random = clmix_random_stream(seed, 0);
    const uint32_t letters = 2 + clmix_random_below(&random, 4);

    for (size_t i = 0; i < words; i++) {
        for (uint32_t left = 1 + clmix_random_below(&random, 7); left > 0; left--)
            *text++ = (char)('a' + clmix_random_below(&random, letters));
        *text++ = ' ';
    }
    text[-1] = '\0';
}

START_TEST(merges_are_those_of_counting_anew)
{
    const clmix_vocabulary_options options = { .size = _i % 2 == 0 ? 70 : 500, .least = 1 + (size_t)_i % 4 };
    char text[4096], *found;
    const char *texts[] = { text };

    draw_text((uint64_t)_i, text, 40 + 20 * (size_t)_i);
    found = vocabulary_of(texts, 1, &options);
    ck_assert_str_eq(found, plain_vocabulary(text, (int)options.size, options.least));
    clmix_free(found);
}
END_TEST

START_TEST(words_in_any_order)
{
    const char *const texts[] = { "low lower lowest, newer", "wider Wider NEW low", "low" };
    const char *const turned[] = { texts[2], texts[1], texts[0] };
    char *first = vocabulary_of(texts, 3, NULL), *second = vocabulary_of(turned, 3, NULL);

    ck_assert_str_eq(first, second);
    ck_assert_ptr_nonnull(strstr(first, "\nlow\n"));
    ck_assert_ptr_nonnull(strstr(first, "\nwider\n"));
    ck_assert_ptr_null(strstr(first, "\n##,\n")); /* punctuation stands alone */
    ck_assert_ptr_nonnull(strstr(first, "\n,\n"));
    clmix_free(first);
    clmix_free(second);
}
END_TEST

START_TEST(rare_letters_are_left_out)
{
    const char *const texts[] = { "aaa aab ba ab abab aazb aazb b\xC3\x9F q" };
    const clmix_vocabulary_options options = { .letters = 2 };
    char *vocabulary = vocabulary_of(texts, 1, &options), *whole;
    clmix_tokenizer *tokenizer = NULL;
    size_t bytes = strlen("wordpiece\n") + strlen(vocabulary) + 1;

    whole = malloc(bytes);
    snprintf(whole, bytes, "wordpiece\n%s", vocabulary);
    ck_assert_int_eq(clmix_tokenizer_read(&tokenizer, whole), CLMIX_OK);
    ck_assert(clmix_tokenizer_find(tokenizer, "b") > 0 && clmix_tokenizer_find(tokenizer, "##a") > 0);
    ck_assert(clmix_tokenizer_find(tokenizer, "z") < 0 && clmix_tokenizer_find(tokenizer, "\xC3\x9F") < 0);
    ck_assert_int_lt(clmix_tokenizer_find(tokenizer, "aa##z"), 0);
    clmix_tokenizer_close(tokenizer);
    clmix_free(vocabulary);
    free(whole);
}
END_TEST

START_TEST(refused_vocabularies)
{
    clmix_vocabulary_options options = { .size = 8 };
    clmix_words *words = NULL;
    char *text = NULL;

    ck_assert_int_eq(clmix_words_new(&words, false), CLMIX_OK);
    expect_error(clmix_words_vocabulary(words, NULL, &text), CLMIX_ERROR_ARGUMENT, "of 0 words");
    expect_error(clmix_words_add(words, "ok \xFF", 4), CLMIX_ERROR_FORMAT, "byte 3 of 4");
    ck_assert_uint_eq(clmix_words_count(words), 0); /* nothing of it */
    ck_assert_int_eq(clmix_words_add(words, "abc", 3), CLMIX_OK);
    expect_error(clmix_words_vocabulary(words, &options, &text), CLMIX_ERROR_ARGUMENT,
                 "a vocabulary of 8 tokens is asked for, and the special tokens and 3 letters are 11 already");
    options.size = (size_t)1 << 30;
    expect_error(clmix_words_vocabulary(words, &options, &text), CLMIX_ERROR_ARGUMENT, "the largest has 16777216");
    ck_assert_ptr_null(text);
    clmix_words_free(words);
}
END_TEST

/* ---- files -------------------------------------------------------------------------------------------------------------------------------- */

static char path[300];

static void make_path(void)
{
    snprintf(path, sizeof path, "%.200s/clmix-words-%ld.txt", support_temporary(), (long)getpid());
}

static void remove_path(void)
{
    unlink(path);
}

/* The records of a file with this content, each behind the number of its line and ended by '|'. */
static const char *records_of(const char *content, size_t bytes, bool quoted, clmix_skips *skips, clmix_status *status)
{
    static char found[1024];
    struct clmix_text_file file;
    char *record = NULL;
    size_t length = 0, used = 0;

    memset(skips, 0, sizeof *skips);
    found[0] = '\0';
    ck_assert_int_eq(clmix_file_write(path, content, bytes), CLMIX_OK);
    *status = clmix_text_file_open(&file, path, quoted, skips);
    if (*status != CLMIX_OK)
        return found;
    while ((*status = clmix_text_file_next(&file, &record, &length)) == CLMIX_OK && record != NULL) {
        ck_assert_uint_eq(strlen(record), length);
        used += (size_t)snprintf(found + used, sizeof found - used, "%zu:%.200s|", file.line, record);
    }
    clmix_text_file_close(&file);
    return found;
}

static const struct {
    const char *content;
    bool quoted;
    const char *records;
    size_t skipped;
} contents[] = {
    { "", false, "", 0 },
    { "\n", false, "1:|", 0 },
    { "a", false, "1:a|", 0 },
    { "a\n", false, "1:a|", 0 },
    { "a\r\n\r\nb\rc", false, "1:a|2:|3:b\rc|", 0 },
    { "\xEF\xBB\xBF"
      "a\n\xEF\xBB\xBF",
      false, "1:a|2:\xEF\xBB\xBF|", 0 }, /* a mark of byte order is one at the beginning only */
    { "a\nb\xE4\nc\n\xC3", false, "1:a|3:c|", 2 },
    { "a,\"b\nc\",d\ne", true, "1:a,\"b\nc\",d|3:e|", 0 },
    { "\"a \"\"b\n\"\"\"\nc\"d\n", true, "1:\"a \"\"b\n\"\"\"|3:c\"d|", 0 }, /* within an unquoted field a mark is text */
    { "a,\"\"\n\"\",b", true, "1:a,\"\"|2:\"\",b|", 0 },
};

START_TEST(records_of_files)
{
    clmix_status status;
    clmix_skips skips;

    ck_assert_str_eq(records_of(contents[_i].content, strlen(contents[_i].content), contents[_i].quoted, &skips, &status),
                     contents[_i].records);
    ck_assert_int_eq(status, CLMIX_OK);
    ck_assert_uint_eq(clmix_skips_count(&skips), contents[_i].skipped);
}
END_TEST

START_TEST(files_that_lie)
{
    clmix_status status;
    clmix_skips skips;

    records_of("\xFF\xFE"
               "a\0\n\0",
               6, false, &skips, &status);
    expect_error(status, CLMIX_ERROR_FORMAT, "is UTF-16, not UTF-8; iconv -f UTF-16 -t UTF-8");
    records_of("\xFF\xFE\0\0a\0\0\0", 8, false, &skips, &status);
    expect_error(status, CLMIX_ERROR_FORMAT, "is UTF-32, not UTF-8; iconv -f UTF-32 -t UTF-8");
    records_of("a\0b\0\n\0", 6, false, &skips, &status);
    expect_error(status, CLMIX_ERROR_FORMAT, "is UTF-16 without a mark, not UTF-8; iconv -f UTF-16LE -t UTF-8");
    records_of("\0a\0b", 4, false, &skips, &status);
    expect_error(status, CLMIX_ERROR_FORMAT, "is UTF-16 without a mark, not UTF-8; iconv -f UTF-16BE -t UTF-8");
    records_of("a\nb,\"c\nd\ne", 9, true, &skips, &status);
    expect_error(status, CLMIX_ERROR_FORMAT, "line 2: a quotation mark that opens in this row is not closed");
    ck_assert_str_eq(records_of("a\xE4\nb", 4, false, &skips, &status), "2:b|");
    ck_assert(skips.encoding == 1 && skips.read == 2);
    ck_assert_ptr_nonnull(strstr(skips.first, "line 1 is no UTF-8: its byte 1, 0xE4, begins no character"));
}
END_TEST

START_TEST(long_lines_are_passed_over)
{
    const size_t longest = CLMIX_RECORD_BYTES, bytes = 3 * longest;
    char *content = malloc(bytes);
    clmix_status status;
    clmix_skips skips;
    const char *found;

    memset(content, 'x', bytes);
    content[longest] = '\n';                         /* as long as may be */
    content[longest + longest + 2] = '\n';           /* one more */
    memcpy(content + 2 * longest + 3, "short\n", 6); /* and the last one reaches to the end */
    found = records_of(content, bytes, false, &skips, &status);
    ck_assert_int_eq(status, CLMIX_OK);
    ck_assert_ptr_nonnull(strstr(found, "|3:short|4:xxx"));
    ck_assert(skips.length == 1 && skips.read == 4);
    ck_assert_ptr_nonnull(strstr(skips.first, "line 2 is longer than 16 MiB"));
    found = records_of(content + longest + 1, longest + 1, false, &skips, &status);
    ck_assert(status == CLMIX_OK && found[0] == '\0' && skips.length == 1);
    free(content);
}
END_TEST

START_TEST(words_of_files)
{
    clmix_skips skips = { 0 };
    clmix_words *words = NULL;

    ck_assert_int_eq(clmix_words_new(&words, true), CLMIX_OK);
    ck_assert_int_eq(clmix_file_write(path, "One two\n\xFF\ntwo, three", 20), CLMIX_OK);
    ck_assert_int_eq(clmix_words_add_file(words, path, &skips), CLMIX_OK);
    ck_assert_uint_eq(clmix_words_count(words), 4);
    ck_assert(skips.read == 3 && skips.encoding == 1);
    ck_assert_int_eq(clmix_file_write(path, "\xE4\n\xF6\n", 4), CLMIX_OK); /* Latin-1 */
    expect_error(clmix_words_add_file(words, path, &skips), CLMIX_ERROR_FORMAT, "can be taken: '");
    ck_assert(skips.read == 5 && skips.encoding == 3);
    ck_assert_int_eq(clmix_file_write(path, "", 0), CLMIX_OK);
    ck_assert_int_eq(clmix_words_add_file(words, path, NULL), CLMIX_OK);
    ck_assert_int_eq(unlink(path), 0);
    expect_error(clmix_words_add_file(words, path, &skips), CLMIX_ERROR_FILE, path);
    expect_error(clmix_words_add_file(words, "/", &skips), CLMIX_ERROR_FILE, "a folder");
    clmix_words_free(words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text words");
    TCase *tests = tcase_create("text words");

    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, make_path, remove_path);
    tcase_add_loop_test(tests, merges_are_those_of_counting_anew, 0, 16);
    tcase_add_test(tests, words_in_any_order);
    tcase_add_test(tests, rare_letters_are_left_out);
    tcase_add_test(tests, refused_vocabularies);
    tcase_add_loop_test(tests, records_of_files, 0, sizeof contents / sizeof *contents);
    tcase_add_test(tests, files_that_lie);
    tcase_add_test(tests, long_lines_are_passed_over);
    tcase_add_test(tests, words_of_files);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
