/* Devices: finding, opening and describing them.
 *
 * A device is one OpenCL device with a context and an in-order queue. Nothing in the library is global: an application may hold
 * several devices, of several vendors, each with its own plans. A device and everything made on it belong to one thread at a time. */
#ifndef CLMIX_DEVICE_H
#define CLMIX_DEVICE_H

/* What <CL/cl.h> declares: OpenCL 1.2, unless the application says otherwise. */
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An OpenCL device with a context and a queue. */
typedef struct clmix_device clmix_device;

/* The two forms a performance-critical kernel exists in: many small work-items with local memory and barriers (GPUs), or one
 * work-item that owns a tile, with wide vectors and no barrier (CPUs). */
typedef enum clmix_kernel_form { CLMIX_SIMT = 0, CLMIX_WIDE = 1 } clmix_kernel_form;

/* Where the form of a device comes from: usual for its kind (so far: it is measured when the first plan is compiled for the device),
 * measured on it, or forced by CLMIX_KERNELS. */
typedef enum clmix_form_origin { CLMIX_FORM_USUAL = 0, CLMIX_FORM_MEASURED = 1, CLMIX_FORM_FORCED = 2 } clmix_form_origin;

/* What clmix knows of a device. Every limit and feature was asked of the driver or probed; none is derived from a name. */
typedef struct clmix_device_info {
    int index;                  /* flat number over all platforms, as selectors use it; -1 for an adopted or a generic device */
    int platform_index;         /* platform number and device number within it: the selector "platform:device" */
    int device_index;           /* see platform_index */
    char name[128];             /* as the driver has it, like the texts below */
    char vendor[128];           /* who made it */
    char driver[128];           /* driver version */
    char platform[128];         /* platform name */
    char platform_version[128]; /* OpenCL version of the platform */
    char opencl_c[64];          /* OpenCL C version string */
    cl_device_type type;        /* CPU, GPU or accelerator */
    unsigned compute_units;     /* of a processor: hardware threads that its driver uses */
    unsigned clock_mhz;         /* the highest, as the driver has it; 0 where it does not know */
    unsigned vector_width; /* floats in a vector: what the driver says, and for an opened processor what its compiler is probed to use */
    size_t max_work_group; /* work-items */
    size_t global_bytes;   /* of device memory */
    size_t max_allocation_bytes; /* of one buffer */
    size_t cache_bytes;          /* of the cache before global memory, as the driver has it; 0 where there is none or it is not known */
    size_t local_bytes;          /* of local memory, for a work-group */
    bool local_is_dedicated;     /* local memory is a memory of its own, not cached RAM */
    size_t alignment_bytes;      /* CL_DEVICE_MEM_BASE_ADDR_ALIGN in bytes */
    bool unified_memory;         /* device and host share one memory */
    bool half_arithmetic;        /* cl_khr_fp16, confirmed by a probe when the device is opened */
    bool double_arithmetic;      /* cl_khr_fp64; kernels do without */
    bool subgroups;              /* cl_khr_subgroups; kernels do without */
    bool
        fused_multiply_add; /* a product and a sum are one instruction with one rounding, by a probe when the device is opened; true until then */
    clmix_kernel_form form;        /* the form in use */
    clmix_form_origin form_origin; /* why that one */
    uint64_t
        target; /* of a processor, a hash of its instruction sets and of the settings that tell its driver's compiler which to use: part of
                        what compiled programs and measurements are remembered by; 0 elsewhere */
    uint64_t quirks; /* bit set of the quirks in force (lib/runtime/quirks.c); clmix_device_quirk() names them */
} clmix_device_info;

/* All usable devices of all platforms, in flat order, best-effort: a platform that is broken, empty or older than OpenCL 1.2 is left out,
 * and `*skipped` (may be NULL) receives one sentence for each of those, separated by newlines, or NULL. The caller frees both with
 * clmix_free(). Errors: NO_DEVICE when there is no usable device at all (the text names the packages that bring one). `list` and `count`
 * must not be NULL. Further errors: ARGUMENT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_device_list(clmix_device_info **list, size_t *count, char **skipped);

/* Opens a device. `selector`: NULL ($CLMIX_DEVICE, or the most capable device here), a flat index ("1"), "platform:device" ("0:0"),
 * "cpu", "gpu", "accelerator", or, letter case ignored, a part of what the device goes by: its name or its platform's, the vendor, the
 * versions of platform and driver. Where several have it, names count before vendors and those before versions, then the most capable
 * device is taken. Errors: NO_DEVICE, none is called that (the text lists those that are there) or there is none. `device` must not be
 * NULL (ARGUMENT). Further errors: DRIVER, BUILD, HOST_MEMORY. */
