// Sums of features over the tokens (features.h, a map): their means, and what a softmax over the tokens needs. Kernels of tiles: groups as
// token_tile.h has them.
#define FEATURES 3
#include "features.h"

#define SUMS (MP + 16)    // floats of a group: a sum for each feature, and how many tokens there are at MP

// Each group's sums.  Reads x once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void feature_sums(const uint tokens, const uint chunk, const uint heads,
                                                                          FEATURE_ARGUMENTS, __global float *partial,
                                                                          const uint partial_offset)
{
    __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), phi[TOKENS * MP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2), begin = get_group_id(0) * chunk;
    FEATURE_SOURCE(from)
    partial += partial_offset + (size_t)((sample * heads + head) * get_num_groups(0) + get_group_id(0)) * SUMS;
    float there = 0.0f;
    EACH_TILE(first, n, chunk, tokens) {
        feature_tile(&from, first, n, x_tile, phi, team_scratch);
        for (uint c = get_local_id(0) * VW; c < WHOLE(M); c += WG * VW) {
            floatv sum = first == begin ? (floatv)(0.0f) : LOADV(partial + c);
            for (uint r = 0; r < TOKENS; r++)
                sum += LOADV_LOCAL(phi + r * MP + c);
            STOREV(sum, partial + c);
        }
#if MASKED
        for (uint r = 0; r < n; r++)
            there += feature_there(&from, first + r) ? 1.0f : 0.0f;
#else
        there += (float)n;
#endif
        TILE_BARRIER
    }
    if (get_local_id(0) == 0)
        partial[MP] = there;
}

// The groups' sums added in order, over how many tokens there are where `mean`; of that 1 over, in `share`.  Element by element of (heads of all
// samples) x M.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void feature_sum(const uint count, const uint chunk, const uint chunks,
                                                                         const uint mean, const __global float *partial,
                                                                         const uint partial_offset, __global float *result,
                                                                         const uint result_offset, __global float *share,
                                                                         const uint share_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const __global float *from = partial + partial_offset + (size_t)(i / M) * chunks * SUMS;
        float sum = 0.0f, there = 0.0f;
        for (uint s = 0; s < chunks; s++) {
            sum += from[(size_t)s * SUMS + i % M];
            there += from[(size_t)s * SUMS + MP];
        }
        const float factor = mean ? 1.0f / fmax(there, 1.0f) : 1.0f;
        result[result_offset + i] = sum * factor;
        if (mean && i == i / M * M)    // `i % M == 0` is false for every i but 0 on Oclgrind 21.10
            share[share_offset + i / M] = factor;
    }
}

// dx of the gradient of the means.  Reads x and `other`, where there is one, which is added; writes dx.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void feature_means_grad(
    const uint tokens, const uint chunk, const uint heads, FEATURE_ARGUMENTS, const __global float *dmean, const uint dmean_offset,
    const __global float *share, const uint share_offset, const __global float *other, const uint other_offset, const uint other_pitch,
    const uint has_other, __global float *dx, const uint dx_offset, const uint dx_pitch)
{
    __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), phi[TOKENS * MP] __attribute__((aligned(64)));
    __local float up[TOKENS * MP] __attribute__((aligned(64))), back[TOKENS * DP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    struct feature_totals totals = { 0.0f, -INFINITY };
    FEATURE_SOURCE(from)
    const float factor = share[share_offset + sample * heads + head];
    dmean += dmean_offset + (size_t)(sample * heads + head) * M;
    other += other_offset + (size_t)sample * tokens * other_pitch + head * D;
    dx += dx_offset + (size_t)sample * tokens * dx_pitch + head * D;
    EACH_TILE(first, n, chunk, tokens) {
        if (has_other)
            tile_prefetch(other + (size_t)first * other_pitch, other_pitch, n, D);
        {
            EACH_ROW(r)
                EACH_VECTOR(c, M)
                    STOREV_LOCAL(load_lanes(dmean + c, M - c) * factor, up + r * MP + c);
        }
        TILE_BARRIER
        feature_back(&from, first, n, x_tile, phi, up, back, team_scratch, &totals);
        {
            EACH_ROW(r)
                if (r < n)
                    EACH_VECTOR(c, D) {
                        floatv sum = LOADV_LOCAL(back + r * DP + c);
                        if (has_other)
                            sum += load_lanes(other + (size_t)(first + r) * other_pitch + c, D - c);
                        store_lanes(sum, dx + (size_t)(first + r) * dx_pitch + c, D - c);
                    }
        }
        TILE_BARRIER
    }
}

