// Philox 4x32-10 (Salmon et al. 2011), word for word the generator of lib/base/random.c: the same key and counter give the same four words on
// host and device, so dropout masks and noise are drawn again where they are needed and never stored.
#ifndef CLMIX_RANDOM_H
#define CLMIX_RANDOM_H

// Four words for a 64-bit key (x: low half) and a 128-bit counter.
static inline uint4 clmix_philox(uint2 key, uint4 counter)
{
    for (int round = 0; round < 10; round++) {
        counter = (uint4)(mul_hi(0xCD9E8D57u, counter.z) ^ counter.y ^ key.x, 0xCD9E8D57u * counter.z,
                          mul_hi(0xD2511F53u, counter.x) ^ counter.w ^ key.y, 0xD2511F53u * counter.x);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

// Numbers 4 * block .. 4 * block + 3 of a stream, the order of clmix_random_word() on the host. key, stream: x is the low half.
static inline uint4 clmix_random_words(uint2 key, uint2 stream, uint block)
{
    return clmix_philox(key, (uint4)(block, 0, stream.x, stream.y));
}

// [0, 1) in steps of 2^-24, as clmix_random_uniform().
static inline float4 clmix_random_uniforms(uint2 key, uint2 stream, uint block)
{
    return convert_float4(clmix_random_words(key, stream, block) >> 8) * 0x1p-24f;
}

#endif
