// Pictures of bytes to floats of mean 0 and std 1, channel by channel.
#include "common.h"

#ifndef CHANNELS
#define CHANNELS 3    // 1..4
#endif

// y = x * scale[c] + shift[c] with c = element % CHANNELS.  Group g does elements [g * chunk, min(count, (g + 1) * chunk)), chunk a
// multiple of CHANNELS * 64, so that vector k of a run of CHANNELS vectors always meets the channels in the same order.  Reads 1, writes 4
// bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void normalize_pictures(const uint count, const uint chunk,
                                                                                 const __global uchar *x, const uint x_offset,
                                                                                 __global float *y, const uint y_offset, const float scale0,
                                                                                 const float scale1, const float scale2, const float scale3,
                                                                                 const float shift0, const float shift1, const float shift2,
                                                                                 const float shift3)
{
    const float scale[4] = { scale0, scale1, scale2, scale3 }, shift[4] = { shift0, shift1, shift2, shift3 };
    const uint begin = get_group_id(0) * chunk, end = begin + min(chunk, count - begin);
    uint tail = begin;
    x += x_offset;
    y += y_offset;
#if VW > 1
    floatv scales[CHANNELS], shifts[CHANNELS];
    for (uint k = 0; k < CHANNELS; k++) {
        float lane_scale[VW], lane_shift[VW];
        for (uint i = 0; i < VW; i++) {
            lane_scale[i] = scale[(k * VW + i) % CHANNELS];
            lane_shift[i] = shift[(k * VW + i) % CHANNELS];
        }
        scales[k] = CLMIX_JOIN(vload, VW)(0, lane_scale);
        shifts[k] = CLMIX_JOIN(vload, VW)(0, lane_shift);
    }
    tail = begin + (end - begin) / (CHANNELS * VW) * (CHANNELS * VW);
    for (uint i = begin + get_local_id(0) * CHANNELS * VW; i < tail; i += WG * CHANNELS * VW)
        for (uint k = 0; k < CHANNELS; k++) {
            const floatv v = CLMIX_JOIN(convert_float, VW)(CLMIX_JOIN(vload, VW)(0, x + i + k * VW));
            STREAMV(v * scales[k] + shifts[k], y + i + k * VW);
        }
#endif
    for (uint i = tail + get_local_id(0); i < end; i += WG)
        y[i] = convert_float(x[i]) * scale[i % CHANNELS] + shift[i % CHANNELS];
}
