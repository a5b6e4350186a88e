/* What is known to be wrong or unusual with drivers, as data: a row says which devices it is for, what it does and why. Only what cannot be
 * asked of the driver or probed belongs here. */
#include "runtime/internal.h"

#include <ctype.h>
#include <fnmatch.h>

struct quirk {
    const char *platform, *vendor, *device, *driver; /* globs, letter case ignored; NULL matches everything */
    enum clmix_quirk_effect effect;
    const char *text; /* name and explanation */
};

/* The bit of a row in clmix_device_info.quirks is its place here: append, do not reorder. */
static const struct quirk quirks[] = {
    { "rusticl", NULL, NULL, NULL, CLMIX_EFFECT_SIMT,
      "simt-only: wide kernels give wrong results or end the process on Mesa's rusticl (22.3, llvmpipe); the simt kernels are right" },
    { "rusticl", NULL, "*llvmpipe*", NULL, CLMIX_EFFECT_LAST,
      "last-choice: llvmpipe is a software rasteriser, 30 to 250 times slower than PoCL; it is used when named or alone" },
    { "*oclgrind*", NULL, NULL, NULL, CLMIX_EFFECT_LAST,
      "last-choice: Oclgrind interprets kernels to find their errors, some 2000 times slower than PoCL; it is used when named or alone" },
    { "*nvidia*", NULL, NULL, NULL, CLMIX_EFFECT_SLEEP,
      "sleeping-wait: NVIDIA's clFinish occupies a core while it waits; clmix polls with sleeps" },
    { "intel*graphics*", NULL, NULL, NULL, CLMIX_EFFECT_SLEEP,
      "sleeping-wait: the clFinish of Intel's GPU driver occupies a core while it waits; clmix polls with sleeps" },
    { "qualcomm*", NULL, NULL, NULL, CLMIX_EFFECT_ANY_GROUP,
      "free-group-size: reqd_work_group_size makes Adreno's compiler fail or slow; kernels are built without it" },
    { "apple", NULL, NULL, NULL, CLMIX_EFFECT_2_GIB,
      "2-gib: Apple's OpenCL fails on single buffers of 2 GiB or more, whatever limit it reports" },
    { "intel*graphics*", NULL, NULL, NULL, CLMIX_EFFECT_FEW_SUMS,
      "few-sums: Intel's GPUs run 16 or 32 work-items in 128 registers, where products with more than 16 sums a work-item spill" },
    { NULL, "intel*", "*data center gpu max*", NULL, CLMIX_EFFECT_HALF_WAVES,
      "sub-groups-of-16: Intel's Data Center GPU Max runs 32 work-items in the registers for 16 unless it is told to; attention and "
      "products then spill" },
    { "portable computing language", NULL, NULL, "6.0*", CLMIX_EFFECT_WIDE,
      "wide-only: PoCL 6.0 compiles kernels whose work-items wait for each other wrongly now and then (of six compilations of one kernel "
      "two gave wrong gradients of attention); the wide kernels are right" },
};

_Static_assert(sizeof quirks / sizeof quirks[0] <= 64, "clmix_device_info.quirks has 64 bits");

static void lower(char *to, size_t bytes, const char *from)
{
    size_t i = 0;

    for (; from[i] != '\0' && i + 1 < bytes; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[i] = '\0';
}

static bool matches(const char *glob, const char *text)
{
    char lowered[128];

    if (glob == NULL)
        return true;
    lower(lowered, sizeof lowered, text);
    return fnmatch(glob, lowered, 0) == 0;
}

uint64_t clmix_quirks_match(const clmix_device_info *info)
{
    uint64_t found = 0;

    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
        if (matches(quirks[i].platform, info->platform) && matches(quirks[i].vendor, info->vendor) &&
            matches(quirks[i].device, info->name) && matches(quirks[i].driver, info->driver))
            found |= (uint64_t)1 << i;
    return found;
}

bool clmix_quirk_in_force(const clmix_device_info *info, enum clmix_quirk_effect effect)
{
    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
        if (quirks[i].effect == effect && (info->quirks >> i & 1) != 0)
            return true;
    return false;
}

bool clmix_device_few_sums(const clmix_device_info *info)
{
    return clmix_quirk_in_force(info, CLMIX_EFFECT_FEW_SUMS);
}

bool clmix_device_half_waves(const clmix_device_info *info)
{
    return clmix_quirk_in_force(info, CLMIX_EFFECT_HALF_WAVES);
}

const char *clmix_device_form_quirk(const clmix_device_info *info)
{
    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
        if ((quirks[i].effect == CLMIX_EFFECT_SIMT || quirks[i].effect == CLMIX_EFFECT_WIDE) && (info->quirks >> i & 1) != 0)
            return quirks[i].text;
    return NULL;
}

bool clmix_device_one_form(const clmix_device_info *info)
{
    return clmix_device_form_quirk(info) != NULL;
}

const char *clmix_device_quirk(const clmix_device_info *info, unsigned bit)
{
    if (info == NULL || bit >= sizeof quirks / sizeof quirks[0] || (info->quirks >> bit & 1) == 0)
        return NULL;
    return quirks[bit].text;
}
