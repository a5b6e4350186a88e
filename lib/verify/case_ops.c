/* The operators of the cases, each as the graph it is. A row in the table at the end makes one known. */
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/parts/token_linear.h"
#include "models/wavemix.h"
#include "verify/case_op.h"
#include <stdio.h>
#include <string.h>

/* ---- attributes --------------------------------------------------------------------------------------------------------------------- */

static clmix_status get_number(const struct op_case *op, const char *key, float *value)
{
    double number = *value;

    CLMIX_TRY(clmix_json_number(op->of->config, "config", key, -1e30, 1e30, &number));
    *value = (float)number;
    return CLMIX_OK;
}

static clmix_status get_integer(const struct op_case *op, const char *key, int64_t minimum, int *value)
{
    int64_t number = *value;

    CLMIX_TRY(clmix_json_integer(op->of->config, "config", key, minimum, 1 << 20, &number));
    *value = (int)number;
    return CLMIX_OK;
}

/* [height, width], or one number for both. */
static clmix_status get_pair(const struct op_case *op, const char *key, int64_t minimum, size_t pair[2])
{
    int64_t values[2] = { (int64_t)pair[0], (int64_t)pair[1] };
    size_t count = 2;

    CLMIX_TRY(clmix_json_integers(op->of->config, "config", key, minimum, 1 << 20, 2, values, &count));
    pair[0] = (size_t)values[0];
    pair[1] = (size_t)values[count == 2 ? 1 : 0];
    return CLMIX_OK;
}

/* "stride", "padding", "groups" of a convolution or pooling whose kernel is known. */
static clmix_status get_window(const struct op_case *op, clmix_window *window)
{
    int groups = 1;

    window->padding[0] = window->padding[1] = 0;
    CLMIX_TRY(get_pair(op, "stride", 1, window->stride));
    CLMIX_TRY(get_pair(op, "padding", 0, window->padding));
    CLMIX_TRY(get_integer(op, "groups", 1, &groups));
    window->groups = (size_t)groups;
    return CLMIX_OK;
}

/* Attributes that clmix has no counterpart of, where they are not at their neutral value. */
static clmix_status refuse(const struct op_case *op, const char *key, size_t neutral)
{
    size_t pair[2] = { neutral, neutral };

    CLMIX_TRY(get_pair(op, key, 0, pair));
    if (pair[0] == neutral && pair[1] == neutral)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "this version has no '%s' other than %zu", key, neutral);
}

static bool has(const struct op_case *op, const char *name)
{
    return clmix_safetensors_find(op->of->file, name) != NULL;
}

/* Shape of param.weight, which must have `rank` axes. */
static clmix_status get_weight(const struct op_case *op, int rank, clmix_shape *shape)
{
    CLMIX_TRY(clmix_case_shape(op, "param.weight", shape));
    if (shape->rank != rank)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'param.weight' has %d axes and must have %d", shape->rank, rank);
    return CLMIX_OK;
}

/* ---- wavelets ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status get_levels(const struct op_case *op, int *levels)
{
    *levels = 1;
    CLMIX_TRY(get_integer(op, "levels", 1, levels));
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

    CLMIX_TRY(get_integer(op, "dim", 1, &dim));
    CLMIX_TRY(get_integer(op, "mult_dim", 1, &mult_dim));
    CLMIX_TRY(get_integer(op, "ff_dim", 1, &ff_dim));
    CLMIX_TRY(get_integer(op, "levels", 1, &levels));
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

    CLMIX_TRY(get_weight(op, 4, &weight));
    CLMIX_TRY(get_window(op, &window));
    CLMIX_TRY(refuse(op, "dilation", 1));
    window.kernel[0] = weight.size[2];
    window.kernel[1] = weight.size[3];
    x = clmix_case_input(op, "x", CASE_MAP);
    clmix_case_output(op, "y", clmix_conv2d(clmix_root(op->graph), x, weight.size[0], window, has(op, "param.bias")), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_conv_transpose2d(struct op_case *op)
{
    clmix_window window = clmix_square(1, 1, 0);
    clmix_shape weight;
    clmix_value x;

    CLMIX_TRY(get_weight(op, 4, &weight));
    CLMIX_TRY(get_window(op, &window));
    CLMIX_TRY(refuse(op, "dilation", 1));
    CLMIX_TRY(refuse(op, "output_padding", 0));
    window.kernel[0] = weight.size[2];
    window.kernel[1] = weight.size[3];
    x = clmix_case_input(op, "x", CASE_MAP);
    clmix_case_output(op, "y", clmix_conv_transpose2d(clmix_root(op->graph), x, weight.size[1], window, has(op, "param.bias")), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_conv1d_tokens(struct op_case *op)
{
    clmix_shape size;

    CLMIX_TRY(get_weight(op, 3, &size));
    clmix_case_output(op, "y", clmix_token_linear(clmix_root(op->graph), clmix_case_input(op, "x", CASE_PLAIN), size.size[0]), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_linear(struct op_case *op)
{
    clmix_shape weight;
    clmix_value x;

    CLMIX_TRY(get_weight(op, 2, &weight));
    x = clmix_case_input(op, "x", CASE_PLAIN);
    clmix_case_output(op, "y", clmix_linear(clmix_root(op->graph), x, weight.size[0], has(op, "param.bias")), CASE_PLAIN);
    return CLMIX_OK;
}

/* ---- normalisation, activations, pooling, loss -------------------------------------------------------------------------------------- */

