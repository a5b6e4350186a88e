#include "train/optimizer.h"

#include "base/array.h"
#include "base/size.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT      16   /* elements: cl/optimizer.cl has no tail loops */
#define SMALLEST_CHUNK 4096 /* elements in a group: below, a launch is all overhead */
#define MOST_GROUPS    256  /* of a range: enough for every device, and few partial sums */

/* ---- making ----------------------------------------------------------------------------------------------------------------------- */

/* The largest power of two up to 64 that the device takes; one work-item in the wide form. */
static size_t choose_work_group(const clmix_device_info *info)
{
    size_t items = 64;

    if (info->form == CLMIX_WIDE)
        return 1;
    while (items > 1 && items > info->max_work_group)
        items /= 2;
    return items;
}

static struct clmix_share share_range(struct clmix_range range, size_t work_group, size_t partial)
{
    const size_t unit = ALIGNMENT * work_group;
    struct clmix_share share = { .range = range, .partial = partial };

    share.chunk = (range.count + MOST_GROUPS - 1) / MOST_GROUPS;
    if (share.chunk < SMALLEST_CHUNK)
        share.chunk = SMALLEST_CHUNK;
    share.chunk = (share.chunk + unit - 1) / unit * unit;
    share.groups = (range.count + share.chunk - 1) / share.chunk;
    return share;
}

static int count_moments(const clmix_train_options *options)
{
    if (options->optimizer == CLMIX_SGD)
        return options->momentum != 0.0f ? 1 : 0;
    return 2;
}

clmix_status clmix_optimizer_new(struct clmix_optimizer **optimizer, clmix_device *device, const clmix_train_options *options,
                                 const struct clmix_range *ranges, size_t range_count, size_t weight_count)
{
    struct clmix_optimizer *made = calloc(1, sizeof *made);
    clmix_status status;

    *optimizer = NULL;
    if (made != NULL)
        made->shares = calloc(range_count + 1, sizeof *made->shares);
    if (made == NULL || made->shares == NULL) {
        free(made);
        return clmix_fail_memory("the optimizer");
    }
    made->device = device;
    made->options = *options;
    made->weight_count = weight_count;
    made->moment_count = count_moments(options);
    made->work_group = choose_work_group(clmix_device_describe(device));
    for (size_t i = 0; i < range_count; i++) {
        if (ranges[i].begin % ALIGNMENT != 0 || ranges[i].count % ALIGNMENT != 0 || ranges[i].begin + ranges[i].count > weight_count) {
            clmix_optimizer_free(made);
            return clmix_fail(CLMIX_ERROR_INTERNAL, "parameters %zu..%zu of %zu do not begin and end at multiples of %d", ranges[i].begin,
                              ranges[i].begin + ranges[i].count, weight_count, ALIGNMENT);
        }
        made->shares[made->share_count++] = share_range(ranges[i], made->work_group, made->partial_count);
        made->partial_count += made->shares[i].groups;
    }
    made->beta1 = (double)options->beta1;
    status = clmix_optimizer_exempt(made, NULL, 0);
    if (status != CLMIX_OK) {
        clmix_optimizer_free(made);
        return status;
    }
    *optimizer = made;
    return CLMIX_OK;
}

/* How far elements from `at` on have or have no decay alike, to `end` at most. */
static size_t find_change(const struct clmix_range *ranges, size_t count, size_t at, size_t end, bool *decay)
{
    *decay = true;
    for (size_t i = 0; i < count; i++) {
        const size_t begin = ranges[i].begin, after = begin + ranges[i].count;

        if (begin <= at && at < after) {
            *decay = false;
            return clmix_smaller(after, end);
        }
        if (begin > at)
            end = clmix_smaller(begin, end);
    }
    return end;
}

clmix_status clmix_optimizer_exempt(struct clmix_optimizer *optimizer, const struct clmix_range *ranges, size_t count)
{
    optimizer->update_count = 0;
    for (size_t i = 0; i < optimizer->share_count; i++) {
        const struct clmix_range *range = &optimizer->shares[i].range;
        const size_t end = range->begin + range->count;

        for (size_t at = range->begin; at < end;) {
            struct clmix_update_share update;
            const size_t next = find_change(ranges, count, at, end, &update.decay);

            update.share = share_range((struct clmix_range){ at, next - at }, optimizer->work_group, 0);
            if (!CLMIX_PUSH(optimizer->updates, optimizer->update_count, optimizer->update_capacity, update))
                return clmix_fail_memory("the optimizer");
            at = next;
        }
    }
    return CLMIX_OK;
}

