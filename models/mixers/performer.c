/* Performer attention (Choromanski et al. 2021; Vision X-formers, table 1): features phi of queries and keys whose products stand for the weights of
 * softmax attention, so that keys and values are summed once for all queries:
 *
 *     y_i = phi(q_i) . (sum over j of phi(k_j) v_j^T) / phi(q_i) . (sum over j of phi(k_j))
 *
 * phi from one random projection, drawn once and saved with the weights (clmix_train_options.redraw draws it anew). The last `local_heads` heads
 * attend within windows instead: to the window before, their own and the next one, with rotary positions of their own. There the authors pad with
 * zeros up to whole windows, and see the padding. */
#include "models/mixers/performer.h"
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <math.h>

enum { SOFTMAX, RELU };
enum { BATCH, SAMPLE };

struct performer_keys {
    int kernel; /* SOFTMAX, RELU */
    size_t features;
    bool qkv_bias;
    size_t local_heads, local_window;
    int maxima; /* BATCH, SAMPLE */
};

/* Columns of the heads from `first` on. */
static clmix_value heads_of(clmix_value x, const struct clmix_mixer *mixer, size_t first, size_t count)
{
    return clmix_slice(x, -1, first * mixer->head_dim, count * mixer->head_dim);
}

/* ---- features ----------------------------------------------------------------------------------------------------------------------- */

static clmix_value projection_of(clmix_scope at, const struct clmix_mixer *mixer, const struct performer_keys *keys)
{
    return clmix_state(clmix_in(at, "fast_attention"), "projection_matrix", 2, (size_t[]){ keys->features, mixer->head_dim },
                       (clmix_initializer){ .kind = CLMIX_ORTHOGONAL_FEATURES });
}

static clmix_value attend_by_features(clmix_value q, clmix_value k, clmix_value v, clmix_value position, clmix_value projection,
                                      size_t heads, const struct performer_keys *keys)
{
    const clmix_performer_kernel kernel = keys->kernel == RELU ? CLMIX_PERFORMER_RELU : CLMIX_PERFORMER_SOFTMAX;
    const clmix_performer_options of_queries = { .kernel = kernel, .maximum = CLMIX_MAXIMUM_TOKEN },
                                  of_keys = { .kernel = kernel,
                                              .maximum = keys->maxima == SAMPLE ? CLMIX_MAXIMUM_SAMPLE : CLMIX_MAXIMUM_BATCH };
    clmix_value y;

    if (position.graph != NULL) {
        q = clmix_rotary(q, position, heads, CLMIX_ROTARY_PAIRS);
        k = clmix_rotary(k, position, heads, CLMIX_ROTARY_PAIRS);
    }
    y = clmix_linear_attention(clmix_performer_features(q, projection, heads, of_queries),
                               clmix_performer_features(k, projection, heads, of_keys), v, heads);
    return clmix_module(y); /* the attention of features is a module in the authors' code */
}

/* ---- windows ------------------------------------------------------------------------------------------------------------------------ */

/* f_j = 10000^(-2j / d), of which files have a copy. */
static clmix_status fill_frequencies(void *values, clmix_shape shape, const void *data)
{
    (void)data;
    for (size_t j = 0; j < shape.size[0]; j++)
        ((float *)values)[j] = (float)pow(10000.0, -(double)j / (double)shape.size[0]);
    return CLMIX_OK;
}

static clmix_status fill_zeros(void *values, clmix_shape shape, const void *data)
{
    (void)values, (void)shape, (void)data;
    return CLMIX_OK;
}

/* Zeros behind the tokens. */
static clmix_value padded(clmix_value x, size_t rows)
{
    const clmix_shape shape = clmix_shape_of(x);
    clmix_value zeros;

    if (rows == 0 || !clmix_is_value(x))
        return x;
    zeros = clmix_constant(x.graph, CLMIX_F32, 3, (size_t[]){ 1, rows, shape.size[2] }, fill_zeros, NULL, 0);
    return clmix_concat((clmix_value[]){ x, zeros }, 2, 1);
}

static clmix_value attend_in_windows(clmix_scope at, clmix_value q, clmix_value k, clmix_value v, const struct clmix_mixer *mixer,
                                     const struct performer_keys *keys)
{
    const size_t tokens = clmix_shape_of(q).size[1], heads = keys->local_heads, window = keys->local_window,
                 rows = (tokens + window - 1) / window * window - tokens;
    const clmix_value turns = clmix_rotary_table(q.graph, tokens, mixer->head_dim);
    clmix_value y;

    clmix_state(clmix_in(at, "local_attn.rel_pos"), "inv_freq", 1, (size_t[]){ mixer->head_dim / 2 },
                (clmix_initializer){ .kind = CLMIX_FILLED, .fill = fill_frequencies });
    q = padded(clmix_rotary(q, turns, heads, CLMIX_ROTARY_HALVES), rows);
    k = padded(clmix_rotary(k, turns, heads, CLMIX_ROTARY_HALVES), rows);
    y = clmix_attention(q, k, padded(v, rows), clmix_no_value(), (clmix_attention_options){ .heads = heads, .window = window });
    return clmix_module(clmix_slice(y, 1, 0, tokens));
}

