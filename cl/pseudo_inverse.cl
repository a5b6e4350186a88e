// The iterative Moore-Penrose pseudo-inverse of Nystrom attention, and its gradient. Of each m x m matrix S:
//   Z_0 = s S^T,  s = 1 / (max r max c),  r and c the sums of |S| along its rows and its columns, the maxima over a set of matrices,
//   X = S Z,  Z' = Z C,  C = (13 I - X (15 I - X (7 I - X))) / 4 = 3.25 I - 3.75 X - X Y / 4,  Y = X X - 7 X.
// X, and with it Y and C, is a polynomial of S S^T and so symmetric: no product needs the transpose of its right factor, and of a gradient of
// X only the symmetric part matters. A group takes one matrix after another: `heads` side by side in a value of rows `pitch` floats apart.
#include "matrix_chain.h"

// Elements of the matrix's first one from the value's.
static inline ulong matrix_at(const uint matrix, const uint heads, const uint m, const uint pitch)
{
    return (ulong)(matrix / heads) * m * pitch + matrix % heads * m;
}

// ---- sums and maxima ------------------------------------------------------------------------------------------------------------------

#define STATS 5    // floats of a matrix

static inline float row_sum(const __global float *row, const uint m)
{
    floatv sum = (floatv)(0.0f);
    for (uint c = 0; c < m; c += VW)
        sum += fabs(load_lanes(row + c, m - c));
    return sum_lanes(sum);
}

static inline floatv column_sums(const __global float *x, const uint m, const uint pitch, const uint n)
{
    floatv sum = (floatv)(0.0f);
    for (uint i = 0; i < m; i++)
        sum += fabs(load_lanes(x + (size_t)i * pitch, n));
    return sum;
}

// stats[matrix] = { largest row sum, how many have it, largest column sum, how many have it, s }, but for s. Index space: a group a matrix; its work-items
// share out rows, then vectors of columns. Reads the matrix twice.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void pinv_sums(const uint heads, const uint m, const __global float *x,
                                                                        const uint x_offset, const uint pitch, __global float *stats,
                                                                        const uint stats_offset)
{
    GROUP_SCRATCH
    float most = -1.0f, count = 0.0f;
    x += x_offset + matrix_at(get_group_id(0), heads, m, pitch);
    stats += stats_offset + STATS * get_group_id(0);
    for (uint i = get_local_id(0); i < m; i += WG) {
        const float sum = row_sum(x + (size_t)i * pitch, m);
        count = sum > most ? 1.0f : sum == most ? count + 1.0f : count;
        most = fmax(most, sum);
    }
    const float rows = GROUP_MAX(most), rows_count = GROUP_SUM(most == rows ? count : 0.0f);
    most = -1.0f;
    count = 0.0f;
    for (uint j = get_local_id(0) * VW; j < m; j += WG * VW) {
        float sum[VW];
        *(floatvu *)sum = column_sums(x + j, m, pitch, m - j);
        for (uint lane = 0; lane < min((uint)VW, m - j); lane++) {
            count = sum[lane] > most ? 1.0f : sum[lane] == most ? count + 1.0f : count;
            most = fmax(most, sum[lane]);
        }
    }
    const float columns = GROUP_MAX(most), columns_count = GROUP_SUM(most == columns ? count : 0.0f);
    if (get_local_id(0) == 0) {
        stats[0] = rows;
        stats[1] = rows_count;
        stats[2] = columns;
        stats[3] = columns_count;
    }
}

// The maxima of the set that a matrix is of, (rows, columns); sets are runs of `set` matrices.
#define SET_MAXIMA(name, matrix)                                                          \
    const __global float *of_set = stats + (size_t)((matrix) / set * set) * STATS;          \
    float2 name = (float2)(0.0f);                                                         \
    for (uint of = get_local_id(0); of < set; of += WG)                                   \
        name = fmax(name, (float2)(of_set[STATS * of], of_set[STATS * of + 2]));                  \
    name = (float2)(GROUP_MAX(name.x), GROUP_MAX(name.y));

