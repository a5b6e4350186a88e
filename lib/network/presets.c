/* Presets by name. A file holds the rows of one paper's tables; a row names its neighbour ("like") and how it differs from it. */
#include "network/presets.h"

#include "base/status.h"
#include "io/json.h"
#include "network/overlay.h"

#include <clmix/network.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LIKE 16 /* rows that are like one another, so that a circle ends */

const char *clmix_preset_name(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (clmix_presets_rows[i] == NULL)
            return NULL;
    return clmix_presets_rows[index];
}

static clmix_status parse(cJSON **papers, size_t file)
{
    return clmix_json_parse(papers, clmix_presets_files[file].name, (const char *)clmix_presets_files[file].text,
                            clmix_presets_files[file].bytes);
}

/* The row called `name`, over those that it is like: the farthest first. */
static clmix_status collect(cJSON *config, const cJSON *paper, const char *name)
{
    const cJSON *rows[MOST_LIKE], *like;
    size_t count = 0;

    do {
        const cJSON *row = cJSON_GetObjectItemCaseSensitive(paper, name);

        if (row == NULL || count == MOST_LIKE)
            return clmix_fail(CLMIX_ERROR_INTERNAL, "a preset is like '%s', a row that its file does not have, or like itself", name);
        rows[count++] = row;
        like = cJSON_GetObjectItemCaseSensitive(row, "like");
        name = cJSON_GetStringValue(like);
    } while (name != NULL);
    while (count > 0)
        if (!clmix_overlay(config, rows[--count]))
            return clmix_fail_memory("a preset");
    return CLMIX_OK;
}

/* The file that has a row of this name, which the caller deletes; *paper is NULL where none has. */
static clmix_status find_file(cJSON **paper, size_t *file, const char *name)
{
    *paper = NULL;
    for (*file = 0; *file < clmix_presets_count; ++*file) {
        CLMIX_TRY(parse(paper, *file));
        if (cJSON_GetObjectItemCaseSensitive(*paper, name) != NULL)
            return CLMIX_OK;
        cJSON_Delete(*paper);
        *paper = NULL;
    }
    return CLMIX_OK;
}

/* A row over those that it is like, with what it says of itself; NULL where there is none of that name. */
static clmix_status find(cJSON **config, const char *name)
{
    cJSON *paper;
    size_t file;
    clmix_status status;

    *config = NULL;
    CLMIX_TRY(find_file(&paper, &file, name));
    if (paper == NULL)
        return CLMIX_OK;
    *config = cJSON_CreateObject();
    status = *config == NULL ? clmix_fail_memory("a preset") : collect(*config, paper, name);
    cJSON_Delete(paper);
    if (status != CLMIX_OK) {
        cJSON_Delete(*config);
        *config = NULL;
    }
    return status;
}

clmix_status clmix_preset_config(cJSON **config, const char *name)
{
    CLMIX_TRY(find(config, name));
    cJSON_DeleteItemFromObjectCaseSensitive(*config, "like");
    cJSON_DeleteItemFromObjectCaseSensitive(*config, "table");
    cJSON_DeleteItemFromObjectCaseSensitive(*config, "paper");
    return CLMIX_OK;
}

clmix_status clmix_preset_table(const char *name, char *text)
{
    CLMIX_NEED(name);
    CLMIX_NEED(text);

    cJSON *row;
    const char *table;

    CLMIX_TRY(find(&row, name));
    if (row == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "there is no preset '%.200s'", name);
    table = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "table"));
    snprintf(text, CLMIX_PRESET_TABLE_BYTES, "%s", table == NULL ? "" : table);
    cJSON_Delete(row);
    return CLMIX_OK;
}

/* ---- what the papers print ------------------------------------------------------------------------------------------------------------ */

const char *clmix_paper_name(size_t index)
{
    return index < clmix_presets_count ? clmix_presets_files[index].name : NULL;
}

clmix_status clmix_preset_printed(cJSON **printed, size_t *file, const char *name)
{
    char table[CLMIX_PRESET_TABLE_BYTES];
    cJSON *paper;

    *printed = NULL;
    CLMIX_TRY(clmix_preset_table(name, table));
    CLMIX_TRY(find_file(&paper, file, name));
    *printed = cJSON_DetachItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(paper, name), "paper");
    cJSON_Delete(paper);
    if (*printed == NULL)
        *printed = cJSON_CreateObject();
    if (*printed != NULL && cJSON_AddStringToObject(*printed, "table", table) != NULL)
        return CLMIX_OK;
    cJSON_Delete(*printed);
    *printed = NULL;
    return clmix_fail_memory("a preset");
}

/* The last digit of "0.57" counts hundredths. */
static double last_digit(const char *number)
{
    const char *point = strchr(number, '.');
    double digit = 1.0;

    for (size_t i = 1; point != NULL && point[i] >= '0' && point[i] <= '9'; i++)
        digit /= 10.0;
    return digit;
}

bool clmix_paper_agrees(const cJSON *figure, double value)
{
    const char *text = cJSON_GetStringValue(figure);
    double unit;

    if (text == NULL)
        return cJSON_IsNumber(figure) && fabs(figure->valuedouble - value) < 0.0051;
    unit = strstr(text, "M") != NULL ? 1e6 : 1.0;
    return fabs(strtod(text, NULL) * unit - value) < last_digit(text) * unit;
}
