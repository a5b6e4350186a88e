#include "support_device.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

clmix_device *test_device;

void open_test_device(void)
{
    check_ok(clmix_device_open(&test_device, NULL));
}

void close_test_device(void)
{
    clmix_device_close(test_device);
    test_device = NULL;
}

void check_ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s: %s", clmix_status_name(status), clmix_error());
}

bool error_mentions(const char *part)
{
    return strstr(clmix_error(), part) != NULL;
}

struct clmix_candidate made_up_device(int index, const char *platform, const char *name, cl_device_type type, unsigned units, bool unified)
{
    struct clmix_candidate candidate = { .platform = NULL };

    candidate.info.index = index;
    candidate.info.platform_index = index / 2;
    candidate.info.device_index = index % 2;
    candidate.info.type = type;
    candidate.info.compute_units = units;
    candidate.info.clock_mhz = 1000;
    candidate.info.unified_memory = unified;
    snprintf(candidate.info.name, sizeof candidate.info.name, "%s", name);
    snprintf(candidate.info.platform, sizeof candidate.info.platform, "%s", platform);
    candidate.info.quirks = clmix_quirks_match(&candidate.info);
    return candidate;
}
