/* lib/text: tokenizers. What test/data/text expects is Hugging Face's (test/text/compare.py wrote it). */
#include <clmix/text.h>

#include "base/file.h"
#include "base/utf8.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_temporary.h"
#include "text/file.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPECIALS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

static clmix_tokenizer *must_read(const char *text)
{
    clmix_tokenizer *tokenizer = NULL;

    ck_assert_msg(clmix_tokenizer_read(&tokenizer, text) == CLMIX_OK, "%s", clmix_error());
    return tokenizer;
}

/* The tokens of a text, bare, as the vocabulary writes them, with blanks between. */
static const char *tokens_of(const clmix_tokenizer *tokenizer, const char *text, size_t bytes)
{
    static char written[4096];
    const clmix_encoding encoding = { .bare = true };
    clmix_tokens tokens = { 0 };
    size_t used = 0;

    ck_assert_msg(clmix_tokenizer_encode(tokenizer, text, bytes, NULL, 0, &encoding, &tokens) == CLMIX_OK, "%s", clmix_error());
    written[0] = '\0';
    for (size_t i = 0; i < tokens.count; i++)
        used += (size_t)snprintf(written + used, sizeof written - used, "%s%s", i > 0 ? " " : "",
                                 clmix_tokenizer_token(tokenizer, tokens.ids[i]));
    clmix_tokens_clear(&tokens);
    return written;
}

/* ---- WordPiece ------------------------------------------------------------------------------------------------------------------------ */

static void compare_with(const char *vocabulary, const char *ids_name, size_t longest, bool pairs)
{
    const clmix_encoding encoding = { .longest = longest, .read_specials = true };
    const char *names[3] = { "lines.txt", "seconds.txt", ids_name };
    struct clmix_text_file files[3];
    clmix_tokenizer *tokenizer = NULL;
    clmix_tokens tokens = { 0 };
    clmix_skips skips = { 0 };
    size_t lines = 0, bytes[3];
    char spec[512], *texts[3];

    snprintf(spec, sizeof spec, "wordpiece:%s/text/%s", CLMIX_TEST_DATA, vocabulary);
    ck_assert_msg(clmix_tokenizer_open(&tokenizer, spec) == CLMIX_OK, "%s", clmix_error());
    for (int i = 0; i < 3; i++) {
        char path[512];

        snprintf(path, sizeof path, "%s/text/%s", CLMIX_TEST_DATA, names[i]);
        ck_assert_msg(clmix_text_file_open(&files[i], path, false, &skips) == CLMIX_OK, "%s", clmix_error());
    }
    for (;; lines++) {
        char found[4096] = "";
        size_t used = 0;

        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(clmix_text_file_next(&files[i], &texts[i], &bytes[i]), CLMIX_OK);
        if (texts[0] == NULL)
            break;
        ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, texts[0], bytes[0], pairs ? texts[1] : NULL, bytes[1], &encoding, &tokens),
                         CLMIX_OK);
        for (size_t i = 0; i < tokens.count; i++)
            used += (size_t)snprintf(found + used, sizeof found - used, "%s%d%s", i > 0 ? " " : "", (int)tokens.ids[i],
                                     tokens.segments[i] != 0 ? "'" : "");
        ck_assert_str_eq(found, texts[2]);
    }
    ck_assert(lines == 46 && texts[2] == NULL && clmix_skips_count(&skips) == 0);
    for (int i = 0; i < 3; i++)
        clmix_text_file_close(&files[i]);
    clmix_tokens_clear(&tokens);
    clmix_tokenizer_close(tokenizer);
}

START_TEST(lines_of_many_scripts_are_hugging_face_s)
{
    compare_with("lower.txt", "lower-0.ids", 0, false);
    compare_with("lower.txt", "lower-7.ids", 7, false);
    compare_with("lower.txt", "lower-0-pairs.ids", 0, true);
    compare_with("lower.txt", "lower-24-pairs.ids", 24, true);
    compare_with("lower.txt", "lower-25-pairs.ids", 25, true);
    compare_with("cased.txt,cased", "cased-0.ids", 0, false);
    compare_with("cased.txt,cased", "cased-7.ids", 7, false);
    compare_with("cased.txt,cased", "cased-0-pairs.ids", 0, true);
    compare_with("cased.txt,cased", "cased-24-pairs.ids", 24, true);
    compare_with("cased.txt,cased", "cased-25-pairs.ids", 25, true);
}
END_TEST

