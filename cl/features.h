// Features of tiles of tokens. Random ones (Choromanski et al. 2021): u = c x P^T with c = d^(-1/4), and of it
//   softmax: phi = m^(-1/2) (exp(u - c^2 |x|^2 / 2 - max u) + 1e-4), the maximum over a token's features (FEATURES 1) or a given one (2)
//   ReLU:    phi = max(u, 0) + 1e-3 (FEATURES 0)
// The table holds c P^T (D x PADDED(M), zeros at the end) and behind it c P (M x PADDED(D)). FEATURES 3: what a map makes of each channel
// (feature_map.h).
#ifndef CLMIX_FEATURES_H
#define CLMIX_FEATURES_H

#include "token_tile.h"

#ifndef D
#define D 32    // width of a head
#endif
#ifndef M
#define M 110   // features of a head
#endif
#ifndef FEATURES
#define FEATURES 1
#endif
#ifndef MASKED
#define MASKED 0    // 1: tokens whose mask is 0 have features of zeros, and send nothing back
#endif
#ifndef CONSTANT
#define CONSTANT 0    // 1: maxima are constants to the gradient
#endif
#define DP          PADDED(D)
#define MP          PADDED(M)
#define TABLE       (D * MP + M * DP)
#define RELU_ADDED  1e-3f
#define EXP_ADDED   1e-4f
#define RATIO       (1.0f / sqrt((float)M))
#define HALF_SQUARE (0.5f / sqrt((float)D))    // c^2 / 2

// The tokens of a head of a sample, and what their features are formed with.
struct feature_source {
    const __global float *x, *table, *peaks;
    const __global int *mask;
    uint pitch;
};
#define FEATURE_ARGUMENTS                                                                                                                 \
    const __global float *x, const uint x_offset, const uint x_pitch, const __global float *table, const uint table_offset,                \
        const __global float *peaks, const uint peaks_offset, const __global int *mask, const uint mask_offset
#define PEAKS (FEATURES == 3 ? D : 2)    // floats of a head in `peaks`
#define FEATURE_SOURCE(name)                                                                                                              \
    const struct feature_source name = { x + x_offset + (size_t)sample * tokens * x_pitch + head * D, table + table_offset,                \
                                         peaks + peaks_offset + (size_t)(sample * heads + head) * PEAKS,                                   \
                                         mask + mask_offset + (size_t)sample * tokens, x_pitch };

INLINE bool feature_there(const struct feature_source *from, const uint token)
{
    return !MASKED || from->mask[token] != 0;
}

#if FEATURES == 3
#include "feature_map.h"
#else

// u of a tile of tokens. Columns from M to the whole vector become -infinity, which neither a maximum nor an exponential sees; by the
// work-item that EACH_VECTOR gives them to.
INLINE void feature_products(const __local float *x, const __global float *table, __local float *u)
{
    tile_times(x, DP, table, MP, D, M, u, MP);
    TILE_BARRIER
#if M % VW != 0
    EACH_ROW(r)
        for (uint c = M; M / VW % TEAM == get_local_id(0) % TEAM && c < WHOLE(M); c++)
            u[r * MP + c] = -INFINITY;
#endif
}

// |x|^2 c^2 / 2 of a row, and the largest of its u.
INLINE float feature_norm(const __local float *x, __local float *team_scratch)
{
    floatv sum = (floatv)(0.0f);
    EACH_VECTOR(c, D) {
        const floatv v = LOADV_LOCAL(x + c);
        sum = FMA(v, v, sum);
    }
    return HALF_SQUARE * TEAM_SUM(sum_lanes(sum));
}

INLINE float feature_most(const __local float *u, __local float *team_scratch)
{
    floatv most = (floatv)(-INFINITY);
    EACH_VECTOR(c, M)
        most = max_of(LOADV_LOCAL(u + c), most);
    return TEAM_MAX(max_lanes(most));
}

