/* Fourier transforms by clFFT: two-dimensional, from real numbers to the half of complex ones that tells the rest. It takes buffers from their
 * beginning, which parts of an arena have none of: tokens and results lie in scratch memory, in sub-buffers from the first address on that
 * the device allows. A plan of clFFT's is made for each shape and batch and kept as long as the device. */
#include "ops/fourier_internal.h"

#include "base/size.h"
#include "base/status.h"
#include "runtime/runtime.h"

#ifndef CLMIX_HAVE_CLFFT

bool clmix_fourier_clfft_can(const struct clmix_fourier *fourier)
{
    (void)fourier;
    return false;
}

clmix_status clmix_fourier_plan_clfft(struct clmix_planner *planner, const struct clmix_node *node)
{
    (void)planner;
    return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: this clmix was built without clFFT", node->path);
}

#else

#include <clFFT.h>
#include <pthread.h>
#include <stdlib.h>

#define BUFFER_FLOATS ((size_t)8 << 20) /* of the samples that are transformed at once */
#define MOST_SAMPLES  4096

struct call {
    size_t samples, tokens, features, kept;
    size_t first;     /* element of the tokens */
    size_t alignment; /* of sub-buffers, bytes */
};

struct made {
    struct call of;
    clfftPlanHandle handle;
    struct made *before;
};

/* What is kept for a device. */
struct plans {
    struct made *last;
};

/* clFFT is one for the process: set up for the first device that uses it, and torn down behind the last, while its driver is there. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t users;
static const char key;

static clmix_status fail(const clmix_device *device, const struct call *call, clfftStatus code)
{
    if ((int)code < 0)
        return clmix_fail_cl(device, (cl_int)code, "clFFT's transform of %zux%zu", call->tokens, call->features);
    return clmix_fail(CLMIX_ERROR_DRIVER, "%s: clFFT's transform of %zux%zu failed with code %d; set CLMIX_TUNE=off to do without clFFT",
                      device->info.name, call->tokens, call->features, (int)code);
}

/* ---- plans --------------------------------------------------------------------------------------------------------------------------- */

/* clFFT's kernels set pointers to one type to addresses of another without a cast, which compilers newer than it refuse. It says so on the
 * application's terminal; so they are asked first. */
static clmix_status ask_compiler(const clmix_device *device)
{
    const char *text = "__kernel void idiom(__global float2 *x) { __global float4 *y = x; y[0] = (float4)(0.0f); }";
    cl_int code;
    cl_program program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);

    if (program == NULL)
        return clmix_fail_cl(device, code, "making a program");
    code = clBuildProgram(program, 0, NULL, "-w", NULL, NULL);
    clReleaseProgram(program);
    return code == CL_SUCCESS ? CLMIX_OK
                              : clmix_fail(CLMIX_ERROR_UNSUPPORTED, "%s: its compiler refuses kernels such as clFFT's", device->info.name);
}

static void release_plans(void *what)
{
    struct plans *plans = what;

    pthread_mutex_lock(&lock);
    for (struct made *made = plans->last, *before; made != NULL; made = before) {
        before = made->before;
        clfftDestroyPlan(&made->handle);
        free(made);
    }
    if (--users == 0)
        clfftTeardown();
    pthread_mutex_unlock(&lock);
    free(plans);
}

static clmix_status plans_of(clmix_device *device, const struct call *call, struct plans **plans)
{
    clfftStatus code = CLFFT_SUCCESS;

    *plans = clmix_device_kept(device, &key);
    if (*plans != NULL)
        return CLMIX_OK;
    CLMIX_TRY(ask_compiler(device));
    *plans = calloc(1, sizeof **plans);
    if (*plans == NULL)
        return clmix_fail_memory("a transform");
    if (users == 0) {
        /* What clfftInitSetupData says, which the header leaves out of programs that are compiled without optimisation. */
        const clfftSetupData setup = { .major = clfftVersionMajor, .minor = clfftVersionMinor, .patch = clfftVersionPatch };

        code = clfftSetup(&setup);
    }
    if (code != CLFFT_SUCCESS || clmix_device_keep(device, &key, *plans, release_plans) != CLMIX_OK) {
        if (code == CLFFT_SUCCESS && users == 0)
            clfftTeardown();
        free(*plans);
        return code != CLFFT_SUCCESS ? fail(device, call, code) : CLMIX_ERROR_HOST_MEMORY;
    }
    users++;
    return CLMIX_OK;
}

static clfftStatus describe(clfftPlanHandle handle, const struct call *call)
{
    size_t in[2] = { 1, call->features }, out[2] = { 1, call->kept };
    const clfftStatus codes[] = {
        clfftSetPlanPrecision(handle, CLFFT_SINGLE),
        clfftSetLayout(handle, CLFFT_REAL, CLFFT_HERMITIAN_INTERLEAVED),
        clfftSetResultLocation(handle, CLFFT_OUTOFPLACE),
        clfftSetPlanInStride(handle, CLFFT_2D, in),
        clfftSetPlanOutStride(handle, CLFFT_2D, out),
        clfftSetPlanDistance(handle, call->tokens * call->features, call->tokens * call->kept),
        clfftSetPlanBatchSize(handle, call->samples),
    };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] != CLFFT_SUCCESS)
            return codes[i];
    return CLFFT_SUCCESS;
}