static const struct {
    const char *text, *tokens;
} words[] = {
    { "unaffable Unaffable ÜNÁFFABLE", "un ##aff ##able un ##aff ##able un ##aff ##able" }, /* the paper's example; case and accents go */
    { "unaff", "un ##aff" },
    { "unx affable", "[UNK] [UNK]" }, /* all of a word, not only what cannot be written; no beginning with ## */
    { "a=a", "a = a" },               /* what is no letter, digit or blank of ASCII stands alone */
    { "un, un.", "un [UNK] un ." },
    { "a\xE4\xB8\x80\xE4\xB8\x81z", "a \xE4\xB8\x80 [UNK] [UNK]" },   /* Chinese characters stand alone */
    { "a\xC2\xADun\xE2\x80\x8B \xEF\xBF\xBDun", "[UNK] un" },         /* a soft hyphen, a blank of no width: as if they were not there */
    { "un\xE3\x80\x80un\xC2\xA0un\xE2\x80\xA8un", "un un un un" },    /* blanks of all kinds */
    { "un\vun\x7Fun", "[UNK]" },                                      /* control characters are no blanks */
    { "\xEF\xAC\x81", "[UNK]" },                                      /* a ligature is no f and i: canonical, not compatible */
    { "\xCD\xBE", ";" },                                              /* the Greek question mark is a semicolon */
    { "\xE2\x89\xA0", "=" },                                          /* not equal without its stroke */
    { "\xED\x95\x9C", "\xE1\x84\x92 ##\xE1\x85\xA1 ##\xE1\x86\xAB" }, /* a syllable of hangul in its letters */
    { "[MASK] [mask]", "[UNK] [UNK] [UNK] [UNK] [UNK] [UNK]" },
};

START_TEST(words_become_pieces)
{
    clmix_tokenizer *tokenizer = must_read("wordpiece\n" SPECIALS "un\n##aff\n##able\na\n.\n\xE4\xB8\x80\n;\n=\n\xE1\x84\x92\n"
                                           "##\xE1\x85\xA1\n##\xE1\x86\xAB\n");

    ck_assert_str_eq(tokens_of(tokenizer, words[_i].text, strlen(words[_i].text)), words[_i].tokens);
    clmix_tokenizer_close(tokenizer);
}
END_TEST

START_TEST(long_words_are_unknown)
{
    clmix_tokenizer *tokenizer = must_read("wordpiece\n" SPECIALS "\xC3\xA4\n##\xC3\xA4\na\n##a\n"), *cased;
    char text[800] = "", expected[8192] = "a";

    for (int i = 0; i < 100; i++)
        memcpy(text + 2 * i, "\xC3\xA4", 2);
    for (int i = 1; i < 100; i++)
        memcpy(expected + 1 + 4 * (i - 1), " ##a", 4);
    ck_assert_str_eq(tokens_of(tokenizer, text, 200), expected);
    memcpy(text + 200, "\xC3\xA4 a", 4);
    ck_assert_str_eq(tokens_of(tokenizer, text, 204), "[UNK] a");
    for (int i = 0; i < 102; i++)
        memcpy(text + 200 + 2 * i, "\xCC\x81", 2); /* accents count for nothing where they are dropped */
    ck_assert_str_eq(tokens_of(tokenizer, text, 404), expected);
    cased = must_read("wordpiece,cased\n" SPECIALS "a\n##a\nA\n");
    ck_assert_str_eq(tokens_of(cased, "A Aa \xC3\xA4", 7), "A A ##a [UNK]");
    clmix_tokenizer_close(cased);
    clmix_tokenizer_close(tokenizer);
}
END_TEST

START_TEST(marks_have_their_order)
{
    clmix_tokenizer *tokenizer = must_read("wordpiece\n" SPECIALS "a\xF0\x9D\x85\xA5\xE3\x80\xAE\n");

    /* U+1D165 has class 216, U+302E 224; both are spacing marks, which stay */
    ck_assert_str_eq(tokens_of(tokenizer, "a\xE3\x80\xAE\xF0\x9D\x85\xA5", 8), "a\xF0\x9D\x85\xA5\xE3\x80\xAE");
    ck_assert_str_eq(tokens_of(tokenizer, "a\xE3\x80\xAE\xCC\x81\xF0\x9D\x85\xA5", 10), "a\xF0\x9D\x85\xA5\xE3\x80\xAE");
    ck_assert_str_eq(tokens_of(tokenizer, "a\xE3\x80\xAE\xE0\xB8\xB1\xF0\x9D\x85\xA5", 11), "[UNK]"); /* U+0E31 of class 0 parts them */
    clmix_tokenizer_close(tokenizer);
}
END_TEST

