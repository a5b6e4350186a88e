/* Presets by name: models/<name>.json, embedded at build time. */
#include "models/presets.h"
#include <clmix/network.h>
#include <string.h>

/* In the papers' order. Each has a file <name>.json beside this one. */
static const char *const names[] = {
    /* WaveMix, tables 1 and 2: CIFAR-10 */
    "wavemix-16",
    "wavemix-32",
    "wavemix-64",
    "wavemix-128",
    /* WaveMix, table 3: three ways to 64x64 pictures of Tiny ImageNet */
    "wavemix-convstride2",
    "wavemix-top4",
    "wavemix-all5",
};

const char *clmix_preset_name(size_t index)
{
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

const struct clmix_embedded *clmix_preset_find(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < clmix_presets_count; i++) {
        const char *file = clmix_presets_files[i].name;
        if (strncmp(file, name, length) == 0 && strcmp(file + length, ".json") == 0)
            return &clmix_presets_files[i];
    }
    return NULL;
}
