/* RoBERTa (Liu et al. 2019) as MRA's authors have it (Zeng et al. 2022), with any mixer in the place of attention:
 *
 *     x = LN(word[token] + segment[0] + position[pad + 1 + p]),  p the token's number among those that are there, 0 of padding
 *     x = LN(mix(x) + x),  x = LN(W2 gelu(W1 x) + x),  `depth` times;   scores = decoder(LN(gelu(W x)))
 *
 * Post-norm. The decoder is a matrix of its own. Names and shapes of the weights are the authors'. */
#include "base/status.h"
#include "models/sequence.h"

#include <clmix/ops.h>
#include <clmix/sequence.h>

#define EPSILON 1e-5f

enum { MLM };

struct roberta_keys {
    struct clmix_sequence_keys sequence;
    int head; /* MLM */
    size_t pad_token;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value embed(clmix_scope at, const clmix_value *inputs, const struct roberta_keys *keys)
{
    const struct clmix_sequence_keys *sequence = &keys->sequence;
    const clmix_value words = clmix_embedding_table(at, "word_embeddings", sequence->vocab, sequence->dim),
                      positions = clmix_embedding_table(at, "position_embeddings", sequence->max_len + 2, sequence->dim),
                      segments = clmix_embedding_table(at, "token_type_embeddings", 1, sequence->dim);
    const clmix_lookup lookups[] = { { words, inputs[0] },
                                     { segments, { 0 } },
                                     { positions, clmix_token_numbers(inputs[1], (int)keys->pad_token + 1) } };

    return clmix_dropout(clmix_layer_norm(clmix_in(at, "LayerNorm"), clmix_embed(lookups, 3), EPSILON), sequence->dropout);
}

static clmix_value block(clmix_scope at, const struct clmix_sequence *x, const struct clmix_sequence_keys *keys)
{
    clmix_value y = clmix_add(clmix_mix(clmix_in(at, "attention"), x, &keys->mixer), x->value), z;

    y = clmix_layer_norm(clmix_in(at, "attention.output.LayerNorm"), y, EPSILON);
    z = clmix_gelu(clmix_linear(clmix_in(at, "intermediate.dense"), y, keys->mlp_dim, true));
    z = clmix_dropout(clmix_linear(clmix_in(at, "output.dense"), z, keys->dim, true), keys->dropout);
    return clmix_layer_norm(clmix_in(at, "output.LayerNorm"), clmix_add(z, y), EPSILON);
}

static clmix_value roberta_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct roberta_keys *keys = given;
    struct clmix_sequence x = { .value = embed(clmix_in(at, "roberta.embeddings"), inputs, keys), .mask = inputs[1] };

    for (size_t i = 0; i < keys->sequence.depth; i++)
        x.value = block(clmix_in(at, "roberta.encoder.layer.%zu", i), &x, &keys->sequence);
    clmix_begin_as_bert(at);
    return x.value;
}

static clmix_value roberta_score(clmix_scope at, clmix_value x, const void *given)
{
    const struct clmix_sequence_keys *keys = &((const struct roberta_keys *)given)->sequence;
    const clmix_scope head = clmix_in(at, "lm_head");
    const clmix_initializer zeros = { .kind = CLMIX_ZEROS };
    clmix_value decoder, bias;

    x = clmix_gelu(clmix_linear(clmix_in(head, "dense"), x, keys->dim, true));
    x = clmix_layer_norm(clmix_in(head, "layer_norm"), x, EPSILON);
    decoder = clmix_parameter(clmix_in(head, "decoder"), "weight", 2, (size_t[]){ keys->vocab, keys->dim }, (int[]){ 1, 0 }, zeros);
    bias = clmix_parameter(head, "bias", 1, &keys->vocab, NULL, zeros);
    clmix_begin_as_bert(head);
    return clmix_linear_with(clmix_in(head, "decoder"), x, decoder, bias);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct roberta_keys, member)

static const char *const heads[] = { "mlm", NULL };

static const struct clmix_key rows[] = {
    { .name = "head",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(head),
      .choices = heads,
      .usual = "mlm",
      .meaning = "what is answered: at each token a score for each word" },
    { .name = "pad_token",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(pad_token),
      .usual = "1",
      .zero = true,
      .meaning = "the id of padding; the first token has the position behind it" },
};

static const struct clmix_frame frame = {
    .q = "self.query", .k = "self.key", .v = "self.value", .out = "output.dense", .own = "self.attn", .out_always = true
};

static clmix_status roberta_check(void *given, const char *where)
{
    struct roberta_keys *keys = given;

    if (keys->pad_token > 1)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'pad_token' is %zu, and the table has 2 positions more than 'max_len', so that 1 is the most", where,
                          keys->pad_token);
    return clmix_sequence_settle(&keys->sequence, &frame, keys->sequence.dropout, where);
}

static struct clmix_model_answer roberta_answer(const void *keys)
{
    return clmix_sequence_guesses(&((const struct roberta_keys *)keys)->sequence);
}

static const struct clmix_tie ties[] = { { "lm_head.bias", "lm_head.decoder.bias" }, { NULL, NULL } };

const struct clmix_model_kind clmix_model_roberta = {
    .table = {
        .name = "roberta",
        .bytes = sizeof(struct roberta_keys),
        .first = &clmix_sequence_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = roberta_check,
    },
    .ports = clmix_sequence_ports,
    .answer = roberta_answer,
    .build = roberta_build,
    .score = roberta_score,
    .ties = ties,
};
