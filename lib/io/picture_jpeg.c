#include "base/status.h"
#include "io/picture_codec.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* Everything that must survive the jump out of libjpeg lives here and not in local variables. */
struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    unsigned char *row; /* one row of a CMYK file */
    clmix_status status;
    char message[JMSG_LENGTH_MAX];
};

/* libjpeg must not return from an error, so the jump is unavoidable; it ends in clmix_jpeg_decode. */
static void on_error(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;

    jpeg->err->format_message(jpeg, decoder->message);
    longjmp(decoder->escape, 1);
}

/* Where data is missing or broken libjpeg warns and goes on with grey; such a picture must not be trained on. Harmless oddities pass. */
static void on_message(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;

    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
        on_error(jpeg);
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* libjpeg does not turn CMYK into RGB. Adobe's files, which are nearly all, store the inks inverted. */
static void convert_cmyk(const unsigned char *cmyk, bool inverted, unsigned char *pixels, size_t width, size_t channels)
{
    for (size_t x = 0; x < width; x++) {
        unsigned char rgb[3];
        unsigned black = inverted ? cmyk[4 * x + 3] : 255u - cmyk[4 * x + 3];

        for (size_t c = 0; c < 3; c++)
            rgb[c] = (unsigned char)(((inverted ? cmyk[4 * x + c] : 255u - cmyk[4 * x + c]) * black + 127) / 255);
        clmix_picture_convert(rgb, 3, pixels + x * channels, channels, 1);
    }
}

static clmix_status decode(struct decoder *decoder, clmix_picture *picture, const char *name, const unsigned char *data, size_t bytes,
                           size_t channels)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    bool inks;

    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, data, (unsigned long)bytes);
    (void)jpeg_read_header(jpeg, TRUE);
    inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    if (channels == 0)
        channels = jpeg->jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
    CLMIX_TRY(clmix_picture_allocate(picture, name, jpeg->image_height, jpeg->image_width, channels));
    jpeg->out_color_space = inks ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (inks) {
        decoder->row = malloc(picture->width * 4);
        if (decoder->row == NULL)
            return clmix_fail_memory(name);
    }
    (void)jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *pixels = picture->pixels + (size_t)jpeg->output_scanline * picture->width * channels;
        JSAMPROW row = inks ? decoder->row : pixels;

        (void)jpeg_read_scanlines(jpeg, &row, 1);
        if (inks)
            convert_cmyk(decoder->row, jpeg->saw_Adobe_marker, pixels, picture->width, channels);
    }
    (void)jpeg_finish_decompress(jpeg);
    return CLMIX_OK;
}

clmix_status clmix_jpeg_decode(clmix_picture *picture, const char *name, const unsigned char *data, size_t bytes, size_t channels)
{
    struct decoder decoder;

    memset(&decoder, 0, sizeof decoder);
    decoder.jpeg.err = jpeg_std_error(&decoder.errors);
    decoder.errors.error_exit = on_error;
    decoder.errors.emit_message = on_message;
    decoder.errors.output_message = print_nothing;
    decoder.jpeg.client_data = &decoder;
    if (setjmp(decoder.escape) != 0)
        decoder.status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is a damaged JPEG file: %s; fetch or write it again", name, decoder.message);
    else
        decoder.status = decode(&decoder, picture, name, data, bytes, channels);
    jpeg_destroy_decompress(&decoder.jpeg);
    free(decoder.row);
    return decoder.status;
}
