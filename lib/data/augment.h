/* Random changes to training pictures, u8 (height, width, channels), in place. What is drawn depends on (seed, epoch, picture's number)
 * alone. */
#ifndef CLMIX_DATA_AUGMENT_H
#define CLMIX_DATA_AUGMENT_H

#include <clmix/data.h>

/* That the options fit pictures of this size. ARGUMENT when not. */
clmix_status clmix_augment_check(const clmix_augment *augment, size_t height, size_t width);

/* Crop, flip and cutout, in this order. `scratch` has the picture's size and is overwritten. */
void clmix_augment_picture(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index, size_t height, size_t width,
                           size_t channels, unsigned char *picture, unsigned char *scratch);

/* Mixup's share of the first picture in 256ths, 0..256; 256 when mixup is off. */
unsigned clmix_augment_share(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index);

/* picture = (share x picture + (256 - share) x other) / 256, rounded. */
void clmix_augment_blend(unsigned char *picture, const unsigned char *other, unsigned share, size_t bytes);

#endif
