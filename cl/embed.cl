// Embeddings: rows of a few tables added for each token.
#include "reduce.h"

#ifndef LOOKUPS
#define LOOKUPS 1    // 1, 2, 3: tables
#endif

// Which row of a table a token takes: by its id, its own of one sample's, or the only one.
static inline uint row_of(const __global int *ids, const uint named, const uint rows, const uint r, const uint tokens)
{
    return named ? (uint)ids[r] : rows == 1 ? 0 : r % tokens;
}

// `n` columns of that row from `table` on, NaN where there is none.
static inline floatv some_of(const __global float *table, const uint pitch, const uint row, const uint rows, const uint n)
{
    return row < rows ? load_lanes(table + (ulong)row * pitch, n) : (floatv)(NAN);
}

#define TABLE(t)                                                                                                                    \
    const __global float *table##t, const uint table##t##_offset, const uint pitch##t, const uint rows##t, const __global int *ids##t, \
        const uint ids##t##_offset, const uint named##t
#define FIND(t)     const uint row##t = row_of(ids##t + ids##t##_offset, named##t, rows##t, r, tokens)
#define PART(t)     some_of(table##t + table##t##_offset + c, pitch##t, row##t, rows##t, columns - c)

// y[r] = the sum over tables of the row that token r takes, `tokens` of a sample one behind the other.  Group g does rows [g * chunk, min(rows, (g
// + 1) * chunk)) of `columns` elements: reads a row of each table and 4 bytes an id, writes a row.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void embed(const uint rows, const uint chunk, const uint columns, const uint tokens,
                                                                   TABLE(0), TABLE(1), TABLE(2), __global float *y, const uint y_offset,
                                                                   const uint y_pitch)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, rows - begin), vectors = (columns + VW - 1) / VW;
    for (uint e = get_local_id(0); e < (end - begin) * vectors; e += WG) {
        const uint r = begin + e / vectors, c = e % vectors * VW;
        FIND(0);
        floatv sum = PART(0);
#if LOOKUPS > 1
        FIND(1);
        sum += PART(1);
#endif
#if LOOKUPS > 2
        FIND(2);
        sum += PART(2);
#endif
        store_lanes(sum, y + y_offset + (ulong)r * y_pitch + c, columns - c);
    }
}
