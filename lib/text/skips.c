#include "text/skips.h"

#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void clmix_skip(clmix_skips *skips, enum clmix_skip_reason reason, const char *format, ...)
{
    size_t *const counts[] = { &skips->encoding, &skips->length, &skips->empty, &skips->form, &skips->label };
    va_list arguments;

    if (clmix_skips_count(skips) == 0) {
        va_start(arguments, format);
        vsnprintf(skips->first, sizeof skips->first, format, arguments);
        va_end(arguments);
    }
    ++*counts[reason];
}

size_t clmix_skips_count(const clmix_skips *skips)
{
    return skips == NULL ? 0 : skips->encoding + skips->length + skips->empty + skips->form + skips->label;
}

void clmix_skips_add(clmix_skips *skips, const clmix_skips *more)
{
    if (clmix_skips_count(skips) == 0)
        memcpy(skips->first, more->first, sizeof skips->first);
    skips->read += more->read;
    skips->encoding += more->encoding;
    skips->length += more->length;
    skips->empty += more->empty;
    skips->form += more->form;
    skips->label += more->label;
}

clmix_status clmix_skips_check(const clmix_skips *skips, const char *format, ...)
{
    const size_t count = clmix_skips_count(skips);
    char what[512];
    va_list arguments;

    if (count == 0 || count < skips->read)
        return CLMIX_OK;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return clmix_fail(CLMIX_ERROR_FORMAT, "%s can be taken: %s", what, skips->first);
}
