/* Samples that functions of the application give. */
#include "base/status.h"
#include "data/samples.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct functions {
    clmix_sample_source source;
    pthread_mutex_t one; /* in get, where it is called by one thread at a time */
};

static void close_functions(clmix_dataset *dataset)
{
    struct functions *functions = dataset->state;

    if (functions == NULL)
        return;
    if (functions->source.close != NULL)
        functions->source.close(functions->source.user);
    pthread_mutex_destroy(&functions->one);
    free(functions);
}

static clmix_status call(struct functions *functions, clmix_split split, size_t index, void *const *arrays)
{
    const clmix_sample_source *source = &functions->source;
    clmix_status status;

    if (!source->one_at_a_time)
        return source->get(source->user, split, index, arrays);
    pthread_mutex_lock(&functions->one);
    status = source->get(source->user, split, index, arrays);
    pthread_mutex_unlock(&functions->one);
    return status;
}

/* What the function returned, with the sample's number before its sentence. */
static clmix_status explain(clmix_status status, clmix_split split, size_t index)
{
    const char *name = split == CLMIX_TRAIN ? "train" : "test";

    if ((unsigned)status > CLMIX_ERROR_INTERNAL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "sample %zu of the %s split: the application's function returned %d, which is no clmix_status", index, name,
                          (int)status);
    if (clmix_error()[0] == '\0')
        return clmix_fail(status,
                          "sample %zu of the %s split: the application's function failed (%s) and gave no reason; clmix_error_set does",
                          index, name, clmix_status_name(status));
    return clmix_fail_at(status, "sample %zu of the %s split", index, name);
}

/* No label is this: it stays where the function fills none. */
#define UNFILLED INT32_MIN

/* What the function forgets is the same in every run: zeros, and labels that show. */
static void blank(const clmix_dataset *dataset, void *const *arrays, size_t labels)
{
    for (size_t i = 0; i < dataset->ports.count; i++)
        memset(arrays[i], 0, clmix_port_bytes(&dataset->ports.list[i]));
    if (labels < dataset->ports.count)
        for (size_t i = 0; i < clmix_port_count(&dataset->ports.list[labels]); i++)
            ((int32_t *)arrays[labels])[i] = UNFILLED;
}

static clmix_status check(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays, size_t labels)
{
    if (labels < dataset->ports.count)
        for (size_t i = 0; i < clmix_port_count(&dataset->ports.list[labels]); i++)
            if (((const int32_t *)arrays[labels])[i] == UNFILLED)
                return clmix_fail(CLMIX_ERROR_ARGUMENT, "sample %zu of the %s split: the application's function left the label unfilled",
                                  index, split == CLMIX_TRAIN ? "train" : "test");
    return clmix_samples_check_labels(dataset, split, index, (const void *const *)arrays);
}

static clmix_status get_functions(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const size_t labels = clmix_ports_place(&dataset->ports, CLMIX_LABELS);
    clmix_status status;

    blank(dataset, arrays, labels);
    clmix_error_set(CLMIX_OK, NULL); /* an older failure's sentence is not the function's */
    status = call(dataset->state, split, index, arrays);
    if (status != CLMIX_OK)
        return explain(status, split, index);
    return check(dataset, split, index, arrays, labels);
}

static const clmix_data_source source_functions = { "functions", NULL, NULL, close_functions, get_functions, true };

clmix_status clmix_dataset_from_source(clmix_dataset **dataset, const clmix_samples *samples, const clmix_sample_source *source)
{
    CLMIX_NEED(dataset);
    CLMIX_NEED(samples);
    CLMIX_NEED(source);

    struct functions *functions;
    clmix_status status;

    *dataset = NULL;
    if (source->get == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a source of samples without a function `get`, which gives them");
    functions = malloc(sizeof *functions);
    if (functions == NULL)
        return clmix_fail_memory("a data set");
    status = clmix_samples_dataset(dataset, samples, &source_functions);
    if (status != CLMIX_OK) {
        free(functions);
        return status;
    }
    functions->source = *source;
    pthread_mutex_init(&functions->one, NULL);
    (*dataset)->state = functions;
    return CLMIX_OK;
}
