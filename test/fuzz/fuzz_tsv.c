/* TSV, with and without options. */
#include "fuzz.h"

#include <stdio.h>

const char *const fuzz_seeds[] = {
    "id\tsentence\tlabel\n1\tgood\tpos\n2\tbad\tneg\n",
    "good\t1\r\nbad\t0\r\n\r\nso so\t1",
    "0\ta\tb\n1\tc\td\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf"
    "\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n0\te\tf\n1\tg\th\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char spec[600];

    snprintf(spec, sizeof spec, "tsv:%s", fuzz_file("rows.tsv", data, bytes));
    fuzz_read(spec);
    snprintf(spec, sizeof spec, "tsv:%s,text=2,label=1", fuzz_file("rows.tsv", data, bytes));
    fuzz_read(spec);
    return 0;
}
