// Dropout's mask, drawn from a counter: element e of an op's result is kept when word e % 4 of Philox(key = seed, counter = (e / 4, op,
// step)) is at least rate * 2^32. The same function serves forward and backward, so no mask is ever stored.
#ifndef CLMIX_DROPOUT_H
#define CLMIX_DROPOUT_H

#include "common.h"
#include "random.h"

// random: seed low, seed high, step low, step high.
static inline uint dropout_word(const uint4 random, const uint op, const uint element)
{
    const uint4 words = clmix_philox(random.xy, (uint4)(element / 4, op, random.z, random.w));
    const uint even = element % 4 < 2 ? words.x : words.z, odd = element % 4 < 2 ? words.y : words.w;
    return element % 2 == 0 ? even : odd;
}

#if VW > 1
typedef CLMIX_JOIN(uint, VW) uintv;

#if CLMIX_WIDE
#include "random_half.h"

// The words of elements e .. e + 2 VW - 1 in words[0..1], e a multiple of 4. A processor of this form has the low half of 64 bits first.
static inline void dropout_half(const uint4 random, const uint op, const uint element, uintv *words)
{
    ulongh c[4] = { (ulongh)(element / 4) + HALF_LANES, (ulongh)(op), (ulongh)(random.z), (ulongh)(random.w) };
    random_half(random.xy, c);
    const ulongh first = LOW_HALF(c[0]) | (c[1] << (ulongh)(32)), second = LOW_HALF(c[2]) | (c[3] << (ulongh)(32));
    ulongh run;
    run.even = first.lo;
    run.odd = second.lo;
    words[0] = CLMIX_JOIN(as_uint, VW)(run);
    run.even = first.hi;
    run.odd = second.hi;
    words[1] = CLMIX_JOIN(as_uint, VW)(run);
}

// The words of the elements e .. e + 4 VW - 1 in words[0..3], e a multiple of 4.
static inline void dropout_words(const uint4 random, const uint op, const uint element, uintv *words)
{
    dropout_half(random, op, element, words);
    dropout_half(random, op, element + 2 * VW, words + 2);
}
#else
#if VW == 4
#define DROPOUT_LANES (uintv)(0, 1, 2, 3)
#elif VW == 8
#define DROPOUT_LANES (uintv)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define DROPOUT_LANES (uintv)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif

// a0 b0 a1 b1 ... of the lower or upper halves.
static inline uintv dropout_zip_low(const uintv a, const uintv b)
{
    uintv z;
    z.even = a.lo;
    z.odd = b.lo;
    return z;
}

static inline uintv dropout_zip_high(const uintv a, const uintv b)
{
    uintv z;
    z.even = a.hi;
    z.odd = b.hi;
    return z;
}

// The words of the elements e .. e + 4 VW - 1 in words[0..3], e a multiple of 4: one counter a lane, then the four words of each lane side
// by side.
static inline void dropout_words(const uint4 random, const uint op, const uint element, uintv *words)
{
    uintv c0 = (uintv)(element / 4) + DROPOUT_LANES, c1 = (uintv)(op), c2 = (uintv)(random.z), c3 = (uintv)(random.w);
    uint k0 = random.x, k1 = random.y;

    for (int round = 0; round < 10; round++) {
        const uintv n0 = mul_hi(c2, (uintv)(0xCD9E8D57u)) ^ c1 ^ (uintv)(k0), n2 = mul_hi(c0, (uintv)(0xD2511F53u)) ^ c3 ^ (uintv)(k1);
        c1 = c2 * (uintv)(0xCD9E8D57u);
        c3 = c0 * (uintv)(0xD2511F53u);
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const uintv even_low = dropout_zip_low(c0, c2), even_high = dropout_zip_high(c0, c2);
    const uintv odd_low = dropout_zip_low(c1, c3), odd_high = dropout_zip_high(c1, c3);
    words[0] = dropout_zip_low(even_low, odd_low);
    words[1] = dropout_zip_high(even_low, odd_low);
    words[2] = dropout_zip_low(even_high, odd_high);
    words[3] = dropout_zip_high(even_high, odd_high);
}
#endif
#endif

#endif
