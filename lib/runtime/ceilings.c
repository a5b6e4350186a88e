/* What a device can do at most. Every measurement starts small and grows until it is long enough to be believed, so that an interpreter that is two
 * thousand times slower than a processor takes as long as a processor. */
#include "base/clock.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LONG_ENOUGH      0.03  /* seconds a run must take to be believed */
#define TRIAL            0.005 /* seconds of a run that is one among several kinds */
#define REPEATS          6     /* of which the best counts */
#define SHORT_BUDGET     0.25  /* seconds that one ceiling may take, roughly */
#define COPY_LEAST_BYTES ((size_t)64 << 10)
#define COPY_MOST_BYTES  ((size_t)256 << 20)
#define GROUPS_PER_UNIT  16 /* work-groups of the multiply-add kernel */
#define MOST_GROUP       64 /* work-items, see clmix_runtime_options */
#define MOST_WIDTH       16 /* floats in a vector of it */

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

static double best_of(clmix_device *device, const struct clmix_launch *launch, int repeats, clmix_status *status)
{
    double best = run(device, launch, 1, false, status), total = best;

    for (int i = 1; i < repeats && total < SHORT_BUDGET && *status == CLMIX_OK; i++) {
        double seconds = run(device, launch, 1, false, status);

        total += seconds;
        best = seconds < best ? seconds : best;
    }
    return best;
}

/* How much more of what took `seconds` may be long enough: no more than 16 times, since what is short is mostly overhead. */
static double growth(double seconds, double long_enough)
{
    return fmin(1.1 * long_enough / fmax(seconds, 1e-9), 16);
}

