/* Efficient attention (Shen et al. 2021):  y = softmax(q) (softmax(k)^T v), the first softmax over the d features of each query, the second one over the
 * N tokens, a feature at a time: "global attention maps", of which each query mixes its own. The weights that this implies sum to 1, so that
 * nothing is divided by. Padding has no part in the maps. */
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>

static clmix_value efficient_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const clmix_value q = clmix_feature_map(heads->q, clmix_no_value(), mixer->heads, CLMIX_MAP_SOFTMAX, false),
                      k = clmix_feature_map(heads->k, heads->mask, mixer->heads, CLMIX_MAP_SOFTMAX_TOKENS, false);

    (void)at, (void)given;
    return clmix_kernel_attention(q, k, heads->v, clmix_no_value(),
                                  (clmix_kernel_options){ .heads = mixer->heads, .divisor = CLMIX_DIVISOR_NONE });
}

static bool free_of_padding(const void *given)
{
    (void)given;
    return true; /* its keys are left out */
}

const struct clmix_mixer_kind clmix_mixer_efficient = {
    .table = { .name = "efficient", .bytes = 1 }, /* no keys */
    .takes_mask = true,
    .takes_position = true,
    .free_of_padding = free_of_padding,
    .settle = clmix_settle_heads,
    .mix = clmix_mix_heads,
    .attend = efficient_attend,
};
