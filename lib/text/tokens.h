/* Growing results of tokenizers (inside lib/text). */
#ifndef CLMIX_TEXT_TOKENS_H
#define CLMIX_TEXT_TOKENS_H

#include <clmix/text.h>

/* Adds an id of segment 0. */
clmix_status clmix_tokens_add(clmix_tokens *tokens, int32_t id);

/* A text that is put together; its content ends with a zero byte. All zero is none. */
struct clmix_made_text {
    char *content;
    size_t bytes, capacity;
};
clmix_status clmix_made_text_add(struct clmix_made_text *text, const char *more, size_t bytes);

#endif
