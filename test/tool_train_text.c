/* clmix-train on text: what it says of the files, options of sequences, a beginning from masked language, and going on from another folder. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_suite.h"
#include "support_tool.h"

#define MODEL                                                                                                                           \
    "{\"model\":\"bert\",\"vocab\":16,\"max_len\":48,\"dim\":8,\"depth\":1,\"heads\":2,\"mlp_dim\":8,\"mixer\":{\"kind\":\"softmax\"}," \
    "\"head\":\"mlm\"}"
#define VOCABULARY "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\n"

static char folder[256];

static void put(const char *name, const char *content)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(clmix_file_write(path, content, strlen(content)), CLMIX_OK);
}

static void setup(void)
{
    char rows[4000] = "", words[4000] = "";

    snprintf(folder, sizeof folder, "%s", make_folder());
    for (size_t i = 0; i < 60; i++) {
        for (size_t word = 0; word < 2 + i % 21; word++) {
            const char letter[3] = { (char)('a' + (i + word) % 6), ' ', '\0' };

            strcat(rows, letter);
            strcat(words, letter);
        }
        strcat(rows, i % 2 == 0 ? "\tyes\n" : "\tno\n");
        strcat(words, "\n\n");
    }
    strcat(rows, "zzz a\tyes\n\tno\na\xff\tno\n");
    put("rows.tsv", rows);
    put("words.txt", words);
    put("vocab.txt", VOCABULARY);
    put("model.json", MODEL);
}

static void teardown(void)
{
    remove_folder(folder);
}

static void expect(const char *output, const char *part)
{
    ck_assert_msg(strstr(output, part) != NULL, "'%s' is not in: %s", part, output);
}

/* Masked language first, then classes from those weights, in a folder that the data are named from; then on from elsewhere. */
START_TEST(a_beginning_and_what_comes_of_it)
{
    char *output;

    ck_assert_int_eq(
        run_tool(&output,
                 "cd '%s' && clmix-train --model model.json --data text:words.txt,vocab=vocab.txt,length=32 --batch 4 --epochs 1 "
                 "--schedule onecycle --warmup 2 --no-decay '*bias*' --no-decay '*norm*' --out mlm 2>&1",
                 folder),
        0);
    expect(output, "train: 57 texts of");
    free(output);
    ck_assert_int_eq(
        run_tool(&output,
                 "cd '%s' && clmix-train --model model.json --set head=classify --init mlm --data tsv:rows.tsv "
                 "--batch-tokens 64 --schedule constant --epochs 1 --out run 2>&1",
                 folder),
        0);
    expect(output, "train: 58 texts of");
    expect(output, "tokens (wordpiece), ");
    expect(output, "are [UNK]");
    expect(output, "train: passed over 2 of 63 (1 no UTF-8, 1 without text), first: '");
    expect(output, "rows.tsv', line 62");
    expect(output, "fresh: classifier.weight, classifier.bias");
    free(output);
    ck_assert_int_eq(run_tool(&output, "cd / && clmix-train --resume '%s/run' --epochs 2 2>&1", folder), 0);
    expect(output, "2/2");
    free(output);
}
END_TEST

START_TEST(costs)
{
    char *output;

    ck_assert_int_eq(run_tool(&output,
                              "cd '%s' && clmix-train --model model.json --set head=classify --data tsv:rows.tsv,vocab=vocab.txt "
                              "--batch-tokens 64 --dry-run --device generic 2>&1",
                              folder),
                     0);
    expect(output, "58 training and 3 test samples, ");
    free(output);
}
END_TEST

START_TEST(misuse)
{
    char arguments[4][900];
    const struct tool_mistake mistakes[] = {
        { arguments[0], "--lengths is 'some' and must be few or one", 2 },
        { arguments[1], "onecycle, onecycle-cosine or triangle", 2 },
        { arguments[2], "this schedule must come down again within the run's", 1 },
        { arguments[3], "has no sequences of tokens", 1 },
    };

    snprintf(arguments[0], sizeof arguments[0], "--model %s/model.json --data text:x --lengths some", folder);
    snprintf(arguments[1], sizeof arguments[1], "--model %s/model.json --data text:x --schedule zigzag", folder);
    snprintf(arguments[2], sizeof arguments[2],
             "--model %s/model.json --data text:%s/words.txt,vocab=%s/vocab.txt --schedule triangle --steps 5 --dry-run", folder, folder,
             folder);
    snprintf(arguments[3], sizeof arguments[3], "--model wavemix-16 --data shapes:train=10,test=2 --batch-tokens 5 --dry-run");
    check_mistakes("clmix-train", mistakes, sizeof mistakes / sizeof *mistakes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train text");
    TCase *tests = tcase_create("train text");

    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_beginning_and_what_comes_of_it);
    tcase_add_test(tests, costs);
    tcase_add_test(tests, misuse);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
