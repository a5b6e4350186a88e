// Features that a map makes of each channel of a head, or of all channels of a token:
//   IDENTITY x;  SIGMOID 1 / (1 + e^-x);  RELU max(x, 0);  ELU x + 1 above 0, else e^x;  SOFTMAX over the channels of the token;
//   EXP e^(x - s), s a number a channel of the head: with the logarithm of the sum over the tokens a softmax over these
// With COSINE each becomes two, times the sine and times the cosine of the token's angle, sines first: M is 2 D, and the table holds (sine, cosine)
// a token.
#ifndef CLMIX_FEATURE_MAP_H
#define CLMIX_FEATURE_MAP_H

#include "token_tile.h"

#define IDENTITY 0
#define SIGMOID  1
#define RELU     2
#define ELU      3
#define SOFTMAX  4
#define EXP      5
#ifndef MAP
#define MAP SIGMOID
#endif
#ifndef COSINE
#define COSINE 0    // 0, 1
#endif

// A map, and its derivative by what it made.
#if MAP == SIGMOID
#define MAP_OF(type, x, s)    ((type)(1.0f) / ((type)(1.0f) + clmix_exp##s(-(x))))
#define MAP_SLOPE(type, y)    ((y) * ((type)(1.0f) - (y)))
#elif MAP == RELU
#define MAP_OF(type, x, s)    ((x) < (type)(0.0f) ? (type)(0.0f) : (x))
#define MAP_SLOPE(type, y)    ((y) > (type)(0.0f) ? (type)(1.0f) : (type)(0.0f))
#elif MAP == ELU
#define MAP_OF(type, x, s)    ((x) > (type)(0.0f) ? (x) + (type)(1.0f) : clmix_exp##s(x))
#define MAP_SLOPE(type, y)    ((y) > (type)(1.0f) ? (type)(1.0f) : (y))
#elif MAP == EXP
#define MAP_OF(type, x, s)    clmix_exp##s(x)
#define MAP_SLOPE(type, y)    (y)
#else
#define MAP_OF(type, x, s)    (x)
#define MAP_SLOPE(type, y)    ((type)(1.0f))
#endif

struct feature_totals {
    float sum, most;
};

// The features of the `count` tokens from `first` on, zeros behind them. With COSINE what the map made stays in `x_tile`.
#if COSINE
#define ANGLES(from, token) (from)->table + 2 * (size_t)(token)

