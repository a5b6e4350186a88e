/* Which form of kernels is right and faster on a device: one question, asked before anything else.
 *
 * The usual form goes first and is taken unless the other one is clearly faster: nearly all results change their last bits with the
 * form, so noise must not decide, and a result holds for as long as the file does. */
#include "ops/form.h"

#include "base/status.h"
#include "ops/tune.h"
#include "runtime/runtime.h"

#define MARGIN 1.5 /* the other form must be this much faster */

struct subject {
    clmix_kernel_form forms[2];
};

/* A form that does not compile, or asks for more than the device has, is not one for it; but if the usual one lacks memory now it says
 * nothing. */
static double seconds_of_failure(clmix_status status, int way)
{
    return status == CLMIX_ERROR_DEVICE_MEMORY && way == 0 ? CLMIX_TUNE_FAILED : CLMIX_TUNE_WRONG;
}

static clmix_status measure_form(clmix_device *device, int way, double enough, const void *data, double *seconds)
{
    const struct subject *subject = data;
    const clmix_kernel_form before = device->info.form;
    clmix_status status = CLMIX_OK;
    double total = 0.0;
    bool right = true;

    device->info.form = subject->forms[way];
    for (int probe = 0; probe < CLMIX_FORM_PROBES && status == CLMIX_OK && right && total < enough; probe++) {
        double taken = 0.0;

        status = clmix_form_probe(device, probe, &right, &taken);
        total += taken;
    }
    device->info.form = before;
    *seconds = status != CLMIX_OK ? seconds_of_failure(status, way) : right ? total : CLMIX_TUNE_WRONG;
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

/* A GPU of scalar processors with a small local memory has no use for one work-item with wide vectors, and trying might take long; and
 * some drivers end the process over a wide kernel, or compile simt kernels wrongly. */
static bool other_is_worth_trying(const clmix_device_info *info)
{
    const bool scalar = (info->type & CL_DEVICE_TYPE_GPU) != 0 && info->vector_width <= 1 && info->local_bytes < (size_t)64 << 10;

    return !clmix_device_one_form(info) && (info->form == CLMIX_WIDE || !scalar);
}

clmix_status clmix_form_settle(clmix_device *device)
{
    const clmix_kernel_form usual = device->info.form;
    const struct subject subject = { { usual, usual == CLMIX_WIDE ? CLMIX_SIMT : CLMIX_WIDE } };
    const char *const ways[] = { clmix_form_name(subject.forms[0]), clmix_form_name(subject.forms[1]) };
    const struct clmix_tune_question question = { .key = CLMIX_FORM_KEY,
                                                  .ways = ways,
                                                  .count = other_is_worth_trying(&device->info) ? 2 : 1,
                                                  .margin = MARGIN,
                                                  .measure = measure_form,
                                                  .data = &subject };
    clmix_status status;
    int way;

    if (device->form_asked || !clmix_tuning_used(device))
        return CLMIX_OK;
    device->form_asked = true; /* the probes are plans too */
    status = clmix_tune_choose(device, &question, &way);
    if (status != CLMIX_OK) {
        device->form_asked = false;
        return status;
    }
    device->info.form = subject.forms[way];
    return clmix_device_recall_form(device);
}
