// Which blocks of each head's matrix of scores are taken, and the weights of the others (MRA-2). Scores (samples, blocks, heads * blocks): L_ij of
// a head is column j of its run of row i. Blocks come in an order: by level, then by r_i - L_ij, r_i the largest L_ij of the row, then by i blocks + j.
#include "math.h"
#include "reduce.h"

#ifndef OF_REST
#define OF_REST 1   // 0: there is no gradient of the weights
#endif
#ifndef OF_SUM
#define OF_SUM 1    // 0: nor of their sums
#endif
#define LEVELS 6
#define NEVER  0xFFFFFFFFu

// MINUS: -1 in the lanes where a comparison holds. What is counted is counted down by it: Oclgrind 21.10 makes 255 of a vector's truths that are
// turned into 1.
#if VW == 1
typedef int intv;
typedef uint uintv, uintvu;
#define LANES 0
#define BITS(x) as_uint(x)
#define MINUS(truth) (-(int)(truth))
#else
typedef CLMIX_JOIN(int, VW) intv;
typedef CLMIX_JOIN(uint, VW) uintv;
typedef CLMIX_JOIN(uint, VW) __attribute__((aligned(4))) uintvu;
#define BITS(x) CLMIX_JOIN(as_uint, VW)(x)
#define MINUS(truth) (truth)
#endif
#if VW == 4
#define LANES (intv)(0, 1, 2, 3)
#elif VW == 8
#define LANES (intv)(0, 1, 2, 3, 4, 5, 6, 7)
#elif VW == 16
#define LANES (intv)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif

// How much was counted down in all lanes.
static inline uint counted(const intv v)
{
#if VW == 1
    return -v;
#else
#if VW == 16
    const int4 sum = (v.lo + v.hi).lo + (v.lo + v.hi).hi;
#elif VW == 8
    const int4 sum = v.lo + v.hi;
#else
    const int4 sum = v;
#endif
    return -((sum.x + sum.z) + (sum.y + sum.w));
#endif
}

// The columns j .. of row i, `lanes` of them: level 0 .. 5, which is 3, 1 less for each prior that holds (row or column among the `first`, |i - j| <
// beside), 2 more where a block has no token; LEVELS behind the last column.
static inline intv levels(const uint i, const uint j, const uint lanes, const uint first, const uint beside, const __global float *counts)
{
    const intv column = (intv)((int)j) + LANES, apart = column - (intv)((int)i), none = (intv)(0);
    const floatv tokens = load_lanes(counts + j, lanes);
    const int own = 3 - (i < first) + (counts[i] == 0.0f ? 2 : 0), empty = counts[i] == 0.0f ? 0 : 2;
    intv level = (intv)(own) + (tokens == (floatv)(0.0f) ? (intv)(empty) : none);
    level += MINUS(column < (intv)((int)first));
    level += MINUS((apart < none ? -apart : apart) < (intv)((int)beside));
    return column < (intv)((int)(j + lanes)) ? level : (intv)(LEVELS);
}

// Sums over a work-group of `count` numbers of each work-item, into `total` of the first one.
#if WG > 1
#define SUM_OVER_GROUP(numbers, count, total)                              \
    _Pragma("unroll") for (uint n_ = 0; n_ < (count); n_++)                \
        room[n_ * WG + item] = numbers[n_];                                \
    barrier(CLK_LOCAL_MEM_FENCE);                                          \
    for (uint step_ = WG / 2; step_ > 0; step_ /= 2) {                     \
        if (item < step_)                                                  \
            for (uint n_ = 0; n_ < (count); n_++)                          \
                room[n_ * WG + item] += room[n_ * WG + item + step_];      \
        barrier(CLK_LOCAL_MEM_FENCE);                                      \
    }                                                                      \
    for (uint n_ = item; n_ < (count); n_ += WG)                           \
        total[n_] = room[n_ * WG];                                         \
    barrier(CLK_LOCAL_MEM_FENCE);
#else
#define SUM_OVER_GROUP(numbers, count, total) \
    for (uint n_ = 0; n_ < (count); n_++)     \
        total[n_] = numbers[n_];
#endif

enum { LAST, BEFORE, LEVEL };