static clmix_status build_layer_norm(struct op_case *op)
{
    float epsilon = 1e-5f;

    CLMIX_TRY(get_number(op, "eps", &epsilon));
    clmix_case_output(op, "y", clmix_layer_norm(clmix_root(op->graph), clmix_case_input(op, "x", CASE_PLAIN), epsilon), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_batch_norm2d(struct op_case *op)
{
    float epsilon = 1e-5f, momentum = 0.1f;

    CLMIX_TRY(get_number(op, "eps", &epsilon));
    CLMIX_TRY(get_number(op, "momentum", &momentum));
    CLMIX_TRY(clmix_json_boolean(op->of->config, "config", "training", &op->training));
    clmix_case_output(op, "y", clmix_batch_norm(clmix_root(op->graph), clmix_case_input(op, "x", CASE_MAP), epsilon, momentum), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_gelu(struct op_case *op)
{
    clmix_case_output(op, "y", clmix_gelu(clmix_case_input(op, "x", CASE_FLAT)), CASE_FLAT);
    return CLMIX_OK;
}

static clmix_status build_relu(struct op_case *op)
{
    clmix_case_output(op, "y", clmix_relu(clmix_case_input(op, "x", CASE_FLAT)), CASE_FLAT);
    return CLMIX_OK;
}

static clmix_status build_softmax(struct op_case *op)
{
    int axis = -1;

    CLMIX_TRY(get_integer(op, "axis", -CLMIX_MAX_RANK, &axis));
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
    CLMIX_TRY(get_pair(op, "kernel", 1, window.kernel));
    window.stride[0] = window.kernel[0]; /* unless given */
    window.stride[1] = window.kernel[1];
    CLMIX_TRY(get_window(op, &window));
    CLMIX_TRY(refuse(op, "dilation", 1));
    clmix_case_output(op, "y", clmix_max_pool2d(clmix_case_input(op, "x", CASE_MAP), window), CASE_MAP);
    return CLMIX_OK;
}

static clmix_status build_cross_entropy(struct op_case *op)
{
    float smoothing = 0.0f;
    clmix_value logits, label;

    CLMIX_TRY(get_number(op, "label_smoothing", &smoothing));
    logits = clmix_case_input(op, "logits", CASE_PLAIN);
    label = clmix_case_input(op, "label", CASE_PLAIN);
    clmix_case_output(op, "loss", clmix_cross_entropy(logits, label, smoothing, clmix_no_value(), clmix_no_value()), CASE_PLAIN);
    return CLMIX_OK;
}

/* ---- token mixers ------------------------------------------------------------------------------------------------------------------- */

/* A mixer by itself: its keys are those of the case, its weights are at the root. */
static clmix_status build_mixer(struct op_case *op, const char *kind)
{
    struct clmix_mixer mixer = { .dropout = 0.0f };
    struct clmix_tokens tokens = { .value = clmix_no_value() };
    cJSON *keys = cJSON_Duplicate(op->of->config, 1);
    clmix_status status;

    cJSON_DeleteItemFromObjectCaseSensitive(keys, "op");
    status = keys != NULL ? clmix_keys_read(&mixer.mixer, keys, "config", "kind", kind, clmix_mixer_tables) : clmix_fail_memory("the case");
    cJSON_Delete(keys);
    CLMIX_TRY(status);
    tokens.value = clmix_case_input(op, "x", CASE_PLAIN);
    clmix_case_output(op, "y", clmix_mix(clmix_root(op->graph), &tokens, &mixer), CASE_PLAIN);
    clmix_keys_free(&mixer.mixer);
    return CLMIX_OK;
}

static clmix_status build_mlp_mix(struct op_case *op)
{
    return build_mixer(op, "mlp");
}

/* ---- the table ---------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    clmix_status (*build)(struct op_case *op);
} operators[] = {
    { "haar_dwt", build_haar_dwt },
    { "haar_idwt", build_haar_idwt },
    { "wavemix_bands", build_wavemix_bands },
    { "wavemix_block", build_wavemix_block },
    { "conv2d", build_conv2d },
    { "conv_transpose2d", build_conv_transpose2d },
    { "conv1d_tokens", build_conv1d_tokens },
    { "linear", build_linear },
    { "layer_norm", build_layer_norm },
    { "batch_norm2d", build_batch_norm2d },
    { "gelu", build_gelu },
    { "relu", build_relu },
    { "softmax", build_softmax },
    { "global_average_pool", build_global_average_pool },
    { "max_pool2d", build_max_pool2d },
    { "cross_entropy", build_cross_entropy },
    { "mlp_mix", build_mlp_mix },
};

clmix_status clmix_case_build(struct op_case *op)
{
    const char *name = "";

    CLMIX_TRY(clmix_json_text(op->of->config, "config", "op", &name));
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strcmp(operators[i].name, name) == 0)
            return operators[i].build(op);
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "unsupported: this version has no operator '%.80s'", name);
}
