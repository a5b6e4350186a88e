/* Bytes as tokens, as the long-range arena has them: 0 is padding, and a byte is its number and one. */
#include "base/status.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES      256
#define NAME_BYTES 8

static clmix_status make(clmix_tokenizer *tokenizer, const char *vocabulary, size_t bytes, const char *origin)
{
    char *name;

    (void)vocabulary, (void)bytes, (void)origin;
    name = tokenizer->content = malloc((BYTES + 1) * NAME_BYTES);
    if (name == NULL)
        return clmix_fail_memory("a vocabulary");
    snprintf(name, NAME_BYTES, "%s", clmix_special_names[CLMIX_PAD]);
    CLMIX_TRY(clmix_tokenizer_add(tokenizer, name));
    for (int byte = 0; byte < BYTES; byte++) {
        name += NAME_BYTES;
        snprintf(name, NAME_BYTES, byte > ' ' && byte < 0x7F ? "%c" : "<0x%02X>", byte);
        CLMIX_TRY(clmix_tokenizer_add(tokenizer, name));
    }
    tokenizer->special[CLMIX_PAD] = 0;
    return CLMIX_OK;
}

static clmix_status encode(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, size_t most, clmix_tokens *tokens)
{
    (void)tokenizer;
    for (size_t i = 0; i < bytes && i < most; i++)
        CLMIX_TRY(clmix_tokens_add(tokens, 1 + (unsigned char)text[i]));
    return CLMIX_OK;
}

static clmix_status decode(const clmix_tokenizer *tokenizer, int32_t id, bool first, struct clmix_made_text *text)
{
    const char byte = (char)(unsigned char)(id - 1);

    (void)tokenizer, (void)first;
    return clmix_made_text_add(text, &byte, 1);
}

const clmix_tokenizer_kind clmix_tokenizer_bytes = { "bytes", NULL, NULL, make, encode, decode };
