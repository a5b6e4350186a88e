/* Attention in cosine space (DCT-Former, Scribano et al. 2023): D is the orthonormal cosine transform along the tokens cut to n coefficients, so that
 * D^T D smooths and n x n weights take the place of N x N.
 *
 *     x      Algorithm 1: X^ = D X, queries, keys and values are projected from X^, and tokens are y = fc_o(D^T softmax(q k^T / sqrt d) v). The
 *            paper's code takes no notice of padding; `mask_input` makes it zeros first
 *     qkv    (6) to (8), of projections of the tokens: y = D^T softmax((D q) (D m k)^T / sqrt d) (D m v)
 *     ideal  Algorithm 2, to measure errors by: with E = softmax(q (m k)^T / sqrt d) of all tokens and P = D^T D, y = P E P m v (`square`), or
 *            with R = 1 - P, y = (E - R E R) m v (`lshape`): every coefficient of E is kept that has one low index. As two smoothings of
 *            an attention, or of two, E is never in memory
 *
 * Biases make x and qkv different functions. The output projection is linear along the channels, as the transform is along the tokens: it works on
 * coefficients where there are any. */
#include "base/size.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

enum { OF_X, OF_QKV, IDEAL };
enum { SQUARE, LSHAPE };

struct dct_keys {
    int where, ideal_keep;
    size_t coefficients;
    float ratio;
    bool mask_input;
};

/* n of so many tokens. */
static size_t coefficients_of(const struct dct_keys *keys, size_t tokens)
{
    const double share = floor(clmix_shortest(keys->ratio) * (double)tokens); /* a ratio of 0.7 is 7 of 10 */

    return clmix_smaller(tokens, keys->coefficients > 0 ? keys->coefficients : clmix_larger(1, (size_t)share));
}

static size_t tokens_of(clmix_value x)
{
    return clmix_shape_of(x).size[1];
}

/* ---- the operators ----------------------------------------------------------------------------------------------------------------------- */

/* (8) without the inverse transform: (B, n, heads * head_dim). */
static clmix_value attend_compressed(const struct clmix_heads *heads, const struct clmix_mixer *mixer, const struct dct_keys *keys)
{
    const size_t n = coefficients_of(keys, tokens_of(heads->q));
    const clmix_value q = clmix_dct(heads->q, n), k = clmix_dct(clmix_mask_tokens(heads->k, heads->mask), n),
                      v = clmix_dct(clmix_mask_tokens(heads->v, heads->mask), n);

    return clmix_attention(q, k, v, clmix_no_value(), (clmix_attention_options){ .heads = mixer->heads });
}

/* P x. */
static clmix_value smooth(clmix_value x, size_t n)
{
    const clmix_value coefficients = clmix_dct(x, n);

    return clmix_is_value(coefficients) ? clmix_dct_inverse(coefficients, tokens_of(x)) : coefficients;
}

/* R x. */
static clmix_value roughen(clmix_value x, size_t n)
{
    return clmix_add(x, clmix_scale(smooth(x, n), -1.0f));
}

static clmix_value attend_ideally(const struct clmix_heads *heads, const struct clmix_mixer *mixer, const struct dct_keys *keys)
{
    const clmix_attention_options plain = { .heads = mixer->heads };
    const size_t n = coefficients_of(keys, tokens_of(heads->q));
    const clmix_value q = heads->q, k = clmix_mask_tokens(heads->k, heads->mask), v = clmix_mask_tokens(heads->v, heads->mask),
                      all = clmix_no_value();

    if (keys->ideal_keep == SQUARE)
        return smooth(clmix_attention(q, k, smooth(v, n), all, plain), n);
    return clmix_add(clmix_attention(q, k, v, all, plain),
                     clmix_scale(roughen(clmix_attention(q, k, roughen(v, n), all, plain), n), -1.0f));
}

static clmix_value dct_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *given)
{
    const struct dct_keys *keys = given;
    clmix_value y;

    if (!clmix_is_value(heads->q))
        return heads->q;
    if (keys->where == OF_X)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT,
                            "the mixer 'dct' with 'where' x transforms tokens, not queries, keys and values; take qkv");
    if (keys->where == IDEAL)
        return attend_ideally(heads, mixer, keys);
    y = attend_compressed(heads, mixer, keys);
    return clmix_is_value(y) ? clmix_dct_inverse(y, tokens_of(heads->q)) : y;
}

