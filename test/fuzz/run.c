/* Where there is no libFuzzer: the seeds of a fuzzer, each whole and then with faults drawn from a counter.  fuzz_NAME [INPUTS [FIRST]] */
#include "fuzz.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096

/* What readers look for. */
static const char pieces[][8] = { "\t", "\n", "\r\n", ",", "\"", "\"\"",  "\xEF\xBB\xBF", "\xFF\xFE", "\xE4",         "\xC3\xA4", "[MIN ",
                                  " ]", "(",  "0",    "7", "##", "[UNK]", "\xE4\xB8\x80", "\xCC\x81", "\xE2\x80\xA8", "label",    "1.0",
                                  "<",  ">",  "a",    "A", " ",  "" };

static size_t insert(uint8_t *data, size_t bytes, size_t at, const void *more, size_t more_bytes)
{
    if (bytes + more_bytes > ROOM)
        return bytes;
    memmove(data + at + more_bytes, data + at, bytes - at);
    memcpy(data + at, more, more_bytes);
    return bytes + more_bytes;
}

static size_t change(clmix_random *random, uint8_t *data, size_t bytes)
{
    const size_t at = clmix_random_below(random, (uint32_t)bytes + 1), left = bytes - at;
    const size_t length = left == 0 ? 0 : 1 + clmix_random_below(random, (uint32_t)(left < 16 ? left : 16));
    const char *piece = pieces[clmix_random_below(random, sizeof pieces / sizeof *pieces)];
    uint8_t copy[16];

    switch (clmix_random_below(random, 5)) {
    case 0: return insert(data, bytes, at, piece, piece[0] == '\0' ? 1 : strlen(piece));
    case 1: memmove(data + at, data + at + length, left - length); return bytes - length;
    case 2: memcpy(copy, data + at, length); return insert(data, bytes, clmix_random_below(random, (uint32_t)bytes + 1), copy, length);
    case 3:
        if (length > 0)
            data[at] = (uint8_t)(data[at] ^ 1u << clmix_random_below(random, 8));
        return bytes;
    default: return clmix_random_below(random, 8) == 0 ? at : bytes;
    }
}

static void run_one(uint64_t number)
{
    static uint8_t data[ROOM];
    clmix_random random = clmix_random_stream(clmix_hash_text("fuzz"), number);
    size_t count = 0, bytes;

    while (fuzz_seeds[count] != NULL)
        count++;
    const char *seed = fuzz_seeds[number % count];

    bytes = strlen(seed);
    memcpy(data, seed, bytes);
    for (uint32_t faults = number < count ? 0 : 1 + clmix_random_below(&random, 12); faults > 0; faults--)
        bytes = change(&random, data, bytes);
    uint8_t *exact = malloc(bytes + (bytes == 0)); /* so that a sanitizer sees the end */

    memcpy(exact, data, bytes);
    LLVMFuzzerTestOneInput(exact, bytes);
    free(exact);
}

int main(int argc, char **argv)
{
    const uint64_t inputs = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

    for (uint64_t i = 0; i < inputs; i++)
        run_one(first + i);
    printf("%llu inputs\n", (unsigned long long)inputs);
    return 0;
}
