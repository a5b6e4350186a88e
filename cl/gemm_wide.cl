// C = epilogue(A B) on CPUs.  One work-item owns a block of C (cl/README.md has a drawing).
// It goes through K a slab at a time. The slab's rows of B are packed into local memory, as panels of NR columns; IN_PLACE leaves them where
// they are. Then for each strip of MR rows of A, and each panel, the slab's products are added to a tile of MR x NRV vectors in registers. A
// is read in place, one float a row and step; with COPY_A the strip is copied to private memory first, where its rows cannot meet in the same
// cache sets, and with PROLOGUE its layer norm is made there.
// An element of C is one chain of FMA over k, in order, so its bits depend on no block, slab or tile.
#include "gemm_epilogue.h"
#include "gemm_prologue.h"

#ifndef MR
#define MR 12           // rows of a register tile; MR * NRV + NRV + 1 vectors should fit the registers
#endif
#ifndef NRV
#define NRV 2           // vectors across a register tile
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0   // 0: A is stored M x K, 1: K x M
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0   // 0: B is stored K x N, 1: N x K
#endif
#ifndef IN_PLACE
#define IN_PLACE 0      // 1: B is not packed; only where it is stored K x N, and slow where N is not a multiple of VW
#endif
#ifndef PANEL
#define PANEL 8192      // floats of local memory for the packed block of B: slab * columns of a block, rounded up to NR
#endif
#ifndef COPY_A
#define COPY_A PROLOGUE // 1: strips of A are copied to private memory first, as they must be with PROLOGUE; not with SEGMENTS
#endif
#ifndef STRIP
#define STRIP 512       // with COPY_A: steps of k that a strip has room for, at least a slab's
#endif
#define NR (NRV * VW)
#define LINE 16    // floats of a cache line, where there is one

#if COPY_A
#define STRIP_SPACE __private
#else
#define STRIP_SPACE __global
#endif
#if IN_PLACE
#define SLAB_SPACE __global
#define LOAD_STEP(p, columns) load_part(p, columns)
#else
#define SLAB_SPACE __local
#define LOAD_STEP(p, columns) LOADV_LOCAL(p)
#endif

// Tile sizes reach the functions below as constant arguments: only inlined does the tile stay in registers. Loops count to a macro and ask
// for the argument inside: PoCL's compiler unrolls before it inlines, and a loop it leaves takes the tile through memory.
#define INLINE static inline __attribute__((always_inline))

#include "gemm_wide_pack.h"

// A vector of which `columns` elements are inside the matrix; the others zero.
INLINE floatv load_part(const __global float *from, const uint columns)
{
    if (columns >= VW)
        return LOADV(from);
    float part[VW];
    for (uint j = 0; j < VW; j++)
        part[j] = j < columns ? from[j] : 0.0f;
    return *(const floatvu *)part;
}

// What a tile asks for while it works, a cache line every few steps: a strip of A, and a slab of B in place, are many short streams that no
// hardware prefetcher follows. Asked for evenly and once: a burst would take the memory's time from the other cores.
struct ahead {
    uint every;    // steps
    const __global float *a, *b;
    size_t a_step;
#if SEGMENTS
    uint left, segment;    // and of the segment that A is in, the steps that are left, and its length;
    size_t jump;           // elements from behind it to the next
#endif
};

// The tiles of one strip share the next strip, a line at a time, which is all of it where rows are dense. Where A is transposed the
// tiles of all strips that have cache lines in common share those of the next slab, and each such set takes a column of lines of B.
INLINE void look_ahead(struct ahead *ahead, const uint strip, const uint panel, const uint panels, const __global float *a,
                       const size_t a_pitch, const __global float *b, const size_t b_pitch, const uint columns, const uint count)
{
    const uint sharing = TRANSPOSE_A ? max(LINE / MR, 1) : 1, sharers = sharing * panels;
    const uint part = (strip % sharing * panels + panel) * count / sharers;
    ahead->every = TRANSPOSE_A ? sharers : max(sharers * LINE / MR, 1u);
    ahead->a = TRANSPOSE_A ? a + (count + part) * a_pitch : a + MR * a_pitch + part * MR;
    ahead->a_step = TRANSPOSE_A ? a_pitch : (size_t)LINE;
    ahead->b = b + (count + part) * b_pitch + strip / sharing * LINE % columns;
}

