#include "base/status.h"
#include "io/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* For one axis: result position i is the sum of weights[i * taps + k] * source[first[i] + k], k < taps. */
struct filter {
    size_t taps;
    size_t *first;
    float *weights;
};

static void filter_free(struct filter *filter)
{
    free(filter->first);
    free(filter->weights);
}

/* Triangle of half-width max(1, shrink), around the source position of each result pixel's middle; weights sum to 1 and those outside
 * are 0. */
static clmix_status filter_make(struct filter *filter, size_t source, size_t result)
{
    double scale = (double)source / (double)result, reach = scale > 1 ? scale : 1;
    size_t taps = (size_t)ceil(reach) * 2 + 1;

    filter->taps = taps < source ? taps : source;
    filter->first = malloc(result * sizeof *filter->first);
    filter->weights = malloc(result * filter->taps * sizeof *filter->weights);
    if (filter->first == NULL || filter->weights == NULL) {
        filter_free(filter);
        return clmix_fail_memory("resizing a picture");
    }
    for (size_t i = 0; i < result; i++) {
        double middle = ((double)i + 0.5) * scale, low = floor(middle - reach), sum = 0;
        size_t first = low < 0 ? 0 : (size_t)low;

        filter->first[i] = first + filter->taps > source ? source - filter->taps : first;
        for (size_t k = 0; k < filter->taps; k++)
            sum += fmax(0, 1 - fabs(((double)(filter->first[i] + k) + 0.5 - middle) / reach));
        for (size_t k = 0; k < filter->taps; k++)
            filter->weights[i * filter->taps + k] =
                (float)(fmax(0, 1 - fabs(((double)(filter->first[i] + k) + 0.5 - middle) / reach)) / sum);
    }
    return CLMIX_OK;
}

/* One row of u8 pixels to one row of floats. */
static void filter_row(const struct filter *filter, const unsigned char *source, size_t channels, float *result, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < channels; c++) {
            const unsigned char *from = source + filter->first[x] * channels + c;
            float sum = 0;

            for (size_t k = 0; k < filter->taps; k++)
                sum += filter->weights[x * filter->taps + k] * (float)from[k * channels];
            result[x * channels + c] = sum;
        }
}

/* Rows of floats, of which those that `filter` takes for row `y` are weighed into one row of u8. */
static void filter_column(const struct filter *filter, const float *rows, size_t y, unsigned char *result, size_t row_length)
{
    for (size_t i = 0; i < row_length; i++) {
        const float *from = rows + filter->first[y] * row_length + i;
        float sum = 0.5f;

        for (size_t k = 0; k < filter->taps; k++)
            sum += filter->weights[y * filter->taps + k] * from[k * row_length];
        result[i] = (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/* Resizes the (height, width, channels) that begin at `pixels` and whose rows are `pitch` bytes apart. */
static clmix_status resize_part(const unsigned char *pixels, size_t pitch, size_t height, size_t width, size_t channels,
                                unsigned char *result, size_t new_height, size_t new_width)
{
    struct filter across = { 0 }, down = { 0 };
    size_t row_length = new_width * channels;
    clmix_status status;
    float *rows;

    CLMIX_TRY(filter_make(&across, width, new_width));
    status = filter_make(&down, height, new_height);
    if (status != CLMIX_OK) {
        filter_free(&across);
        return status;
    }
    rows = malloc(height * row_length * sizeof *rows);
    if (rows == NULL) {
        status = clmix_fail_memory("resizing a picture");
    } else {
        for (size_t y = 0; y < height; y++)
            filter_row(&across, pixels + y * pitch, channels, rows + y * row_length, new_width);
        for (size_t y = 0; y < new_height; y++)
            filter_column(&down, rows, y, result + y * row_length, row_length);
    }
    free(rows);
    filter_free(&across);
    filter_free(&down);
    return status;
}

clmix_status clmix_picture_resize(const unsigned char *pixels, size_t height, size_t width, size_t channels, unsigned char *result,
                                  size_t new_height, size_t new_width)
{
    return resize_part(pixels, width * channels, height, width, channels, result, new_height, new_width);
}

void clmix_picture_convert(const unsigned char *source, size_t from, unsigned char *result, size_t to, size_t pixels)
{
    if (from == to) {
        memcpy(result, source, pixels * from);
        return;
    }
    for (size_t i = 0; i < pixels; i++)
        if (from == 1)
            result[3 * i] = result[3 * i + 1] = result[3 * i + 2] = source[i];
        else /* ITU-R BT.601 luma; the weights sum to 256 */
            result[i] = (unsigned char)((77u * source[3 * i] + 150u * source[3 * i + 1] + 29u * source[3 * i + 2] + 128u) >> 8);
}

/* The middle part of (height, width) with the proportions of (new_height, new_width), as near as whole pixels go. */
static void middle(size_t *height, size_t *width, size_t new_height, size_t new_width)
{
    size_t part;

    if (*height * new_width > *width * new_height) {
        part = (*width * new_height + new_width / 2) / new_width;
        *height = part < 1 ? 1 : part > *height ? *height : part;
    } else {
        part = (*height * new_width + new_height / 2) / new_height;
        *width = part < 1 ? 1 : part > *width ? *width : part;
    }
}

clmix_status clmix_picture_fit(const clmix_picture *picture, unsigned char *result, size_t new_height, size_t new_width, size_t channels)
{
    size_t height = picture->height, width = picture->width, pitch = picture->width * picture->channels, pixels = new_height * new_width;
    unsigned char *scaled = result;
    const unsigned char *corner;
    clmix_status status;

    if (height == new_height && width == new_width) {
        clmix_picture_convert(picture->pixels, picture->channels, result, channels, pixels);
        return CLMIX_OK;
    }
    /* cut first, then scaled: the other way round a narrow strip would become a huge picture in between */
    middle(&height, &width, new_height, new_width);
    corner = picture->pixels + (picture->height - height) / 2 * pitch + (picture->width - width) / 2 * picture->channels;
    if (channels != picture->channels) {
        scaled = malloc(pixels * picture->channels);
        if (scaled == NULL)
            return clmix_fail_memory("resizing a picture");
    }
    status = resize_part(corner, pitch, height, width, picture->channels, scaled, new_height, new_width);
    if (scaled != result) {
        if (status == CLMIX_OK)
            clmix_picture_convert(scaled, picture->channels, result, channels, pixels);
        free(scaled);
    }
    return status;
}
