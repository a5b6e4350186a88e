#include "train/guess.h"

#include "base/array.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static clmix_status make_room(struct clmix_label_counts *labels, size_t count)
{
    const size_t before = labels->size;

    if (!clmix_array_reserve((void **)&labels->counts, &labels->size, count, sizeof *labels->counts))
        return clmix_fail_memory("numbers of labels");
    memset(labels->counts + before, 0, (labels->size - before) * sizeof *labels->counts);
    return CLMIX_OK;
}

clmix_status clmix_label_counts_add(struct clmix_label_counts *labels, const int32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] < 0)
            continue;
        if ((size_t)values[i] >= labels->size)
            CLMIX_TRY(make_room(labels, (size_t)values[i] + 1));
        labels->counts[values[i]]++;
        labels->total++;
    }
    return CLMIX_OK;
}

void clmix_label_counts_clear(struct clmix_label_counts *labels)
{
    free(labels->counts);
    *labels = (struct clmix_label_counts){ 0 };
}

double clmix_guess_loss(const struct clmix_label_counts *labels)
{
    double sum = 0.0;

    for (size_t i = 0; i < labels->size; i++)
        if (labels->counts[i] > 0)
            sum += (double)labels->counts[i] * log((double)labels->total / (double)labels->counts[i]);
    return labels->total > 0 ? sum / (double)labels->total : NAN;
}
