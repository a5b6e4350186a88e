/* The operators of the cases that are no token mixers, each as the graph it is. A row in the table at the end makes one known. */
#include "base/status.h"
#include "graph/op.h"
#include "models/parts/stem.h"
#include "models/parts/token_linear.h"
#include "models/pit.h"
#include "models/wavemix.h"
#include "verify/case_op.h"
#include <stdio.h>

/* ---- wavelets ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status get_levels(const struct op_case *op, int *levels)
{
    *levels = 1;
    CLMIX_TRY(clmix_case_integer(op, "levels", 1, levels));
    if (*levels > 30)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%d levels; no map has more than 30", *levels);
    return CLMIX_OK;
}

static const char *numbered(char *text, size_t bytes, const char *name, int number)
{
    snprintf(text, bytes, "%s%d", name, number);
    return text;
}

static clmix_status build_haar_dwt(struct op_case *op)
{
    clmix_value details[30];
    char name[32];
    int levels;
    clmix_value ll;

    CLMIX_TRY(get_levels(op, &levels));
    ll = clmix_haar_dwt(clmix_case_input(op, "x", CASE_MAP), levels, details);
    clmix_case_output(op, "ll", ll, CASE_MAP);
    for (int j = 1; j <= levels; j++)
        clmix_case_output(op, numbered(name, sizeof name, "high", j), details[j - 1], CASE_DETAILS);
    return CLMIX_OK;
}

static clmix_status build_haar_idwt(struct op_case *op)
{
    clmix_value details[30];
    clmix_shape result;
    char name[32];
    int levels;
    clmix_value ll;

    CLMIX_TRY(get_levels(op, &levels));
    CLMIX_TRY(clmix_case_shape(op, "out.x", &result));
    if (result.rank != 4)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'out.x' has %d axes and must have 4", result.rank);
    ll = clmix_case_input(op, "ll", CASE_MAP);
    for (int j = 1; j <= levels; j++)
        details[j - 1] = clmix_case_input(op, numbered(name, sizeof name, "high", j), CASE_DETAILS);
    clmix_case_output(op, "x", clmix_haar_idwt(ll, levels, details, result.size[2], result.size[3]), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_wavemix_bands(struct op_case *op)
{
    char name[32];
    int levels;
    clmix_value x, bands;

    CLMIX_TRY(get_levels(op, &levels));
    x = clmix_case_input(op, "x", CASE_MAP);
    bands = clmix_haar_bands(x, levels);
    for (int j = 1; j <= levels; j++)
        clmix_case_output(op, numbered(name, sizeof name, "y", j), clmix_haar_level(bands, x, j), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_wavemix_block(struct op_case *op)
{
    static const char *const forms[] = { "conv", "linear" };
    int dim = 0, mult_dim = 32, ff_dim = 16, levels = 4, form = 0;
    char name[32];
    struct wavemix_keys keys;

    CLMIX_TRY(clmix_case_integer(op, "dim", 1, &dim));
    CLMIX_TRY(clmix_case_integer(op, "mult_dim", 1, &mult_dim));
    CLMIX_TRY(clmix_case_integer(op, "ff_dim", 1, &ff_dim));
    CLMIX_TRY(clmix_case_integer(op, "levels", 1, &levels));
    CLMIX_TRY(clmix_json_choice(op->of->config, "config", "feedforward", forms, 2, &form));
    if (levels > WAVEMIX_MAX_LEVELS)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "%d wavelet levels; this version has %d at most", levels, WAVEMIX_MAX_LEVELS);

    keys = (struct wavemix_keys){
        .dim = (size_t)dim,
        .mult_dim = (size_t)mult_dim,
        .ff_dim = (size_t)ff_dim,
        .levels = (size_t)levels,
        .feedforward = form,
    };
    for (int j = 1; j <= levels; j++) {
        clmix_shape weight;

        snprintf(name, sizeof name, "param.ff%d.weight", j);
        CLMIX_TRY(clmix_case_shape(op, name, &weight));
        if (weight.rank != 4)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %d axes and must have 4", name, weight.rank);
        keys.level_channels.size[j - 1] = weight.size[1];
    }
    clmix_case_output(op, "y", clmix_wavemix_block(clmix_root(op->graph), clmix_case_input(op, "x", CASE_MAP), &keys), CASE_MAP);
    return CLMIX_OK;
}

/* ---- convolutions and linear layers -------------------------------------------------------------------------------------------------- */