static void release_kernel(cl_kernel *kernel)
{
    if (*kernel != NULL)
        clReleaseKernel(*kernel);
    *kernel = NULL;
}

static void release_memory(struct clmix_optimizer *optimizer, cl_mem *memory)
{
    clmix_buffer_release(optimizer->device, *memory);
    *memory = NULL;
}

/* Back to what clmix_optimizer_new made. */
static void release(struct clmix_optimizer *optimizer)
{
    release_kernel(&optimizer->square_sums);
    release_kernel(&optimizer->check_step);
    release_kernel(&optimizer->update);
    release_kernel(&optimizer->accumulate);
    release_kernel(&optimizer->average);
    release_memory(optimizer, &optimizer->moments[0]);
    release_memory(optimizer, &optimizer->moments[1]);
    release_memory(optimizer, &optimizer->partials);
    release_memory(optimizer, &optimizer->scalars);
}

void clmix_optimizer_free(struct clmix_optimizer *optimizer)
{
    if (optimizer == NULL)
        return;
    release(optimizer);
    free(optimizer->shares);
    free(optimizer->updates);
    free(optimizer);
}

size_t clmix_optimizer_bytes(const struct clmix_optimizer *optimizer)
{
    return ((size_t)optimizer->moment_count * optimizer->weight_count + optimizer->partial_count + CLMIX_SCALARS) * sizeof(float);
}

static uint64_t share_bytes(const struct clmix_optimizer *optimizer)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < optimizer->share_count; i++)
        bytes += optimizer->shares[i].range.count * sizeof(float);
    return bytes;
}

uint64_t clmix_optimizer_moved_bytes(const struct clmix_optimizer *optimizer)
{
    /* gradients for the norm; then gradients and weights read, weights written; partial sums of the norm written and read */
    return (4 + 2 * (uint64_t)optimizer->moment_count) * share_bytes(optimizer) + 2 * optimizer->partial_count * sizeof(float);
}

uint64_t clmix_optimizer_least_bytes(const struct clmix_optimizer *optimizer)
{
    return (1 + 2 * (uint64_t)optimizer->moment_count) * share_bytes(optimizer);
}

const char *clmix_optimizer_moment_name(const struct clmix_optimizer *optimizer, int index)
{
    if (optimizer->options.optimizer == CLMIX_SGD)
        return "momentum";
    return index == 0 ? "exp_avg" : "exp_avg_sq";
}

static clmix_status allocate(struct clmix_optimizer *optimizer)
{
    const float slate[CLMIX_SCALARS] = { [CLMIX_SCALAR_GOOD] = 1.0f };
    const size_t arena_bytes = optimizer->weight_count * sizeof(float);

    for (int i = 0; i < optimizer->moment_count; i++) {
        CLMIX_TRY(clmix_buffer_create(optimizer->device, arena_bytes, "the optimizer's moments", &optimizer->moments[i]));
        CLMIX_TRY(clmix_buffer_zero(optimizer->device, optimizer->moments[i], 0, arena_bytes));
    }
    CLMIX_TRY(clmix_buffer_create(optimizer->device, optimizer->partial_count * sizeof(float), "partial sums of the gradients' norm",
                                  &optimizer->partials));
    CLMIX_TRY(clmix_buffer_create(optimizer->device, sizeof slate, "the loss", &optimizer->scalars));
    return clmix_buffer_write(optimizer->device, optimizer->scalars, 0, slate, sizeof slate);
}

