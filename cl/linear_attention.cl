// Linear attention: y_i = phi_q_i S / n_i, n_i = phi_q_i . z, with S = sum over j of w_j phi_k_j v_j^T and z = sum over j of w_j phi_k_j, a head
// each; and its gradients. With G_i = dy_i / n_i and g_i = -(dy_i . y_i) / n_i, where n_i is kept:
//   dS = sum phi_q_i G_i^T, dz = sum phi_q_i g_i;  dphi_q_i = S G_i + z g_i;  dphi_k_j = w_j (dS v_j + dz)
//   dv_j = w_j phi_k_j dS;  dw_j = phi_k_j . (dS v_j + dz)
// so that all is made of three kernels: a state, a tile times the state, a tile times the state's transpose. A tile's right side is (w v, w), or
// (G, g). The divisor n may also be phi_q_i . z + epsilon, or at least epsilon (then g is 0 where it is that), or 1 (then g is 0).
// A state of a head: S (M x PADDED(V)), then its transpose and z ((V + 1) x PADDED(M)), zeros at the ends of rows.
#include "linear_attention.h"

// g = -(dy . y) / n where n is more than `least`, else 0.  Element by element of g, which is (tokens of all samples) x heads.  Reads dy, y and n once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void linear_norm_grad(const uint count, const uint chunk, const uint heads,
                                                                              const __global float *dy, const uint dy_offset,
                                                                              const uint dy_pitch, const __global float *y,
                                                                              const uint y_offset, const uint y_pitch,
                                                                              const __global float *norm, const uint norm_offset,
                                                                              const float least, __global float *g, const uint g_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const __global float *up = dy + dy_offset + (size_t)(i / heads) * dy_pitch + i % heads * V;
        const __global float *out = y + y_offset + (size_t)(i / heads) * y_pitch + i % heads * V;
        floatv sum = (floatv)(0.0f);
        for (uint c = 0; c < V; c += VW)
            sum = FMA(load_lanes(up + c, V - c), load_lanes(out + c, V - c), sum);
        const float by = norm[norm_offset + i];
        g[g_offset + i] = by > least && by != 0.0f ? -sum_lanes(sum) / by : 0.0f;
    }
}

// ---- a state -------------------------------------------------------------------------------------------------------------------------------
// Each group the state of its tokens alone: S (MP x VP), z (MP).  Reads features (M floats a token and head) and right sides once.

