/* Kerformer (Gan et al. 2023): linear attention of sigmoid(q) and softmax(k), keys weighed by squeeze and excitation:
 *
 *     q^ = sigmoid(q),  k^ = softmax(k),  s = SE(k^),  y_i = q^_i . (sum over j of s_j k^_j v_j^T) / (q^_i . (sum over j of s_j k^_j) + eps)
 *
 * The paper leaves two things open, so that both readings are here. The softmax is over the features of each key (`softmax_feature`), or over the
 * tokens (`softmax_position`). SE-K, s = sigmoid(W2 (W1 p + b1) + b2) with nothing between the layers, weighs tokens by the mean key p
 * (`n_from_d`), by each token's mean feature (`n_from_n`), or weighs features by the mean key (`d_from_d`); all heads share W1 and W2. Causal, token j's
 * weight comes of the mean of the keys up to it. Padding has no keys, and no part in means. */
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

enum { SIGMOID, Q_PLAIN };
enum { SOFTMAX_FEATURE, SOFTMAX_POSITION, K_PLAIN };
enum { N_FROM_D, N_FROM_N, D_FROM_D, NONE };

struct kerformer_keys {
    int q_activation, k_activation, se;
    size_t se_reduction, se_hidden;
    float eps;
    bool causal;
};

/* ---- squeeze and excitation ----------------------------------------------------------------------------------------------------------- */

/* x (.., count) through the first `count` of `in` inputs to the first `features` of `out` outputs of a layer. */
static clmix_value layer(clmix_scope at, clmix_value x, size_t in, size_t out, size_t features)
{
    static const int transposed[2] = { 1, 0 };
    const size_t count = clmix_shape_columns(clmix_shape_of(x));
    const clmix_initializer uniform = { .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)in) };
    clmix_value weight = clmix_parameter(at, "weight", 2, (size_t[]){ out, in }, transposed, uniform),
                bias = clmix_parameter(at, "bias", 1, &out, NULL, uniform);

    weight = clmix_slice(clmix_slice(weight, 0, 0, count), -1, 0, features);
    return clmix_linear_with(at, x, weight, clmix_slice(bias, 0, 0, features));
}

static size_t hidden_of(const struct kerformer_keys *keys, size_t in)
{
    if (keys->se_hidden > 0)
        return keys->se_hidden;
    return in > keys->se_reduction ? in / keys->se_reduction : 1;
}

/* sigmoid(W2 (W1 p + b1) + b2), p (B, heads, count of `in`) -> (B, heads, the first `features` of `out`). */
static clmix_value excite(clmix_scope at, clmix_value p, const struct kerformer_keys *keys, size_t in, size_t out, size_t features)
{
    const size_t hidden = hidden_of(keys, in);
    const clmix_value squeezed = clmix_is_value(p) ? layer(clmix_in(at, "fc1"), p, in, hidden, hidden) : p;

    return clmix_is_value(squeezed) ? clmix_sigmoid(layer(clmix_in(at, "fc2"), squeezed, hidden, out, features)) : squeezed;
}

static clmix_status fill_ones(void *values, clmix_shape shape, const void *data)
{
    (void)data;
    for (size_t i = 0; i < clmix_shape_count(shape); i++)
        ((float *)values)[i] = 1.0f;
    return CLMIX_OK;
}

/* The mean of each token's features in each head: (B, N, heads * d) -> (B, heads, N). */
static clmix_value means_of_features(clmix_value k, const struct clmix_mixer *mixer)
{
    const clmix_shape shape = clmix_shape_of(k);
    const clmix_value ones = clmix_constant(k.graph, CLMIX_F32, 2, (size_t[]){ 1, shape.size[2] }, fill_ones, NULL, 0);
    const clmix_value sums =
        clmix_matmul(ones, k, (clmix_product){ .heads = mixer->heads, .transpose_b = true, .scale = 1.0f / (float)mixer->head_dim });

    return clmix_reshape(sums, 3, (size_t[]){ shape.size[0], mixer->heads, shape.size[1] });
}

