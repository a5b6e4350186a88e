/* Linformer attention of token models (Wang et al. 2020; DCT-Former's and MRA's code):  y = softmax(q k^^T / sqrt d) v^,  k^ = E k,  v^ = E v, of keys
 * and values without padding: a matrix E (p x N) for each head projects both along the tokens. Of more columns than there are tokens the first
 * ones serve. */
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>

struct linformer_keys {
    size_t projection;
};

/* All heads' E side by side, (p, heads * N); in files (heads, p, N). */
static clmix_value projection_of(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, size_t p)
{
    static const int rows_first[3] = { 1, 0, 2 };
    const size_t longest = clmix_longest(heads, mixer), tokens = clmix_shape_of(heads->k).size[1];
    const clmix_value e = clmix_parameter(at, "E", 3, (size_t[]){ mixer->heads, p, longest }, rows_first,
                                          (clmix_initializer){ .kind = CLMIX_NORMAL, .std = 0.02f });

    return clmix_reshape(clmix_slice(e, -1, 0, tokens), 2, (size_t[]){ p, mixer->heads * tokens });
}

static clmix_value linformer_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct linformer_keys *keys = given;
    const size_t longest = clmix_longest(heads, mixer), tokens = clmix_shape_of(heads->k).size[1];
    const clmix_product product = { .heads = mixer->heads };
    clmix_value e, k, v;

    if (tokens > longest)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "%zu tokens, and the mixer 'linformer' projects %zu", tokens, longest);
    e = projection_of(at, heads, mixer, keys->projection);
    k = clmix_matmul(e, clmix_mask_tokens(heads->k, heads->mask), product);
    v = clmix_matmul(e, clmix_mask_tokens(heads->v, heads->mask), product);
    return clmix_attention(heads->q, k, v, clmix_no_value(), (clmix_attention_options){ .heads = mixer->heads });
}

static const struct clmix_key rows[] = {
    { .name = "projection",
      .type = CLMIX_KEY_SIZE,
      .offset = offsetof(struct linformer_keys, projection),
      .usual = "64",
      .meaning = "keys and values after the projection" },
};

static bool free_of_padding(const void *given)
{
    (void)given;
    return true; /* its keys and values are zero before they are projected */
}

const struct clmix_mixer_kind clmix_mixer_token_linformer = {
    .table = { .name = "linformer", .bytes = sizeof(struct linformer_keys), .keys = rows, .count = 1 },
    .takes_mask = true,
    .takes_position = true,
    .free_of_padding = free_of_padding,
    .settle = clmix_settle_heads,
    .mix = clmix_mix_heads,
    .attend = linformer_attend,
};
