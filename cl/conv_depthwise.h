// Depthwise convolutions: each channel is convolved by itself, to OUT = 1 or 2 outputs. C channels, O = OUT C outputs, of which channel c has
// OUT c .. OUT c + OUT - 1; weights [kh][kw][O]. Vectors run along the channels: of VW channels the OUT VW outputs are `OUT` vectors, the first
// of the lower and the second of the upper half of the channels. Work-items stand as `lanes` vectors of channels times WG / lanes blocks of
// pixels.
#ifndef CLMIX_CONV_DEPTHWISE_H
#define CLMIX_CONV_DEPTHWISE_H

#include "reduce.h"

#ifndef OUT
#define OUT 1    // outputs of a channel: 1, 2
#endif
#ifndef TAPS
#define TAPS 1    // taps of a row that the inner loops take together: the kernel's width, or 1
#endif
#ifndef STRIDE
#define STRIDE 0    // along a row, where it is known: 1, 2
#endif
// Pixels of the map between the windows of outputs side by side, where the kernel's argument is called stride_x.
#if STRIDE > 0
#define APART STRIDE
#else
#define APART stride_x
#endif
#define ACROSS (CLMIX_WIDE ? 4 : 1)    // pixels of a block, side by side: registers of GPUs do not hold more
#define INLINE static inline __attribute__((always_inline))

// The outputs' vector j made of a vector of channels: every channel OUT times.
#if OUT == 1 || VW == 1
#define SPREAD(v, j) (v)
#elif VW == 4
#define SPREAD(v, j) ((j) == 0 ? (v).s0011 : (v).s2233)
#elif VW == 8
#define SPREAD(v, j) ((j) == 0 ? (v).s00112233 : (v).s44556677)
#else
#define SPREAD(v, j) ((j) == 0 ? (v).s0011223344556677 : (v).s8899aabbccddeeff)
#endif

// The first n floats at p; all of a vector where n is known to be no less.
INLINE floatv load_known(const __global float *p, const int n, const bool whole)
{
    return whole ? LOADV(p) : load_lanes(p, (uint)max(n, 0));
}

// What of a window lies in the map: `rows` x `taps`, with the elements from a row of the map, from a pixel, and from a row and a tap of the weights to
// the next.
struct window {
    int rows, taps, row_step, pitch, weight_row_step, weight_tap_step;
};

// The pixels 0 .. count - 1 of a line as units: those whose windows the map's border cuts, before `first` and from `beyond` on, singly, and
// between them blocks.
struct line {
    int first, blocks, units;
};

static inline struct line make_line(const int count, const int first, const int beyond)
{
    struct line line;
    line.first = clamp(first, 0, count);
    line.blocks = max(0, min(beyond, count) - line.first) / ACROSS;
    line.units = count - line.blocks * (ACROSS - 1);
    return line;
}

static inline bool is_block(const struct line line, const int unit)
{
    return unit >= line.first && unit < line.first + line.blocks;
}

static inline int first_pixel(const struct line line, const int unit)
{
    return unit + min(max(unit - line.first, 0), line.blocks) * (ACROSS - 1);
}

// A row of outputs, by where their windows lie in the map.
static inline struct line line_of_outputs(const int width, const int big_width, const int taps, const int stride, const int padding)
{
    const int within = big_width + padding - taps;    // no window further right lies in the map whole
    return make_line(width, (padding + stride - 1) / stride, within < 0 ? 0 : within / stride + 1);
}

#endif
