/* Text through tokenizers of all kinds. */
#include "fuzz.h"

#include "base/utf8.h"
#include <clmix/text.h>

#include <stdlib.h>
#include <string.h>

const char *const fuzz_seeds[] = {
    "unaffable \xC3\x9CN\xC3\x81"
    "FFABLE, [MASK] \xE4\xB8\x80\xE4\xB8\x81 a\xCC\x81\xE3\x80\xAE\xF0\x9D\x85\xA5!",
    "( ( ( ( [SM 4 ) 7 ) 2 ) ] )",
    "\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4 \xD0\xB1 \xE0\xA4\x95\xE0\xA5\x8D\xE0\xA4\xB7 \xF0\x9F\x98\x80\xE2\x80\x8D",
    NULL,
};

static void check_tokens(const clmix_tokenizer *tokenizer, const clmix_encoding *encoding, const clmix_tokens *tokens)
{
    char *text = NULL;
    size_t bytes = 0;

    FUZZ_CHECK(encoding->longest == 0 || tokens->count <= encoding->longest);
    FUZZ_CHECK(encoding->longest > 0 || !tokens->cut);
    for (size_t i = 0; i < tokens->count; i++)
        FUZZ_CHECK(tokens->ids[i] >= 0 && (size_t)tokens->ids[i] < clmix_tokenizer_size(tokenizer) && (unsigned)tokens->segments[i] <= 1);
    FUZZ_CHECK(clmix_tokenizer_decode(tokenizer, tokens->ids, tokens->count, true, &text, &bytes) == CLMIX_OK);
    FUZZ_CHECK(strlen(text) <= bytes && clmix_utf8_ill_formed(text, bytes) == bytes);
    clmix_free(text);
}

static void encode_all(const clmix_tokenizer *tokenizer, const char *text, size_t bytes)
{
    const clmix_encoding encodings[] = {
        { 0 }, { .longest = 5 }, { .bare = true, .read_specials = true }, { .longest = 8, .read_specials = true }
    };
    clmix_tokens tokens = { 0 };
    const size_t half = bytes / 2;

    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        if (clmix_tokenizer_encode(tokenizer, text, bytes, NULL, 0, &encodings[i], &tokens) == CLMIX_OK)
            check_tokens(tokenizer, &encodings[i], &tokens);
        else
            FUZZ_CHECK(clmix_utf8_ill_formed(text, bytes) < bytes || strcmp(clmix_tokenizer_kind_name(tokenizer), "listops") == 0);
        if (clmix_tokenizer_encode(tokenizer, text, half, text + half, bytes - half, &encodings[i], &tokens) == CLMIX_OK)
            check_tokens(tokenizer, &encodings[i], &tokens);
    }
    clmix_tokens_clear(&tokens);
}

/* Bytes come back as they were. */
static void check_bytes(const clmix_tokenizer *tokenizer, const char *text, size_t bytes)
{
    clmix_tokens tokens = { 0 };
    size_t length = 0;
    char *back = NULL;

    if (clmix_tokenizer_encode(tokenizer, text, bytes, NULL, 0, NULL, &tokens) == CLMIX_OK) {
        FUZZ_CHECK(clmix_tokenizer_decode(tokenizer, tokens.ids, tokens.count, true, &back, &length) == CLMIX_OK);
        FUZZ_CHECK(length == bytes && (bytes == 0 || memcmp(back, text, bytes) == 0));
    }
    clmix_free(back);
    clmix_tokens_clear(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const described[] = {
        "bytes", "listops", "wordpiece\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\na\n##a\n.\n\xE4\xB8\x80\n\xE1\x84\x92\n",
        "wordpiece,cased\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nA\n##\xCC\x81\n"
    };
    static clmix_tokenizer *tokenizers[4]; /* kept: their making is not what is looked at */

    for (int i = 0; i < 4; i++) {
        if (tokenizers[i] == NULL)
            FUZZ_CHECK(clmix_tokenizer_read(&tokenizers[i], described[i]) == CLMIX_OK);
        encode_all(tokenizers[i], (const char *)data, bytes);
    }
    check_bytes(tokenizers[0], (const char *)data, bytes);
    return 0;
}
