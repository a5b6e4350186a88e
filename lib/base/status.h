/* Raising errors: clmix_fail stores the sentence and gives back the status, so that a failing line reads
 *     return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': %zu bytes expected, %zu found; the download stopped early, fetch it again", ...); */
#ifndef CLMIX_BASE_STATUS_H
#define CLMIX_BASE_STATUS_H

#include <clmix/status.h>
#include <stddef.h>

/* Stores the formatted sentence for this thread (cut at 1 KiB) and returns `status`. The arguments may include clmix_error() itself. */
clmix_status clmix_fail(clmix_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* CLMIX_ERROR_HOST_MEMORY with what was being allocated. */
clmix_status clmix_fail_memory(const char *what);

/* Puts "prefix: " in front of the stored sentence and returns `status` unchanged; for a caller that knows the path or the op. */
clmix_status clmix_fail_at(clmix_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first lines of a public function: an object or a place that it cannot do without. */
#define CLMIX_NEED(pointer)                                                                                  \
    do {                                                                                                     \
        if ((pointer) == NULL)                                                                               \
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s: '%s' is NULL and must not be", __func__, #pointer); \
    } while (0)

/* Hands a failure on to the caller. */
#define CLMIX_TRY(call)                    \
    do {                                   \
        clmix_status try_status_ = (call); \
        if (try_status_ != CLMIX_OK)       \
            return try_status_;            \
    } while (0)

#endif
