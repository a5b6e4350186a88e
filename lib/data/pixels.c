/* Pictures as sequences: a token a pixel, row by row, its grey value (the long-range arena's image task). Black pixels count as padding. */
#include "base/status.h"
#include "data/pictures.h"
#include "data/sequences.h"

#include <math.h>
#include <string.h>

#define GREY_VALUES 256

static clmix_dataset *pictures_of(const clmix_dataset *dataset)
{
    return dataset->state;
}

/* The set within: pictures as it has them, or as squares of at most `longest` pixels. */
static clmix_status open_pictures(clmix_dataset *dataset, const char *spec, size_t longest)
{
    clmix_dataset *pictures = NULL;
    struct clmix_picture_size size;
    clmix_port square = { CLMIX_PICTURES, CLMIX_U8, 3, { 0 } };

    CLMIX_TRY(dataset->open_within(&pictures, spec, NULL, 0));
    dataset->state = pictures;
    if (clmix_port_find(pictures->ports.list, pictures->ports.count, CLMIX_PICTURES) == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "pixels:%s: that is no set of pictures, which pixels could be of", spec);
    size = clmix_dataset_picture_size(pictures);
    if (longest == 0 || size.height * size.width <= longest)
        return CLMIX_OK;
    square.size[0] = square.size[1] = (size_t)sqrt((double)longest);
    clmix_dataset_close(pictures);
    dataset->state = NULL;
    CLMIX_TRY(dataset->open_within(&pictures, spec, &square, 1));
    dataset->state = pictures;
    return CLMIX_OK;
}

static clmix_status open_pixels(clmix_dataset *dataset, const char *argument)
{
    const clmix_dataset *pictures;
    struct clmix_picture_size size;

    CLMIX_TRY(clmix_dataset_check_tokens(dataset, "a token a pixel"));
    if (clmix_dataset_wants_two(dataset))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the model compares two sequences, and pixels:%s has one of each sample", argument);
    CLMIX_TRY(open_pictures(dataset, argument, clmix_dataset_wanted_length(dataset)));
    pictures = pictures_of(dataset);
    size = clmix_dataset_picture_size(pictures);
    clmix_dataset_list_sequences(dataset, size.height * size.width, false, false);
    dataset->sequences.ids = GREY_VALUES;
    memcpy(dataset->count, pictures->count, sizeof dataset->count);
    memcpy(dataset->reading, pictures->reading, sizeof dataset->reading);
    dataset->on_demand = pictures->on_demand;
    return clmix_dataset_name_classes(dataset, (const char *const *)pictures->class_names, pictures->classes);
}

static void close_pixels(clmix_dataset *dataset)
{
    clmix_dataset_close(pictures_of(dataset));
}

/* 0 to 255, as the arena's preparation has it: of values from 0 to 1, times 255.5 and without what is behind the point. */
static int32_t grey(const unsigned char *pixel, size_t channels)
{
    const float scale = 1.0f / 255.0f;

    if (channels == 1)
        return pixel[0];
    return (int32_t)((0.2989f * ((float)pixel[0] * scale) + 0.5870f * ((float)pixel[1] * scale) + 0.1140f * ((float)pixel[2] * scale)) *
                     255.5f);
}

/* The picture is put at the end of the tokens' array, which has four bytes a pixel, and a token is written when its pixel and all before it were read: it ends
 * before the next pixel begins. */
static clmix_status get_pixels(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const struct clmix_sequence_arrays sequence = clmix_dataset_sequence_arrays(dataset, arrays);
    const clmix_dataset *pictures = pictures_of(dataset);
    const struct clmix_picture_size size = clmix_dataset_picture_size(pictures);
    const size_t pixels = size.height * size.width;
    unsigned char *picture = (unsigned char *)sequence.tokens[0] + pixels * (sizeof(int32_t) - size.channels);
    void *const of_picture[] = { [CLMIX_AT_PICTURES] = picture, [CLMIX_AT_LABELS] = sequence.labels };

    CLMIX_TRY(clmix_dataset_get(pictures, split, index, of_picture));
    for (size_t i = 0; i < pixels; i++) {
        const int32_t token = grey(picture + i * size.channels, size.channels);

        memcpy(&sequence.tokens[0][i], &token, sizeof token);
        sequence.mask[0][i] = token != 0;
    }
    return CLMIX_OK;
}

const clmix_data_source clmix_source_pixels = { "pixels", "SPEC", open_pixels, close_pixels, get_pixels, false };
