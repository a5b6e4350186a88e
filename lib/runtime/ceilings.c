/* What a device can do at most. Every measurement starts small and grows until it is long enough to be believed, so that an interpreter that is two
 * thousand times slower than a processor takes as long as a processor. */
#include "base/status.h"
#include "runtime/internal.h"

#include <stdio.h>
#include <string.h>

#define LONG_ENOUGH      0.03 /* seconds a run must take to be believed */
#define REPEATS          6    /* of which the best counts */
#define SHORT_BUDGET     0.25 /* seconds that one ceiling may take, roughly */
#define COPY_LEAST_BYTES ((size_t)64 << 10)
#define COPY_MOST_BYTES  ((size_t)256 << 20)
#define GROUPS_PER_UNIT  16 /* work-groups of the multiply-add kernel */
#define MOST_GROUP       64 /* work-items, see clmix_runtime_options */
#define WIDE_CHAINS      24 /* multiply-add chains in a work-item */
#define SIMT_CHAINS      8

/* Seconds from the launch to the end of `times` launches of one kernel, or negative with *status set. */
static double run(clmix_device *device, const struct clmix_launch *launch, unsigned times, bool wait_each, clmix_status *status)
{
    double start = clmix_seconds();

    for (unsigned i = 0; i < times && *status == CLMIX_OK; i++) {
        *status = clmix_launch_now(device, launch, NULL);
        if (*status == CLMIX_OK && wait_each)
            *status = clmix_device_wait(device);
    }
    if (*status == CLMIX_OK)
        *status = clmix_device_wait(device);
    return clmix_seconds() - start;
}

static double best_of(clmix_device *device, const struct clmix_launch *launch, clmix_status *status)
{
    double best = run(device, launch, 1, false, status), total = best;

    for (int i = 1; i < REPEATS && total < SHORT_BUDGET && *status == CLMIX_OK; i++) {
        double seconds = run(device, launch, 1, false, status);

        total += seconds;
        best = seconds < best ? seconds : best;
    }
    return best;
}

static int chains_of(const clmix_device_info *info)
{
    return info->form == CLMIX_WIDE ? WIDE_CHAINS : SIMT_CHAINS;
}

static clmix_status make_launch(clmix_device *device, const char *name, struct clmix_launch *launch)
{
    char options[64];
    size_t used;

    memset(launch, 0, sizeof *launch);
    launch->dimensions = 1;
    launch->local[0] = clmix_runtime_options(&device->info, options, sizeof options);
    used = strlen(options);
    snprintf(options + used, sizeof options - used, " -DCHAINS=%d", chains_of(&device->info));
    launch->label = "ceilings";
    launch->name = name;
    return clmix_kernel_create(device, "ceilings.cl", name, options, &launch->kernel);
}

static clmix_status set_argument(clmix_device *device, const struct clmix_launch *launch, cl_uint index, size_t bytes, const void *value)
{
    cl_int code = clSetKernelArg(launch->kernel, index, bytes, value);

    return code == CL_SUCCESS ? CLMIX_OK : clmix_fail_cl(device, code, "argument %u of '%s'", index, launch->name);
}

/* --- multiply-add ------------------------------------------------------------------------------------------------------------------- */

static clmix_status measure_fma(clmix_device *device, struct clmix_launch *launch, cl_mem memory, double *gflops)
{
    const cl_float factor = 0.5f, addend = 1.0f; /* converges: no infinities, no denormals */
    double per_round, seconds = 0;
    clmix_status status = CLMIX_OK;
    cl_uint rounds = 16;

    launch->global[0] = launch->local[0] * GROUPS_PER_UNIT * device->info.compute_units;
    per_round = 2.0 * chains_of(&device->info) * clmix_vector_width(&device->info) * (double)launch->global[0];
    CLMIX_TRY(set_argument(device, launch, 0, sizeof memory, &memory));
    CLMIX_TRY(set_argument(device, launch, 2, sizeof factor, &factor));
    CLMIX_TRY(set_argument(device, launch, 3, sizeof addend, &addend));
    CLMIX_TRY(set_argument(device, launch, 1, sizeof rounds, &rounds));
    (void)run(device, launch, 1, false, &status); /* drivers compile at the first launch */
    for (; status == CLMIX_OK; rounds *= 4) {
        CLMIX_TRY(set_argument(device, launch, 1, sizeof rounds, &rounds));
        seconds = run(device, launch, 1, false, &status);
        if (seconds >= LONG_ENOUGH || rounds > UINT32_MAX / 8)
            break;
    }
    if (status == CLMIX_OK)
        seconds = best_of(device, launch, &status);
    *gflops = 1e-9 * per_round * rounds / seconds;
    return status;
}

static clmix_status fma_ceiling(clmix_device *device, double *gflops)
{
    struct clmix_launch launch;
    cl_mem memory = NULL;
    size_t bytes = (size_t)device->info.compute_units * GROUPS_PER_UNIT * MOST_GROUP * 16 * sizeof(float);
    clmix_status status = clmix_buffer_create(device, bytes, "the multiply-add ceiling", &memory);

    if (status == CLMIX_OK)
        status = make_launch(device, "multiply_add", &launch);
    if (status == CLMIX_OK) {
        status = measure_fma(device, &launch, memory, gflops);
        clmix_launch_clear(&launch);
    }
    clmix_buffer_release(device, memory);
    return status;
}