#if CLMIX_WIDE
// A group: chunk x of tokens.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void linear_state(const uint tokens, const uint chunk, const uint heads,
                                                                          RIGHT_ARGUMENTS, PHI_ARGUMENTS, __global float *partial,
                                                                          const uint partial_offset)
{
    PHI_TILE
    __local float right[TOKENS * RP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    const uint begin = get_group_id(0) * chunk;
    const uint group = (sample * heads + head) * get_num_groups(0) + get_group_id(0);
    RIGHT_BASE
    PHI_BASE
    partial += partial_offset + (size_t)group * (MP * VP + MP);
    __global float *z = partial + MP * VP;
    EACH_TILE(first, n, chunk, tokens) {
        LOAD_RIGHT(first, n)
        LOAD_PHI(first, n)
        tile_outer(phi_tile, MP, M, right, RP, V, first != begin, partial, VP);
        for (uint c = 0; c < WHOLE(M); c += VW) {
            floatv sum = first == begin ? (floatv)(0.0f) : LOADV(z + c);
            for (uint t = 0; t < TOKENS; t++)
                sum = FMA((floatv)(right[t * RP + VP]), LOADV_LOCAL(phi_tile + t * MP + c), sum);
            STOREV(sum, z + c);
        }
    }
}
#else
// A group: of chunk x / blocks of the tokens the block x % blocks of features, BLOCK of them. A work-item has 4 features times 4 columns in
// registers for all its tokens.
#define LANES (V >= 256 ? 64 : V >= 128 ? 32 : V >= 64 ? 16 : V >= 32 ? 8 : V >= 16 ? 4 : 2)
#define SIDE  (LANES < WG ? LANES : WG)
#define BLOCK (WG / SIDE * 4)

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void linear_state(const uint tokens, const uint chunk, const uint heads,
                                                                          RIGHT_ARGUMENTS, PHI_ARGUMENTS, __global float *partial,
                                                                          const uint partial_offset)
{
    __local float phi_tile[TOKENS * BLOCK] __attribute__((aligned(64))), right[TOKENS * RP] __attribute__((aligned(64)));
    const uint blocks = (M + BLOCK - 1) / BLOCK, chunks = get_num_groups(0) / blocks, part = get_group_id(0) / blocks;
    const uint head = get_group_id(1), sample = get_group_id(2), block = get_group_id(0) % blocks * BLOCK;
    const uint begin = part * chunk, end = begin + min(chunk, tokens - begin);
    const uint side = get_local_id(0) % SIDE * 4, down = get_local_id(0) / SIDE * 4;
    RIGHT_BASE
    phi += phi_offset + (size_t)sample * tokens * phi_pitch + head * M + block;
    partial += partial_offset + ((size_t)(sample * heads + head) * chunks + part) * (MP * VP + MP);
    for (uint left = 0; left < V; left += SIDE * 4) {
        float4 s0 = (float4)(0.0f), s1 = s0, s2 = s0, s3 = s0, z = s0;
        for (uint first = begin; first < end; first += TOKENS) {
            const uint n = min((uint)TOKENS, end - first), width = min((uint)BLOCK, M - block);
            LOAD_RIGHT(first, n)
            EACH_ROW(r)
                EACH_VECTOR(c, BLOCK)
                    STOREV_LOCAL(r < n && c < width ? load_lanes(phi + (size_t)(first + r) * phi_pitch + c, width - c) : (floatv)(0.0f),
                                 phi_tile + r * BLOCK + c);
            TILE_BARRIER
            for (uint t = 0; t < TOKENS; t++) {
                const float4 p = vload4(0, phi_tile + t * BLOCK + down);
                const float4 v = left + side < V ? vload4(0, right + t * RP + left + side) : (float4)(0.0f);
                s0 = FMA((float4)(p.x), v, s0);
                s1 = FMA((float4)(p.y), v, s1);
                s2 = FMA((float4)(p.z), v, s2);
                s3 = FMA((float4)(p.w), v, s3);
                z = FMA((float4)(right[t * RP + VP]), p, z);
            }
            TILE_BARRIER
        }
        if (block + down < MP && left + side < V) {
            __global float *to = partial + (block + down) * VP + left + side;
            vstore4(s0, 0, to);
            vstore4(s1, 0, to + VP);
            vstore4(s2, 0, to + 2 * VP);
            vstore4(s3, 0, to + 3 * VP);
            if (left + side == 0)
                vstore4(z, 0, partial + MP * VP + block + down);
        }
    }
}
#endif

// The states of `chunks` chunks of tokens added in order, `added` to each element of z, and laid out.  Element by element of all heads' states.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void linear_state_sum(const uint count, const uint chunk, const uint chunks,
                                                                              const float added, const __global float *partial,
                                                                              const uint partial_offset, __global float *state,
                                                                              const uint state_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint matrix = i / STATE, at = i % STATE, below = at - MP * VP;
        const bool upright = at < MP * VP;
        const uint feature = upright ? at / VP : below % MP, column = upright ? at % VP : below / MP;
        const __global float *from = partial + partial_offset + (size_t)matrix * chunks * (MP * VP + MP);
        float sum = 0.0f;
        if (feature < M && (upright ? column < V : column <= V)) {
            const uint place = column == V ? MP * VP + feature : feature * VP + column;
            for (uint s = 0; s < chunks; s++)
                sum += from[(size_t)s * (MP * VP + MP) + place];
            sum += column == V ? added : 0.0f;
        }
        state[state_offset + i] = sum;
    }
}

// ---- a tile times a state ------------------------------------------------------------------------------------------------------------------

// Features times S, over the divisor, which is kept in `norm`. WEIGHED: going back, times the weights w, whose gradient is `dw`; reads the values too.
// Reads features and the state once, writes V floats a token and head.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void linear_output(const uint tokens, const uint chunk, const uint heads,
                                                                           PHI_ARGUMENTS, const __global float *state,
                                                                           const uint state_offset, const uint divisor, const float epsilon,
                                                                           __global float *norm, const uint norm_offset,
#if WEIGHED
                                                                           KEY_ARGUMENTS, __global float *dw, const uint dw_offset,
