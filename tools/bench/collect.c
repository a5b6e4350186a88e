/* clmix-bench collect: files of results, also of machines that never met, as one table and one page. */
#include "bench/collect.h"
#include "base/status.h"
#include "bench/checks.h"
#include "bench/report.h"
#include "bench/why.h"
#include "common/terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a grid of texts ------------------------------------------------------------------------------------------------------------------ */

#define HEADS 3 /* lines of the table's head */

struct grid {
    size_t columns, rows; /* the head's lines are rows too */
    size_t first_number, numbers;
    char (*cells)[64];
};

static char *cell_of(const struct grid *grid, size_t row, size_t column)
{
    return grid->cells[row * grid->columns + column];
}

static void put(const struct grid *grid, size_t row, size_t column, const char *text)
{
    snprintf(cell_of(grid, row, column), sizeof grid->cells[0], "%s", text);
}

static void put_number(const struct grid *grid, size_t row, size_t column, const char *format, double value)
{
    if (isfinite(value))
        snprintf(cell_of(grid, row, column), sizeof grid->cells[0], format, value); /* NOLINT: the formats are this program's */
}

/* 0 of a column that no row has anything in: it is left out, with its head. */
static size_t width_of(const struct grid *grid, size_t column)
{
    size_t width = 0;
    bool filled = false;

    for (size_t row = 0; row < grid->rows; row++) {
        const size_t other = terminal_width(cell_of(grid, row, column));

        filled = filled || (row >= HEADS && other > 0);
        width = other > width ? other : width;
    }
    return filled ? width : 0;
}

/* Numbers to the right of their columns; blanks at a line's end are left out. */
static void print_grid(const struct grid *grid)
{
    for (size_t row = 0; row < grid->rows; row++) {
        size_t blanks = 0;

        for (size_t column = 0; column < grid->columns; column++) {
            const char *text = cell_of(grid, row, column);
            const size_t width = width_of(grid, column), rest = width > 0 ? width - terminal_width(text) : 0;
            const bool number = column >= grid->first_number && column < grid->first_number + grid->numbers;

            if (width == 0)
                continue;
            blanks += number ? rest : 0;
            if (text[0] != '\0') {
                printf("%*s%s", (int)blanks, "", text);
                blanks = 0;
            }
            blanks += (number ? 0 : rest) + 2;
        }
        printf("\n");
    }
}

/* ---- the table of devices ------------------------------------------------------------------------------------------------------------- */

enum column { DEVICE, VENDOR, PLATFORM, KERNELS, HOST, FMA, COPY, LAUNCH, MODELS }; /* behind the models: ANSWERS and CASES of them */
static const char *const heads[MODELS][HEADS] = {
    [DEVICE] = { "device", "", "" },    [VENDOR] = { "vendor", "", "" },   [PLATFORM] = { "platform,", "driver", "" },
    [KERNELS] = { "kernels", "", "" },  [HOST] = { "host", "", "" },       [FMA] = { "multiply-", "adds", "GFLOP/s" },
    [COPY] = { "copying", "", "GB/s" }, [LAUNCH] = { "launch", "", "us" },
};
static const char *const last_heads[2][HEADS] = { { "off the", "reference", "" }, { "reference", "cases", "" } };

/* Whether item `index` is the first of a model in a mode: each has a column. */
static bool is_column(const struct bench_results *results, size_t index)
{
    const struct bench_result *item = &results->items[index];

    for (size_t i = 0; i < index; i++)
        if (results->items[i].kind == BENCH_MODEL && strcmp(results->items[i].subject, item->subject) == 0)
            return false;
    return item->kind == BENCH_MODEL;
}

static void fill_heads(const struct grid *grid)
{
    for (size_t row = 0; row < HEADS; row++) {
        for (size_t column = 0; column < MODELS; column++)
            put(grid, row, column, heads[column][row]);
        for (size_t i = 0; i < 2; i++)
            put(grid, row, grid->columns - 2 + i, last_heads[i][row]);
    }
}