START_TEST(sequences)
{
    clmix_tokenizer *tokenizer = must_read("wordpiece\n" SPECIALS "a\nb\n");
    clmix_encoding encoding = { .longest = 5 };
    clmix_tokens tokens = { 0 };
    size_t bytes = 0;
    char *text = NULL;

    ck_assert_int_eq(clmix_tokenizer_special(tokenizer, CLMIX_MASK), 4);
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, "b"), 6);
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, "c"), CLMIX_NO_TOKEN);
    ck_assert(clmix_tokenizer_token(tokenizer, 7) == NULL && clmix_tokenizer_token(tokenizer, -1) == NULL);
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, "a b", 3, NULL, 0, &encoding, &tokens), CLMIX_OK);
    ck_assert(tokens.count == 4 && memcmp(tokens.ids, (int32_t[]){ 2, 5, 6, 3 }, 16) == 0 && !tokens.cut);
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, "a b a b", 7, NULL, 0, &encoding, &tokens), CLMIX_OK);
    ck_assert(tokens.count == 5 && memcmp(tokens.ids, (int32_t[]){ 2, 5, 6, 5, 3 }, 20) == 0 && tokens.cut);
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, "a a a", 5, "b", 1, &encoding, &tokens), CLMIX_OK);
    ck_assert(tokens.count == 5 && memcmp(tokens.ids, (int32_t[]){ 2, 5, 3, 6, 3 }, 20) == 0 && tokens.cut);
    ck_assert(memcmp(tokens.segments, (int32_t[]){ 0, 0, 0, 1, 1 }, 20) == 0);
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, NULL, 0, "", 0, NULL, &tokens), CLMIX_OK);
    ck_assert(tokens.count == 3 && memcmp(tokens.segments, (int32_t[]){ 0, 0, 1 }, 12) == 0);
    encoding = (clmix_encoding){ .read_specials = true, .bare = true };
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, "a[MASK]b[MASK", 13, NULL, 0, &encoding, &tokens), CLMIX_OK);
    ck_assert(tokens.count == 5 && memcmp(tokens.ids, (int32_t[]){ 5, 4, 6, 1, 1 }, 20) == 0);
    ck_assert_int_eq(clmix_tokenizer_decode(tokenizer, tokens.ids, 5, true, &text, &bytes), CLMIX_OK);
    ck_assert_str_eq(text, "a [MASK] b [UNK] [UNK]");
    ck_assert_uint_eq(bytes, strlen(text));
    clmix_free(text);
    ck_assert_int_eq(clmix_tokenizer_decode(tokenizer, tokens.ids, 5, false, &text, NULL), CLMIX_OK);
    ck_assert_str_eq(text, "a b");
    clmix_free(text);
    expect_error(clmix_tokenizer_decode(tokenizer, (int32_t[]){ 5, 7 }, 2, false, &text, NULL), CLMIX_ERROR_ARGUMENT,
                 "id 1 is 7, and the vocabulary has 0 to 6");
    ck_assert_ptr_null(text);
    expect_error(clmix_tokenizer_encode(tokenizer, "a\xC3", 2, NULL, 0, NULL, &tokens), CLMIX_ERROR_FORMAT,
                 "byte 1 of 2, 0xC3, begins no character");
    expect_error(clmix_tokenizer_encode(tokenizer, "a", 1, "\xED\xA0\x80", 3, NULL, &tokens), CLMIX_ERROR_FORMAT, "byte 0 of 3, 0xED");
    encoding = (clmix_encoding){ .longest = 2 };
    expect_error(clmix_tokenizer_encode(tokenizer, "a", 1, "b", 1, &encoding, &tokens), CLMIX_ERROR_ARGUMENT,
                 "2 tokens at most are asked for, and [CLS] and [SEP] alone are 3");
    clmix_tokens_clear(&tokens);
    clmix_tokenizer_close(tokenizer);
}
END_TEST