static clmix_status build(struct clmix_optimizer *optimizer)
{
    const char *update = optimizer->options.optimizer != CLMIX_SGD ? "adam" : optimizer->moment_count > 0 ? "momentum_descent" : "descent";
    char options[32];

    snprintf(options, sizeof options, "-DWG=%zu", optimizer->work_group);
    CLMIX_TRY(clmix_kernel_create(optimizer->device, "optimizer.cl", "square_sums", options, &optimizer->square_sums));
    CLMIX_TRY(clmix_kernel_create(optimizer->device, "optimizer.cl", "check_step", options, &optimizer->check_step));
    CLMIX_TRY(clmix_kernel_create(optimizer->device, "optimizer.cl", "accumulate", options, &optimizer->accumulate));
    CLMIX_TRY(clmix_kernel_create(optimizer->device, "optimizer.cl", "average", options, &optimizer->average));
    return clmix_kernel_create(optimizer->device, "optimizer.cl", update, options, &optimizer->update);
}

clmix_status clmix_optimizer_prepare(struct clmix_optimizer *optimizer)
{
    clmix_status status;

    if (optimizer->scalars != NULL)
        return CLMIX_OK;
    status = build(optimizer);
    if (status == CLMIX_OK)
        status = allocate(optimizer);
    if (status != CLMIX_OK)
        release(optimizer); /* it may be tried again */
    return status;
}

/* ---- launching -------------------------------------------------------------------------------------------------------------------- */

/* Kernel arguments in order; the first error sticks. */
struct arguments {
    cl_kernel kernel;
    cl_uint next;
    cl_int code;
};

static void push(struct arguments *arguments, const void *value, size_t bytes)
{
    cl_int code = clSetKernelArg(arguments->kernel, arguments->next++, bytes, value);

    if (arguments->code == CL_SUCCESS)
        arguments->code = code;
}

static void push_memory(struct arguments *arguments, cl_mem memory)
{
    push(arguments, &memory, sizeof memory);
}

static void push_uint(struct arguments *arguments, size_t value)
{
    cl_uint word = (cl_uint)value;

    push(arguments, &word, sizeof word);
}

static void push_float(struct arguments *arguments, double value)
{
    cl_float word = (cl_float)value;

    push(arguments, &word, sizeof word);
}

static void push_share(struct arguments *arguments, const struct clmix_share *share)
{
    push_uint(arguments, share->range.begin);
    push_uint(arguments, share->range.count);
    push_uint(arguments, share->chunk);
}

/* `bytes` is what the kernel moves for each element, for profiles. */
static clmix_status enqueue(struct clmix_optimizer *optimizer, const struct arguments *arguments, const char *name, size_t groups,
                            size_t elements, size_t bytes)
{
    struct clmix_launch launch = {
        .kernel = arguments->kernel,
        .dimensions = 1,
        .global = { groups * optimizer->work_group, 1, 1 },
        .local = { optimizer->work_group, 1, 1 },
        .label = "optimizer",
        .name = name,
        .bytes = (uint64_t)elements * bytes,
    };

    if (arguments->code != CL_SUCCESS)
        return clmix_fail_cl(optimizer->device, arguments->code, "setting the arguments of %s", name);
    return clmix_launch_enqueue(optimizer->device, &launch);
}

clmix_status clmix_optimizer_accumulate(struct clmix_optimizer *optimizer, cl_mem sums, cl_mem gradients, bool fresh)
{
    for (size_t i = 0; i < optimizer->share_count; i++) {
        const struct clmix_share *share = &optimizer->shares[i];
        struct arguments arguments = { .kernel = optimizer->accumulate };

        push_memory(&arguments, sums);
        push_memory(&arguments, gradients);
        push_memory(&arguments, optimizer->scalars);
        push_share(&arguments, share);
        push_uint(&arguments, fresh);
        CLMIX_TRY(enqueue(optimizer, &arguments, "accumulate", share->groups, share->range.count, fresh ? 8 : 12));
    }
    return CLMIX_OK;
}

clmix_status clmix_optimizer_average(struct clmix_optimizer *optimizer, cl_mem averages, cl_mem values, size_t count, double decay)
{
    const struct clmix_share share = share_range((struct clmix_range){ 0, count }, optimizer->work_group, 0);
    struct arguments arguments = { .kernel = optimizer->average };

    push_memory(&arguments, averages);
    push_memory(&arguments, values);
    push_memory(&arguments, optimizer->scalars);
    push_share(&arguments, &share);
    push_float(&arguments, 1.0 - decay);
    return enqueue(optimizer, &arguments, "average", share.groups, count, 12);
}

