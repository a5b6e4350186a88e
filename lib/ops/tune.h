/* Choices between ways to compute the same thing, measured on the device once and remembered on disk.
 *
 * What is remembered is text in clmix_cache_folder(), one file a device and driver:
 *     clmix tuning 1
 *     device AMD EPYC, driver 3.1, platform Portable Computing Language
 *     <key><tab><choice><tab>own 0.112 ms, clblast 2.310 ms
 * The third column is for people. A file that does not read like this is ignored and rewritten; a line may be deleted by hand to have it
 * measured again. Nothing is measured, and the first way is taken, where CLMIX_TUNE=off, where the device is generic, or where nothing
 * can be remembered (no cache folder, or not writable): otherwise every start would measure again, and might choose differently. */
#ifndef CLMIX_OPS_TUNE_H
#define CLMIX_OPS_TUNE_H

#include <clmix/device.h>

#define CLMIX_TUNE_WRONG  (-1.0) /* instead of seconds: this way gives wrong results, or never works here */
#define CLMIX_TUNE_FAILED (-2.0) /* it failed, as it does on a device that is out of memory: not taken now, and nothing is remembered */

/* Verifies way `way` and gives the seconds it takes, CLMIX_TUNE_WRONG or CLMIX_TUNE_FAILED. May be called for each way once. Errors are
 * those that end everything, such as a lack of host memory. */
typedef clmix_status (*clmix_tune_measure)(clmix_device *device, int way, const void *data, double *seconds);

struct clmix_tune_question {
    const char *key;         /* names the question on this device: no tabs, no newlines, under 200 characters */
    const char *const *ways; /* names, the preferred way first */
    int count;
    double margin; /* a later way is taken only if it is this many times faster, so that noise does not decide */
    clmix_tune_measure measure;
    const void *data; /* for measure */
};

/* `*way` becomes the way to take. Errors: DRIVER when all ways are wrong, and what measure returned. */
clmix_status clmix_tune_choose(clmix_device *device, const struct clmix_tune_question *question, int *way);

/* Whether questions are measured and remembered on this device at all. */
bool clmix_tune_on(const clmix_device *device);

/* The file of a device in fresh memory, NULL without a cache folder or memory. */
char *clmix_tune_path(const clmix_device *device);

#endif