/* ---- other kinds ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(bytes_are_tokens)
{
    clmix_tokenizer *tokenizer = must_read("bytes");
    const clmix_encoding encoding = { .longest = 4 };
    clmix_tokens tokens = { 0 };
    char *text = NULL;

    ck_assert_uint_eq(clmix_tokenizer_size(tokenizer), 257);
    ck_assert_int_eq(clmix_tokenizer_special(tokenizer, CLMIX_PAD), 0);
    ck_assert_int_eq(clmix_tokenizer_special(tokenizer, CLMIX_CLASSIFY), CLMIX_NO_TOKEN);
    ck_assert_str_eq(clmix_tokenizer_token(tokenizer, 1 + 'a'), "a");
    ck_assert_str_eq(clmix_tokenizer_token(tokenizer, 256), "<0xFF>");
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, "a\0\xC3\xA4\xE2\x82\xAC", 7, NULL, 0, &encoding, &tokens), CLMIX_OK);
    ck_assert(tokens.count == 4 && memcmp(tokens.ids, (int32_t[]){ 98, 1, 196, 165 }, 16) == 0 && tokens.cut);
    ck_assert_int_eq(clmix_tokenizer_encode(tokenizer, "k\xC3\xA4se", 5, NULL, 0, NULL, &tokens), CLMIX_OK);
    ck_assert_int_eq(clmix_tokenizer_decode(tokenizer, tokens.ids, 5, false, &text, NULL), CLMIX_OK);
    ck_assert_str_eq(text, "k\xC3\xA4se");
    clmix_free(text);
    ck_assert_int_eq(clmix_tokenizer_decode(tokenizer, tokens.ids, 2, false, &text, NULL), CLMIX_OK); /* a character cut short */
    ck_assert_str_eq(text, "k\xEF\xBF\xBD");
    clmix_free(text);
    clmix_tokens_clear(&tokens);
    clmix_tokenizer_close(tokenizer);
}
END_TEST

START_TEST(trees_are_tokens)
{
    clmix_tokenizer *tokenizer = must_read("listops\n");
    const char *tree = "( ( ( ( [SM 4 ) 7 ) ( ( ( [MIN 0 ) 9 ) ] ) ) ] )";

    ck_assert_uint_eq(clmix_tokenizer_size(tokenizer), 16);
    ck_assert_str_eq(tokens_of(tokenizer, tree, strlen(tree)), "[SM 4 7 [MIN 0 9 ] ]");
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, "0"), 1);
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, "[MIN"), 11);
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, "]"), 15);
    for (int i = 0; i < 3; i++) {
        const char *const wrong[] = { "[MAXX 1", "10", "[PAD]" };
        clmix_tokens tokens = { 0 };

        expect_error(clmix_tokenizer_encode(tokenizer, wrong[i], strlen(wrong[i]), NULL, 0, NULL, &tokens), CLMIX_ERROR_FORMAT,
                     "is no token of ListOps");
        clmix_tokens_clear(&tokens);
    }
    clmix_tokenizer_close(tokenizer);
}
END_TEST

/* ---- opening ------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(written_and_read_again)
{
    const char *const written[] = { "wordpiece\n" SPECIALS "a\n##b\n", "wordpiece,cased\n" SPECIALS "A\n", "bytes\n", "listops\n" };

    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        clmix_tokenizer *tokenizer = must_read(written[i]);
        char *text = NULL;

        ck_assert_int_eq(clmix_tokenizer_write(tokenizer, &text), CLMIX_OK);
        ck_assert_str_eq(text, written[i]);
        ck_assert(strncmp(text, clmix_tokenizer_kind_name(tokenizer), strlen(clmix_tokenizer_kind_name(tokenizer))) == 0);
        clmix_free(text);
        clmix_tokenizer_close(tokenizer);
    }
}
END_TEST

static void expect_vocabulary(const char *content, size_t bytes, const char *part)
{
    clmix_tokenizer *tokenizer = NULL;
    char path[300], spec[400];

    snprintf(path, sizeof path, "%.200s/clmix-vocab-%ld,cased.txt", support_temporary(), (long)getpid());
    ck_assert_int_eq(clmix_file_write(path, content, bytes), CLMIX_OK);
    snprintf(spec, sizeof spec, "wordpiece:%s,cased", path);
    if (part != NULL) {
        expect_error(clmix_tokenizer_open(&tokenizer, spec), CLMIX_ERROR_FORMAT, part);
        ck_assert_ptr_null(tokenizer);
    } else {
        ck_assert_msg(clmix_tokenizer_open(&tokenizer, spec) == CLMIX_OK, "%s", clmix_error());
        ck_assert_uint_eq(clmix_tokenizer_size(tokenizer), 8);
        ck_assert_str_eq(tokens_of(tokenizer, "Aa", 2), "A ##a");
        ck_assert_str_eq(clmix_tokenizer_token(tokenizer, 6), "");
    }
    clmix_tokenizer_close(tokenizer);
    ck_assert_int_eq(unlink(path), 0);
}

START_TEST(files_of_vocabularies)
{
    static const char other[] = "\xEF\xBB\xBF[PAD]\r\n[UNK]\r\n[CLS] \r\n[SEP]\r\n[MASK]\r\nA\r\n\r\n##a";

    expect_vocabulary(other, sizeof other - 1,
                      NULL); /* ends of lines, blanks and a byte order mark of other systems; an empty line is an id */
    expect_vocabulary("", 0, "among its 0 lines there is no [PAD], [UNK], [CLS], [SEP], [MASK]");
    expect_vocabulary("[PAD]\n[UNK]\n[CLS]\n", 18, "there is no [SEP], [MASK]");
    expect_vocabulary(SPECIALS "a\nb\na\n", strlen(SPECIALS) + 6, "line 8: the token 'a' is there twice, as number 5 and as number 7");
    expect_vocabulary(SPECIALS "a\xFF\n", strlen(SPECIALS) + 3, "is no text in UTF-8");
    expect_vocabulary(SPECIALS "a\0b\n", strlen(SPECIALS) + 4, "is no text in UTF-8");
}
END_TEST