/* ---- with the projections ---------------------------------------------------------------------------------------------------------------- */

/* Algorithm 1: (B, n, heads * head_dim). */
static clmix_value mix_compressed(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer,
                                  const struct dct_keys *keys)
{
    const clmix_value x = keys->mask_input ? clmix_mask_tokens(tokens->value, tokens->mask) : tokens->value;
    const struct clmix_sequence compressed = { .value = clmix_dct(x, coefficients_of(keys, tokens_of(x))) };
    const struct clmix_heads heads = clmix_project_heads(at, &compressed, mixer);

    return clmix_attention(heads.q, heads.k, heads.v, clmix_no_value(),
                           (clmix_attention_options){ .heads = mixer->heads, .dropout = mixer->attention_dropout });
}

static clmix_value dct_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *given)
{
    const struct dct_keys *keys = given;
    const size_t dim = clmix_shape_columns(clmix_shape_of(tokens->value)), count = tokens_of(tokens->value);
    struct clmix_heads heads;

    if (keys->where == OF_X && tokens->position.graph != NULL)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT,
                            "the mixer 'dct' with 'where' x has queries and keys of coefficients, which no positions turn; take qkv");
    if (keys->where == OF_X)
        return clmix_join_heads(at, mix_compressed(at, tokens, mixer, keys), mixer, dim, count);
    if (keys->where == IDEAL)
        return clmix_mix_heads(at, tokens, mixer, given);
    heads = clmix_project_heads(at, tokens, mixer);
    return clmix_is_value(heads.v) ? clmix_join_heads(at, attend_compressed(&heads, mixer, keys), mixer, dim, count) : heads.v;
}

/* ---- configuration ----------------------------------------------------------------------------------------------------------------------- */

static clmix_status dct_settle(void *given, const struct clmix_mixer *mixer, const char *where)
{
    const struct dct_keys *keys = given;

    CLMIX_TRY(clmix_settle_heads(given, mixer, where));
    if (keys->coefficients == 0 && !(keys->ratio > 0.0f))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: the mixer 'dct' needs 'coefficients', or 'ratio' as a share of the tokens", where);
    if (keys->coefficients > 0 && keys->ratio > 0.0f)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: the mixer 'dct' has both 'coefficients' and 'ratio'; set one of them to 0", where);
    if (keys->mask_input && keys->where != OF_X)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'mask_input' goes with 'where' x; qkv and ideal mask keys and values anyway", where);
    return CLMIX_OK;
}

#define AT(member) offsetof(struct dct_keys, member)

static const char *const places[] = { "x", "qkv", "ideal", NULL };
static const char *const shapes[] = { "square", "lshape", NULL };

static const struct clmix_key rows[] = {
    { .name = "where",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(where),
      .choices = places,
      .usual = "x",
      .meaning =
          "what is transformed: the tokens, their queries, keys and values, or the weights of softmax attention, to measure errors by" },
    { .name = "coefficients",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(coefficients),
      .usual = "0",
      .zero = true,
      .meaning = "how many are kept, of fewer tokens all; 0: by `ratio`" },
    { .name = "ratio",
      .type = CLMIX_KEY_NUMBER,
      .offset = AT(ratio),
      .usual = "0",
      .most = 1,
      .zero = true,
      .meaning = "or their share of the tokens, rounded down, at least one" },
    { .name = "ideal_keep",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(ideal_keep),
      .choices = shapes,
      .usual = "square",
      .meaning = "which coefficients of the weights `ideal` keeps: those of two low frequencies, or of one" },
    { .name = "mask_input",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(mask_input),
      .usual = "false",
      .meaning = "of `x`: padding is zeros before the transform; else it is transformed with the tokens, as in the authors' code" },
};

const struct clmix_mixer_kind clmix_mixer_dct = {
    .table = { .name = "dct", .bytes = sizeof(struct dct_keys), .keys = rows, .count = sizeof rows / sizeof *rows },
    .takes_mask = true,
    .takes_position = true,
    .settle = dct_settle,
    .mix = dct_mix,
    .attend = dct_attend,
};
