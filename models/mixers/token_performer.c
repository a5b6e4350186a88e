/* Performer attention of token models (Choromanski et al. 2021; DCT-Former's and MRA's code): linear attention of random features, as performer.c has
 * it, but for what that code does otherwise: keys subtract the maximum of their head, maxima are constants to the gradient, and padding
 * is zeros, whose features are not, so that it counts in the divisor (unless `mask_features`). With `prescale` queries and keys are scaled by d^(-1/4) once
 * more, as there. Causal, 1e-6 is added to each sum of features. */
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/mixers/performer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

enum { SOFTMAX, RELU };

struct performer_keys {
    size_t features;
    int kernel; /* SOFTMAX, RELU */
    bool prescale, mask_features, causal;
};

static clmix_value performer_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct performer_keys *keys = given;
    const clmix_performer_kernel kernel = keys->kernel == RELU ? CLMIX_PERFORMER_RELU : CLMIX_PERFORMER_SOFTMAX;
    const clmix_performer_options of_queries = { .kernel = kernel, .maximum = CLMIX_MAXIMUM_TOKEN, .constant = true }, of_keys = {
        .kernel = kernel, .maximum = CLMIX_MAXIMUM_HEAD, .constant = true, .mask = keys->mask_features ? heads->mask : clmix_no_value()
    };
    const clmix_value projection =
        clmix_state(clmix_in(at, "attn_fn"), "projection_matrix", 2, (size_t[]){ keys->features, mixer->head_dim },
                    (clmix_initializer){ .kind = CLMIX_ORTHOGONAL_FEATURES });
    const clmix_value padding = keys->mask_features ? clmix_no_value() : heads->mask;
    clmix_value q = heads->q, k = clmix_mask_tokens(heads->k, padding), v = clmix_mask_tokens(heads->v, padding);

    if (keys->prescale) {
        q = clmix_scale(q, powf((float)mixer->head_dim, -0.25f));
        k = clmix_scale(k, powf((float)mixer->head_dim, -0.25f));
    }
    return clmix_kernel_attention(clmix_performer_features(q, projection, mixer->heads, of_queries),
                                  clmix_performer_features(k, projection, mixer->heads, of_keys), v, clmix_no_value(),
                                  (clmix_kernel_options){ .heads = mixer->heads,
                                                          .divisor = CLMIX_DIVISOR_EACH,
                                                          .epsilon = keys->causal ? 1e-6f : 0.0f,
                                                          .causal = keys->causal });
}

static clmix_status performer_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    struct performer_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    return clmix_settle_features(&keys->features, mixer->head_dim, where);
}

#define AT(member) offsetof(struct performer_keys, member)

static const char *const kernels[] = { "softmax", "relu", NULL };

static const struct clmix_key rows[] = {
    { .name = "features",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(features),
      .most = 3520,
      .derived = "d ln d, truncated, of heads of width d",
      .meaning = "rows of the projection" },
    { .name = "kernel",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(kernel),
      .choices = kernels,
      .usual = "softmax",
      .meaning = "features: positive ones, or ReLU" },
    { .name = "prescale",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(prescale),
      .usual = "false",
      .meaning = "queries and keys are scaled by d^(-1/4) twice, as in DCT-Former's and MRA's code" },
    { .name = "mask_features",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(mask_features),
      .usual = "false",
      .meaning = "padding has no features; else it is zeros, which have" },
    { .name = "causal", .type = CLMIX_KEY_FLAG, .offset = AT(causal), .usual = "false", .meaning = "a token sees none behind it" },
};

const struct clmix_mixer_kind clmix_mixer_token_performer = {
    .table = { .name = "performer", .bytes = sizeof(struct performer_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_mask = true,
    .takes_position = true,
    .settle = performer_settle,
    .mix = clmix_mix_heads,
    .attend = performer_attend,
};
