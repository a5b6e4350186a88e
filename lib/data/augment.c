#include "data/augment.h"

#include "base/status.h"
#include "data/transform.h"

#include <stdlib.h>
#include <string.h>

/* The mean after normalisation is 0 for mid grey, so a cut-out square says nothing (DeVries & Taylor 2017 set it to the mean for that
 * reason). */
#define MID_GREY 128

/* The picture moved by (down, right) pixels; zeros come in at the edges. */
static void move(unsigned char *picture, unsigned char *scratch, size_t height, size_t width, size_t channels, long down, long right)
{
    size_t columns = width - (size_t)labs(right), row_bytes = width * channels;

    memcpy(scratch, picture, height * row_bytes);
    memset(picture, 0, height * row_bytes);
    for (long y = 0; y < (long)height; y++) {
        long from = y - down;

        if (from >= 0 && from < (long)height)
            memcpy(picture + (size_t)y * row_bytes + (size_t)(right > 0 ? right : 0) * channels,
                   scratch + (size_t)from * row_bytes + (size_t)(right < 0 ? -right : 0) * channels, columns * channels);
    }
}

static void flip(unsigned char *picture, size_t height, size_t width, size_t channels)
{
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width / 2; x++)
            for (size_t c = 0; c < channels; c++) {
                unsigned char *left = picture + (y * width + x) * channels + c,
                              *right = picture + (y * width + width - 1 - x) * channels + c;
                unsigned char held = *left;

                *left = *right;
                *right = held;
            }
}

/* A square of `side` around a random pixel, cut off at the edges. */
static void cutout(clmix_random *random, unsigned char *picture, size_t height, size_t width, size_t channels, int side)
{
    long top = (long)clmix_random_below(random, (uint32_t)height) - side / 2,
         left = (long)clmix_random_below(random, (uint32_t)width) - side / 2;

    for (long y = top < 0 ? 0 : top; y < top + side && y < (long)height; y++)
        for (long x = left < 0 ? 0 : left; x < left + side && x < (long)width; x++)
            memset(picture + ((size_t)y * width + (size_t)x) * channels, MID_GREY, channels);
}

void clmix_augment_picture(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index, size_t height, size_t width,
                           size_t channels, unsigned char *picture, unsigned char *scratch)
{
    clmix_random random = clmix_sample_draws("augment", seed, epoch, index);

    if (augment->crop_padding > 0) {
        uint32_t places = 2 * (uint32_t)augment->crop_padding + 1;
        long down = (long)clmix_random_below(&random, places) - augment->crop_padding;
        long right = (long)clmix_random_below(&random, places) - augment->crop_padding;

        move(picture, scratch, height, width, channels, down, right);
    }
    if (augment->flip && (clmix_random_word(&random) & 1) != 0)
        flip(picture, height, width, channels);
    if (augment->cutout > 0)
        cutout(&random, picture, height, width, channels, augment->cutout);
}

static bool asked(const clmix_augment *augment, const clmix_dataset *dataset)
{
    (void)dataset;
    return augment->crop_padding != 0 || augment->flip || augment->cutout != 0;
}

static clmix_status settle(const clmix_augment *augment, clmix_ports *ports)
{
    const clmix_port *pictures = clmix_port_find(ports->list, ports->count, CLMIX_PICTURES);
    size_t height, width, side;

    if (pictures == NULL || pictures->type != CLMIX_U8 || pictures->rank != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "cropping, flipping or cutout is asked for, and the data set fills no port '%s' u8 (height, width, channels)",
                          CLMIX_PICTURES);
    height = pictures->size[0];
    width = pictures->size[1];
    side = height < width ? height : width;
    if (augment->crop_padding < 0 || (size_t)augment->crop_padding > side)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a crop padding of %d is asked for pictures of %zux%zu; use 0 to %zu",
                          augment->crop_padding, height, width, side);
    if (augment->cutout < 0 || (size_t)augment->cutout > side)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a cutout of %d is asked for pictures of %zux%zu; use 0 to %zu", augment->cutout, height,
                          width, side);
    return CLMIX_OK;
}

static void augment_sample(const clmix_transform_call *call, uint32_t index, void *const *arrays)
{
    const size_t place = clmix_ports_place(call->ports, CLMIX_PICTURES), *size = call->ports->list[place].size;

    clmix_augment_picture(call->augment, call->seed, call->epoch, index, size[0], size[1], size[2], arrays[place], call->scratch);
}

const clmix_transform clmix_transform_augment = { false, asked, settle, augment_sample, NULL };