CLMIX_API clmix_status clmix_device_open(clmix_device **device, const char *selector);

/* Makes a device of the application's own context, device and in-order queue, which are retained, not owned; the application keeps
 * using them. None of the four may be NULL. Errors: ARGUMENT (the three do not belong together), DRIVER, UNSUPPORTED, HOST_MEMORY. */
CLMIX_API clmix_status clmix_device_adopt(clmix_device **device, cl_context context, cl_device_id id, cl_command_queue queue);

/* A device without OpenCL behind it: plans can be compiled for it (shapes, memory, cost) and not run. `device` must not be NULL. Errors:
 * ARGUMENT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_device_generic(clmix_device **device);

/* Waits for the queue, stores newly compiled kernels in the disk cache, releases everything. Plans, buffers and networks of the device must
 * be gone. NULL is allowed. */
CLMIX_API void clmix_device_close(clmix_device *device);

/* What is known of the device, as long as it is open. NULL: a description with empty names and zeros, of index -1. */
CLMIX_API const clmix_device_info *clmix_device_describe(const clmix_device *device);

/* Name and one-line explanation of quirk bit `bit`, or NULL when it is not in force on `info`. `info` may be NULL, which has none. */
CLMIX_API const char *clmix_device_quirk(const clmix_device_info *info, unsigned bit);

/* OpenCL handles of the device, borrowed. NULL for NULL and for a generic device. */
CLMIX_API cl_context clmix_device_context(const clmix_device *device);
CLMIX_API cl_command_queue clmix_device_queue(const clmix_device *device);

/* Runs a few tiny kernels of each kind that training depends on against known answers (arithmetic, barriers and local memory, wide
 * vectors, erf and exp, reductions). CLMIX_ERROR_DRIVER with the name of the first that is wrong. Takes well under a second once compiled.
 * `device` must not be NULL. Further errors: ARGUMENT, NO_DEVICE (a generic device), BUILD, DEVICE_MEMORY. */
CLMIX_API clmix_status clmix_device_check(clmix_device *device);

/* Bytes of device memory held through clmix on this device now, at most so far, and the number of allocations made so far. Any of the
 * pointers may be NULL. Of a NULL device: zeros. */
CLMIX_API void clmix_device_memory(const clmix_device *device, size_t *current_bytes, size_t *peak_bytes, size_t *allocations);

/* What the host has had to do with a device since it was opened: how often clmix wrote host memory to the device's, and so many bytes; and the processor
 * time that the calling thread took while it waited for the queue or for what it read, next to none where a driver sleeps, all of the wait where it
 * spins or has the thread run kernels. Since 0.4. */
typedef struct clmix_traffic {
    size_t uploads;         /* writes that were enqueued */
    uint64_t upload_bytes;  /* of all of them */
    double waiting_seconds; /* of processor time */
} clmix_traffic;
/* Describes it: zeros of a NULL device; a NULL `traffic` is left alone. Since 0.4. */
CLMIX_API void clmix_device_traffic(const clmix_device *device, clmix_traffic *traffic);

/* Programs compiled from source and loaded from the disk cache since the device was opened. Any of the pointers may be NULL; of a NULL
 * device: zeros. */
CLMIX_API void clmix_device_programs(const clmix_device *device, size_t *compiled, size_t *loaded);

/* A driver's compiler takes from milliseconds to many seconds a program, and a broken one may never return. `watch` is called before each program that
 * is compiled, with its file in cl/ and the number of those compiled before; not for programs from the disk cache. It is called with NULL when that is
 * over: after the first run of the plan that needed them, since many drivers compile only then what is launched. It is called in the thread that uses
 * the device, and must not use it. NULL: nobody watches. */
typedef void (*clmix_compiler_watch)(void *user, const char *file, size_t compiled);
/* Has compilers watched from now on, by `watch` (NULL: by nobody), which is handed `user`. A NULL device is left alone. */
CLMIX_API void clmix_device_watch_compiler(clmix_device *device, clmix_compiler_watch watch, void *user);

