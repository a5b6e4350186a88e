/* What a picture's share is and how two are blended, apart from whole batches. */
#ifndef CLMIX_DATA_MIXUP_H
#define CLMIX_DATA_MIXUP_H

#include <clmix/data.h>

/* Mixup's share of the first picture in 256ths, 0..256; 256 when mixup is off. */
unsigned clmix_mixup_share(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index);

/* picture = (share x picture + (256 - share) x other) / 256, rounded. */
void clmix_mixup_blend(unsigned char *picture, const unsigned char *other, unsigned share, size_t bytes);

#endif
