// Weight gradients of convolutions, the wide form: sum over samples and pixels of small[y, x, c] big[y s - p + ky, x s - p + kx, o].
#define LEFT_SPACE  __global
#define RIGHT_SPACE __local
#define LOAD_RIGHT  LOAD_LOCAL
#include "conv_wide_correlate.h"

#ifndef FLOATS
#define FLOATS 4096    // floats of local memory for the rows of `big`
#endif

#define LINE 16    // floats of a cache line, where there is one

// The runs of `run` floats that `pixels` pixels read of each of `taps` rows, `line` floats apart, side by side: a pixel's next run covers
// what a whole vector wrote beyond the end of the one before. Reads and writes up to LANES - 1 floats beyond the last ones.
static inline void join_runs(__local float *to, const __local float *from, const int taps, const int line, const int step, const int run,
                             const int pixels)
{
    for (int x = 0; x < pixels; x++, from += step)
        for (int tap = 0; tap < taps; tap++, to += run)
            for (int j = 0; j < run; j += LANES)
                STORE_LOCAL(LOAD_LOCAL(from + tap * line + j), to + j);
}

// One group: kernel rows get_group_id(0) taps and on, chunk get_group_id(1) of the rows of `small` counted through all samples, `chunk_rows`
// each, taken `rows` at a time: the rows of `big` that these kernel rows meet are copied to local memory, zero-padded and dense. With taps
// = 1 the right operand of a pixel is one run of kw O floats there. With taps = kh, which fills vectors better where kw O is small, its
// runs of all kernel rows are joined. C >= TILE; the last tile of channels overlaps the one before and stores only what that one has not.
// Reads small (pitched) once a group, big (pitched) kh / s times; writes columns (ky kw + kx) O + o, ky < taps, of which those below
// taps kw O mean something, to chunk chunk_step + get_group_id(0) taps_step + c c_step.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_weight(
    __global const float *restrict small, const uint small_at, __global const float *restrict big, const uint big_at,
    __global float *restrict partial, const uint partial_at, const int batch, const int height, const int width, const int channels,
    const int small_pitch, const int big_height, const int big_width, const int outputs, const int big_pitch, const int kernel_height,
    const int kernel_width, const int stride_y, const int stride_x, const int padding_y, const int padding_x, const int chunk_rows,
    const int rows, const int taps, const int chunk_step, const int taps_step, const int c_step)
{
    __local float area[FLOATS + PANEL] __attribute__((aligned(64)));
    small += small_at;
    big += big_at;

    const int ky = get_group_id(0) * taps, chunk = get_group_id(1);
    const int columns = (width - 1) * stride_x + kernel_width, line = columns * outputs, run = kernel_width * outputs;
    const int panels = (taps * run + PANEL - 1) / PANEL;
    const int begin = chunk * chunk_rows, end = min(begin + chunk_rows, batch * height);
    const int right_pitch = taps > 1 ? taps * run : stride_x * outputs, right_line = taps > 1 ? width * right_pitch : line;
    __local float *right = taps > 1 ? area + taps * line : area;
    partial += partial_at + chunk * chunk_step + get_group_id(0) * taps_step;

    // A strip of some of a pixel's lines is many short streams, which no hardware prefetcher follows: tiles ask for the lines of the next
    // rows, those that meet the same lines in turn.
    const bool asking = channels > LINE;
    const int sharing = max(1, LINE / TILE), every = sharing * panels;

    for (int j = 0; j < PANEL; j++)    // the last vector of the last run reads on
        right[rows * right_line + j] = 0.0f;
    for (int r0 = begin; r0 < end; r0 += rows) {
        const int count = min(rows, end - r0);
        for (int r = 0; r < count; r++) {
            const int sample = (r0 + r) / height, y = (r0 + r) % height;
            __local float *strip = taps > 1 ? area : area + r * line;
            for (int tap = 0; tap < taps; tap++)
                copy_row(strip + tap * line, big + sample * big_height * big_width * big_pitch, y * stride_y - padding_y + ky + tap,
                         -padding_x, columns, big_height, big_width, outputs, big_pitch);
            if (taps > 1)
                join_runs(right + r * right_line, area, taps, line, stride_x * outputs, run, width);
        }
        for (int c = 0; c < channels; c += TILE) {
            const int c0 = min(c, channels - TILE);
            for (int panel = 0; panel < panels; panel++) {
                __global float *to = partial + c0 * c_step + panel * PANEL;
                const __global float *left = small + r0 * width * small_pitch + c0, *ahead = left + count * width * small_pitch;
                int next = asking && r0 + count < end ? c / TILE % sharing * panels + panel : count * width;    // pixel to ask for
                lanes sum[TILE][VECTORS];
#pragma unroll
                for (int i = 0; i < TILE; i++)
#pragma unroll
                    for (int j = 0; j < VECTORS; j++)
                        sum[i][j] = r0 == begin ? (lanes)(0.0f) : LOAD(to + i * c_step + j * LANES);
                for (int r = 0; r < count; r++) {
                    for (; next < (r + 1) * width; next += every)
                        PREFETCH(ahead + next * small_pitch, 0);
                    tile_correlate(sum, left + r * width * small_pitch, small_pitch, right + r * right_line + panel * PANEL, right_pitch,
                                   width);
                }
#pragma unroll
                for (int i = 0; i < TILE; i++)
                    if (c0 + i >= c) {
#pragma unroll
                        for (int j = 0; j < VECTORS; j++)
                            STORE(sum[i][j], to + i * c_step + j * LANES);
                    }
            }
        }
    }
}
