/* WaveMix: resource-efficient token mixing for images (Jeevan & Sethi, 2022), as the authors' public notebook has it.
 *
 *     x = conv.1(conv.0(pictures));   x = x + block(x), `depth` times;   logits = mlp_head(mean over the map of x)
 *
 * No norm and no nonlinearity outside of the blocks. Names and shapes of the weights are the authors'. */
#include "models/wavemix.h"
#include "base/status.h"
#include "io/json.h"
#include "models/model.h"
#include "ops/linear.h"
#include <clmix/ops.h>

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

/* tokens (sum of all levels' tokens, 4 dim) -> (same, ff_dim): one pair of weights for every level. A 1x1 convolution is a linear layer
 * whose weights have two more axes in the authors' files. */
static clmix_value feed_forward(clmix_scope at, clmix_value tokens, const struct wavemix_config *config)
{
    bool conv = config->feedforward == WAVEMIX_CONV;
    int file_rank = conv ? 4 : 2;

    clmix_value y = clmix_linear_with(clmix_in(at, conv ? "0" : "1"), tokens, config->mult_dim, true, file_rank);
    y = clmix_dropout(clmix_gelu(y), config->dropout);
    y = clmix_linear_with(clmix_in(at, conv ? "3" : "4"), y, config->ff_dim, true, file_rank);
    return clmix_dropout(y, config->dropout);
}

/* Equations 1 to 6 without the residual:  concat_j up_j(mix(bands_j(x))), j = 1 .. levels.
 * bands_j: approximation and three details of level j, (B, H/2^j, W/2^j, 4 dim). mix: the feed-forward part. up_j: transposed convolution
 * back to (B, H, W, level_channels[j]). The levels are one list of tokens from the wavelet to the feed-forward part. */
clmix_value clmix_wavemix_block(clmix_scope at, clmix_value x, const struct wavemix_config *config)
{
    clmix_value up[WAVEMIX_MAX_LEVELS];

    clmix_at(at);
    clmix_value bands = clmix_haar_bands(x, (int)config->levels);
    clmix_value mixed = feed_forward(clmix_in(at, "feedforward"), bands, config);
    for (int j = 1; j <= (int)config->levels; j++) {
        clmix_value level = clmix_haar_level(mixed, x, j);
        clmix_window window = clmix_square(((size_t)1 << j) + 2, (size_t)1 << j, 1);
        up[j - 1] = clmix_conv_transpose2d(clmix_in(at, "ff%d", j), level, config->level_channels[j - 1], window, true);
    }
    return clmix_concat(up, (int)config->levels, -1);
}

static clmix_value wavemix_build(clmix_scope at, const clmix_value *inputs, const struct clmix_model_keys *keys)
{
    const struct wavemix_config *config = &keys->of.wavemix;

    clmix_value x = clmix_conv2d(clmix_in(at, "conv.0"), inputs[0], config->dim / 2, clmix_square(3, config->stem_stride, 1), true);
    x = clmix_conv2d(clmix_in(at, "conv.1"), x, config->dim, clmix_square(3, 1, 1), true);
    for (size_t i = 0; i < config->depth; i++) {
        clmix_scope block = clmix_in(at, "layers.%zu.0", i);
        x = clmix_add(clmix_wavemix_block(block, x, config), x);
    }
    clmix_at(clmix_in(at, "pool"));
    return clmix_linear(clmix_in(at, "mlp_head"), clmix_global_average_pool(x), keys->picture.classes, true);
}

/* ---- the papers' counting rule ------------------------------------------------------------------------------------------------------- */

/* One call of a module with weights: their sizes and its outputs. */
static void count_call(struct clmix_paper_count *count, size_t weights, size_t bias, size_t outputs)
{
    count->parameters += (uint64_t)weights + bias;
    count->outputs += outputs;
}

static void count_block(struct clmix_paper_count *count, const struct wavemix_config *config, size_t height, size_t width)
{
    size_t bands = 4 * config->dim, mult = config->mult_dim, ff = config->ff_dim;

    for (size_t j = 1; j <= config->levels; j++) {
        size_t tokens = (height >> j) * (width >> j), kernel = ((size_t)1 << j) + 2, up = config->level_channels[j - 1];

        count_call(count, bands * mult, mult, tokens * mult); /* the feed-forward part is called once a level */
        count_call(count, mult * ff, ff, tokens * ff);
        count->outputs += 2 * tokens * mult + tokens * ff; /* GELU, its dropout, the second dropout */
        if (config->feedforward == WAVEMIX_LINEAR)
            count->outputs += tokens * bands + tokens * ff; /* channels to the last axis and back */
        count_call(count, ff * up * kernel * kernel, up, height * width * up);
    }
    count->outputs += (uint64_t)height * width * config->dim; /* the block itself */
}

/* Height or width of the map behind the stem. */
static size_t map_size(size_t pixels, size_t stem_stride)
{
    return (pixels - 1) / stem_stride + 1;
}

