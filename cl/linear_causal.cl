// Linear attention of tokens that see themselves and those before them (linear_attention.cl has the formulas): the state of token i is the sum over j <= i,
// and what flows back from the queries to key j is summed over i >= j. Tokens are cut into chunks; a chunk begins with the state of all that it sees
// of other chunks, and the rest is products of tiles of its tokens, so that there is neither an N x N matrix nor a state a token.
// VALUES 1: from the first token on, the state is that of keys' features a and right sides (w v, w). VALUES 0: from the last token back, that of
// queries' features and (G, g).
// A work-group: wide, chunk x of head y of sample z, a tile at a time, which it adds to its state; simt, tile x of them, with those of its chunk
// that it sees.
#include "linear_attention.h"

#define PREFIX (MP * VP + MP)    // floats of a chunk's state: S or, TURNED, its transpose, (MP x VP) or (VP x MP), then z
#if WG > 1
#define EACH_TILE_IN_ORDER(first, n)                                                                                                      \
    const uint first = get_group_id(0) * TOKENS, n = min((uint)TOKENS, tokens - first);                                                    \
    const uint begin = first / chunk * chunk, end = begin + min(chunk, tokens - begin);
#define CHUNK        (get_group_id(0) * TOKENS / chunk)
#define SEEN_BEGIN   (VALUES ? begin : first)
#define SEEN_END     (VALUES ? first + n : end)
#else
#define EACH_TILE_IN_ORDER(first, n)                                                                                                      \
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, tokens - begin), tiles_ = (end - begin + TOKENS - 1) / TOKENS;    \
    for (uint step_ = 0, first, n; step_ < tiles_ && (first = begin + (VALUES ? step_ : tiles_ - 1 - step_) * TOKENS,                      \
                                                      n = min((uint)TOKENS, end - first), true);                                          \
         step_++)
#define CHUNK        get_group_id(0)
#define SEEN_BEGIN   first
#define SEEN_END     (first + n)
#endif

// The states that chunks begin with: sums of those of the chunks before, or behind, in order.  A work-item an element of all heads' states; reads
// and writes it once a chunk.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void causal_prefix(const uint count, const uint chunk, const uint chunks,
                                                                           const uint turned, const float added,
                                                                           const __global float *partial, const uint partial_offset,
                                                                           __global float *prefix, const uint prefix_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const uint at = i % PREFIX, upright = at < MP * VP;
        const uint feature = !upright ? at - MP * VP : turned ? at % MP : at / VP, column = !upright ? 0 : turned ? at / MP : at % VP;
        const uint place = upright ? feature * VP + column : MP * VP + feature;
        const bool is = feature < M && column < V;
        const __global float *from = partial + partial_offset + (size_t)(i / PREFIX) * chunks * PREFIX + place;
        __global float *to = prefix + prefix_offset + (size_t)(i / PREFIX) * chunks * PREFIX + at;
        float sum = is && !upright ? added : 0.0f;
        for (uint s = 0; s < chunks; s++) {
            const size_t c = (size_t)(VALUES ? s : chunks - 1 - s) * PREFIX;
            to[c] = sum;
            if (is && s + 1 < chunks)
                sum += from[c];
        }
    }
}

// scores = c a^T over `depth` columns, whole vectors of them, and one more at `last` where that is not 0; of a tile with itself 0 where the
// column is not seen.
INLINE void tile_scores(const __local float *c, const __local float *a, const uint pitch, const uint depth, const uint last,
                        const bool itself, __local float *scores)
{
    EACH_ROW(r)
        for (uint j = get_local_id(0) % TEAM; j < TOKENS; j += TEAM) {
            const bool seen = !itself || (VALUES ? j <= r : j >= r);
            const __local float *left = c + r * pitch, *right = a + j * pitch;
            floatv sum = (floatv)(0.0f);
            for (uint k = 0; seen && k < WHOLE(depth); k += VW)
                sum = FMA(LOADV_LOCAL(left + k), LOADV_LOCAL(right + k), sum);
            scores[r * TOKENS + j] = seen ? sum_lanes(sum) + (last > 0 ? left[last] * right[last] : 0.0f) : 0.0f;
        }
    TILE_BARRIER
}

