/* clmix-bench devices and collect: processes with an eye on them, what is made of results, a real run, and devices that fail. */
#include <check.h>
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/child.h"
#include "support_bench.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

extern char **environ;

/* ---- processes ------------------------------------------------------------------------------------------------------------------------ */

static struct bench_child run_child(const char *script, const char *form, double limit)
{
    struct bench_child child;

    ops_ok(bench_child_run((const char *[]){ "sh", "-c", script, NULL }, form, limit, &child));
    return child;
}

static const struct {
    const char *script, *output, *end;
} endings[] = {
    { "echo one; echo two", "one\ntwo\n", "" },
    { "echo half; echo 'the driver: no' >&2; kill -s SEGV $$", "half\n", "it ended with signal 11" },
    { "echo 'first' >&2; echo 'the driver: no' >&2; exit 3", "", "it ended with exit status 3: the driver: no" },
};

START_TEST(the_end_of_a_process_is_told)
{
    struct bench_child child = run_child(endings[_i].script, NULL, 60);

    ck_assert_str_eq(child.output, endings[_i].output);
    ck_assert_int_eq(child.good, endings[_i].end[0] == '\0');
    ck_assert(!child.late);
    ck_assert_msg(strncmp(child.end, endings[_i].end, strlen(endings[_i].end)) == 0, "%s", child.end);
    bench_child_free(&child);
}
END_TEST

static const char *const hangs[] = { "echo half; exec sleep 100", "echo half; exec >/dev/null 2>&1; exec sleep 100" };

/* Also one that has closed its streams, as a driver that hangs at exit. */
START_TEST(a_process_that_hangs_is_ended)
{
    const double start = clmix_seconds();
    struct bench_child child = run_child(hangs[_i], NULL, 0.5);

    ck_assert(clmix_seconds() - start < 50.0);
    ck_assert(child.late && !child.good);
    ck_assert_str_eq(child.output, "half\n");
    ck_assert_msg(strstr(child.end, "after") != NULL, "%s", child.end);
    bench_child_free(&child);
}
END_TEST

START_TEST(a_process_has_its_form_and_much_to_say)
{
    struct bench_child child;
    size_t length;

    ck_assert_int_eq(setenv("CLMIX_KERNELS", "wide", 1), 0);
    child = run_child("echo $CLMIX_KERNELS; env | grep -c CLMIX_KERNELS", "simt", 60);
    ck_assert_str_eq(child.output, "simt\n1\n");
    bench_child_free(&child);
    child = run_child("echo $CLMIX_KERNELS", NULL, 60);
    ck_assert_str_eq(child.output, "wide\n");
    bench_child_free(&child);
    ck_assert_int_eq(unsetenv("CLMIX_KERNELS"), 0);
    child = run_child("yes 0123456789 | head -c 1000000; yes x | head -c 300000 >&2", NULL, 60); /* more than pipes hold */
    length = strlen(child.output);
    ck_assert_uint_eq(length, 1000000);
    bench_child_free(&child);
    ck_assert_int_eq(bench_child_run((const char *[]){ "/no/such/program", NULL }, NULL, 60, &child), CLMIX_ERROR_FILE);
    ck_assert_msg(strstr(clmix_error(), "/no/such/program") != NULL, "%s", clmix_error());
    bench_child_free(&child);
}
END_TEST

/* ---- made-up results ------------------------------------------------------------------------------------------------------------------ */

/* What tells a source. */
#define SIGNED "\"peer\":\"clmix 1\",\"device\":\"%s\",\"driver\":\"1.5\",\"platform\":\"%s\",\"kernels\":\"%s\",\"host\":\"box\""

static void add_line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_line(const char *name, const char *format, ...)
{
    char path[300];
    va_list arguments;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", bench_folder, name);
    file = fopen(path, "a");
    ck_assert_ptr_nonnull(file);
    va_start(arguments, format);
    ck_assert_int_gt(vfprintf(file, format, arguments), 0);
    va_end(arguments);
    ck_assert_int_eq(fclose(file), 0);
}

