/* Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011). The same (key, counter) gives the same four words on every host and
 * device (cl/random.h is the device's side), so nothing random is ever stored. */
#ifndef CLMIX_BASE_RANDOM_H
#define CLMIX_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Four words for a 64-bit key and a 128-bit counter. */
void clmix_philox(uint64_t key, const uint32_t counter[4], uint32_t words[4]);

/* A stream: numbers 0, 1, 2, ... of (key, stream). Copyable; the state is the position. */
typedef struct clmix_random {
    uint64_t key;
    uint64_t stream;
    uint64_t position;
    uint32_t words[4]; /* those around the position, unless it is a multiple of 4 */
} clmix_random;
clmix_random clmix_random_stream(uint64_t key, uint64_t stream);
uint32_t clmix_random_word(clmix_random *random);
float clmix_random_uniform(clmix_random *random);                  /* [0, 1), 24 bits */
uint32_t clmix_random_below(clmix_random *random, uint32_t limit); /* 0 .. limit - 1, without bias; limit > 0 */
float clmix_random_normal(clmix_random *random);                   /* mean 0, std 1 (Box-Muller) */
void clmix_random_shuffle(clmix_random *random, uint32_t *items, size_t count);

/* A 64-bit hash of a text (FNV-1a), for keys and streams named by a text; and the same byte by byte, from CLMIX_HASH_TEXT_START on. */
uint64_t clmix_hash_text(const char *text);
#define CLMIX_HASH_TEXT_START 0xCBF29CE484222325u
static inline uint64_t clmix_hash_text_more(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * 0x100000001B3u;
}

#endif