// The features of the `count` tokens from `first` on, zeros behind them.
INLINE void feature_tile(const struct feature_source *from, const uint first, const uint count, __local float *x_tile, __local float *u,
                         __local float *team_scratch)
{
    tile_load(from->x + (size_t)first * from->pitch, from->pitch, count, D, x_tile, DP);
    TILE_BARRIER
    feature_products(x_tile, from->table, u);
    EACH_ROW(r) {
        const bool there = r < count && feature_there(from, first + r);
        __local float *row = u + r * MP;
#if FEATURES == 0
        EACH_VECTOR(c, M)
            STOREV_LOCAL(there ? fmax(LOADV_LOCAL(row + c), (floatv)(0.0f)) + RELU_ADDED : (floatv)(0.0f), row + c);
#else
        float shift = feature_norm(x_tile + r * DP, team_scratch);
#if FEATURES == 1
        shift += feature_most(row, team_scratch);
#else
        shift += from->peaks[0];
#endif
        EACH_VECTOR(c, M)
            STOREV_LOCAL(there ? (clmix_exp(LOADV_LOCAL(row + c) - shift) + EXP_ADDED) * RATIO : (floatv)(0.0f), row + c);
#endif
    }
    TILE_BARRIER
}

// What the features of the `count` tokens from `first` on send back to them: `up` is the gradient of the features, which is written over. dx is
// the sum of what is left in `x_tile` and in `dx` (feature_store).
//   w = dphi m^(-1/2) exp(...),  W = sum of w over the token,  dx = c (w - W at the token's maximum) P - c^2 x W
// (ReLU: w = dphi where u > 0, dx = c w P). Features that share the maximum share W. Of a given maximum the caller subtracts the sum of all W
// where it is. `sum` and `most` grow by the W of the `count` tokens and to the largest of their u: in the first work-item of a team.
struct feature_totals {
    float sum, most;
};

INLINE void feature_back(const struct feature_source *from, const uint first, const uint count, __local float *x_tile, __local float *u,
                         __local float *up, __local float *dx, __local float *team_scratch, struct feature_totals *totals)
{
    tile_load(from->x + (size_t)first * from->pitch, from->pitch, count, D, x_tile, DP);
    TILE_BARRIER
    feature_products(x_tile, from->table, u);
    EACH_ROW(r) {
        const bool there = r < count && feature_there(from, first + r);
        __local float *row = u + r * MP, *xr = x_tile + r * DP;
        __local float *dy = up + r * MP;
#if FEATURES == 0
        EACH_VECTOR(c, M)
            STOREV_LOCAL(there ? (LOADV_LOCAL(row + c) > (floatv)(0.0f) ? LOADV_LOCAL(dy + c) : (floatv)(0.0f)) : (floatv)(0.0f), row + c);
        EACH_VECTOR(c, D)
            STOREV_LOCAL((floatv)(0.0f), xr + c);
#else
        const float norm = feature_norm(xr, team_scratch), most = feature_most(row, team_scratch);
        const float shift = norm + (FEATURES == 1 ? most : from->peaks[0]);
        floatv sum = (floatv)(0.0f), ties = (floatv)(0.0f);
        EACH_VECTOR(c, M) {
            const floatv v = LOADV_LOCAL(row + c), w = there ? clmix_exp(v - shift) * LOADV_LOCAL(dy + c) * RATIO : (floatv)(0.0f);
            const floatv tie = v == (floatv)(most) ? (floatv)(1.0f) : (floatv)(0.0f);
            STOREV_LOCAL(w, row + c);
#if FEATURES == 1 && !CONSTANT
            STOREV_LOCAL(tie, dy + c);
#endif
            sum += w;
            ties += tie;
        }
        const float total = TEAM_SUM(sum_lanes(sum));
#if FEATURES == 1 && !CONSTANT
        const float share = total / TEAM_SUM(sum_lanes(ties));
        EACH_VECTOR(c, M)
            STOREV_LOCAL(LOADV_LOCAL(row + c) - share * LOADV_LOCAL(dy + c), row + c);
#endif
        EACH_VECTOR(c, D)
            STOREV_LOCAL(LOADV_LOCAL(xr + c) * (-2.0f * HALF_SQUARE * total), xr + c);
        if (get_local_id(0) % TEAM == 0 && there) {
            totals->sum += total;
            totals->most = fmax(totals->most, most);
        }
#endif
    }
    TILE_BARRIER
    tile_times(u, MP, from->table + D * MP, DP, M, D, dx, DP);
    TILE_BARRIER
}

INLINE void feature_store(const __local float *x_tile, const __local float *dx, const uint count, __global float *to, const uint pitch)
{
    EACH_ROW(r)
        if (r < count)
            EACH_VECTOR(c, D)
                store_lanes(LOADV_LOCAL(x_tile + r * DP + c) + LOADV_LOCAL(dx + r * DP + c), to + (size_t)r * pitch + c, D - c);
}
#endif

#endif
