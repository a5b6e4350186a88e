/* Nystrom attention of token models (Xiong et al. 2021; DCT-Former's and MRA's code), l landmarks q~, k~, the means of runs of queries and keys:
 *
 *     y = S1 Z (S3 v) + conv(v),   S1 = softmax(q k~^T / sqrt d),  S2 = softmax(q~ k~^T / sqrt d),  S3 = softmax(q~ k^T / sqrt d),
 *
 * Z the pseudo-inverse of S2 by iterations. Padding is zeros in queries, keys and values, counted in the runs' means and seen by no landmark
 * in S3; where l does not divide N zero rows behind the tokens fill up the last runs. With as many landmarks as tokens, or more, it is softmax
 * attention, whose queries of padding are zeros. */
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/mixers/nystrom.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

enum { GLOBAL, MATRIX };

struct nystrom_keys {
    size_t landmarks, pinv_iterations;
    int pinv_init; /* GLOBAL, MATRIX */
    bool residual;
    size_t residual_conv_kernel;
};

/* S1 Z (S3 v). */
static clmix_value through_landmarks(clmix_value q, clmix_value k, clmix_value v, clmix_value mask, const struct clmix_mixer *mixer,
                                     const struct nystrom_keys *keys)
{
    return clmix_through_landmarks(q, k, v, mask,
                                   &(struct clmix_landmarks){ .q = clmix_segment_means_behind(q, keys->landmarks),
                                                              .k = clmix_segment_means_behind(k, keys->landmarks),
                                                              .heads = mixer->heads,
                                                              .scale = 1.0f / sqrtf((float)mixer->head_dim),
                                                              .iterations = keys->pinv_iterations,
                                                              .maxima =
                                                                  keys->pinv_init == MATRIX ? CLMIX_INVERSE_MATRIX : CLMIX_INVERSE_BATCH });
}

static clmix_value nystrom_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct nystrom_keys *keys = given;
    const size_t tokens = clmix_shape_of(heads->k).size[1];
    const clmix_value q = clmix_mask_tokens(heads->q, heads->mask), k = clmix_mask_tokens(heads->k, heads->mask),
                      v = clmix_mask_tokens(heads->v, heads->mask);
    clmix_value y;

    if (keys->landmarks >= tokens)
        y = clmix_attention(q, k, v, heads->mask, (clmix_attention_options){ .heads = mixer->heads });
    else
        y = through_landmarks(q, k, v, heads->mask, mixer, keys);
    return keys->residual ? clmix_add(y, clmix_token_conv(clmix_in(at, "conv"), v, mixer->heads, keys->residual_conv_kernel)) : y;
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static bool nystrom_across(const void *given)
{
    return ((const struct nystrom_keys *)given)->pinv_init == GLOBAL;
}

static clmix_status nystrom_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    const struct nystrom_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    return clmix_settle_residual_conv(keys->residual_conv_kernel, where);
}

#define AT(member) offsetof(struct nystrom_keys, member)

static const char *const inits[] = { "global", "matrix", NULL };

static const struct clmix_key rows[] = {
    { .name = "landmarks", .type = CLMIX_KEY_SIZE, .offset = AT(landmarks), .usual = "64", .meaning = "means of queries, and of keys" },
    { .name = "pinv_iterations",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(pinv_iterations),
      .most = 64,
      .usual = "6",
      .meaning = "of the pseudo-inverse" },
    { .name = "pinv_init",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(pinv_init),
      .choices = inits,
      .usual = "global",
      .meaning =
          "what the maxima are over that scale the pseudo-inverse's start: the whole batch, as in the authors' code, or each matrix, "
          "where a sample's result depends on no other" },
    { .name = "residual",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(residual),
      .usual = "false",
      .meaning = "whether a convolution of the values along the tokens is added" },
    { .name = "residual_conv_kernel",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(residual_conv_kernel),
      .most = 1023,
      .usual = "33",
      .meaning = "its length, odd" },
};

const struct clmix_mixer_kind clmix_mixer_token_nystrom = {
    .table = { .name = "nystrom", .bytes = sizeof(struct nystrom_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_mask = true,
    .takes_position = true,
    .across = nystrom_across,
    .settle = nystrom_settle,
    .mix = clmix_mix_heads,
    .attend = nystrom_attend,
};