/* --- copy --------------------------------------------------------------------------------------------------------------------------- */

/* Bandwidth at one size; *seconds is what one copy took. */
static clmix_status measure_copy(clmix_device *device, struct clmix_launch *launch, size_t bytes, double *gbs, double *seconds)
{
    cl_mem from = NULL, to = NULL;
    cl_uint count = (cl_uint)(bytes / sizeof(float)), chunk = device->info.form == CLMIX_WIDE ? count / 64 : 1024;
    clmix_status status = clmix_buffer_create(device, bytes, "the copy ceiling", &from);

    launch->global[0] = count / chunk * launch->local[0];
    if (status == CLMIX_OK)
        status = clmix_buffer_create(device, bytes, "the copy ceiling", &to);
    if (status == CLMIX_OK)
        status = set_argument(device, launch, 0, sizeof from, &from);
    if (status == CLMIX_OK)
        status = set_argument(device, launch, 1, sizeof to, &to);
    if (status == CLMIX_OK)
        status = set_argument(device, launch, 2, sizeof count, &count);
    if (status == CLMIX_OK)
        status = set_argument(device, launch, 3, sizeof chunk, &chunk);
    if (status == CLMIX_OK) {
        (void)run(device, launch, 1, false, &status);
        *seconds = best_of(device, launch, &status);
    }
    if (status == CLMIX_OK)
        *gbs = 2e-9 * (double)bytes / *seconds;
    clmix_buffer_release(device, from);
    clmix_buffer_release(device, to);
    return status;
}

static bool pair_fits(const clmix_device *device, size_t bytes)
{
    return bytes <= device->info.max_allocation_bytes && device->current_bytes + 4 * bytes <= device->info.global_bytes;
}

/* The largest pair of buffers counts that fits and is copied in reasonable time, which is well beyond the caches of any device that is not slow. */
static clmix_status copy_ceiling(clmix_device *device, double *gbs)
{
    struct clmix_launch launch;
    double seconds = 0;
    clmix_status status = make_launch(device, "copy", &launch);

    for (size_t bytes = COPY_LEAST_BYTES; status == CLMIX_OK && bytes <= COPY_MOST_BYTES && pair_fits(device, bytes); bytes *= 4) {
        status = measure_copy(device, &launch, bytes, gbs, &seconds);
        if (status == CLMIX_ERROR_DEVICE_MEMORY && *gbs > 0) {
            status = CLMIX_OK;
            break;
        }
        if (4 * seconds > SHORT_BUDGET)
            break;
    }
    clmix_launch_clear(&launch);
    return status;
}

/* --- launches ----------------------------------------------------------------------------------------------------------------------- */

/* Microseconds a launch: more and more of them until that takes long enough. */
static double launch_time(clmix_device *device, const struct clmix_launch *launch, bool wait_each, clmix_status *status)
{
    double best = 0, seconds = run(device, launch, 1, wait_each, status);
    unsigned times = 8;

    for (; *status == CLMIX_OK; times *= 4) {
        seconds = run(device, launch, times, wait_each, status);
        if (seconds >= LONG_ENOUGH || times > 1u << 20)
            break;
    }
    best = seconds;
    for (int i = 1; i < REPEATS / 2 && *status == CLMIX_OK; i++) {
        seconds = run(device, launch, times, wait_each, status);
        best = seconds < best ? seconds : best;
    }
    return 1e6 * best / times;
}

static clmix_status launch_ceilings(clmix_device *device, clmix_ceilings *ceilings)
{
    struct clmix_launch launch;
    cl_mem memory = NULL;
    clmix_status status = clmix_buffer_create(device, sizeof(float), "the launch ceiling", &memory);

    if (status == CLMIX_OK)
        status = make_launch(device, "touch", &launch);
    if (status == CLMIX_OK) {
        launch.global[0] = launch.local[0] = 1;
        status = set_argument(device, &launch, 0, sizeof memory, &memory);
        if (status == CLMIX_OK) {
            ceilings->launch_us = launch_time(device, &launch, false, &status);
            ceilings->sync_launch_us = launch_time(device, &launch, true, &status);
        }
        clmix_launch_clear(&launch);
    }
    clmix_buffer_release(device, memory);
    return status;
}

clmix_status clmix_device_ceilings(clmix_device *device, clmix_ceilings *ceilings)
{
    CLMIX_NEED(device);
    CLMIX_NEED(ceilings);

    memset(ceilings, 0, sizeof *ceilings);
    CLMIX_TRY(clmix_device_require(device, "measuring ceilings"));
    CLMIX_TRY(fma_ceiling(device, &ceilings->fma_gflops));
    CLMIX_TRY(copy_ceiling(device, &ceilings->copy_gbs));
    return launch_ceilings(device, ceilings);
}