// `count` steps of k into the first `vectors` vectors of c, of which `columns` columns count. Rows beyond `last_row` repeat it: nothing
// outside A and B is read. Steps go in runs up to the next line to ask for, or to the end of A's segment: a branch among a step's
// multiply-adds would keep all that it has loaded in registers, and where there are 16 the tile would leave them.
INLINE void accumulate(floatv c[MR][NRV], const uint vectors, const uint last_row, const uint columns, const STRIP_SPACE float *a,
                       const size_t pitch, const SLAB_SPACE float *b, const size_t b_pitch, const uint count, struct ahead ahead)
{
    size_t row[MR];
#pragma unroll
    for (uint i = 0; i < MR; i++)
        row[i] = min(i, last_row) * (TRANSPOSE_A ? (size_t)1 : pitch);
    for (uint left = count, run; left > 0; left -= run) {
        run = PREFETCHING ? min(ahead.every, left) : left;
#if SEGMENTS
        run = min(run, ahead.left);
#endif
        for (uint k = 0; k < run; k++) {
            floatv step[NRV];
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    step[j] = LOAD_STEP(b + j * VW, columns - j * VW);
#pragma unroll
            for (uint i = 0; i < MR; i++) {
                const floatv v = (floatv)(a[row[i]]);
#pragma unroll
                for (uint j = 0; j < NRV; j++)
                    if (j < vectors)
                        c[i][j] = FMA(v, step[j], c[i][j]);
            }
            a += TRANSPOSE_A ? pitch : (size_t)1;
            b += b_pitch;
        }
#if PREFETCHING
        PREFETCH(ahead.a, 0);
        ahead.a += ahead.a_step;
#if IN_PLACE
        PREFETCH(ahead.b, 0);
        ahead.b += b_pitch;
#endif
#endif
#if SEGMENTS
        ahead.left -= run;
        if (ahead.left == 0) {
            a += ahead.jump;
            ahead.left = ahead.segment;
        }
#endif
    }
}

// Stores the `columns` first elements, finished if these are the last steps of k.
INLINE void store_part(const floatv x, __global float *c, const __global float *bias, const __global float *residual, const float scale,
                       const uint columns, const bool last)
{
    if (columns >= VW) {
        STOREV(last ? clmix_finish(x, bias, residual, scale) : x, c);
        return;
    }
    float part[VW];
    *(floatvu *)part = x;
    for (uint j = 0; j < columns; j++)
        c[j] = last ? clmix_finish_1(part[j], bias + j, residual + j, scale) : part[j];
}

