#include "data/augment.h"

#include "base/random.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The mean after normalisation is 0 for mid grey, so a cut-out square says nothing (DeVries & Taylor 2017 set it to the mean for that
 * reason). */
#define MID_GREY 128

clmix_status clmix_augment_check(const clmix_augment *augment, size_t height, size_t width)
{
    size_t side = height < width ? height : width;

    if (augment->crop_padding < 0 || (size_t)augment->crop_padding > side)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a crop padding of %d is asked for pictures of %zux%zu; use 0 to %zu",
                          augment->crop_padding, height, width, side);
    if (augment->cutout < 0 || (size_t)augment->cutout > side)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a cutout of %d is asked for pictures of %zux%zu; use 0 to %zu", augment->cutout, height,
                          width, side);
    if (!(augment->mixup >= 0 && augment->mixup <= 1000))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a mixup alpha of %g is asked for; use 0 (none) to 1000, usually 0.2 to 1",
                          (double)augment->mixup);
    return CLMIX_OK;
}

/* Pictures and epochs are below 2^32: both fit in the stream's number. */
static clmix_random stream_of(const char *purpose, uint64_t seed, size_t epoch, size_t index)
{
    return clmix_random_stream(seed ^ clmix_hash_text(purpose), (uint64_t)epoch << 32 | (uint64_t)index);
}

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
    clmix_random random = stream_of("augment", seed, epoch, index);

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

/* Gamma(shape, 1) by Marsaglia & Tsang 2000; for shape < 1 a draw of shape + 1 times u^(1 / shape). */
static double draw_gamma(clmix_random *random, double shape)
{
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d), boost = 1;

    if (shape < 1)
        boost = pow(1 - (double)clmix_random_uniform(random), 1 / shape);
    for (;;) {
        double x = (double)clmix_random_normal(random), v = 1 + c * x, u;

        u = 1 - (double)clmix_random_uniform(random);
        v = v * v * v;
        if (v > 0 && log(u) < x * x / 2 + d - d * v + d * log(v))
            return d * v * boost;
    }
}

unsigned clmix_augment_share(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index)
{
    clmix_random random = stream_of("mixup", seed, epoch, index);
    double first, second;

    if (!(augment->mixup > 0))
        return 256;
    first = draw_gamma(&random, (double)augment->mixup);
    second = draw_gamma(&random, (double)augment->mixup);
    /* for a tiny alpha both can underflow: then either picture stays whole. 256ths hide the last bits in which C libraries differ. */
    if (!(first + second > 0))
        return clmix_random_word(&random) & 1 ? 256 : 0;
    return (unsigned)(256 * first / (first + second) + 0.5);
}

void clmix_augment_blend(unsigned char *picture, const unsigned char *other, unsigned share, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        picture[i] = (unsigned char)((share * picture[i] + (256 - share) * other[i] + 128) >> 8);
}
