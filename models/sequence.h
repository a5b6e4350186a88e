/* What every model of tokens has: its keys, its two ports, and the tables it begins with. */
#ifndef CLMIX_MODELS_SEQUENCE_H
#define CLMIX_MODELS_SEQUENCE_H

#include "models/mixers/mixer.h"
#include "models/model.h"

#define CLMIX_LONGEST    ((size_t)1 << 20) /* tokens */
#define CLMIX_MOST_WORDS ((size_t)1 << 20)

/* What each one's struct begins with. */
struct clmix_sequence_keys {
    size_t vocab, max_len, dim, depth, mlp_dim;
    struct clmix_mixer mixer;
    float dropout;
};
extern const struct clmix_key_table clmix_sequence_table;

/* To be called by the model's `check`: the mixer for the longest sequence, in the model's frame, behind which `dropout` stands. */
clmix_status clmix_sequence_settle(struct clmix_sequence_keys *keys, const struct clmix_frame *frame, float dropout, const char *where);

/* "tokens" and "mask". */
int clmix_sequence_ports(const void *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS]);
/* What a model with so many logits a sample answers: of classes, or of one logit. */
struct clmix_model_answer clmix_sequence_answer(const struct clmix_sequence_keys *keys, size_t classes);
/* And one that answers with tokens. */
struct clmix_model_answer clmix_sequence_guesses(const struct clmix_sequence_keys *keys);

/* "weight" (rows, width) below `name`, begun from N(0, 0.02^2). */
clmix_value clmix_embedding_table(clmix_scope at, const char *name, size_t rows, size_t width);
/* All weights of linear layers below `at` that are there so far from N(0, 0.02^2), their biases 0, as BERT begins. */
void clmix_begin_as_bert(clmix_scope at);

#endif