// A tile of C: `rows` <= MR by `columns` <= vectors * VW. `whole`, known when compiled: rows == MR and columns == vectors * VW, so nothing
// need be tested. Where the code for one vector is long, the tile goes through memory, so that a rolled loop can do it: unrolled over the
// tile it would take seconds to compile.
INLINE void tile(const bool whole, const uint vectors, const uint rows, const uint columns, const STRIP_SPACE float *a, const size_t a_pitch,
                 const SLAB_SPACE float *b, const size_t b_pitch, const uint count, __global float *c, const size_t c_pitch,
                 const __global float *bias, const __global float *residual, const size_t r_pitch, const float scale, const bool first,
                 const bool last, const struct ahead ahead)
{
    floatv sum[MR][NRV], copy[MR][NRV];

    if (whole && first) { // the stores at the end would wait for these lines
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    PREFETCH(c + i * c_pitch + j * VW, 1);
    }
#if RESIDUAL
    if (whole && last) {
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    PREFETCH(residual + i * r_pitch + j * VW, 0);
    }
#endif
    if (first || !whole) {
#pragma unroll 1
        for (uint i = 0; i < MR && !whole; i++)
            copy[i][0] = first || i >= rows ? (floatv)(0.0f) : load_part(c + i * c_pitch, columns);
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    sum[i][j] = whole ? (floatv)(0.0f) : copy[i][j];
    } else {
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    sum[i][j] = LOADV(c + i * c_pitch + j * VW);
    }

    accumulate(sum, vectors, whole ? MR - 1 : rows - 1, whole ? vectors * VW : columns, a, a_pitch, b, b_pitch, count, ahead);

    if (whole && !LONG_EPILOGUE) {
#pragma unroll
        for (uint i = 0; i < MR; i++)
#pragma unroll
            for (uint j = 0; j < NRV; j++)
                if (j < vectors)
                    store_part(sum[i][j], c + i * c_pitch + j * VW, bias + j * VW, residual + i * r_pitch + j * VW, scale, VW, last);
        return;
    }
#pragma unroll
    for (uint i = 0; i < MR; i++)
#pragma unroll
        for (uint j = 0; j < NRV; j++)
            if (j < vectors)
                copy[i][j] = sum[i][j];
#pragma unroll 1
    for (uint i = 0; i < rows; i++)
#pragma unroll 1
        for (uint j = 0; j < vectors; j++)
            store_part(copy[i][j], c + i * c_pitch + j * VW, bias + j * VW, residual + i * r_pitch + j * VW, scale,
                       whole ? VW : columns - j * VW, last);
}

