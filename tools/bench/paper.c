/* clmix-bench paper: every row of the papers' tables as it is here, beside what the paper prints. Nothing is run: models are counted and planned. */
#include "base/near.h"
#include "base/status.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/page.h"
#include "common/terminal.h"
#include "network/config.h"
#include "network/presets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAPER_BYTES 64
#define PAPERS      16

/* ---- counting ------------------------------------------------------------------------------------------------------------------------- */

/* "vix" of "vix.json". */
static void name_paper(size_t file, char name[PAPER_BYTES])
{
    snprintf(name, PAPER_BYTES, "%.*s", (int)strcspn(clmix_paper_name(file), "."), clmix_paper_name(file));
}

/* Whether the figure called `key` is `value`; true where none is printed. */
static bool agrees(const cJSON *printed, const char *key, double value)
{
    const cJSON *figure = cJSON_GetObjectItemCaseSensitive(printed, key);

    return figure == NULL || clmix_paper_agrees(figure, value);
}

static bool has_figures(const cJSON *printed)
{
    return cJSON_HasObjectItem(printed, "parameters") || cJSON_HasObjectItem(printed, "mb");
}

/* A row as an object. `printed` is taken over. */
static clmix_status describe(const struct bench_request *request, clmix_device *device, const char *model, const char *paper,
                             cJSON *printed, cJSON **row)
{
    clmix_train_options options = clmix_train_defaults();
    clmix_config *config = NULL;
    clmix_plan_cost step;
    size_t parameters = 0, peak_bytes = 0;
    double megabytes = 0.0;
    struct clmix_extent extent = { 0 };
    clmix_status status = clmix_config_open(&config, model);

    if (status == CLMIX_OK)
        status = model_extent(config, request->batch, 0, &extent);
    options.batch = extent.batch;
    options.length = extent.length;
    if (status == CLMIX_OK)
        status = clmix_config_paper_count(config, &parameters, &megabytes);
    if (status == CLMIX_OK)
        status = clmix_train_cost(device, config, 0, 0, &options, &step, &peak_bytes);
    if (status != CLMIX_OK) {
        cJSON_Delete(printed);
        clmix_config_free(config);
        return clmix_fail_at(status, "%s", model);
    }
    *row = cJSON_CreateObject();
    cJSON_AddStringToObject(*row, "paper", paper);
    cJSON_AddStringToObject(*row, "model", model);
    cJSON_AddNumberToObject(*row, "parameters", (double)clmix_config_trained_values(config));
    cJSON_AddNumberToObject(*row, "parameters_paper", (double)parameters);
    cJSON_AddNumberToObject(*row, "size_mb_paper", megabytes);
    bench_add_extent(*row, extent);
    cJSON_AddNumberToObject(*row, "peak_bytes_training", (double)peak_bytes);
    cJSON_AddItemToObject(*row, "printed", printed);
    if (has_figures(printed))
        cJSON_AddBoolToObject(*row, "agrees", agrees(printed, "parameters", (double)parameters) && agrees(printed, "mb", megabytes));
    else
        cJSON_AddNullToObject(*row, "agrees");
    cJSON_AddStringToObject(*row, "device", clmix_device_describe(device)->name);
    clmix_config_free(config);
    return CLMIX_OK;
}

/* ---- text ----------------------------------------------------------------------------------------------------------------------------- */

static const cJSON *printed_of(const cJSON *row, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(row, "printed"), key);
}

/* A figure as the paper has it, "" where it has none. */
static const char *write_printed(char text[32], const cJSON *row, const char *key)
{
    const cJSON *figure = printed_of(row, key);

    text[0] = '\0';
    if (cJSON_IsString(figure))
        snprintf(text, 32, "%.31s", figure->valuestring);
    else if (cJSON_IsNumber(figure) && strcmp(key, "parameters") == 0)
        clmix_grouped(text, (size_t)figure->valuedouble);
    else if (cJSON_IsNumber(figure))
        snprintf(text, 32, strcmp(key, "mb") == 0 ? "%.2f" : "%.1f", figure->valuedouble);
    return text;
}

/* Columns of a row; those with a least width are left out on a narrower terminal. */
struct cells {
    const char *model, *table, *values, *parameters, *printed, *size, *printed_size, *peak, *printed_peak;
};