static void wavemix_count(const struct clmix_model_keys *keys, struct clmix_paper_count *count)
{
    const struct wavemix_config *config = &keys->of.wavemix;
    size_t height = map_size(keys->picture.height, config->stem_stride), width = map_size(keys->picture.width, config->stem_stride);
    size_t half = config->dim / 2, classes = keys->picture.classes;

    count_call(count, 9 * keys->picture.channels * half, half, height * width * half);
    count_call(count, 9 * half * config->dim, config->dim, height * width * config->dim);
    for (size_t i = 0; i < config->depth; i++)
        count_block(count, config, height, width);
    count->outputs += 2 * config->dim; /* pooling and flattening */
    count_call(count, config->dim * classes, classes, classes);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static const char *const known_keys[] = {
    "model",  "image_size",  "channels", "classes",        "dim",         "depth",   "mult_dim",
    "ff_dim", "feedforward", "levels",   "level_channels", "stem_stride", "dropout",
};
static const char *const feedforward_names[] = { "conv", "linear" };

/* level_channels: dim / 4 each unless given; one entry a level, adding up to dim. */
static clmix_status read_level_channels(const cJSON *json, const char *where, struct wavemix_config *config)
{
    int64_t given[WAVEMIX_MAX_LEVELS];
    size_t count = 0, sum = 0;

    CLMIX_TRY(clmix_json_integers(json, where, "level_channels", 1, CLMIX_CONFIG_MAX_SIZE, WAVEMIX_MAX_LEVELS, given, &count));
    bool absent = cJSON_GetObjectItemCaseSensitive(json, "level_channels") == NULL;
    if (!absent && count != config->levels)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'level_channels' has %zu entries and 'levels' is %zu; give one entry a level, finest first", where, count,
                          config->levels);
    for (size_t j = 0; j < config->levels; j++) {
        config->level_channels[j] = absent ? config->dim / 4 : (size_t)given[j];
        sum += config->level_channels[j];
    }
    if (sum != config->dim)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'level_channels' %s %zu and 'dim' is %zu; give %zu numbers that add up to it", where,
                          absent ? "is dim / 4 each unless given, which adds up to" : "adds up to", sum, config->dim, config->levels);
    return CLMIX_OK;
}

/* That every level halves the map evenly. */
static clmix_status check_map(const char *where, const struct clmix_picture_keys *picture, const struct wavemix_config *config)
{
    size_t height = map_size(picture->height, config->stem_stride), width = map_size(picture->width, config->stem_stride);
    size_t step = (size_t)1 << config->levels;

    if (height % step == 0 && width % step == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "%s: the map is %zux%zu (image_size %zux%zu, stem_stride %zu) and must be divisible by %zu for %zu wavelet levels; "
                      "use fewer levels or another image_size",
                      where, height, width, picture->height, picture->width, config->stem_stride, step, config->levels);
}

static clmix_status wavemix_read(const cJSON *json, const char *where, struct clmix_model_keys *keys)
{
    struct wavemix_config *config = &keys->of.wavemix;
    int feedforward = WAVEMIX_CONV;
    int64_t levels = 4;

    *config = (struct wavemix_config){ .mult_dim = 32, .ff_dim = 16, .stem_stride = 1 };
    CLMIX_TRY(clmix_json_keys(json, where, known_keys, sizeof known_keys / sizeof *known_keys));
    CLMIX_TRY(clmix_key_picture(json, where, &keys->picture));
    CLMIX_TRY(clmix_key_size(json, where, "dim", &config->dim));
    CLMIX_TRY(clmix_key_size_or(json, where, "dim", 2, &config->dim)); /* the stem's first width is dim / 2 */
    CLMIX_TRY(clmix_key_size(json, where, "depth", &config->depth));
    if (config->depth > CLMIX_CONFIG_MAX_DEPTH)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'depth' is %zu and may be %d at most", where, config->depth, CLMIX_CONFIG_MAX_DEPTH);
    CLMIX_TRY(clmix_key_size_or(json, where, "mult_dim", 1, &config->mult_dim));
    CLMIX_TRY(clmix_key_size_or(json, where, "ff_dim", 1, &config->ff_dim));
    CLMIX_TRY(clmix_json_choice(json, where, "feedforward", feedforward_names, 2, &feedforward));
    CLMIX_TRY(clmix_json_integer(json, where, "levels", 1, WAVEMIX_MAX_LEVELS, &levels));
    CLMIX_TRY(clmix_key_size_or(json, where, "stem_stride", 1, &config->stem_stride));
    CLMIX_TRY(clmix_key_rate(json, where, "dropout", &config->dropout));
    config->feedforward = feedforward == WAVEMIX_CONV ? WAVEMIX_CONV : WAVEMIX_LINEAR;
    config->levels = (size_t)levels;
    CLMIX_TRY(read_level_channels(json, where, config));
    return check_map(where, &keys->picture, config);
}

static bool wavemix_write(const struct clmix_model_keys *keys, cJSON *json)
{
    const struct wavemix_config *config = &keys->of.wavemix;

    return clmix_key_write_picture(json, &keys->picture) && clmix_key_write_size(json, "dim", config->dim) &&
           clmix_key_write_size(json, "depth", config->depth) && clmix_key_write_size(json, "mult_dim", config->mult_dim) &&
           clmix_key_write_size(json, "ff_dim", config->ff_dim) &&
           cJSON_AddStringToObject(json, "feedforward", feedforward_names[config->feedforward]) != NULL &&
           clmix_key_write_size(json, "levels", config->levels) &&
           clmix_key_write_sizes(json, "level_channels", config->level_channels, config->levels) &&
           clmix_key_write_size(json, "stem_stride", config->stem_stride) && clmix_key_write_float(json, "dropout", config->dropout);
}

const struct clmix_model_kind clmix_model_wavemix = {
    .name = "wavemix",
    .read = wavemix_read,
    .write = wavemix_write,
    .ports = clmix_ports_picture,
    .build = wavemix_build,
    .count = wavemix_count,
};
