/* cosFormer (Qin et al. 2022): weights relu(q_i) . relu(k_j) cos(t_i - t_j), t_i = pi i / (2 N), i = 1 .. N, which as
 * cos t_i cos t_j + sin t_i sin t_j are products of features:
 *
 *     phi(x_i) = [relu(x_i) sin t_i, relu(x_i) cos t_i],   y_i = phi(q_i) . (sum over j of phi(k_j) v_j^T) / max(phi(q_i) . sum over j of phi(k_j), eps)
 *
 * N counts padding, which has no features. */
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>

enum { RELU, ELU };

struct cosformer_keys {
    float eps;
    int activation; /* RELU, ELU */
    bool causal;
};

static clmix_value cosformer_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct cosformer_keys *keys = given;
    const clmix_map map = keys->activation == ELU ? CLMIX_MAP_ELU : CLMIX_MAP_RELU;
    const clmix_value q = clmix_feature_map(heads->q, clmix_no_value(), mixer->heads, map, true),
                      k = clmix_feature_map(heads->k, heads->mask, mixer->heads, map, true);

    (void)at;
    return clmix_kernel_attention(
        q, k, heads->v, clmix_no_value(),
        (clmix_kernel_options){ .heads = mixer->heads, .divisor = CLMIX_DIVISOR_CLAMPED, .epsilon = keys->eps, .causal = keys->causal });
}

#define AT(member) offsetof(struct cosformer_keys, member)

static const char *const activations[] = { "relu", "elu", NULL };

static const struct clmix_key rows[] = {
    { .name = "eps", .type = CLMIX_KEY_NUMBER, .offset = AT(eps), .usual = "1e-06", .most = 1, .meaning = "the least that is divided by" },
    { .name = "activation",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(activation),
      .choices = activations,
      .usual = "relu",
      .meaning = "of queries and keys; `elu` is elu(x) + 1" },
    { .name = "causal", .type = CLMIX_KEY_FLAG, .offset = AT(causal), .usual = "false", .meaning = "a token sees none behind it" },
};

const struct clmix_mixer_kind clmix_mixer_cosformer = {
    .table = { .name = "cosformer", .bytes = sizeof(struct cosformer_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_mask = true,
    .takes_position = true,
    .settle = clmix_settle_heads,
    .mix = clmix_mix_heads,
    .attend = cosformer_attend,
};