// Index space (heads, samples), a group each.  Takes `count` blocks. Writes each row's largest score; each block's key, `keys_pitch` of them a head:
// 0 of a block that comes before by its level, else 1 and the bits of r_i - L_ij, as they are in the order of numbers, and NEVER where a block
// comes behind by its level, or is none; the key of the last block that is taken; the blocks taken, and where each row of them begins.  Reads the
// scores three times and the keys 17 times.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_choice(const uint blocks, const uint count, const uint first,
                                                                           const uint beside, const __global float *scores,
                                                                           const uint scores_offset, const uint pitch,
                                                                           const __global float *counts, const uint counts_offset,
                                                                           __global float *most, const uint most_offset,
                                                                           __global uint *keys, const uint keys_offset,
                                                                           const uint keys_pitch, __global uint *last,
                                                                           const uint last_offset, __global int *taken,
                                                                           const uint taken_offset, __global int *begins,
                                                                           const uint begins_offset)
{
    __local uint total[LEVELS], state[3];
#if WG > 1
    __local uint room[LEVELS * WG];
#endif
    const uint heads = get_num_groups(0), head = get_group_id(0), sample = get_group_id(1), item = get_local_id(0), all = blocks * blocks;
    const uint matrix = sample * heads + head;
    scores += (size_t)scores_offset + (size_t)sample * blocks * pitch + (size_t)head * blocks;
    counts += counts_offset + (size_t)sample * blocks;
    most += most_offset + (size_t)matrix * blocks;
    keys += (size_t)keys_offset + (size_t)matrix * keys_pitch;
    taken += taken_offset + (size_t)matrix * count;
    begins += begins_offset + (size_t)matrix * (blocks + 1);

    // How many blocks have each level, so the last one's.
    uint of_level[LEVELS];
#pragma unroll
    for (uint l = 0; l < LEVELS; l++)
        of_level[l] = 0;
    for (uint i = item; i < blocks; i += WG) {
        floatv high = (floatv)(-INFINITY);
        intv here[LEVELS];
#pragma unroll
        for (uint l = 0; l < LEVELS; l++)
            here[l] = (intv)(0);
        for (uint j = 0; j < blocks; j += VW) {
            const uint lanes = lanes_at(j, blocks);
            const intv level = levels(i, j, lanes, first, beside, counts);
            const floatv score = load_lanes(scores + (size_t)i * pitch + j, lanes);
            high = max_of(level < (intv)(LEVELS) ? score : (floatv)(-INFINITY), high);
#pragma unroll
            for (uint l = 0; l < LEVELS; l++)
                here[l] += MINUS(level == (intv)((int)l));
        }
        most[i] = max_lanes(high);
#pragma unroll
        for (uint l = 0; l < LEVELS; l++)
            of_level[l] += counted(here[l]);
    }
    SUM_OVER_GROUP(of_level, LEVELS, total)
    if (item == 0) {
        uint before = 0, level = 0;
        for (; before + total[level] < count; level++)
            before += total[level];
        state[LEVEL] = level;
        state[BEFORE] = 0;
        state[LAST] = 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);

    for (uint i = item; i < blocks; i += WG)
        for (uint j = 0; j < blocks; j += VW) {
            const uint lanes = lanes_at(j, blocks);
            const intv level = levels(i, j, lanes, first, beside, counts), at = (intv)((int)state[LEVEL]);
            const floatv below = (floatv)(most[i]) - load_lanes(scores + (size_t)i * pitch + j, lanes);
            uintv key = (BITS(below) & (uintv)(0x7FFFFFFFu)) + (uintv)(1);    // without a zero's sign
            key = level < at ? (uintv)(0) : level > at ? (uintv)(NEVER) : key;
#if VW > 1
            if (lanes < VW) {
                uint each[VW];
                *(uintvu *)each = key;
                for (uint l = 0; l < lanes; l++)
                    keys[(size_t)i * blocks + j + l] = each[l];
                continue;
            }
#endif
            *(__global uintvu *)(keys + (size_t)i * blocks + j) = key;
        }
    for (uint e = all + item; e < keys_pitch; e += WG)
        keys[e] = NEVER;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);

    // The largest key that fewer than `count` are below, two bits at a time from the highest on.
    for (int shift = 30; shift >= 0; shift -= 2) {
        uint below[3];
        intv sum[3] = { (intv)(0), (intv)(0), (intv)(0) };
        for (uint e = item * VW; e < keys_pitch; e += WG * VW) {
            const uintv key = *(const __global uintvu *)(keys + e);
#pragma unroll
            for (uint n = 0; n < 3; n++)
                sum[n] += MINUS(key < (uintv)(state[LAST] + ((n + 1) << shift)));
        }
#pragma unroll
        for (uint n = 0; n < 3; n++)
            below[n] = counted(sum[n]);
        SUM_OVER_GROUP(below, 3, total)
        if (item == 0) {
            uint n = 0;
            while (n < 3 && total[n] < count)
                n++;
            state[LAST] += n << shift;
            state[BEFORE] = n == 0 ? state[BEFORE] : total[n - 1];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        last[last_offset + matrix] = state[LAST];

    // Each work-item writes its run of blocks where those before it end; of those that equal the last one the first are taken.
    const uint share = (all + WG - 1) / WG, begin = min(all, item * share), end = min(all, begin + share), equals = count - state[BEFORE];
#if WG > 1
    uint less = 0, equal = 0;
    for (uint e = begin; e < end; e++) {
        less += keys[e] < state[LAST];
        equal += keys[e] == state[LAST];
    }
    room[item] = less;
    room[WG + item] = equal;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item == 0) {
        uint place = 0, left = equals;
        for (uint t = 0; t < WG; t++) {
            const uint here = min(room[WG + t], left), before = room[t];
            room[t] = place;
            room[WG + t] = here;
            place += before + here;
            left -= here;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    uint place = room[item], left = room[WG + item];
#else
    uint place = 0, left = equals;
#endif
    for (uint e = begin, i = e / blocks, j = e % blocks; e < end; e++) {
        const uint key = keys[e];
        const bool same = key == state[LAST] && left > 0;
        if (j == 0)
            begins[i] = place;
        if (same || key < state[LAST])
            taken[place++] = e;
        left -= same ? 1 : 0;
        i += j + 1 == blocks ? 1 : 0;
        j = j + 1 == blocks ? 0 : j + 1;
    }
    if (item == 0)
        begins[blocks] = count;
}

// c_j e^(L_ij - r_i) of the blocks that come behind the last one taken, 0 of the others, and their sums over j.  Row by row of a head, `rows` of
// them, heads of a row side by side.  Reads scores and keys once, writes as much as one of them.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_rest(const uint rows, const uint chunk, const uint blocks,
                                                                         const uint heads, const __global float *scores,
                                                                         const uint scores_offset, const uint scores_pitch,
                                                                         const __global float *counts, const uint counts_offset,
                                                                         const __global float *most, const uint most_offset,
                                                                         const __global uint *keys, const uint keys_offset,
                                                                         const uint keys_pitch, const __global uint *last,
                                                                         const uint last_offset, __global float *rest,
                                                                         const uint rest_offset, const uint rest_pitch,
                                                                         __global float *sums, const uint sums_offset)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint r = begin; r < end; r++) {
        const uint row = r / heads, head = r % heads, sample = row / blocks, i = row % blocks, matrix = sample * heads + head;
        const __global float *from = scores + scores_offset + (size_t)row * scores_pitch + (size_t)head * blocks;
        const __global float *tokens = counts + counts_offset + (size_t)sample * blocks;
        const __global uint *key = keys + keys_offset + (size_t)matrix * keys_pitch + (size_t)i * blocks;
        __global float *to = rest + rest_offset + (size_t)row * rest_pitch + (size_t)head * blocks;
        const floatv largest = (floatv)(most[most_offset + (size_t)matrix * blocks + i]);
        const uintv chosen = (uintv)(last[last_offset + matrix]);
        floatv sum = (floatv)(0.0f);
        for (uint c = get_local_id(0) * VW; c < blocks; c += WG * VW) {
            const uint lanes = lanes_at(c, blocks);    // keys go on behind the row
            const floatv count = load_lanes(tokens + c, lanes);
            floatv weight = count * clmix_exp(load_lanes(from + c, lanes) - largest);
            weight = *(const __global uintvu *)(key + c) <= chosen ? (floatv)(0.0f) : weight;
            weight = count > (floatv)(0.0f) ? weight : (floatv)(0.0f);
            store_lanes(weight, to + c, lanes);
            sum += weight;
        }
        const float total = GROUP_SUM(sum_lanes(sum));
        if (get_local_id(0) == 0)
            sums[sums_offset + (size_t)matrix * blocks + i] = total;
    }
}