static clmix_status make_launch(clmix_device *device, const char *name, const char *more_options, struct clmix_launch *launch)
{
    char options[96];
    size_t used;

    memset(launch, 0, sizeof *launch);
    launch->dimensions = 1;
    launch->local[0] = clmix_runtime_options(&device->info, options, sizeof options);
    used = strlen(options);
    snprintf(options + used, sizeof options - used, "%s", more_options);
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

/* Loops of `chains` independent multiply-adds of vectors. What a processor does best depends on how many registers of which width its compiler has: too
 * few chains wait for results, too many spill. */
static const struct shape {
    unsigned width, chains;
} wide_shapes[] = { { 16, 24 }, { 16, 12 }, { 8, 12 }, { 4, 24 }, { 4, 12 } }, simt_shapes[] = { { 4, 8 }, { 4, 4 }, { 1, 12 } };

struct loop {
    struct clmix_launch launch; /* no kernel: none yet */
    cl_uint rounds;             /* that took long enough when it was timed last; 0: never */
    double gflop_per_round;
    double gflops; /* the most so far */
};

static clmix_status set_rounds(clmix_device *device, struct loop *loop, cl_uint rounds)
{
    loop->rounds = rounds;
    return set_argument(device, &loop->launch, 1, sizeof rounds, &rounds);
}

static clmix_status time_loop(clmix_device *device, struct loop *loop, double long_enough, int repeats)
{
    clmix_status status = CLMIX_OK;
    double seconds;

    if (loop->rounds == 0) {
        CLMIX_TRY(set_rounds(device, loop, 16));
        run(device, &loop->launch, 1, false, &status); /* drivers compile at the first launch */
    }
    for (;;) {
        seconds = run(device, &loop->launch, 1, false, &status);
        if (status != CLMIX_OK || seconds >= long_enough || loop->rounds > UINT32_MAX / 17)
            break;
        CLMIX_TRY(set_rounds(device, loop, (cl_uint)(loop->rounds * growth(seconds, long_enough)) + 1));
    }
    if (status == CLMIX_OK)
        seconds = best_of(device, &loop->launch, repeats, &status);
    if (status == CLMIX_OK)
        loop->gflops = fmax(loop->gflops, loop->gflop_per_round * loop->rounds / seconds);
    return status;
}

static clmix_status make_loop(clmix_device *device, const struct shape *shape, cl_mem memory, struct loop *loop)
{
    const cl_float factor = 0.5f, addend = 1.0f; /* converges: no infinities, no denormals */
    char options[48];

    snprintf(options, sizeof options, " -DVW=%u -DCHAINS=%u", shape->width, shape->chains);
    memset(loop, 0, sizeof *loop);
    CLMIX_TRY(make_launch(device, "multiply_add", options, &loop->launch));
    loop->launch.global[0] = loop->launch.local[0] * GROUPS_PER_UNIT * device->info.compute_units;
    loop->gflop_per_round = 2e-9 * shape->chains * shape->width * (double)loop->launch.global[0];
    CLMIX_TRY(set_argument(device, &loop->launch, 0, sizeof memory, &memory));
    CLMIX_TRY(set_argument(device, &loop->launch, 2, sizeof factor, &factor));
    return set_argument(device, &loop->launch, 3, sizeof addend, &addend);
}

/* The fastest of the loops. A vector wider than the compiler's is only more chains. One that does not build or run here is none of this device's; what is
 * wrong is told if none does. */
static clmix_status find_loop(clmix_device *device, cl_mem memory, struct loop *fastest)
{
    const bool wide = device->info.form == CLMIX_WIDE;
    const struct shape *shapes = wide ? wide_shapes : simt_shapes;
    const size_t count = wide ? sizeof wide_shapes / sizeof wide_shapes[0] : sizeof simt_shapes / sizeof simt_shapes[0];
    clmix_status status = CLMIX_OK;

    memset(fastest, 0, sizeof *fastest);
    for (size_t i = 0; i < count; i++) {
        struct loop loop;
        clmix_status tried;

        if (wide && shapes[i].width > clmix_vector_width(&device->info))
            continue;
        tried = make_loop(device, &shapes[i], memory, &loop);
        if (tried == CLMIX_OK)
            tried = time_loop(device, &loop, TRIAL, REPEATS);
        if (tried == CLMIX_OK && loop.gflops > fastest->gflops) {
            clmix_launch_clear(&fastest->launch);
            *fastest = loop;
        } else {
            clmix_launch_clear(&loop.launch);
            status = tried == CLMIX_OK ? status : tried;
        }
    }
    return fastest->gflops > 0 ? CLMIX_OK : status;
}

/* --- copy --------------------------------------------------------------------------------------------------------------------------- */

struct pair {
    cl_mem from, to;
    size_t bytes; /* each */
};

static void release_pair(clmix_device *device, struct pair *pair)
{
    clmix_buffer_release(device, pair->from);
    clmix_buffer_release(device, pair->to);
    memset(pair, 0, sizeof *pair);
}

static clmix_status create_pair(clmix_device *device, size_t bytes, struct pair *pair)
{
    clmix_status status;

    memset(pair, 0, sizeof *pair);
    pair->bytes = bytes;
    status = clmix_buffer_create(device, bytes, "the copy ceiling", &pair->from);
    if (status == CLMIX_OK)
        status = clmix_buffer_create(device, bytes, "the copy ceiling", &pair->to);
    return status;
}

/* Seconds of a copy, the best of `repeats` and one before them that does not count, in which the driver compiles and memory is made. */
static clmix_status time_copy(clmix_device *device, struct clmix_launch *launch, const struct pair *pair, int repeats, double *seconds)
{
    const cl_uint count = (cl_uint)(pair->bytes / sizeof(float)), chunk = device->info.form == CLMIX_WIDE ? count / 64 : 1024;
    clmix_status status = CLMIX_OK;

    launch->global[0] = count / chunk * launch->local[0];
    CLMIX_TRY(set_argument(device, launch, 0, sizeof pair->from, &pair->from));
    CLMIX_TRY(set_argument(device, launch, 1, sizeof pair->to, &pair->to));
    CLMIX_TRY(set_argument(device, launch, 2, sizeof count, &count));
    CLMIX_TRY(set_argument(device, launch, 3, sizeof chunk, &chunk));
    run(device, launch, 1, false, &status);
    *seconds = best_of(device, launch, repeats, &status);
    return status;
}

static bool pair_fits(const clmix_device *device, size_t bytes)
{
    return bytes <= device->info.max_allocation_bytes && device->current_bytes + 4 * bytes <= device->info.global_bytes;
}

/* A pair of buffers four times as large as the last as long as it fits and is copied in reasonable time, which is well beyond the caches of any device that
 * is not slow. */
static clmix_status grow_pair(clmix_device *device, struct clmix_launch *launch, struct pair *pair)
{
    double seconds = 0;
    clmix_status status = CLMIX_OK;

    for (size_t bytes = COPY_LEAST_BYTES; bytes <= COPY_MOST_BYTES && 4 * seconds <= SHORT_BUDGET; bytes *= 4) {
        struct pair next;

        if (pair->from != NULL && !pair_fits(device, bytes))
            break;
        status = create_pair(device, bytes, &next);
        if (status == CLMIX_OK)
            status = time_copy(device, launch, &next, 1, &seconds);
        if (status != CLMIX_OK) {
            release_pair(device, &next);
            break;
        }
        release_pair(device, pair);
        *pair = next;
    }
    return status == CLMIX_ERROR_DEVICE_MEMORY && pair->from != NULL ? CLMIX_OK : status;
}

/* The better of the ways that kernels write results larger than the caches: through them or past them (STREAM). */
static clmix_status copy_ceiling(clmix_device *device, double *gbs)
{
    static const char *const ways[] = { " -DSTREAM=0", " -DSTREAM=1" };
    struct pair pair = { NULL, NULL, 0 };
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; i < (device->info.form == CLMIX_WIDE ? 2 : 1) && status == CLMIX_OK; i++) {
        struct clmix_launch launch;
        double seconds = INFINITY;

        status = make_launch(device, "copy", ways[i], &launch);
        if (status == CLMIX_OK && pair.from == NULL)
            status = grow_pair(device, &launch, &pair);
        if (status == CLMIX_OK)
            status = time_copy(device, &launch, &pair, REPEATS, &seconds);
        clmix_launch_clear(&launch);
        *gbs = fmax(*gbs, 2e-9 * (double)pair.bytes / seconds);
    }
    release_pair(device, &pair);
    return status;
}