/* A device of so many GFLOP/s of multiply-adds: a model whose 1 GFLOP takes so many milliseconds, and comes to `answer`. */
static void make_device(const char *name, double fma, double ms, const char *kernels, double answer)
{
    add_line(name,
             "{\"fma_gflops\":%g,\"copy_gbs\":1000,\"launch_us\":1,\"sync_launch_us\":2,\"vendor\":\"AuthenticAMD\",\"vector_width\":%d,"
             "\"fused_multiply_add\":%s,\"quirks\":[\"simt-only: why\"]," SIGNED "}\n",
             fma, fma < 100 ? 4 : 8, fma < 100 ? "false" : "true", name, name, kernels);
    add_line(name,
             "{\"model\":\"m\",\"mode\":\"train\",\"batch\":4,\"step_ms\":%g,\"step_ms_min\":%g,\"step_ms_q1\":%g,\"step_ms_q3\":%g,"
             "\"runs\":50,\"gflops\":%g,\"moved_bytes\":1000,\"launches\":2,\"fraction_of_peak\":%g,\"answers\":[2.5,%.9g]," SIGNED "}\n",
             ms, 0.98 * ms, 0.99 * ms, 1.01 * ms, 1000 / ms, 1000 / ms / fma, answer, name, name, kernels);
    add_line(name, "{\"model\":\"m\",\"mode\":\"train\",\"batch\":4,\"op\":\"a.b linear\",\"kernel\":\"k\",\"ms\":%g," SIGNED "}\n", ms / 2,
             name, name, kernels);
    add_line(name, "{\"case\":\"gelu\",\"pass\":true,\"error\":1e-6,\"limit\":1e-4,\"tensor\":\"out.y\"," SIGNED "}\n", name, name,
             kernels);
}

static cJSON *collect(const char *files)
{
    return tool_rows("cd %s && clmix-bench collect %s --json", bench_folder, files);
}

static const cJSON *model_of(const cJSON *rows, int row)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetArrayItem(rows, row), "models"), 0);
}

START_TEST(devices_stand_in_one_table)
{
    char *output;

    make_device("Alpha", 200, 10, "wide", 2.25);
    make_device("Beta", 50, 80, "simt", 2.250001);
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench collect Alpha Beta", bench_folder), 0);
    ck_assert_msg(strstr(output, "Alpha   AMD     Alpha 1.5  wide           200   1000.0     1.0        10  reference  1 right\n") != NULL,
                  "%s", output);
    ck_assert_msg(strstr(output, "Beta    AMD     Beta 1.5   simt            50   1000.0     1.0        80  4.0e-07    1 right\n") != NULL,
                  "%s", output);
    /* 8 = 4 by the ceiling (200 over 50), 2 by the share (50 % over 25 %) */
    ck_assert_msg(strstr(output,
                         "Beta 1.5, Beta, simt, m, train, batch of 4: 8 times as long as Alpha 1.5, Alpha, wide; 4 by its ceiling "
                         "(multiply-adds, 50 against 200 GFLOP/s, without fused multiply-add, vectors of 4, not 8); 2 since it "
                         "reaches 25 % of its ceiling (multiply-adds), not 50 %: simt kernels, not wide (its quirk simt-only); most "
                         "is lost in linear, 40.0 against 5.0 ms\n") != NULL,
                  "%s", output);
    free(output);
}
END_TEST

START_TEST(a_page_has_what_the_table_has)
{
    static const char *const parts[] = { "<h2>Answers</h2>",
                                         ">reference<",
                                         ">4.0e-07<",
                                         "<h2>What is slower, and why</h2>",
                                         "8 times as long as",
                                         "The errors of all 1 reference cases",
                                         "error 1.0e-06, limit 1e-04",
                                         "class=\"warning\">Beta 1.5, Beta, simt failed at m, infer: it ended with signal 11 &lt;x&gt;" };
    char *output, *page;

    make_device("Alpha", 200, 10, "wide", 2.25);
    make_device("Beta", 50, 80, "simt", 2.250001);
    add_line("Beta", "{\"failed\":\"m, infer\",\"message\":\"it ended with signal 11 <x>\"," SIGNED "}\n", "Beta", "Beta", "simt");
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench collect Alpha Beta --html page", bench_folder), 0);
    ck_assert_msg(strstr(output, "Beta 1.5, Beta, simt failed at m, infer: it ended with signal 11 <x>\n") != NULL, "%s", output);
    free(output);
    read_bench_file("page", &page);
    check_page(page);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(page, parts[i]) != NULL, "the page has no '%s': %s", parts[i], page);
    free(page);
}
END_TEST

