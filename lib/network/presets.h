/* Presets: the rows of the papers' tables, models/presets/<paper>.json, inside the library. */
#ifndef CLMIX_NETWORK_PRESETS_H
#define CLMIX_NETWORK_PRESETS_H

#include "runtime/embedded.h"

#include <cjson/cJSON.h>
#include <clmix/status.h>

/* Generated at build time from the JSON files, like the table of kernels. */
extern const struct clmix_embedded clmix_presets_files[];
extern const size_t clmix_presets_count;
extern const char *const clmix_presets_rows[]; /* names of all rows, NULL at the end */

/* The configuration of a preset, which the caller deletes: its row over those that it is "like", without "table". *config is NULL with
 * CLMIX_OK where there is none of that name. Fails with HOST_MEMORY, and with INTERNAL where a row is like one that is not there. */
clmix_status clmix_preset_config(cJSON **config, const char *name);

#endif