// Index space (blocks of rows, blocks of columns, batch * splits), one work-item a group. z = batch * splits + split; batch = outer *
// inner_batch + inner, and each matrix has a stride for outer and one for inner. With splits > 1 a group takes `chunk` steps of k and
// writes its own plain product at c + split * c_split; otherwise chunk >= depth. Reads A once a block of columns and B once a block of
// rows, writes C once a slab (and so must not share memory with the residual when there are several).
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm_wide(const uint rows, const uint columns, const uint depth, const uint inner_batch, const uint splits, const uint chunk,
               const __global float *restrict a, const uint a_offset, const uint a_skip, const uint a_pitch,
               const uint a_outer, const uint a_inner,
               const __global float *restrict b, const uint b_offset, const uint b_skip, const uint b_pitch,
               const uint b_outer, const uint b_inner,
               __global float *c, const uint c_offset, const uint c_skip, const uint c_pitch,
               const uint c_outer, const uint c_inner, const uint c_split,
               const __global float *residual, const uint r_offset, const uint r_skip, const uint r_pitch,
               const uint r_outer, const uint r_inner,
               const __global float *bias, const uint bias_offset, const float scale, const uint row_block, const uint column_block,
               const uint slab SEGMENT_ARGUMENT PROLOGUE_ARGUMENTS)
{
#if !IN_PLACE
    __local float packed[PANEL] __attribute__((aligned(64)));
#endif
#if COPY_A
    float strip[TRANSPOSE_A ? STRIP * MR : MR * (STRIP + LINE)] __attribute__((aligned(64)));
#endif
    const uint z = get_group_id(2), split = z % splits, outer = z / splits / inner_batch, inner = z / splits % inner_batch;
    const uint row0 = get_group_id(0) * row_block, column0 = get_group_id(1) * column_block;
    const uint block_rows = min(row_block, rows - row0), block_columns = min(column_block, columns - column0);
    const uint begin_k = split * chunk, end_k = min(depth, begin_k + chunk);
    a += (size_t)a_offset + a_skip + (size_t)outer * a_outer + (size_t)inner * a_inner + (size_t)row0 * (TRANSPOSE_A ? 1u : a_pitch);
    b += (size_t)b_offset + b_skip + (size_t)outer * b_outer + (size_t)inner * b_inner + (size_t)column0 * (TRANSPOSE_B ? b_pitch : 1u);
    c += (size_t)c_offset + c_skip + (size_t)outer * c_outer + (size_t)inner * c_inner + (size_t)split * c_split;
    c += (size_t)row0 * c_pitch + column0;
    residual += (size_t)r_offset + r_skip + (size_t)outer * r_outer + (size_t)inner * r_inner + (size_t)row0 * r_pitch + column0;
    bias += (size_t)bias_offset + column0;
    const uint panels = (block_columns + NR - 1) / NR;

    for (uint k0 = begin_k; k0 < end_k; k0 += slab) {
        const uint count = min(slab, end_k - k0);
        const bool first = k0 == begin_k, last = k0 + count == end_k;
#if !IN_PLACE
        for (uint done = 0, part; done < count; done += part) {
            part = count - done;
#if SEGMENTS
            part = min(part, segment - (k0 + done) % segment);
#endif
            for (uint j = 0; j < block_columns; j += NR)
                pack(packed + (size_t)j * count + done * NR,
                     b + FROM(k0 + done, TRANSPOSE_B ? 1u : b_pitch, b_outer) + (size_t)j * (TRANSPOSE_B ? b_pitch : 1u), b_pitch, part,
                     min((uint)NR, block_columns - j));
        }
#endif
        for (uint i = 0; i < block_rows; i += MR) {
            const uint n = min((uint)MR, block_rows - i);
            const __global float *ai = a + FROM(k0, TRANSPOSE_A ? a_pitch : 1u, a_outer) + (size_t)i * (TRANSPOSE_A ? 1u : a_pitch);
#if COPY_A
            const size_t strip_pitch = STRIP_PITCH;
            copy_strip(strip, ai, a_pitch, n, count STRIP_NORM(TRANSPOSE_A ? k0 : row0 + i, TRANSPOSE_A ? row0 + i : k0));
#else
            const __global float *strip = ai;
            const size_t strip_pitch = a_pitch;
#endif
            for (uint j = 0; j < block_columns; j += NR) {
                const uint m = min((uint)NR, block_columns - j);
                struct ahead ahead;
                look_ahead(&ahead, i / MR, j / NR, panels, ai, a_pitch, b + (size_t)k0 * b_pitch, b_pitch, block_columns, count);
#if SEGMENTS
                ahead.left = segment - k0 % segment;
                ahead.segment = segment;
                ahead.jump = a_outer - (size_t)segment * (TRANSPOSE_A ? a_pitch : 1u);
#endif
                __global float *cij = c + (size_t)i * c_pitch + j;
                const __global float *rij = residual + (size_t)i * r_pitch + j;
#if IN_PLACE
                const size_t step = b_pitch;
                const __global float *bj = b + (size_t)k0 * b_pitch + j;
#else
                const size_t step = NR;
                const __local float *bj = packed + (size_t)j * count;
#endif
                if (n == MR && m == NR) {
                    tile(true, NRV, MR, NR, strip, strip_pitch, bj, step, count, cij, c_pitch, bias + j, rij, r_pitch, scale, first, last,
                         ahead);
                    continue;
                }
                for (uint v = 0; v < m; v += VW) {
                    const SLAB_SPACE float *bv = bj + v;
                    const __global float *rv = rij + v, *bias_v = bias + j + v;
                    const uint width = min((uint)VW, m - v);
                    if (n == MR && width == VW)
                        tile(true, 1, MR, VW, strip, strip_pitch, bv, step, count, cij + v, c_pitch, bias_v, rv, r_pitch, scale, first,
                             last, ahead);
                    else
                        tile(false, 1, n, width, strip, strip_pitch, bv, step, count, cij + v, c_pitch, bias_v, rv, r_pitch, scale, first,
                             last, ahead);
                }
            }
        }
    }
}
