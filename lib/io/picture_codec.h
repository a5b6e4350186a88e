/* The two decoders behind clmix_picture_decode (inside lib/io). They leave what they allocated in *picture also when they fail. */
#ifndef CLMIX_IO_PICTURE_CODEC_H
#define CLMIX_IO_PICTURE_CODEC_H

#include "io/picture.h"

clmix_status clmix_png_decode(clmix_picture *picture, const char *name, const unsigned char *data, size_t bytes, size_t channels);
clmix_status clmix_jpeg_decode(clmix_picture *picture, const char *name, const unsigned char *data, size_t bytes, size_t channels);

/* Memory for a picture of acceptable size; FORMAT when it is not. */
clmix_status clmix_picture_allocate(clmix_picture *picture, const char *name, size_t height, size_t width, size_t channels);

#endif
