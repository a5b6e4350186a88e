/* SHA-256 (FIPS 180-4): keys and checksums of cached files. */
#ifndef CLMIX_BASE_HASH_H
#define CLMIX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define CLMIX_HASH_BYTES 32

typedef struct clmix_hash {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
} clmix_hash;

void clmix_hash_start(clmix_hash *hash);
void clmix_hash_add(clmix_hash *hash, const void *data, size_t bytes);
void clmix_hash_finish(clmix_hash *hash, unsigned char digest[CLMIX_HASH_BYTES]);

/* 64 lower-case hexadecimal digits and a zero byte. */
void clmix_hash_hex(const unsigned char digest[CLMIX_HASH_BYTES], char hex[2 * CLMIX_HASH_BYTES + 1]);

#endif
