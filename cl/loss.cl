// Cross-entropy of logits (rows, K) against labels, its gradient, and how many labels are among the k largest logits.
//
// The target of a row is t = (1 - smoothing) (weight [label] + (1 - weight) [second]) + smoothing / K; weight is 1 and there is no second
// label unless `mixed`. Rows with label or second label -100 are left out of the mean. A label that is no class makes the loss NaN: the run
// stops with a sentence, not with a guess.
//
// `stats` (2 rows floats): each row's largest logit, then each row's sum of e^(x - largest). `counted`: the number of rows in the mean, which is 0
// where there are none.
// `parts`: of each group of rows, the sum of its losses and the number of rows in it.
#include "few.h"

#define LEFT_OUT (-100)

static inline int is_counted(const int label, const int second)
{
    return label != LEFT_OUT && second != LEFT_OUT;
}

static inline float logit_of(const __global float *row, const int label, const uint classes)
{
    return label >= 0 && label < (int)classes ? row[label] : NAN;
}

// Fills stats and parts.  Group g does rows [g * chunk, (g + 1) * chunk), all its work-items together a row at a time.  Reads 4
// bytes a logit. The mean of the logits is added even where smoothing is 0: so a NaN or an infinity among them always reaches the loss.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void cross_entropy_rows(
    const uint rows, const uint chunk, const uint classes, const __global float *logits, const uint logits_offset,
    const __global int *label, const uint label_offset, const __global int *second, const uint second_offset, const __global float *weight,
    const uint weight_offset, const int mixed, const float smoothing, __global float *stats, const uint stats_offset,
    __global float *parts, const uint parts_offset)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), item = get_local_id(0), whole = classes / VW * VW;
    float losses = 0.0f, counted = 0.0f;
    for (uint r = begin; r < end; r++) {
        const __global float *row = logits + logits_offset + (ulong)r * classes;
        floatv v = (floatv)(-INFINITY), all = (floatv)(0.0f);
        float tail = -INFINITY, rest = 0.0f;
        for (uint k = item * VW; k < whole; k += WG * VW) {
            v = max_of(LOADV(row + k), v);
            all += LOADV(row + k);
        }
        for (uint k = whole + item; k < classes; k += WG) {
            tail = fmax(tail, row[k]);
            rest += row[k];
        }
        const float peak = GROUP_MAX(fmax(max_lanes(v), tail)), mean = GROUP_SUM(sum_lanes(all) + rest) / (float)classes;
        v = (floatv)(0.0f);
        tail = 0.0f;
        for (uint k = item * VW; k < whole; k += WG * VW)
            v += clmix_exp(LOADV(row + k) - peak);
        for (uint k = whole + item; k < classes; k += WG)
            tail += clmix_exp_1(row[k] - peak);
        const float sum = GROUP_SUM(sum_lanes(v) + tail);
        if (item == 0) {
            const int first = label[label_offset + r], other = mixed ? second[second_offset + r] : first;
            const float share = mixed ? weight[weight_offset + r] : 1.0f;
            float picked = logit_of(row, first, classes);
            if (mixed)
                picked = share * picked + (1.0f - share) * logit_of(row, other, classes);
            stats[stats_offset + r] = peak;
            (stats + stats_offset + rows)[r] = sum;
            if (is_counted(first, other)) {
                losses += log(sum) + (1.0f - smoothing) * (peak - picked) + smoothing * (peak - mean);
                counted += 1.0f;
            }
        }
    }
    if (item == 0) {
        (parts + parts_offset)[2 * get_group_id(0)] = losses;
        (parts + parts_offset)[2 * get_group_id(0) + 1] = counted;
    }
}

