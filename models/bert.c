/* BERT (Devlin et al. 2019) as DCT-Former's authors have it (Scribano et al. 2023), with any mixer in the place of attention:
 *
 *     x = LN(word[token] + position[n] + segment[0]);   x = LN(mix(x) + x),  x = LN(W2 gelu(W1 x) + x),  `depth` times
 *     masked language:  scores = LN(gelu(W x)) word^T        classes:  logits = classifier(tanh(W x_0))
 *
 * Post-norm. Their code looks positions up in the table of segments, whose row 0 every token then takes twice; `position_table` puts it right. The
 * matrix of scores is the table of words, stored once. Names and shapes of the weights are the authors', the ones that nothing uses too. */
#include "base/status.h"
#include "models/parts/positions.h"
#include "models/sequence.h"

#include <clmix/ops.h>
#include <clmix/sequence.h>

#define EPSILON      1e-5f
#define HEAD_EPSILON 1e-12f

enum { MLM, CLASSIFY };
enum { TOKEN_TYPE, POSITION };

struct bert_keys {
    struct clmix_sequence_keys sequence;
    int head; /* MLM, CLASSIFY */
    size_t classes, pooler_dim;
    int position_table; /* TOKEN_TYPE, POSITION */
    bool mlm_bias;
};

/* ---- the paper ---------------------------------------------------------------------------------------------------------------------- */

static clmix_value embed(clmix_scope at, clmix_value tokens, const struct clmix_sequence_keys *keys, int position_table)
{
    const clmix_value words = clmix_embedding_table(at, "word_embeddings", keys->vocab, keys->dim),
                      positions = clmix_embedding_table(at, "position_embeddings", keys->max_len, keys->dim),
                      segments = clmix_embedding_table(at, "token_type_embeddings", keys->max_len, keys->dim);
    const size_t length = clmix_shape_of(tokens).size[1];
    const clmix_lookup lookups[] = { { words, tokens },
                                     { clmix_slice(position_table == TOKEN_TYPE ? segments : positions, 0, 0, length), { 0 } },
                                     { clmix_slice(segments, 0, 0, 1), { 0 } } };

    return clmix_dropout(clmix_layer_norm(clmix_in(at, "norm"), clmix_embed(lookups, 3), EPSILON), keys->dropout);
}

static clmix_value block(clmix_scope at, const struct clmix_sequence *x, const struct clmix_sequence_keys *keys)
{
    clmix_value y = clmix_add(clmix_mix(clmix_in(at, "attention_layer"), x, &keys->mixer), x->value), z;

    y = clmix_layer_norm(clmix_in(at, "atn_norm"), y, EPSILON);
    z = clmix_gelu(clmix_linear(clmix_in(at, "linear_block.0"), y, keys->mlp_dim, true));
    z = clmix_dropout(clmix_linear(clmix_in(at, "linear_block.2"), z, keys->dim, true), keys->mixer.dropout);
    return clmix_layer_norm(clmix_in(at, "linear_norm"), clmix_add(z, y), EPSILON);
}

/* The pooler that a model of masked language owns and does not use: in files, without a gradient. */
static void keep_pooler(clmix_scope at, const struct bert_keys *keys)
{
    const clmix_initializer zeros = { .kind = CLMIX_ZEROS };

    clmix_parameter(at, "weight", 2, (size_t[]){ keys->pooler_dim, keys->sequence.dim }, (int[]){ 1, 0 }, zeros);
    clmix_parameter(at, "bias", 1, &keys->pooler_dim, NULL, zeros);
}

static clmix_value classify(clmix_scope at, clmix_scope pooler, clmix_value x, const struct bert_keys *keys)
{
    const clmix_value pooled = clmix_tanh(clmix_linear(pooler, clmix_first_token(x), keys->pooler_dim, true));

    return clmix_linear(clmix_in(at, "classifier"), pooled, keys->classes, true);
}

static clmix_value bert_build(clmix_scope at, const clmix_value *inputs, const void *given)
{
    const struct bert_keys *keys = given;
    const struct clmix_sequence_keys *sequence = &keys->sequence;
    const clmix_scope backbone = clmix_in(at, "backbone"), pooler = clmix_in(backbone, "dense");
    struct clmix_sequence x = { .mask = inputs[1] };

    x.value = embed(clmix_in(backbone, "embedding_layer"), inputs[0], sequence, keys->position_table);
    for (size_t i = 0; i < sequence->depth; i++)
        x.value = block(clmix_in(backbone, "encoder.encoder_blocks.%zu", i), &x, sequence);
    if (keys->head == CLASSIFY)
        x.value = classify(at, pooler, x.value, keys);
    else
        keep_pooler(pooler, keys);
    clmix_begin_as_bert(at);
    return x.value;
}

