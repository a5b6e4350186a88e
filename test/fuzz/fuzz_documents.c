/* Documents: a file, and a folder with two. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

const char *const fuzz_seeds[] = {
    "one\ntwo\n\nthree\n",
    "\n\na\r\n \r\nb\nc\n\n",
    "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\ns\nt\nu\n",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char spec[600];

    snprintf(spec, sizeof spec, "text:%s", fuzz_file("one.txt", data, bytes));
    fuzz_read(spec);
    fuzz_file("texts/a.txt", data, bytes / 2);
    fuzz_file("texts/b.txt", data + bytes / 2, bytes - bytes / 2);
    snprintf(spec, sizeof spec, "text:%s", fuzz_file("one.txt", data, bytes));
    spec[strlen(spec) - strlen("one.txt")] = '\0';
    snprintf(spec + strlen(spec), sizeof spec - strlen(spec), "texts");
    fuzz_read(spec);
    return 0;
}
