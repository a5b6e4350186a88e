#include "models/parts/stem.h"

#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"

#include <clmix/ops.h>
#include <math.h>

/* ---- convolutions -------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_convolutions(clmix_scope at, clmix_value pictures, const struct clmix_key_list *channels, size_t stride, size_t dim)
{
    clmix_value x = pictures;

    for (size_t i = 0; i <= channels->count; i++)
        x = clmix_conv2d(clmix_in(at, "%zu", i), x, i < channels->count ? channels->size[i] : dim, clmix_square(3, i == 0 ? stride : 1, 1),
                         true);
    return x;
}

clmix_value clmix_map_tokens(clmix_value map)
{
    const clmix_shape shape = clmix_shape_of(map);

    return clmix_is_value(map) ? clmix_reshape(map, 3, (size_t[]){ shape.size[0], shape.size[1] * shape.size[2], shape.size[3] }) : map;
}

/* ---- patches -------------------------------------------------------------------------------------------------------------------------- */

/* Rows of the weight (C, height width) x dim in the order (height width, C): those of one channel are its columns. */
static clmix_value channels_last(clmix_value weight, size_t channels)
{
    const size_t pixels = clmix_shape_of(weight).size[0] / channels;
    clmix_value columns = clmix_slice(weight, 0, 0, pixels);

    for (size_t c = 1; c < channels; c++)
        columns = clmix_concat((clmix_value[]){ columns, clmix_slice(weight, 0, c * pixels, pixels) }, 2, -1);
    return columns;
}

clmix_value clmix_patches_with(clmix_scope at, clmix_value pictures, clmix_value weight, clmix_value bias,
                               const struct clmix_stem_keys *keys)
{
    const size_t channels = clmix_shape_of(pictures).size[3], dim = clmix_shape_columns(clmix_shape_of(weight));
    const clmix_window window = { .kernel = { keys->patch[0], keys->patch[1] }, .stride = { keys->step[0], keys->step[1] } };

    if (keys->channels_first && keys->patch[0] * keys->patch[1] > 1)
        weight = channels_last(weight, channels);
    weight = clmix_reshape(weight, 4, (size_t[]){ keys->patch[0], keys->patch[1], channels, dim });
    return clmix_map_tokens(clmix_conv2d_with(at, pictures, weight, bias, window));
}

static clmix_value patches(clmix_scope at, clmix_value pictures, const struct clmix_stem_keys *keys, size_t dim)
{
    const size_t in = keys->patch[0] * keys->patch[1] * clmix_shape_of(pictures).size[3];
    const clmix_initializer uniform = { .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)in) };
    clmix_value weight = clmix_parameter(at, "weight", 2, (size_t[]){ dim, in }, (int[]){ 1, 0 }, uniform),
                bias = clmix_parameter(at, "bias", 1, &dim, NULL, uniform);

    if (!clmix_is_value(weight) || !clmix_is_value(bias))
        return bias;
    clmix_at(at);
    return clmix_patches_with(at, pictures, weight, bias, keys);
}

/* ---- both ------------------------------------------------------------------------------------------------------------------------------ */

clmix_value clmix_stem(clmix_scope at, clmix_scope linear, clmix_value pictures, const struct clmix_stem_keys *keys, size_t dim)
{
    size_t map[2], values;

    if (!clmix_is_value(pictures))
        return pictures;
    if (keys->kind == CLMIX_STEM_CONV)
        return clmix_module(clmix_map_tokens(clmix_convolutions(at, pictures, &keys->channels, keys->stride, dim)));
    clmix_stem_map(keys, map);
    values = clmix_shape_of(pictures).size[0] * map[0] * map[1] * keys->patch[0] * keys->patch[1] * keys->picture.channels;
    clmix_module_values(pictures, keys->channels_first ? 2 * values : values); /* unfolded, and rearranged */
    return patches(linear, pictures, keys, dim);
}

void clmix_stem_map(const struct clmix_stem_keys *keys, size_t map[2])
{
    const size_t size[2] = { keys->picture.height, keys->picture.width };

    for (int i = 0; i < 2; i++)
        map[i] = keys->kind == CLMIX_STEM_CONV ? (size[i] - 1) / keys->stride + 1 : (size[i] - keys->patch[i]) / keys->step[i] + 1;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_stem_settle(struct clmix_stem_keys *keys, const char *where)
{
    const struct clmix_picture_keys *picture = &keys->picture;
    const bool side_by_side = keys->step[0] == 0;

    if (keys->kind == CLMIX_STEM_CONV && (keys->patch[0] != 1 || keys->patch[1] != 1))
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'patch_size' is %zux%zu and 'stem' is conv, which has no patches; leave 'patch_size' out", where,
                          keys->patch[0], keys->patch[1]);
    for (int i = 0; side_by_side && i < 2; i++)
        keys->step[i] = keys->patch[i];
    if (keys->patch[0] > picture->height || keys->patch[1] > picture->width ||
        (side_by_side && (picture->height % keys->patch[0] != 0 || picture->width % keys->patch[1] != 0)))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: patches of %zux%zu do not %s pictures of %zux%zu; 'patch_size' must %s 'image_size'",
                          where, keys->patch[0], keys->patch[1], side_by_side ? "cover" : "fit into", picture->height, picture->width,
                          side_by_side ? "divide" : "be at most");
    return CLMIX_OK;
}

#define AT(member) offsetof(struct clmix_stem_keys, member)

static const char *const kinds[] = { "patch", "conv", NULL };

static const struct clmix_key rows[] = {
    { .name = "stem",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(kind),
      .choices = kinds,
      .usual = "patch",
      .meaning = "a linear layer of each patch, or the 3x3 convolutions of the hybrid models, with nothing between them" },
    { .name = "patch_size",
      .type = CLMIX_KEY_PAIR,
      .offset = AT(patch),
      .usual = "1",
      .meaning = "of a patch, in pixels; 1 where `stem` is `conv`" },
    { .name = "stem_channels",
      .type = CLMIX_KEY_LIST,
      .offset = AT(channels),
      .usual = "[32, 64]",
      .meaning = "of the convolutions before the last one, whose width is `dim`" },
    { .name = "stem_stride", .type = CLMIX_KEY_SIZE, .offset = AT(stride), .usual = "1", .meaning = "of the first convolution" },
};

const struct clmix_key_table clmix_stem_table = {
    .first = &clmix_picture_table,
    .keys = rows,
    .count = sizeof rows / sizeof *rows,
};
