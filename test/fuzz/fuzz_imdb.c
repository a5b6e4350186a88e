/* Reviews. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

const char *const fuzz_seeds[] = {
    "good<br /><br />film [sic] 3 < 4",
    "[[[<<<",
    "<a[b>c]d",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char spec[600];

    fuzz_file("aclImdb/train/neg/0_1.txt", (const uint8_t *)"bad", 3);
    snprintf(spec, sizeof spec, "imdb:%s", fuzz_file("aclImdb/train/pos/0_9.txt", data, bytes));
    spec[strlen(spec) - strlen("/train/pos/0_9.txt")] = '\0';
    fuzz_read(spec);
    snprintf(spec + strlen(spec), sizeof spec - strlen(spec), ",tags=drop");
    fuzz_read(spec);
    return 0;
}
