/* clmix-bench paper: every row beside what its paper prints, as text, JSON and a page; nothing is run. */
#include <check.h>
#include <cjson/cJSON.h>
#include <clmix/network.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_bench.h"
#include "support_suite.h"
#include "support_tool.h"

/* The objects in a program's lines. */
static cJSON *rows_of(const char *arguments)
{
    return tool_rows("clmix-bench paper %s --device generic --json", arguments);
}

START_TEST(rows_have_our_figures_and_the_papers)
{
    cJSON *rows = rows_of("wavemix"), *row = cJSON_GetArrayItem(rows, 1);
    const cJSON *printed = cJSON_GetObjectItemCaseSensitive(row, "printed");

    ck_assert_int_eq(cJSON_GetArraySize(rows), 8);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(row, "model")), "wavemix-32");
    ck_assert_double_eq(json_number(row, "parameters"), 513706);
    ck_assert_double_eq(json_number(row, "parameters_paper"), 575914);
    ck_assert_double_eq_tol(json_number(row, "size_mb_paper"), 6.24, 0.005);
    ck_assert_double_eq(json_number(row, "batch"), 64);
    ck_assert(json_number(row, "peak_bytes_training") > 4 * 4 * 513706);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(printed, "parameters")), "0.57 M");
    ck_assert_double_eq(json_number(printed, "mb"), 6.24);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(row, "agrees")));
    ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(cJSON_GetArrayItem(rows, 0), "agrees"))); /* a known difference */
    cJSON_Delete(rows);
}
END_TEST

/* Where a row differs from what is printed the file says why. */
START_TEST(differences_have_a_reason)
{
    cJSON *rows = rows_of("--batch 2"), *row;
    size_t presets = 0;

    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *note = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(row, "printed"), "note");

        ck_assert_msg(!cJSON_IsFalse(cJSON_GetObjectItem(row, "agrees")) || cJSON_IsString(note), "%s", cJSON_PrintUnformatted(row));
    }
    while (clmix_preset_name(presets) != NULL)
        presets++;
    ck_assert_uint_eq((size_t)cJSON_GetArraySize(rows), presets);
    cJSON_Delete(rows);
}
END_TEST

START_TEST(text_and_page)
{
    const char *folder = make_folder();
    char *output, *path = clmix_path_join(folder, "page.html");
    void *page = NULL;
    size_t bytes;

    ck_assert_int_eq(run_tool(&output, "clmix-bench paper wavemix --device generic --filter wavemix-1 --html '%s'", path), 0);
    ck_assert_msg(strstr(output, "wavemix-16 ") != NULL && strstr(output, "165,210     0.16 M     3.16    3.09") != NULL, "%s", output);
    ck_assert(strstr(output, "wavemix-128 ") != NULL && strstr(output, "wavemix-32") == NULL);
    ck_assert(strstr(output, "wavemix-16 differs from what is printed: 3.09 MB are those of mult_dim 30") != NULL);
    free(output);
    ck_assert_int_eq(clmix_file_read(path, 1 << 20, &page, &bytes), CLMIX_OK);
    ck_assert(strstr(page, "<h2>wavemix</h2>") != NULL && strstr(page, ">165,210</td>") != NULL && strstr(page, "3.09") != NULL);
    free(page);
    free(path);
    remove_folder(folder);
}
END_TEST

START_TEST(mistakes_are_named)
{
    static const struct tool_mistake mistakes[] = {
        { "paper wavemx", "there are no tables of a paper 'wavemx' here; there are: ", 2 },
        { "paper wavemx", "did you mean 'wavemix'?", 2 },
        { "paper --filter nothing", "no preset has 'nothing' in its name", 2 },
        { "paper --mixer mlp", "--mixer is of model, start, plan, profile, all and devices", 2 },
        { "paper --batch 0", "--batch is 0", 2 },
        { "paper wavemix --html /nonexistent/page.html", "/nonexistent/page.html", 1 },
    };

    check_mistakes("clmix-bench", mistakes, sizeof mistakes / sizeof *mistakes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("papers");
    TCase *all = tcase_create("paper");

    tcase_set_timeout(all, 120);
    tcase_add_test(all, rows_have_our_figures_and_the_papers);
    tcase_add_test(all, differences_have_a_reason);
    tcase_add_test(all, text_and_page);
    tcase_add_test(all, mistakes_are_named);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
