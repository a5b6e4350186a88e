/* Texts as ids, held in memory: what sets of text keep of their files (inside lib/data). */
#ifndef CLMIX_DATA_TOKEN_SET_H
#define CLMIX_DATA_TOKEN_SET_H

#include "data/text_reader.h"

/* A sample's ids are `count` from `first` on in the set's list; those of its second text begin at `second` of them, which is `count` where there is one text. */
struct clmix_token_sample {
    size_t first, count, second;
    int32_t label;
    size_t document;
};

/* Samples of a split. All zero is none. */
struct clmix_token_set {
    void *
        ids; /* of all samples, one behind the other, less the least that there is: in 1 byte each where the vocabulary fits, in 2, or in 4 */
    size_t id_bytes, id_count, id_capacity;
    int32_t least;
    struct clmix_token_sample *samples;
    size_t count, capacity;
    size_t longest;      /* ids of the longest text, or pair of texts that are one sequence */
    size_t cut, unknown; /* texts that were cut to the longest that is allowed; ids that are [UNK] */
};

/* How texts become samples. */
struct clmix_token_set_options {
    clmix_encoding encoding;
    bool apart; /* two texts are a sequence each, with special tokens of their own, not one sequence */
};

/* Reads a split to its end. What is passed over is in reader->skips. Fails as the reader does, and with FORMAT where a text is none for the tokenizer. To be freed
 * in any case. */
clmix_status clmix_token_set_read(struct clmix_token_set *set, clmix_text_reader *reader, clmix_split split,
                                  const clmix_tokenizer *tokenizer, const struct clmix_token_set_options *options);
void clmix_token_set_free(struct clmix_token_set *set);

/* Copies `count` ids from number `first` on. */
void clmix_token_set_get(const struct clmix_token_set *set, size_t first, size_t count, int32_t *ids);

#endif