static void fill_source(const struct grid *grid, const struct bench_results *results, size_t index)
{
    const struct bench_source *source = &results->sources[index];
    const size_t row = HEADS + index;
    char text[64];

    put(grid, row, DEVICE, source->processor[0] != '\0' ? source->processor : bench_source_file(source));
    bench_source_maker(source, text, sizeof text);
    put(grid, row, VENDOR, text);
    put(grid, row, PLATFORM, source->product);
    put(grid, row, KERNELS, source->kernels);
    for (size_t i = 0; i < results->source_count; i++) /* told where there are several */
        if (strcmp(results->sources[i].host, source->host) != 0)
            put(grid, row, HOST, source->host);
    put_number(grid, row, FMA, "%.0f", bench_number(source->ceilings, "fma_gflops"));
    put_number(grid, row, COPY, "%.1f", bench_number(source->ceilings, "copy_gbs"));
    put_number(grid, row, LAUNCH, "%.1f", bench_number(source->ceilings, "launch_us"));
    bench_write_models(results, index, text);
    put(grid, row, grid->columns - 2, text);
    bench_write_cases(results, index, text);
    put(grid, row, grid->columns - 1, text);
}

/* A model in a mode: its head, and the median of every source. */
static void fill_model(const struct grid *grid, const struct bench_results *results, const struct bench_result *item, size_t column)
{
    const double length = bench_number(item->object, "length");
    char text[64];
    int used = snprintf(text, sizeof text, "%.40s, %.0f", bench_text(item->object, "mode"), bench_number(item->object, "batch"));

    if (isfinite(length))
        snprintf(text + used, sizeof text - (size_t)used, "x%.0f", length);
    put(grid, 0, column, bench_text(item->object, "model"));
    put(grid, 1, column, text);
    put(grid, 2, column, "ms");
    for (size_t source = 0; source < results->source_count; source++) {
        const struct bench_result *found = bench_results_find(results, source, BENCH_MODEL, item->subject);

        if (found != NULL)
            put_number(grid, HEADS + source, column, found->figure.value < 1000.0 ? "%.4g" : "%.0f", found->figure.value);
    }
}

static clmix_status print_table(const struct bench_results *results)
{
    struct grid grid = { .columns = MODELS + 2, .rows = HEADS + results->source_count, .first_number = FMA };
    size_t column = MODELS;

    for (size_t i = 0; i < results->count; i++)
        grid.columns += is_column(results, i);
    grid.numbers = grid.columns - 2 - FMA;
    grid.cells = calloc(grid.rows * grid.columns, sizeof *grid.cells);
    if (grid.cells == NULL)
        return clmix_fail_memory("the table");
    fill_heads(&grid);
    for (size_t i = 0; i < results->source_count; i++)
        fill_source(&grid, results, i);
    for (size_t i = 0; i < results->count; i++)
        if (is_column(results, i))
            fill_model(&grid, results, &results->items[i], column++);
    print_grid(&grid);
    free(grid.cells);
    return CLMIX_OK;
}

/* ---- what is said below it ------------------------------------------------------------------------------------------------------------ */

static void print_faults(const struct bench_results *results)
{
    char text[2048];

    for (size_t i = 0; i < results->note_count; i++)
        if (bench_say_failure(results, i, text, sizeof text))
            terminal_say(2, "%s", text);
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].kind == BENCH_MODEL && bench_say_difference(results, &results->items[i], text, sizeof text))
            terminal_say(2, "%s", text);
    for (size_t source = 0; source < results->source_count; source++)
        if (bench_say_wrong_cases(results, source, text, sizeof text))
            terminal_say(2, "%s", text);
}

static void print_reasons(const struct bench_results *results)
{
    char why[1024];

    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];

        if (item->kind == BENCH_MODEL && bench_why(results, item, why, sizeof why))
            terminal_say(2, "%s, %s: %s", results->sources[item->source].label, item->subject, why);
    }
}

