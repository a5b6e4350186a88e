/* CvT's softmax attention (Wu et al. 2021; Vision X-formers, table 3): queries, keys and values are convolved, each channel by itself.
 *
 *     q = W_q BN(dw(x));   k, v = W_kv BN(dw(x));   y = W softmax(q k^T / sqrt(d)) v + b
 *
 * dw is a depthwise convolution of the map that the tokens are; that of keys and values may have a stride, so that there are fewer of them. */
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/parts/pointwise.h"
#include "models/parts/stem.h"
#include <clmix/mixing.h>
#include <clmix/ops.h>

#define EPSILON  1e-5f
#define MOMENTUM 0.1f

struct cvt_mixer_keys {
    size_t projection_kernel, kv_stride;
};

/* A map (B, H, W, C) to tokens of `features`. */
static clmix_value project(clmix_scope at, clmix_value map, size_t kernel, size_t stride, size_t features)
{
    const clmix_scope net = clmix_in(at, "net");
    const size_t channels = clmix_shape_of(map).size[3];
    clmix_window window = clmix_square(kernel, stride, kernel / 2);

    window.groups = channels;
    map = clmix_conv2d(clmix_in(net, "0"), map, channels, window, false);
    map = clmix_batch_norm(clmix_in(net, "1"), map, EPSILON, MOMENTUM);
    return clmix_module(clmix_pointwise(clmix_in(net, "2"), clmix_map_tokens(map), features, false)); /* all three in a module */
}

static clmix_value cvt_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const struct cvt_mixer_keys *keys = given;
    const clmix_shape shape = clmix_shape_of(tokens->value);
    const size_t width = mixer->heads * mixer->head_dim;
    clmix_value map, q, kv, y;

    if (tokens->height * tokens->width != shape.size[1])
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "attention with convolved projections needs a map, and of %zu tokens %zux%zu are one",
                            shape.size[1], tokens->height, tokens->width);
    clmix_at(at);
    map = clmix_map_of(tokens);
    q = project(clmix_in(at, "to_q"), map, keys->projection_kernel, 1, width);
    kv = project(clmix_in(at, "to_kv"), map, keys->projection_kernel, keys->kv_stride, 2 * width);
    if (!clmix_is_value(q) || !clmix_is_value(kv))
        return kv;
    clmix_at(at);
    y = clmix_attention(q, clmix_slice(kv, -1, 0, width), clmix_slice(kv, -1, width, width), clmix_no_value(),
                        (clmix_attention_options){ .heads = mixer->heads, .dropout = mixer->attention_dropout });
    /* The softmax, whose heads are samples to the authors' code: the counting rule sees one. */
    y = clmix_module_values(y, shape.size[0] * shape.size[1] * clmix_shape_of(kv).size[1]);
    y = clmix_pointwise(clmix_in(at, "to_out.0"), y, shape.size[2], true);
    clmix_at(at);
    return clmix_module(clmix_module(clmix_dropout(y, mixer->dropout))); /* all of the attention */
}

static const struct clmix_key rows[] = {
    { .name = "projection_kernel",
      .type = CLMIX_KEY_SIZE,
      .offset = offsetof(struct cvt_mixer_keys, projection_kernel),
      .usual = "3",
      .meaning = "of the depthwise convolutions, an odd number: padded by half of it, so that maps keep their size" },
    { .name = "kv_stride",
      .type = CLMIX_KEY_SIZE,
      .offset = offsetof(struct cvt_mixer_keys, kv_stride),
      .usual = "1",
      .meaning = "of the depthwise convolution of keys and values" },
};

static clmix_status cvt_mixer_check(void *given, const char *where)
{
    const struct cvt_mixer_keys *keys = given;

    if (keys->projection_kernel % 2 == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'projection_kernel' is %zu, which would change the map's size; give an odd number",
                          where, keys->projection_kernel);
    return CLMIX_OK;
}

const struct clmix_mixer_kind clmix_mixer_cvt = {
    .table = { .name = "softmax",
               .bytes = sizeof(struct cvt_mixer_keys),
               .keys = rows,
               .count = sizeof rows / sizeof *rows,
               .check = cvt_mixer_check },
    .of_maps = true,
    .mix = cvt_mix,
};
