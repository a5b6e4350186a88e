/* clmix-verify --self: what the embedded cases cover, the verdict, and drivers that are wrong or end their process. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "ops/table.h"
#include "support_suite.h"
#include "support_tool.h"
#include "verify/embedded.h"
#include "verify/verdict.h"

/* ---- what is covered -------------------------------------------------------------------------------------------------------------------- */

/* Ops without a case, and why. */
static const struct exception {
    const char *name, *why;
} ops_without_case[] = {
    { "drop_path", "random; the check of the device compares the numbers that it draws" },
    { "drop_path_grad", "random" },
    { "dropout", "random" },
    { "dropout_grad", "random" },
    { "ones", "the gradient of a loss, which every loss does without" },
    { "reshape", "a view: nothing is launched" },
    { "slice", "a view: nothing is launched" },
};
static const struct exception models_without_case[] = {
    { "mra_imagenet", "its authors have published no code of it; its parts are those of other models" },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_exception(const struct exception *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i].why[0] != '\0';
    return false;
}

/* One line of output after another, and their array, for cJSON_Delete. */
static cJSON *lines_of(const char *output)
{
    cJSON *lines = cJSON_CreateArray();

    for (const char *rest = output; *rest != '\0'; rest += *rest == '\n') {
        cJSON *line = cJSON_ParseWithOpts(rest, &rest, 0);

        ck_assert_msg(line != NULL, "no JSON: %.200s", rest);
        cJSON_AddItemToArray(lines, line);
    }
    return lines;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text != NULL ? text : "";
}

/* Whether a case that passes has launched it in this form. */
static bool is_launched(const cJSON *lines, const char *form, const char *op)
{
    const cJSON *line, *name;

    cJSON_ArrayForEach(line, lines)
    {
        if (strcmp(text_of(line, "form"), form) != 0 || !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "pass")))
            continue;
        cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(line, "ops"))
        {
            if (strcmp(name->valuestring, op) == 0)
                return true;
        }
    }
    return false;
}

START_TEST(every_op_is_launched_in_both_forms)
{
    static const char *const forms[] = { "wide", "simt" };
    char *output;
    int status = run_tool(&output, "clmix-verify --self --json");
    cJSON *lines = lines_of(output);
    const cJSON *verdict = cJSON_GetArrayItem(lines, cJSON_GetArraySize(lines) - 1);

    ck_assert_msg(status == 0 && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(verdict, "right")), "%s", text_of(verdict, "verdict"));
    ck_assert_msg(strstr(text_of(verdict, "verdict"), "this driver is right") != NULL, "%s", text_of(verdict, "verdict"));
    for (size_t f = 0; f < COUNT(forms); f++)
        for (size_t i = 0; clmix_ops[i] != NULL; i++) {
            const char *op = clmix_ops[i]->name;
            bool launched = is_launched(lines, forms[f], op), exception = is_exception(ops_without_case, COUNT(ops_without_case), op);

            ck_assert_msg(launched || exception, "no embedded case launches '%s' in the %s kernels: add one to tools/verify/cases.cmake",
                          op, forms[f]);
            ck_assert_msg(!launched || !exception, "'%s' has a case; it is no exception any more", op);
        }
    cJSON_Delete(lines);
    free(output);
}
END_TEST

/* Whether an embedded case is of this model. */
static bool has_model(const char *model)
{
    bool found = false;

    for (size_t i = 0; i < clmix_cases_count && !found; i++) {
        const struct clmix_embedded *of = &clmix_cases_files[i];
        void *copy = malloc(of->bytes);
        clmix_safetensors *file = NULL;
        cJSON *config = NULL;
        const char *text;

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, of->text, of->bytes);
        ck_assert_int_eq(clmix_safetensors_adopt(&file, of->name, copy, of->bytes), CLMIX_OK);
        text = clmix_safetensors_metadata(file, "config");
        ck_assert_int_eq(clmix_json_parse(&config, of->name, text, strlen(text)), CLMIX_OK);
        found = strcmp(text_of(config, "model"), model) == 0;
        cJSON_Delete(config);
        clmix_safetensors_close(file);
    }
    return found;
}

START_TEST(every_family_of_models_has_a_case)
{
    for (size_t i = 0; clmix_model_tables[i] != NULL; i++) {
        const char *model = clmix_model_tables[i]->name;
        bool exception = is_exception(models_without_case, COUNT(models_without_case), model);

        ck_assert_msg(has_model(model) != exception, "model '%s': %s", model,
                      exception ? "it has a case and is no exception any more" : "no embedded case; add one to tools/verify/cases.cmake");
    }
}
END_TEST

/* ---- the verdict ------------------------------------------------------------------------------------------------------------------------ */

/* Three cases in the form wide, with what became of them in the form simt. */
#define WIDE(relu)                                                                                 \
    "{\"case\":\"relu\",\"form\":\"wide\",\"ops\":[\"relu\"]," relu                                \
    "},{\"case\":\"linear\",\"form\":\"wide\",\"pass\":true,\"ops\":[\"linear\",\"column_sum\"]}," \
    "{\"case\":\"sum\",\"form\":\"wide\",\"pass\":true,\"ops\":[\"column_sum\"]}"
