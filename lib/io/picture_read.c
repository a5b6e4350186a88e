#include "base/file.h"
#include "base/status.h"
#include "io/picture_codec.h"

#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)256 << 20)

clmix_status clmix_picture_decode(clmix_picture *picture, const char *name, const void *data, size_t bytes, size_t channels)
{
    clmix_status status;

    memset(picture, 0, sizeof *picture);
    if (channels != 0 && channels != 1 && channels != 3)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is asked for with %zu channels; 1, 3 or 0 (as in the file) are possible", name,
                          channels);
    if (bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        status = clmix_png_decode(picture, name, data, bytes, channels);
    else if (bytes >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        status = clmix_jpeg_decode(picture, name, data, bytes, channels);
    else
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' (%zu bytes) is neither PNG nor JPEG by its first bytes; convert it to one of them",
                          name, bytes);
    if (status != CLMIX_OK)
        clmix_picture_free(picture);
    return status;
}

clmix_status clmix_picture_read(clmix_picture *picture, const char *path, size_t channels)
{
    void *data = NULL;
    size_t bytes = 0;
    clmix_status status;

    memset(picture, 0, sizeof *picture);
    CLMIX_TRY(clmix_file_read(path, FILE_LIMIT, &data, &bytes));
    status = clmix_picture_decode(picture, path, data, bytes, channels);
    free(data);
    return status;
}