static clmix_value bert_score(clmix_scope at, clmix_value x, const void *given)
{
    const struct bert_keys *keys = given;
    const struct clmix_sequence_keys *sequence = &keys->sequence;
    const clmix_scope head = clmix_in(at, "mlm_head"), layer = clmix_shared(clmix_in(at, "backbone.embedding_layer"));
    const clmix_value words = clmix_embedding_table(layer, "word_embeddings", sequence->vocab, sequence->dim),
                      bias = clmix_parameter(head, "bias", 1, &sequence->vocab, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });

    x = clmix_gelu(clmix_linear(clmix_in(head, "dense"), x, sequence->dim, true));
    x = clmix_layer_norm(clmix_in(head, "norm"), x, HEAD_EPSILON);
    clmix_at(clmix_in(head, "mlm_class"));
    x = clmix_matmul(x, words, (clmix_product){ .transpose_b = true });
    clmix_begin_as_bert(head);
    return keys->mlm_bias ? clmix_add(x, bias) : x;
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct bert_keys, member)

static const char *const heads[] = { "mlm", "classify", NULL };
static const char *const tables[] = { "token_type", "position", NULL };

static const struct clmix_key rows[] = {
    { .name = "head",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(head),
      .choices = heads,
      .meaning = "what is answered: at each token a score for each word, or a class" },
    { .name = "classes",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(classes),
      .derived = "0, and only so, where `head` is `mlm`",
      .zero = true,
      .meaning = "logits of `classify`, where it must be given; 1: a single one, which tells two classes apart" },
    { .name = "pooler_dim",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(pooler_dim),
      .derived = "`dim`",
      .meaning = "width of the layer in front of the classifier" },
    { .name = "position_table",
      .type = CLMIX_KEY_CHOICE,
      .offset = AT(position_table),
      .choices = tables,
      .usual = "token_type",
      .meaning = "where positions are looked up: in the table of segments, as the authors' code does, or in that of positions" },
    { .name = "mlm_bias",
      .type = CLMIX_KEY_FLAG,
      .offset = AT(mlm_bias),
      .usual = "false",
      .meaning = "whether `mlm_head.bias` is added to the scores" },
};

static const struct clmix_frame frame = { .q = "fc_q", .k = "fc_k", .v = "fc_v", .out = "fc_o", .own = "atn_head", .out_always = true };

/* The authors' sublayers drop at the rate of attention weights, the embeddings at the other one. */
static clmix_status bert_check(void *given, const char *where)
{
    struct bert_keys *keys = given;

    if (keys->head == CLASSIFY && keys->classes == 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'head' is classify and 'classes' is missing; say how many logits it has", where);
    if (keys->head == MLM && keys->classes != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "%s: 'classes' is %zu and 'head' is mlm, which has none; set head=classify, or leave them out", where,
                          keys->classes);
    if (keys->pooler_dim == 0)
        keys->pooler_dim = keys->sequence.dim;
    return clmix_sequence_settle(&keys->sequence, &frame, keys->sequence.mixer.attention_dropout, where);
}

static struct clmix_model_answer bert_answer(const void *given)
{
    const struct bert_keys *keys = given;

    return keys->head == MLM ? clmix_sequence_guesses(&keys->sequence) : clmix_sequence_answer(&keys->sequence, keys->classes);
}

/* The authors' head has the table of words for its matrix, and where that adds a bias the head's own. */
static const struct clmix_tie ties[] = {
    { "backbone.embedding_layer.word_embeddings.weight", "mlm_head.mlm_class.weight" },
    { "mlm_head.bias", "mlm_head.mlm_class.bias" },
    { NULL, NULL },
};

const struct clmix_model_kind clmix_model_bert = {
    .table = {
        .name = "bert",
        .bytes = sizeof(struct bert_keys),
        .first = &clmix_sequence_table,
        .keys = rows,
        .count = sizeof rows / sizeof *rows,
        .check = bert_check,
    },
    .ports = clmix_sequence_ports,
    .answer = bert_answer,
    .build = bert_build,
    .score = bert_score,
    .ties = ties,
};
