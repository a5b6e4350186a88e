/* Presets: the JSON files of this folder, inside the library. */
#ifndef CLMIX_MODELS_PRESETS_H
#define CLMIX_MODELS_PRESETS_H

#include "runtime/embedded.h"

/* Generated at build time from this folder's JSON files, like the table of kernels. */
extern const struct clmix_embedded clmix_presets_files[];
extern const size_t clmix_presets_count;

/* The JSON text of a preset, or NULL when there is none of that name. */
const struct clmix_embedded *clmix_preset_find(const char *name);

#endif
