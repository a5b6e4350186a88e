/* Linformer attention (Wang et al. 2020; Vision X-formers, section 3):  y = softmax(q K'^T / sqrt d) V',  K' = proj_k^T K,  V' = proj_v^T V: keys
 * and values projected along the tokens to `projection` of them. The weights fix the number of tokens. */
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <math.h>

struct linformer_keys {
    size_t projection;
    bool one_kv_head, share_kv;
};

/* (B, N, width) -> (B, projection, width). */
static clmix_value project(clmix_value weight, clmix_value x)
{
    return clmix_matmul(weight, x, (clmix_product){ .transpose_a = true });
}

static clmix_value projection_of(clmix_scope at, const char *name, size_t tokens, const struct linformer_keys *keys)
{
    return clmix_parameter(at, name, 2, (size_t[]){ tokens, keys->projection }, NULL,
                           (clmix_initializer){ .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)keys->projection) });
}

static clmix_value linformer_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const struct linformer_keys *keys = given;
    const clmix_shape shape = clmix_shape_of(tokens->value);
    const size_t count = shape.size[1], kv_heads = keys->one_kv_head ? 1 : mixer->heads;
    const clmix_attention_options options = { .heads = mixer->heads, .kv_heads = kv_heads, .dropout = mixer->dropout };
    const bool turns = tokens->position.graph != NULL;
    clmix_value q, k, v, proj_k, proj_v, y;

    if (turns && keys->one_kv_head)
        return clmix_poison(
            at, CLMIX_ERROR_ARGUMENT,
            "positions turn each head's keys, and the mixer 'linformer' has one head of them for all; set 'one_kv_head' to false");
    proj_k = proj_v = projection_of(at, "proj_k", count, keys);
    if (!keys->share_kv)
        proj_v = projection_of(at, "proj_v", count, keys);
    q = clmix_linear(clmix_in(at, "to_q"), tokens->value, mixer->heads * mixer->head_dim, false);
    k = v = clmix_linear(clmix_in(at, "to_k"), tokens->value, kv_heads * mixer->head_dim, false);
    if (!keys->share_kv)
        v = clmix_linear(clmix_in(at, "to_v"), tokens->value, kv_heads * mixer->head_dim, false);
    clmix_at(at);
    if (turns) { /* the values are not turned, also where they are the keys */
        q = clmix_rotary(q, tokens->position, mixer->heads, CLMIX_ROTARY_PAIRS);
        k = clmix_rotary(k, tokens->position, mixer->heads, CLMIX_ROTARY_PAIRS);
    }
    k = project(proj_k, k);
    v = keys->share_kv && !turns ? k : project(proj_v, v);
    y = clmix_attention(q, k, v, clmix_no_value(), options);
    y = clmix_linear(clmix_in(at, "to_out"), y, shape.size[2], true);
    clmix_module_values(y, shape.size[0] * mixer->heads * count * keys->projection); /* the dropout of the weights */
    return clmix_module(y);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct linformer_keys, member)

static const struct clmix_key rows[] = {
    { .name = "projection",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(projection),
      .usual = "64",
      .meaning = "keys and values after the projection" },
    { .name = "one_kv_head",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(one_kv_head),
      .usual = "true",
      .meaning = "one head of keys and values for all heads of queries" },
    { .name = "share_kv",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(share_kv),
      .usual = "true",
      .meaning = "the values are the keys, and one projection serves both" },
};

const struct clmix_mixer_kind clmix_mixer_linformer = {
    .table = { .name = "linformer", .bytes = sizeof(struct linformer_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_position = true,
    .settle = clmix_settle_heads,
    .mix = linformer_mix,
};
