// The Haar pyramid and its inverse. Geometry, for levels j = 1, 2, ...: maps of h_j = ceil(h_{j-1} / 2) by w_j pixels, h_0 x w_0 the
// map; the band list holds level after level, within a level sample after sample, row after row, each pixel a row of 4 C floats: C
// approximations, then 3 C details.
#include "wavelet.h"

// One level, forward: fine (samples, H, W, C) with `fine_pitch` floats from pixel to pixel -> rows of 4 C floats of the coarse map. An item
// is a coarse pixel and HAAR_LANES of its channels; the groups share the items in equal contiguous chunks. `fine` may be the same buffer as
// `bands` (the approximations of the level before). Reads and writes 16 bytes a coarse pixel and channel.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void haar_forward_level(const uint samples, const uint height, const uint width,
                                                                                 const uint channels, const __global float *fine,
                                                                                 const uint fine_offset, const uint fine_first,
                                                                                 const uint fine_pitch, __global float *bands,
                                                                                 const uint bands_offset, const uint bands_first)
{
    const uint h = (height + 1) / 2, w = (width + 1) / 2, blocks = (channels + HAAR_LANES - 1) / HAAR_LANES;
    const uint items = samples * h * w * blocks, chunk = (items + get_num_groups(0) - 1) / get_num_groups(0);
    const uint begin = min(items, (uint)get_group_id(0) * chunk), end = begin + min(chunk, items - begin);
    for (uint item = begin + get_local_id(0); item < end; item += WG) {
        const uint pixel = item / blocks, c = item % blocks * HAAR_LANES;
        const uint x = pixel % w, row = pixel / w, y = row % h, sample = row / h;
        const __global float *from = fine + fine_offset + fine_first + (ulong)((sample * height + 2 * y) * width + 2 * x) * fine_pitch + c;
        __global float *to = bands + bands_offset + bands_first + (ulong)pixel * 4 * channels;
        haar_forward(from, fine_pitch, width * fine_pitch, 2 * x + 1 < width, 2 * y + 1 < height, to + c, to + channels + 3 * c,
                     min((uint)HAAR_LANES, channels - c));
    }
}

// All levels, for the wide form: one group, that is one work-item, does a tile after the other of [g * chunk, (g + 1) * chunk), so that the
// approximations it reads again are still in its cache. A tile is `side` x `side` pixels of the coarsest map of a sample, and of finer maps
// the pixels that belong to them: rows TILE_BEGIN(ty) .. TILE_END(ty, h) - 1, columns likewise, of a level's map.
#define TILE_BEGIN(t)    (((t)*side) << (levels - level))
#define TILE_END(t, all) min((all), (((t) + 1) * side) << (levels - level))

// Forward.  Reads the map once, writes the band list once.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void haar_forward_tiles(const uint units, const uint chunk, const uint samples,
                                                                                 const uint height, const uint width, const uint channels,
                                                                                 const uint levels, const uint side, const uint tiles_x,
                                                                                 const uint tiles_y, const __global float *x,
                                                                                 const uint x_offset, const uint x_pitch,
                                                                                 __global float *bands, const uint bands_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, units - begin);
    for (uint unit = begin + get_local_id(0); unit < end; unit += WG) {
        const uint tx = unit % tiles_x, ty = unit / tiles_x % tiles_y, sample = unit / tiles_x / tiles_y;
        const __global float *fine = x + x_offset + (ulong)sample * height * width * x_pitch;
        uint fine_height = height, fine_width = width, pitch = x_pitch;
        ulong base = 0;
        for (uint level = 1; level <= levels; level++) {
            const uint h = (fine_height + 1) / 2, w = (fine_width + 1) / 2;
            __global float *coarse = bands + bands_offset + (base + (ulong)sample * h * w) * 4 * channels;
            for (uint y = TILE_BEGIN(ty); y < TILE_END(ty, h); y++)
                for (uint i = TILE_BEGIN(tx); i < TILE_END(tx, w); i++) {
                    __global float *to = coarse + (ulong)(y * w + i) * 4 * channels;
                    haar_forward(fine + (ulong)(2 * y * fine_width + 2 * i) * pitch, pitch, fine_width * pitch, 2 * i + 1 < fine_width,
                                 2 * y + 1 < fine_height, to, to + channels, channels);
                }
            base += (ulong)samples * h * w;
            fine = coarse;
            fine_height = h;
            fine_width = w;
            pitch = 4 * channels;
        }
    }
}

