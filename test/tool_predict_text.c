/* clmix-predict as a user runs it on texts: classes, masks, lines of files and of standard input, mistakes. */
#include <check.h>
#include <cjson/cJSON.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "network/file.h"
#include "support_suite.h"
#include "support_tool.h"

#define VOCABULARY "wordpiece\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ndog\ncat\nbarks\nsleeps\n"
#define OTHER      "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\ndog\nbarks\nsleeps\n"
#define BERT \
    "{\"model\":\"bert\",\"vocab\":10,\"max_len\":16,\"dim\":8,\"depth\":1,\"heads\":2,\"mlp_dim\":12,\"mixer\":{\"kind\":\"softmax\"},"
#define CLASSIFY BERT "\"head\":\"classify\",\"classes\":3}"
#define MASKED   BERT "\"head\":\"mlm\"}"
#define PICTURES "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":3,\"dim\":8,\"depth\":1}"

static char folder[512], classify[600], masked[600], bare[600], pictures[600];
static float dog[3], pair[3]; /* what the library says of "the dog barks", and of "the dog" with "sleeps" */
static clmix_fill guess;      /* and of "the [MASK] barks" */
static char guessed[32];

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* A network with fresh weights, in a file too. */
static clmix_network *make(clmix_device *device, const char *description, const char *name, char *path, const char *tokenizer_text)
{
    const char *names[] = { "bad", "fair", "good" };
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    clmix_config *config;
    clmix_network *network;
    clmix_tokenizer *tokenizer;

    snprintf(path, 600, "%s/%s.safetensors", folder, name);
    ok(clmix_config_open(&config, description));
    ok(clmix_network_create(&network, device, config, 3));
    clmix_config_free(config);
    if (clmix_config_classes(clmix_network_config(network)) == 3)
        ok(clmix_network_describe_data(network, names, half, half));
    if (tokenizer_text != NULL) {
        ok(clmix_tokenizer_read(&tokenizer, tokenizer_text));
        ok(clmix_network_describe_text(network, tokenizer));
        clmix_tokenizer_close(tokenizer);
    }
    ok(clmix_network_save(network, path));
    return network;
}

static void begin(void)
{
    const char *one = "the dog barks", *first = "the dog", *second = "sleeps", *words = strchr(VOCABULARY, '\n') + 1;
    char path[600];
    clmix_device *device;
    clmix_network *network;
    clmix_fill *fills;
    size_t masks;

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/vocab.txt", folder); /* the vocabulary as a file of its own */
    ok(clmix_file_write(path, words, strlen(words)));
    ok(clmix_device_open(&device, NULL));
    clmix_network_free(make(device, PICTURES, "pictures", pictures, NULL));
    clmix_network_free(make(device, CLASSIFY, "bare", bare, NULL));
    network = make(device, CLASSIFY, "classify", classify, VOCABULARY);
    ok(clmix_network_classify_texts(network, &one, NULL, 1, dog));
    ok(clmix_network_classify_texts(network, &first, &second, 1, pair));
    clmix_network_free(network);
    network = make(device, MASKED, "masked", masked, VOCABULARY);
    ok(clmix_network_fill_mask(network, "the [MASK] barks", 1, &fills, &masks));
    guess = *fills;
    snprintf(guessed, sizeof guessed, "%s", fills->token);
    clmix_free(fills);
    clmix_network_free(network);
    clmix_device_close(device);
}

static void end(void)
{
    remove_folder(folder);
}

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(item != NULL, "%s", key);
    return item;
}

/* The line of JSON that `output` goes on with; *output is then behind it. */
static cJSON *next_line(char **output)
{
    char *line = *output, *end = strchr(line, '\n');
    cJSON *object;

    ck_assert_msg(end != NULL, "a line is missing");
    *end = '\0';
    *output = end + 1;
    object = cJSON_Parse(line);
    ck_assert_msg(object != NULL, "%s", line);
    return object;
}

static void check_classes(const cJSON *object, const float wanted[3])
{
    const cJSON *row;

    ck_assert_int_eq(cJSON_GetArraySize(member(object, "classes")), 3);
    cJSON_ArrayForEach(row, member(object, "classes"))
        ck_assert(fabs(member(row, "probability")->valuedouble - (double)wanted[(int)member(row, "label")->valuedouble]) < 1e-5);
}

