#include "base/status.h"
#include "io/picture_codec.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything that must survive the jump out of libpng lives here and not in local variables. */
struct decoder {
    png_structp png;
    png_infop info;
    const unsigned char *data;
    size_t left;
    png_bytep *rows;
    clmix_status status;
    char message[128];
};

/* libpng must not go on after an error, so the jump is unavoidable; it ends in clmix_png_decode. */
static void on_error(png_structp png, png_const_charp message)
{
    struct decoder *decoder = png_get_error_ptr(png);

    snprintf(decoder->message, sizeof decoder->message, "%s", message);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void take(png_structp png, png_bytep target, size_t bytes)
{
    struct decoder *decoder = png_get_io_ptr(png);

    if (bytes > decoder->left)
        png_error(png, "it ends too early");
    memcpy(target, decoder->data, bytes);
    decoder->data += bytes;
    decoder->left -= bytes;
}

/* Asks libpng for 8 bits a channel without transparency, grey or colour as `channels` says. */
static void set_transforms(struct decoder *decoder, size_t channels)
{
    bool colour = (png_get_color_type(decoder->png, decoder->info) & PNG_COLOR_MASK_COLOR) != 0;

    png_set_expand(decoder->png);
    png_set_strip_16(decoder->png);
    png_set_strip_alpha(decoder->png);
    if (channels == 3 && !colour)
        png_set_gray_to_rgb(decoder->png);
    if (channels == 1 && colour)
        png_set_rgb_to_gray_fixed(decoder->png, 1, 29900, 58700);
    (void)png_set_interlace_handling(decoder->png);
    png_read_update_info(decoder->png, decoder->info);
}

static clmix_status decode(struct decoder *decoder, clmix_picture *picture, const char *name, size_t channels)
{
    png_set_user_limits(decoder->png, 0x7FFFFFFF, 0x7FFFFFFF); /* clmix's own limit below has the better text */
    png_set_chunk_malloc_max(decoder->png, 8u << 20);
    png_set_read_fn(decoder->png, decoder, take);
    png_read_info(decoder->png, decoder->info);
    if (channels == 0)
        channels = (png_get_color_type(decoder->png, decoder->info) & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    CLMIX_TRY(clmix_picture_allocate(picture, name, png_get_image_height(decoder->png, decoder->info),
                                     png_get_image_width(decoder->png, decoder->info), channels));
    set_transforms(decoder, channels);
    if (png_get_rowbytes(decoder->png, decoder->info) != picture->width * channels)
        return clmix_fail(CLMIX_ERROR_INTERNAL, "'%s': libpng gives rows of %zu bytes where %zu were asked; please report it with the file",
                          name, png_get_rowbytes(decoder->png, decoder->info), picture->width * channels);
    decoder->rows = malloc(picture->height * sizeof *decoder->rows);
    if (decoder->rows == NULL)
        return clmix_fail_memory(name);
    for (size_t y = 0; y < picture->height; y++)
        decoder->rows[y] = picture->pixels + y * picture->width * channels;
    png_read_image(decoder->png, decoder->rows);
    png_read_end(decoder->png, NULL);
    return CLMIX_OK;
}

clmix_status clmix_png_decode(clmix_picture *picture, const char *name, const unsigned char *data, size_t bytes, size_t channels)
{
    struct decoder decoder = { .data = data, .left = bytes };

    decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning);
    decoder.info = decoder.png == NULL ? NULL : png_create_info_struct(decoder.png);
    if (decoder.info == NULL)
        decoder.status = clmix_fail_memory(name);
    else if (setjmp(png_jmpbuf(decoder.png)) != 0)
        decoder.status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is a damaged PNG file: %s; fetch or write it again", name, decoder.message);
    else
        decoder.status = decode(&decoder, picture, name, channels);
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    free(decoder.rows);
    return decoder.status;
}