INLINE void feature_tile(const struct feature_source *from, const uint first, const uint count, __local float *x_tile, __local float *phi,
                         __local float *team_scratch)
{
    EACH_ROW(r) {
        const bool there = r < count && feature_there(from, first + r);
        const __global float *row = from->x + (size_t)(first + r) * from->pitch, *angle = ANGLES(from, first + r);
        const float sine = there ? angle[0] : 0.0f, cosine = there ? angle[1] : 0.0f;
        EACH_VECTOR(c, D) {
            NEXT_TILE(row + c, from->pitch);
        }
        for (uint c = get_local_id(0) % TEAM; c < D; c += TEAM) {
            const float x = there ? row[c] : 0.0f, y = MAP_OF(float, x, _1);
            x_tile[r * DP + c] = y;
            phi[r * MP + c] = y * sine;
            phi[r * MP + D + c] = y * cosine;
        }
        for (uint c = M + get_local_id(0) % TEAM; c < WHOLE(M); c += TEAM)
            phi[r * MP + c] = 0.0f;
    }
    TILE_BARRIER
}
#elif MAP == SOFTMAX
// In passes over the tile, so that a row's largest and its sum are found while those of the rows before are on their way.
INLINE void feature_tile(const struct feature_source *from, const uint first, const uint count, __local float *x_tile, __local float *phi,
                         __local float *team_scratch)
{
    KEPT(peak)
    KEPT(total)
    {
        EACH_ROW(r) {
            const __global float *row = from->x + (size_t)(first + r) * from->pitch;
            const bool there = r < count && feature_there(from, first + r);
            __local float *to = phi + r * MP;
            floatv most = (floatv)(-INFINITY);
            EACH_VECTOR(c, D) {
                NEXT_TILE(row + c, from->pitch);
                STOREV_LOCAL(there ? load_lanes(row + c, D - c) : (floatv)(0.0f), to + c);
            }
#if D % VW != 0
            for (uint c = D; D / VW % TEAM == get_local_id(0) % TEAM && c < WHOLE(D); c++)    // by who stored the last vector
                to[c] = -INFINITY;
#endif
            EACH_VECTOR(c, D)
                most = max_of(LOADV_LOCAL(to + c), most);
            KEPT_OF(peak, r) = TEAM_MAX(max_lanes(most));
        }
    }
    {
        EACH_ROW(r) {
            __local float *to = phi + r * MP;
            floatv sum = (floatv)(0.0f);
            EACH_VECTOR(c, D) {
                const floatv e = clmix_exp(LOADV_LOCAL(to + c) - KEPT_OF(peak, r));
                STOREV_LOCAL(e, to + c);
                sum += e;
            }
            KEPT_OF(total, r) = TEAM_SUM(sum_lanes(sum));
        }
    }
    {
        EACH_ROW(r) {
            const bool there = r < count && feature_there(from, first + r);
            __local float *to = phi + r * MP;
            EACH_VECTOR(c, D)
                STOREV_LOCAL(there ? LOADV_LOCAL(to + c) / KEPT_OF(total, r) : (floatv)(0.0f), to + c);
        }
    }
    TILE_BARRIER
}
#else
INLINE void feature_tile(const struct feature_source *from, const uint first, const uint count, __local float *x_tile, __local float *phi,
                         __local float *team_scratch)
{
    EACH_ROW(r) {
        const bool there = r < count && feature_there(from, first + r);
        const __global float *row = from->x + (size_t)(first + r) * from->pitch;
        EACH_VECTOR(c, D) {
            NEXT_TILE(row + c, from->pitch);
            floatv x = there ? load_lanes(row + c, D - c) : (floatv)(0.0f);
#if MAP == EXP
            x -= load_lanes(from->peaks + c, D - c);
#endif
#if VW == 1
            const floatv y = MAP_OF(float, x, _1);
#else
            const floatv y = MAP_OF(floatv, x, );
#endif
            STOREV_LOCAL(there ? y : (floatv)(0.0f), phi + r * MP + c);
        }
    }
    TILE_BARRIER
}
#endif

// What the features of the `count` tokens from `first` on send back to them, in `dx`: `up` is the gradient of the features.
INLINE void feature_back(const struct feature_source *from, const uint first, const uint count, __local float *x_tile, __local float *phi,
                         __local float *up, __local float *dx, __local float *team_scratch, struct feature_totals *totals)
{
    feature_tile(from, first, count, x_tile, phi, team_scratch);
    EACH_ROW(r) {
        const bool there = r < count && feature_there(from, first + r);
        const __local float *row = phi + r * MP, *of = up + r * MP;
        __local float *to = dx + r * DP;
#if COSINE
        const __global float *angle = ANGLES(from, first + r);
        const float sine = there ? angle[0] : 0.0f, cosine = there ? angle[1] : 0.0f;
        for (uint c = get_local_id(0) % TEAM; c < D; c += TEAM) {
            const float y = x_tile[r * DP + c];
            to[c] = there ? MAP_SLOPE(float, y) * FMA(of[c], sine, of[D + c] * cosine) : 0.0f;
        }
#else
#if MAP == SOFTMAX
        floatv sum = (floatv)(0.0f);
        EACH_VECTOR(c, D)
            sum = FMA(LOADV_LOCAL(row + c), LOADV_LOCAL(of + c), sum);
        const float mean = TEAM_SUM(sum_lanes(sum));
#endif
        EACH_VECTOR(c, D) {
            const floatv y = LOADV_LOCAL(row + c), dy = LOADV_LOCAL(of + c);
#if MAP == SOFTMAX
            STOREV_LOCAL(there ? y * (dy - mean) : (floatv)(0.0f), to + c);
#else
            STOREV_LOCAL(there ? MAP_SLOPE(floatv, y) * dy : (floatv)(0.0f), to + c);
#endif
        }
#endif
    }
    TILE_BARRIER
}

INLINE void feature_store(const __local float *x_tile, const __local float *dx, const uint count, __global float *to, const uint pitch)
{
    tile_store(dx, DP, count, D, to, pitch);
}

#endif
