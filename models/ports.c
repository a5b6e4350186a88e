/* Ports that models have in common. */
#include "models/model.h"

int clmix_ports_picture(const struct clmix_model_keys *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS])
{
    const struct clmix_picture_keys *picture = &keys->picture;

    (void)length;
    ports[0] = (clmix_port){ "pictures", CLMIX_U8, 3, { picture->height, picture->width, picture->channels } };
    return 1;
}
