/* Choices between ways to compute the same thing: measured on the device when it is first used, and remembered (runtime.h, tuning results).
 *
 * A question has a key, the names of its ways, and a function that verifies and times one of them. What is asked, in this order:
 *     form.c         the form of all kernels, once a device, before the first plan
 *     gemm_route.c   is CLBlast worth considering, once a form; where it is, which route, for each kernel variant and class of shapes
 *     gemm_tune.c    which tile, for each pair of transposes and class of shapes
 *     gemm_route.c   is the kernel variant with that tile right
 *     dct_route.c    the matrix or Makhoul's way, for each pair of lengths and width
 *     fourier_route.c  is clFFT worth considering, once a form; where it is, which way, for each pair of lengths
 * Most results can change the last bits of results; those questions are asked in full or not at all. A tile changes no bit: such `neutral`
 * questions share the time that CLMIX_TUNE allows (10 seconds by default). When it is used up the first way is taken and the question
 * stays open for the next start; one that was begun is finished.
 *
 * Measuring is a trial (runtime.h): the application's queue, profile and peak of memory do not see it.
 *
 * Nothing is measured, and the first way is taken, where CLMIX_TUNE=off, where the device is generic, or where a result could not be
 * kept (no cache folder, or not writable): otherwise every start would measure again, and might choose differently. */
#ifndef CLMIX_OPS_TUNE_H
#define CLMIX_OPS_TUNE_H

#include <clmix/plan.h>

#define CLMIX_TUNE_WRONG  (-1.0) /* instead of seconds: this way gives wrong results, or never works here */
#define CLMIX_TUNE_FAILED (-2.0) /* it failed, as it does on a device that is out of memory: not taken now, and nothing is remembered */

/* Verifies way `way` and gives the seconds it takes, CLMIX_TUNE_WRONG or CLMIX_TUNE_FAILED. A way that needs `enough` seconds is not taken:
 * measuring may stop there and give what it knows. Called for each way once, in order. Errors are those that end everything, such as a
 * lack of host memory. */
typedef clmix_status (*clmix_tune_measure)(clmix_device *device, int way, double enough, const void *data, double *seconds);

struct clmix_tune_question {
    const char *key;         /* names the question on this device: no tabs, no newlines, under 200 characters */
    const char *const *ways; /* names, the preferred way first */
    int count;
    double margin; /* a later way is taken only if it is this many times faster, so that noise does not decide */
    bool neutral;  /* results have the same bits whichever way is taken */
    clmix_tune_measure measure;
    const void *data; /* for measure */
};

/* `*way` becomes the way to take. Errors: DRIVER when all ways are wrong, and what measure returned. */
clmix_status clmix_tune_choose(clmix_device *device, const struct clmix_tune_question *question, int *way);

/* The least time of a plan's run, after one that is not counted. Short runs are timed several in a row, so that waiting does not count. */
clmix_status clmix_tune_time(clmix_plan *plan, double *seconds);

#endif
