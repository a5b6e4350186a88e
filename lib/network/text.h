/* Texts for a network of tokens (inside lib/network; the programs use it too): ids, few lengths, batches. */
#ifndef CLMIX_NETWORK_TEXT_H
#define CLMIX_NETWORK_TEXT_H

#include <clmix/network.h>

/* A text, or two, as an application gives them. */
struct clmix_network_text {
    const char *text[2]; /* the second NULL: one */
    size_t bytes[2];
    bool cut; /* filled in: it is longer than the network's longest sequence, and only its beginning was read */
};

/* What a network reads of a text: a sequence, or one of each of two. To be cleared, after a failure too. */
struct clmix_network_ids {
    clmix_tokens sequence[2];
    size_t count;  /* of sequences */
    size_t length; /* that they are padded to */
};

/* That the network reads text and has a tokenizer; ARGUMENT with what to do. */
clmix_status clmix_network_check_text(const clmix_network *network);
/* The ids of a text; `specials`: "[MASK]" and the like in it are those tokens. */
clmix_status clmix_network_encode(const clmix_network *network, struct clmix_network_text *text, bool specials,
                                  struct clmix_network_ids *ids);
void clmix_network_ids_clear(struct clmix_network_ids *ids);

/* The answers to `count` of them, all padded to the same length, one after the other: as clmix_network_answer gives them. `places` are those of one text, of a
 * network that answers with tokens, of which it takes one at a time; else NULL. */
clmix_status clmix_network_answer_ids(clmix_network *network, const struct clmix_network_ids *const *rows, size_t count,
                                      const int32_t *places, float *answers);

/* As clmix_network_classify_texts. */
clmix_status clmix_network_classify_given(clmix_network *network, struct clmix_network_text *texts, size_t count, float *probabilities);
/* As clmix_network_fill_mask. */
clmix_status clmix_network_fill_given(clmix_network *network, struct clmix_network_text *text, size_t best, clmix_fill **fills,
                                      size_t *masks);

#endif
