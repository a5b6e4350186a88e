/* Profiling: device time from events where the queue has them, wall-clock with a wait after each launch where it does not. */
#include "base/array.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PENDING 256 /* events held at a time: some drivers keep much memory for each */

struct pending {
    cl_event event;
    size_t timing;
    double enqueued_us;
};

struct clmix_profile {
    clmix_timing *timings;
    size_t count, capacity;
    struct pending pending[MOST_PENDING];
    size_t pending_count;
    double started;
    bool has_events;
};

static void release_pending(struct clmix_profile *profile)
{
    for (size_t i = 0; i < profile->pending_count; i++)
        clReleaseEvent(profile->pending[i].event);
    profile->pending_count = 0;
}

void clmix_profile_free(struct clmix_profile *profile)
{
    if (profile == NULL)
        return;
    release_pending(profile);
    for (size_t i = 0; i < profile->count; i++) {
        free((void *)profile->timings[i].label);
        free((void *)profile->timings[i].kernel);
    }
    free(profile->timings);
    free(profile);
}

static clmix_status read_times(const clmix_device *device, const struct pending *pending, clmix_timing *timing)
{
    cl_ulong queued = 0, start = 0, end = 0;
    cl_int code = clGetEventProfilingInfo(pending->event, CL_PROFILING_COMMAND_QUEUED, sizeof queued, &queued, NULL);

    if (code == CL_SUCCESS)
        code = clGetEventProfilingInfo(pending->event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    if (code == CL_SUCCESS)
        code = clGetEventProfilingInfo(pending->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    if (code != CL_SUCCESS)
        return clmix_fail_cl(device, code, "reading the time of '%s'", timing->kernel);
    /* The clocks of host and device are tied together at the moment of queueing. Some drivers report queueing after the start. */
    timing->start_us = pending->enqueued_us + (start > queued ? (double)(start - queued) * 1e-3 : 0);
    timing->duration_us = end > start ? (double)(end - start) * 1e-3 : 0;
    return CLMIX_OK;
}

/* Waits for the launches whose events are held, and turns the events into times. */
static clmix_status drain(clmix_device *device, struct clmix_profile *profile)
{
    clmix_status status = CLMIX_OK;

    if (profile->pending_count > 0) {
        status = clmix_device_wait(device);
        for (size_t i = 0; i < profile->pending_count && status == CLMIX_OK; i++)
            status = read_times(device, &profile->pending[i], &profile->timings[profile->pending[i].timing]);
        release_pending(profile);
    }
    return status;
}

/* Label and kernel are copied: the plan they belong to may be gone when the timings are read. */
static clmix_status add_record(struct clmix_profile *profile, const struct clmix_launch *launch)
{
    clmix_timing timing = { .flops = launch->flops, .bytes = launch->bytes };

    timing.label = strdup(launch->label == NULL ? "" : launch->label);
    timing.kernel = strdup(launch->name == NULL ? "" : launch->name);
    if (timing.label != NULL && timing.kernel != NULL && CLMIX_PUSH(profile->timings, profile->count, profile->capacity, timing))
        return CLMIX_OK;
    free((void *)timing.label);
    free((void *)timing.kernel);
    return clmix_fail_memory("the timings of launches");
}

/* A call may be several kernels of which the library's event shows the last, so it is timed as a whole, as is everything without events. */
static clmix_status time_by_clock(clmix_device *device, struct clmix_profile *profile, const struct clmix_launch *launch)
{
    clmix_timing *timing = &profile->timings[profile->count - 1];
    double start;

    CLMIX_TRY(drain(device, profile));
    CLMIX_TRY(clmix_device_wait(device));
    start = clmix_seconds();
    CLMIX_TRY(clmix_launch_now(device, launch, NULL));
    CLMIX_TRY(clmix_device_wait(device));
    timing->start_us = 1e6 * (start - profile->started);
    timing->duration_us = 1e6 * (clmix_seconds() - start);
    return CLMIX_OK;
}

clmix_status clmix_profile_launch(clmix_device *device, const struct clmix_launch *launch)
{
    struct clmix_profile *profile = device->profile;
    struct pending *pending;

    CLMIX_TRY(add_record(profile, launch));
    if (!profile->has_events || launch->kernel == NULL)
        return time_by_clock(device, profile, launch);
    if (profile->pending_count == MOST_PENDING)
        CLMIX_TRY(drain(device, profile));
    pending = &profile->pending[profile->pending_count];
    *pending = (struct pending){ .timing = profile->count - 1, .enqueued_us = 1e6 * (clmix_seconds() - profile->started) };
    CLMIX_TRY(clmix_launch_now(device, launch, &pending->event));
    profile->pending_count++;
    return CLMIX_OK;
}

clmix_status clmix_profile_start(clmix_device *device)
{
    CLMIX_NEED(device);

    struct clmix_profile *profile;
    cl_command_queue_properties properties = 0;

    CLMIX_TRY(clmix_device_require(device, "profiling"));
    CLMIX_TRY(clmix_device_wait(device));
    profile = calloc(1, sizeof *profile);
    if (profile == NULL)
        return clmix_fail_memory("profiling");
    clmix_profile_free(device->profile);
    clmix_profile_free(device->last_profile);
    device->last_profile = NULL;
    (void)clGetCommandQueueInfo(device->queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
    profile->has_events = (properties & CL_QUEUE_PROFILING_ENABLE) != 0;
    profile->started = clmix_seconds();
    device->profile = profile;
    return CLMIX_OK;
}

clmix_status clmix_profile_stop(clmix_device *device, const clmix_timing **timings, size_t *count)
{
    CLMIX_NEED(device);
    CLMIX_NEED(timings);
    CLMIX_NEED(count);

    clmix_status status;

    *timings = NULL;
    *count = 0;
    if (device->profile == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s: profiling was stopped without having been started", device->info.name);
    status = drain(device, device->profile);
    device->last_profile = device->profile;
    device->profile = NULL;
    if (status == CLMIX_OK) {
        *timings = device->last_profile->timings;
        *count = device->last_profile->count;
    }
    return status;
}

/* --- trace -------------------------------------------------------------------------------------------------------------------------- */

static void quote(const char *text, char *out, size_t bytes)
{
    size_t used = 0;

    for (; *text != '\0' && used + 8 < bytes; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            out[used++] = '\\';
        if (c < 0x20)
            used += (size_t)snprintf(out + used, bytes - used, "\\u%04x", c);
        else
            out[used++] = (char)c;
    }
    out[used] = '\0';
}

static clmix_status put_text(clmix_file_writer *writer, const char *text)
{
    return clmix_file_put(writer, text, strlen(text));
}

static clmix_status put_records(clmix_file_writer *writer, const clmix_device *device, const struct clmix_profile *profile)
{
    char name[512], kernel[256], line[1400];

    quote(device->info.name, name, sizeof name);
    snprintf(line, sizeof line,
             "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"%s\"}}",
             name);
    CLMIX_TRY(put_text(writer, line));
    for (size_t i = 0; i < profile->count; i++) {
        const clmix_timing *timing = &profile->timings[i];

        quote(timing->label, name, sizeof name);
        quote(timing->kernel, kernel, sizeof kernel);
        snprintf(line, sizeof line,
                 ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"%s\",\"cat\":\"kernel\",\"ts\":%.3f,\"dur\":%.3f,"
                 "\"args\":{\"kernel\":\"%s\",\"flops\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"gflops\":%.3f,\"gbs\":%.3f}}",
                 name, timing->start_us, timing->duration_us, kernel, timing->flops, timing->bytes,
                 timing->duration_us > 0 ? 1e-3 * (double)timing->flops / timing->duration_us : 0.0,
                 timing->duration_us > 0 ? 1e-3 * (double)timing->bytes / timing->duration_us : 0.0);
        CLMIX_TRY(put_text(writer, line));
    }
    return put_text(writer, "\n]}\n");
}

clmix_status clmix_profile_write_trace(clmix_device *device, const char *path)
{
    CLMIX_NEED(device);
    CLMIX_NEED(path);

    const struct clmix_profile *profile = device->profile != NULL ? device->profile : device->last_profile;
    clmix_file_writer writer;

    if (profile == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s: there is no profile to write to '%s'; call clmix_profile_start first",
                          device->info.name, path);
    if (device->profile != NULL)
        CLMIX_TRY(drain(device, device->profile));
    CLMIX_TRY(clmix_file_begin(&writer, path));
    CLMIX_TRY(put_records(&writer, device, profile));
    return clmix_file_finish(&writer);
}
