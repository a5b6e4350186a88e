/* Reference cases inside a program: files of test/cases/ that together launch every op of the library, in a table that the build makes as it makes
 * that of the kernels. The library does not have it: it is an object of its own, for those who link it. */
#ifndef CLMIX_VERIFY_EMBEDDED_H
#define CLMIX_VERIFY_EMBEDDED_H

#include "runtime/embedded.h"
#include <clmix/device.h>

extern const struct clmix_embedded clmix_cases_files[]; /* sorted by name: "gelu.safetensors" */
extern const size_t clmix_cases_count;

/* "simt" or "wide", the form of kernels that a device has now; and the quirk that leaves it no other, NULL where it has the choice. */
const char *clmix_verify_form(const clmix_device *device);
const char *clmix_verify_form_quirk(const clmix_device *device);

#endif
