#include "base/lengths.h"

size_t clmix_length_for(size_t count, size_t longest)
{
    size_t length = CLMIX_LENGTH_STEP;

    while (length < count && length < longest) {
        const size_t middle = length + length / 2;

        length = middle >= count && middle % CLMIX_LENGTH_STEP == 0 ? middle : 2 * length;
    }
    return length < longest ? length : longest;
}