#endif
                                                                           __global float *y, const uint y_offset, const uint y_pitch)
{
    PHI_TILE
    __local float out[TOKENS * VP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    PHI_BASE
    y += y_offset + (size_t)sample * tokens * y_pitch + head * V;
    norm += norm_offset + (size_t)sample * tokens * heads + head;
    state += state_offset + (size_t)(sample * heads + head) * STATE;
    const __global float *z = state + MP * VP + V * MP;
#if WEIGHED
    KEY_BASE
    dw += dw_offset + (size_t)(sample * heads + head) * tokens;
#endif
    EACH_TILE(first, n, chunk, tokens) {
#if WEIGHED
        tile_prefetch(v + (size_t)first * v_pitch, v_pitch, n, V);
#endif
        LOAD_PHI(first, n)
        tile_times(phi_tile, MP, state, VP, M, V, out, VP);
        TILE_BARRIER
        EACH_ROW(r) {
            floatv sum = (floatv)(0.0f);
            EACH_VECTOR(c, M)
                sum = FMA(LOADV_LOCAL(phi_tile + r * MP + c), LOADV(z + c), sum);
            const float total = TEAM_SUM(sum_lanes(sum));
#if WEIGHED
            const float factor = back_row(out + r * VP, total, r < n, v + (size_t)(first + r) * v_pitch, weight + first + r, dw + first + r,
                                          team_scratch);
#else
            const float factor = output_factor(total, r < n, divisor, epsilon, norm + (size_t)(first + r) * heads);
#endif
            if (r < n)
                EACH_VECTOR(c, V)
                    stream_lanes(LOADV_LOCAL(out + r * VP + c) * factor, y + (size_t)(first + r) * y_pitch + c, V - c);
        }
        TILE_BARRIER
    }
}

// ---- a tile times a state's transpose ------------------------------------------------------------------------------------------------------

// The gradient of features from right sides.  Reads those and the state once, writes M floats a token and head; or with THROUGH none of them
// but the gradient of the tokens that they are features of, as token_features_grad does (features.cl), from the same groups.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void linear_back(const uint tokens, const uint chunk, const uint heads,
                                                                         RIGHT_ARGUMENTS, const __global float *state,
                                                                         const uint state_offset,
#if THROUGH
                                                                         PHI_ARGUMENTS, __global float *partial, const uint partial_offset,
#endif
                                                                         __global float *gradient, const uint gradient_offset,
                                                                         const uint pitch)
{
    __local float right[TOKENS * RP] __attribute__((aligned(64))), up[TOKENS * MP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    RIGHT_BASE
    state += state_offset + (size_t)(sample * heads + head) * STATE + MP * VP;
#if THROUGH
    PHI_TILE
    __local float dx_tile[TOKENS * DP] __attribute__((aligned(64)));
    GROUP_SCRATCH
    struct feature_totals totals = { 0.0f, -INFINITY };
    FEATURE_SOURCE(from)
    gradient += gradient_offset + (size_t)sample * tokens * pitch + head * D;
#else
    gradient += gradient_offset + (size_t)sample * tokens * pitch + head * M;
#endif
    EACH_TILE(first, n, chunk, tokens) {
        LOAD_RIGHT(first, n)
        TILE_BARRIER
        EACH_ROW(r)    // the last column behind the others, where the depth ends
            if (V != VP && get_local_id(0) % TEAM == 0)
                right[r * RP + V] = right[r * RP + VP];
        TILE_BARRIER
        tile_times(right, RP, state, MP, V + 1, M, up, MP);
        TILE_BARRIER
#if THROUGH
        feature_back(&from, first, n, x_tile, phi_tile, up, dx_tile, team_scratch, &totals);
        feature_store(x_tile, dx_tile, n, gradient + (size_t)first * pitch, pitch);
#else
        tile_store(up, MP, n, M, gradient + (size_t)first * pitch, pitch);
#endif
        TILE_BARRIER
    }
#if THROUGH && FEATURES == 2
    const float sum = GROUP_SUM(totals.sum), most = GROUP_MAX(totals.most);
    if (get_local_id(0) == 0) {
        const uint group = (sample * heads + head) * get_num_groups(0) + get_group_id(0);
        partial[partial_offset + 2 * group] = sum;
        partial[partial_offset + 2 * group + 1] = most;
    }
#endif
}
