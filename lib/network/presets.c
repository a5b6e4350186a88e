/* Presets by name. A file holds the rows of one paper's tables; a row names its neighbour ("like") and how it differs from it. */
#include "network/presets.h"

#include "base/status.h"
#include "io/json.h"
#include "network/overlay.h"

#include <clmix/network.h>
#include <string.h>

#define MOST_LIKE 16 /* rows that are like one another, so that a circle ends */

/* In the papers' order; each is a row of a file. */
static const char *const names[] = {
    "wavemix-16", "wavemix-32", "wavemix-64", "wavemix-128", "wavemix-convstride2", "wavemix-top4", "wavemix-all5",
};

const char *clmix_preset_name(size_t index)
{
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static clmix_status parse(cJSON **papers, size_t file)
{
    return clmix_json_parse(papers, clmix_presets_files[file].name, (const char *)clmix_presets_files[file].text,
                            clmix_presets_files[file].bytes);
}

size_t clmix_preset_rows(void)
{
    size_t rows = 0;

    for (size_t i = 0; i < clmix_presets_count; i++) {
        cJSON *paper = NULL;

        if (parse(&paper, i) == CLMIX_OK)
            rows += (size_t)cJSON_GetArraySize(paper);
        cJSON_Delete(paper);
    }
    return rows;
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
    cJSON_DeleteItemFromObjectCaseSensitive(config, "like");
    cJSON_DeleteItemFromObjectCaseSensitive(config, "table");
    return CLMIX_OK;
}

clmix_status clmix_preset_config(cJSON **config, const char *name)
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
