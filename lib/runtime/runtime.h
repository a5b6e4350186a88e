/* What the rest of clmix may use of the runtime: device internals, kernels, buffers, launches. The runtime knows OpenCL and no neural
 * network. */
#ifndef CLMIX_RUNTIME_RUNTIME_H
#define CLMIX_RUNTIME_RUNTIME_H

#include <clmix/device.h>

struct clmix_programs; /* program.c: programs in memory and on disk */
struct clmix_profile;  /* profile.c */

struct clmix_device {
    clmix_device_info info;
    bool real; /* false: generic, plans only */
    cl_context context;
    cl_command_queue queue; /* in order */
    cl_device_id id;
    struct clmix_programs *programs;
    clmix_compiler_watch watch; /* NULL: nobody */
    void *watch_user;
    bool watching;                      /* has been told of a program and not yet of the end */
    struct clmix_profile *profile;      /* NULL unless profiling */
    struct clmix_profile *last_profile; /* that was stopped, for its timings */
    size_t current_bytes, peak_bytes, allocations;
    clmix_traffic traffic;
    bool form_asked;         /* the form of kernels is settled, or being settled (lib/ops/form.c) */
    bool trying;             /* programs built now are candidates: stored in the disk cache only once something else uses them */
    double tuning_seconds;   /* what measuring may still take (tuning.c) */
    struct clmix_kept *kept; /* of other libraries (kept.c) */
};

/* "CL_OUT_OF_RESOURCES (-5)" for an OpenCL code; static text. */
const char *clmix_cl_error_name(cl_int code);
/* Turns an OpenCL code into a status and a sentence: "<device>: <what> failed: <code>". Memory codes (-4, -5, -6, -61) become
 * DEVICE_MEMORY. */
