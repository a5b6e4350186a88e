/* Samples that lie in the application's arrays. */
#include "base/size.h"
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

/* ---- lengths ---------------------------------------------------------------------------------------------------------------------------- */

/* Places up to the last that is not `blank`. */
static size_t used_places(const int32_t *values, size_t places, int32_t blank)
{
    while (places > 0 && values[places - 1] == blank)
        places--;
    return places;
}

/* What masks and labels need; the tokens behind are nothing. */
static size_t length_of(const clmix_dataset *dataset, clmix_split split, size_t index)
{
    const void *sample[CLMIX_PORTS_LIMIT];
    size_t length = 0;

    point_at(dataset, split, index, sample);
    for (size_t i = 0; i < dataset->ports.count; i++) {
        const clmix_port *port = &dataset->ports.list[i];
        const bool labels = strcmp(port->name, CLMIX_TOKEN_LABELS) == 0;

        if (labels || strcmp(port->name, CLMIX_TOKEN_MASK) == 0 || strcmp(port->name, CLMIX_SECOND_MASK) == 0)
            length = clmix_larger(length, used_places(sample[i], port->size[0], labels ? CLMIX_NO_LABEL : 0));
    }
    return length;
}

/* Whether every sequence has a mask; all have as many places. */
static bool has_lengths(const clmix_ports *ports)
{
    const size_t tokens = clmix_ports_place(ports, CLMIX_TOKENS), mask = clmix_ports_place(ports, CLMIX_TOKEN_MASK),
                 second = clmix_ports_place(ports, CLMIX_SECOND_TOKENS), second_mask = clmix_ports_place(ports, CLMIX_SECOND_MASK);

    return tokens < ports->count && mask < ports->count && (second < ports->count) == (second_mask < ports->count) &&
           clmix_port_is_along(&ports->list[tokens]) && clmix_port_is_along(&ports->list[mask]) &&
           (second_mask == ports->count || clmix_port_is_along(&ports->list[second_mask]));
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
    made->sequences.length = has_lengths(&made->ports) ? length_of : NULL;
    status = made->state == NULL ? clmix_fail_memory("a data set") : borrow(made, CLMIX_TRAIN, train);
    if (status == CLMIX_OK)
        status = borrow(made, CLMIX_TEST, test);
    if (status != CLMIX_OK)
        clmix_dataset_close(made);
    else
        *dataset = made;
    return status;
}
