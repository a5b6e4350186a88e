/* What other libraries keep for a device, such as plans of clFFT, goes when the device does. */
#include "base/status.h"
#include "runtime/internal.h"

#include <stdlib.h>

struct clmix_kept {
    const void *key;
    void *what;
    void (*release)(void *what);
    struct clmix_kept *before;
};

void *clmix_device_kept(const clmix_device *device, const void *key)
{
    for (const struct clmix_kept *kept = device->kept; kept != NULL; kept = kept->before)
        if (kept->key == key)
            return kept->what;
    return NULL;
}

clmix_status clmix_device_keep(clmix_device *device, const void *key, void *what, void (*release)(void *what))
{
    struct clmix_kept *kept = malloc(sizeof *kept);

    if (kept == NULL)
        return clmix_fail_memory("a device");
    *kept = (struct clmix_kept){ .key = key, .what = what, .release = release, .before = device->kept };
    device->kept = kept;
    return CLMIX_OK;
}

void clmix_kept_free(struct clmix_kept *kept)
{
    while (kept != NULL) {
        struct clmix_kept *before = kept->before;

        kept->release(kept->what);
        free(kept);
        kept = before;
    }
}