clmix_status clmix_fail_cl(const clmix_device *device, cl_int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --- kernels ------------------------------------------------------------------------------------------------------------------------ */

/* A new kernel object (the caller releases it) of function `name` in file `file` of cl/, built with `options` ("-DK=3 -DS=2"). Programs are
 * shared by (file, options), looked for in memory, then in the disk cache, then compiled. `#include "x.h"` lines of kernel files are
 * resolved from cl/ by text, so no -I path is passed. Options every build gets: -cl-std=CL1.2 -cl-mad-enable, -DCLMIX_WIDE=0|1,
 * -DVW=<vector width>, -DCLMIX_FMA=0|1, -DPREFETCHING=0|1 and what quirks add. Errors: BUILD with the first lines of the build log. */
clmix_status clmix_kernel_create(clmix_device *device, const char *file, const char *name, const char *options, cl_kernel *kernel);

/* Stores programs compiled since the last call in the disk cache, but those that were only tried. Called late (after the first run of a plan, and on close): only then do
 * drivers that compile at the first launch hand over final code. Failures to store are ignored. */
void clmix_programs_store(clmix_device *device);

/* "simt" or "wide". */
const char *clmix_form_name(clmix_kernel_form form);
/* Whether the form that is not this device's usual one is known to be wrong on it, or to crash its driver (quirks.c): it is not even tried. */
bool clmix_device_one_form(const clmix_device_info *info);
/* The row of quirks.c that says so, as clmix_device_quirk gives it; NULL where there is none. */
const char *clmix_device_form_quirk(const clmix_device_info *info);
/* Whether its registers hold no more than 16 sums a work-item of a simt product (quirks.c). */
bool clmix_device_few_sums(const clmix_device_info *info);
/* Whether kernels that need many registers have to ask for sub-groups of 16 (quirks.c). */
bool clmix_device_half_waves(const clmix_device_info *info);
/* The key of the result that is the measured form; and the form of a device as that result, if there is one, says. */
#define CLMIX_FORM_KEY "form 1"
clmix_status clmix_device_recall_form(clmix_device *device);

/* --- tuning results ------------------------------------------------------------------------------------------------------------------------ */

/* What was measured on a device: text in clmix_cache_folder(), one file a device and driver,
 *     clmix tuning 2: change a line's second column to override a choice, delete a line to have it measured again
 *     device AMD EPYC, driver 3.1, platform Portable Computing Language
 *     <key><tab><choice><tab><note>
 * Lines before such a first line, and lines that do not read like this, are passed over. Lines are added at the end, and of several with one
 * key the first with a choice that is known counts: processes that measure at the same time end up with the same result. */

#define CLMIX_TUNING_SECONDS 10.0 /* CLMIX_TUNE says otherwise: "off", "full" (no bound) or seconds */

/* What $CLMIX_TUNE allows; ARGUMENT when it is none of these. */
clmix_status clmix_tuning_wish(double *seconds);
/* Whether tuning results are looked up: a real device, a cache folder, and CLMIX_TUNE is not off. */
bool clmix_tuning_used(const clmix_device *device);
/* Whether new ones can be kept: the folder (made if need be) and the file are writable too. */
bool clmix_tuning_kept(const clmix_device *device);
/* The place in `ways` of the choice that is remembered, -1 for none. Errors: HOST_MEMORY. */
clmix_status clmix_tuning_find(const clmix_device *device, const char *key, const char *const *ways, int count, int *way);
/* Adds a result, without tabs or newlines in it. Failing to write is no error: clmix_tuning_find tells. Errors: HOST_MEMORY. */
clmix_status clmix_tuning_add(const clmix_device *device, const char *key, const char *choice, const char *note);
/* The file, in fresh memory; NULL without a cache folder or memory. */
char *clmix_tuning_path(const clmix_device *device);

/* --- buffers ------------------------------------------------------------------------------------------------------------------------ */

/* Device memory, counted in the device's books and touched at once, so that a lack of memory shows here and not at a launch. bytes > 0.
 * DEVICE_MEMORY with sizes on failure. */
clmix_status clmix_buffer_create(clmix_device *device, size_t bytes, const char *what, cl_mem *memory);
void clmix_buffer_release(clmix_device *device, cl_mem memory); /* NULL is allowed */
clmix_status clmix_buffer_write(clmix_device *device, cl_mem memory, size_t offset_bytes, const void *data,
                                size_t bytes); /* returns when `data` may be reused */
clmix_status clmix_buffer_read(clmix_device *device, cl_mem memory, size_t offset_bytes, void *data, size_t bytes); /* waits */
clmix_status clmix_buffer_copy(clmix_device *device, cl_mem from, size_t from_bytes, cl_mem to, size_t to_bytes,
                               size_t bytes); /* enqueues */
clmix_status clmix_buffer_zero(clmix_device *device, cl_mem memory, size_t offset_bytes,
                               size_t bytes); /* enqueues clmix's own fill kernel; multiples of 4 bytes */

/* --- launches ----------------------------------------------------------------------------------------------------------------------- */

/* One kernel with its arguments set, or a call into a library that enqueues on the device's queue (CLBlast). */
struct clmix_launch {
    cl_kernel kernel; /* owned; NULL for a call */
    cl_uint dimensions;
    size_t global[3], local[3];
    clmix_status (*call)(clmix_device *device, void *context, cl_event *event); /* event may be NULL */
    void *context;                                                              /* owned by whoever made the launch */
    const char *label;                                                          /* path of the op, borrowed */
    const char *name;                                                           /* kernel name, borrowed */
    uint64_t flops, bytes;
};
clmix_status clmix_launch_enqueue(clmix_device *device, const struct clmix_launch *launch);
void clmix_launch_clear(struct clmix_launch *launch);
/* Flushes, then waits for the queue without burning a core where the driver would spin. */
clmix_status clmix_device_wait(clmix_device *device);

/* --- kept.c ------------------------------------------------------------------------------------------------------------------------- */

/* What another library makes for a device and is used again, found by the address `key`: NULL where there is none yet. */
void *clmix_device_kept(const clmix_device *device, const void *key);
/* Keeps it until the device is closed: then `release` is called, before the context goes. HOST_MEMORY: it is not kept, and the caller's. */
clmix_status clmix_device_keep(clmix_device *device, const void *key, void *what, void (*release)(void *what));

/* --- trials ------------------------------------------------------------------------------------------------------------------------- */

/* Work that is only tried, such as measuring: until its end the device enqueues on a queue of the trial's own, no profile sees it, programs are
 * candidates (`trying`), and at the end the peak and the count of allocations are what they were. What a trial allocates it releases. Trials
 * may lie inside each other. Errors: those of making a queue. */
struct clmix_trial {
    cl_command_queue queue;
    struct clmix_profile *profile;
    bool trying;
    size_t peak_bytes, allocations;
};
clmix_status clmix_trial_begin(clmix_device *device, struct clmix_trial *before);
void clmix_trial_end(clmix_device *device, const struct clmix_trial *before);

#endif
