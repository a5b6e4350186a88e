#include "models/sequence.h"

#include "base/status.h"

static const clmix_initializer small_normal = { .kind = CLMIX_NORMAL, .std = 0.02f };

/* ---- tables -------------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_embedding_table(clmix_scope at, const char *name, size_t rows, size_t width)
{
    return clmix_parameter(clmix_in(at, "%s", name), "weight", 2, (size_t[]){ rows, width }, NULL, small_normal);
}

void clmix_begin_as_bert(clmix_scope at)
{
    clmix_initialize(at, "*weight", 2, small_normal);
    clmix_initialize(at, "*bias", 1, (clmix_initializer){ .kind = CLMIX_ZEROS });
}

/* ---- what is read and answered --------------------------------------------------------------------------------------------------------- */

int clmix_sequence_ports(const void *given, size_t length, clmix_port ports[CLMIX_MOST_PORTS])
{
    const struct clmix_sequence_keys *keys = given;
    const size_t tokens = length > 0 ? length : keys->max_len;

    ports[0] = (clmix_port){ CLMIX_TOKENS, CLMIX_I32, 1, { tokens } };
    ports[1] = (clmix_port){ CLMIX_TOKEN_MASK, CLMIX_I32, 1, { tokens } };
    return 2;
}

struct clmix_model_answer clmix_sequence_answer(const struct clmix_sequence_keys *keys, size_t classes)
{
    return (struct clmix_model_answer){ .answer = classes == 1 ? CLMIX_ANSWER_LOGIT : CLMIX_ANSWER_CLASSES,
                                        .classes = classes == 1 ? 2 : classes,
                                        .vocabulary = keys->vocab,
                                        .longest = keys->max_len };
}

struct clmix_model_answer clmix_sequence_guesses(const struct clmix_sequence_keys *keys)
{
    return (struct clmix_model_answer){ .answer = CLMIX_ANSWER_TOKENS, .vocabulary = keys->vocab, .longest = keys->max_len };
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_sequence_settle(struct clmix_sequence_keys *keys, const struct clmix_frame *frame, float dropout, const char *where)
{
    struct clmix_mixer *mixer = &keys->mixer;

    if (mixer->head_dim == 0 && keys->dim % mixer->heads != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'heads' is %zu and does not divide 'dim', %zu; give heads of equal width", where,
                          mixer->heads, keys->dim);
    if (mixer->head_dim == 0)
        mixer->head_dim = keys->dim / mixer->heads;
    mixer->frame = frame;
    mixer->longest = keys->max_len;
    mixer->dropout = dropout;
    return clmix_mixer_settle(mixer, where);
}

#define AT(member) offsetof(struct clmix_sequence_keys, member)

static const struct clmix_key rows[] = {
    { .name = "vocab",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(vocab),
      .most = CLMIX_MOST_WORDS,
      .meaning = "ids, rows of the table of words" },
    { .name = "max_len",
      .type = CLMIX_KEY_SIZE,
      .offset = AT(max_len),
      .most = CLMIX_LONGEST,
      .meaning = "tokens of the longest sequence" },
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim), .meaning = "width of a token" },
    { .name = "depth", .type = CLMIX_KEY_SIZE, .offset = AT(depth), .most = CLMIX_DEPTH_MOST, .meaning = "blocks" },
    { .name = "heads", .type = CLMIX_KEY_SIZE, .offset = AT(mixer.heads), .meaning = "of the mixer" },
    { .name = "mlp_dim", .type = CLMIX_KEY_SIZE, .offset = AT(mlp_dim), .meaning = "hidden width of the feed-forward part" },
    { .name = "mixer",
      .type = CLMIX_KEY_OBJECT,
      .offset = AT(mixer.mixer),
      .kinds = clmix_token_mixer_tables,
      .usual = "softmax",
      .meaning = "how tokens are mixed: below, those of token models" },
    { .name = "dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(dropout),
      .usual = "0",
      .meaning = "behind the embeddings, and of blocks as the model has it" },
    { .name = "attention_dropout",
      .type = CLMIX_KEY_RATE,
      .offset = AT(mixer.attention_dropout),
      .usual = "0",
      .meaning = "of attention weights, where the mixer has any" },
};

const struct clmix_key_table clmix_sequence_table = {
    .bytes = sizeof(struct clmix_sequence_keys),
    .keys = rows,
    .count = sizeof rows / sizeof *rows,
};
