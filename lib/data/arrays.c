/* Samples that lie in the application's arrays. */
#include "base/status.h"
#include "data/samples.h"

#include <stdlib.h>
#include <string.h>

struct arrays {
    const void *of[2][CLMIX_PORTS_LIMIT]; /* by split and port; borrowed */
};

static void close_arrays(clmix_dataset *dataset)
{
    free(dataset->state);
}

/* Where each port of a sample lies. */
static void point_at(const clmix_dataset *dataset, clmix_split split, size_t index, const void *sample[CLMIX_PORTS_LIMIT])
{
    const struct arrays *arrays = dataset->state;

    for (size_t i = 0; i < dataset->ports.count; i++)
        sample[i] = (const unsigned char *)arrays->of[split][i] + index * clmix_port_bytes(&dataset->ports.list[i]);
}

static clmix_status get_arrays(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const void *sample[CLMIX_PORTS_LIMIT];

    point_at(dataset, split, index, sample);
    for (size_t i = 0; i < dataset->ports.count; i++)
        memcpy(arrays[i], sample[i], clmix_port_bytes(&dataset->ports.list[i]));
    return CLMIX_OK;
}

static const clmix_data_source source_arrays = { "arrays", NULL, NULL, close_arrays, get_arrays, false };

static clmix_status borrow(clmix_dataset *dataset, clmix_split split, const void *const *given)
{
    const char *name = split == CLMIX_TRAIN ? "train" : "test";
    struct arrays *arrays = dataset->state;

    if (dataset->count[split] == 0)
        return CLMIX_OK;
    if (given == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s split has %zu samples, and its arrays are NULL", name, dataset->count[split]);
    for (size_t i = 0; i < dataset->ports.count; i++) {
        if (given[i] == NULL)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %s split has %zu samples, and its array for the port '%s' is NULL", name,
                              dataset->count[split], dataset->ports.list[i].name);
        arrays->of[split][i] = given[i];
    }
    for (size_t i = 0; i < dataset->count[split]; i++) {
        const void *sample[CLMIX_PORTS_LIMIT];

        point_at(dataset, split, i, sample);
        CLMIX_TRY(clmix_samples_check_labels(dataset, split, i, sample));
    }
    return CLMIX_OK;
}

clmix_status clmix_dataset_from_arrays(clmix_dataset **dataset, const clmix_samples *samples, const void *const *train,
                                       const void *const *test)
{
    CLMIX_NEED(dataset);
    CLMIX_NEED(samples);

    clmix_dataset *made;
    clmix_status status;

    *dataset = NULL;
    CLMIX_TRY(clmix_samples_dataset(&made, samples, &source_arrays));
    made->state = calloc(1, sizeof(struct arrays));
    status = made->state == NULL ? clmix_fail_memory("a data set") : borrow(made, CLMIX_TRAIN, train);
    if (status == CLMIX_OK)
        status = borrow(made, CLMIX_TEST, test);
    if (status != CLMIX_OK)
        clmix_dataset_close(made);
    else
        *dataset = made;
    return status;
}
