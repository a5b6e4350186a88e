/* CCT, a compact transformer behind a convolutional tokenizer (Hassani et al. 2021; Vision X-formers, table 3): CCT, CCP, CCL, CCN by their mixer.
 *
 *     x = tokenizer(pictures) + positions;   x = block(x), `depth` times;   logits = fc(sequence pool(LN(x)))
 *     tokenizer: conv, ReLU, max pool, `conv_layers` times
 *     block:     x = LN(x + mix(LN(x)));   x = x + linear2(gelu(linear1(x)))
 *
 * The second residual begins at the normalised x. Deeper blocks drop their branches of a sample more often. Names and shapes of the weights are
 * the authors'. */
#include "base/status.h"
#include "graph/modules.h"
#include "models/mixers/mixer.h"
#include "models/model.h"
#include "models/parts/feed_forward.h"
#include "models/parts/positions.h"
#include <clmix/ops.h>
#include <string.h>

#define EPSILON 1e-5f

enum { LEARNED, SINE, NONE };

struct cct_keys {
    struct clmix_picture_keys picture;
    size_t conv_layers, conv_channels, conv_kernel, conv_padding, pool_kernel, pool_stride, pool_padding;
    struct clmix_key_list conv_stride; /* an entry a convolution */
    size_t dim, depth;
    float mlp_ratio;
    struct clmix_mixer mixer;
    int position; /* LEARNED, SINE, NONE */
    int pool;     /* sequence pooling, the only one */
    float stochastic_depth;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

static struct clmix_sequence tokenize(clmix_scope at, clmix_value pictures, const struct cct_keys *keys)
{
    const clmix_window pool = clmix_square(keys->pool_kernel, keys->pool_stride, keys->pool_padding);
    clmix_value x = pictures;
    struct clmix_sequence tokens;

    for (size_t j = 0; j < keys->conv_layers; j++) {
        const clmix_scope layer = clmix_in(at, "conv_layers.%zu", j);
        const clmix_window window = clmix_square(keys->conv_kernel, keys->conv_stride.size[j], keys->conv_padding);

        x = clmix_conv2d(clmix_in(layer, "0"), x, j + 1 < keys->conv_layers ? keys->conv_channels : keys->dim, window, false);
        clmix_at(layer);
        x = clmix_module(clmix_max_pool2d(clmix_module(clmix_relu(x)), pool));
    }
    (void)clmix_initialize(at, "*.weight", 4, (clmix_initializer){ .kind = CLMIX_KAIMING_NORMAL });
    tokens = clmix_sequence_of(x);
    clmix_module(clmix_module(x)); /* flattened, and all of the tokenizer */
    return tokens;
}

static clmix_value add_positions(clmix_scope at, clmix_value x, const struct cct_keys *keys)
{
    static const clmix_initializer normal = { .kind = CLMIX_TRUNCATED_NORMAL, .std = 0.2f, .low = -2.0f, .high = 2.0f };
    const size_t tokens = clmix_shape_of(x).size[1];

    clmix_at(at);
    if (keys->position == LEARNED)
        x = clmix_add(x, clmix_parameter(at, "positional_emb", 3, (size_t[]){ 1, tokens, keys->dim }, NULL, normal));
    else if (keys->position == SINE)
        x = clmix_add(x, clmix_sine_positions(at, "positional_emb", tokens, keys->dim));
    return clmix_module(clmix_dropout(x, keys->mixer.dropout));
}

static clmix_value block(clmix_scope at, struct clmix_sequence x, const struct cct_keys *keys, float drop_path)
{
    const size_t hidden = (size_t)(keys->mlp_ratio * (float)keys->dim);
    const clmix_value before = x.value;
    clmix_value y;

    x.value = clmix_layer_norm(clmix_in(at, "pre_norm"), before, EPSILON);
    y = clmix_mix(clmix_in(at, "self_attn"), &x, &keys->mixer);
    clmix_at(at);
    y = clmix_add(clmix_module(clmix_drop_path(y, drop_path)), before);
    x.value = clmix_layer_norm(clmix_in(at, "norm1"), y, EPSILON);
    y = clmix_dropout(clmix_gelu(clmix_linear(clmix_in(at, "linear1"), x.value, hidden, true)), keys->mixer.dropout);
    y = clmix_dropout(clmix_linear(clmix_in(at, "linear2"), clmix_module(y), keys->dim, true), keys->mixer.dropout);
    clmix_at(at);
    y = clmix_module(clmix_drop_path(clmix_module(y), drop_path));
    return clmix_module(clmix_add(y, x.value));
}

/* All linear layers begin alike, those of whatever mixer among them. */
static void initialize(clmix_scope at)
{
    static const clmix_initializer normal = { .kind = CLMIX_TRUNCATED_NORMAL, .std = 0.02f, .low = -2.0f, .high = 2.0f };

    (void)clmix_initialize(at, "*weight", 2, normal);
    (void)clmix_initialize(at, "*bias", 1, (clmix_initializer){ .kind = CLMIX_ZEROS });
}

static clmix_value cct_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct cct_keys *keys = given;
    const clmix_scope classifier = clmix_in(at, "classifier");
    struct clmix_sequence x = tokenize(clmix_in(at, "tokenizer"), inputs[0], keys);
    clmix_value y;

    x.value = add_positions(classifier, x.value, keys);
    for (size_t i = 0; i < keys->depth; i++)
        x.value = block(clmix_in(classifier, "blocks.%zu", i), x, keys,
                        keys->depth > 1 ? keys->stochastic_depth * (float)i / (float)(keys->depth - 1) : 0.0f);
    y = clmix_layer_norm(clmix_in(classifier, "norm"), x.value, EPSILON);
    y = clmix_sequence_pool(clmix_in(classifier, "attention_pool"), y);
    y = clmix_module(clmix_linear(clmix_in(classifier, "fc"), y, keys->picture.classes, true)); /* all of the classifier */
    initialize(classifier);
    return y;
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct cct_keys, member)

