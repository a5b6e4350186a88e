// Philox 4x32-10 (random.h) of VW / 2 counters at once, for the wide form: each word in the low half of 64 bits. A product then has both its
// halves in place, and what stands in the high half of a word is left there, since only low halves are multiplied. (mul_hi of 32-bit words goes
// lane by lane in PoCL.)
#ifndef CLMIX_RANDOM_HALF_H
#define CLMIX_RANDOM_HALF_H

#include "common.h"

#if VW == 4
typedef ulong2 ulongh;
#define HALF_LANES (ulongh)(0, 1)
#elif VW == 8
typedef ulong4 ulongh;
#define HALF_LANES (ulongh)(0, 1, 2, 3)
#elif VW == 16
typedef ulong8 ulongh;
#define HALF_LANES (ulongh)(0, 1, 2, 3, 4, 5, 6, 7)
#endif

#if VW > 1
#define LOW_HALF(v) ((v) & (ulongh)(0xFFFFFFFFul))

// The four words of the counters `words`, in their place.
static inline __attribute__((always_inline)) void random_half(const uint2 key, ulongh words[4])
{
    ulongh c0 = words[0], c1 = words[1], c2 = words[2], c3 = words[3];
    uint k0 = key.x, k1 = key.y;
    for (int round = 0; round < 10; round++) {
        const ulongh p0 = LOW_HALF(c0) * (ulongh)(0xD2511F53ul), p2 = LOW_HALF(c2) * (ulongh)(0xCD9E8D57ul);
        c0 = (p2 >> (ulongh)(32)) ^ c1 ^ (ulongh)(k0);
        c2 = (p0 >> (ulongh)(32)) ^ c3 ^ (ulongh)(k1);
        c1 = p2;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}
#endif

#endif
