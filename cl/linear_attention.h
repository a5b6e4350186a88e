// Right sides and features of linear attention's tiles (linear_attention.cl, linear_causal.cl). With THROUGH, features are formed of the tokens as
// they are needed, and never in memory (features.h).
#ifndef CLMIX_LINEAR_ATTENTION_H
#define CLMIX_LINEAR_ATTENTION_H

#include "features.h"

#ifndef V
#define V 32        // width of a head's values
#endif
#ifndef THROUGH
#define THROUGH 0   // 1: features are formed here; FEATURES and D tell how
#endif
#ifndef VALUES
#define VALUES 1    // 1: the right side is that of keys; 0: of queries
#endif
#ifndef WEIGHED
#define WEIGHED 0   // 1: keys have weights
#endif
#define VP    PADDED(V)
#define RP    (VP + 4)    // pitch of a right side: V columns, whole vectors, and one more
#define STATE (MP * VP + (V + 1) * MP)

// Features of a tile of tokens, zeros behind them.
#if THROUGH
#define PHI_ARGUMENTS FEATURE_ARGUMENTS
#define PHI_TILE      __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), phi_tile[TOKENS * MP] __attribute__((aligned(64)));
#define PHI_BASE      FEATURE_SOURCE(from)
#define LOAD_PHI(first, n) feature_tile(&from, first, n, x_tile, phi_tile, team_scratch);
#else
#define PHI_ARGUMENTS const __global float *phi, const uint phi_offset, const uint phi_pitch
#define PHI_TILE      __local float phi_tile[TOKENS * MP] __attribute__((aligned(64)));
#define PHI_BASE      phi += phi_offset + (size_t)sample * tokens * phi_pitch + head * M;
#define LOAD_PHI(first, n)                                                                    \
    tile_load(phi + (size_t)(first) * phi_pitch, phi_pitch, n, M, phi_tile, MP);              \
    TILE_BARRIER
#endif

// Right sides. Of keys (w v, w), v values, w the weights of a head's tokens, or ones. Of queries (G, g), of dy, n and g; n and g of a head lie
// `heads` apart.
#define KEY_ARGUMENTS const __global float *v, const uint v_offset, const uint v_pitch, const __global float *weight, const uint weight_offset
#define KEY_BASE                                                                              \
    v += v_offset + (size_t)sample * tokens * v_pitch + head * V;                             \
    weight += weight_offset + (size_t)(sample * heads + head) * tokens;
#define LOAD_KEYS(first, n, tile) load_values(v + (size_t)(first) * v_pitch, v_pitch, n, weight + (first), tile);
#define QUERY_ARGUMENTS                                                                                                                   \
    const __global float *dy, const uint dy_offset, const uint dy_pitch, const __global float *norm, const uint norm_offset,               \
        const __global float *back, const uint back_offset
#define QUERY_BASE                                                                            \
    dy += dy_offset + (size_t)sample * tokens * dy_pitch + head * V;                          \
    norm += norm_offset + (size_t)sample * tokens * heads + head;                             \
    back += back_offset + (size_t)sample * tokens * heads + head;
#define LOAD_QUERIES(first, n, tile)                                                                                                      \
    load_quotients(dy + (size_t)(first) * dy_pitch, dy_pitch, norm + (size_t)(first) * heads, back + (size_t)(first) * heads, heads, n, tile);
#if VALUES
#define RIGHT_ARGUMENTS      KEY_ARGUMENTS
#define RIGHT_BASE           KEY_BASE
#define LOAD_RIGHT(first, n) LOAD_KEYS(first, n, right)
#else
#define RIGHT_ARGUMENTS      QUERY_ARGUMENTS
#define RIGHT_BASE           QUERY_BASE
#define LOAD_RIGHT(first, n) LOAD_QUERIES(first, n, right)
#endif

// The right side of `count` tokens, zeros behind them.
INLINE void load_values(const __global float *v, const uint pitch, const uint count, const __global float *weight, __local float *right)
{
    EACH_ROW(r) {
        const float factor = r < count ? WEIGHED ? weight[r] : 1.0f : 0.0f;
        EACH_VECTOR(c, V) {
            NEXT_TILE(v + (size_t)r * pitch + c, pitch);
            STOREV_LOCAL(r < count ? load_lanes(v + (size_t)r * pitch + c, V - c) * factor : (floatv)(0.0f), right + r * RP + c);
        }
        if (get_local_id(0) % TEAM == 0)
            right[r * RP + VP] = factor;
    }
}

// 1 over a divisor; a query that sees no key has one of 0, and gets zeros.
INLINE float over(const float divisor)
{
    return divisor == 0.0f ? 0.0f : 1.0f / divisor;
}

INLINE void load_quotients(const __global float *dy, const uint pitch, const __global float *norm, const __global float *back,
                           const uint heads, const uint count, __local float *right)
{
    EACH_ROW(r) {
        const float factor = r < count ? over(norm[(size_t)r * heads]) : 0.0f;
        EACH_VECTOR(c, V) {
            NEXT_TILE(dy + (size_t)r * pitch + c, pitch);
            STOREV_LOCAL(r < count ? load_lanes(dy + (size_t)r * pitch + c, V - c) * factor : (floatv)(0.0f), right + r * RP + c);
        }
        if (get_local_id(0) % TEAM == 0)
            right[r * RP + VP] = r < count ? back[(size_t)r * heads] : 0.0f;
    }
}

// ---- a row of an output ------------------------------------------------------------------------------------------------------------------

#define BACK    0    // the gradient of values, which has no divisor
#define ADDED   1    // the divisor is phi . z + epsilon
#define CLAMPED 2    // it is at least epsilon
#define NONE    3    // it is 1

// What features times S are multiplied by, where `total` is features times z; the divisor is kept in `norm`.
INLINE float output_factor(const float total, const bool there, const uint divisor, const float epsilon, __global float *norm)
{
    const float by = divisor == ADDED ? total + epsilon : divisor == CLAMPED ? fmax(total, epsilon) : 1.0f;
    if (divisor != BACK && there && get_local_id(0) % TEAM == 0)
        *norm = by;
    return over(by);
}

// Going back, a key's weight, whose gradient is out . v + total.
INLINE float back_row(const __local float *out, const float total, const bool there, const __global float *v, const __global float *weight,
                      __global float *dw, __local float *team_scratch)
{
    floatv sum = (floatv)(0.0f);
    if (there)
        EACH_VECTOR(c, V)
            sum = FMA(LOADV_LOCAL(out + c), load_lanes(v + c, V - c), sum);
    const float gain = TEAM_SUM(sum_lanes(sum)) + total;
    if (there && get_local_id(0) % TEAM == 0)
        *dw = gain;
    return there ? *weight : 0.0f;
}

#endif
