/* Measured choices: asked once, remembered as text, the same for all processes, within the time that CLMIX_TUNE allows; and the form of
 * kernels, which is one of them. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/form.h"
#include "ops/tune.h"
#include "runtime/runtime.h"
#include "support_device.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tuning.h"

#define HEAD "clmix tuning 2: made by a test\ndevice x\n"

static const char *const ways[] = { "first", "second" };

/* ---- a device with a tuning file of its own ------------------------------------------------------------------------------------------ */

static const char *folder;

static void open_with_own_cache(void)
{
    open_test_device();
    folder = begin_own_tuning();
    unsetenv("CLMIX_KERNELS");
}

static void close_with_own_cache(void)
{
    end_own_tuning();
    close_test_device();
}

static void reopen(void)
{
    close_test_device();
    open_test_device();
}

static size_t results_kept(void)
{
    char *path;
    size_t count;

    check_ok(clmix_device_tuning(test_device, &path, &count));
    clmix_free(path);
    return count;
}

/* ---- questions ------------------------------------------------------------------------------------------------------------------------ */

static double pretended[2];
static int asked;
static const char *meanwhile; /* what another process adds while this one measures */

static clmix_status pretend(clmix_device *on, int way, double enough, const void *data, double *seconds)
{
    ck_assert(data == NULL && on == test_device);
    ck_assert(way == 0 ? isinf(enough) : enough > 0.0);
    asked++;
    *seconds = pretended[way];
    if (meanwhile != NULL)
        check_ok(clmix_tuning_add(on, meanwhile, ways[way], "by another process"));
    meanwhile = NULL;
    return CLMIX_OK;
}

static clmix_status choose_kind(const char *key, bool neutral, double first, double second, int *way)
{
    const struct clmix_tune_question question = {
        .key = key, .ways = ways, .count = 2, .margin = 1.2, .neutral = neutral, .measure = pretend
    };

    pretended[0] = first;
    pretended[1] = second;
    asked = 0;
    return clmix_tune_choose(test_device, &question, way);
}

static clmix_status choose(const char *key, double first, double second, int *way)
{
    return choose_kind(key, false, first, second, way);
}

START_TEST(choice_is_measured_once)
{
    int way;

    check_ok(choose("a", 1.0, 0.9, &way));
    ck_assert_int_eq(way, 0); /* not 1.2 times faster */
    ck_assert_int_eq(asked, 2);
    check_ok(choose("b", 1.0, 0.5, &way));
    ck_assert_int_eq(way, 1);
    ck_assert_uint_eq(results_kept(), 2);
    reopen();
    check_ok(choose("a", 1.0, 0.1, &way));
    ck_assert_int_eq(way, 0);
    check_ok(choose("b", 0.1, 1.0, &way));
    ck_assert_int_eq(way, 1);
    ck_assert_int_eq(asked, 0);
}
END_TEST

START_TEST(wrong_ways_are_not_taken)
{
    int way;

    check_ok(choose("a", CLMIX_TUNE_WRONG, 5.0, &way));
    ck_assert_int_eq(way, 1);
    check_ok(choose("b", 5.0, CLMIX_TUNE_WRONG, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(choose("c", CLMIX_TUNE_WRONG, CLMIX_TUNE_WRONG, &way), CLMIX_ERROR_DRIVER);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "'c'"));
    check_ok(choose("c", 1.0, 1.0, &way)); /* that is not remembered */
    ck_assert_int_eq(asked, 2);
}
END_TEST