/* The first of three is wrong: the two others agree, so they are believed. */
START_TEST(the_reference_is_what_most_agree_with)
{
    cJSON *rows;

    make_device("Alpha", 200, 10, "wide", 3.25);
    make_device("Beta", 200, 10, "wide", 2.25);
    make_device("Gamma", 200, 10, "wide", 2.250001);
    rows = collect("Alpha Beta Gamma");
    ck_assert_int_eq(cJSON_GetArraySize(rows), 3);
    ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(model_of(rows, 0), "agrees")));
    ck_assert_double_eq_tol(json_number(model_of(rows, 0), "error"), 1 / 2.5, 1e-4);
    ck_assert_str_eq(json_text(model_of(rows, 0), "reference"), "Beta 1.5, Beta");
    ck_assert(!cJSON_HasObjectItem(model_of(rows, 1), "error"));
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(model_of(rows, 2), "agrees")));
    cJSON_Delete(rows);
}
END_TEST

/* Of two that disagree the one whose reference cases are right is believed. */
START_TEST(a_device_with_wrong_cases_is_no_reference)
{
    cJSON *rows;
    char *output;

    make_device("Alpha", 200, 10, "wide", 3.25);
    add_line("Alpha", "{\"case\":\"conv2d\",\"pass\":false,\"error\":0.5,\"limit\":1e-4,\"tensor\":\"out.y\"," SIGNED "}\n", "Alpha",
             "Alpha", "wide");
    make_device("Beta", 200, 10, "wide", 2.25);
    rows = collect("Alpha Beta");
    ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(model_of(rows, 0), "agrees")));
    ck_assert(!cJSON_HasObjectItem(model_of(rows, 1), "error"));
    ck_assert_double_eq(json_number(cJSON_GetArrayItem(rows, 0), "wrong_cases"), 1);
    cJSON_Delete(rows);
    ck_assert_int_eq(run_tool(&output, "cd %s && clmix-bench collect Alpha Beta", bench_folder), 0);
    ck_assert_msg(strstr(output, "WRONG, 4.0e-01") != NULL && strstr(output, "1 of 2 WRONG") != NULL &&
                      strstr(output, "1 of 2 reference cases are wrong: conv2d\n") != NULL &&
                      strstr(output, "comes to something else than Beta 1.5, Beta: off by 0.4 of the largest value, limit 1e-03\n") != NULL,
                  "%s", output);
    free(output);
}
END_TEST

/* Two versions of clmix need not draw the same weights, and noise needs no reason. */
START_TEST(what_cannot_be_compared_is_not)
{
    cJSON *rows;
    char *output;

    make_device("Alpha", 200, 10, "wide", 3.25);
    make_device("Beta", 200, 10.1, "wide", 2.25);
    ck_assert_int_eq(run_tool(&output, "cd %s && sed 's/clmix 1/clmix 2/' Beta >Gamma", bench_folder), 0);
    free(output);
    rows = collect("Alpha Gamma");
    ck_assert(!cJSON_HasObjectItem(model_of(rows, 0), "reference") && !cJSON_HasObjectItem(model_of(rows, 1), "reference"));
    ck_assert(!cJSON_HasObjectItem(model_of(rows, 1), "slower"));
    cJSON_Delete(rows);
}
END_TEST

