/* The metadata of Pathfinder. */
#include "fuzz.h"

#include <clmix/data.h>

#include <stdio.h>
#include <string.h>

const char *const fuzz_seeds[] = {
    "imgs/0 sample_0.png 0 1 1.8 14 2\nimgs/0 sample_1.png 1 0 1.8 14 2\n",
    "imgs/0 a.png 0 1\r\n\r\nimgs/1 b.png 1 0\r\nimgs/1 c.png 2 2\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const clmix_port wanted = { CLMIX_PICTURES, CLMIX_U8, 3, { 8, 8, 1 } };
    clmix_dataset *set = NULL;
    clmix_status status;
    char spec[600];

    snprintf(spec, sizeof spec, "pathfinder:%s", fuzz_file("metadata/0.npy", data, bytes));
    strstr(spec, "/metadata/")[0] = '\0';
    status = clmix_dataset_open(&set, spec, &wanted, 1);
    FUZZ_CHECK((status == CLMIX_OK) == (set != NULL));
    FUZZ_CHECK(status == CLMIX_OK || (status == CLMIX_ERROR_FORMAT && clmix_error()[0] != '\0'));
    if (set != NULL) {
        const clmix_data_reading *reading = clmix_dataset_reading(set, CLMIX_TRAIN);
        const size_t train = clmix_dataset_count(set, CLMIX_TRAIN), test = clmix_dataset_count(set, CLMIX_TEST);

        FUZZ_CHECK(train > 0 && test == (train + test) / 10);
        FUZZ_CHECK(reading->skips.read == train + test + clmix_skips_count(&reading->skips));
    }
    clmix_dataset_close(set);
    return 0;
}