// ---- iterations -----------------------------------------------------------------------------------------------------------------------

// S^T and Z_0 from S, with the zeros around.
INLINE void load_transposed(__global float *st, __global float *z, const float s, const __global float *x, const uint m, const uint pitch)
{
    if (m < SIDE)
        for (uint e = get_local_id(0); e < SQUARE; e += WG)
            st[e] = z[e] = 0.0f;
    SYNC
    for (uint i = get_local_id(0); i < m; i += WG)
        for (uint j = 0; j < m; j++) {
            const float value = x[(size_t)i * pitch + j];
            st[j * SIDE + i] = value;
            z[j * SIDE + i] = s * value;
        }
}

// Places in a group's memory: S^T, two in turn for Z, or for dZ; then X, Y and C. Going backwards these and Z are kept, four an iteration, and
// others are in between.
enum { ST, TURNS, X_OF = 3, DST = 3, DC, T, DY, DX, KEPT };
#define FACTORS 4

// The factors of an iteration from Z to Z': X, Y, C, Z'. X, Y and C are at `xx` and behind.
INLINE struct factor forward_factor(const uint number, const uint z, const uint xx, const uint next)
{
    switch (number) {
    case 0: return (struct factor){ xx, ST, z, ST, TURNED, 1.0f, 0.0f, 0.0f };
    case 1: return (struct factor){ xx + 1, xx, xx, xx, PLAIN, 1.0f, -7.0f, 0.0f };
    case 2: return (struct factor){ xx + 2, xx, xx + 1, xx, PLAIN, -0.25f, -3.75f, 3.25f };
    default: return (struct factor){ next, z, xx + 2, ST, PLAIN, 1.0f, 0.0f, 0.0f };
    }
}

// Z after all iterations. Index space: as many groups as have scratch, six matrices each. Reads S, writes Z; 8 m^3 FLOP an iteration.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void pinv_iterate(const uint matrices, const uint heads, const uint m,
                                                                           const uint set, const uint iterations, const __global float *x,
                                                                           const uint x_offset, const uint x_pitch,
                                                                           __global float *stats, const uint stats_offset,
                                                                           __global float *z, const uint z_offset, const uint z_pitch,
                                                                           __global float *scratch, const uint scratch_offset)
{
    GROUP_SCRATCH
    CHAIN_SCRATCH
    __global float *const chain = scratch + scratch_offset + (size_t)get_group_id(0) * 6 * SQUARE;
    stats += stats_offset;
    for (uint matrix = get_group_id(0); matrix < matrices; matrix += get_num_groups(0)) {
        SET_MAXIMA(most, matrix)
        const float s = 1.0f / (most.x * most.y);
        if (get_local_id(0) == 0)
            stats[STATS * matrix + 4] = s;
        load_transposed(chain + ST * SQUARE, chain + TURNS * SQUARE, s, x + x_offset + matrix_at(matrix, heads, m, x_pitch), m, x_pitch);
        SYNC
#pragma unroll 1
        for (uint k = 0; k < iterations; k++)
#pragma unroll 1
            for (uint number = 0; number < FACTORS; number++) {
                product(chain, forward_factor(number, TURNS + k % 2, X_OF, TURNS + 1 - k % 2));
                SYNC
            }
        const __global float *const last = chain + (TURNS + iterations % 2) * SQUARE;
        __global float *const out = z + z_offset + matrix_at(matrix, heads, m, z_pitch);
#pragma unroll 1
        for (uint i = 0; i < m; i++)
            for (uint j = get_local_id(0) * VW; j < m; j += WG * VW)
                store_lanes(LOADV(last + i * SIDE + j), out + (size_t)i * z_pitch + j, m - j);
        SYNC
    }
}

// ---- gradient -------------------------------------------------------------------------------------------------------------------------

