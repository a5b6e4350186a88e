/* clmix-bench compare: two files of results side by side. A file holds objects, one a line, as clmix-bench and torch_step.py print them. */
#include "base/array.h"
#include "base/file.h"
#include "base/status.h"
#include "bench.h"
#include "io/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_FILE (64u << 20)

struct results {
    cJSON **objects;
    size_t count, capacity;
};

static void free_results(struct results *results)
{
    for (size_t i = 0; i < results->count; i++)
        cJSON_Delete(results->objects[i]);
    free(results->objects);
}

static clmix_status add_line(struct results *results, const char *path, const char *line, size_t bytes)
{
    cJSON *json = NULL;

    if (bytes == 0 || line[0] != '{') /* blank lines, and whatever a program printed besides */
        return CLMIX_OK;
    CLMIX_TRY(clmix_json_parse(&json, path, line, bytes));
    if (CLMIX_PUSH(results->objects, results->count, results->capacity, json))
        return CLMIX_OK;
    cJSON_Delete(json);
    return clmix_fail_memory("the results");
}

static clmix_status read_results(const char *path, struct results *results)
{
    void *data = NULL;
    size_t bytes = 0;
    clmix_status status;

    CLMIX_TRY(clmix_file_read(path, LARGEST_FILE, &data, &bytes));
    status = CLMIX_OK;
    for (const char *line = data; status == CLMIX_OK && *line != '\0';) {
        const size_t length = strcspn(line, "\n");

        status = add_line(results, path, line, length);
        line += length + (line[length] == '\n');
    }
    free(data);
    if (status == CLMIX_OK && results->count == 0)
        status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has no results: one JSON object a line is expected", path);
    return status;
}

/* ---- matching --------------------------------------------------------------------------------------------------------------------- */

/* What a result is about: objects with the same values of these keys are compared. */
static const char *const subjects[] = { "model", "mode", "batch", "op", "size", "pass", "kernel" };

static bool same_value(const cJSON *a, const cJSON *b)
{
    return (a == NULL && b == NULL) || (a != NULL && b != NULL && cJSON_Compare(a, b, true));
}

static bool same_subject(const cJSON *a, const cJSON *b)
{
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if (!same_value(cJSON_GetObjectItemCaseSensitive(a, subjects[i]), cJSON_GetObjectItemCaseSensitive(b, subjects[i])))
            return false;
    return true;
}

static bool is_subject(const char *key)
{
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if (strcmp(key, subjects[i]) == 0)
            return true;
    return false;
}

static void name_subject(const cJSON *object, char *text, size_t bytes)
{
    text[0] = '\0';
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, subjects[i]);
        const size_t used = strlen(text);

        if (cJSON_IsString(value))
            snprintf(text + used, bytes - used, "%s%s", used > 0 ? " " : "", value->valuestring);
        else if (cJSON_IsNumber(value))
            snprintf(text + used, bytes - used, "%s%s %g", used > 0 ? " " : "", subjects[i], value->valuedouble);
    }
    if (text[0] == '\0')
        snprintf(text, bytes, "%s", "the device");
}

/* ---- reporting -------------------------------------------------------------------------------------------------------------------- */

/* One figure of both. */
static bool print_pair(const struct cli *cli, const char *subject, const cJSON *before, const cJSON *after)
{
    const double ratio = before->valuedouble != 0.0 ? after->valuedouble / before->valuedouble : 0.0;
    cJSON *json;

    if (!cli->json) {
        printf("%-48s  %-20s  %14.6g  %14.6g  %8.3f\n", subject, before->string, before->valuedouble, after->valuedouble, ratio);
        return true;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "subject", subject);
    cJSON_AddStringToObject(json, "figure", before->string);
    cJSON_AddNumberToObject(json, "before", before->valuedouble);
    cJSON_AddNumberToObject(json, "after", after->valuedouble);
    cJSON_AddNumberToObject(json, "ratio", bench_rounded(ratio, 5));
    return cli_print_json(json);
}

static bool print_object(const struct cli *cli, const cJSON *before, const cJSON *after)
{
    const cJSON *figure;
    char subject[256];

    name_subject(before, subject, sizeof subject);
    cJSON_ArrayForEach(figure, before)
    {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(after, figure->string);

        if (cJSON_IsNumber(figure) && cJSON_IsNumber(other) && !is_subject(figure->string) && !print_pair(cli, subject, figure, other))
            return false;
    }
    return true;
}

static int print_results(const struct cli *cli, const struct results *before, const struct results *after)
{
    size_t pairs = 0;

    if (!cli->json)
        printf("%-48s  %-20s  %14s  %14s  %8s\n", "what", "figure", "before", "after", "ratio");
    for (size_t i = 0; i < before->count; i++)
        for (size_t k = 0; k < after->count; k++)
            if (same_subject(before->objects[i], after->objects[k])) {
                if (!print_object(cli, before->objects[i], after->objects[k]))
                    return cli_error(cli, NULL, "cannot write to standard output");
                pairs++;
                break;
            }
    return pairs > 0 ? 0
                     : cli_error(cli, "the same model, mode and batch, or the same op, must be in both files",
                                 "the two files have no results in common");
}

int bench_compare(const struct cli *cli, const char *before, const char *after)
{
    struct results first = { 0 }, second = { 0 };
    clmix_status status = read_results(before, &first);
    int exit_status;

    if (status == CLMIX_OK)
        status = read_results(after, &second);
    exit_status = status == CLMIX_OK ? print_results(cli, &first, &second) : cli_fail(cli, status);
    free_results(&first);
    free_results(&second);
    return exit_status;
}