/* ---- the mixer ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value performer_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const struct performer_keys *keys = given;
    const size_t dim = clmix_shape_columns(clmix_shape_of(tokens->value)), width = mixer->heads * mixer->head_dim,
                 local = keys->local_heads, global = mixer->heads - local;
    const clmix_value projection = projection_of(at, mixer, keys),
                      q = clmix_linear(clmix_in(at, "to_q"), tokens->value, width, keys->qkv_bias),
                      k = clmix_linear(clmix_in(at, "to_k"), tokens->value, width, keys->qkv_bias),
                      v = clmix_linear(clmix_in(at, "to_v"), tokens->value, width, keys->qkv_bias);
    clmix_value parts[2];
    int count = 0;

    if (!clmix_is_value(v))
        return v;
    clmix_at(at);
    if (global > 0)
        parts[count++] = attend_by_features(heads_of(q, mixer, 0, global), heads_of(k, mixer, 0, global), heads_of(v, mixer, 0, global),
                                            tokens->position, projection, global, keys);
    if (local > 0)
        parts[count++] = attend_in_windows(at, heads_of(q, mixer, global, local), heads_of(k, mixer, global, local),
                                           heads_of(v, mixer, global, local), mixer, keys);
    clmix_at(at);
    parts[0] = count == 1 ? parts[0] : clmix_concat(parts, count, -1);
    return clmix_module(clmix_module(clmix_dropout(clmix_linear(clmix_in(at, "to_out"), parts[0], dim, true), mixer->dropout)));
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static bool performer_across(const void *given)
{
    const struct performer_keys *keys = given;

    return keys->kernel == SOFTMAX && keys->maxima == BATCH;
}

clmix_status clmix_settle_features(size_t *features, size_t head_dim, const char *where)
{
    if (*features == 0)
        *features = (size_t)((double)head_dim * log((double)head_dim));
    if (*features == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: heads of width %zu have no features by default; give 'features' for them", where,
                          head_dim);
    return CLMIX_OK;
}

static clmix_status performer_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    struct performer_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    CLMIX_TRY(clmix_settle_features(&keys->features, mixer->head_dim, where));
    if (keys->local_heads > mixer->heads)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'local_heads' is %zu, and there are %zu heads", where, keys->local_heads, mixer->heads);
    if (keys->local_heads > 0 && mixer->head_dim % 2 != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'local_heads' of width %zu; their rotary positions turn pairs, so give an even width",
                          where, mixer->head_dim);
    return CLMIX_OK;
}

#define AT(member) offsetof(struct performer_keys, member)

static const char *const kernels[] = { "softmax", "relu", NULL };
static const char *const maxima[] = { "batch", "sample", NULL };

static const struct clmix_key rows[] = {
    { .name = "kernel",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(kernel),
      .choices = kernels,
      .usual = "softmax",
      .meaning = "features: positive ones, as the authors' scripts have them, or ReLU, as the paper says" },
    { .name = "features",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(features),
      .most = 3520,
      .derived = "d ln d, truncated, of heads of width d",
      .meaning = "rows of the projection" },
    { .name = "qkv_bias", .type = CLMIX_KEY_FLAG, .offset = AT(qkv_bias), .usual = "true", .meaning = "of queries, keys and values" },
    { .name = "local_heads",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(local_heads),
      .usual = "0",
      .zero = true,
      .meaning = "the last so many heads attend within windows instead" },
    { .name = "local_window", .type = CLMIX_KEY_SIZE, .offset = AT(local_window), .usual = "256", .meaning = "tokens of these windows" },
    { .name = "maxima",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(maxima),
      .choices = maxima,
      .usual = "batch",
      .meaning = "that softmax features of keys subtract: over the whole batch, as the authors' weights expect, or over each sample, whose "
                 "result then depends on no other" },
};

const struct clmix_mixer_kind clmix_mixer_performer = {
    .table = { .name = "performer", .bytes = sizeof(struct performer_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_position = true,
    .across = performer_across,
    .settle = performer_settle,
    .mix = performer_mix,
};
