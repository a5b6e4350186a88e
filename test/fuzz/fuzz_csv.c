/* CSV, with and without options. */
#include "fuzz.h"

#include <stdio.h>

const char *const fuzz_seeds[] = {
    "text,label\n\"a, \"\"b\"\"\nc\",1\nd,0\n",
    "a,b,1\r\n\"\",\"c\",0\r\nd,\"e\"f,1\r\n",
    "1,\"x\n\n\ny\"\n2,z\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char spec[600];

    snprintf(spec, sizeof spec, "csv:%s", fuzz_file("rows.csv", data, bytes));
    fuzz_read(spec);
    snprintf(spec, sizeof spec, "csv:%s,text=1,second=2,label=3", fuzz_file("rows.csv", data, bytes));
    fuzz_read(spec);
    return 0;
}
