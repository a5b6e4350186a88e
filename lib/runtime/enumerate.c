/* Finding devices over all platforms, and choosing one. A platform that fails is noted and passed over: one broken driver must not hide the others. */
#include "base/array.h"
#include "base/near.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <CL/cl_ext.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* A text that grows by lines; a line that the host has no memory for is left out. */
static void add_line(char **text, const char *line)
{
    size_t old = *text == NULL ? 0 : strlen(*text), length = strlen(line);
    char *longer = realloc(*text, old + length + 2);

    if (longer == NULL)
        return;
    snprintf(longer + old, length + 2, "%s%s", old > 0 ? "\n" : "", line);
    *text = longer;
}

static void platform_title(cl_platform_id platform, int number, char *title, size_t bytes)
{
    char name[128] = "";

    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL) != CL_SUCCESS || name[0] == '\0')
        snprintf(title, bytes, "platform %d", number);
    else
        snprintf(title, bytes, "platform %d (%s)", number, name);
}

static const char *hint_for_empty(const char *title)
{
    if (strstr(title, "rusticl") != NULL)
        return "; RUSTICL_ENABLE=<driver> (radeonsi, iris, llvmpipe) switches its devices on";
    if (strstr(title, "Clover") != NULL)
        return "; Mesa's Clover is retired, rusticl, ROCm or PoCL serve its devices";
    return "";
}

static clmix_status add_platform(cl_platform_id platform, int number, struct clmix_candidate **candidates, size_t *count, size_t *capacity,
                                 char **skipped)
{
    cl_device_id ids[64];
    cl_uint found = 0;
    char title[192], line[512];
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, sizeof ids / sizeof ids[0], ids, &found);

    platform_title(platform, number, title, sizeof title);
    if (code != CL_SUCCESS || found == 0) {
        if (code == CL_SUCCESS || code == CL_DEVICE_NOT_FOUND)
            snprintf(line, sizeof line, "%s has no devices%s", title, hint_for_empty(title));
        else
            snprintf(line, sizeof line, "%s cannot list its devices: %s", title, clmix_cl_error_name(code));
        add_line(skipped, line);
        return CLMIX_OK;
    }
    if (found > sizeof ids / sizeof ids[0])
        found = sizeof ids / sizeof ids[0];
    for (cl_uint i = 0; i < found; i++) {
        struct clmix_candidate candidate = { .platform = platform, .id = ids[i] };

        if (!clmix_probe_limits(platform, ids[i], &candidate.info, line, sizeof line)) {
            add_line(skipped, line);
            continue;
        }
        candidate.info.index = (int)*count;
        candidate.info.platform_index = number;
        candidate.info.device_index = (int)i;
        if (!CLMIX_PUSH(*candidates, *count, *capacity, candidate))
            return clmix_fail_memory("the list of devices");
    }
    return CLMIX_OK;
}

clmix_status clmix_enumerate(struct clmix_candidate **candidates, size_t *count, char **skipped)
{
    cl_platform_id platforms[64];
    cl_uint found = 0;
    size_t capacity = 0;
    cl_int code = clGetPlatformIDs(sizeof platforms / sizeof platforms[0], platforms, &found);

    *candidates = NULL;
    *count = 0;
    *skipped = NULL;
    if (code != CL_SUCCESS && code != CL_PLATFORM_NOT_FOUND_KHR) {
        char line[128];

        snprintf(line, sizeof line, "the OpenCL loader cannot list platforms: %s", clmix_cl_error_name(code));
        add_line(skipped, line);
    }
    if (code != CL_SUCCESS)
        return CLMIX_OK;
    if (found > sizeof platforms / sizeof platforms[0])
        found = sizeof platforms / sizeof platforms[0];
    for (cl_uint i = 0; i < found; i++) {
        clmix_status status = add_platform(platforms[i], (int)i, candidates, count, &capacity, skipped);

        if (status != CLMIX_OK) {
            free(*candidates);
            free(*skipped);
            *candidates = NULL;
            *count = 0;
            *skipped = NULL;
            return status;
        }
    }
    return CLMIX_OK;
}

clmix_status clmix_fail_no_device(const char *skipped)
{
    struct rlimit space;

    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
        return clmix_fail(CLMIX_ERROR_NO_DEVICE,
                          "no usable OpenCL device, and this process may take %llu MB of addresses only (ulimit -v): drivers need "
                          "hundreds to load, and more to run; raise or lift the limit%s%s",
                          (unsigned long long)(space.rlim_cur >> 20), skipped == NULL ? "" : "; ", skipped == NULL ? "" : skipped);
    return clmix_fail(
        CLMIX_ERROR_NO_DEVICE,
        "no usable OpenCL device; install a driver (Debian: pocl-opencl-icd for any CPU, mesa-opencl-icd or rocm-opencl-icd for AMD, "
        "intel-opencl-icd for Intel, nvidia-opencl-icd for NVIDIA) and see with 'ls /etc/OpenCL/vendors' and 'clinfo -l' what is there%s%s",
        skipped == NULL ? "" : "; ", skipped == NULL ? "" : skipped);
}

/* --- selection ---------------------------------------------------------------------------------------------------------------------- */

