/* clmix-bench devices: the same work on every device of this machine, by turns, and a table and a page of it. */
#include "base/file.h"
#include "base/status.h"
#include "bench/collect.h"
#include "bench/turns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A network of convolutions and one of attention, where none is named. */
static const char *const usual_models[] = { "wavemix-32", "vit", NULL };

/* ---- which devices -------------------------------------------------------------------------------------------------------------------- */

static bool has(const char *text, const char *part, size_t length)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;

        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

/* Whether one of the names in a list with commas is a device's: its number, platform:device, or a part of the names that it goes by. */
static bool is_named(const clmix_device_info *info, const char *list)
{
    char number[16], place[32];

    snprintf(number, sizeof number, "%d", info->index);
    snprintf(place, sizeof place, "%d:%d", info->platform_index, info->device_index);
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        const size_t length = strcspn(at, ",");
        const bool numeric = isdigit((unsigned char)*at);

        if ((length == strlen(number) && strncmp(at, number, length) == 0) || (length == strlen(place) && strncmp(at, place, length) == 0))
            return true;
        if (length > 0 && !numeric && (has(info->name, at, length) || has(info->platform, at, length) || has(info->vendor, at, length)))
            return true;
        at += length;
    }
    return false;
}

/* Whether a quirk leaves it one form of the kernels: "simt-only: ...", "wide-only: ...". */
static bool has_one_form(const clmix_device_info *info)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *quirk = clmix_device_quirk(info, bit);

        if (quirk != NULL && (strncmp(quirk, "simt-only:", 10) == 0 || strncmp(quirk, "wide-only:", 10) == 0))
            return true;
    }
    return false;
}

static void add_contender(struct bench_turns *turns, const clmix_device_info *info, bool other_form)
{
    struct bench_contender *contender = &turns->contenders[turns->count++];

    contender->info = info;
    contender->other_form = other_form;
    snprintf(contender->selector, sizeof contender->selector, "%d:%d", info->platform_index, info->device_index);
}

/* A device that is alone has nothing to agree with but its own kernels of the other form, where it can have them. */
static clmix_status choose_contenders(struct bench_turns *turns, const clmix_device_info *list, size_t count)
{
    const char *named = turns->cli->device;

    turns->contenders = calloc(count + 1, sizeof *turns->contenders);
    if (turns->contenders == NULL)
        return clmix_fail_memory("the devices");
    for (size_t i = 0; i < count; i++)
        if (named == NULL || is_named(&list[i], named))
            add_contender(turns, &list[i], false);
    if (turns->count == 0)
        return clmix_fail(CLMIX_ERROR_NO_DEVICE, "none of the %zu devices here is one of '%s'", count, named);
    if (turns->count == 1 && getenv("CLMIX_KERNELS") == NULL && !has_one_form(turns->contenders[0].info))
        add_contender(turns, turns->contenders[0].info, true);
    return CLMIX_OK;
}

/* ---- the results ---------------------------------------------------------------------------------------------------------------------- */

/* Nothing where no file was begun. */
static clmix_status write_all(const struct bench_turns *turns, clmix_file_writer *file)
{
    if (turns->request->out == NULL)
        return CLMIX_OK;
    for (size_t i = 0; i < turns->count; i++)
        CLMIX_TRY(bench_write_results(turns->contenders[i].lines, file));
    return clmix_file_finish(file);
}

/* Hands the contenders' lines over. */
static clmix_status take_lines(struct bench_results *results, const struct bench_turns *turns)
{
    size_t number = 1;

    for (size_t i = 0; i < turns->count; i++) {
        cJSON *line;

        while ((line = cJSON_DetachItemFromArray(turns->contenders[i].lines, 0)) != NULL)
            CLMIX_TRY(bench_results_add(results, "these results", number++, line, NULL));
    }
    bench_source_label(results->sources, results->source_count);
    return CLMIX_OK;
}

static int show(const struct bench_turns *turns)
{
    struct bench_results results = { 0 };
    clmix_status status = take_lines(&results, turns);
    int exit_status;

    exit_status = status == CLMIX_OK ? bench_collect_show(turns->cli, turns->request, &results) : cli_fail(turns->cli, status);
    if (exit_status == 0 && bench_collect_faulty(&results))
        exit_status = 1;
    bench_results_free(&results);
    return exit_status;
}

int bench_devices(const struct cli *cli, const struct bench_request *request)
{
    struct bench_turns turns = { .cli = cli, .request = request, .models = cli->argument_count > 1 ? cli->arguments + 1 : usual_models };
    clmix_device_info *list = NULL;
    clmix_file_writer file = { NULL, NULL, NULL };
    size_t count = 0;
    clmix_status status = clmix_device_list(&list, &count, NULL);
    int exit_status;

    if (status == CLMIX_OK)
        status = choose_contenders(&turns, list, count);
    if (status == CLMIX_OK && request->out != NULL) /* now, so that a file that cannot be written costs no time */
        status = clmix_file_begin(&file, request->out);
    if (status == CLMIX_OK)
        status = bench_take_turns(&turns);
    if (status == CLMIX_OK)
        status = write_all(&turns, &file);
    exit_status = status == CLMIX_OK ? show(&turns) : cli_fail(cli, status);
    clmix_file_abandon(&file);
    bench_turns_free(&turns);
    clmix_free(list);
    return exit_status;
}
