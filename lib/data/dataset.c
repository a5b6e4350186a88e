#include "data/dataset.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void clmix_dataset_hold(const clmix_dataset *dataset)
{
    if (dataset->others != NULL)
        atomic_fetch_add(dataset->others, 1);
}

static void dispose(clmix_dataset *dataset)
{
    dataset->source->close(dataset);
    for (int i = 0; i < dataset->classes; i++)
        free(dataset->class_names[i]);
    free(dataset->class_names);
    free(dataset->port_names);
    free(dataset->others);
    free(dataset);
}

void clmix_dataset_close(clmix_dataset *dataset)
{
    if (dataset != NULL && (dataset->others == NULL || atomic_fetch_sub(dataset->others, 1) == 0))
        dispose(dataset);
}

void clmix_dataset_release(const clmix_dataset *dataset)
{
    if (dataset->others != NULL && atomic_fetch_sub(dataset->others, 1) == 0)
        dispose((clmix_dataset *)dataset); /* which nobody else has any more */
}

size_t clmix_dataset_count(const clmix_dataset *dataset, clmix_split split)
{
    return dataset != NULL && (split == CLMIX_TRAIN || split == CLMIX_TEST) ? dataset->count[split] : 0;
}

int clmix_dataset_classes(const clmix_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->classes;
}

const char *clmix_dataset_class_name(const clmix_dataset *dataset, int label)
{
    return dataset != NULL && label >= 0 && label < dataset->classes ? dataset->class_names[label] : NULL;
}

const clmix_port *clmix_dataset_ports(const clmix_dataset *dataset, size_t *count)
{
    if (count != NULL)
        *count = dataset == NULL ? 0 : dataset->ports.count;
    return dataset == NULL ? NULL : dataset->ports.list;
}

const clmix_tokenizer *clmix_dataset_tokenizer(const clmix_dataset *dataset)
{
    return dataset == NULL ? NULL : dataset->sequences.tokenizer;
}

size_t clmix_dataset_ids(const clmix_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->sequences.ids;
}

const clmix_data_reading *clmix_dataset_reading(const clmix_dataset *dataset, clmix_split split)
{
    return dataset != NULL && (split == CLMIX_TRAIN || split == CLMIX_TEST) ? &dataset->reading[split] : NULL;
}

void clmix_dataset_normalization(const clmix_dataset *dataset, float mean[4], float std[4])
{
    for (int c = 0; c < 4; c++) {
        if (mean != NULL)
            mean[c] = dataset != NULL ? dataset->mean[c] : 0.5f;
        if (std != NULL)
            std[c] = dataset != NULL ? dataset->std[c] : 0.5f;
    }
}

clmix_status clmix_dataset_normalize(clmix_dataset *dataset, const float *mean, const float *std)
{
    CLMIX_NEED(dataset);
    CLMIX_NEED(mean);
    CLMIX_NEED(std);

    const clmix_port *pictures = clmix_port_find(dataset->ports.list, dataset->ports.count, CLMIX_PICTURES);
    const size_t channels = pictures != NULL && pictures->rank == 3 ? pictures->size[2] : 0;

    if (channels < 1 || channels > 4)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "a normalisation for a set without a port '%s' (height, width, channels) of up to 4 channels", CLMIX_PICTURES);
    for (size_t c = 0; c < channels; c++)
        if (!isfinite(mean[c]) || !(std[c] > 0.0f) || !isfinite(std[c]))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "channel %zu has mean %g and std %g; both must be finite and the std above 0", c,
                              (double)mean[c], (double)std[c]);
    memcpy(dataset->mean, mean, channels * sizeof *mean);
    memcpy(dataset->std, std, channels * sizeof *std);
    return CLMIX_OK;
}

clmix_status clmix_dataset_get(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    CLMIX_NEED(dataset);
    CLMIX_NEED(arrays);

    const size_t count = clmix_dataset_count(dataset, split);

    if (index >= count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "sample %zu of the %s split is asked for, which has %zu", index,
                          split == CLMIX_TRAIN ? "train" : "test", count);
    for (size_t i = 0; i < dataset->ports.count; i++)
        if (arrays[i] == NULL)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_dataset_get: the array of the port '%s' is NULL and must not be",
                              dataset->ports.list[i].name);
    return dataset->source->get(dataset, split, index, arrays);
}