START_TEST(texts_get_classes)
{
    char *output, *at;
    cJSON *object;

    ck_assert_msg(run_tool(&output, "clmix-predict %s 'the dog barks' 'cat' --json 2>&1", classify) == 0, "%s", output);
    at = output;
    object = next_line(&at);
    ck_assert_str_eq(member(object, "text")->valuestring, "the dog barks");
    check_classes(object, dog);
    cJSON_Delete(object);
    object = next_line(&at);
    ck_assert_str_eq(member(object, "text")->valuestring, "cat");
    cJSON_Delete(object);
    ck_assert_str_eq(at, "");
    free(output);

    ck_assert_int_eq(run_tool(&output, "clmix-predict %s 'the dog barks' --top 1", classify), 0);
    ck_assert_msg(strncmp(output, "the dog barks\n", 14) == 0 && strstr(output, " %  ") != NULL, "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-predict %s --pairs \"$(printf 'the dog\\tsleeps')\" --json 2>&1", classify) == 0, "%s", output);
    at = output;
    object = next_line(&at);
    ck_assert_str_eq(member(object, "second")->valuestring, "sleeps");
    check_classes(object, pair);
    cJSON_Delete(object);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-predict %s --tokenizer wordpiece:%s/vocab.txt 'the dog barks' --json 2>&1", bare, folder) == 0,
                  "%s", output);
    at = output;
    object = next_line(&at);
    check_classes(object, dog);
    cJSON_Delete(object);
    free(output);
}
END_TEST

/* Lines that are no text, or too long for the model, and a file without a last line's end. */
START_TEST(lines_are_answered_in_their_order)
{
    static const char *const sources[] = { "--lines '%s'", "--lines - < '%s'", "< '%s'", "--batch 1 --lines '%s'" };
    static const char lines[] =
        "the dog barks\nthe \xFF\n\nthe dog the dog the dog the dog the dog the dog the dog the dog the dog\nthe dog barks";
    char path[600], arguments[700], *output, *at;

    snprintf(path, sizeof path, "%s/lines.txt", folder);
    ok(clmix_file_write(path, lines, sizeof lines - 1));
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        snprintf(arguments, sizeof arguments, sources[i], path);
        ck_assert_int_eq(run_tool(&output, "clmix-predict %s --json %s", classify, arguments), 1);
        at = output;
        for (int number = 1; number <= 5; number++) {
            cJSON *object;

            if (number == 2) /* has no answer */
                continue;
            object = next_line(&at);
            ck_assert_int_eq((int)member(object, "line")->valuedouble, number);
            ck_assert_int_eq(cJSON_HasObjectItem(object, "cut"), number == 4);
            if (number == 1 || number == 5)
                check_classes(object, dog);
            cJSON_Delete(object);
        }
        ck_assert_str_eq(at, "");
        free(output);
    }
    ck_assert_int_eq(run_tool(&output, "clmix-predict %s --lines %s 2>&1 >/dev/null", classify, path), 1);
    ck_assert_msg(strstr(output, "1 line has no answer") != NULL && strstr(output, "line 2 is no UTF-8") != NULL, "%s", output);
    free(output);
}
END_TEST

/* Whoever asks by a pipe gets the answer before the next question. */
START_TEST(standard_input_is_answered_as_it_comes)
{
    char *output, *at;
    cJSON *object;

    ck_assert_msg(run_tool(&output,
                           "mkfifo %s/answer; { echo 'the dog barks'; read -r line < %s/answer; printf '%%s\\n' cat; } | "
                           "timeout 100 clmix-predict %s --json | { read -r line; printf '%%s\\n' \"$line\" | tee %s/answer; cat; }",
                           folder, folder, classify, folder) == 0,
                  "%s", output);
    at = output;
    object = next_line(&at);
    check_classes(object, dog);
    cJSON_Delete(object);
    object = next_line(&at);
    ck_assert_str_eq(member(object, "text")->valuestring, "cat");
    cJSON_Delete(object);
    free(output);
}
END_TEST

START_TEST(masks_are_filled)
{
    char *output, *at;
    const cJSON *row;
    cJSON *object;

    ck_assert_msg(run_tool(&output, "clmix-predict %s 'the [MASK] barks' 'no mask' '[MASK] [MASK]' --top 2 --json 2>/dev/null", masked) ==
                      1,
                  "%s", output);
    at = output;
    object = next_line(&at);
    ck_assert_int_eq(cJSON_GetArraySize(member(object, "masks")), 1);
    row = cJSON_GetArrayItem(cJSON_GetArrayItem(member(object, "masks"), 0), 0);
    ck_assert_int_eq((int)member(row, "id")->valuedouble, guess.id);
    ck_assert_str_eq(member(row, "token")->valuestring, guessed);
    ck_assert(fabs(member(row, "probability")->valuedouble - (double)guess.probability) < 1e-5);
    cJSON_Delete(object);
    object = next_line(&at);
    ck_assert_ptr_nonnull(strstr(member(member(object, "error"), "message")->valuestring, "no [MASK]"));
    cJSON_Delete(object);
    object = next_line(&at);
    ck_assert_int_eq(cJSON_GetArraySize(member(object, "masks")), 2);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetArrayItem(member(object, "masks"), 1)), 2);
    cJSON_Delete(object);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-predict %s 'the [MASK] barks'", masked), 0);
    ck_assert_msg(strstr(output, guessed) != NULL && strstr(output, " %  ") != NULL, "%s", output);
    free(output);
}
END_TEST

