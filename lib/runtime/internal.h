/* What the files of the runtime share among themselves and with nobody else. */
#ifndef CLMIX_RUNTIME_INTERNAL_H
#define CLMIX_RUNTIME_INTERNAL_H

#include "base/hash.h"
#include "runtime/runtime.h"

/* --- info.c ------------------------------------------------------------------------------------------------------------------------- */

/* Whether code runs on a processor itself: a device that is of every type is a simulator. */
bool clmix_is_processor(const clmix_device_info *info);
/* VW of the kernels of this device unless their own options say otherwise. */
unsigned clmix_vector_width(const clmix_device_info *info);
/* Build options and work-items in a group of the row kernels of runtime.cl and ceilings.cl on this device. */
unsigned clmix_runtime_options(const clmix_device_info *info, char *options, size_t bytes);

/* --- queue.c ------------------------------------------------------------------------------------------------------------------------ */

/* NO_DEVICE with a sentence that names `what` when nothing but a plan can be made on the device. */
clmix_status clmix_device_require(const clmix_device *device, const char *what);
/* Enqueues, whether or not the device is being profiled. */
clmix_status clmix_launch_now(clmix_device *device, const struct clmix_launch *launch, cl_event *event);

/* --- enumerate.c -------------------------------------------------------------------------------------------------------------------- */

struct clmix_candidate {
    cl_platform_id platform;
    cl_device_id id;
    clmix_device_info info;
};

/* All usable devices; *skipped as clmix_device_list says. CLMIX_OK with *count 0 when there are none. */
clmix_status clmix_enumerate(struct clmix_candidate **candidates, size_t *count, char **skipped);
/* The candidate that the selector names, or NO_DEVICE. */
clmix_status clmix_select(const struct clmix_candidate *candidates, size_t count, const char *selector, size_t *chosen);
clmix_status clmix_fail_no_device(const char *skipped);

/* --- probe.c ------------------------------------------------------------------------------------------------------------------------ */

/* Fills in what the driver says of a device; features are what it claims until clmix_probe_features(). A sentence in `reason` and false when the device
 * cannot be used. */
bool clmix_probe_limits(cl_platform_id platform, cl_device_id id, clmix_device_info *info, char *reason, size_t reason_bytes);
/* Compiles tiny kernels for the features that the driver claims and withdraws those that do not build; runs one, on a queue of its own, that tells what
 * machine code the driver makes: info.fused_multiply_add, and for processors info.vector_width, with the usual form of kernels that follows from it. */
void clmix_probe_features(clmix_device *device);
/* Puts the form that $CLMIX_KERNELS asks for in place of the usual one; ARGUMENT when it is neither simt nor wide. */
clmix_status clmix_probe_form(clmix_device_info *info);

/* --- target.c ----------------------------------------------------------------------------------------------------------------------- */

/* info.target of a device. */
uint64_t clmix_target_of(const clmix_device_info *info);

/* --- quirks.c ----------------------------------------------------------------------------------------------------------------------- */

enum clmix_quirk_effect {
    CLMIX_EFFECT_SIMT,       /* simt kernels whatever the device looks like */
    CLMIX_EFFECT_LAST,       /* never chosen by default while there is another device */
    CLMIX_EFFECT_SLEEP,      /* wait by polling with sleeps: clFinish spins */
    CLMIX_EFFECT_ANY_GROUP,  /* kernels are built without reqd_work_group_size */
    CLMIX_EFFECT_2_GIB,      /* no allocation of 2 GiB or more, whatever the driver reports */
    CLMIX_EFFECT_FEW_SUMS,   /* simt products keep at most 16 sums a work-item */
    CLMIX_EFFECT_HALF_WAVES, /* kernels with many registers ask for sub-groups of 16 */
    CLMIX_EFFECT_WIDE        /* wide kernels whatever the device looks like */
};

/* The rows of the table that match a device, as clmix_device_info.quirks. */
uint64_t clmix_quirks_match(const clmix_device_info *info);
bool clmix_quirk_in_force(const clmix_device_info *info, enum clmix_quirk_effect effect);

/* --- program.c and source.c --------------------------------------------------------------------------------------------------------- */

clmix_status clmix_programs_new(struct clmix_programs **programs);
void clmix_programs_free(struct clmix_programs *programs); /* NULL is allowed */

/* Text of a kernel file with its includes in place, in fresh memory. */
clmix_status clmix_source_read(const char *file, char **text);

/* --- cache.c ------------------------------------------------------------------------------------------------------------------------ */

/* The key of a program: everything that decides its binary. */
void clmix_cache_key(const clmix_device_info *info, const char *text, const char *options, unsigned char key[CLMIX_HASH_BYTES]);

/* A stored program. `kernels` lists the kernels that had been created when it was stored, each followed by a newline: drivers that compile at the
 * first launch have final code only for those. */
struct clmix_cached {
    char *kernels;
    unsigned char *binary;
    size_t binary_bytes;
    void *file; /* what the two point into */
};
bool clmix_cache_load(const unsigned char key[CLMIX_HASH_BYTES], struct clmix_cached *cached);
void clmix_cache_save(const unsigned char key[CLMIX_HASH_BYTES], const char *kernels, const void *binary, size_t binary_bytes);

/* --- cache_room.c ------------------------------------------------------------------------------------------------------------------- */

/* What stored programs may take: $CLMIX_CACHE_MB, and the usual when that is unset or, as ARGUMENT says, no number. */
clmix_status clmix_cache_limit(size_t *bytes);
/* Removes the programs that were used longest ago until the others keep to the limit; the last one used stays. */
void clmix_cache_trim(void);

/* --- kept.c ------------------------------------------------------------------------------------------------------------------------- */

/* Releases all that is kept, the last first. */
void clmix_kept_free(struct clmix_kept *kept); /* NULL is allowed */

/* --- profile.c ---------------------------------------------------------------------------------------------------------------------- */

/* clmix_launch_enqueue() while profiling. */
clmix_status clmix_profile_launch(clmix_device *device, const struct clmix_launch *launch);
void clmix_profile_free(struct clmix_profile *profile); /* NULL is allowed */

#endif
