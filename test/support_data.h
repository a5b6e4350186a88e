/* Shared by the tests of data sets and of the loader. */
#ifndef CLMIX_TEST_SUPPORT_DATA_H
#define CLMIX_TEST_SUPPORT_DATA_H

#include <clmix/data.h>

/* A call failed in this way, and said this. */
void expect_error(clmix_status found, clmix_status wanted, const char *part);

/* They fail the test where the library fails. The caller closes the data set. */
clmix_dataset *must_open(const char *spec, size_t height, size_t width, size_t channels);
void must_get(const clmix_dataset *dataset, clmix_split split, size_t index, unsigned char *picture, int *label);

#endif
