/* What became of a case, as the JSON object that --json prints, and as lines for people, which are made of that object. */
#ifndef CLMIX_TOOLS_VERIFY_REPORT_H
#define CLMIX_TOOLS_VERIFY_REPORT_H

#include "common/cli.h"
#include "verify/case.h"

/* {"case","device","pass","worst","tensors"}, and "error" where the case could not be run to its end; NULL when out of memory. */
cJSON *report_json(const struct clmix_case_report *report, const char *path, const clmix_device *device);

/* A line, and one for each tensor that fails, or for all of them. */
void report_print(const cJSON *report, bool verbose);

/* Its text of a key, or "". */
const char *report_text(const cJSON *object, const char *key);
bool report_passes(const cJSON *report);

#endif
