// Features of queries and keys (features.h), their maxima, and what they send back. Kernels of tiles: groups as token_tile.h has them.
#include "features.h"

#if FEATURES < 3
// The table of a projection P (M x D).  A work-item an element of it; reads and writes 4 bytes each.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void performer_table(const uint count, const uint chunk, const __global float *p,
                                                                             const uint p_offset, __global float *table,
                                                                             const uint table_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    const float scale = 1.0f / sqrt(sqrt((float)D));
    for (uint i = begin + get_local_id(0); i < end; i += WG) {
        const bool turned = i < D * MP;
        const uint feature = turned ? i % MP : (i - D * MP) / DP, channel = turned ? i / MP : (i - D * MP) % DP;
        table[table_offset + i] = feature < M && channel < D ? scale * p[p_offset + feature * D + channel] : 0.0f;
    }
}

// The largest u of each group's tokens, and how many of them are so large.  Reads x once, writes two floats a group.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void performer_peaks(const uint tokens, const uint chunk, const uint heads,
                                                                             FEATURE_ARGUMENTS, __global float *partial,
                                                                             const uint partial_offset)
{
    __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), u[TOKENS * MP] __attribute__((aligned(64)));
    GROUP_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    float most = -INFINITY, count = 0.0f;
    FEATURE_SOURCE(from)
    EACH_TILE(first, n, chunk, tokens) {
        tile_load(from.x + (size_t)first * x_pitch, x_pitch, n, D, x_tile, DP);
        TILE_BARRIER
        feature_products(x_tile, from.table, u);
        EACH_ROW(r)
            if (r < n && feature_there(&from, first + r)) {
                const __local float *row = u + r * MP;
                floatv top = (floatv)(-INFINITY), equal = (floatv)(0.0f);
                EACH_VECTOR(c, M)
                    top = max_of(LOADV_LOCAL(row + c), top);
                const float peak = max_lanes(top);
                count = peak > most ? 0.0f : count;
                most = peak > most ? peak : most;
                if (peak == most) {
                    EACH_VECTOR(c, M)
                        equal += LOADV_LOCAL(row + c) == (floatv)(most) ? (floatv)(1.0f) : (floatv)(0.0f);
                    count += sum_lanes(equal);
                }
            }
        TILE_BARRIER
    }
    const float all = GROUP_MAX(most), number = GROUP_SUM(most == all ? count : 0.0f);
    if (get_local_id(0) == 0) {
        const uint group = (sample * heads + head) * get_num_groups(0) + get_group_id(0);
        partial[partial_offset + 2 * group] = all;
        partial[partial_offset + 2 * group + 1] = number;
    }
}

// The largest of `count` partial maxima, and how often it is there, for `copies` heads: group g of the partial maxima from g * count on.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void performer_peak(const uint count, const uint copies,
                                                                            const __global float *partial, const uint partial_offset,
                                                                            __global float *peaks, const uint peaks_offset)
{
    GROUP_SCRATCH
    const uint scope = get_group_id(0);
    float most = -INFINITY, number = 0.0f;
    partial += partial_offset + 2 * (size_t)scope * count;
    for (uint i = get_local_id(0); i < count; i += WG)
        most = fmax(most, partial[2 * i]);
    const float all = GROUP_MAX(most);
    for (uint i = get_local_id(0); i < count; i += WG)
        number += partial[2 * i] == all ? partial[2 * i + 1] : 0.0f;
    const float ties = GROUP_SUM(number);
    for (uint i = scope * copies + get_local_id(0); i < (scope + 1) * copies; i += WG) {
        peaks[peaks_offset + 2 * i] = all;
        peaks[peaks_offset + 2 * i + 1] = ties;
    }
}

#endif

// The features.  Reads x once, writes M floats a token and head.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_features(const uint tokens, const uint chunk, const uint heads,
                                                                            FEATURE_ARGUMENTS, __global float *phi, const uint phi_offset,
                                                                            const uint phi_pitch)
{
    __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), u[TOKENS * MP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    FEATURE_SOURCE(from)
    phi += phi_offset + (size_t)sample * tokens * phi_pitch + head * M;
    EACH_TILE(first, n, chunk, tokens) {
        feature_tile(&from, first, n, x_tile, u, team_scratch);
        tile_store(u, MP, n, M, phi + (size_t)first * phi_pitch, phi_pitch);
        TILE_BARRIER
    }
}