// cross_entropy_rows of few classes, by blocks of rows (few.h).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void cross_entropy_few(
    const uint rows, const uint chunk, const uint classes, const __global float *logits, const uint logits_offset,
    const __global int *label, const uint label_offset, const __global int *second, const uint second_offset, const __global float *weight,
    const uint weight_offset, const int mixed, const float smoothing, __global float *stats, const uint stats_offset,
    __global float *parts, const uint parts_offset)
{
    GROUP_SCRATCH
    FEW_BLOCK(block)
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    fewv losses = (fewv)(0.0f), counted = (fewv)(0.0f);
    label += label_offset;
    second += second_offset;
    weight += weight_offset;
    stats += stats_offset;
    for (uint top = begin; top < end; top += FEW_ROWS) {
        const uint n = min((uint)FEW_ROWS, end - top);
        few_load(logits + logits_offset + (ulong)top * classes, classes, n, block);
        if (FEW_MINE(n)) {
            const fewi first = FEW_INT(label + top, n), other = mixed ? FEW_INT(second + top, n) : first;
            fewv peak = (fewv)(-INFINITY), mean = (fewv)(0.0f), sum = (fewv)(0.0f), picked = (fewv)(NAN);
            for (uint k = 0; k < classes; k++) {
                const fewv x = FEW_AT(block, k);
                peak = x > peak ? x : peak;
                mean += x;
                picked = first == (fewi)(k) ? x : picked;
            }
            mean /= (fewv)(classes);
            for (uint k = 0; k < classes; k++)
                sum += FEW_EXP(FEW_AT(block, k) - peak);
            if (mixed) {
                const fewv share = FEW_VALUE(weight + top, n);
                fewv also = (fewv)(NAN);
                for (uint k = 0; k < classes; k++)
                    also = other == (fewi)(k) ? FEW_AT(block, k) : also;
                picked = share * picked + ((fewv)(1.0f) - share) * also;
            }
            FEW_PUT_VALUE(peak, stats + top, n);
            FEW_PUT_VALUE(sum, stats + rows + top, n);
            const fewi in_mean = first != (fewi)(LEFT_OUT) & other != (fewi)(LEFT_OUT) & FEW_EXISTS(n);
            losses += in_mean ? log(sum) + (1.0f - smoothing) * (peak - picked) + smoothing * (peak - mean) : (fewv)(0.0f);
            counted += in_mean ? (fewv)(1.0f) : (fewv)(0.0f);
        }
        FEW_DONE
    }
    const float all = FEW_SUM(losses), number = FEW_SUM(counted);
    if (get_local_id(0) == 0) {
        (parts + parts_offset)[2 * get_group_id(0)] = all;
        (parts + parts_offset)[2 * get_group_id(0) + 1] = number;
    }
}

// loss = sum of the losses in `parts` / count, 0 where nothing counts, and the count.  One group; every work-item adds its parts in order, then
// the fixed tree.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void cross_entropy_mean(const uint groups, const __global float *parts,
                                                                                 const uint parts_offset, __global float *loss,
                                                                                 const uint loss_offset, __global float *counted,
                                                                                 const uint counted_offset)
{
    GROUP_SCRATCH
    float sum = 0.0f, count = 0.0f;
    parts += parts_offset;
    for (uint g = get_local_id(0); g < groups; g += WG) {
        sum += parts[2 * g];
        count += parts[2 * g + 1];
    }
    const float total = GROUP_SUM(sum), all = GROUP_SUM(count);
    if (get_local_id(0) == 0) {
        loss[loss_offset] = all > 0.0f ? total / all : 0.0f;
        counted[counted_offset] = all;
    }
}

// dx = upstream / count (softmax(x) - t), 0 for rows left out.  Rows as in cross_entropy_rows.  Reads 4, writes 4 bytes a logit.
// Whoever stores the label's element subtracts the label's share from it, so that no two work-items touch one element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void cross_entropy_grad(
    const uint rows, const uint chunk, const uint classes, const __global float *logits, const uint logits_offset,
    const __global int *label, const uint label_offset, const __global int *second, const uint second_offset, const __global float *weight,
    const uint weight_offset, const int mixed, const float smoothing, const __global float *stats, const uint stats_offset,
    const __global float *counted, const uint counted_offset, const __global float *upstream, const uint upstream_offset, const int has_upstream, __global float *dx, const uint dx_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), item = get_local_id(0);
    stats += stats_offset;
    const float each = (has_upstream ? upstream[upstream_offset] : 1.0f) / counted[counted_offset];
    for (uint r = begin; r < end; r++) {
        const __global float *row = logits + logits_offset + (ulong)r * classes;
        __global float *to = dx + dx_offset + (ulong)r * classes;
        const int first = label[label_offset + r], other = mixed ? second[second_offset + r] : first;
        const float share = mixed ? weight[weight_offset + r] : 1.0f, peak = stats[r];
        const float factor = is_counted(first, other) ? each : 0.0f, scale = factor / stats[rows + r],
                    floor = factor * smoothing / (float)classes;
        const float hit = factor * (1.0f - smoothing) * share, other_hit = factor * (1.0f - smoothing) * (1.0f - share);
        for (uint k = item * VW; k < classes; k += WG * VW) {
            const uint n = min((uint)VW, classes - k);
            const floatv value = factor == 0.0f ? (floatv)(0.0f) : clmix_exp(load_lanes(row + k, n) - peak) * scale - floor;
            store_lanes(value, to + k, n);
            if ((uint)first - k < n)
                to[first] -= hit;
            if (mixed && (uint)other - k < n)
                to[other] -= other_hit;
        }
    }
}