// out += scores b, whole vectors of `columns` columns, and of one more at `last` where that is not 0.
INLINE void add_scores(const __local float *scores, const __local float *b, const uint pitch, const uint columns, const uint last,
                       __local float *out)
{
    EACH_ROW(r) {
        EACH_VECTOR(c, columns) {
            floatv sum = LOADV_LOCAL(out + r * pitch + c);
            for (uint j = 0; j < TOKENS; j++)
                sum = FMA((floatv)(scores[r * TOKENS + j]), LOADV_LOCAL(b + j * pitch + c), sum);
            STOREV_LOCAL(sum, out + r * pitch + c);
        }
        if (last > 0 && get_local_id(0) % TEAM == 0) {
            float sum = out[r * pitch + last];
            for (uint j = 0; j < TOKENS; j++)
                sum = FMA(scores[r * TOKENS + j], b[j * pitch + last], sum);
            out[r * pitch + last] = sum;
        }
    }
    TILE_BARRIER
}

#if WG == 1
// z += a^T of the last column of a tile's right sides.
INLINE void add_to_z(const __local float *a, const __local float *right, __global float *z)
{
    for (uint c = 0; c < WHOLE(M); c += VW) {
        floatv sum = LOADV(z + c);
        for (uint t = 0; t < TOKENS; t++)
            sum = FMA((floatv)(right[t * RP + VP]), LOADV_LOCAL(a + t * MP + c), sum);
        STOREV(sum, z + c);
    }
}
#endif

// out = c S, and c z at column VP.
INLINE void from_state(const __local float *c, const __global float *state, __local float *out, __local float *team_scratch)
{
    const __global float *z = state + MP * VP;
    tile_times(c, MP, state, VP, M, V, out, RP);
    EACH_ROW(r) {
        floatv sum = (floatv)(0.0f);
        EACH_VECTOR(k, M)
            sum = FMA(LOADV_LOCAL(c + r * MP + k), LOADV(z + k), sum);
        const float total = TEAM_SUM(sum_lanes(sum));
        if (get_local_id(0) % TEAM == 0)
            out[r * RP + VP] = total;
    }
    TILE_BARRIER
}

// Features c of a token times its state, over the divisor, which is kept in `norm`: the output, of c of queries. VALUES 0: the gradient of values,
// of c of keys, times their weights w, whose gradient is `dw`.  Reads both features, right sides and the state once; writes V floats a token and head.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void causal_output(
    const uint tokens, const uint chunk, const uint heads, const __global float *c, const uint c_offset, const uint c_pitch,
    const __global float *a, const uint a_offset, const uint a_pitch, RIGHT_ARGUMENTS, __global float *prefix, const uint prefix_offset,
    const uint chunks, const uint divisor, const float epsilon, __global float *norm_out, const uint norm_out_offset,
#if WEIGHED && !VALUES
    KEY_ARGUMENTS, __global float *dw, const uint dw_offset,
