/* WaveMix: resource-efficient token mixing for images (Jeevan & Sethi, 2022), as the authors' public notebook has it.
 *
 *     x = conv.1(conv.0(pictures));   x = x + block(x), `depth` times;   logits = mlp_head(mean over the map of x)
 *
 * No norm and no nonlinearity outside of the blocks. Names and shapes of the weights are the authors'. */
#include "models/wavemix.h"
#include "base/status.h"
#include "graph/modules.h"
#include "models/parts/feed_forward.h"
#include "models/parts/pointwise.h"
#include <clmix/ops.h>

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

/* tokens (sum of all levels' tokens, 4 dim) -> (same, ff_dim): one pair of weights for every level. Two forms, of which the authors' linear
 * one moves the channels to the end, and back. */
static clmix_value mix_bands(clmix_scope at, clmix_value tokens, const struct wavemix_keys *keys)
{
    if (keys->feedforward == WAVEMIX_CONV)
        tokens = clmix_feed_forward(clmix_in(at, "0"), clmix_in(at, "3"), tokens, clmix_pointwise_layer, keys->mult_dim, keys->ff_dim,
                                    keys->dropout);
    else
        tokens = clmix_module(clmix_feed_forward(clmix_in(at, "1"), clmix_in(at, "4"), clmix_module(tokens), clmix_channel_linear,
                                                 keys->mult_dim, keys->ff_dim, keys->dropout));
    clmix_module_calls(at, keys->levels);
    return tokens;
}

/* Equations 1 to 6 without the residual:  concat_j up_j(mix(bands_j(x))), j = 1 .. levels.
 * bands_j: approximation and three details of level j, (B, H/2^j, W/2^j, 4 dim). mix: the feed-forward part. up_j: transposed convolution
 * back to (B, H, W, level_channels.size[j]). The levels are one list of tokens from the wavelet to the feed-forward part. */
clmix_value clmix_wavemix_block(clmix_scope at, clmix_value x, const struct wavemix_keys *keys)
{
    clmix_value up[WAVEMIX_MAX_LEVELS];
    clmix_value bands, mixed;

    clmix_at(at);
    bands = clmix_haar_bands(x, (int)keys->levels);
    mixed = mix_bands(clmix_in(at, "feedforward"), bands, keys);
    for (int j = 1; j <= (int)keys->levels; j++) {
        clmix_value level = clmix_haar_level(mixed, x, j);
        clmix_window window = clmix_square(((size_t)1 << j) + 2, (size_t)1 << j, 1);

        up[j - 1] = clmix_conv_transpose2d(clmix_in(at, "ff%d", j), level, keys->level_channels.size[j - 1], window, true);
    }
    return clmix_module(clmix_concat(up, (int)keys->levels, -1));
}

static clmix_value wavemix_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct wavemix_keys *keys = given;
    clmix_value x = clmix_conv2d(clmix_in(at, "conv.0"), inputs[0], keys->dim / 2, clmix_square(3, keys->stem_stride, 1), true);

    x = clmix_conv2d(clmix_in(at, "conv.1"), x, keys->dim, clmix_square(3, 1, 1), true);
    for (size_t i = 0; i < keys->depth; i++) {
        clmix_scope block = clmix_in(at, "layers.%zu.0", i);

        x = clmix_add(clmix_wavemix_block(block, x, keys), x);
    }
    clmix_at(clmix_in(at, "pool"));
    x = clmix_module(clmix_module(clmix_global_average_pool(x))); /* pooled, and flattened */
    return clmix_linear(clmix_in(at, "mlp_head"), x, keys->picture.classes, true);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct wavemix_keys, member)

static const char *const feedforwards[] = { "conv", "linear", NULL };

static const struct clmix_key rows[] = {
    { .name = "dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(dim),
      .least = 2, /* the stem's first width is dim / 2 */
      .meaning = "channels between blocks, the number in WaveMix-32" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "mult_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mult_dim),
      .usual = "32",
      .meaning = "hidden channels of the feed-forward part" },
    { .name = "ff_dim", .type = CLMIX_KEY_SIZE, .offset = AT(ff_dim), .usual = "16", .meaning = "its output channels" },
    { .name = "feedforward",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(feedforward),
      .choices = feedforwards,
      .usual = "conv",
      .meaning = "1x1 convolutions or linear layers: one function, two sets of names and shapes in files" },
    { .name = "levels",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(levels),
      .most = WAVEMIX_MAX_LEVELS,
      .usual = "4",
      .meaning = "wavelet levels; the map behind the stem must be divisible by 2^levels" },
    { .name = "level_channels",
      .type = CLMIX_KEY_LIST,
      .offset = AT(level_channels),
      .derived = "`dim / 4` each",
      .meaning = "output channels of each level's up-sampling, finest first, one entry a level; they add up to `dim`" },
    { .name = "stem_stride",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(stem_stride),
      .usual = "1",
      .meaning = "of the first of the two 3x3 convolutions" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(dropout),
      .usual = "0",
      .meaning = "after the GELU and after the second layer of the feed-forward part" },
};

/* level_channels: dim / 4 each unless given; one entry a level, adding up to dim. */
static clmix_status settle_level_channels(struct wavemix_keys *keys, const char *where)
{
    struct clmix_key_list *channels = &keys->level_channels;
    bool absent = channels->count == 0;
    size_t sum = 0;

    if (!absent && channels->count != keys->levels)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'level_channels' has %zu entries and 'levels' is %zu; give one entry a level, finest first", where,
                          channels->count, keys->levels);
    channels->count = keys->levels;
    for (size_t j = 0; j < keys->levels; j++) {
        if (absent)
            channels->size[j] = keys->dim / 4;
        sum += channels->size[j];
    }
    if (sum != keys->dim)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'level_channels' %s %zu and 'dim' is %zu; give %zu numbers that add up to it", where,
                          absent ? "is dim / 4 each unless given, which adds up to" : "adds up to", sum, keys->dim, keys->levels);
    return CLMIX_OK;
}

/* Height or width of the map behind the stem. */
static size_t map_size(size_t pixels, size_t stem_stride)
{
    return (pixels - 1) / stem_stride + 1;
}

/* That every level halves the map evenly. */
static clmix_status check_map(const struct wavemix_keys *keys, const char *where)
{
    const struct clmix_picture_keys *picture = &keys->picture;
    size_t height = map_size(picture->height, keys->stem_stride), width = map_size(picture->width, keys->stem_stride);
    size_t step = (size_t)1 << keys->levels;

    if (height % step == 0 && width % step == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "%s: the map is %zux%zu (image_size %zux%zu, stem_stride %zu) and must be divisible by %zu for %zu wavelet levels; "
                      "use fewer levels or another image_size",
                      where, height, width, picture->height, picture->width, keys->stem_stride, step, keys->levels);
}

static clmix_status wavemix_check(void *keys, const char *where)
{
    CLMIX_TRY(settle_level_channels(keys, where));
    return check_map(keys, where);
}

const struct clmix_model_kind clmix_model_wavemix = {
    .table = {
        .name = "wavemix",
        .bytes = sizeof(struct wavemix_keys),
        .first = &clmix_picture_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = wavemix_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = wavemix_build,
};