static clmix_status build_conv2d(struct op_case *op)
{
    clmix_window window = clmix_square(1, 1, 0);
    clmix_shape weight;
    clmix_value x;

    CLMIX_TRY(clmix_case_weight(op, 4, &weight));
    CLMIX_TRY(clmix_case_window(op, &window));
    CLMIX_TRY(clmix_case_refuse(op, "dilation", 1));
    window.kernel[0] = weight.size[2];
    window.kernel[1] = weight.size[3];
    x = clmix_case_input(op, "x", CASE_MAP);
    clmix_case_output(op, "y", clmix_conv2d(clmix_root(op->graph), x, weight.size[0], window, clmix_case_has(op, "param.bias")), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_conv_transpose2d(struct op_case *op)
{
    clmix_window window = clmix_square(1, 1, 0);
    clmix_shape weight;
    clmix_value x;

    CLMIX_TRY(clmix_case_weight(op, 4, &weight));
    CLMIX_TRY(clmix_case_window(op, &window));
    CLMIX_TRY(clmix_case_refuse(op, "dilation", 1));
    CLMIX_TRY(clmix_case_refuse(op, "output_padding", 0));
    window.kernel[0] = weight.size[2];
    window.kernel[1] = weight.size[3];
    x = clmix_case_input(op, "x", CASE_MAP);
    clmix_case_output(op, "y", clmix_conv_transpose2d(clmix_root(op->graph), x, weight.size[1], window, clmix_case_has(op, "param.bias")),
                      CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_conv1d_tokens(struct op_case *op)
{
    clmix_shape size;

    CLMIX_TRY(clmix_case_weight(op, 3, &size));
    clmix_case_output(op, "y", clmix_token_linear(clmix_root(op->graph), clmix_case_input(op, "x", CASE_PLAIN), size.size[0]), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_linear(struct op_case *op)
{
    clmix_shape weight;
    clmix_value x;

    CLMIX_TRY(clmix_case_weight(op, 2, &weight));
    x = clmix_case_input(op, "x", CASE_PLAIN);
    clmix_case_output(op, "y", clmix_linear(clmix_root(op->graph), x, weight.size[0], clmix_case_has(op, "param.bias")), CASE_PLAIN);
    return CLMIX_OK;
}

/* ---- normalisation, activations, pooling, loss -------------------------------------------------------------------------------------- */

static clmix_status build_layer_norm(struct op_case *op)
{
    float epsilon = 1e-5f;

    CLMIX_TRY(clmix_case_number(op, "eps", &epsilon));
    clmix_case_output(op, "y", clmix_layer_norm(clmix_root(op->graph), clmix_case_input(op, "x", CASE_PLAIN), epsilon), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_channel_norm(struct op_case *op)
{
    float epsilon = 1e-5f;

    CLMIX_TRY(clmix_case_number(op, "eps", &epsilon));
    clmix_case_output(op, "y", clmix_channel_norm(clmix_root(op->graph), clmix_case_input(op, "x", CASE_MAP), epsilon), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_batch_norm2d(struct op_case *op)
{
    float epsilon = 1e-5f, momentum = 0.1f;

    CLMIX_TRY(clmix_case_number(op, "eps", &epsilon));
    CLMIX_TRY(clmix_case_number(op, "momentum", &momentum));
    CLMIX_TRY(clmix_json_boolean(op->of->config, "config", "training", &op->training));
    clmix_case_output(op, "y", clmix_batch_norm(clmix_root(op->graph), clmix_case_input(op, "x", CASE_MAP), epsilon, momentum), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_activation(struct op_case *op, clmix_value (*activation)(clmix_value x))
{
    clmix_case_output(op, "y", activation(clmix_case_input(op, "x", CASE_FLAT)), CASE_FLAT);
    return CLMIX_OK;
}

static clmix_status build_elu(struct op_case *op)
{
    return build_activation(op, clmix_elu);
}

static clmix_status build_exp(struct op_case *op)
{
    return build_activation(op, clmix_exp);
}

static clmix_status build_gelu(struct op_case *op)
{
    return build_activation(op, clmix_gelu);
}

static clmix_status build_hard_swish(struct op_case *op)
{
    return build_activation(op, clmix_hard_swish);
}

static clmix_status build_relu(struct op_case *op)
{
    return build_activation(op, clmix_relu);
}

static clmix_status build_sigmoid(struct op_case *op)
{
    return build_activation(op, clmix_sigmoid);
}

static clmix_status build_tanh(struct op_case *op)
{
    return build_activation(op, clmix_tanh);
}

static clmix_status build_softmax(struct op_case *op)
{
    int axis = -1;

    CLMIX_TRY(clmix_case_integer(op, "axis", -CLMIX_MAX_RANK, &axis));
    clmix_case_output(op, "y", clmix_softmax(clmix_case_input(op, "x", CASE_PLAIN), axis), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_global_average_pool(struct op_case *op)
{
    clmix_case_output(op, "y", clmix_global_average_pool(clmix_case_input(op, "x", CASE_MAP)), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_max_pool2d(struct op_case *op)
{
    clmix_window window = clmix_square(1, 1, 0);

    CLMIX_TRY(clmix_json_require(op->of->config, "config", "kernel"));
    CLMIX_TRY(clmix_case_pair(op, "kernel", 1, window.kernel));
    window.stride[0] = window.kernel[0]; /* unless given */
    window.stride[1] = window.kernel[1];
    CLMIX_TRY(clmix_case_window(op, &window));
    CLMIX_TRY(clmix_case_refuse(op, "dilation", 1));
    clmix_case_output(op, "y", clmix_max_pool2d(clmix_case_input(op, "x", CASE_MAP), window), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status fill_identity(void *values, clmix_shape shape, const void *data)
{
    float *matrix = values;

    (void)data;
    for (size_t i = 0; i < shape.size[0]; i++)
        matrix[i * shape.size[1] + i] = 1.0f;
    return CLMIX_OK;
}

/* The values of patches are what a linear layer of them reads, by the matrix that changes nothing. */
static clmix_status build_patches(struct op_case *op)
{
    static const char *const orders[] = { "vit", "pit" };
    clmix_value x = clmix_case_input(op, "x", CASE_MAP), identity;
    struct clmix_stem_keys keys = { .patch = { 1, 1 } };
    int order = 0;
    size_t values;

    CLMIX_TRY(clmix_json_choice(op->of->config, "config", "order", orders, 2, &order));
    CLMIX_TRY(clmix_case_pair(op, "patch_size", 1, keys.patch));
    keys.step[0] = keys.patch[0]; /* unless given */
    keys.step[1] = keys.patch[1];
    CLMIX_TRY(clmix_case_pair(op, "stride", 1, keys.step));
    CLMIX_TRY(clmix_graph_check(op->graph)); /* a map it is */
    keys.channels_first = order == 1;
    values = keys.patch[0] * keys.patch[1] * clmix_shape_of(x).size[3];
    identity = clmix_constant(op->graph, CLMIX_F32, 2, (size_t[]){ values, values }, fill_identity, NULL, 0);
    clmix_case_output(op, "y", clmix_patches_with(clmix_root(op->graph), x, identity, clmix_no_value(), &keys), CASE_PLAIN);
    return CLMIX_OK;
}

/* (B, 1 + side * side, C). */
static clmix_status build_pit_pool(struct op_case *op)
{
    clmix_value x = clmix_case_input(op, "x", CASE_PLAIN);
    clmix_shape shape = clmix_shape_of(x);
    size_t side = 0;

    while (shape.rank == 3 && 1 + (side + 1) * (side + 1) <= shape.size[1])
        side++;
    if (shape.rank == 3 && (side == 0 || 1 + side * side != shape.size[1]))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'in.x' has %zu tokens, which are not a class token and a square map", shape.size[1]);
    clmix_case_output(op, "y", clmix_pit_pool(clmix_root(op->graph), x, (size_t[]){ side, side }), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_sequence_pool(struct op_case *op)
{
    clmix_case_output(op, "y", clmix_sequence_pool(clmix_root(op->graph), clmix_case_input(op, "x", CASE_PLAIN)), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_cross_entropy(struct op_case *op)
{
    float smoothing = 0.0f;
    clmix_value logits, label;

    CLMIX_TRY(clmix_case_number(op, "label_smoothing", &smoothing));
    logits = clmix_case_input(op, "logits", CASE_PLAIN);
    label = clmix_case_input(op, "label", CASE_PLAIN);
    clmix_case_output(op, "loss", clmix_cross_entropy(logits, label, smoothing, clmix_no_value(), clmix_no_value()), CASE_PLAIN);
    return CLMIX_OK;
}

/* ---- the table ---------------------------------------------------------------------------------------------------------------------- */

const struct case_operator clmix_case_ops[] = {
    { "haar_dwt", build_haar_dwt },
    { "haar_idwt", build_haar_idwt },
    { "wavemix_bands", build_wavemix_bands },
    { "wavemix_block", build_wavemix_block },
    { "conv2d", build_conv2d },
    { "conv_transpose2d", build_conv_transpose2d },
    { "conv1d_tokens", build_conv1d_tokens },
    { "linear", build_linear },
    { "layer_norm", build_layer_norm },
    { "channel_norm", build_channel_norm },
    { "batch_norm2d", build_batch_norm2d },
    { "elu", build_elu },
    { "exp", build_exp },
    { "gelu", build_gelu },
    { "hard_swish", build_hard_swish },
    { "relu", build_relu },
    { "sigmoid", build_sigmoid },
    { "tanh", build_tanh },
    { "softmax", build_softmax },
    { "global_average_pool", build_global_average_pool },
    { "max_pool2d", build_max_pool2d },
    { "patches", build_patches },
    { "pit_pool", build_pit_pool },
    { "sequence_pool", build_sequence_pool },
    { "cross_entropy", build_cross_entropy },
    { NULL, NULL },
};
