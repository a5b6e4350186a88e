#include "data/text_reader.h"

#include "base/near.h"
#include "base/status.h"
#include "text/skips.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const clmix_text_reader_kind *const kinds[] = {
    &clmix_text_reader_text, &clmix_text_reader_tsv,     &clmix_text_reader_csv,
    &clmix_text_reader_imdb, &clmix_text_reader_listops, &clmix_text_reader_retrieval,
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static clmix_status refuse_kind(const char *spec, size_t length)
{
    char kind[32], meant[CLMIX_MEANT_BYTES], specs[256];
    const char *names[KINDS];
    size_t used = 0;

    for (size_t i = 0; i < KINDS; i++) {
        const char *before = i == 0 ? "" : i + 1 < KINDS ? ", " : " or ", *argument = kinds[i]->argument;

        names[i] = kinds[i]->name;
        used += (size_t)snprintf(specs + used, sizeof specs - used, "%s%s%s%s", before, names[i], argument == NULL ? "" : ":",
                                 argument == NULL ? "" : argument);
    }
    snprintf(kind, sizeof kind, "%.*s", (int)(length < sizeof kind ? length : sizeof kind - 1), spec);
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "the texts '%.200s' are of no known kind; use %s%s", spec, specs,
                      clmix_meant(meant, kind, names, KINDS));
}

static clmix_status find_kind(const char *spec, const clmix_text_reader_kind **kind, const char **argument)
{
    const size_t length = strcspn(spec, ":");

    *argument = spec[length] == ':' ? spec + length + 1 : "";
    for (size_t i = 0; i < KINDS; i++) {
        if (strlen(kinds[i]->name) != length || strncmp(kinds[i]->name, spec, length) != 0)
            continue;
        if ((*argument)[0] == '\0' && kinds[i]->argument != NULL)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the data set '%s' does not say where it is; write %s:%s", spec, kinds[i]->name,
                              kinds[i]->argument);
        *kind = kinds[i];
        return CLMIX_OK;
    }
    return refuse_kind(spec, length);
}

clmix_status clmix_text_reader_open(clmix_text_reader **reader, const char *spec)
{
    const clmix_text_reader_kind *kind = NULL;
    const char *argument;
    clmix_text_reader *opened;
    clmix_status status;

    *reader = NULL;
    CLMIX_TRY(find_kind(spec, &kind, &argument));
    opened = calloc(1, sizeof *opened);
    if (opened == NULL || (opened->spec = strdup(spec)) == NULL) {
        free(opened);
        return clmix_fail_memory("a reader of text");
    }
    opened->kind = kind;
    opened->texts = 1;
    status = kind->open(opened, argument);
    if (status != CLMIX_OK)
        clmix_text_reader_close(opened);
    else
        *reader = opened;
    return status;
}

void clmix_text_reader_close(clmix_text_reader *reader)
{
    if (reader == NULL)
        return;
    reader->kind->close(reader);
    free(reader->spec);
    free(reader);
}

clmix_status clmix_text_reader_begin(clmix_text_reader *reader, clmix_split split)
{
    if (!reader->has[split])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' has no %s split", reader->spec, split == CLMIX_TRAIN ? "train" : "test");
    reader->split = split;
    reader->skips[split] = (clmix_skips){ 0 };
    return reader->kind->begin(reader, split);
}

clmix_status clmix_text_reader_next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found)
{
    *sample = (clmix_text_sample){ .label = CLMIX_NO_LABEL };
    *found = false;
    CLMIX_TRY(reader->kind->next(reader, sample, found));
    if (*found)
        return CLMIX_OK;
    return clmix_skips_check(&reader->skips[reader->split], "nothing of the %s split of '%s'",
                             reader->split == CLMIX_TRAIN ? "train" : "test", reader->spec);
}
