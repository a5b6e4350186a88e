#include "data/pictures.h"

#include "base/status.h"
#include "data/sequences.h"
#include "io/picture.h"

static struct clmix_picture_size size_of(const clmix_port *port)
{
    return port == NULL ? (struct clmix_picture_size){ 0 } : (struct clmix_picture_size){ port->size[0], port->size[1], port->size[2] };
}

static const clmix_port *wanted_pictures(const clmix_dataset *dataset)
{
    return clmix_port_find(dataset->wanted, dataset->wanted_count, CLMIX_PICTURES);
}

struct clmix_picture_size clmix_dataset_wanted_size(const clmix_dataset *dataset)
{
    return size_of(wanted_pictures(dataset));
}

static clmix_status check_wanted(const clmix_dataset *dataset)
{
    const clmix_port *port = wanted_pictures(dataset);
    const struct clmix_picture_size size = size_of(port);

    if (port == NULL && clmix_dataset_wants_tokens(dataset))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' is a set of pictures, and the model reads tokens; pixels: before its name makes them of it",
                          dataset->source->name);
    if (port != NULL && (port->type != CLMIX_U8 || port->rank != 3))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the port '%s' is asked for in another form than u8 (height, width, channels)",
                          CLMIX_PICTURES);
    if (size.height > CLMIX_PICTURE_SIDE || size.width > CLMIX_PICTURE_SIDE ||
        (size.channels != 0 && size.channels != 1 && size.channels != 3))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "pictures of %zux%zux%zu are asked for; sides go to %d and channels are 1 or 3",
                          size.height, size.width, size.channels, CLMIX_PICTURE_SIDE);
    return CLMIX_OK;
}

clmix_status clmix_dataset_list_pictures(clmix_dataset *dataset, size_t height, size_t width, size_t channels)
{
    const struct clmix_picture_size wanted = clmix_dataset_wanted_size(dataset);
    const clmix_port pictures = { CLMIX_PICTURES,
                                  CLMIX_U8,
                                  3,
                                  { wanted.height != 0 ? wanted.height : height, wanted.width != 0 ? wanted.width : width,
                                    wanted.channels != 0 ? wanted.channels : channels } };

    CLMIX_TRY(check_wanted(dataset));
    dataset->ports.list[CLMIX_AT_PICTURES] = pictures;
    dataset->ports.list[CLMIX_AT_LABELS] = (clmix_port){ .name = CLMIX_LABELS, .type = CLMIX_I32 };
    dataset->ports.count = 2;
    return CLMIX_OK;
}

static float luma(const float colour[3])
{
    return 0.299f * colour[0] + 0.587f * colour[1] + 0.114f * colour[2];
}

void clmix_dataset_normalize_pictures(clmix_dataset *dataset, const float mean[3], const float std[3])
{
    const bool grey = clmix_dataset_picture_size(dataset).channels == 1;

    for (int c = 0; c < 3; c++) {
        dataset->mean[c] = (grey ? luma(mean) : mean[c]) / 255.0f;
        dataset->std[c] = (grey ? luma(std) : std[c]) / 255.0f;
    }
}

struct clmix_picture_size clmix_dataset_picture_size(const clmix_dataset *dataset)
{
    return size_of(&dataset->ports.list[CLMIX_AT_PICTURES]);
}
