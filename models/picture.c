/* What every image model has: its keys, its port and its answer. */
#include "models/model.h"

#define AT(member) offsetof(struct clmix_picture_keys, member)

static const struct clmix_key rows[] = {
    { .name = "image_size", .type = CLMIX_KEY_PAIR, .offset = AT(height), .meaning = "of the pictures, before any stem" },
    { .name = "channels", .type = CLMIX_KEY_SIZE, .offset = AT(channels), .usual = "3", .meaning = "of the pictures" },
    { .name = "classes", .type = CLMIX_KEY_SIZE, .offset = AT(classes), .meaning = "logits" },
};

const struct clmix_key_table clmix_picture_table = {
    .bytes = sizeof(struct clmix_picture_keys),
    .keys = rows,
    .count = sizeof rows / sizeof *rows,
};

int clmix_picture_ports(const void *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS])
{
    const struct clmix_picture_keys *picture = keys;

    (void)length;
    ports[0] = (clmix_port){ CLMIX_PICTURES, CLMIX_U8, 3, { picture->height, picture->width, picture->channels } };
    return 1;
}

struct clmix_model_answer clmix_picture_answer(const void *keys)
{
    const struct clmix_picture_keys *picture = keys;

    return (struct clmix_model_answer){ .answer = CLMIX_ANSWER_CLASSES, .classes = picture->classes };
}
