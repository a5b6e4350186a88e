#include "data/pictures.h"

void clmix_dataset_list_pictures(clmix_dataset *dataset, size_t height, size_t width, size_t channels)
{
    const struct clmix_picture_size *wanted = &dataset->wanted;

    dataset->ports = (clmix_ports){
        .list = { [CLMIX_AT_PICTURES] = { .name = CLMIX_PICTURES,
                                          .type = CLMIX_U8,
                                          .rank = 3,
                                          .size = { wanted->height != 0 ? wanted->height : height,
                                                    wanted->width != 0 ? wanted->width : width,
                                                    wanted->channels != 0 ? wanted->channels : channels } },
                  [CLMIX_AT_LABELS] = { .name = CLMIX_LABELS, .type = CLMIX_I32 } },
        .count = 2,
    };
}

struct clmix_picture_size clmix_dataset_picture_size(const clmix_dataset *dataset)
{
    const size_t *size = dataset->ports.list[CLMIX_AT_PICTURES].size;

    return (struct clmix_picture_size){ size[0], size[1], size[2] };
}