static void print_cells(const struct cells *cells)
{
    const size_t columns = terminal_columns(stdout);
    char name[64];

    snprintf(name, sizeof name, "%s", cells->model);
    if (columns >= 112)
        printf("%-30s %-13s %10s  %10s %10s  %7s %7s  %8s %6s\n", name, cells->table, cells->values, cells->parameters, cells->printed,
               cells->size, cells->printed_size, cells->peak, cells->printed_peak);
    else if (columns >= 76)
        printf("%-21s %10s %10s  %7s %7s %7s %6s\n", terminal_cut(name, 21), cells->parameters, cells->printed, cells->size,
               cells->printed_size, cells->peak, cells->printed_peak);
    else
        printf("%-20s %10s %8s %8s\n", terminal_cut(name, 20), cells->parameters, cells->size, cells->peak);
}

static void print_row(const cJSON *row)
{
    char values[32], parameters[32], size[32], peak[32], printed[3][32];
    const cJSON *table = printed_of(row, "table");
    struct cells cells = { .model = bench_text(row, "model"),
                           .table = cJSON_IsString(table) ? table->valuestring : "",
                           .values = clmix_grouped(values, (size_t)bench_number(row, "parameters")),
                           .parameters = clmix_grouped(parameters, (size_t)bench_number(row, "parameters_paper")),
                           .printed = write_printed(printed[0], row, "parameters"),
                           .size = size,
                           .printed_size = write_printed(printed[1], row, "mb"),
                           .peak = peak,
                           .printed_peak = write_printed(printed[2], row, "gpu_gb") };

    snprintf(size, sizeof size, "%.2f", bench_number(row, "size_mb_paper"));
    snprintf(peak, sizeof peak, "%.3f", 1e-9 * bench_number(row, "peak_bytes_training"));
    print_cells(&cells);
}

static bool differs(const cJSON *row)
{
    return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(row, "agrees"));
}

/* What the usual batch is of sequences. */
static const char *of_sequences(const struct bench_request *request)
{
    return request->batch == MODEL_USUAL_BATCH ? ", or of sequences with " CLI_TEXT(MODEL_TOKENS) " tokens," : "";
}

static void print_head(const struct bench_request *request, const clmix_device *device, const char *paper)
{
    terminal_say(
        2,
        "%s: parameters and MB by the papers' counting rule beside what is printed; GB of device memory that training in batches of %d%s "
        "takes, planned for %s, beside those printed",
        paper, bench_pictures(request), of_sequences(request), clmix_device_describe(device)->name);
    print_cells(&(struct cells){ "model", "table", "trained", "parameters", "printed", "MB", "printed", "GB", "printed" });
}

/* What does not agree, and why. */
static void print_notes(const cJSON *rows)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *note = printed_of(row, "note");

        if (differs(row))
            terminal_say(2, "%s differs from what is printed%s%s", bench_text(row, "model"), cJSON_IsString(note) ? ": " : "",
                         cJSON_IsString(note) ? note->valuestring : "");
    }
}

/* ---- the page ------------------------------------------------------------------------------------------------------------------------- */

static void put_row(struct bench_page *page, const cJSON *row)
{
    const cJSON *table = printed_of(row, "table"), *note = printed_of(row, "note");
    char text[32];

    bench_table_row(page);
    bench_table_cell(page, bench_text(row, "model"), differs(row) && cJSON_IsString(note) ? note->valuestring : NULL);
    bench_table_cell(page, cJSON_IsString(table) ? table->valuestring : "", NULL);
    bench_table_cell(page, clmix_grouped(text, (size_t)bench_number(row, "parameters")), NULL);
    bench_table_cell(page, clmix_grouped(text, (size_t)bench_number(row, "parameters_paper")), NULL);
    bench_table_cell(page, write_printed(text, row, "parameters"), differs(row) ? "differs" : NULL);
    bench_table_number(page, bench_number(row, "size_mb_paper"), "%.2f");
    bench_table_cell(page, write_printed(text, row, "mb"), NULL);
    bench_table_number(page, 1e-9 * bench_number(row, "peak_bytes_training"), "%.3f");
    bench_table_cell(page, write_printed(text, row, "gpu_gb"), NULL);
    bench_table_row_end(page);
}

static void put_paper(struct bench_page *page, const cJSON *rows, const char *paper)
{
    static const struct bench_column columns[] = { { "model", NULL },      { "table", "left" },    { "trained values", "wide" },
                                                   { "parameters", NULL }, { "printed", NULL },    { "MB", NULL },
                                                   { "MB printed", NULL }, { "GB planned", NULL }, { "GB printed", NULL } };
    const cJSON *row;

    bench_page_put(page, "<h2>");
    bench_page_text(page, paper);
    bench_page_put(page, "</h2>\n");
    bench_table_begin(page, columns, sizeof columns / sizeof *columns);
    cJSON_ArrayForEach(row, rows) if (strcmp(bench_text(row, "paper"), paper) == 0) put_row(page, row);
    bench_table_end(page);
}