/* Norm of the gradients, and with it the factor and the verdict on the slate. */
static clmix_status measure(struct clmix_optimizer *optimizer, cl_mem gradients, float summed)
{
    struct arguments check_step = { .kernel = optimizer->check_step };

    for (size_t i = 0; i < optimizer->share_count; i++) {
        const struct clmix_share *share = &optimizer->shares[i];
        struct arguments arguments = { .kernel = optimizer->square_sums };

        push_memory(&arguments, gradients);
        push_memory(&arguments, optimizer->partials);
        push_share(&arguments, share);
        push_uint(&arguments, share->partial);
        CLMIX_TRY(enqueue(optimizer, &arguments, "square_sums", share->groups, share->range.count, 4));
    }
    push_memory(&check_step, optimizer->partials);
    push_memory(&check_step, optimizer->scalars);
    push_uint(&check_step, optimizer->partial_count);
    push_float(&check_step, summed);
    push_float(&check_step, optimizer->options.clip_norm);
    return enqueue(optimizer, &check_step, "check_step", 1, optimizer->partial_count, 4);
}

/* The step's scalars are formed here in double precision: 1 - beta^t loses its digits in float. */
static void push_adam(struct arguments *arguments, const struct clmix_optimizer *optimizer, double decay, double rate, size_t step)
{
    const clmix_train_options *options = &optimizer->options;
    const double beta1 = optimizer->beta1, beta2 = (double)options->beta2, time = (double)step + 1.0;
    const bool decoupled = options->optimizer == CLMIX_ADAMW;

    push_float(arguments, decoupled ? 1.0 - rate * decay : 1.0);
    push_float(arguments, decoupled ? 0.0 : decay);
    push_float(arguments, 1.0 - beta1);
    push_float(arguments, 1.0 - beta2);
    push_float(arguments, rate / (1.0 - pow(beta1, time)));
    push_float(arguments, 1.0 / sqrt(1.0 - pow(beta2, time)));
    push_float(arguments, (double)options->epsilon);
}

static clmix_status update_share(struct clmix_optimizer *optimizer, const struct clmix_update_share *update, cl_mem weights,
                                 cl_mem gradients, double rate, size_t step)
{
    const clmix_train_options *options = &optimizer->options;
    const struct clmix_share *share = &update->share;
    const double decay = update->decay ? (double)options->weight_decay : 0.0;
    struct arguments arguments = { .kernel = optimizer->update };
    const char *name = "adam";

    push_memory(&arguments, weights);
    push_memory(&arguments, gradients);
    for (int i = 0; i < optimizer->moment_count; i++)
        push_memory(&arguments, optimizer->moments[i]);
    push_memory(&arguments, optimizer->scalars);
    push_share(&arguments, share);
    if (options->optimizer != CLMIX_SGD) {
        push_adam(&arguments, optimizer, decay, rate, step);
    } else {
        name = optimizer->moment_count > 0 ? "momentum_descent" : "descent";
        push_float(&arguments, decay);
        if (optimizer->moment_count > 0)
            push_float(&arguments, (double)options->momentum);
        push_float(&arguments, rate);
        if (optimizer->moment_count > 0)
            push_uint(&arguments, options->nesterov);
    }
    return enqueue(optimizer, &arguments, name, share->groups, share->range.count, 12 + 8 * (size_t)optimizer->moment_count);
}

clmix_status clmix_optimizer_update(struct clmix_optimizer *optimizer, cl_mem weights, cl_mem gradients, float summed, double rate,
                                    size_t step)
{
    CLMIX_TRY(measure(optimizer, gradients, summed));
    for (size_t i = 0; i < optimizer->update_count; i++)
        CLMIX_TRY(update_share(optimizer, &optimizer->updates[i], weights, gradients, rate, step));
    return CLMIX_OK;
}

clmix_status clmix_optimizer_scalars(struct clmix_optimizer *optimizer, float scalars[CLMIX_SCALARS])
{
    return clmix_buffer_read(optimizer->device, optimizer->scalars, 0, scalars, CLMIX_SCALARS * sizeof(float));
}
