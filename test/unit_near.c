/* What was probably meant, and what a file looks like that is none of ours. */
#include <check.h>
#include <string.h>

#include "base/near.h"
#include "io/foreign.h"
#include "support_suite.h"

static const char *const words[] = { "wavemix-16", "wavemix-32", "wavemix-128", "epochs", "batch", "rate", "PoCL", "cpu" };

static const struct {
    const char *word, *meant; /* NULL: none */
} slips[] = {
    { "wavemix32", "wavemix-32" },
    { "wavmix-16", "wavemix-16" },
    { "wavemix-23", "wavemix-32" },
    { "bacth", "batch" },
    { "epoch", "epochs" },
    { "EPOCHS", "epochs" },
    { "rat", "rate" },
    { "poclx", "PoCL" },
    { "wavemix", "wavemix-16" },
    { "cpi", "cpu" },
    { "lr", NULL },
    { "r", NULL },
    { "", NULL },
    { "resnet-50", NULL },
    { "a word that is much longer than any option, preset, key or device may ever be", NULL },
};

START_TEST(slips_are_understood)
{
    const char *meant = clmix_nearest(slips[_i].word, words, sizeof words / sizeof words[0]);
    char text[CLMIX_MEANT_BYTES];

    if (slips[_i].meant == NULL)
        ck_assert_msg(meant == NULL, "'%s' is taken for '%s'", slips[_i].word, meant);
    else
        ck_assert_str_eq(meant, slips[_i].meant);
    clmix_meant(text, slips[_i].word, words, sizeof words / sizeof words[0]);
    ck_assert((slips[_i].meant == NULL) == (text[0] == '\0'));
    ck_assert(slips[_i].meant == NULL || strstr(text, slips[_i].meant) != NULL);
}
END_TEST

static const struct {
    const char *content;
    size_t bytes;
    const char *looks; /* NULL: like nothing known */
} files[] = {
    { "PK\003\004\0\0\010\010", 8, "torch.load" },
    { "\x80\002}q\0(X\013", 8, "torch.load" },
    { "# clmix\n\nPortable", 17, "a text" },
    { "D\xc3\xa4mmerung\xc3", 11, "a text" }, /* cut within a character */
    { "version https://git-lfs.github.com/spec/v1\n", 43, "git lfs pull" },
    { "<!DOCTYPE html>", 15, "a web page" },
    { "\x1f\x8b\010", 3, "unpack" },
    { "\1\2\3\4\5\6\7\10\11", 9, NULL },
    { "", 0, NULL },
};

START_TEST(files_of_others_are_recognised)
{
    const char *looks = clmix_foreign(files[_i].content, files[_i].bytes);

    ck_assert((looks == NULL) == (files[_i].looks == NULL));
    ck_assert_msg(looks == NULL || strstr(looks, files[_i].looks) != NULL, "%s", looks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("near");
    TCase *all = tcase_create("near");

    tcase_add_loop_test(all, slips_are_understood, 0, (int)(sizeof slips / sizeof slips[0]));
    tcase_add_loop_test(all, files_of_others_are_recognised, 0, (int)(sizeof files / sizeof files[0]));
    suite_add_tcase(suite, all);
    return support_run(suite);
}
