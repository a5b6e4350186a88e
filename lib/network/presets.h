/* Presets: the rows of the papers' tables, models/presets/<paper>.json, inside the library. */
#ifndef CLMIX_NETWORK_PRESETS_H
#define CLMIX_NETWORK_PRESETS_H

#include "runtime/embedded.h"

#include <cjson/cJSON.h>
#include <clmix/status.h>
#include <stdbool.h>

/* Generated at build time from the JSON files, like the table of kernels. */
extern const struct clmix_embedded clmix_presets_files[];
extern const size_t clmix_presets_count;
extern const char *const clmix_presets_rows[]; /* names of all rows, NULL at the end */

/* The configuration of a preset, which the caller deletes: its row over those that it is "like", without "table" and "paper". *config is NULL with
 * CLMIX_OK where there is none of that name. Fails with HOST_MEMORY, and with INTERNAL where a row is like one that is not there. */
clmix_status clmix_preset_config(cJSON **config, const char *name);

/* The files, a paper each ("wavemix.json"); NULL beyond the last. */
const char *clmix_paper_name(size_t index);
/* What the paper prints of a preset: its row's own key "paper", which rows that are like it do not take over. An object, for the caller to delete, with
 *     "parameters"  by its counting rule: a number, or a text such as "0.57 M" where it prints fewer digits
 *     "mb"          its estimated total size
 *     "gpu_gb"      of memory on the device, that it says training takes
 *     "note"        why ours are not the figures
 * as far as it prints them, and "table". *file is the file's index. Fails with HOST_MEMORY, and with ARGUMENT where there is no such preset. */
clmix_status clmix_preset_printed(cJSON **printed, size_t *file, const char *name);
/* Whether a figure that a paper prints, of which the last digit may be cut off or rounded, is `value`. */
bool clmix_paper_agrees(const cJSON *figure, double value);

#endif
