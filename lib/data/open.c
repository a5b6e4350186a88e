/* From a spec such as "cifar10:DIR" to an open data set. */
#include "base/spec.h"
#include "base/status.h"
#include "data/dataset.h"

static const clmix_data_source *const sources[] = {
    &clmix_source_shapes,       &clmix_source_cifar10, &clmix_source_cifar100,   &clmix_source_mnist,     &clmix_source_folder,
    &clmix_source_tinyimagenet, &clmix_source_pixels,  &clmix_source_pathfinder, &clmix_source_text,      &clmix_source_tsv,
    &clmix_source_csv,          &clmix_source_imdb,    &clmix_source_listops,    &clmix_source_retrieval,
};

#define SOURCES (sizeof sources / sizeof sources[0])

_Static_assert(SOURCES <= CLMIX_SPEC_KINDS, "a spec may name them all");

static clmix_status find_source(const char *spec, const clmix_data_source **source, const char **argument)
{
    struct clmix_spec_kinds kinds = { .what = "data set", .count = SOURCES };
    size_t kind = 0;

    for (size_t i = 0; i < SOURCES; i++) {
        kinds.names[i] = sources[i]->name;
        kinds.arguments[i] = sources[i]->argument;
    }
    CLMIX_TRY(clmix_spec_split(&kinds, spec, &kind, argument));
    *source = sources[kind];
    return CLMIX_OK;
}

clmix_status clmix_dataset_open_text(clmix_dataset **dataset, const char *spec, const clmix_port *wanted, size_t count,
                                     const clmix_tokenizer *tokenizer)
{
    CLMIX_NEED(dataset);
    CLMIX_NEED(spec);

    const clmix_data_source *source = NULL;
    const char *argument;
    clmix_dataset *opened;
    clmix_status status;

    *dataset = NULL;
    CLMIX_TRY(find_source(spec, &source, &argument));
    if (wanted == NULL && count > 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu ports are wanted of '%s', and their list is NULL", count, spec);
    CLMIX_TRY(clmix_dataset_new(&opened, source));
    opened->wanted = wanted;
    opened->wanted_count = count;
    opened->given = tokenizer;
    opened->open_within = clmix_dataset_open;
    status = source->open(opened, argument);
    opened->wanted = NULL; /* the caller's, who may let it go */
    opened->wanted_count = 0;
    opened->given = NULL;
    opened->open_within = NULL;
    if (status != CLMIX_OK)
        clmix_dataset_close(opened);
    else
        *dataset = opened;
    return status;
}

clmix_status clmix_dataset_open(clmix_dataset **dataset, const char *spec, const clmix_port *wanted, size_t count)
{
    CLMIX_NEED(dataset);
    CLMIX_NEED(spec);

    return clmix_dataset_open_text(dataset, spec, wanted, count, NULL);
}