// The factors of an iteration backwards: dC, dZ, X dC, two of dX, dS, dZ; behind the third dY, behind the fifth dX is made symmetric, in T. Z, X, Y
// and C are at `z` and behind.
#define BACKWARD 7
INLINE struct factor backward_factor(const uint number, const uint z, const uint up, const uint down)
{
    const uint xx = z + 1, yy = z + 2, cc = z + 3;
    switch (number) {
    case 0: return (struct factor){ DC, z, up, ST, TURNED, 1.0f, 0.0f, 0.0f };
    case 1: return (struct factor){ down, up, cc, ST, PLAIN, 1.0f, 0.0f, 0.0f };
    case 2: return (struct factor){ T, xx, DC, ST, PLAIN, 1.0f, 0.0f, 0.0f };
    case 3: return (struct factor){ DX, DC, yy, DC, PLAIN, -0.25f, -3.75f, 0.0f };
    case 4: return (struct factor){ DX, xx, DY, DX, PLAIN, 2.0f, 1.0f, 0.0f };
    case 5: return (struct factor){ DST, z, T, DST, PLAIN, 1.0f, 1.0f, 0.0f };
    default: return (struct factor){ down, ST, T, down, PLAIN, 1.0f, 1.0f, 0.0f };
    }
}

// dS but for what the maxima take, and ds, the derivative by s. All iterations are made once more and kept, then gone through backwards:
//   dC = Z^T dZ',  dZ = dZ' C,  dY = -sym(X dC) / 4,  dX = sym(-3.75 dC - dC Y / 4 + 2 X dY) - 7 dY,  dS += dX Z^T,  dZ += S^T dX.
// Index space: as many groups as have scratch, 8 + 4 iterations matrices each. 22 m^3 FLOP an iteration.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void pinv_gradient(const uint matrices, const uint heads, const uint m,
                                                                            const uint iterations, const __global float *dz,
                                                                            const uint dz_offset, const uint dz_pitch,
                                                                            const __global float *x, const uint x_offset,
                                                                            const uint x_pitch, const __global float *stats,
                                                                            const uint stats_offset, __global float *dx,
                                                                            const uint dx_offset, const uint dx_pitch, __global float *ds,
                                                                            const uint ds_offset, __global float *scratch,
                                                                            const uint scratch_offset)
{
    GROUP_SCRATCH
    CHAIN_SCRATCH
    __global float *const chain = scratch + scratch_offset + (size_t)get_group_id(0) * (KEPT + FACTORS * iterations) * SQUARE;
    dz += dz_offset;
    x += x_offset;
    stats += stats_offset;
    dx += dx_offset;
    ds += ds_offset;
    for (uint matrix = get_group_id(0); matrix < matrices; matrix += get_num_groups(0)) {
        const float s = stats[STATS * matrix + 4];
        const uint last = KEPT + FACTORS * (iterations - 1);    // place of the last Z that is kept
        const __global float *const up = dz + matrix_at(matrix, heads, m, dz_pitch);
        load_transposed(chain + ST * SQUARE, chain + KEPT * SQUARE, s, x + matrix_at(matrix, heads, m, x_pitch), m, x_pitch);
#pragma unroll 1
        for (uint i = 0; i < SIDE; i++)
            for (uint j = get_local_id(0) * VW; j < SIDE; j += WG * VW) {
                __global float *const at = chain + i * SIDE + j;
                STOREV(load_lanes(up + (size_t)i * dz_pitch + j, i < m ? lanes_at(j, m) : 0u), at + TURNS * SQUARE);
                STOREV((floatv)(0.0f), at + DST * SQUARE);
            }
        SYNC
#pragma unroll 1
        for (uint z = KEPT; z <= last; z += FACTORS)
#pragma unroll 1
            for (uint number = 0; number < (z < last ? FACTORS : FACTORS - 1); number++) {    // but for the last Z
                product(chain, forward_factor(number, z, z + 1, z + FACTORS));
                SYNC
            }
#pragma unroll 1
        for (uint z = last, dz_of = TURNS; z >= KEPT; z -= FACTORS, dz_of = 2 * TURNS + 1 - dz_of)
#pragma unroll 1
            for (uint number = 0; number < BACKWARD; number++) {
                product(chain, backward_factor(number, z, dz_of, 2 * TURNS + 1 - dz_of));
                SYNC
                if (number == 2 || number == 4) {    // dY of X dC; dX
                    const bool is_dx = number == 4;
                    add_transpose(chain, is_dx ? T : DY, is_dx ? 0.5f : -0.125f, is_dx ? DX : T, is_dx ? -7.0f : 0.0f, is_dx ? DY : ST);
                }
            }
        SYNC
        __global float *const out = dx + matrix_at(matrix, heads, m, dx_pitch);
        float sum = 0.0f;
        for (uint i = get_local_id(0); i < m; i += WG)
#pragma unroll 1
            for (uint j = 0; j < m; j++) {
                const __global float *const at = chain + j * SIDE + i;
                const float first = at[(TURNS + iterations % 2) * SQUARE];
                out[(size_t)i * dx_pitch + j] = at[DST * SQUARE] + s * first;
                sum = FMA(first, at[ST * SQUARE], sum);
            }
        sum = GROUP_SUM(sum);
        if (get_local_id(0) == 0)
            ds[matrix] = sum;
        SYNC
    }
}