START_TEST(specs)
{
    clmix_tokenizer *tokenizer = NULL;

    expect_error(clmix_tokenizer_open(&tokenizer, "wordpeice:x"), CLMIX_ERROR_ARGUMENT,
                 "'wordpeice:x' is of no known kind; use wordpiece:FILE, bytes or listops; did you mean 'wordpiece'?");
    expect_error(clmix_tokenizer_open(&tokenizer, "wordpiece"), CLMIX_ERROR_ARGUMENT, "write wordpiece:FILE");
    expect_error(clmix_tokenizer_open(&tokenizer, "wordpiece:"), CLMIX_ERROR_ARGUMENT, "write wordpiece:FILE");
    expect_error(clmix_tokenizer_open(&tokenizer, "wordpiece,cased"), CLMIX_ERROR_ARGUMENT, "write wordpiece:FILE");
    expect_error(clmix_tokenizer_open(&tokenizer, "wordpiece:/nonexistent"), CLMIX_ERROR_FILE, "/nonexistent");
    expect_error(clmix_tokenizer_open(&tokenizer, "bytes:x"), CLMIX_ERROR_ARGUMENT, "nothing stands behind 'bytes'");
    expect_error(clmix_tokenizer_open(&tokenizer, ""), CLMIX_ERROR_ARGUMENT, "no known kind");
    expect_error(clmix_tokenizer_read(&tokenizer, "bytes,cased\n"), CLMIX_ERROR_ARGUMENT, "'bytes,cased'");
    expect_error(clmix_tokenizer_read(&tokenizer, "wordpiece\n[PAD]\n"), CLMIX_ERROR_FORMAT, "there is no [UNK]");
    ck_assert_ptr_null(tokenizer);
}
END_TEST

/* ---- UTF-8 -------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(characters_come_back)
{
    uint32_t point = 0;

    for (uint32_t wanted = 0; wanted < 0x110000; wanted++) {
        char text[CLMIX_UTF8_BYTES];
        const size_t length = clmix_utf8_encode(wanted, text);

        if (wanted >= 0xD800 && wanted < 0xE000) {
            ck_assert_uint_eq(clmix_utf8_decode(text, length, &point), 0);
            continue;
        }
        ck_assert(clmix_utf8_decode(text, length, &point) == length && point == wanted);
        ck_assert_uint_eq(clmix_utf8_decode(text, length - 1, &point), 0);
    }
    ck_assert_uint_eq(clmix_utf8_decode("\xF4\x90\x80\x80", 4, &point), 0);
    ck_assert_uint_eq(clmix_utf8_decode("\xC0\x80", 2, &point), 0);
    ck_assert_uint_eq(clmix_utf8_ill_formed("a\0\x01\xC3\xA4", 5), 5);
    ck_assert_uint_eq(clmix_utf8_ill_formed("ab\xE2\x82", 4), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text tokens");
    TCase *tests = tcase_create("text tokens");

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, lines_of_many_scripts_are_hugging_face_s);
    tcase_add_loop_test(tests, words_become_pieces, 0, sizeof words / sizeof *words);
    tcase_add_test(tests, long_words_are_unknown);
    tcase_add_test(tests, marks_have_their_order);
    tcase_add_test(tests, sequences);
    tcase_add_test(tests, bytes_are_tokens);
    tcase_add_test(tests, trees_are_tokens);
    tcase_add_test(tests, written_and_read_again);
    tcase_add_test(tests, files_of_vocabularies);
    tcase_add_test(tests, specs);
    tcase_add_test(tests, characters_come_back);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