#endif
    __global float *y, const uint y_offset, const uint y_pitch)
{
    __local float c_tile[TOKENS * MP] __attribute__((aligned(64))), a_tile[TOKENS * MP] __attribute__((aligned(64)));
    __local float right[TOKENS * RP] __attribute__((aligned(64))), out[TOKENS * RP] __attribute__((aligned(64)));
    __local float scores[TOKENS * TOKENS];
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    __global float *const state = prefix + prefix_offset + ((size_t)(sample * heads + head) * chunks + CHUNK) * PREFIX;
    RIGHT_BASE
    c += c_offset + (size_t)sample * tokens * c_pitch + head * M;
    a += a_offset + (size_t)sample * tokens * a_pitch + head * M;
    y += y_offset + (size_t)sample * tokens * y_pitch + head * V;
    norm_out += norm_out_offset + (size_t)sample * tokens * heads + head;
#if WEIGHED && !VALUES
    KEY_BASE
    dw += dw_offset + (size_t)(sample * heads + head) * tokens;
#endif
    EACH_TILE_IN_ORDER(first, n) {
        tile_load(c + (size_t)first * c_pitch, c_pitch, n, M, c_tile, MP);
        TILE_BARRIER
        from_state(c_tile, state, out, team_scratch);
        for (uint other = SEEN_BEGIN; other < SEEN_END; other += TOKENS) {
            const uint m = min((uint)TOKENS, tokens - other);
            tile_load(a + (size_t)other * a_pitch, a_pitch, m, M, a_tile, MP);
            LOAD_RIGHT(other, m)
            TILE_BARRIER
            tile_scores(c_tile, a_tile, MP, M, 0, other == first, scores);
            add_scores(scores, right, RP, V, VP, out);
        }
        {
            EACH_ROW(r) {
                const float total = out[r * RP + VP];
#if WEIGHED && !VALUES
                const float factor = back_row(out + r * RP, total, r < n, v + (size_t)(first + r) * v_pitch, weight + first + r,
                                              dw + first + r, team_scratch);
#else
                const float factor = output_factor(total, r < n, divisor, epsilon, norm_out + (size_t)(first + r) * heads);
#endif
                if (r < n)
                    EACH_VECTOR(k, V)
                        store_lanes(LOADV_LOCAL(out + r * RP + k) * factor, y + (size_t)(first + r) * y_pitch + k, V - k);
            }
        }
#if WG == 1
        tile_outer(a_tile, MP, M, right, RP, V, true, state, VP);
        add_to_z(a_tile, right, state + MP * VP);
#endif
    }
}

// out = right S^T and the last column's z.
INLINE void back_from_state(const __local float *side, const __global float *state, __local float *out)
{
    const __global float *z = state + MP * VP;
    tile_times(side, RP, state, MP, V, M, out, MP);
    TILE_BARRIER
    EACH_ROW(r)
        EACH_VECTOR(k, M)
            STOREV_LOCAL(FMA((floatv)(side[r * RP + VP]), LOADV(z + k), LOADV_LOCAL(out + r * MP + k)), out + r * MP + k);
    TILE_BARRIER
}

// The state of a token times its right side: the gradient of queries' features; VALUES 0: of keys' features. States are TURNED.  Reads features
// and both right sides once, writes M floats a token and head.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void causal_back(const uint tokens, const uint chunk, const uint heads,
                                                                         const __global float *a, const uint a_offset, const uint a_pitch,
                                                                         KEY_ARGUMENTS, QUERY_ARGUMENTS, __global float *prefix,
                                                                         const uint prefix_offset, const uint chunks,
                                                                         __global float *gradient, const uint gradient_offset,
                                                                         const uint gradient_pitch)
{
    __local float a_tile[TOKENS * MP] __attribute__((aligned(64))), out[TOKENS * MP] __attribute__((aligned(64)));
    __local float right[TOKENS * RP] __attribute__((aligned(64))), side[TOKENS * RP] __attribute__((aligned(64)));
    __local float scores[TOKENS * TOKENS];
    const uint head = get_group_id(1), sample = get_group_id(2);
    __global float *const state = prefix + prefix_offset + ((size_t)(sample * heads + head) * chunks + CHUNK) * PREFIX;
    KEY_BASE
    QUERY_BASE
    a += a_offset + (size_t)sample * tokens * a_pitch + head * M;
    gradient += gradient_offset + (size_t)sample * tokens * gradient_pitch + head * M;
    EACH_TILE_IN_ORDER(first, n) {
#if VALUES
        LOAD_QUERIES(first, n, side)
#else
        LOAD_KEYS(first, n, side)
#endif
        TILE_BARRIER
        back_from_state(side, state, out);
        for (uint other = SEEN_BEGIN; other < SEEN_END; other += TOKENS) {
            const uint m = min((uint)TOKENS, tokens - other);
            tile_load(a + (size_t)other * a_pitch, a_pitch, m, M, a_tile, MP);
            LOAD_RIGHT(other, m)
            TILE_BARRIER
            tile_scores(side, right, RP, V, VP, other == first, scores);
            add_scores(scores, a_tile, MP, M, 0, out);
        }
        tile_store(out, MP, n, M, gradient + (size_t)first * gradient_pitch, gradient_pitch);
#if WG == 1
        tile_outer(right, RP, V, a_tile, MP, M, true, state, MP);
        add_to_z(a_tile, right, state + MP * VP);
#endif
    }
}