/* --- launches ----------------------------------------------------------------------------------------------------------------------- */

/* Microseconds a launch: more and more of them until that takes long enough. */
static double launch_time(clmix_device *device, const struct clmix_launch *launch, bool wait_each, clmix_status *status)
{
    double best, seconds;
    unsigned times = 8;

    run(device, launch, 1, wait_each, status);
    for (;;) {
        best = run(device, launch, times, wait_each, status);
        if (*status != CLMIX_OK || best >= LONG_ENOUGH || times > 1u << 20)
            break;
        times = (unsigned)(times * growth(best, LONG_ENOUGH)) + 1;
    }
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
        status = make_launch(device, "touch", "", &launch);
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

/* Multiply-adds are measured three times, with the rest between: on a busy machine a rate that is too low is what everything else would exceed. */
static clmix_status measure_all(clmix_device *device, cl_mem memory, clmix_ceilings *ceilings)
{
    struct loop fastest;
    clmix_status status = find_loop(device, memory, &fastest);

    if (status == CLMIX_OK)
        status = time_loop(device, &fastest, LONG_ENOUGH, REPEATS / 2);
    if (status == CLMIX_OK)
        status = copy_ceiling(device, &ceilings->copy_gbs);
    if (status == CLMIX_OK)
        status = time_loop(device, &fastest, LONG_ENOUGH, REPEATS / 2);
    if (status == CLMIX_OK)
        status = launch_ceilings(device, ceilings);
    if (status == CLMIX_OK)
        status = time_loop(device, &fastest, LONG_ENOUGH, REPEATS / 2);
    ceilings->fma_gflops = fastest.gflops;
    clmix_launch_clear(&fastest.launch);
    return status;
}

clmix_status clmix_device_ceilings(clmix_device *device, clmix_ceilings *ceilings)
{
    CLMIX_NEED(device);
    CLMIX_NEED(ceilings);

    cl_mem memory = NULL;
    clmix_status status;

    memset(ceilings, 0, sizeof *ceilings);
    CLMIX_TRY(clmix_device_require(device, "measuring ceilings"));
    CLMIX_TRY(clmix_buffer_create(device, (size_t)device->info.compute_units * GROUPS_PER_UNIT * MOST_GROUP * MOST_WIDTH * sizeof(float),
                                  "the multiply-add ceiling", &memory));
    status = measure_all(device, memory, ceilings);
    clmix_buffer_release(device, memory);
    return status;
}