// The gradient of scores from those of the weights and of their sums: weight (dweight + dsum).  Rows as above.  Reads weights and their gradient once,
// writes as much.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_rest_grad(const uint rows, const uint chunk, const uint blocks,
                                                                              const uint heads, const __global float *rest,
                                                                              const uint rest_offset, const uint rest_pitch,
                                                                              const __global float *drest, const uint drest_offset,
                                                                              const uint drest_pitch, const __global float *dsums,
                                                                              const uint dsums_offset, __global float *dscores,
                                                                              const uint dscores_offset, const uint dscores_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint r = begin; r < end; r++) {
        const uint row = r / heads, head = r % heads, sample = row / blocks, i = row % blocks;
        const __global float *weights = rest + rest_offset + (size_t)row * rest_pitch + (size_t)head * blocks;
        __global float *to = dscores + dscores_offset + (size_t)row * dscores_pitch + (size_t)head * blocks;
#if OF_REST
        const __global float *up = drest + drest_offset + (size_t)row * drest_pitch + (size_t)head * blocks;
#endif
        const float own = OF_SUM ? dsums[dsums_offset + (size_t)(sample * heads + head) * blocks + i] : 0.0f;
        for (uint c = get_local_id(0) * VW; c < blocks; c += WG * VW) {
            const uint lanes = lanes_at(c, blocks);
#if OF_REST
            const floatv change = load_lanes(up + c, lanes) + own;
#else
            const floatv change = (floatv)(own);
#endif
            store_lanes(load_lanes(weights + c, lanes) * change, to + c, lanes);
        }
    }
}
