#include "support_data.h"

#include <check.h>
#include <string.h>

void expect_error(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "status %s, not %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' is not in: %s", part, clmix_error());
}

clmix_status open_pictures(clmix_dataset **dataset, const char *spec, size_t height, size_t width, size_t channels)
{
    const clmix_port wanted = { "pictures", CLMIX_U8, 3, { height, width, channels } };

    return clmix_dataset_open(dataset, spec, &wanted, 1);
}

clmix_dataset *must_open(const char *spec, size_t height, size_t width, size_t channels)
{
    clmix_dataset *dataset = NULL;

    ck_assert_msg(open_pictures(&dataset, spec, height, width, channels) == CLMIX_OK, "%s", clmix_error());
    return dataset;
}

void must_get(const clmix_dataset *dataset, clmix_split split, size_t index, unsigned char *picture, int32_t *label)
{
    int32_t ignored;

    ck_assert_msg(clmix_dataset_get(dataset, split, index, (void *[]){ picture, label == NULL ? &ignored : label }) == CLMIX_OK, "%s",
                  clmix_error());
}

void must_be_sized(const clmix_dataset *dataset, size_t height, size_t width, size_t channels)
{
    size_t count;
    const clmix_port *ports = clmix_dataset_ports(dataset, &count);

    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(ports[0].name, "pictures");
    ck_assert(ports[0].type == CLMIX_U8 && ports[0].rank == 3);
    ck_assert_msg(ports[0].size[0] == height && ports[0].size[1] == width && ports[0].size[2] == channels, "%zux%zux%zu", ports[0].size[0],
                  ports[0].size[1], ports[0].size[2]);
    ck_assert_str_eq(ports[1].name, "labels");
    ck_assert(ports[1].type == CLMIX_I32 && ports[1].rank == 0);
}

uint64_t hash_more(uint64_t hash, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001B3u;
    return hash;
}
