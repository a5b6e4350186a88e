#include "io/picture.h"

#include "base/status.h"
#include "io/picture_codec.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_picture_allocate(clmix_picture *picture, const char *name, size_t height, size_t width, size_t channels)
{
    if (height == 0 || width == 0 || height > CLMIX_PICTURE_SIDE || width > CLMIX_PICTURE_SIDE || height * width > CLMIX_PICTURE_PIXELS)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s' is said to have %zux%zu pixels; a side may have 1 to %d and all %zu million, scale it down", name, width,
                          height, CLMIX_PICTURE_SIDE, CLMIX_PICTURE_PIXELS / 1000000);
    picture->pixels = malloc(height * width * channels);
    if (picture->pixels == NULL)
        return clmix_fail_memory(name);
    picture->height = height;
    picture->width = width;
    picture->channels = channels;
    return CLMIX_OK;
}

void clmix_picture_free(clmix_picture *picture)
{
    free(picture->pixels);
    memset(picture, 0, sizeof *picture);
}
