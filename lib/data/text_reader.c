#include "data/text_reader.h"

#include "base/spec.h"
#include "base/status.h"
#include "text/skips.h"

#include <stdlib.h>
#include <string.h>

static const clmix_text_reader_kind *const kinds[] = {
    &clmix_text_reader_text, &clmix_text_reader_tsv,     &clmix_text_reader_csv,
    &clmix_text_reader_imdb, &clmix_text_reader_listops, &clmix_text_reader_retrieval,
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static clmix_status find_kind(const char *spec, const clmix_text_reader_kind **found, const char **argument)
{
    struct clmix_spec_kinds names = { .what = "data set", .count = KINDS };
    size_t kind = 0;

    for (size_t i = 0; i < KINDS; i++) {
        names.names[i] = kinds[i]->name;
        names.arguments[i] = kinds[i]->argument;
    }
    CLMIX_TRY(clmix_spec_split(&names, spec, &kind, argument));
    *found = kinds[kind];
    return CLMIX_OK;
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
