// The register tile and the copies that the wide convolutions share. A tile is TILE rows x VECTORS vectors of LANES floats; row i of the
// left operand is a run of floats in local memory, broadcast one at a time; the right operand is read as whole vectors.
#ifndef CLMIX_CONV_WIDE_H
#define CLMIX_CONV_WIDE_H

#include "common.h"

#ifndef LANES
#define LANES VW    // 4, 8, 16: floats in a vector of this program; fewer than VW where there are few channels
#endif
#ifndef TILE
#define TILE 8    // rows of a tile: 8; 4 where registers are few; 1, 2, 4 for weights of fewer channels
#endif
#ifndef VECTORS
#define VECTORS 2    // 1, 2, 3: vectors in a row of a tile
#endif
#define PANEL (LANES * VECTORS)

typedef CLMIX_JOIN(float, LANES) lanes;
typedef CLMIX_JOIN(float, LANES) __attribute__((aligned(4))) lanesu;

#define LOAD(p)           ((lanes)(*(const __global lanesu *)(p)))
#define STORE(v, p)       (*(__global lanesu *)(p) = (v))
#define LOAD_LOCAL(p)     ((lanes)(*(const __local lanesu *)(p)))
#define STORE_LOCAL(v, p) (*(__local lanesu *)(p) = (v))

typedef float4 __attribute__((aligned(4))) float4u;
typedef float8 __attribute__((aligned(4))) float8u;

// sum[i][:] += sum_k left[i][at + k] right[k][:], k < count; `right` has `pitch` floats from one k to the next.
__attribute__((always_inline)) static inline void tile_multiply(lanes sum[TILE][VECTORS], const __local float *const left[TILE],
                                                                const int at, const __global float *right, const int pitch, const int count)
{
    for (int k = 0; k < count; k++) {
        lanes row[VECTORS];
#pragma unroll
        for (int j = 0; j < VECTORS; j++)
            row[j] = LOAD(right + j * LANES);
#pragma unroll
        for (int i = 0; i < TILE; i++) {
            const lanes one = (lanes)(left[i][at + k]);
#pragma unroll
            for (int j = 0; j < VECTORS; j++)
                sum[i][j] = FMA(one, row[j], sum[i][j]);
        }
        right += pitch;
    }
}

// The first `count` lanes of `value`, all of them where count is larger, none where it is not positive.
__attribute__((always_inline)) static inline void store_part(const lanes value, __global float *to, const int count)
{
    if (count >= LANES) {
        STORE(value, to);
    } else {
        float part[LANES];
        *(lanesu *)part = value;
        for (int i = 0; i < count; i++)
            to[i] = part[i];
    }
}

static inline void copy_floats(__local float *to, const __global float *from, const int count)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        STORE_LOCAL(LOAD(from + i), to + i);
    for (; i < count; i++)
        to[i] = from[i];
}

static inline void store_floats(__global float *to, const __local float *from, const int count)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        STORE(LOAD_LOCAL(from + i), to + i);
    for (; i < count; i++)
        to[i] = from[i];
}

static inline void zero_floats(__local float *to, const int count)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        STORE_LOCAL((lanes)(0.0f), to + i);
    for (; i < count; i++)
        to[i] = 0.0f;
}

// `pixels` pixels of `channels` floats, `pitch` apart, made dense. Slices of 4 and 8 channels are what narrow networks have.
static inline void copy_pixels(__local float *to, const __global float *from, const int pixels, const int channels, const int pitch)
{
    if (pitch == channels) {
        copy_floats(to, from, pixels * channels);
    } else if (channels == 4) {
        for (int x = 0; x < pixels; x++)
            *(__local float4u *)(to + 4 * x) = *(const __global float4u *)(from + x * pitch);
    } else if (channels == 8) {
        for (int x = 0; x < pixels; x++)
            *(__local float8u *)(to + 8 * x) = *(const __global float8u *)(from + x * pitch);
    } else {
        for (int x = 0; x < pixels; x++)
            copy_floats(to + x * channels, from + x * pitch, channels);
    }
}

// The reverse: dense pixels to pixels `pitch` apart.
static inline void store_pixels(__global float *to, const __local float *from, const int pixels, const int channels, const int pitch)
{
    if (pitch == channels) {
        store_floats(to, from, pixels * channels);
    } else {
        for (int x = 0; x < pixels; x++)
            store_floats(to + x * pitch, from + x * channels, channels);
    }
}

// Row y of one sample, columns x0 .. x0 + columns - 1, zero outside the map of `width` x `height` pixels.
static inline void copy_row(__local float *to, const __global float *sample, const int y, const int x0, const int columns, const int height,
                            const int width, const int channels, const int pitch)
{
    const int first = clamp(-x0, 0, columns), last = clamp(width - x0, first, columns);
    if (y < 0 || y >= height || first == last) {
        zero_floats(to, columns * channels);
        return;
    }
    zero_floats(to, first * channels);
    copy_pixels(to + first * channels, sample + (y * width + x0 + first) * pitch, last - first, channels, pitch);
    zero_floats(to + last * channels, (columns - last) * channels);
}

#endif
