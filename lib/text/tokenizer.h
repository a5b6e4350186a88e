/* What a kind of tokenizer provides (inside lib/text). Adding one is a file with a clmix_tokenizer_kind and a row in tokenizer.c. */
#ifndef CLMIX_TEXT_TOKENIZER_H
#define CLMIX_TEXT_TOKENIZER_H

#include <clmix/text.h>

#include "base/names.h"
#include "text/tokens.h"

typedef struct clmix_tokenizer_kind {
    const char *name;     /* what stands before the colon of a spec */
    const char *argument; /* what stands behind it, such as "FILE"; NULL: nothing may */
    const char *option;   /* the only word that may stand behind the comma, which sets `cased`; NULL: none may */
    /* Fills tokens and special tokens from the vocabulary's content, NULL where the kind takes no argument. `origin` says where that is from. */
    clmix_status (*make)(clmix_tokenizer *tokenizer, const char *vocabulary, size_t bytes, const char *origin);
    /* Adds the ids of a text, which is UTF-8, at least `most` of them where it has so many; what is more need not be added. */
    clmix_status (*encode)(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, size_t most, clmix_tokens *tokens);
    /* Adds what a token stands for; `first`: no other was before. */
    clmix_status (*decode)(const clmix_tokenizer *tokenizer, int32_t id, bool first, struct clmix_made_text *text);
} clmix_tokenizer_kind;

struct clmix_tokenizer {
    const clmix_tokenizer_kind *kind;
    bool cased;
    char *content;                   /* of all tokens, a zero byte behind each */
    const char **tokens;             /* by id; "" where the vocabulary has an empty line */
    size_t size, capacity;           /* ids, and room for them */
    int32_t special[CLMIX_SPECIALS]; /* CLMIX_NO_TOKEN: the kind has none */
    clmix_names names;               /* of the tokens, as they are written */
    clmix_names inside;              /* wordpiece: of those that go on within a word, without ## */
};

extern const clmix_tokenizer_kind clmix_tokenizer_wordpiece, clmix_tokenizer_bytes, clmix_tokenizer_listops;

/* vocabulary.c. Adds a token, a text within `content`, whose id is the number of those before it; ARGUMENT where it was added before. */
clmix_status clmix_tokenizer_add(clmix_tokenizer *tokenizer, const char *token);

/* tokenizer.c. One like it, by what clmix_tokenizer_write makes. */
clmix_status clmix_tokenizer_copy(clmix_tokenizer **copy, const clmix_tokenizer *tokenizer);

/* "[PAD]" and so on. */
extern const char *const clmix_special_names[CLMIX_SPECIALS];

#endif