static clmix_status make(clmix_device *device, const struct call *call, struct plans *plans, clfftPlanHandle *handle)
{
    const size_t lengths[2] = { call->features, call->tokens }; /* the one that changes fastest first */
    struct made *made = malloc(sizeof *made);
    clfftStatus code;

    if (made == NULL)
        return clmix_fail_memory("a transform");
    code = clfftCreateDefaultPlan(&made->handle, device->context, CLFFT_2D, lengths);
    if (code != CLFFT_SUCCESS) {
        free(made);
        return fail(device, call, code);
    }
    code = describe(made->handle, call);
    if (code == CLFFT_SUCCESS)
        code = clfftBakePlan(made->handle, 1, &device->queue, NULL, NULL);
    if (code != CLFFT_SUCCESS) {
        clfftDestroyPlan(&made->handle);
        free(made);
        return fail(device, call, code);
    }
    made->of = *call;
    made->before = plans->last;
    plans->last = made;
    *handle = made->handle;
    return CLMIX_OK;
}

static clmix_status find_locked(clmix_device *device, const struct call *call, clfftPlanHandle *handle)
{
    struct plans *plans;

    CLMIX_TRY(plans_of(device, call, &plans));
    for (const struct made *made = plans->last; made != NULL; made = made->before)
        if (made->of.samples == call->samples && made->of.tokens == call->tokens && made->of.features == call->features) {
            *handle = made->handle;
            return CLMIX_OK;
        }
    return make(device, call, plans, handle);
}

static clmix_status find(clmix_device *device, const struct call *call, clfftPlanHandle *handle)
{
    clmix_status status;

    pthread_mutex_lock(&lock);
    status = find_locked(device, call, handle);
    pthread_mutex_unlock(&lock);
    return status;
}

/* ---- a transform ---------------------------------------------------------------------------------------------------------------------- */

/* Memory of `floats` numbers from a place that is `offset` numbers from the beginning, or a little further. */
static cl_mem sub_buffer(cl_mem memory, size_t offset, size_t alignment, size_t floats, cl_int *code)
{
    const cl_buffer_region region = { .origin = clmix_round_up(offset * sizeof(float), alignment), .size = floats * sizeof(float) };

    return clCreateSubBuffer(memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, code);
}

/* Tokens (memory 0) are copied into scratch (1) and transformed into other scratch (2). */
static clmix_status run(clmix_device *device, const cl_mem *memory, const size_t *offset, const void *data, cl_event *event)
{
    const struct call *call = data;
    const size_t in_floats = call->samples * call->tokens * call->features, out_floats = call->samples * call->tokens * call->kept * 2;
    cl_int code = CL_SUCCESS, second = CL_SUCCESS;
    clfftPlanHandle handle = 0;
    cl_mem in, out;

    CLMIX_TRY(find(device, call, &handle));
    in = sub_buffer(memory[1], offset[1], call->alignment, in_floats, &code);
    out = sub_buffer(memory[2], offset[2], call->alignment, out_floats, &second);
    if (code == CL_SUCCESS && second == CL_SUCCESS)
        code = clEnqueueCopyBuffer(device->queue, memory[0], in, (offset[0] + call->first) * sizeof(float), 0, in_floats * sizeof(float), 0,
                                   NULL, NULL);
    if (code == CL_SUCCESS && second == CL_SUCCESS)
        code = (cl_int)clfftEnqueueTransform(handle, CLFFT_FORWARD, 1, &device->queue, 0, NULL, event, &in, &out, NULL);
    if (in != NULL)
        clReleaseMemObject(in);
    if (out != NULL)
        clReleaseMemObject(out);
    if (code == CL_SUCCESS)
        code = second;
    return code == CL_SUCCESS ? CLMIX_OK : fail(device, call, (clfftStatus)code);
}

/* ---- planning -------------------------------------------------------------------------------------------------------------------------- */

/* Lengths of the factors that clFFT has kernels for. */
static bool takes(size_t length)
{
    static const size_t factors[] = { 2, 3, 5, 7, 11, 13 };

    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        while (length % factors[i] == 0)
            length /= factors[i];
    return length == 1;
}

bool clmix_fourier_clfft_can(const struct clmix_fourier *fourier)
{
    return takes(fourier->tokens) && takes(fourier->features);
}

clmix_status clmix_fourier_plan_clfft(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct clmix_fourier fourier = clmix_fourier_of(clmix_planner_graph(planner), node);
    const size_t most = clmix_fourier_samples(&fourier, BUFFER_FLOATS, MOST_SAMPLES), sample = fourier.tokens * fourier.features;
    const size_t alignment = clmix_larger(clmix_planner_device(planner)->alignment_bytes, sizeof(float)), room = alignment / sizeof(float);
    const int32_t in = clmix_planner_scratch(planner, node, (most * sample + room) * sizeof(float)),
                  out = clmix_planner_scratch(planner, node, (most * fourier.tokens * fourier.kept * 2 + room) * sizeof(float));

    for (size_t first = 0; first < fourier.batch; first += most) {
        const struct call call = {
            .samples = clmix_smaller(most, fourier.batch - first),
            .tokens = fourier.tokens,
            .features = fourier.features,
            .kept = fourier.kept,
            .first = first * sample,
            .alignment = alignment,
        };
        struct clmix_record *record = clmix_record_library(planner, node, "clfftEnqueueTransform", run, &call, sizeof call);
        clmix_record_value(record, node->inputs[CLMIX_FOURIER_X]);
        clmix_record_value(record, in);
        clmix_record_value(record, out);
        clmix_record_bytes(record, (uint64_t)call.samples * fourier.tokens * (3 * fourier.features + 2 * fourier.kept) * sizeof(float));
        clmix_fourier_plan_unfold(planner, node, &fourier, out, 2, room, first, call.samples);
    }
    return CLMIX_OK;
}

#endif