static inline float sign_of(const float x)
{
    return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f;
}

// What the maxima of a set take: of every row, and every column, whose sum is the maximum an equal share of it, by ds/dmax = -s / max. Index
// space: a group a matrix; those without a maximum do nothing. Reads and adds to rows and columns of dx.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void pinv_maxima(const uint heads, const uint m, const uint set,
                                                                          const __global float *x, const uint x_offset, const uint x_pitch,
                                                                          const __global float *stats, const uint stats_offset,
                                                                          const __global float *ds, const uint ds_offset,
                                                                          __global float *dx, const uint dx_offset, const uint dx_pitch)
{
    GROUP_SCRATCH
    const uint matrix = get_group_id(0), first = matrix / set * set, item = get_local_id(0);
    stats += stats_offset;
    SET_MAXIMA(most, matrix)
    float all = 0.0f;
    float2 count = (float2)(0.0f);
    for (uint of = item; of < set; of += WG) {
        all += ds[ds_offset + first + of];
        count += (float2)(of_set[STATS * of] == most.x ? of_set[STATS * of + 1] : 0.0f,
                          of_set[STATS * of + 2] == most.y ? of_set[STATS * of + 3] : 0.0f);
    }
    all = GROUP_SUM(all);
    const float down = -all * stats[STATS * matrix + 4];
    const float of_row = down / (most.x * GROUP_SUM(count.x)), of_column = down / (most.y * GROUP_SUM(count.y));
    x += x_offset + matrix_at(matrix, heads, m, x_pitch);
    dx += dx_offset + matrix_at(matrix, heads, m, dx_pitch);
    if (stats[STATS * matrix] == most.x)
        for (uint i = item; i < m; i += WG)
            if (row_sum(x + (size_t)i * x_pitch, m) == most.x)
                for (uint j = 0; j < m; j++)
                    dx[(size_t)i * dx_pitch + j] += of_row * sign_of(x[(size_t)i * x_pitch + j]);
#if WG > 1
    barrier(CLK_GLOBAL_MEM_FENCE);
#endif
    if (stats[STATS * matrix + 2] == most.y)
        for (uint j = item * VW; j < m; j += WG * VW) {
            float sum[VW];
            *(floatvu *)sum = column_sums(x + j, m, x_pitch, m - j);
            for (uint lane = 0; lane < min((uint)VW, m - j); lane++)
                for (uint i = 0; i < m && sum[lane] == most.y; i++)
                    dx[(size_t)i * dx_pitch + j + lane] += of_column * sign_of(x[(size_t)i * x_pitch + j + lane]);
        }
}
