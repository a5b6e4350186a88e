#include "base/random.h"

#include <math.h>

void clmix_philox(uint64_t key, const uint32_t counter[4], uint32_t words[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;

        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

clmix_random clmix_random_stream(uint64_t key, uint64_t stream)
{
    return (clmix_random){ .key = key, .stream = stream, .position = 0 };
}

uint32_t clmix_random_word(clmix_random *random)
{
    const uint64_t block = random->position >> 2;

    if ((random->position & 3) == 0) {
        const uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), (uint32_t)random->stream,
                                      (uint32_t)(random->stream >> 32) };

        clmix_philox(random->key, counter, random->words);
    }
    return random->words[random->position++ & 3];
}

float clmix_random_uniform(clmix_random *random)
{
    return (float)(clmix_random_word(random) >> 8) * 0x1p-24f;
}

uint32_t clmix_random_below(clmix_random *random, uint32_t limit)
{
    uint32_t threshold = (0u - limit) % limit, word;

    do
        word = clmix_random_word(random);
    while (word < threshold);
    return word % limit;
}

float clmix_random_normal(clmix_random *random)
{
    float u = ((float)(clmix_random_word(random) >> 8) + 1.0f) * 0x1p-24f;
    float v = clmix_random_uniform(random);

    return sqrtf(-2.0f * logf(u)) * cosf(6.28318530717958648f * v);
}

void clmix_random_shuffle(clmix_random *random, uint32_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = clmix_random_below(random, (uint32_t)i);
        uint32_t item = items[i - 1];

        items[i - 1] = items[j];
        items[j] = item;
    }
}

uint64_t clmix_hash_text(const char *text)
{
    uint64_t hash = CLMIX_HASH_TEXT_START;

    for (; *text != '\0'; text++)
        hash = clmix_hash_text_more(hash, (unsigned char)*text);
    return hash;
}
