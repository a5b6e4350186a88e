/* What the specs of sets of text say beside where the text is (inside lib/data). */
#ifndef CLMIX_DATA_TEXT_SPEC_H
#define CLMIX_DATA_TEXT_SPEC_H

#include "data/text_reader.h"

struct clmix_text_spec {
    char *reader;     /* owned: the spec of the reader, all that is none of what follows */
    char *vocabulary; /* owned: a file, or NULL */
    bool cased, bytes;
    size_t length; /* of the longest sequence; 0: the model's */
    /* Of masked language. */
    double masked, short_share;
    uint64_t seed;
};

/* Reads what stands behind "KIND:"; `language`: with the options of masked language. ARGUMENT; to be cleared in any case. */
clmix_status clmix_text_spec_read(struct clmix_text_spec *spec, const char *kind, const char *argument, bool language);
void clmix_text_spec_clear(struct clmix_text_spec *spec);

/* The tokenizer for a reader's texts: what the reader needs, what the spec names, the one `given` (NULL: none), or bytes. ARGUMENT where these are not the same, and
 * where masked language is left without a vocabulary. */
clmix_status clmix_text_spec_tokenizer(const struct clmix_text_spec *spec, const clmix_text_reader *reader, bool language,
                                       const clmix_tokenizer *given, clmix_tokenizer **tokenizer);

#endif