// One level, backward: coarse approximations and details -> fine (samples, height, width, C), to which `other` is added if has_other. What
// of the blocks lies outside height x width is dropped. Items as in haar_forward_level. Reads 16 (32 with other), writes 16 bytes a coarse
// pixel and channel.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void haar_backward_level(
    const uint samples, const uint height, const uint width, const uint channels, const __global float *low, const uint low_offset,
    const uint low_first, const uint low_pitch, const __global float *high, const uint high_offset, const uint high_first,
    const uint high_pitch, const __global float *other, const uint other_offset, const uint other_first, const uint other_pitch,
    const int has_other, __global float *fine, const uint fine_offset, const uint fine_first)
{
    const uint h = (height + 1) / 2, w = (width + 1) / 2, blocks = (channels + HAAR_LANES - 1) / HAAR_LANES;
    const uint items = samples * h * w * blocks, chunk = (items + get_num_groups(0) - 1) / get_num_groups(0);
    const uint begin = min(items, (uint)get_group_id(0) * chunk), end = begin + min(chunk, items - begin);
    for (uint item = begin + get_local_id(0); item < end; item += WG) {
        const uint pixel = item / blocks, c = item % blocks * HAAR_LANES;
        const uint x = pixel % w, row = pixel / w, y = row % h, sample = row / h;
        const uint block = (sample * height + 2 * y) * width + 2 * x;
        haar_backward(low + low_offset + low_first + (ulong)pixel * low_pitch + c,
                      high + high_offset + high_first + (ulong)pixel * high_pitch + 3 * c, 2 * x + 1 < width, 2 * y + 1 < height,
                      other + other_offset + other_first + (ulong)block * other_pitch + c, other_pitch, width * other_pitch,
                      fine + fine_offset + fine_first + (ulong)block * channels + c, channels, width * channels, has_other, 1,
                      min((uint)HAAR_LANES, channels - c));
    }
}

// The adjoint of all levels, by tiles as above. From the coarsest level on, the gradient of a level's approximations is their own, in the list, plus the adjoint of the next level; it lies in scratch: for odd levels in the sample's
// part of (samples, h_1, w_1, C), for even ones in that of the (samples, h_2, w_2, C) behind it. dx = adjoint, plus `other` if has_other.
// Reads the band list (and other) once, writes dx once; scratch stays in the cache.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void haar_backward_tiles(
    const uint units, const uint chunk, const uint samples, const uint height, const uint width, const uint channels, const uint levels,
    const uint side, const uint tiles_x, const uint tiles_y, const __global float *bands, const uint bands_offset, const __global float *other, const uint other_offset, const int has_other,
    __global float *scratch, const uint scratch_offset, __global float *dx, const uint dx_offset)
{
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, units - begin);
    const ulong pixels1 = (ulong)((height + 1) / 2) * ((width + 1) / 2), pixels2 = (ulong)((height + 3) / 4) * ((width + 3) / 4);
    for (uint unit = begin + get_local_id(0); unit < end; unit += WG) {
        const uint tx = unit % tiles_x, ty = unit / tiles_x % tiles_y, sample = unit / tiles_x / tiles_y;
        const __global float *low = 0;
        uint low_pitch = 4 * channels;
        for (uint level = levels; level > 0; level--) {
            uint fine_height = height, fine_width = width;
            ulong base = 0, fine_base = 0;
            for (uint j = 1; j < level; j++) {
                fine_base = base;
                fine_height = (fine_height + 1) / 2;
                fine_width = (fine_width + 1) / 2;
                base += (ulong)samples * fine_height * fine_width;
            }
            const uint h = (fine_height + 1) / 2, w = (fine_width + 1) / 2;
            const ulong fine_pixels = (ulong)sample * fine_height * fine_width;
            const __global float *coarse = bands + bands_offset + (base + (ulong)sample * h * w) * 4 * channels;
            const __global float *extra = level > 1 ? bands + bands_offset + (fine_base + fine_pixels) * 4 * channels
                                                    : other + other_offset + (has_other ? fine_pixels * channels : 0);
            __global float *fine =
                level > 1 ? scratch + scratch_offset + (level % 2 == 0 ? sample * pixels1 : samples * pixels1 + sample * pixels2) * channels
                          : dx + dx_offset + fine_pixels * channels;
            const uint extra_pitch = level > 1 ? 4 * channels : channels;
            if (level == levels)
                low = coarse;
            for (uint y = TILE_BEGIN(ty); y < TILE_END(ty, h); y++)
                for (uint i = TILE_BEGIN(tx); i < TILE_END(tx, w); i++) {
                    const uint pixel = y * w + i, block = 2 * y * fine_width + 2 * i;
                    haar_backward(low + (ulong)pixel * low_pitch, coarse + (ulong)pixel * 4 * channels + channels, 2 * i + 1 < fine_width,
                                  2 * y + 1 < fine_height, extra + (ulong)block * extra_pitch, extra_pitch, fine_width * extra_pitch,
                                  fine + (ulong)block * channels, channels, fine_width * channels, level > 1 || has_other, level == 1,
                                  channels);
                }
            low = fine;
            low_pitch = channels;
        }
    }
}
