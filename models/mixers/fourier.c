/* Fourier mixing of FNet (Lee-Thorp et al. 2021; Vision X-formers, section 3):  y = Re F_N(F_D(x)), the transforms along tokens and features.
 * No weights, no queries: every token meets every other one. */
#include "graph/modules.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>

static clmix_value fourier_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    (void)mixer;
    (void)given;
    clmix_at(at);
    return clmix_module(clmix_fourier_mix(tokens->value)); /* the authors have it as a module */
}

const struct clmix_mixer_kind clmix_mixer_fourier = {
    .table = { .name = "fourier", .bytes = 1 }, /* no keys */
    .mix = fourier_mix,
};
