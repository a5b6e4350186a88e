/* Shared by the tests of data sets and of the loader. */
#ifndef CLMIX_TEST_SUPPORT_DATA_H
#define CLMIX_TEST_SUPPORT_DATA_H

#include <clmix/data.h>

#define HASH_START 0xCBF29CE484222325u /* FNV-1a */
uint64_t hash_more(uint64_t hash, const void *data, size_t bytes);

/* A call failed in this way, and said this. */
void expect_error(clmix_status found, clmix_status wanted, const char *part);

/* They fail the test where the library fails. The caller closes the data set. A set of pictures: `label` may be NULL. */
/* A set of pictures in this size; 0, 0, 0: as the set has them. */
clmix_status open_pictures(clmix_dataset **dataset, const char *spec, size_t height, size_t width, size_t channels);
clmix_dataset *must_open(const char *spec, size_t height, size_t width, size_t channels);
void must_get(const clmix_dataset *dataset, clmix_split split, size_t index, unsigned char *picture, int32_t *label);

/* The size of the pictures of a set. */
void must_be_sized(const clmix_dataset *dataset, size_t height, size_t width, size_t channels);

#endif