// cross_entropy_grad of few classes.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void cross_entropy_few_grad(
    const uint rows, const uint chunk, const uint classes, const __global float *logits, const uint logits_offset,
    const __global int *label, const uint label_offset, const __global int *second, const uint second_offset, const __global float *weight,
    const uint weight_offset, const int mixed, const float smoothing, const __global float *stats, const uint stats_offset,
    const __global float *counted, const uint counted_offset, const __global float *upstream, const uint upstream_offset, const int has_upstream, __global float *dx, const uint dx_offset)
{
    FEW_BLOCK(block)
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    label += label_offset;
    second += second_offset;
    weight += weight_offset;
    stats += stats_offset;
    const float each = (has_upstream ? upstream[upstream_offset] : 1.0f) / counted[counted_offset];
    for (uint top = begin; top < end; top += FEW_ROWS) {
        const uint n = min((uint)FEW_ROWS, end - top);
        few_load(logits + logits_offset + (ulong)top * classes, classes, n, block);
        if (FEW_MINE(n)) {
            const fewi first = FEW_INT(label + top, n), other = mixed ? FEW_INT(second + top, n) : first;
            const fewv share = mixed ? FEW_VALUE(weight + top, n) : (fewv)(1.0f), peak = FEW_VALUE(stats + top, n);
            const fewi in_mean = first != (fewi)(LEFT_OUT) & other != (fewi)(LEFT_OUT);
            const fewv factor = in_mean ? (fewv)(each) : (fewv)(0.0f), scale = factor / FEW_VALUE(stats + rows + top, n),
                       floor = factor * smoothing / (float)classes;
            const fewv hit = factor * (1.0f - smoothing) * share, other_hit = factor * (1.0f - smoothing) * ((fewv)(1.0f) - share);
            for (uint k = 0; k < classes; k++) {
                fewv value = FEW_EXP(FEW_AT(block, k) - peak) * scale - floor;
                value -= first == (fewi)(k) ? hit : (fewv)(0.0f);
                if (mixed)
                    value -= other == (fewi)(k) ? other_hit : (fewv)(0.0f);
                FEW_AT(block, k) = in_mean ? value : (fewv)(0.0f);
            }
        }
        few_store(block, classes, n, dx + dx_offset + (ulong)top * classes);
    }
}

// Rank of each row's label: how many classes stand before it, larger logits and equal ones of lower classes; -1 for labels below 0. A NaN
// stands before everything, so that a label whose logit is NaN is among no k < K.  Rows as above.  Reads 4 bytes a logit.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void label_ranks(const uint rows, const uint chunk, const uint classes,
                                                                          const __global float *logits, const uint logits_offset,
                                                                          const __global int *label, const uint label_offset,
                                                                          __global float *rank, const uint rank_offset)
{
    GROUP_SCRATCH
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint r = begin; r < end; r++) {
        const __global float *row = logits + logits_offset + (ulong)r * classes;
        const int wanted = label[label_offset + r];
        const float own = logit_of(row, wanted, classes);
        uint before = 0;
        for (uint k = get_local_id(0); k < classes; k += WG)
            before += !(row[k] < own || (row[k] == own && (int)k >= wanted));
        const float all = GROUP_SUM((float)before);
        if (get_local_id(0) == 0)
            rank[rank_offset + r] = wanted < 0 ? -1.0f : all;
    }
}

// label_ranks of few classes.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void label_ranks_few(const uint rows, const uint chunk, const uint classes,
                                                                              const __global float *logits, const uint logits_offset,
                                                                              const __global int *label, const uint label_offset,
                                                                              __global float *rank, const uint rank_offset)
{
    FEW_BLOCK(block)
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin);
    for (uint top = begin; top < end; top += FEW_ROWS) {
        const uint n = min((uint)FEW_ROWS, end - top);
        few_load(logits + logits_offset + (ulong)top * classes, classes, n, block);
        if (FEW_MINE(n)) {
            const fewi wanted = FEW_INT(label + label_offset + top, n);
            fewv own = (fewv)(NAN), before = (fewv)(0.0f);
            for (uint k = 0; k < classes; k++)
                own = wanted == (fewi)(k) ? FEW_AT(block, k) : own;
            for (uint k = 0; k < classes; k++) {
                const fewv x = FEW_AT(block, k);
                before += (x < own) | ((x == own) & ((fewi)(k) >= wanted)) ? (fewv)(0.0f) : (fewv)(1.0f);
            }
            before = wanted < (fewi)(0) ? (fewv)(-1.0f) : before;
            FEW_PUT_VALUE(before, rank + rank_offset + top, n);
        }
        FEW_DONE
    }
}

// found[i] = number of rows with a rank below k_i.  One group.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void count_ranks(const uint rows, const __global float *rank,
                                                                          const uint rank_offset, __global float *found,
                                                                          const uint found_offset, const uint count, const uint k0,
                                                                          const uint k1, const uint k2, const uint k3)
{
    GROUP_SCRATCH
    for (uint i = 0; i < count; i++) {
        const float limit = (float)(i == 0 ? k0 : i == 1 ? k1 : i == 2 ? k2 : k3);
        uint sum = 0;
        for (uint r = get_local_id(0); r < rows; r += WG) {
            const float at = (rank + rank_offset)[r];
            sum += at >= 0.0f && at < limit;
        }
        const float all = GROUP_SUM((float)sum);
        if (get_local_id(0) == 0)
            found[found_offset + i] = all;
    }
}