/* What is trained on a vocabulary is asked, measured, gone on with and begun from without naming it again, and never with another one. */
START_TEST(a_run_carries_its_tokenizer)
{
    static const char rows[] = "text\tlabel\nthe dog barks\tdog\nthe cat sleeps\tcat\nthe dog sleeps\tdog\nthe cat\tcat\n";
    const char *quick = "--epochs 1 --batch 2 --schedule constant --json";
    char path[600], other[600], config[600], *output, *at;
    clmix_tokenizer *tokenizer;
    cJSON *object;

    snprintf(path, sizeof path, "%s/rows.tsv", folder);
    snprintf(other, sizeof other, "%s/other.txt", folder);
    snprintf(config, sizeof config, "%s/bert.json", folder);
    ok(clmix_file_write(path, rows, sizeof rows - 1));
    ok(clmix_file_write(other, OTHER, strlen(OTHER)));
    ok(clmix_file_write(config, CLASSIFY, strlen(CLASSIFY)));
    ck_assert_msg(run_tool(&output,
                           "cd %s; clmix-train --model bert.json --data tsv:rows.tsv,test=rows.tsv,vocab=vocab.txt --out run %s 2>&1",
                           folder, quick) == 0,
                  "%s", output);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-predict %s/run 'the dog' --json 2>&1", folder) == 0, "%s", output);
    at = output;
    object = next_line(&at);
    ck_assert_int_eq(cJSON_GetArraySize(member(object, "classes")), 2);
    cJSON_Delete(object);
    free(output);
    ck_assert_msg(run_tool(&output, "clmix-predict %s/run --data tsv:%s,test=%s 2>&1", folder, path, path) == 0, "%s", output);
    ck_assert_msg(strstr(output, "4 texts, loss") != NULL, "%s", output);
    free(output);
    ck_assert_int_eq(run_tool(&output, "clmix-predict %s/run --data tsv:%s,vocab=%s 2>&1", folder, path, other), 1);
    ck_assert_msg(strstr(output, "ids of its own tokenizer") != NULL, "%s", output);
    free(output);

    ck_assert_msg(run_tool(&output,
                           "cd %s; clmix-train --model bert.json --init run --data tsv:rows.tsv,test=rows.tsv --out next --epochs 1 "
                           "--batch 2 --schedule constant 2>&1",
                           folder) == 0,
                  "%s", output);
    ck_assert_msg(strstr(output, " seq/s") != NULL, "%s", output);
    free(output);
    snprintf(path, sizeof path, "%s/next/model.safetensors", folder);
    ok(clmix_weights_tokenizer(&tokenizer, path));
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, "barks"), 8);
    clmix_tokenizer_close(tokenizer);
    ck_assert_msg(run_tool(&output, "cd %s; clmix-train --resume next --epochs 2 --json 2>&1", folder) == 0, "%s", output);
    free(output);

    /* the vocabulary that the run names becomes another */
    ck_assert_int_eq(run_tool(&output, "cd %s; cp other.txt vocab.txt; clmix-train --resume run --epochs 2 2>&1", folder), 2);
    ck_assert_msg(strstr(output, "ids of its own tokenizer") != NULL, "%s", output);
    free(output);
}
END_TEST

START_TEST(mistakes_are_named)
{
    char arguments[8][1400];
    const struct tool_mistake mistakes[] = {
        { arguments[0], "reads pictures: name PNG or JPEG files", 2 },
        { arguments[1], "neither a picture nor --data", 2 },
        { arguments[2], "write --lines", 2 },
        { arguments[3], "do not go together", 2 },
        { arguments[4], "without a tokenizer", 1 },
        { arguments[5], "there is no tab", 1 },
        { arguments[6], "none.txt", 1 },
        { arguments[7], "the dog", 1 },
    };

    snprintf(arguments[0], sizeof *arguments, "%s --lines lines.txt", pictures);
    snprintf(arguments[1], sizeof *arguments, "%s", pictures);
    snprintf(arguments[2], sizeof *arguments, "%s %s/pictures/rgb.png", classify, CLMIX_TEST_DATA);
    snprintf(arguments[3], sizeof *arguments, "%s --lines a.txt 'a text'", classify);
    snprintf(arguments[4], sizeof *arguments, "%s 'a text'", bare);
    snprintf(arguments[5], sizeof *arguments, "%s --pairs 'the dog'", classify);
    snprintf(arguments[6], sizeof *arguments, "%s --lines none.txt", classify);
    snprintf(arguments[7], sizeof *arguments, "%s 'the dog'", pictures); /* is no picture */
    check_mistakes("clmix-predict", mistakes, sizeof mistakes / sizeof *mistakes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-predict, texts");
    TCase *tool = tcase_create("tool");

    tcase_set_timeout(tool, 300);
    tcase_add_unchecked_fixture(tool, begin, end);
    tcase_add_test(tool, texts_get_classes);
    tcase_add_test(tool, lines_are_answered_in_their_order);
    tcase_add_test(tool, standard_input_is_answered_as_it_comes);
    tcase_add_test(tool, masks_are_filled);
    tcase_add_test(tool, mistakes_are_named);
    tcase_add_test(tool, a_run_carries_its_tokenizer);
    suite_add_tcase(suite, tool);
    return support_run(suite);
}
