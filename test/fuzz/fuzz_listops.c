/* Files of ListOps. */
#include "fuzz.h"

#include <stdio.h>

const char *const fuzz_seeds[] = {
    "Source\tTarget\r\n( ( ( ( [SM 4 ) 7 ) 2 ) ] )\t3\r\n5\t5\r\n",
    "Source\tTarget\n[MED 1 [MIN 2 3 ] 4 ]\t2\n[MAX 1 2 ]\t1\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char spec[600];

    snprintf(spec, sizeof spec, "listops:%s", fuzz_file("basic_train.tsv", data, bytes));
    fuzz_read(spec);
    return 0;
}
