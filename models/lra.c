/* MRA's encoder for the Long Range Arena (Zeng et al. 2022; Tay et al. 2021):
 *
 *     x = word[token] + position[n];   x = x + mix(LN(x)),  x = x + W2 gelu(W1 LN(x)),  `depth` times;   x = LN(x), zero at padding
 *     logits = W2 relu(W1 p),  p the first token, or the sum of the tokens over their number, padding included
 *
 * With `pool` cls the last word of the vocabulary is put in front and the last token dropped. `shared`: one block `depth` times. `dual`: the same
 * encoder for two sequences, and p = [a, c, a c, a - c]. Names and shapes of the weights are the authors'. */
#include "models/lra.h"

#include "models/parts/feed_forward.h"
#include "models/parts/positions.h"
#include "models/sequence.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <clmix/sequence.h>

#define EPSILON 1e-5f

enum { MEAN, CLS };

struct lra_keys {
    struct clmix_sequence_keys sequence;
    size_t classes;
    int pool; /* MEAN, CLS */
    bool dual, shared;
};

/* ---- parts that MRA's ImageNet model has too ---------------------------------------------------------------------------------------------- */

const struct clmix_frame clmix_lra_frame = { .q = "W_q", .k = "W_k", .v = "W_v", .out = "ff", .own = "attn", .out_always = true };

clmix_value clmix_lra_block(clmix_scope at, const struct clmix_sequence *x, const struct clmix_mixer *mixer, size_t mlp_dim)
{
    const size_t dim = clmix_shape_of(x->value).size[2];
    struct clmix_sequence normed = *x;
    clmix_value y;

    normed.value = clmix_layer_norm(clmix_in(at, "norm1"), x->value, EPSILON);
    y = clmix_add(x->value, clmix_mix(clmix_in(at, "mha"), &normed, mixer));
    normed.value = clmix_layer_norm(clmix_in(at, "norm2"), y, EPSILON);
    return clmix_add(y, clmix_feed_forward(clmix_in(at, "mlpblock.0"), clmix_in(at, "mlpblock.3"), normed.value, clmix_channel_linear,
                                           mlp_dim, dim, mixer->dropout));
}

clmix_value clmix_lra_norm(clmix_scope at, clmix_value x)
{
    return clmix_layer_norm(clmix_in(at, "norm"), x, EPSILON);
}

clmix_value clmix_lra_head(clmix_scope at, clmix_value x, size_t hidden, size_t classes)
{
    return clmix_linear(clmix_in(at, "2"), clmix_relu(clmix_linear(clmix_in(at, "0"), x, hidden, true)), classes, true);
}

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value embed(clmix_scope at, clmix_value tokens, const struct clmix_sequence_keys *keys)
{
    const clmix_value words = clmix_embedding_table(at, "word_embeddings", keys->vocab, keys->dim),
                      positions = clmix_embedding_table(at, "position_embeddings", keys->max_len, keys->dim);
    const clmix_lookup lookups[] = { { words, tokens }, { clmix_slice(positions, 0, 0, clmix_shape_of(tokens).size[1]), { 0 } } };

    return clmix_dropout(clmix_embed(lookups, 2), keys->dropout);
}

/* One sequence to (B, dim). */
static clmix_value encode(clmix_scope at, clmix_value tokens, clmix_value mask, const struct lra_keys *keys)
{
    const struct clmix_sequence_keys *sequence = &keys->sequence;
    const clmix_scope backbone = clmix_in(at, "model.backbone"), encoder = clmix_in(backbone, "encoder");
    struct clmix_sequence x = { .mask = mask };

    if (keys->pool == CLS) {
        tokens = clmix_push_id(tokens, (int)sequence->vocab - 1);
        x.mask = clmix_push_id(mask, 1);
    }
    x.value = embed(clmix_in(at, "embeddings"), tokens, sequence);
    for (size_t i = 0; i < sequence->depth; i++) {
        const clmix_scope own = clmix_in(backbone, "encoders.%zu", i), again = i == 0 ? encoder : clmix_shared(encoder);

        x.value = clmix_lra_block(keys->shared ? again : own, &x, &sequence->mixer, sequence->mlp_dim);
    }
    x.value = clmix_mask_tokens(clmix_lra_norm(backbone, x.value), x.mask);
    return keys->pool == CLS ? clmix_first_token(x.value) : clmix_global_average_pool(x.value);
}

/* What tells two sequences' relation. */
static clmix_value compare(clmix_value a, clmix_value c)
{
    const clmix_shape shape = clmix_shape_of(a);
    const clmix_value one = clmix_reshape(a, 3, (size_t[]){ shape.size[0], 1, shape.size[1] }),
                      product = clmix_reshape(clmix_scale_channels(one, c), 2, shape.size);

    return clmix_concat((clmix_value[]){ a, c, product, clmix_add(a, clmix_scale(c, -1.0f)) }, 4, -1);
}

static clmix_value lra_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct lra_keys *keys = given;
    clmix_value x = encode(at, inputs[0], inputs[1], keys);

    if (keys->dual && clmix_shape_of(x).rank == 2)
        x = compare(x, encode(clmix_shared(at), inputs[2], inputs[3], keys));
    return clmix_lra_head(clmix_in(at, "seq_classifer.mlpblock"), x, keys->sequence.mlp_dim, keys->classes);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct lra_keys, member)

static const char *const pools[] = { "mean", "cls", NULL };

static const struct clmix_key rows[] = {
    { .name = "head_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(sequence.mixer.head_dim),
      .derived = "`dim / heads`",
      .meaning = "width of a head; `heads * head_dim` need not be `dim`" },
    { .name = "classes",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(classes),
      .meaning = "logits; 1: a single one, which tells two classes apart" },
    { .name = "pool",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(pool),
      .choices = pools,
      .meaning = "what is classified: the mean of all tokens, or a class token, the last of the vocabulary, which no text may have" },
    { .name = "dual",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(dual),
      .usual = "false",
      .meaning = "two sequences are read, and their relation is classified" },
    { .name = "shared", .type = CLMIX_KEY_FLAG, .offset = AT(shared), .usual = "false", .meaning = "all blocks have the weights of one" },
};

static clmix_status lra_check(void *given, const char *where)
{
    struct lra_keys *keys = given;

    return clmix_sequence_settle(&keys->sequence, &clmix_lra_frame, keys->sequence.dropout, where);
}

static int lra_ports(const void *given, size_t length, clmix_port ports[CLMIX_MOST_PORTS])
{
    const struct lra_keys *keys = given;
    const int count = clmix_sequence_ports(given, length, ports);

    if (!keys->dual)
        return count;
    ports[2] = ports[0];
    ports[2].name = CLMIX_SECOND_TOKENS;
    ports[3] = ports[1];
    ports[3].name = CLMIX_SECOND_MASK;
    return 4;
}

static struct clmix_model_answer lra_answer(const void *given)
{
    const struct lra_keys *keys = given;
    struct clmix_model_answer answer = clmix_sequence_answer(&keys->sequence, keys->classes);

    answer.own_ids = keys->pool == CLS;
    return answer;
}

const struct clmix_model_kind clmix_model_lra = {
    .table = {
        .name = "lra",
        .bytes = sizeof(struct lra_keys),
        .first = &clmix_sequence_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = lra_check,
    },
    .ports = lra_ports,
    /* in the mean padding is zeros that count; a class token pushes the last token out, which is one of the text only where nothing fills the sequence up */
    .counts_padding = true,
    .answer = lra_answer,
    .build = lra_build,
};
