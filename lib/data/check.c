/* A pass over samples that are read when asked for, so that broken ones are found before a run depends on them. */
#include "data/dataset.h"

#include "base/clock.h"
#include "base/status.h"

#include <stdlib.h>

static size_t common_divisor(size_t a, size_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

/* About a golden share of the samples, without a common divisor: multiples of it come to every sample once, and the first of them are spread
 * over all. */
static size_t stride_of(size_t count)
{
    size_t stride = (size_t)((double)count * 0.618) + 1;

    while (common_divisor(count, stride) != 1)
        stride++;
    return stride;
}

static clmix_status check_samples(const clmix_dataset *dataset, clmix_split split, double seconds, void (*found)(void *, const char *),
                                  void *user, void *const *arrays, clmix_data_check *check)
{
    const size_t count = dataset->count[split], stride = stride_of(count);
    const double end = clmix_seconds() + seconds;

    for (size_t at = 0; check->checked < count && clmix_seconds() < end; at = (at + stride) % count) {
        const clmix_status status = dataset->source->get(dataset, split, at, arrays);

        if (status != CLMIX_OK && status != CLMIX_ERROR_FORMAT)
            return status;
        check->checked++;
        if (status == CLMIX_OK)
            continue;
        check->broken++;
        if (found != NULL)
            found(user, clmix_error());
    }
    return CLMIX_OK;
}

clmix_status clmix_dataset_check(const clmix_dataset *dataset, clmix_split split, double seconds, void (*found)(void *, const char *),
                                 void *user, clmix_data_check *check)
{
    void *arrays[CLMIX_PORTS_LIMIT] = { 0 };
    clmix_status status = CLMIX_OK;

    CLMIX_NEED(dataset);
    CLMIX_NEED(check);
    *check = (clmix_data_check){ 0 };
    if (!dataset->on_demand || clmix_dataset_count(dataset, split) == 0)
        return CLMIX_OK;
    for (size_t i = 0; status == CLMIX_OK && i < dataset->ports.count; i++) {
        arrays[i] = malloc(clmix_port_bytes(&dataset->ports.list[i]));
        if (arrays[i] == NULL)
            status = clmix_fail_memory("a sample");
    }
    if (status == CLMIX_OK)
        status = check_samples(dataset, split, seconds, found, user, arrays, check);
    for (size_t i = 0; i < CLMIX_PORTS_LIMIT; i++)
        free(arrays[i]);
    return status;
}