/* Folder of the kernel cache of this user ($CLMIX_CACHE_DIR, $XDG_CACHE_HOME/clmix, ~/.cache/clmix), or "" where caching is off
 * (CLMIX_CACHE_DIR set to the empty string). Static per thread until the next call. */
CLMIX_API const char *clmix_cache_folder(void);

/* Compiled kernels are run, so the folder must be the user's own: it is made for the user alone (0700), and where another user owns it or
 * others may write to it, it is not used and kernels are compiled anew. The sentence that says so; "" where the folder is used or will be
 * made. Static per thread until the next call. */
CLMIX_API const char *clmix_cache_refusal(void);

/* What that folder holds of stored programs, and what they may take ($CLMIX_CACHE_MB megabytes, 512 unless it is set): when more are stored,
 * those go that were used longest ago. */
typedef struct clmix_cache_info {
    size_t programs;    /* that are stored */
    size_t bytes;       /* that they take */
    size_t limit_bytes; /* that they may take */
    size_t refused;     /* files that are there and not used, since another user owns them or others may write to them */
} clmix_cache_info;
/* Describes this user's cache. Errors: ARGUMENT, CLMIX_CACHE_MB is no number of megabytes. `info` must not be NULL, which is ARGUMENT too. */
CLMIX_API clmix_status clmix_cache_describe(clmix_cache_info *info);
/* Removes all stored programs, and tells how many and how large they were. What was measured on devices stays. Either may be NULL. */
CLMIX_API void clmix_cache_clear(size_t *programs, size_t *bytes);

/* What was measured on the device when it was first used (the form of kernels, tiles, routes) is remembered in a text file of the cache
 * folder, whose first line says how to change it. `*path` is that file, to be freed with clmix_free(), and `*results` the number of
 * results in it; NULL and 0 where nothing is measured: a generic device, no cache folder or one that is not used, or CLMIX_TUNE=off. A file
 * that others may write to counts as one without results. Errors: HOST_MEMORY. None may be NULL, which is ARGUMENT. */
CLMIX_API clmix_status clmix_device_tuning(const clmix_device *device, char **path, size_t *results);

/* What a device can do at most, measured (a second or so): float32 multiply-add rate, copy bandwidth (bytes read plus bytes written), and
 * the time a launch takes in a batch and with a wait after each. */
typedef struct clmix_ceilings {
    double fma_gflops;     /* 1e9 operations a second, a multiply-add counting as two */
    double copy_gbs;       /* 1e9 bytes a second, read and written */
    double launch_us;      /* microseconds a launch, of many in a row */
    double sync_launch_us; /* of one that is waited for */
} clmix_ceilings;
/* Measures them; on a busy machine a ceiling comes out too low. Neither may be NULL. Errors: ARGUMENT, NO_DEVICE (a generic device), DRIVER,
 * BUILD, DEVICE_MEMORY. */
CLMIX_API clmix_status clmix_device_ceilings(clmix_device *device, clmix_ceilings *ceilings);

/* One launch, timed: from clmix_profile_start to clmix_profile_stop all are, which makes them wait for each other. */
typedef struct clmix_timing {
    const char *label;  /* path of the op, such as "layers.2.0.ff3" */
    const char *kernel; /* kernel name */
    double start_us;    /* since clmix_profile_start */
    double duration_us; /* of the kernel, without waiting for it */
    uint64_t flops;     /* work the op must do; 0 where it is pure movement */
    uint64_t bytes;     /* bytes the op must read and write */
} clmix_timing;
/* Begins to time launches. `device` must not be NULL. Errors: ARGUMENT, NO_DEVICE (a generic device), DRIVER, HOST_MEMORY. */
CLMIX_API clmix_status clmix_profile_start(clmix_device *device);
/* Ends it: `*timings` are those of `*count` launches, in order; they belong to the device until the next clmix_profile_start. None may be NULL. Errors: ARGUMENT (nothing was started), DRIVER, HOST_MEMORY. */
CLMIX_API clmix_status clmix_profile_stop(clmix_device *device, const clmix_timing **timings, size_t *count);
/* Writes these timings as a Chrome trace (chrome://tracing, Perfetto). Neither may be NULL. Errors: ARGUMENT (there are no timings), FILE,
 * HOST_MEMORY. */
CLMIX_API clmix_status clmix_profile_write_trace(clmix_device *device, const char *path);

#ifdef __cplusplus
}
#endif
#endif