#define RIGHT "\"pass\":true"
#define WRONG "\"pass\":false,\"tensors\":[]"

static const struct {
    const char *device, *cases;
    bool forced, right;
    const char *sentence;
} verdicts[] = {
    { "{}", WIDE(RIGHT) ",{\"case\":\"relu\",\"form\":\"simt\",\"pass\":true,\"ops\":[\"relu\"]}", false, true,
      "this driver is right: 3 cases of 3 ops, wide and simt" },
    { "{}", WIDE(RIGHT), true, true, "this driver is right: 3 cases of 3 ops, wide" },
    { "{\"quirk\":\"wide-only: simt is wrong\"}",
      WIDE(RIGHT) ",{\"case\":\"linear\",\"form\":\"simt\",\"pass\":false,\"ops\":[\"linear\",\"column_sum\"]},"
                  "{\"case\":\"sum\",\"form\":\"simt\",\"pass\":true,\"ops\":[\"column_sum\"]},"
                  "{\"case\":\"relu\",\"form\":\"simt\",\"pass\":false,\"end\":\"signal 11\"}",
      false, true,
      "this driver is right in the wide kernels, which clmix takes here (quirk wide-only): 3 cases of 3 ops; in the simt kernels, which "
      "clmix leaves alone, it gives wrong results in linear; it ends the process in relu" },
    { "{}", WIDE(WRONG) ",{\"case\":\"relu\",\"form\":\"simt\",\"pass\":true,\"ops\":[\"relu\"]}", false, false,
      "this driver is wrong: in the wide kernels, which clmix takes here, it gives wrong results in relu; the simt kernels are right: set "
      "CLMIX_KERNELS=simt" },
    { "{}", WIDE(WRONG) ",{\"case\":\"relu\",\"form\":\"simt\",\"pass\":false,\"ops\":[],\"error\":{}}", false, false,
      "this driver is wrong: in the wide kernels, which clmix takes here, it gives wrong results in relu; in the simt kernels it fails in "
      "relu" },
    { "{}", WIDE(WRONG), true, false, "this driver is wrong: in the wide kernels it gives wrong results in relu" },
    { "{}", "{\"case\":\"adamw\",\"form\":\"wide\",\"pass\":false,\"end\":\"signal 6\"}", true, false,
      "this driver is wrong: in the wide kernels it ends the process in adamw" },
};

START_TEST(a_verdict_names_the_ops_and_what_is_done)
{
    char text[2048];

    snprintf(text, sizeof text, "[%s]", verdicts[_i].cases);
    cJSON *device = cJSON_Parse(verdicts[_i].device), *cases = cJSON_Parse(text);
    cJSON *verdict;

    ck_assert_ptr_nonnull(device);
    ck_assert_ptr_nonnull(cases);
    verdict = verdict_of(device, cases, verdicts[_i].forced);
    ck_assert_str_eq(text_of(verdict, "verdict"), verdicts[_i].sentence);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(verdict, "right")) == verdicts[_i].right);
    cJSON_Delete(verdict);
    cJSON_Delete(cases);
    cJSON_Delete(device);
}
END_TEST

/* ---- drivers that are wrong --------------------------------------------------------------------------------------------------------------- */

static char folder[512];

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void end(void)
{
    remove_folder(folder);
}

/* The library's kernels in FOLDER, with `fault` in place of what relu gives where it is positive; in `form` alone, "wide" or "simt". */
static void plant(const char *form, const char *fault)
{
    static const char row[] = "ROW(relu, type, s, x < (type)(0.0f) ? (type)(0.0f) : x,";

    for (size_t i = 0; i < clmix_embedded_count; i++) {
        const struct clmix_embedded *of = &clmix_embedded_files[i];
        const char *text = (const char *)of->text, *place = strcmp(of->name, "activation.cl") == 0 ? strstr(text, row) : NULL;
        const size_t bytes = of->bytes + strlen(fault) + 200;
        char *changed = malloc(bytes);

        ck_assert(changed != NULL && (place != NULL || strcmp(of->name, "activation.cl") != 0));
        if (place == NULL)
            snprintf(changed, bytes, "%s", text);
        else
            snprintf(changed, bytes,
                     "#if CLMIX_WIDE == %d\n#define FAULT(x, type) %s\n#else\n#define FAULT(x, type) x\n#endif\n%.*s FAULT(x, type),%s",
                     strcmp(form, "wide") == 0, fault, (int)(place - text) + (int)strlen(row) - 2, text, place + strlen(row));
        write_in(folder, of->name, changed, strlen(changed));
        free(changed);
    }
}

