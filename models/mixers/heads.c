/* What stands around an operator on heads: projections of tokens to queries, keys and values, and of what comes out. */
#include "base/status.h"
#include "graph/modules.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

static const struct clmix_frame vit = { .qkv = "to_qkv", .out = "to_out.0", .own = "mixer" };

static const struct clmix_frame *frame_of(const struct clmix_mixer *mixer)
{
    return mixer->frame == NULL ? &vit : mixer->frame;
}

struct clmix_heads clmix_project_heads(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer)
{
    const struct clmix_frame *frame = frame_of(mixer);
    const size_t width = mixer->heads * mixer->head_dim;
    struct clmix_heads heads = { .mask = tokens->mask };

    if (frame->q == NULL) {
        const clmix_value qkv = clmix_linear(clmix_in(at, "%s", frame->qkv), tokens->value, 3 * width, false);

        clmix_at(at);
        heads.q = clmix_slice(qkv, -1, 0, width);
        heads.k = clmix_slice(qkv, -1, width, width);
        heads.v = clmix_slice(qkv, -1, 2 * width, width);
    } else {
        heads.q = clmix_linear(clmix_in(at, "%s", frame->q), tokens->value, width, true);
        heads.k = clmix_linear(clmix_in(at, "%s", frame->k), tokens->value, width, true);
        heads.v = clmix_linear(clmix_in(at, "%s", frame->v), tokens->value, width, true);
        clmix_at(at);
    }
    if (tokens->position.graph != NULL) {
        heads.q = clmix_rotary(heads.q, tokens->position, mixer->heads, CLMIX_ROTARY_PAIRS);
        heads.k = clmix_rotary(heads.k, tokens->position, mixer->heads, CLMIX_ROTARY_PAIRS);
    }
    return heads;
}

clmix_value clmix_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer)
{
    const struct clmix_mixer_kind *kind = clmix_mixer_kind_of(&mixer->mixer);

    if (kind->attend == NULL)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "the mixer '%s' is no operator on queries, keys and values", kind->table.name);
    return kind->attend(at, heads, mixer, mixer->mixer.keys);
}

/* The output projection of coefficients, and back to tokens between its weight and its bias. */
static clmix_value project_coefficients(clmix_scope at, clmix_value y, size_t dim, size_t tokens)
{
    static const int transposed[2] = { 1, 0 };
    const size_t width = clmix_shape_columns(clmix_shape_of(y));
    const clmix_initializer uniform = { .kind = CLMIX_UNIFORM, .bound = 1.0f / sqrtf((float)width) };
    const clmix_value weight = clmix_parameter(at, "weight", 2, (size_t[]){ dim, width }, transposed, uniform),
                      bias = clmix_parameter(at, "bias", 1, &dim, NULL, uniform);

    y = clmix_dct_inverse(clmix_linear_with(at, y, weight, clmix_no_value()), tokens);
    return clmix_is_value(y) ? clmix_add(y, bias) : y;
}

clmix_value clmix_join_heads(clmix_scope at, clmix_value y, const struct clmix_mixer *mixer, size_t dim, size_t tokens)
{
    const struct clmix_frame *frame = frame_of(mixer);
    const size_t width = mixer->heads * mixer->head_dim;

    if (!clmix_is_value(y))
        return y;
    if (mixer->heads > 1 || width != dim || frame->out_always)
        y = tokens > 0 ? project_coefficients(clmix_in(at, "%s", frame->out), y, dim, tokens)
                       : clmix_linear(clmix_in(at, "%s", frame->out), y, dim, true);
    else if (tokens > 0)
        y = clmix_dct_inverse(y, tokens);
    return clmix_module(clmix_module(clmix_dropout(y, mixer->dropout)));
}

clmix_value clmix_mix_heads(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *keys)
{
    const struct clmix_frame *frame = frame_of(mixer);
    const size_t dim = clmix_shape_columns(clmix_shape_of(tokens->value));
    const struct clmix_heads heads = clmix_project_heads(at, tokens, mixer);
    clmix_value y;

    (void)keys;
    if (!clmix_is_value(heads.v))
        return heads.v;
    y = clmix_attend(frame->own == NULL ? at : clmix_in(at, "%s", frame->own), &heads, mixer);
    clmix_at(at);
    return clmix_join_heads(at, y, mixer, dim, 0);
}

clmix_status clmix_settle_heads(void *keys, const struct clmix_mixer *mixer, const char *where)
{
    (void)keys;
    return mixer->heads > 0 ? CLMIX_OK
                            : clmix_fail(CLMIX_ERROR_FORMAT, "%s: the mixer '%s' has heads, and this model has none; take another mixer",
                                         where, mixer->mixer.table->name);
}

size_t clmix_longest(const struct clmix_heads *heads, const struct clmix_mixer *mixer)
{
    return mixer->longest > 0 ? mixer->longest : clmix_shape_of(heads->q).size[1];
}
