#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char error_text[1024];

const char *clmix_error(void)
{
    return error_text;
}

clmix_status clmix_error_set(clmix_status status, const char *sentence)
{
    return clmix_fail(status, "%s", sentence == NULL ? "" : sentence);
}

void clmix_free(void *memory)
{
    free(memory);
}

/* Formatted aside first: an argument may be the stored text. */
static void store(const char *prefix, const char *format, va_list arguments)
{
    char text[sizeof error_text], old[sizeof error_text];
    size_t length;

    vsnprintf(text, sizeof text, format, arguments);
    if (prefix == NULL) {
        memcpy(error_text, text, sizeof text);
        return;
    }
    snprintf(old, sizeof old, "%s", prefix);
    length = strlen(text);
    memcpy(error_text, text, length + 1);
    snprintf(error_text + length, sizeof error_text - length, ": %s", old);
}

clmix_status clmix_fail(clmix_status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    store(NULL, format, arguments);
    va_end(arguments);
    return status;
}

clmix_status clmix_fail_at(clmix_status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    store(error_text, format, arguments);
    va_end(arguments);
    return status;
}

clmix_status clmix_fail_memory(const char *what)
{
    return clmix_fail(CLMIX_ERROR_HOST_MEMORY, "the host is out of memory for %s; close other programs or use a smaller batch", what);
}

const char *clmix_status_name(clmix_status status)
{
    static const char *const names[] = {
        [CLMIX_OK] = "ok",
        [CLMIX_ERROR_NO_DEVICE] = "no device",
        [CLMIX_ERROR_DRIVER] = "driver",
        [CLMIX_ERROR_BUILD] = "kernel build",
        [CLMIX_ERROR_ARGUMENT] = "argument",
        [CLMIX_ERROR_UNSUPPORTED] = "unsupported",
        [CLMIX_ERROR_HOST_MEMORY] = "host memory",
        [CLMIX_ERROR_DEVICE_MEMORY] = "device memory",
        [CLMIX_ERROR_FILE] = "file",
        [CLMIX_ERROR_FORMAT] = "format",
        [CLMIX_ERROR_NOT_FINITE] = "not finite",
        [CLMIX_ERROR_INTERRUPTED] = "interrupted",
        [CLMIX_ERROR_INTERNAL] = "internal",
        [CLMIX_ERROR_PEER] = "peer",
    };
    size_t index = (size_t)status;

    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}
