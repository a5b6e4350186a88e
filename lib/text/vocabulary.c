/* The tokens of a tokenizer. */
#include "base/array.h"
#include "base/status.h"
#include "text/tokenizer.h"

#include <string.h>

const char *const clmix_special_names[CLMIX_SPECIALS] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };

clmix_status clmix_tokenizer_add(clmix_tokenizer *tokenizer, const char *token)
{
    size_t before;

    if (clmix_names_find(&tokenizer->names, token, &before))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the token '%.100s' is there twice, as number %zu and as number %zu", token, before,
                          tokenizer->size);
    if ((token[0] != '\0' && !clmix_names_add(&tokenizer->names, token, tokenizer->size)) ||
        !CLMIX_PUSH(tokenizer->tokens, tokenizer->size, tokenizer->capacity, token))
        return clmix_fail_memory("a vocabulary");
    return CLMIX_OK;
}