static clmix_status write_page(const struct bench_request *request, const clmix_device *device, const cJSON *rows)
{
    struct bench_page page;
    char paper[PAPER_BYTES];
    const cJSON *row;

    bench_page_begin(&page, request->html, "clmix: the papers' tables");
    if (page.status != CLMIX_OK)
        return page.status;
    bench_page_put(&page, "<p class=\"faint\">Planned for ");
    bench_page_text(&page, clmix_device_describe(device)->name);
    bench_page_put(&page,
                   " by clmix " CLMIX_VERSION
                   ", training in batches of %d%s. Parameters and MB by the papers' counting rule (torchsummary).</p>\n",
                   bench_pictures(request), of_sequences(request));
    for (size_t i = 0; clmix_paper_name(i) != NULL; i++) {
        bool any = false;

        name_paper(i, paper);
        cJSON_ArrayForEach(row, rows) any = any || strcmp(bench_text(row, "paper"), paper) == 0;
        if (any)
            put_paper(&page, rows, paper);
    }
    return bench_page_end(&page);
}

/* ---- the command ---------------------------------------------------------------------------------------------------------------------- */

/* Which file is asked for; none of them is the number of papers. */
static clmix_status find_paper(const char *wanted, size_t *file)
{
    char names[PAPERS][PAPER_BYTES], list[256] = "", meant[CLMIX_MEANT_BYTES];
    const char *words[PAPERS];
    size_t count = 0;

    for (*file = PAPERS; count < PAPERS && clmix_paper_name(count) != NULL; count++) {
        name_paper(count, names[count]);
        words[count] = names[count];
        if (wanted != NULL && strcmp(wanted, names[count]) == 0)
            *file = count;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", count > 0 ? ", " : "", names[count]);
    }
    if (wanted == NULL || *file < count)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "there are no tables of a paper '%.100s' here; there are: %s%s", wanted, list,
                      clmix_meant(meant, wanted, words, count));
}

/* The rows of one paper; those that are printed are kept. */
static clmix_status show_paper(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, size_t file)
{
    const size_t before = (size_t)cJSON_GetArraySize(sink->kept);
    char paper[PAPER_BYTES];
    clmix_status status = CLMIX_OK;

    name_paper(file, paper);
    for (size_t i = 0; status == CLMIX_OK && clmix_preset_name(i) != NULL; i++) {
        const char *model = clmix_preset_name(i);
        cJSON *printed = NULL, *row = NULL;
        size_t of = 0;

        if (request->filter != NULL && strstr(model, request->filter) == NULL)
            continue;
        status = clmix_preset_printed(&printed, &of, model);
        if (status != CLMIX_OK || of != file) {
            cJSON_Delete(printed);
            continue;
        }
        if (!sink->cli->json && (size_t)cJSON_GetArraySize(sink->kept) == before)
            print_head(request, device, paper);
        status = describe(request, device, model, paper, printed, &row);
        if (status == CLMIX_OK && !bench_emit(sink, row, print_row))
            status = clmix_fail(CLMIX_ERROR_FILE, "cannot write the result");
    }
    return status;
}

int bench_paper(struct bench_sink *sink, const struct bench_request *request, const char *paper)
{
    clmix_device *device = NULL;
    size_t wanted;
    clmix_status status = find_paper(paper, &wanted);

    sink->kept = cJSON_CreateArray();
    if (status == CLMIX_OK)
        status = model_device_for_plans(sink->cli->device, &device);
    for (size_t i = 0; status == CLMIX_OK && clmix_paper_name(i) != NULL; i++)
        if (paper == NULL || i == wanted)
            status = show_paper(sink, request, device, i);
    if (status == CLMIX_OK && cJSON_GetArraySize(sink->kept) == 0)
        status = clmix_fail(CLMIX_ERROR_ARGUMENT, "no preset has '%s' in its name", request->filter);
    if (status == CLMIX_OK && !sink->cli->json)
        print_notes(sink->kept);
    if (status == CLMIX_OK && request->html != NULL)
        status = write_page(request, device, sink->kept);
    clmix_device_close(device);
    cJSON_Delete(sink->kept);
    sink->kept = NULL;
    return status == CLMIX_OK ? 0 : bench_fail(sink->cli, status);
}
