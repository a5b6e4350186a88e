/* The start-up self-test of a device: cl/check.cl against known answers. Drivers exist that compile wrong code, and a training run that
 * quietly learns nothing is the worst way to find out. */
#include "base/random.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT      256
#define MOST_GROUP 64

struct check {
    const char *name;
    const char *what;
    double (*expected)(const float *in, size_t i, size_t group); /* NULL: random words, compared by bits */
    double tolerance;                                            /* relative above 1, absolute below */
    bool single;                                                 /* one work-item */
};

static double arithmetic(const float *in, size_t i, size_t group)
{
    (void)group;
    return (in[i] * 3.0 - 1.0) / 7.0 + sqrt(fabs(in[i]));
}

static double functions(const float *in, size_t i, size_t group)
{
    (void)group;
    return erf(in[i]) + exp(-fabs(in[i])) + tanh(in[i]) + log1p(fabs(in[i]));
}

static double reversed(const float *in, size_t i, size_t group)
{
    return in[i / group * group + group - 1 - i % group];
}

static double reduced(const float *in, size_t i, size_t group)
{
    double sum = 0;

    for (size_t j = i / group * group; j < i / group * group + group; j++)
        sum += in[j];
    return sum;
}

static double shifted(const float *in, size_t i, size_t group)
{
    (void)group;
    return 2.0 * in[(i + 1) % COUNT];
}

static double same(const float *in, size_t i, size_t group)
{
    (void)group;
    return in[i];
}

static const struct check checks[] = {
    { "check_arithmetic", "arithmetic", arithmetic, 1e-6, false },
    { "check_functions", "erf, exp, tanh and log", functions, 4e-6, false },
    { "check_barrier", "a barrier with local memory", reversed, 0, false },
    { "check_reduction", "a reduction through local memory", reduced, 1e-5, false },
    { "check_vectors", "vectors of 16 floats", shifted, 0, true },
    { "check_half", "half precision storage", same, 0, false },
    { "check_random", "random numbers", NULL, 0, false },
};

static void random_words(uint32_t words[COUNT])
{
    clmix_random stream = clmix_random_stream((uint64_t)2 << 32 | 1, (uint64_t)4 << 32 | 3);

    for (size_t i = 0; i < COUNT; i++)
        words[i] = clmix_random_word(&stream);
}

static clmix_status compare(const clmix_device *device, const struct check *check, const float *in, const float *out, size_t group)
{
    uint32_t words[COUNT];

    if (check->expected == NULL) {
        random_words(words);
        if (memcmp(words, out, sizeof words) != 0)
            return clmix_fail(CLMIX_ERROR_DRIVER,
                              "%s: the self-test of %s ('%s') gives other words than the host; results of this driver cannot be trusted",
                              device->info.name, check->what, check->name);
        return CLMIX_OK;
    }
    for (size_t i = 0; i < COUNT; i++) {
        double wanted = check->expected(in, i, group), limit = check->tolerance * fmax(1.0, fabs(wanted));

        if (!(fabs(out[i] - wanted) <= limit)) /* a NaN fails too */
            return clmix_fail(CLMIX_ERROR_DRIVER,
                              "%s: the self-test of %s ('%s') gives %.9g where %.9g is right; results of this driver cannot be trusted",
                              device->info.name, check->what, check->name, out[i], wanted);
    }
    return CLMIX_OK;
}

static clmix_status run_check(clmix_device *device, const struct check *check, size_t group, const float *in, cl_mem from, cl_mem to)
{
    struct clmix_launch launch = { .dimensions = 1, .label = "check", .name = check->name };
    char options[32];
    float out[COUNT];
    clmix_status status;
    cl_int code;

    snprintf(options, sizeof options, "-DGROUP=%zu", group);
    launch.local[0] = check->single ? 1 : group;
    launch.global[0] = check->single ? 1 : check->expected == NULL ? COUNT / 4 : COUNT;
    CLMIX_TRY(clmix_kernel_create(device, "check.cl", check->name, options, &launch.kernel));
    code = clSetKernelArg(launch.kernel, 0, sizeof from, &from);
    if (code == CL_SUCCESS)
        code = clSetKernelArg(launch.kernel, 1, sizeof to, &to);
    status = code == CL_SUCCESS ? clmix_launch_now(device, &launch, NULL)
                                : clmix_fail_cl(device, code, "setting the arguments of '%s'", check->name);
    clmix_launch_clear(&launch);
    CLMIX_TRY(status);
    CLMIX_TRY(clmix_buffer_read(device, to, 0, out, sizeof out));
    return compare(device, check, in, out, group);
}

clmix_status clmix_device_check(clmix_device *device)
{
    CLMIX_NEED(device);

    cl_mem from = NULL, to = NULL;
    size_t group = 1;
    float in[COUNT];
    clmix_status status;

    CLMIX_TRY(clmix_device_require(device, "the self-test"));
    while (group < MOST_GROUP && 2 * group <= device->info.max_work_group)
        group *= 2;
    for (size_t i = 0; i < COUNT; i++)
        in[i] = ((float)i - 100.0f) / 32.0f; /* -3.1 to 4.8, each a half-precision number too */
    status = clmix_buffer_create(device, sizeof in, "the self-test", &from);
    if (status == CLMIX_OK)
        status = clmix_buffer_create(device, sizeof in, "the self-test", &to);
    if (status == CLMIX_OK)
        status = clmix_buffer_write(device, from, 0, in, sizeof in);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && status == CLMIX_OK; i++)
        status = run_check(device, &checks[i], group, in, from, to);
    clmix_buffer_release(device, from);
    clmix_buffer_release(device, to);
    return status;
}
