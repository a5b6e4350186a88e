/* What the cases of a driver come to: which ops are wrong in which form of the kernels, and what clmix does about it. */
#ifndef CLMIX_TOOLS_VERIFY_VERDICT_H
#define CLMIX_TOOLS_VERIFY_VERDICT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* From what worker.h says of the device and of every case, in each form one after another; the first is the form that clmix takes by itself, unless
 * `forced`. A case that ended its process has "end", how, instead of tensors. Gives, for cJSON_Delete,
 *     {"right": whether the form that clmix takes, or the forced one, is,
 *      "verdict": a sentence,
 *      "forms": [{"form","cases","ops","failed",
 *                 "wrong": [{"op","how","cases"}]}]}   how: "wrong", "failed" with an error, "ended" the process
 * NULL when out of memory. */
cJSON *verdict_of(const cJSON *device, const cJSON *cases, bool forced);

#endif
