#include "data/samples.h"

#include "base/port.h"
#include "base/status.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_LIMIT   (CLMIX_PORTS_LIMIT - 2) /* mixup adds two */
#define NAME_LIMIT    63
#define CLASSES_LIMIT 1000000

static clmix_status check_port(const clmix_port *ports, size_t place)
{
    const clmix_port *port = &ports[place];
    size_t bytes;

    if (port->name == NULL || port->name[0] == '\0' || strlen(port->name) > NAME_LIMIT)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "port %zu of the samples needs a name, of 1 to %d bytes", place, NAME_LIMIT);
    if (clmix_port_find(ports, place, port->name) != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "two ports of the samples are called '%s'; give each a name of its own", port->name);
    if (port->type != CLMIX_F32 && port->type != CLMIX_I32 && port->type != CLMIX_U8)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the port '%s' has elements of type %d; use CLMIX_F32, CLMIX_I32 or CLMIX_U8", port->name,
                          (int)port->type);
    if (port->rank < 0 || port->rank > CLMIX_MAX_RANK - 1)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the port '%s' has %d axes; use 0 (one element a sample) to %d", port->name, port->rank,
                          CLMIX_MAX_RANK - 1);
    bytes = clmix_type_bytes(port->type);
    for (int axis = 0; axis < port->rank; axis++) {
        if (port->size[axis] == 0 || port->size[axis] > PTRDIFF_MAX / bytes)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "axis %d of the port '%s' has the size %zu, which makes a sample %s", axis, port->name,
                              port->size[axis], port->size[axis] == 0 ? "of nothing" : "larger than a host's memory");
        bytes *= port->size[axis];
    }
    return CLMIX_OK;
}

/* Batches have one length for all sequences of a sample. */
static clmix_status check_sequences(const clmix_port *ports, size_t count)
{
    const clmix_port *first = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!clmix_port_is_along(&ports[i]))
            continue;
        first = first == NULL ? &ports[i] : first;
        if (ports[i].size[0] != first->size[0])
            return clmix_fail(CLMIX_ERROR_ARGUMENT,
                              "'%s' has %zu places and '%s' %zu; all that goes along the tokens must have as many as they", first->name,
                              first->size[0], ports[i].name, ports[i].size[0]);
    }
    return CLMIX_OK;
}

/* Sample counts times bytes stay within what a pointer reaches; orders have 32-bit entries. */
static clmix_status check_counts(const clmix_samples *samples)
{
    for (int split = 0; split < 2; split++) {
        const size_t count = samples->count[split];

        if (count > UINT32_MAX)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "a split of %zu samples; at most %zu are possible", count, (size_t)UINT32_MAX);
        for (size_t i = 0; i < samples->port_count; i++)
            if (count > 0 && clmix_port_bytes(&samples->ports[i]) > PTRDIFF_MAX / count)
                return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu samples with a port '%s' of %zu bytes are larger than a host's memory", count,
                                  samples->ports[i].name, clmix_port_bytes(&samples->ports[i]));
    }
    return samples->count[CLMIX_TRAIN] + samples->count[CLMIX_TEST] > 0
               ? CLMIX_OK
               : clmix_fail(CLMIX_ERROR_ARGUMENT, "the set has neither training nor test samples; count has both numbers");
}

static clmix_status check_classes(const clmix_samples *samples)
{
    const clmix_port *labels = clmix_port_find(samples->ports, samples->port_count, CLMIX_LABELS);

    if (labels != NULL && labels->type != CLMIX_I32)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the port '%s' must be i32 (CLMIX_I32)", CLMIX_LABELS);
    if (samples->classes < (labels != NULL) || samples->classes > CLASSES_LIMIT)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%d classes for %s port '%s'; %s to %d are possible", samples->classes,
                          labels != NULL ? "the" : "samples without a", CLMIX_LABELS, labels != NULL ? "1" : "0", CLASSES_LIMIT);
    if (labels == NULL && samples->classes > 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the set has %d classes and no port '%s' (i32) that says which; add it, or set classes to 0", samples->classes,
                          CLMIX_LABELS);
    for (int i = 0; samples->class_names != NULL && i < samples->classes; i++)
        if (samples->class_names[i] == NULL)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the name of class %d is NULL; name all %d, or set class_names to NULL", i,
                              samples->classes);
    return CLMIX_OK;
}