/* Two devices of one make are two, under their numbers. */
START_TEST(twins_are_told_apart)
{
    cJSON *rows;
    char *output;

    make_device("Alpha", 200, 10, "wide", 2.25);
    ck_assert_int_eq(run_tool(&output, "cd %s && for i in 0 1; do sed 's/}$/,\"place\":\"0:'$i'\"}/' Alpha; done >twins", bench_folder), 0);
    free(output);
    rows = collect("twins");
    ck_assert_int_eq(cJSON_GetArraySize(rows), 2);
    ck_assert_str_eq(json_text(cJSON_GetArrayItem(rows, 0), "label"), "Alpha 1.5, 0:0");
    ck_assert_str_eq(json_text(cJSON_GetArrayItem(rows, 1), "label"), "Alpha 1.5, 0:1");
    cJSON_Delete(rows);
}
END_TEST

/* ---- runs ----------------------------------------------------------------------------------------------------------------------------- */

/* Runs clmix-bench under the name of another program, which it then takes for itself; gives its exit status, and its output in a file "output". */
static int run_as(const char *name, const char *const *arguments)
{
    const char *all[32] = { name };
    char path[300], program[300];
    posix_spawn_file_actions_t actions;
    pid_t process;
    int status;

    for (int i = 0; arguments[i] != NULL; i++)
        all[i + 1] = arguments[i];
    snprintf(path, sizeof path, "%s/output", bench_folder);
    snprintf(program, sizeof program, "%s/clmix-bench", CLMIX_BIN_DIR);
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, O_WRONLY | O_CREAT | O_TRUNC, 0600), 0);
    ck_assert_int_eq(posix_spawn(&process, program, &actions, NULL, (char *const *)all, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Stands for clmix-bench on every device: made-up results; of the simt kernels training ends the process, and the profile hangs. */
static const char bench_stand_in[] =
    "#!/bin/sh\n"
    "echo \"$1 ${CLMIX_KERNELS:-own} $*\" >>\"${0%/*}/turns\"\n"
    "form=${CLMIX_KERNELS:-wide}\n"
    "signed='\"peer\":\"clmix 1\",\"device\":\"d\",\"driver\":\"1.5\",\"platform\":\"p\",\"kernels\":\"'$form'\"'\n"
    "work='\"step_ms\":10,\"batch\":4,\"gflops\":10,\"gbs\":1,\"answers\":[0.5,0.25]'\n"
    "case \"$form $*\" in\n"
    "simt*train*) echo 'LLVM ERROR: broken' >&2; kill -s SEGV $$ ;;\n"
    "simt*profile*) exec sleep 100 ;;\n"
    "*ceilings*) echo '{\"fma_gflops\":'$(wc -l <\"${0%/*}/turns\")',\"copy_gbs\":5,\"launch_us\":1,\"sync_launch_us\":2,'\"$signed\"'}' "
    ";;\n"
    "*profile*) echo '{\"model\":\"'$2'\",\"mode\":\"train\",\"batch\":4,\"op\":\"x "
    "linear\",\"kernel\":\"k\",\"ms\":5,\"gflops\":1,\"least_bytes\":9,\"launches\":1,'\"$signed\"'}' ;;\n"
    "*) echo '{\"model\":\"'$2'\",\"mode\":\"infer\",'\"$work,$signed\"'}' ;;\n"
    "esac\n";

/* And for clmix-verify: one case is right and one wrong, so it exits 1 after its verdict. */
static const char verify_stand_in[] =
    "#!/bin/sh\n"
    "echo \"verify $*\" >>\"${0%/*}/turns\"\n"
    "echo '{\"case\":\"gelu.safetensors\",\"pass\":true,\"worst\":1e-6,\"tensors\":[{\"name\":\"a\",\"error\":1e-9,\"limit\":1e-4},"
    "{\"name\":\"b\",\"error\":1e-6,\"limit\":1e-4}],\"ops\":[\"gelu\"]}'\n"
    "echo '{\"case\":\"tanh.safetensors\",\"pass\":false,\"worst\":1,\"tensors\":[{\"name\":\"a\",\"error\":null,\"limit\":1e-4}]}'\n"
    "echo '{\"right\":false,\"verdict\":\"wrong: tanh\"}'\n"
    "exit 1\n";

static void make_program(const char *name, const char *script)
{
    char path[300];

    write_bench_file(name, script);
    snprintf(path, sizeof path, "%s/%s", bench_folder, name);
    ck_assert_int_eq(chmod(path, 0700), 0);
}

static bool has_line(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* One device: its own form of the kernels and the other one take turns, and what fails in one ends neither. */
START_TEST(a_failure_ends_nothing)
{
    char name[300], out[300], *output, *turns, *lines;

    make_program("clmix-bench", bench_stand_in);
    make_program("clmix-verify", verify_stand_in);
    snprintf(name, sizeof name, "%s/clmix-bench", bench_folder);
    snprintf(out, sizeof out, "%s/out", bench_folder);
    ck_assert_int_eq(unsetenv("CLMIX_KERNELS"), 0);
    ck_assert_int_eq(run_as(name, (const char *[]){ "devices", "wavemix-16", "--rounds", "2", "--seconds", "1", "--batch", "4", "--limit",
                                                    "5", "--set", "dropout=0", "--device", "0", "--out", out, NULL }),
                     1);
    read_bench_file("output", &output);
    read_bench_file("turns", &turns);
    read_bench_file("out", &lines);
    /* ceilings, inference and training of each twice, but not what failed; the cases and profiles once */
    ck_assert_msg(has_line(turns,
                           "model own model wavemix-16 --batch 4 --set dropout=0 --mode infer --seconds 1 --quick --device 0:0 --json\n"),
                  "%s", turns);
    ck_assert_msg(has_line(turns, "verify --self --kernels wide --device 0:0 --json\n"), "%s", turns);
    ck_assert_msg(has_line(output, "reference") && has_line(output, "1 of 2 WRONG") && has_line(output, "0.0e+00"), "%s", output);
    ck_assert_msg(has_line(output, "failed at wavemix-16, train: it ended with signal 11"), "%s", output);
    ck_assert_msg(has_line(output, "LLVM ERROR: broken"), "%s", output);
    ck_assert_msg(has_line(output, "failed at wavemix-16, profile: it was ended after 5 seconds; it was asked for nothing else"), "%s",
                  output);
    ck_assert_msg(has_line(lines, "\"case\":\"gelu\",\"pass\":true,\"error\":1e-06,\"limit\":0.0001,\"tensor\":\"b\",\"ops\":[\"gelu\"]"),
                  "%s", lines);
    /* the best of all rounds is every line's ceiling */
    ck_assert_msg(!has_line(lines, "\"fma_gflops\":1,") && !has_line(lines, "\"fma_gflops\":2,"), "%s", lines);
    free(output);
    free(turns);
    free(lines);
}
END_TEST

static int count(const char *text, const char *part)
{
    int found = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        found++;
    return found;
}

START_TEST(turns_are_taken_in_rounds)
{
    char name[300], *turns;

    make_program("clmix-bench", bench_stand_in);
    make_program("clmix-verify", verify_stand_in);
    snprintf(name, sizeof name, "%s/clmix-bench", bench_folder);
    ck_assert_int_eq(unsetenv("CLMIX_KERNELS"), 0);
    ck_assert_int_eq(run_as(name,
                            (const char *[]){ "devices", "wavemix-16", "vit", "--rounds", "3", "--limit", "2", "--device", "0", NULL }),
                     1);
    read_bench_file("turns", &turns);
    ck_assert_int_eq(count(turns, "ceilings own"), 3);
    ck_assert_int_eq(count(turns, "ceilings simt"), 3);
    ck_assert_int_eq(count(turns, "model own"), 3 * 4);
    ck_assert_int_eq(count(turns, "model simt"), 3 * 2 + 2); /* training failed at the first time */
    ck_assert_int_eq(count(turns, "profile own"), 2);
    ck_assert_int_eq(count(turns, "profile simt"), 1); /* it hung */
    ck_assert_int_eq(count(turns, "verify"), 1);
    /* the second round begins with the other one */
    ck_assert(strstr(turns, "ceilings own") < strstr(turns, "ceilings simt"));
    ck_assert_ptr_nonnull(strstr(turns, "ceilings simt ceilings --device 0:0 --json\nceilings own"));
    free(turns);
}
END_TEST

/* The smallest model on this machine's device, where PoCL can be told to be two of them. */
START_TEST(a_real_run_agrees_with_itself)
{
    const char *platform = getenv("CLMIX_TEST_PLATFORM");
    const bool two = platform != NULL && strcmp(platform, "pocl") == 0;
    cJSON *rows;
    char *page;

    if (two)
        ck_assert_int_eq(setenv("POCL_DEVICES", "pthread pthread", 1), 0);
    else
        ck_assert_int_eq(setenv("CLMIX_KERNELS", "simt", 1), 0);
    rows = tool_rows("cd %s && clmix-bench devices wavemix-16 --batch 2 --quick --json --out out --html page", bench_folder);
    ck_assert_int_eq(cJSON_GetArraySize(rows), two ? 2 : 1);
    for (int i = 0; i < cJSON_GetArraySize(rows); i++) {
        const cJSON *row = cJSON_GetArrayItem(rows, i), *models = cJSON_GetObjectItem(row, "models");

        ck_assert(json_number(row, "fma_gflops") > 0.0 && json_text(row, "vendor")[0] != '\0');
        ck_assert_int_eq(cJSON_GetArraySize(models), 2);
        ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(row, "failures")), 0);
        if (i == 1) {
            ck_assert_double_eq(json_number(cJSON_GetArrayItem(models, 0), "error"), 0.0); /* the same device: the same bits */
            ck_assert_double_eq(json_number(cJSON_GetArrayItem(models, 1), "error"), 0.0);
        }
    }
    cJSON_Delete(rows);
    read_bench_file("page", &page);
    check_page(page);
    free(page);
    rows = collect("out");
    ck_assert_int_eq(cJSON_GetArraySize(rows), two ? 2 : 1);
    cJSON_Delete(rows);
    unsetenv("POCL_DEVICES");
    unsetenv("CLMIX_KERNELS");
}
END_TEST

static const struct tool_mistake mistakes[] = {
    { "collect", "files of results", 2 },
    { "collect missing", "missing", 1 },
    { "devices nosuchmodel", "nosuchmodel", 2 },
    { "devices --rounds -1", "--rounds", 2 },
    { "devices --limit 0", "--limit", 2 },
    { "devices wavemix-16 --device nothing-like-it", "nothing-like-it", 1 },
    { "model wavemix-16 --rounds 2", "--rounds", 2 },
    { "ceilings --limit 2", "--limit", 2 },
    { "devices wavemix-16 --out /no/such/folder/file", "/no/such/folder", 1 },
};

START_TEST(misuse_is_explained)
{
    check_mistakes("clmix-bench", mistakes, sizeof mistakes / sizeof *mistakes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clmix-bench's devices");
    TCase *tests = tcase_create("devices");

    tcase_set_timeout(tests, 600);
    tcase_add_checked_fixture(tests, make_bench_folder, remove_bench_folder);
    tcase_add_loop_test(tests, the_end_of_a_process_is_told, 0, (int)(sizeof endings / sizeof *endings));
    tcase_add_loop_test(tests, a_process_that_hangs_is_ended, 0, (int)(sizeof hangs / sizeof *hangs));
    tcase_add_test(tests, a_process_has_its_form_and_much_to_say);
    tcase_add_test(tests, devices_stand_in_one_table);
    tcase_add_test(tests, a_page_has_what_the_table_has);
    tcase_add_test(tests, the_reference_is_what_most_agree_with);
    tcase_add_test(tests, a_device_with_wrong_cases_is_no_reference);
    tcase_add_test(tests, what_cannot_be_compared_is_not);
    tcase_add_test(tests, twins_are_told_apart);
    tcase_add_test(tests, a_failure_ends_nothing);
    tcase_add_test(tests, turns_are_taken_in_rounds);
    tcase_add_test(tests, a_real_run_agrees_with_itself);
    tcase_add_test(tests, misuse_is_explained);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
