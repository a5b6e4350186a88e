/* Weights change their axes at the border: files have PyTorch's order, the device has channels last. */
#include "network/network.h"

/* For each device position in order, the file position of the same element. Walks the device's axes like an odometer. */
struct walk {
    int rank;
    size_t size[CLMIX_MAX_RANK];   /* of the device's axes */
    size_t stride[CLMIX_MAX_RANK]; /* file elements from one step of a device axis to the next */
    size_t at[CLMIX_MAX_RANK];
    size_t position; /* in the file */
};

static struct walk walk_start(const clmix_tensor_info *info)
{
    struct walk walk = { .rank = info->file_shape.rank };

    for (int axis = 0; axis < walk.rank; axis++) {
        int file_axis = info->order[axis];

        walk.size[axis] = info->file_shape.size[file_axis];
        walk.stride[axis] = 1;
        for (int inner = file_axis + 1; inner < walk.rank; inner++)
            walk.stride[axis] *= info->file_shape.size[inner];
    }
    return walk;
}

static void walk_step(struct walk *walk)
{
    for (int axis = walk->rank - 1; axis >= 0; axis--) {
        walk->position += walk->stride[axis];
        if (++walk->at[axis] < walk->size[axis])
            return;
        walk->position -= walk->size[axis] * walk->stride[axis];
        walk->at[axis] = 0;
    }
}

void clmix_layout_to_device(const clmix_tensor_info *info, const float *file, float *device)
{
    struct walk walk = walk_start(info);

    for (size_t i = 0, count = clmix_shape_count(info->file_shape); i < count; i++, walk_step(&walk))
        device[i] = file[walk.position];
}

void clmix_layout_to_file(const clmix_tensor_info *info, const float *device, float *file)
{
    struct walk walk = walk_start(info);

    for (size_t i = 0, count = clmix_shape_count(info->file_shape); i < count; i++, walk_step(&walk))
        file[walk.position] = device[i];
}
