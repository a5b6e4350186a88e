/* Nystrom attention (Xiong et al. 2021; Vision X-formers, section 3), m landmarks q~, k~, the means of runs of queries and keys:
 *
 *     y = S1 Z (S3 v) + res_conv(v),   S1 = softmax(q k~^T / sqrt d),  S2 = softmax(q~ k~^T / sqrt d),  S3 = softmax(q~ k^T / sqrt d),
 *
 * Z the pseudo-inverse of S2 by iterations. From the right, with two attentions of N x m weights, none of which is ever in memory. Where m does
 * not divide N the authors put zero rows in front of the tokens, which are counted and not masked: without a bias their queries, keys and
 * values are zeros, so that here they are told to the ops and not made. */
#include "models/mixers/nystrom.h"
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <math.h>

enum { BATCH, SAMPLE };

struct nystrom_keys {
    size_t landmarks, pinv_iterations;
    bool residual;
    size_t residual_conv_kernel;
    int maxima; /* BATCH, SAMPLE */
};

static size_t nystrom_length(size_t tokens, const void *given)
{
    const struct nystrom_keys *keys = given;

    return (tokens + keys->landmarks - 1) / keys->landmarks * keys->landmarks;
}

/* Softmax over the columns of each head's matrix. */
static clmix_value softmax_heads(clmix_value scores, size_t heads)
{
    const clmix_shape shape = clmix_shape_of(scores);
    const size_t rows = shape.size[1], apart[4] = { shape.size[0], rows, heads, shape.size[2] / heads };

    return clmix_reshape(clmix_softmax(clmix_reshape(scores, 4, apart), -1), 3, shape.size);
}

clmix_value clmix_through_landmarks(clmix_value q, clmix_value k, clmix_value v, clmix_value mask, const struct clmix_landmarks *landmarks)
{
    const size_t heads = landmarks->heads;
    const clmix_attention_options far = { .heads = heads, .scale = landmarks->scale };
    const clmix_attention_options all = { .heads = heads, .scale = landmarks->scale, .zero_keys = landmarks->zero_keys };
    clmix_value inverse =
        clmix_matmul(landmarks->q, landmarks->k, (clmix_product){ .heads = heads, .transpose_b = true, .scale = landmarks->scale });

    if (!clmix_is_value(inverse))
        return inverse;
    inverse = clmix_pseudo_inverse(softmax_heads(inverse, heads), heads, (int)landmarks->iterations, landmarks->maxima);
    v = clmix_matmul(inverse, clmix_attention(landmarks->q, k, v, mask, all), (clmix_product){ .heads = heads });
    return clmix_attention(q, landmarks->k, v, clmix_no_value(), far);
}

/* Rows of zeros put out by the authors' projections, convolution and dropout. */
static clmix_value count_modules(clmix_value y, const struct clmix_mixer *mixer, const struct nystrom_keys *keys)
{
    const clmix_shape shape = clmix_shape_of(y);
    const size_t tokens = shape.size[1], padded = nystrom_length(tokens, keys), width = mixer->heads * mixer->head_dim;

    if (!clmix_is_value(y))
        return y;
    clmix_module_values(y, shape.size[0] * (padded - tokens) * ((keys->residual ? 4 : 3) * width + shape.size[2]));
    clmix_module_values(y, shape.size[0] * padded * shape.size[2]);
    return clmix_module(y);
}

static clmix_value nystrom_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const struct nystrom_keys *keys = given;
    const clmix_shape shape = clmix_shape_of(tokens->value);
    const size_t heads = mixer->heads, width = heads * mixer->head_dim, count = shape.size[1], front = nystrom_length(count, keys) - count;
    struct clmix_landmarks landmarks = { .heads = heads,
                                         .zero_keys = front,
                                         .scale = 1.0f / sqrtf((float)mixer->head_dim),
                                         .iterations = keys->pinv_iterations,
                                         .maxima = keys->maxima == SAMPLE ? CLMIX_INVERSE_SAMPLE : CLMIX_INVERSE_BATCH };
    clmix_value qkv, q, k, v, y;

    qkv = clmix_linear(clmix_in(at, "to_qkv"), tokens->value, 3 * width, false);
    clmix_at(at);
    q = clmix_slice(qkv, -1, 0, width);
    k = clmix_slice(qkv, -1, width, width);
    v = clmix_slice(qkv, -1, 2 * width, width);
    if (tokens->position.graph != NULL) { /* the zero rows have the first positions */
        const clmix_value turns = clmix_slice(tokens->position, 0, front, count);

        q = clmix_rotary(q, turns, heads, CLMIX_ROTARY_PAIRS);
        k = clmix_rotary(k, turns, heads, CLMIX_ROTARY_PAIRS);
    }
    landmarks.q = clmix_segment_means(q, keys->landmarks);
    landmarks.k = clmix_segment_means(k, keys->landmarks);
    y = clmix_through_landmarks(q, k, v, clmix_no_value(), &landmarks);
    if (keys->residual)
        y = clmix_add(y, clmix_token_conv(clmix_in(at, "res_conv"), v, heads, keys->residual_conv_kernel));
    y = clmix_dropout(clmix_linear(clmix_in(at, "to_out.0"), y, shape.size[2], true), mixer->dropout);
    return count_modules(y, mixer, keys);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static bool nystrom_across(const void *given)
{
    return ((const struct nystrom_keys *)given)->maxima == BATCH;
}

clmix_status clmix_settle_residual_conv(size_t kernel, const char *where)
{
    if (kernel % 2 == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'residual_conv_kernel' is %zu; an odd number keeps the tokens in their places", where,
                          kernel);
    return CLMIX_OK;
}

static clmix_status nystrom_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    const struct nystrom_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    return clmix_settle_residual_conv(keys->residual_conv_kernel, where);
}

#define AT(member) offsetof(struct nystrom_keys, member)

static const char *const maxima[] = { "batch", "sample", NULL };

static const struct clmix_key rows[] = {
    { .name = "landmarks", .type = CLMIX_KEY_SIZE, .offset = AT(landmarks), .usual = "64", .meaning = "means of queries, and of keys" },
    { .name = "pinv_iterations",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(pinv_iterations),
      .most = 64,
      .usual = "6",
      .meaning = "of the pseudo-inverse" },
    { .name = "residual",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(residual),
      .usual = "true",
      .meaning = "whether a convolution of the values along the tokens is added" },
    { .name = "residual_conv_kernel",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(residual_conv_kernel),
      .most = 1023,
      .usual = "33",
      .meaning = "its length, odd" },
    { .name = "maxima",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(maxima),
      .choices = maxima,
      .usual = "batch",
      .meaning =
          "that scale the pseudo-inverse's start: over the whole batch, as the authors' weights expect, or over each sample, whose result "
          "then depends on no other" },
};

const struct clmix_mixer_kind clmix_mixer_nystrom = {
    .table = { .name = "nystrom", .bytes = sizeof(struct nystrom_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_position = true,
    .length = nystrom_length,
    .across = nystrom_across,
    .settle = nystrom_settle,
    .mix = nystrom_mix,
};
