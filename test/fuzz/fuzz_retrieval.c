/* Pairs of papers. */
#include "fuzz.h"

#include <stdio.h>

const char *const fuzz_seeds[] = {
    "1.0\tA\tB\tfirst\tsecond\n0.0\tA\tC\tthird\tfourth\n",
    "1\t\t\ta\tb\n0\tx\ty\t\tz\n2\tx\ty\tz\tz\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char spec[600];

    snprintf(spec, sizeof spec, "retrieval:%s", fuzz_file("pairs.tsv", data, bytes));
    fuzz_read(spec);
    return 0;
}
