#include "data/held.h"

#include "base/status.h"
#include "io/picture.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_held_new(clmix_dataset *dataset, size_t height, size_t width, size_t channels, size_t padding)
{
    clmix_held *held = calloc(1, sizeof *held);

    if (held == NULL)
        return clmix_fail_memory("a data set");
    held->height = height;
    held->width = width;
    held->channels = channels;
    held->padding = padding;
    dataset->state = held;
    return clmix_dataset_list_pictures(dataset, height, width, channels);
}

clmix_status clmix_held_grow(clmix_dataset *dataset, clmix_split split, size_t more)
{
    clmix_held *held = dataset->state;
    size_t picture_bytes = held->height * held->width * held->channels, count = dataset->count[split] + more;
    unsigned char *pictures, *labels;

    if (count > SIZE_MAX / picture_bytes)
        return clmix_fail_memory("a data set");
    pictures = realloc(held->split[split].pictures, count * picture_bytes);
    if (pictures == NULL)
        return clmix_fail_memory("a data set");
    held->split[split].pictures = pictures;
    labels = realloc(held->split[split].labels, count);
    if (labels == NULL)
        return clmix_fail_memory("a data set");
    held->split[split].labels = labels;
    return CLMIX_OK;
}

void clmix_held_close(clmix_dataset *dataset)
{
    clmix_held *held = dataset->state;

    if (held == NULL)
        return;
    for (int split = 0; split < 2; split++) {
        free(held->split[split].pictures);
        free(held->split[split].labels);
    }
    free(held);
}

/* Into the middle of a zeroed picture of the wanted size, which is at least as large. */
static void pad(const struct clmix_picture_size *size, const clmix_held *held, const unsigned char *pixels, unsigned char *picture)
{
    size_t channels = size->channels, width = size->width;
    size_t top = (size->height - held->height) / 2, left = (width - held->width) / 2;

    memset(picture, 0, size->height * width * channels);
    for (size_t y = 0; y < held->height; y++)
        clmix_picture_convert(pixels + y * held->width * held->channels, held->channels, picture + ((top + y) * width + left) * channels,
                              channels, held->width);
}

static bool wants_padding(size_t wanted, size_t present, size_t padding)
{
    return wanted >= present && wanted - present <= padding;
}

clmix_status clmix_held_get(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const clmix_held *held = dataset->state;
    const struct clmix_picture_size size = clmix_dataset_picture_size(dataset);
    size_t picture_bytes = held->height * held->width * held->channels;
    clmix_picture stored = { held->height, held->width, held->channels, held->split[split].pictures + index * picture_bytes };

    *(int32_t *)arrays[CLMIX_AT_LABELS] = held->split[split].labels[index];
    if (wants_padding(size.height, held->height, held->padding) && wants_padding(size.width, held->width, held->padding)) {
        pad(&size, held, stored.pixels, arrays[CLMIX_AT_PICTURES]);
        return CLMIX_OK;
    }
    return clmix_picture_fit(&stored, arrays[CLMIX_AT_PICTURES], size.height, size.width, size.channels);
}
