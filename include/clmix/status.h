/* Errors: status codes and their sentences.
 *
 * Every call that can fail returns a clmix_status. On anything but CLMIX_OK, clmix_error() gives one sentence for the calling
 * thread: what was asked, what was found, what to do. The library never prints, exits or aborts.
 *
 * Pointers: where a call needs an object, a text or a place for a result, NULL is CLMIX_ERROR_ARGUMENT, with a sentence that names the
 * function and the parameter. Getters give 0, NULL or "" for a NULL object, and what frees or closes takes NULL. Each comment says
 * which pointers may be NULL, and which errors there are beside that. */
#ifndef CLMIX_STATUS_H
#define CLMIX_STATUS_H

#include <clmix/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a call. */
typedef enum clmix_status {
    CLMIX_OK = 0,
    CLMIX_ERROR_NO_DEVICE = 1,     /* no OpenCL platform or device, or none that the selector names */
    CLMIX_ERROR_DRIVER = 2,        /* an OpenCL call failed */
    CLMIX_ERROR_BUILD = 3,         /* a kernel does not compile on this device */
    CLMIX_ERROR_ARGUMENT = 4,      /* a value, a name, a shape or an option is wrong */
    CLMIX_ERROR_UNSUPPORTED = 5,   /* right, but not something this version or this device can do */
    CLMIX_ERROR_HOST_MEMORY = 6,   /* the host is out of memory */
    CLMIX_ERROR_DEVICE_MEMORY = 7, /* the plan does not fit the device, or an allocation failed */
    CLMIX_ERROR_FILE = 8,          /* a file cannot be opened, read or written (the disk is full, say) */
    CLMIX_ERROR_FORMAT = 9,        /* a file was read and is not what it should be */
    CLMIX_ERROR_NOT_FINITE = 10,   /* a loss or a gradient is NaN or infinite */
    CLMIX_ERROR_INTERRUPTED = 11,  /* the caller asked to stop */
    CLMIX_ERROR_INTERNAL = 12,     /* a defect of clmix: please report it */
    CLMIX_ERROR_PEER = 13          /* another process of the run failed or is gone. Since 0.4 */
} clmix_status;

/* The sentence for the last failure on this thread; never NULL, "" when nothing failed. Valid until the thread's next failure. */
CLMIX_API const char *clmix_error(void);

/* For functions of the application that clmix calls: stores the sentence of what went wrong for this thread (copied, cut at 1 KiB; NULL is ""),
 * and gives `status` back, so that a failing line reads  return clmix_error_set(CLMIX_ERROR_FILE, "the archive ends early");  Since 0.2. */
CLMIX_API clmix_status clmix_error_set(clmix_status status, const char *sentence);

/* A short name such as "device memory"; never NULL. */
CLMIX_API const char *clmix_status_name(clmix_status status);

/* Frees memory that a clmix call handed to the caller. NULL is allowed. */
CLMIX_API void clmix_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