/* A way that failed, as on a device out of memory: what is right is taken for now, and asked again. */
START_TEST(failures_are_not_remembered)
{
    int way;

    check_ok(choose_kind("a", true, CLMIX_TUNE_FAILED, 1.0, &way));
    ck_assert_int_eq(way, 1);
    check_ok(choose("a", CLMIX_TUNE_FAILED, 1.0, &way)); /* other bits only if they are those of the next start too */
    ck_assert_int_eq(way, 0);
    check_ok(choose("a", CLMIX_TUNE_FAILED, CLMIX_TUNE_FAILED, &way));
    ck_assert_int_eq(way, 0);
    check_ok(choose("a", 1.0, CLMIX_TUNE_FAILED, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(asked, 2);
    ck_assert_uint_eq(results_kept(), 0);
}
END_TEST

START_TEST(nothing_is_measured_where_nothing_is_kept)
{
    char blocked[640], *path;
    size_t count;
    int way;

    setenv("CLMIX_TUNE", "off", 1);
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    check_ok(clmix_device_tuning(test_device, &path, &count));
    ck_assert_ptr_null(path);
    unsetenv("CLMIX_TUNE");
    setenv("CLMIX_CACHE_DIR", "", 1);
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    snprintf(blocked, sizeof blocked, "%s/file", folder);
    fclose(fopen(blocked, "w"));
    setenv("CLMIX_CACHE_DIR", blocked, 1); /* a file where the folder should be */
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(asked, 0);
}
END_TEST

/* ---- the file ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(foreign_lines_are_passed_over)
{
    static const char *const texts[] = { "", "rubbish", "clmix tuning 1\ndevice x\na\tsecond\tof an older version\n" };
    char text[4096];
    int way;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_tuning(test_device, texts[i]);
        check_ok(choose("a", 1.0, 2.0, &way));
        ck_assert_int_eq(way, 0);
        ck_assert_int_eq(asked, 2);
        check_ok(choose("a", 2.0, 1.0, &way));
        ck_assert_int_eq(asked, 0);
        read_tuning(test_device, text);
        ck_assert_int_eq(strncmp(text, texts[i], strlen(texts[i])), 0);
        ck_assert_ptr_nonnull(strstr(text, "clmix tuning 2:"));
        ck_assert_uint_eq(results_kept(), 1);
    }
}
END_TEST

START_TEST(spoilt_lines_are_passed_over)
{
    static const char before[] = HEAD "a second\n\n\tsecond\t\nb\tsecond\tby hand\nc\tthird\tunknown\nd\tsecond\nbb\tfirst\t\ne\tsec";
    char text[4096];
    int way;

    write_tuning(test_device, before);
    check_ok(choose("b", 1.0, 2.0, &way));
    ck_assert_int_eq(way, 1);
    ck_assert_int_eq(asked, 0);
    for (const char *key = "a\0c\0d\0e\0"; *key != '\0'; key += 2) {
        check_ok(choose(key, 1.0, 2.0, &way));
        ck_assert_int_eq(way, 0);
        ck_assert_int_eq(asked, 2);
        check_ok(choose(key, 2.0, 1.0, &way));
        ck_assert_int_eq(way, 0);
        ck_assert_int_eq(asked, 0);
    }
    read_tuning(test_device, text);
    ck_assert_int_eq(strncmp(text, before, sizeof before - 1), 0); /* nobody's lines are lost, and the torn one has become whole */
    ck_assert_int_eq(text[sizeof before - 1], '\n');
}
END_TEST

/* Another process results the same question while this one measures: its result was first and holds. */
START_TEST(the_first_answer_holds)
{
    int way;

    meanwhile = "a";
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(asked, 2);
    ck_assert_int_eq(way, 0);
    check_ok(choose("a", 2.0, 1.0, &way));
    ck_assert_int_eq(asked, 0);
    ck_assert_int_eq(way, 0);
}
END_TEST

/* Two processes that find nothing and measure the opposite agree on every question. */
START_TEST(processes_agree)
{
    enum { QUESTIONS = 40 };
    unsigned char chosen[2][QUESTIONS];
    int ends[2][2];

    for (int process = 0; process < 2; process++) {
        ck_assert_int_eq(pipe(ends[process]), 0);
        if (fork() == 0) {
            for (int i = 0; i < QUESTIONS; i++) {
                char key[16];
                int way = 9;

                snprintf(key, sizeof key, "question %d", i);
                if (choose(key, process == 0 ? 1.0 : 2.0, process == 0 ? 2.0 : 1.0, &way) != CLMIX_OK)
                    way = 9;
                chosen[process][i] = (unsigned char)way;
            }
            _exit(write(ends[process][1], chosen[process], QUESTIONS) == QUESTIONS ? 0 : 1);
        }
    }
    for (int process = 0; process < 2; process++) {
        int status;

        ck_assert_int_eq(read(ends[process][0], chosen[process], QUESTIONS), QUESTIONS);
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
        close(ends[process][0]);
        close(ends[process][1]);
    }
    for (int i = 0; i < QUESTIONS; i++) {
        ck_assert_uint_lt(chosen[0][i], 2);
        ck_assert_uint_eq(chosen[0][i], chosen[1][i]);
    }
    ck_assert_uint_ge(results_kept(), QUESTIONS);
}
END_TEST

/* ---- the time that measuring may take ----------------------------------------------------------------------------------------------- */

START_TEST(neutral_questions_wait_when_time_is_up)
{
    int way;

    setenv("CLMIX_TUNE", "0", 1);
    reopen();
    check_ok(choose_kind("neutral", true, 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(asked, 0);
    check_ok(choose("telling", 2.0, 1.0, &way)); /* changes bits: not left open */
    ck_assert_int_eq(way, 1);
    ck_assert_int_eq(asked, 2);

    setenv("CLMIX_TUNE", "1e-9", 1);
    reopen();
    check_ok(choose_kind("neutral", true, 2.0, 1.0, &way));
    ck_assert_int_eq(way, 1); /* one that was begun is finished */
    ck_assert_int_eq(asked, 2);
    check_ok(choose_kind("another", true, 2.0, 1.0, &way));
    ck_assert_int_eq(way, 0);
    ck_assert_int_eq(asked, 0);

    setenv("CLMIX_TUNE", "full", 1);
    reopen();
    for (const char *key = "i\0j\0k\0"; *key != '\0'; key += 2) {
        check_ok(choose_kind(key, true, 2.0, 1.0, &way));
        ck_assert_int_eq(asked, 2);
    }
    ck_assert(isinf(test_device->tuning_seconds));
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const wishes[] = { "on", "-1", "5s", "nan" };

    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        clmix_device *device;

        setenv("CLMIX_TUNE", wishes[i], 1);
        ck_assert_int_eq(clmix_device_open(&device, NULL), CLMIX_ERROR_ARGUMENT);
        ck_assert(error_mentions("CLMIX_TUNE"));
    }
}
END_TEST

/* ---- the form ------------------------------------------------------------------------------------------------------------------------- */

static void compile_something(void)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_plan *plan;

    clmix_output(graph, "y", clmix_relu(clmix_input(graph, "x", CLMIX_F32, 1, (size_t[]){ 64 })));
    check_ok(clmix_plan_compile(&plan, graph, test_device, CLMIX_INFERENCE));
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}

START_TEST(probes_of_the_form_are_right)
{
    for (int probe = 0; probe < CLMIX_FORM_PROBES; probe++) {
        bool right = false;
        double seconds = 0.0;

        check_ok(clmix_form_probe(test_device, probe, &right, &seconds));
        ck_assert_msg(right, "probe %d", probe);
        ck_assert(seconds > 0.0);
    }
}
END_TEST

static void check_form(clmix_kernel_form form, clmix_form_origin origin)
{
    ck_assert_int_eq(clmix_device_describe(test_device)->form, form);
    ck_assert_int_eq(clmix_device_describe(test_device)->form_origin, origin);
}

START_TEST(form_is_measured_before_the_first_plan)
{
    clmix_kernel_form usual, measured;
    char text[4096];
    size_t peak;

    reopen();
    peak = test_device->peak_bytes;
    usual = clmix_device_describe(test_device)->form;
    ck_assert_int_eq(clmix_device_describe(test_device)->form_origin, CLMIX_FORM_USUAL);
    compile_something();
    measured = clmix_device_describe(test_device)->form;
    check_form(measured, CLMIX_FORM_MEASURED);
    ck_assert_uint_eq(test_device->peak_bytes, peak);
    read_tuning(test_device, text);
    ck_assert_ptr_nonnull(strstr(text, measured == CLMIX_WIDE ? "\n" CLMIX_FORM_KEY "\twide\t" : "\n" CLMIX_FORM_KEY "\tsimt\t"));
    if (strstr(clmix_device_describe(test_device)->platform, "rusticl") != NULL)
        ck_assert_int_eq(measured, CLMIX_SIMT);
    reopen();
    check_form(measured, CLMIX_FORM_MEASURED);
    setenv("CLMIX_TUNE", "off", 1);
    reopen();
    compile_something();
    check_form(usual, CLMIX_FORM_USUAL);
}
END_TEST

START_TEST(form_is_what_the_file_says)
{
    for (int way = 0; way < 2; way++) {
        const clmix_kernel_form form = way == 0 ? CLMIX_WIDE : CLMIX_SIMT;
        char text[128];

        snprintf(text, sizeof text, HEAD CLMIX_FORM_KEY "\t%s\tby hand\n", clmix_form_name(form));
        write_tuning(test_device, text);
        reopen();
        check_form(form, CLMIX_FORM_MEASURED);
        compile_something();
        check_form(form, CLMIX_FORM_MEASURED);
        setenv("CLMIX_KERNELS", form == CLMIX_WIDE ? "simt" : "wide", 1);
        reopen();
        compile_something();
        check_form(form == CLMIX_WIDE ? CLMIX_SIMT : CLMIX_WIDE, CLMIX_FORM_FORCED);
        unsetenv("CLMIX_KERNELS");
    }
}
END_TEST

/* ---- beside the application ---------------------------------------------------------------------------------------------------------- */

static void compile_linear(clmix_device *device, clmix_plan **plan)
{
    clmix_graph *graph = clmix_graph_new();

    clmix_output(graph, "y",
                 clmix_linear(clmix_in(clmix_root(graph), "fc"), clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ 37, 24 }), 40, true));
    check_ok(clmix_plan_compile(plan, graph, device, CLMIX_INFERENCE));
    clmix_graph_free(graph);
}

