/* Pictures: PNG and JPEG files as u8, channels-last (height, width, channels), and resizing. */
#ifndef CLMIX_IO_PICTURE_H
#define CLMIX_IO_PICTURE_H

#include <clmix/status.h>
#include <stddef.h>

#define CLMIX_PICTURE_SIDE   16384             /* pixels, at most */
#define CLMIX_PICTURE_PIXELS ((size_t)1 << 27) /* in all, at most: a small file must not claim gigabytes */

typedef struct clmix_picture {
    size_t height, width, channels; /* channels is 1 or 3 */
    unsigned char *pixels;
} clmix_picture;

/* Reads a PNG or JPEG file, told apart by its first bytes. `channels` is 1, 3 or 0 (1 for grey files, else 3). Transparency is dropped,
 * 16 bits become 8, gamma and colour profiles are ignored, as most training code does. A file that ends early or is damaged is refused.
 * Fails with FILE, FORMAT or HOST_MEMORY, naming the file. clmix_picture_free() frees. */
clmix_status clmix_picture_read(clmix_picture *picture, const char *path, size_t channels);
/* The same from memory; `name` is for error texts. */
clmix_status clmix_picture_decode(clmix_picture *picture, const char *name, const void *data, size_t bytes, size_t channels);
void clmix_picture_free(clmix_picture *picture); /* harmless on a zeroed picture */

/* Scales (height, width, channels) to (new_height, new_width, channels) with a triangle filter that widens when shrinking, so that every
 * pixel counts (antialiased bilinear). All sizes at least 1. Fails with HOST_MEMORY. */
clmix_status clmix_picture_resize(const unsigned char *pixels, size_t height, size_t width, size_t channels, unsigned char *result,
                                  size_t new_height, size_t new_width);

/* Cuts out the largest middle part that has the proportions of (new_height, new_width), scales it to that size, and makes it `channels`
 * (1 or 3): one channel is repeated, three become luma. A picture of that size already is copied as it is. Fails with HOST_MEMORY. */
clmix_status clmix_picture_fit(const clmix_picture *picture, unsigned char *result, size_t new_height, size_t new_width, size_t channels);

/* `pixels` pixels from `from` to `to` channels (1 or 3 each). */
void clmix_picture_convert(const unsigned char *source, size_t from, unsigned char *result, size_t to, size_t pixels);

#endif
