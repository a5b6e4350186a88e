/* Random changes to training pictures, u8 (height, width, channels), in place. What is drawn depends on (seed, epoch, picture's number)
 * alone. */
#ifndef CLMIX_DATA_AUGMENT_H
#define CLMIX_DATA_AUGMENT_H

#include <clmix/data.h>

/* Crop, flip and cutout, in this order. `scratch` has the picture's size and is overwritten. */
void clmix_augment_picture(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index, size_t height, size_t width,
                           size_t channels, unsigned char *picture, unsigned char *scratch);

#endif