static int type_rank(const clmix_device_info *info)
{
    if (clmix_quirk_in_force(info, CLMIX_EFFECT_LAST))
        return 0;
    if ((info->type & CL_DEVICE_TYPE_GPU) != 0)
        return info->unified_memory ? 4 : 5;
    if ((info->type & CL_DEVICE_TYPE_ACCELERATOR) != 0)
        return 3;
    return (info->type & CL_DEVICE_TYPE_CPU) != 0 ? 2 : 1;
}

/* By type, then compute units times clock, then memory. */
static bool more_capable(const clmix_device_info *a, const clmix_device_info *b)
{
    uint64_t speed_a = (uint64_t)a->compute_units * (a->clock_mhz > 0 ? a->clock_mhz : 1);
    uint64_t speed_b = (uint64_t)b->compute_units * (b->clock_mhz > 0 ? b->clock_mhz : 1);

    if (type_rank(a) != type_rank(b))
        return type_rank(a) > type_rank(b);
    if (speed_a != speed_b)
        return speed_a > speed_b;
    return a->global_bytes > b->global_bytes;
}

static bool same_word(const char *a, const char *b)
{
    for (; *a != '\0' && tolower((unsigned char)*a) == tolower((unsigned char)*b); a++)
        b++;
    return *a == '\0' && *b == '\0';
}

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (; *text != '\0'; text++) {
        size_t i = 0;

        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

/* "1" or "0:1" and nothing behind; false for anything else. A flat index leaves *second at -1. */
static bool parse_numbers(const char *selector, long *first, long *second)
{
    char *end;

    *second = -1;
    if (!isdigit((unsigned char)selector[0]))
        return false;
    *first = strtol(selector, &end, 10);
    if (*end == '\0')
        return true;
    if (*end != ':' || !isdigit((unsigned char)end[1]))
        return false;
    *second = strtol(end + 1, &end, 10);
    return *end == '\0';
}

/* How well a selector fits a device, 0 for not at all. Names count more than vendors, and those more than versions: on a processor of
 * Intel's, "intel" is Intel's runtime before it is another's that names the processor's maker. */
static int fit(const clmix_device_info *info, const char *selector)
{
    long first, second;

    if (selector == NULL)
        return 1;
    if (parse_numbers(selector, &first, &second))
        return second < 0 ? info->index == first : info->platform_index == first && info->device_index == second;
    if (same_word(selector, "cpu"))
        return (info->type & CL_DEVICE_TYPE_CPU) != 0;
    if (same_word(selector, "gpu"))
        return (info->type & CL_DEVICE_TYPE_GPU) != 0;
    if (same_word(selector, "accelerator"))
        return (info->type & CL_DEVICE_TYPE_ACCELERATOR) != 0;
    if (contains(info->name, selector) || contains(info->platform, selector))
        return 3;
    if (contains(info->vendor, selector))
        return 2;
    return contains(info->platform_version, selector) || contains(info->driver, selector);
}

/* ---- none is called that ------------------------------------------------------------------------------------------------------------- */

/* The words that devices go by. */
struct words {
    char text[2048];
    const char *at[256];
    size_t used, count;
};

static void add_words(struct words *words, const char *text)
{
    for (;;) {
        size_t length = 0;

        while (*text != '\0' && !isalnum((unsigned char)*text))
            text++;
        while (isalnum((unsigned char)text[length]))
            length++;
        if (length == 0 || words->used + length + 1 > sizeof words->text || words->count == sizeof words->at / sizeof words->at[0])
            return;
        words->at[words->count++] = words->text + words->used;
        memcpy(words->text + words->used, text, length);
        words->used += length;
        words->text[words->used++] = '\0';
        text += length;
    }
}

static clmix_status fail_unknown(const struct clmix_candidate *candidates, size_t count, const char *selector)
{
    struct words words = { .count = 0 };
    char there[640] = "", meant[CLMIX_MEANT_BYTES];
    size_t used = 0;

    add_words(&words, "cpu gpu accelerator");
    for (size_t i = 0; i < count; i++) {
        const clmix_device_info *info = &candidates[i].info;

        if (used < sizeof there)
            used += (size_t)snprintf(there + used, sizeof there - used, "%s%d = %d:%d %s (%s, %s)", i > 0 ? "; " : "", info->index,
                                     info->platform_index, info->device_index, info->name, info->platform, info->platform_version);
        add_words(&words, info->name);
        add_words(&words, info->platform);
        add_words(&words, info->vendor);
        add_words(&words, info->platform_version);
    }
    return clmix_fail(CLMIX_ERROR_NO_DEVICE, "no device is called '%.100s'; there %s %s%s", selector, count == 1 ? "is" : "are", there,
                      clmix_meant(meant, selector, words.at, words.count));
}

clmix_status clmix_select(const struct clmix_candidate *candidates, size_t count, const char *selector, size_t *chosen)
{
    size_t best = count;
    int best_fit = 0;

    for (size_t i = 0; i < count; i++) {
        const int found = fit(&candidates[i].info, selector);

        if (found > best_fit || (found > 0 && found == best_fit && more_capable(&candidates[i].info, &candidates[best].info))) {
            best = i;
            best_fit = found;
        }
    }
    *chosen = best;
    return best < count ? CLMIX_OK : fail_unknown(candidates, count, selector);
}