/* Of each token j: sigmoid(W2[j] (W1 p_j + b1) + b2[j]), p_j the mean of the keys' features up to it; the means are those of W1 k^. */
static clmix_value excite_causally(clmix_scope at, clmix_value k, const struct clmix_heads *heads, const struct clmix_mixer *mixer,
                                   const struct kerformer_keys *keys)
{
    static const int transposed[2] = { 1, 0 };
    const clmix_shape shape = clmix_shape_of(k);
    const size_t d = mixer->head_dim, hidden = hidden_of(keys, d), longest = clmix_longest(heads, mixer), tokens = shape.size[1];
    const clmix_initializer of_d = { .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)d) },
                            of_hidden = { .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)hidden) };
    const clmix_scope fc1 = clmix_in(at, "fc1"), fc2 = clmix_in(at, "fc2");
    const clmix_value w1 = clmix_parameter(fc1, "weight", 2, (size_t[]){ hidden, d }, transposed, of_d),
                      b1 = clmix_parameter(fc1, "bias", 1, &hidden, NULL, of_d),
                      w2 = clmix_parameter(fc2, "weight", 2, (size_t[]){ longest, hidden }, transposed, of_hidden),
                      b2 = clmix_parameter(fc2, "bias", 1, &longest, NULL, of_hidden);
    clmix_value p = clmix_linear_with(fc1, clmix_reshape(k, 4, (size_t[]){ shape.size[0], tokens, mixer->heads, d }), w1, clmix_no_value());

    clmix_at(at);
    p = clmix_running_means(clmix_reshape(p, 3, (size_t[]){ shape.size[0], tokens, mixer->heads * hidden }), heads->mask);
    p = clmix_add(clmix_reshape(p, 4, (size_t[]){ shape.size[0], tokens, mixer->heads, hidden }), b1);
    p = clmix_token_dots(clmix_reshape(p, 3, (size_t[]){ shape.size[0], tokens, mixer->heads * hidden }), clmix_slice(w2, -1, 0, tokens),
                         mixer->heads);
    return clmix_sigmoid(clmix_add(p, clmix_slice(b2, 0, 0, tokens)));
}

/* ---- the operator --------------------------------------------------------------------------------------------------------------------- */

static clmix_map key_map(const struct kerformer_keys *keys)
{
    return keys->k_activation == SOFTMAX_FEATURE    ? CLMIX_MAP_SOFTMAX
           : keys->k_activation == SOFTMAX_POSITION ? CLMIX_MAP_SOFTMAX_TOKENS
                                                    : CLMIX_MAP_IDENTITY;
}

/* The weights of tokens, (B, heads, N). */
static clmix_value weights_of(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer,
                              const struct kerformer_keys *keys)
{
    const clmix_shape shape = clmix_shape_of(heads->k);
    const size_t longest = clmix_longest(heads, mixer), tokens = shape.size[1];

    if (keys->se == N_FROM_D && !keys->causal)
        return excite(at,
                      clmix_reshape(clmix_feature_means(heads->k, heads->mask, mixer->heads, key_map(keys)), 3,
                                    (size_t[]){ shape.size[0], mixer->heads, mixer->head_dim }),
                      keys, mixer->head_dim, longest, tokens);
    if (keys->se == N_FROM_D)
        return excite_causally(at, clmix_feature_map(heads->k, heads->mask, mixer->heads, key_map(keys), false), heads, mixer, keys);
    if (keys->se == N_FROM_N)
        return excite(at, means_of_features(clmix_feature_map(heads->k, heads->mask, mixer->heads, key_map(keys), false), mixer), keys,
                      longest, longest, tokens);
    return clmix_no_value();
}

/* Weights of features, which queries can have as well as keys: (B, heads * d). */
static clmix_value weigh_features(clmix_scope at, clmix_value q, const struct clmix_heads *heads, const struct clmix_mixer *mixer,
                                  const struct kerformer_keys *keys)
{
    const size_t batch = clmix_shape_of(q).size[0], d = mixer->head_dim;
    const clmix_value p = clmix_feature_means(heads->k, heads->mask, mixer->heads, key_map(keys)),
                      s = excite(at, clmix_reshape(p, 3, (size_t[]){ batch, mixer->heads, d }), keys, d, d, d);

    clmix_at(at);
    return clmix_scale_channels(q, clmix_reshape(s, 2, (size_t[]){ batch, mixer->heads * d }));
}

