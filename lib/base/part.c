#include "base/part.h"

#include "base/size.h"

static uint64_t weight_of(const uint64_t *weights, size_t index)
{
    return weights == NULL ? 1 : weights[index];
}

struct clmix_part clmix_part_of(const uint64_t *weights, size_t parts, size_t index, size_t batch)
{
    struct clmix_part part = { 0, batch };
    uint64_t whole = 0, before = 0;
    size_t bound = 0; /* where the part begins that is looked at */

    for (size_t i = 0; i < parts; i++)
        whole += weight_of(weights, i);
    for (size_t i = 0; i + 1 < parts; i++) {
        size_t end;

        /* where parts meet within a sample, it goes to the side that has more of it */
        before += weight_of(weights, i);
        end = (size_t)(((uint64_t)batch * before + whole / 2) / whole);
        if (i == index)
            part.first = bound;
        if (batch > 1 && end - bound == 1)
            end = bound;
        if (i == index)
            part.end = end;
        bound = end;
    }
    if (index + 1 == parts)
        part.first = bound;
    if (batch < 2 || batch - bound != 1)
        return part;
    if (part.first == bound) /* the last part would have one sample: it goes to the part before, and those that begin there are empty */
        part.first = batch;
    if (part.end == bound)
        part.end = batch;
    return part;
}

size_t clmix_part_most(size_t parts, size_t index, size_t batch)
{
    size_t most = 0;

    for (size_t i = 1; i <= batch; i++) {
        const struct clmix_part part = clmix_part_of(NULL, parts, index, i);

        most = clmix_larger(most, part.end - part.first);
    }
    return most;
}
