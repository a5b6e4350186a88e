#include "support_data.h"

#include <check.h>
#include <string.h>

void expect_error(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "status %s, not %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' is not in: %s", part, clmix_error());
}

clmix_dataset *must_open(const char *spec, size_t height, size_t width, size_t channels)
{
    clmix_dataset *dataset = NULL;

    ck_assert_msg(clmix_dataset_open(&dataset, spec, height, width, channels) == CLMIX_OK, "%s", clmix_error());
    return dataset;
}

void must_get(const clmix_dataset *dataset, clmix_split split, size_t index, unsigned char *picture, int *label)
{
    ck_assert_msg(clmix_dataset_get(dataset, split, index, picture, label) == CLMIX_OK, "%s", clmix_error());
}