static clmix_status print_text(const struct bench_results *results)
{
    CLMIX_TRY(print_table(results));
    printf("\n");
    print_faults(results);
    print_reasons(results);
    return CLMIX_OK;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------------------------- */

static cJSON *model_json(const struct bench_results *results, const struct bench_result *item)
{
    const struct bench_model_check check = bench_check_model(results, item);
    cJSON *json = cJSON_CreateObject();
    char why[1024];

    cJSON_AddStringToObject(json, "model", bench_text(item->object, "model"));
    cJSON_AddStringToObject(json, "mode", bench_text(item->object, "mode"));
    cJSON_AddNumberToObject(json, "batch", bench_number(item->object, "batch"));
    bench_add(json, "step_ms", item->figure.value);
    bench_add(json, "fraction_of_peak", bench_number(item->object, "fraction_of_peak"));
    if (check.answer != BENCH_ALONE)
        cJSON_AddStringToObject(json, "reference", results->sources[check.reference].label);
    if (check.answer >= BENCH_AGREES) {
        bench_add(json, "error", check.error);
        cJSON_AddBoolToObject(json, "agrees", check.answer == BENCH_AGREES);
    }
    if (bench_why(results, item, why, sizeof why))
        cJSON_AddStringToObject(json, "slower", why);
    return json;
}

static cJSON *source_json(const struct bench_results *results, size_t index)
{
    static const char *const ceilings[] = { "fma_gflops", "copy_gbs", "launch_us", "sync_launch_us" };
    const struct bench_source *source = &results->sources[index];
    const struct bench_case_check check = bench_check_cases(results, index);
    cJSON *json = cJSON_CreateObject(), *models, *failures;

    cJSON_AddStringToObject(json, "label", source->label);
    cJSON_AddStringToObject(json, "device", source->device);
    cJSON_AddStringToObject(json, "vendor", source->vendor);
    cJSON_AddStringToObject(json, "driver", source->driver);
    cJSON_AddStringToObject(json, "platform", source->platform);
    cJSON_AddStringToObject(json, "kernels", source->kernels);
    cJSON_AddStringToObject(json, "host", source->host);
    for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++)
        bench_add(json, ceilings[i], bench_number(source->ceilings, ceilings[i]));
    cJSON_AddNumberToObject(json, "cases", (double)check.cases);
    cJSON_AddNumberToObject(json, "wrong_cases", (double)check.wrong);
    models = cJSON_AddArrayToObject(json, "models");
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].kind == BENCH_MODEL && results->items[i].source == index)
            cJSON_AddItemToArray(models, model_json(results, &results->items[i]));
    failures = cJSON_AddArrayToObject(json, "failures");
    for (size_t i = 0; i < results->note_count; i++)
        if (results->notes[i].failure && results->notes[i].source == index)
            cJSON_AddItemToArray(failures, cJSON_Duplicate(results->notes[i].object, true));
    return json;
}

static bool print_json(const struct cli *cli, const struct bench_results *results)
{
    bool good = true;

    for (size_t i = 0; good && i < results->source_count; i++)
        good = cli_print_json(cli, source_json(results, i));
    return good;
}

/* ---- the command ---------------------------------------------------------------------------------------------------------------------- */

int bench_collect_show(const struct cli *cli, const struct bench_request *request, const struct bench_results *results)
{
    clmix_status status = CLMIX_OK;

    if (cli->json) {
        if (!print_json(cli, results))
            return 1;
    } else {
        status = print_text(results);
    }
    if (status == CLMIX_OK && request->html != NULL)
        status = bench_report_write(results, NULL, request->html);
    return status == CLMIX_OK ? 0 : cli_fail(cli, status);
}

int bench_collect(const struct cli *cli, const struct bench_request *request, const char *const *paths, size_t count)
{
    struct bench_results results = { 0 };
    clmix_status status = bench_results_read_all(&results, paths, count, request->filter);
    const int exit_status = status == CLMIX_OK ? bench_collect_show(cli, request, &results) : cli_fail(cli, status);
    bench_results_free(&results);
    return exit_status;
}