static clmix_status check_samples(const clmix_samples *samples)
{
    if (samples->ports == NULL || samples->port_count == 0 || samples->port_count > PORTS_LIMIT)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the samples have %zu ports%s; 1 to %d are possible", samples->port_count,
                          samples->ports == NULL ? " (NULL)" : "", PORTS_LIMIT);
    for (size_t i = 0; i < samples->port_count; i++)
        CLMIX_TRY(check_port(samples->ports, i));
    CLMIX_TRY(check_sequences(samples->ports, samples->port_count));
    CLMIX_TRY(check_counts(samples));
    return check_classes(samples);
}

/* The list, with names that are the set's own. */
static clmix_status copy_ports(clmix_dataset *dataset, const clmix_samples *samples)
{
    size_t bytes = 0;
    char *name;

    for (size_t i = 0; i < samples->port_count; i++)
        bytes += strlen(samples->ports[i].name) + 1;
    name = dataset->port_names = malloc(bytes);
    if (name == NULL)
        return clmix_fail_memory("the names of ports");
    for (size_t i = 0; i < samples->port_count; i++) {
        dataset->ports.list[i] = samples->ports[i];
        dataset->ports.list[i].name = name;
        bytes = strlen(samples->ports[i].name) + 1;
        memcpy(name, samples->ports[i].name, bytes);
        name += bytes;
    }
    dataset->ports.count = samples->port_count;
    return CLMIX_OK;
}

static clmix_status number_classes(clmix_dataset *dataset, int classes)
{
    char(*texts)[12] = calloc((size_t)classes, sizeof *texts);
    const char **names = malloc((size_t)classes * sizeof *names);
    clmix_status status;

    for (int i = 0; texts != NULL && names != NULL && i < classes; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        names[i] = texts[i];
    }
    status = texts != NULL && names != NULL ? clmix_dataset_name_classes(dataset, names, classes) : clmix_fail_memory("class names");
    free(texts);
    free(names);
    return status;
}

static clmix_status fill(clmix_dataset *dataset, const clmix_samples *samples)
{
    CLMIX_TRY(copy_ports(dataset, samples));
    memcpy(dataset->count, samples->count, sizeof dataset->count);
    if (samples->classes == 0)
        return CLMIX_OK;
    return samples->class_names == NULL ? number_classes(dataset, samples->classes)
                                        : clmix_dataset_name_classes(dataset, samples->class_names, samples->classes);
}

clmix_status clmix_samples_dataset(clmix_dataset **dataset, const clmix_samples *samples, const clmix_data_source *source)
{
    clmix_dataset *made;
    clmix_status status;

    *dataset = NULL;
    CLMIX_TRY(check_samples(samples));
    CLMIX_TRY(clmix_dataset_new(&made, source));
    status = fill(made, samples);
    if (status != CLMIX_OK)
        clmix_dataset_close(made);
    else
        *dataset = made;
    return status;
}

clmix_status clmix_samples_check_labels(const clmix_dataset *dataset, clmix_split split, size_t index, const void *const *arrays)
{
    const size_t place = clmix_ports_place(&dataset->ports, CLMIX_LABELS);
    const size_t count = place == dataset->ports.count ? 0 : clmix_port_count(&dataset->ports.list[place]);

    for (size_t i = 0; i < count; i++) {
        int32_t label;

        memcpy(&label, (const char *)arrays[place] + i * sizeof label, sizeof label);
        if (label != CLMIX_NO_LABEL && (label < 0 || label >= dataset->classes))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "sample %zu of the %s split has the label %d where 0 to %d are possible", index,
                              split == CLMIX_TRAIN ? "train" : "test", (int)label, dataset->classes - 1);
    }
    return CLMIX_OK;
}
