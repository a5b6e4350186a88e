/* Failing host allocations: the linker sends the calls of clmix, a static library here, to the functions below (CMakeLists.txt), and none
 * of the driver's. cJSON, which clmix works with, is given the same ones. */
#include "base/status.h"
#include "support_faults.h"
#include "support_suite.h"
#include "verify/case.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdatomic.h>

static atomic_long blocks; /* allocated and not freed, by all threads */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t bytes);
void __real_free(void *memory);

static void *counted(void *memory)
{
    if (memory != NULL)
        blocks++;
    return memory;
}

void *__wrap_malloc(size_t bytes)
{
    return fault_strikes() ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fault_strikes() ? NULL : counted(__real_calloc(count, bytes));
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    void *larger;

    if (fault_strikes())
        return NULL;
    larger = __real_realloc(memory, bytes);
    return memory == NULL ? counted(larger) : larger;
}

char *__wrap_strdup(const char *text)
{
    return fault_strikes() ? NULL : counted(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t bytes)
{
    return fault_strikes() ? NULL : counted(__real_strndup(text, bytes));
}

void __wrap_free(void *memory)
{
    if (memory != NULL)
        blocks--;
    __real_free(memory);
}

static long held(void)
{
    return blocks;
}

/* cJSON does not tell a lack of memory from bad syntax. */
static bool may_give(clmix_status status)
{
    return status == CLMIX_ERROR_HOST_MEMORY || status == CLMIX_ERROR_FORMAT;
}

static const struct fault no_memory = { held, may_give };

START_TEST(every_scenario_survives_a_lack_of_memory)
{
    fail_each_call(&no_memory, &tiny_scenarios[_i], 120);
}
END_TEST

/* A case's failures are in its report. */
static const char *case_path;

static clmix_status run_case(void)
{
    struct clmix_case_report report;
    clmix_status status = CLMIX_OK;

    clmix_case_run(&report, tiny.device, case_path);
    if (!report.pass) {
        status = CLMIX_ERROR_HOST_MEMORY;
        clmix_fail(status, "%s", report.sentence);
    }
    clmix_case_report_free(&report);
    return status;
}

START_TEST(cases_survive_a_lack_of_memory)
{
    static const char *const paths[] = { CLMIX_TEST_CASES "/ops/adamw.safetensors", CLMIX_TEST_CASES "/ops/conv2d_1x1.safetensors",
                                         CLMIX_TEST_CASES "/models/wavemix.safetensors" };
    const struct scenario scenario = { "a reference case", NULL, run_case, NULL };

    case_path = paths[_i];
    fail_each_call(&no_memory, &scenario, _i < 2 ? 40 : 12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *scenarios = tcase_create("scenarios");
    cJSON_Hooks hooks = { __wrap_malloc, __wrap_free };

    cJSON_InitHooks(&hooks);
    tcase_add_unchecked_fixture(scenarios, open_tiny_world, close_tiny_world);
    tcase_add_loop_test(scenarios, every_scenario_survives_a_lack_of_memory, 0, tiny_scenario_count);
    tcase_add_loop_test(scenarios, cases_survive_a_lack_of_memory, 0, 3);
    suite_add_tcase(suite, scenarios);
    return support_run(suite);
}