static const char *const positions[] = { "learned", "sine", "none", NULL };
static const char *const pools[] = { "seq", NULL };

static const struct clmix_key rows[] = {
    { .name = "conv_layers",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(conv_layers),
      .usual = "3",
      .most = CLMIX_LIST_MOST,
      .meaning = "stages of the tokenizer: convolution, ReLU, max pooling" },
    { .name = "conv_channels",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(conv_channels),
      .usual = "64",
      .meaning = "of all its convolutions but the last, whose width is `dim`" },
    { .name = "conv_kernel", .type = CLMIX_KEY_SIZE, .offset = AT(conv_kernel), .usual = "3", .meaning = "of every convolution" },
    { .name = "conv_stride",
      .type = CLMIX_KEY_LIST,
      .offset = AT(conv_stride),
      .derived = "1 each",
      .meaning = "of each convolution, an entry a stage" },
    { .name = "conv_padding",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(conv_padding),
      .usual = "1",
      .zero = true,
      .meaning = "of every convolution" },
    { .name = "pool_kernel", .type = CLMIX_KEY_SIZE, .offset = AT(pool_kernel), .usual = "3", .meaning = "of the max pooling behind each" },
    { .name = "pool_stride", .type = CLMIX_KEY_SIZE, .offset = AT(pool_stride), .usual = "1", .meaning = "of the max pooling" },
    { .name = "pool_padding",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(pool_padding),
      .usual = "1",
      .zero = true,
      .meaning = "of the max pooling, at most half of its kernel" },
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim), .meaning = "width of a token" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "heads", .type = CLMIX_KEY_SIZE, .offset = AT(mixer.heads), .meaning = "of the mixer; without effect where it has none" },
    { .name = "head_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(mixer.head_dim),
      .derived = "`dim / heads`",
      .meaning = "width of a head; where `mixer` is `softmax` no other will do" },
    { .name = "mlp_ratio",
      .type = CLMIX_KEY_NUMBER,
      .offset = AT(mlp_ratio),
      .usual = "4",
      .meaning = "hidden width of the feed-forward part, relative to `dim`, cut to a whole number" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below" },
    { .name = "position",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(position),
      .choices = positions,
      .usual = "learned",
      .meaning = "added to the tokens: learned, a table of sines, or nothing" },
    { .name = "pool",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(pool),
      .choices = pools,
      .usual = "seq",
      .meaning = "what is classified: the mean of the tokens, weighed by scores of their own" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.dropout),
      .usual = "0",
      .meaning = "behind the positions and the mixer's output, and twice in the feed-forward part" },
    { .name = "attention_dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.attention_dropout),
      .usual = "0",
      .meaning = "of softmax attention's weights" },
    { .name = "stochastic_depth",
      .type = CLMIX_KEY_RATE,
      .offset = AT(stochastic_depth),
      .usual = "0",
      .meaning = "how often the last block's branches of a sample are dropped; less in those before, down to 0 in the first" },
};

/* conv_stride: 1 each unless given; one entry a convolution. */
static clmix_status settle_strides(struct cct_keys *keys, const char *where)
{
    struct clmix_key_list *strides = &keys->conv_stride;

    if (strides->count != 0 && strides->count != keys->conv_layers)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'conv_stride' has %zu entries and 'conv_layers' is %zu; give one a convolution", where,
                          strides->count, keys->conv_layers);
    for (size_t j = strides->count; j < keys->conv_layers; j++)
        strides->size[j] = 1;
    strides->count = keys->conv_layers;
    return CLMIX_OK;
}

/* head_dim: what `dim` has for each head, and no other in the authors' softmax attention. */
static clmix_status settle_heads(struct cct_keys *keys, const char *where)
{
    struct clmix_mixer *mixer = &keys->mixer;
    const bool softmax = strcmp(mixer->mixer.table->name, "softmax") == 0;

    if ((mixer->head_dim == 0 || softmax) && keys->dim % mixer->heads != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'dim' is %zu, which 'heads', %zu, does not divide%s", where, keys->dim, mixer->heads,
                          softmax ? "" : "; give 'head_dim'");
    if (mixer->head_dim == 0)
        mixer->head_dim = keys->dim / mixer->heads;
    if (softmax && mixer->heads * mixer->head_dim != keys->dim)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'head_dim' is %zu, and softmax attention shares out 'dim', %zu, among %zu heads: %zu each", where,
                          mixer->head_dim, keys->dim, mixer->heads, keys->dim / mixer->heads);
    return CLMIX_OK;
}

static clmix_status cct_check(void *given, const char *where)
{
    struct cct_keys *keys = given;

    keys->mixer.qkv = "qkv";
    keys->mixer.out = "proj";
    CLMIX_TRY(settle_strides(keys, where));
    CLMIX_TRY(settle_heads(keys, where));
    if (keys->mlp_ratio * (float)keys->dim < 1.0f)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'mlp_ratio' of 'dim' leaves no hidden width: %g of %zu", where, (double)keys->mlp_ratio,
                          keys->dim);
    return clmix_mixer_settle(&keys->mixer, where);
}

const struct clmix_model_kind clmix_model_cct = {
    .table = {
        .name = "cct",
        .bytes = sizeof(struct cct_keys),
        .first = &clmix_picture_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = cct_check,
    },
    .ports = clmix_picture_ports,
    .answer = clmix_picture_answer,
    .build = cct_build,
};