// ---- softmax over the tokens -----------------------------------------------------------------------------------------------------------------

// The largest x of each group's tokens in each channel, and the sum of e^(x - largest): DP floats each.  Reads x once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_peaks(const uint tokens, const uint chunk, const uint heads,
                                                                           FEATURE_ARGUMENTS, __global float *partial,
                                                                           const uint partial_offset)
{
    __local float tile[TOKENS * DP] __attribute__((aligned(64)));
    const uint head = get_group_id(1), sample = get_group_id(2), begin = get_group_id(0) * chunk;
    FEATURE_SOURCE(from)
    partial += partial_offset + (size_t)((sample * heads + head) * get_num_groups(0) + get_group_id(0)) * 2 * DP;
    EACH_TILE(first, n, chunk, tokens) {
        tile_load(from.x + (size_t)first * x_pitch, x_pitch, n, D, tile, DP);
        TILE_BARRIER
        for (uint c = get_local_id(0) * VW; c < WHOLE(D); c += WG * VW) {
            const floatv before = first == begin ? (floatv)(-INFINITY) : LOADV(partial + c);
            floatv most = before, sum = (floatv)(0.0f);
            for (uint r = 0; r < n; r++)
                if (feature_there(&from, first + r))
                    most = max_of(LOADV_LOCAL(tile + r * DP + c), most);
            const floatv base = most > (floatv)(-INFINITY) ? most : (floatv)(0.0f);
            if (first != begin)
                sum = LOADV(partial + DP + c) * clmix_exp(before - base);
            for (uint r = 0; r < n; r++)
                if (feature_there(&from, first + r))
                    sum += clmix_exp(LOADV_LOCAL(tile + r * DP + c) - base);
            STOREV(most, partial + c);
            STOREV(sum, partial + DP + c);
        }
        TILE_BARRIER
    }
}

// Of each channel of a head the logarithm of the sum of e^x.  Element by element of (heads of all samples) x D.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_shift(const uint count, const uint chunk, const uint chunks,
                                                                           const __global float *partial, const uint partial_offset,
                                                                           __global float *shift, const uint shift_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const __global float *from = partial + partial_offset + (size_t)(i / D) * chunks * 2 * DP + i % D;
        float most = -INFINITY, sum = 0.0f;
        for (uint s = 0; s < chunks; s++)
            most = fmax(most, from[(size_t)s * 2 * DP]);
        for (uint s = 0; s < chunks; s++)
            if (from[(size_t)s * 2 * DP] > -INFINITY)
                sum += from[(size_t)s * 2 * DP + DP] * clmix_exp_1(from[(size_t)s * 2 * DP] - most);
        const float shifted = most + log(sum);    // not in a branch on the sum: PoCL 6 ends the process where it finds a log there
        shift[shift_offset + i] = most > -INFINITY ? shifted : 0.0f;
    }
}

// dx -= phi r, r (D floats a head) the sum of dx over the tokens, which holds phi dphi.  Reads x, reads and writes dx.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void softmax_back(const uint tokens, const uint chunk, const uint heads,
                                                                          FEATURE_ARGUMENTS, const __global float *sums,
                                                                          const uint sums_offset, __global float *dx, const uint dx_offset,
                                                                          const uint dx_pitch)
{
    __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), phi[TOKENS * MP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    FEATURE_SOURCE(from)
    sums += sums_offset + (size_t)(sample * heads + head) * D;
    dx += dx_offset + (size_t)sample * tokens * dx_pitch + head * D;
    EACH_TILE(first, n, chunk, tokens) {
        feature_tile(&from, first, n, x_tile, phi, team_scratch);
        {
            EACH_ROW(r)
                if (r < n)
                    EACH_VECTOR(c, D) {
                        __global float *to = dx + (size_t)(first + r) * dx_pitch + c;
                        store_lanes(load_lanes(to, D - c) - LOADV_LOCAL(phi + r * MP + c) * load_lanes(sums + c, D - c), to, D - c);
                    }
        }
        TILE_BARRIER
    }
}