/* Its queue is held up meanwhile: whoever waits for it would wait for good. */
START_TEST(measuring_leaves_the_application_alone)
{
    cl_int code;
    cl_context context = clCreateContext(NULL, 1, &test_device->id, NULL, NULL, &code);
    cl_command_queue queue = clCreateCommandQueue(context, test_device->id, 0, &code);
    cl_event gate = clCreateUserEvent(context, &code);
    size_t before[3], after[3], results;
    const char *form = clmix_form_name(clmix_device_describe(test_device)->form);
    char text[256];
    clmix_device *adopted;
    clmix_plan *plan;

    ck_assert_ptr_nonnull(gate);
    snprintf(text, sizeof text, HEAD CLMIX_FORM_KEY "\t%s\tby hand\nclblast 2 %s\town\tby hand\n", form, form);
    write_tuning(test_device, text);
    results = results_kept();
    check_ok(clmix_device_adopt(&adopted, context, test_device->id, queue));
    clmix_device_memory(adopted, &before[0], &before[1], &before[2]);
    ck_assert_int_eq(clEnqueueBarrierWithWaitList(queue, 1, &gate, NULL), CL_SUCCESS);
    alarm(200); /* ends the wait */
    compile_linear(adopted, &plan);
    alarm(0);
    ck_assert_msg(results_kept() > results, "nothing was measured");
    clmix_device_memory(adopted, &after[0], &after[1], &after[2]);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(after[i], before[i]);
    ck_assert_ptr_eq(clmix_device_queue(adopted), queue);
    ck_assert_int_eq(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    check_ok(clmix_plan_run(plan)); /* on the application's queue */
    check_ok(clmix_plan_wait(plan));
    clmix_plan_free(plan);
    clmix_device_close(adopted);
    clReleaseEvent(gate);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
}
END_TEST

/* ---- the program -------------------------------------------------------------------------------------------------------------------- */

int main(void)
{
    Suite *suite = suite_create("tune");
    TCase *tune = tcase_create("tune");

    tcase_add_checked_fixture(tune, open_with_own_cache, close_with_own_cache);
    tcase_set_timeout(tune, 600);
    tcase_add_test(tune, choice_is_measured_once);
    tcase_add_test(tune, wrong_ways_are_not_taken);
    tcase_add_test(tune, failures_are_not_remembered);
    tcase_add_test(tune, nothing_is_measured_where_nothing_is_kept);
    tcase_add_test(tune, foreign_lines_are_passed_over);
    tcase_add_test(tune, spoilt_lines_are_passed_over);
    tcase_add_test(tune, the_first_answer_holds);
    tcase_add_test(tune, processes_agree);
    tcase_add_test(tune, neutral_questions_wait_when_time_is_up);
    tcase_add_test(tune, nonsense_is_refused);
    tcase_add_test(tune, probes_of_the_form_are_right);
    tcase_add_test(tune, form_is_measured_before_the_first_plan);
    tcase_add_test(tune, form_is_what_the_file_says);
    tcase_add_test(tune, measuring_leaves_the_application_alone);
    suite_add_tcase(suite, tune);
    return support_run(suite);
}
