/* clmix-vocab as a user runs it: what is written is what the library makes, and what cannot be is refused. */
#include <check.h>
#include <cjson/cJSON.h>
#include <clmix/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_suite.h"
#include "support_tool.h"

#define BAD_LINE "rain \xFF falls\n"

static char folder[512], first[600], second[600], vocabulary[600];

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

static void write_text(char *path, const char *name, const char *text)
{
    snprintf(path, 600, "%s/%s", folder, name);
    ok(clmix_file_write(path, text, strlen(text)));
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
    write_text(first, "first.txt", "The low lower lowest Caf\xC3\xA9\n\nlow low new newer\n");
    write_text(second, "second.txt", "newest new wide wider\n" BAD_LINE "wide low\n");
    snprintf(vocabulary, sizeof vocabulary, "%s/vocab.txt", folder);
}

static void end(void)
{
    remove_folder(folder);
}

/* What the library makes of both files. */
static char *expected(bool cased, const clmix_vocabulary_options *options)
{
    clmix_words *words;
    char *text;

    ok(clmix_words_new(&words, cased));
    ok(clmix_words_add_file(words, first, NULL));
    ok(clmix_words_add_file(words, second, NULL));
    ok(clmix_words_vocabulary(words, options, &text));
    clmix_words_free(words);
    return text;
}

static void check_file(char *wanted)
{
    void *content;
    size_t bytes;

    ok(clmix_file_read(vocabulary, 1 << 20, &content, &bytes));
    ck_assert_str_eq(content, wanted);
    free(content);
    clmix_free(wanted);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

START_TEST(the_vocabulary_is_the_librarys)
{
    char *output, spec[700];
    clmix_tokenizer *tokenizer;

    ck_assert_msg(run_tool(&output, "clmix-vocab %s %s -o %s --json 2>&1", first, second, vocabulary) == 0, "%s", output);
    cJSON *object = cJSON_Parse(output);
    ck_assert_msg(object != NULL, "%s", output);
    free(output);
    check_file(expected(false, NULL));
    snprintf(spec, sizeof spec, "wordpiece:%s", vocabulary);
    ok(clmix_tokenizer_open(&tokenizer, spec));
    ck_assert_double_eq(number(object, "tokens"), (double)clmix_tokenizer_size(tokenizer));
    ck_assert_int_ne(clmix_tokenizer_find(tokenizer, "low"), CLMIX_NO_TOKEN);
    ck_assert_int_ne(clmix_tokenizer_find(tokenizer, "e"), CLMIX_NO_TOKEN);
    clmix_tokenizer_close(tokenizer);
    ck_assert_double_eq(number(object, "words"), 10);
    ck_assert_double_eq(number(object, "lines"), 6);
    ck_assert_double_eq(number(object, "passed_over"), 1);
    ck_assert_ptr_nonnull(strstr(cJSON_GetObjectItemCaseSensitive(object, "first_passed_over")->valuestring, "second.txt"));
    cJSON_Delete(object);
}
END_TEST

START_TEST(options_reach_the_library)
{
    const clmix_vocabulary_options few = { .size = 30, .letters = 9, .least = 3 };
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-vocab %s %s --size 30 --letters 9 --least 3 --cased -o %s 2>&1", second, first, vocabulary) == 0,
                  "%s", output);
    ck_assert_msg(strstr(output, ",cased") != NULL && strstr(output, "1 line was passed over") != NULL, "%s", output);
    free(output);
    check_file(expected(true, &few));
}
END_TEST

START_TEST(mistakes_are_named)
{
    char arguments[8][1400];
    const struct tool_mistake mistakes[] = {
        { "", "no text file was named", 2 },  { arguments[0], "--out vocab.txt", 2 },  { arguments[1], "each must be at least 1", 2 },
        { arguments[2], "fewer letters", 2 }, { arguments[3], "none.txt", 1 },         { arguments[4], "is a folder", 1 },
        { arguments[5], "no line of", 1 },    { arguments[6], "is no vocabulary", 2 }, { arguments[7], "unknown option", 2 },
    };
    char bad[600];
    void *content;
    size_t bytes;

    write_text(bad, "bad.txt", BAD_LINE);
    ck_assert_int_eq(remove(vocabulary), 0);
    snprintf(arguments[0], sizeof *arguments, "%s", first);
    snprintf(arguments[1], sizeof *arguments, "%s -o %s --size 0", first, vocabulary);
    snprintf(arguments[2], sizeof *arguments, "%s -o %s --size 9", first, vocabulary);
    snprintf(arguments[3], sizeof *arguments, "%s %s/none.txt -o %s", first, folder, vocabulary);
    snprintf(arguments[4], sizeof *arguments, "%s -o %s", folder, vocabulary);
    snprintf(arguments[5], sizeof *arguments, "%s %s -o %s", first, bad, vocabulary);
    snprintf(arguments[6], sizeof *arguments, "%s -o %s", first, second);
    snprintf(arguments[7], sizeof *arguments, "%s -o %s --device cpu", first, vocabulary);
    check_mistakes("clmix-vocab", mistakes, sizeof mistakes / sizeof *mistakes);
    ck_assert_int_eq(clmix_file_read(vocabulary, 1 << 20, &content, &bytes), CLMIX_ERROR_FILE); /* nothing was written */
    ok(clmix_file_read(second, 1 << 20, &content, &bytes));
    ck_assert_ptr_nonnull(strstr(content, BAD_LINE)); /* a text is not taken for an older vocabulary */
    free(content);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-vocab");
    TCase *tool = tcase_create("tool");

    tcase_set_timeout(tool, 60);
    tcase_add_unchecked_fixture(tool, begin, end);
    tcase_add_test(tool, the_vocabulary_is_the_librarys);
    tcase_add_test(tool, options_reach_the_library);
    tcase_add_test(tool, mistakes_are_named);
    suite_add_tcase(suite, tool);
    return support_run(suite);
}