// dx of dphi, without what flows through a given maximum; of that two floats a group: the sum of its W and its largest u.  Reads x and dphi
// once, writes dx.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void token_features_grad(const uint tokens, const uint chunk, const uint heads,
                                                                                 FEATURE_ARGUMENTS, const __global float *dphi,
                                                                                 const uint dphi_offset, const uint dphi_pitch,
                                                                                 __global float *partial, const uint partial_offset,
                                                                                 __global float *dx, const uint dx_offset,
                                                                                 const uint dx_pitch)
{
    __local float x_tile[TOKENS * DP] __attribute__((aligned(64))), u[TOKENS * MP] __attribute__((aligned(64)));
    __local float up[TOKENS * MP] __attribute__((aligned(64))), back[TOKENS * DP] __attribute__((aligned(64)));
    TEAM_SCRATCH
    GROUP_SCRATCH
    const uint head = get_group_id(1), sample = get_group_id(2);
    struct feature_totals totals = { 0.0f, -INFINITY };
    FEATURE_SOURCE(from)
    dphi += dphi_offset + (size_t)sample * tokens * dphi_pitch + head * M;
    dx += dx_offset + (size_t)sample * tokens * dx_pitch + head * D;
    EACH_TILE(first, n, chunk, tokens) {
        tile_load(dphi + (size_t)first * dphi_pitch, dphi_pitch, n, M, up, MP);
        feature_back(&from, first, n, x_tile, u, up, back, team_scratch, &totals);
        feature_store(x_tile, back, n, dx + (size_t)first * dx_pitch, dx_pitch);
        TILE_BARRIER
    }
#if FEATURES == 2
    const float sum = GROUP_SUM(totals.sum), most = GROUP_MAX(totals.most);
    if (get_local_id(0) == 0) {
        const uint group = (sample * heads + head) * get_num_groups(0) + get_group_id(0);
        partial[partial_offset + 2 * group] = sum;
        partial[partial_offset + 2 * group + 1] = most;
    }
#endif
}

#if FEATURES < 3
// What flows through a given maximum: -(sum of all W) / ties times c P, to the tokens where it is.  Groups as those that left `partial`, of
// which `scope` in a row share a maximum; those that do not have it are done.  A work-item a token.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void performer_peak_grad(const uint tokens, const uint chunk, const uint heads,
                                                                                 FEATURE_ARGUMENTS, const __global float *partial,
                                                                                 const uint partial_offset, const uint scope,
                                                                                 __global float *dx, const uint dx_offset,
                                                                                 const uint dx_pitch)
{
    __local float lanes[WG * VW];
    const uint head = get_group_id(1), sample = get_group_id(2);
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, tokens - begin);
    const uint group = (sample * heads + head) * get_num_groups(0) + get_group_id(0);
    FEATURE_SOURCE(from)
    const float peak = from.peaks[0];
    __local float *mine = lanes + get_local_id(0) * VW;
    partial += partial_offset;
    if (partial[2 * group + 1] < peak)
        return;
    float share = 0.0f;
    for (uint i = group / scope * scope; i < (group / scope + 1) * scope; i++)
        share += partial[2 * i];
    share /= from.peaks[1];
    dx += dx_offset + (size_t)sample * tokens * dx_pitch + head * D;
    for (uint n = begin + get_local_id(0); n < end; n += WG)
        for (uint c = 0; c < WHOLE(M) && feature_there(&from, n); c += VW) {
            floatv u = (floatv)(0.0f);
            for (uint k = 0; k < D; k++)
                u = FMA((floatv)(from.x[(size_t)n * x_pitch + k]), LOADV(from.table + k * MP + c), u);
            STOREV_LOCAL(u, mine);
            for (uint j = c; j < min(c + VW, (uint)M) && max_lanes(u) >= peak; j++)
                for (uint k = 0; k < D && mine[j - c] == peak; k++)
                    dx[(size_t)n * dx_pitch + k] -= share * from.table[D * MP + j * DP + k];
        }
}
#endif
