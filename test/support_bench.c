#include "support_bench.h"

#include "base/file.h"
#include "support_ops.h"
#include "support_tool.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char bench_folder[256];

void make_bench_folder(void)
{
    snprintf(bench_folder, sizeof bench_folder, "%s", make_folder());
}

void remove_bench_folder(void)
{
    remove_folder(bench_folder);
}

void read_bench_file(const char *name, char **content)
{
    char path[300];
    size_t bytes;

    snprintf(path, sizeof path, "%s/%s", bench_folder, name);
    ops_ok(clmix_file_read(path, 1 << 26, (void **)content, &bytes));
}

void write_bench_file(const char *name, const char *content)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", bench_folder, name);
    ops_ok(clmix_file_write(path, content, strlen(content)));
}

double json_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

const char *json_text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    ck_assert_msg(cJSON_IsString(item), "%s", key);
    return item->valuestring;
}

cJSON *tool_rows(const char *format, ...)
{
    char command[1200], *output, *line, *rest;
    cJSON *rows = cJSON_CreateArray();
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    ck_assert_msg(run_tool(&output, "%s", command) == 0, "%s", output);
    for (line = strtok_r(output, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        cJSON *row = cJSON_Parse(line);

        ck_assert_msg(row != NULL, "%s", line);
        cJSON_AddItemToArray(rows, row);
    }
    free(output);
    return rows;
}

void check_signed(const cJSON *json)
{
    ck_assert_ptr_eq(strstr(json_text(json, "peer"), "clmix "), json_text(json, "peer"));
    ck_assert(json_text(json, "device")[0] != '\0' && json_text(json, "driver")[0] != '\0' && json_text(json, "platform")[0] != '\0');
    ck_assert(json_text(json, "host")[0] != '\0' && strlen(json_text(json, "date")) == strlen("2026-11-22T10:11Z"));
    ck_assert(strcmp(json_text(json, "kernels"), "wide") == 0 || strcmp(json_text(json, "kernels"), "simt") == 0);
}

void check_page(const char *page)
{
    static const char *const outside[] = { "http:", "https:", "src=", "<link", "<script", "@import", "url(\"", "url('", "<iframe" };
    static const char *const empty[] = { "meta", "path", "rect", "circle", "!DOCTYPE" };
    char open[64][16];
    int depth = 0;

    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        ck_assert_msg(strstr(page, outside[i]) == NULL, "the page has %s", outside[i]);
    for (const char *at = strchr(page, '<'); at != NULL; at = strchr(at, '<')) {
        const char *end = strchr(at, '>');
        const bool closing = at[1] == '/';
        char name[16] = "";
        bool alone;

        ck_assert_ptr_nonnull(end);
        sscanf(at + 1 + closing, "%15[!A-Za-z0-9]", name);
        ck_assert_msg(name[0] != '\0', "a bare < before: %.40s", at);
        alone = end[-1] == '/';
        for (size_t i = 0; i < sizeof empty / sizeof *empty && !closing; i++)
            alone = alone || (strcmp(name, empty[i]) == 0 && i != 2 && i != 3);
        if (closing) {
            ck_assert_msg(depth > 0 && strcmp(open[depth - 1], name) == 0, "</%s> closes <%s>", name, depth > 0 ? open[depth - 1] : "");
            depth--;
        } else if (!alone) {
            ck_assert_int_lt(depth, 64);
            strcpy(open[depth++], name);
        }
        if (strcmp(name, "style") == 0 && !closing)
            end = strstr(at, "</style>") - 1;
        at = end + 1;
    }
    ck_assert_int_eq(depth, 0);
    for (const char *at = strchr(strstr(page, "</style>"), '&'); at != NULL; at = strchr(at + 1, '&'))
        ck_assert_msg(strcspn(at, ";") < 8, "a bare & before: %.40s", at);
}