/* clmix-verify --self with the planted kernels, of relu and gelu; the last line of it. */
static int verify_planted(const char *options, char **output)
{
    const char *last;
    int status;

    status = run_tool(output, "CLMIX_KERNEL_DIR='%s' CLMIX_CACHE_DIR= clmix-verify --self relu gelu %s 2>/dev/null", folder, options);
    (*output)[strlen(*output) - 1] = '\0';
    last = strrchr(*output, '\n');
    ck_assert_msg(last != NULL && strstr(last, "this driver is ") != NULL, "%s", *output);
    memmove(*output, strstr(last, "this driver is "), strlen(strstr(last, "this driver is ")) + 1);
    return status;
}

static const struct {
    const char *form, *fault, *options;
    int status;
    const char *sentence;
} planted[] = {
    { "wide", "(x * (type)(1.01f))", "--kernels wide", 1,
      "this driver is wrong: in the wide kernels it gives wrong results in relu, relu_grad" },
    { "simt", "(x * (type)(1.01f))", "--kernels simt", 1,
      "this driver is wrong: in the simt kernels it gives wrong results in relu, relu_grad" },
    { "wide", "this does not compile", "--kernels wide", 1, "this driver is wrong: in the wide kernels it fails in relu, gelu" },
    { "simt", "(x + (type)(*(volatile __global const float *)16))", "--kernels simt", 1,
      "this driver is wrong: in the simt kernels it ends the process in relu" },
};

START_TEST(a_planted_fault_is_named)
{
    char *output;
    int status;

    plant(planted[_i].form, planted[_i].fault);
    status = verify_planted(planted[_i].options, &output);
    ck_assert_str_eq(output, planted[_i].sentence);
    ck_assert_int_eq(status, planted[_i].status);
    free(output);
}
END_TEST

/* The form that clmix does not take is wrong, and clmix is told to take none: the status is that of what it takes. */
START_TEST(what_clmix_leaves_alone_is_told_apart)
{
    static const char *const forms[] = { "wide", "simt" };
    char *output;
    int statuses[2];

    for (int i = 0; i < 2; i++) {
        plant(forms[i], "(x * (type)(1.01f))");
        statuses[i] = verify_planted("", &output);
        if (statuses[i] == 0)
            ck_assert_msg(strstr(output, "leaves alone, it gives wrong results in relu") != NULL && strstr(output, forms[1 - i]) != NULL,
                          "%s", output);
        else
            ck_assert_msg(strstr(output, "kernels are right: set CLMIX_KERNELS=") != NULL && strstr(output, forms[i]) != NULL, "%s",
                          output);
        free(output);
    }
    ck_assert_int_eq(statuses[0] + statuses[1], 1);
}
END_TEST

/* Mesa's rusticl ends the process over wide kernels, and a quirk keeps clmix from them. */
START_TEST(the_quirk_of_a_driver_is_named)
{
    char *output;

    ck_assert_msg(run_tool(&output, "clmix-verify --self relu linear 2>/dev/null") == 0 &&
                      strstr(output, "right in the simt kernels, which clmix takes here (quirk simt-only): 2 cases") != NULL &&
                      strstr(output, "in the wide kernels, which clmix leaves alone, it ends the process in linear") != NULL,
                  "%s", output);
    free(output);
}
END_TEST

START_TEST(a_name_that_is_no_case_is_bad_usage)
{
    static const struct tool_mistake mistakes[] = { { "--self nonsense", "no case 'nonsense'", 2 },
                                                    { "--self relu --device nowhere", "nowhere", 1 } };

    check_mistakes("clmix-verify", mistakes, COUNT(mistakes));
}
END_TEST

static bool is_in_environment(const char *name, const char *value)
{
    const char *found = getenv(name);

    return found != NULL && strcmp(found, value) == 0;
}

/* On rusticl, what is said of the driver; elsewhere faults and, but where running is slow, all cases. */
int main(void)
{
    const bool rusticl = is_in_environment("CLMIX_TEST_PLATFORM", "rusticl"), small = is_in_environment("CLMIX_TEST_EFFORT", "small");
    Suite *suite = suite_create("clmix-verify --self");
    TCase *verdict = tcase_create("verdict"), *driver = tcase_create("driver");

    tcase_add_loop_test(verdict, a_verdict_names_the_ops_and_what_is_done, 0, (int)COUNT(verdicts));
    tcase_add_test(verdict, every_family_of_models_has_a_case);
    suite_add_tcase(suite, verdict);
    tcase_set_timeout(driver, 900);
    tcase_add_checked_fixture(driver, begin, end);
    tcase_add_test(driver, a_name_that_is_no_case_is_bad_usage);
    if (rusticl) {
        tcase_add_test(driver, the_quirk_of_a_driver_is_named);
    } else {
        tcase_add_loop_test(driver, a_planted_fault_is_named, 0, (int)COUNT(planted));
        tcase_add_test(driver, what_clmix_leaves_alone_is_told_apart);
    }
    if (!rusticl && !small)
        tcase_add_test(driver, every_op_is_launched_in_both_forms);
    suite_add_tcase(suite, driver);
    return support_run(suite);
}
