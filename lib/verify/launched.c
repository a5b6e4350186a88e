/* Which ops of the library a case had launched, from the device's profile: what an absorbing op or a view does launches nothing of its own. */
#include "base/array.h"
#include "base/status.h"
#include "ops/table.h"
#include "runtime/runtime.h"
#include "verify/case.h"
#include "verify/embedded.h"
#include <string.h>

/* A launch's label is the path of the op, if it has one, a space and the op's name. */
static const char *op_of(const clmix_timing *timing)
{
    const char *space = strrchr(timing->label, ' '), *name = space != NULL ? space + 1 : timing->label;

    for (size_t i = 0; clmix_ops[i] != NULL; i++)
        if (strcmp(clmix_ops[i]->name, name) == 0)
            return clmix_ops[i]->name;
    return NULL; /* the optimizer's, or a probe's */
}

clmix_status clmix_case_list_launched(struct clmix_case_report *report, const clmix_timing *timings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *op = op_of(&timings[i]);
        bool known = op == NULL;

        for (size_t k = 0; !known && k < report->op_count; k++)
            known = report->ops[k] == op;
        if (!known && !CLMIX_PUSH(report->ops, report->op_count, report->op_capacity, op))
            return clmix_fail_memory("the report");
    }
    return CLMIX_OK;
}

const char *clmix_verify_form(const clmix_device *device)
{
    return clmix_form_name(clmix_device_describe(device)->form);
}

const char *clmix_verify_form_quirk(const clmix_device *device)
{
    return clmix_device_form_quirk(clmix_device_describe(device));
}
