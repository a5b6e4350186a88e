/* Presets by name. A file holds the rows of one paper's tables; a row names its neighbour ("like") and how it differs from it. */
#include "network/presets.h"

#include "base/status.h"
#include "io/json.h"
#include "network/overlay.h"

#include <clmix/network.h>
#include <stdio.h>
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

/* A row over those that it is like, with what it says of itself; NULL where there is none of that name. */
static clmix_status find(cJSON **config, const char *name)
{
    *config = NULL;
    for (size_t i = 0; i < clmix_presets_count && *config == NULL; i++) {
        cJSON *paper = NULL;
        clmix_status status;

        CLMIX_TRY(parse(&paper, i));
        status = CLMIX_OK;
        if (cJSON_GetObjectItemCaseSensitive(paper, name) != NULL) {
            *config = cJSON_CreateObject();
            status = *config == NULL ? clmix_fail_memory("a preset") : collect(*config, paper, name);
        }
        cJSON_Delete(paper);
        if (status != CLMIX_OK) {
            cJSON_Delete(*config);
            *config = NULL;
            return status;
        }
    }
    return CLMIX_OK;
}

clmix_status clmix_preset_config(cJSON **config, const char *name)
{
    CLMIX_TRY(find(config, name));
    cJSON_DeleteItemFromObjectCaseSensitive(*config, "like");
    cJSON_DeleteItemFromObjectCaseSensitive(*config, "table");
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
