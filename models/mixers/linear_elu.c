/* Linear attention (Katharopoulos et al. 2020), phi(x) = elu(x) + 1:
 *
 *     y_i = phi(q_i) . (sum over j of phi(k_j) v_j^T) / (phi(q_i) . (sum over j of phi(k_j)) + eps)
 *
 * Padding has no features. Without `normalize` it is the "linear" head of DCT-Former's code, y = phi(q) (phi(k)^T v) / sqrt(N): no divisor, and each
 * feature divided by N^(1/4). */
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

struct linear_elu_keys {
    float eps;
    bool normalize, causal;
};

static clmix_value linear_elu_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct linear_elu_keys *keys = given;
    const clmix_value q = clmix_feature_map(heads->q, clmix_no_value(), mixer->heads, CLMIX_MAP_ELU, false),
                      k = clmix_feature_map(heads->k, heads->mask, mixer->heads, CLMIX_MAP_ELU, false);
    const clmix_kernel_options options = { .heads = mixer->heads,
                                           .divisor = keys->normalize ? CLMIX_DIVISOR_ADDED : CLMIX_DIVISOR_NONE,
                                           .epsilon = keys->eps,
                                           .causal = keys->causal };
    const clmix_value y = clmix_kernel_attention(q, k, heads->v, clmix_no_value(), options);

    (void)at;
    return keys->normalize || !clmix_is_value(y) ? y : clmix_scale(y, 1.0f / sqrtf((float)clmix_shape_of(y).size[1]));
}

#define AT(member) offsetof(struct linear_elu_keys, member)

static const struct clmix_key rows[] = {
    { .name = "eps", .type = CLMIX_KEY_NUMBER, .offset = AT(eps), .usual = "1e-06", .most = 1, .meaning = "added to the divisor" },
    { .name = "normalize",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(normalize),
      .usual = "true",
      .meaning = "whether the sum is divided by that of the weights; else by the root of the number of tokens" },
    { .name = "causal", .type = CLMIX_KEY_FLAG, .offset = AT(causal), .usual = "false", .meaning = "a token sees none behind it" },
};

static bool free_of_padding(const void *given)
{
    return ((const struct linear_elu_keys *)given)->normalize; /* without, all is divided by the square root of the length */
}

const struct clmix_mixer_kind clmix_mixer_linear_elu = {
    .table = { .name = "linear_elu", .bytes = sizeof(struct linear_elu_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_mask = true,
    .takes_position = true,
    .free_of_padding = free_of_padding,
    .settle = clmix_settle_heads,
    .mix = clmix_mix_heads,
    .attend = linear_elu_attend,
};
