// Kernels of the runtime itself.
#include "common.h"

// data[offset .. offset + count) = value.  One group: `chunk` consecutive floats, a multiple of WG * VW.  Writes 4 bytes an element.
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void fill(__global float *data, const uint offset, const uint count, const float value, const uint chunk)
{
    const uint first = get_group_id(0) * chunk;
    const uint end = min(count - first, chunk);
    const uint whole = end - end % VW;
    __global float *out = data + offset + first;

    for (uint i = get_local_id(0) * VW; i < whole; i += WG * VW)
        STOREV((floatv)(value), out + i);
    for (uint i = whole + get_local_id(0); i < end; i += WG)
        out[i] = value;
}
