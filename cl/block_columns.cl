// What the gradient of attention within chosen blocks needs besides, in the simt form: for each block of keys the blocks of queries that chose it, each
// query's delta, and the sums over a block's queries.
#include "math.h"
#include "reduce.h"

// From the chosen blocks of each head, i blocks + j, `count` of them and ascending, the rows i of each column j, ascending, and where those of a column
// begin.  A work-item a column, which goes through the list twice, `columns` columns of all heads.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_columns(const uint columns, const uint chunk, const uint blocks,
                                                                            const uint count, const __global int *chosen,
                                                                            const uint chosen_offset, __global int *rows,
                                                                            const uint rows_offset, __global int *begins,
                                                                            const uint begins_offset)
{
    const uint first = get_group_id(0) * chunk, end = first + min(chunk, columns - first);
    for (uint c = first + get_local_id(0); c < end; c += WG) {
        const uint matrix = c / blocks, j = c % blocks;
        const __global int *list = chosen + chosen_offset + (size_t)matrix * count;
        __global int *to = rows + rows_offset + (size_t)matrix * count, *begin = begins + begins_offset + (size_t)matrix * (blocks + 1);
        uint place = 0;
        for (uint e = 0; e < count; e++)
            place += (uint)list[e] % blocks < j;
        begin[j] = place;
        if (j + 1 == blocks)
            begin[blocks] = count;
        for (uint e = 0; e < count; e++)
            if ((uint)list[e] % blocks == j)
                to[place++] = (uint)list[e] / blocks;
    }
}

// delta[sample][head][n] = sum over a head's `width` columns of dy y.  A work-item a row of a head, `count` of them, heads of a row side by side.  Reads
// dy and y once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_delta(const uint count, const uint chunk, const uint tokens,
                                                                          const uint heads, const uint width, const __global float *dy,
                                                                          const uint dy_offset, const uint dy_pitch,
                                                                          const __global float *y, const uint y_offset,
                                                                          const uint y_pitch, __global float *delta,
                                                                          const uint delta_offset)
{
    const uint first = get_group_id(0) * chunk, end = first + min(chunk, count - first);
    for (uint i = first + get_local_id(0); i < end; i += WG) {
        const uint row = i / heads, head = i % heads;
        const __global float *a = dy + dy_offset + (size_t)row * dy_pitch + head * width;
        const __global float *b = y + y_offset + (size_t)row * y_pitch + head * width;
        floatv sum = (floatv)(0.0f);
        for (uint c = 0; c < width; c += VW)
            sum = FMA(load_lanes(a + c, width - c), load_lanes(b + c, width - c), sum);
        delta[delta_offset + ((size_t)(row / tokens) * heads + head) * tokens + row % tokens] = sum_lanes(sum);
    }
}

// With alpha = e^(most - log sum) of a block's queries: drest, the sum of alpha dy, and dsum, that of -alpha delta.  An element of drest, (samples, blocks,
// heads * width), a work-item.  Reads dy once and what is one number a query once for each column.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void block_rest_sums(
    const uint count, const uint chunk, const uint tokens, const uint block, const uint blocks, const uint heads, const uint width,
    const __global float *dy, const uint dy_offset, const uint dy_pitch, const __global float *log_sum, const uint log_sum_offset,
    const __global float *delta, const uint delta_offset, const __global float *most, const uint most_offset, __global float *drest,
    const uint drest_offset, const uint drest_pitch, __global float *dsum, const uint dsum_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin), columns = heads * width;
    for (uint e = begin + get_local_id(0); e < end; e += WG) {
        const uint row = e / columns, c = e % columns, head = c / width, sample = row / blocks, i = row % blocks;
        const uint matrix = sample * heads + head, last = min((i + 1) * block, tokens);
        const float base = most[most_offset + (size_t)matrix * blocks + i];
        const __global float *logs = log_sum + log_sum_offset + (size_t)matrix * tokens;
        const __global float *deltas = delta + delta_offset + (size_t)matrix * tokens;
        const __global float *up = dy + dy_offset + (size_t)sample * tokens * dy_pitch + c;
        float sum = 0.0f, of_delta = 0.0f;
        for (uint n = i * block; n < last; n++) {
            const float alpha = clmix_exp_1(base - logs[n]);
            sum = FMA(alpha, up[(size_t)n * dy_pitch], sum);
            of_delta = FMA(alpha, deltas[n], of_delta);
        }
        drest[drest_offset + (size_t)row * drest_pitch + c] = sum;
        if (c % width == 0)
            dsum[dsum_offset + (size_t)matrix * blocks + i] = -of_delta;
    }
}