static clmix_value kerformer_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct kerformer_keys *keys = given;
    const size_t longest = clmix_longest(heads, mixer), tokens = clmix_shape_of(heads->k).size[1];
    const clmix_scope se = clmix_in(at, "se");
    clmix_value q, k, weights;

    if (tokens > longest)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "%zu tokens, and the mixer 'kerformer' has weights for %zu", tokens, longest);
    q = keys->q_activation == SIGMOID ? clmix_feature_map(heads->q, clmix_no_value(), mixer->heads, CLMIX_MAP_SIGMOID, false) : heads->q;
    if (keys->se == D_FROM_D)
        q = weigh_features(se, q, heads, mixer, keys);
    weights = weights_of(se, heads, mixer, keys);
    clmix_at(at);
    k = clmix_feature_map(heads->k, heads->mask, mixer->heads, key_map(keys), false);
    return clmix_kernel_attention(q, k, heads->v, weights,
                                  (clmix_kernel_options){ .heads = mixer->heads, .epsilon = keys->eps, .causal = keys->causal });
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static clmix_status kerformer_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    const struct kerformer_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    if (keys->causal && keys->k_activation == SOFTMAX_POSITION)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'causal' with 'k_activation' softmax_position, which mixes all tokens; take softmax_feature", where);
    if (keys->causal && (keys->se == N_FROM_N || keys->se == D_FROM_D))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'causal' with 'se' %s, which sees all tokens; take n_from_d or none", where,
                          keys->se == N_FROM_N ? "n_from_n" : "d_from_d");
    return CLMIX_OK;
}

#define AT(member) offsetof(struct kerformer_keys, member)

static const char *const q_activations[] = { "sigmoid", "none", NULL };
static const char *const k_activations[] = { "softmax_feature", "softmax_position", "none", NULL };
static const char *const excitations[] = { "n_from_d", "n_from_n", "d_from_d", "none", NULL };

static const struct clmix_key rows[] = {
    { .name = "q_activation",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(q_activation),
      .choices = q_activations,
      .usual = "sigmoid",
      .meaning = "of queries" },
    { .name = "k_activation",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(k_activation),
      .choices = k_activations,
      .usual = "softmax_feature",
      .meaning = "of keys: over the features of each, or over the tokens" },
    { .name = "se",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(se),
      .choices = excitations,
      .usual = "n_from_d",
      .meaning = "squeeze and excitation: weights of tokens from the mean key or from the tokens' mean features, or weights of features" },
    { .name = "se_reduction",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(se_reduction),
      .usual = "16",
      .meaning = "hidden width, as a divisor of what is squeezed; at least one is left" },
    { .name = "se_hidden",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(se_hidden),
      .usual = "0",
      .zero = true,
      .meaning = "the hidden width itself; 0: by `se_reduction`" },
    { .name = "eps", .type = CLMIX_KEY_NUMBER, .offset = AT(eps), .usual = "1e-06", .most = 1, .meaning = "added to the divisor" },
    { .name = "causal",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(causal),
      .usual = "false",
      .meaning = "a token sees none behind it; with `softmax_feature` or no activation, and `n_from_d` or no weights" },
};

static bool free_of_padding(const void *given)
{
    return ((const struct kerformer_keys *)given)->se != N_FROM_N; /* elsewhere it has no part in keys and means */
}

const struct clmix_mixer_kind clmix_mixer_kerformer = {
    .table = { .name = "kerformer", .bytes = sizeof(struct kerformer_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_mask = true,
    .takes_position = true,
    .free_of_padding = free_of_padding,
    .settle = kerformer_settle,
    .mix = clmix_mix_heads,
    .attend = kerformer_attend,
};
