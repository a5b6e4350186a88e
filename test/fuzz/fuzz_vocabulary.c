/* Vocabularies: as files, as the text of a tokenizer, and made from text. */
#include "fuzz.h"

#include <clmix/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPECIALS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

const char *const fuzz_seeds[] = {
    SPECIALS "a\n##a\nb \r\n\n##\n\xC3\xA4\n",
    "\xEF\xBB\xBF" SPECIALS "x",
    "wordpiece,cased\n" SPECIALS "a\n",
    "low lower lowest newer wider new low, low! aaa aaaa aaaaa abab ababab",
    NULL,
};

/* What was read is written, read again and written as it was. */
static void check_written(clmix_tokenizer *tokenizer)
{
    char *first = NULL, *second = NULL;
    clmix_tokenizer *again = NULL;

    FUZZ_CHECK(clmix_tokenizer_write(tokenizer, &first) == CLMIX_OK);
    FUZZ_CHECK(clmix_tokenizer_read(&again, first) == CLMIX_OK);
    FUZZ_CHECK(clmix_tokenizer_write(again, &second) == CLMIX_OK && strcmp(first, second) == 0);
    FUZZ_CHECK(clmix_tokenizer_size(again) == clmix_tokenizer_size(tokenizer));
    for (size_t i = 0; i < clmix_tokenizer_size(again); i++)
        FUZZ_CHECK(strcmp(clmix_tokenizer_token(again, (int32_t)i), clmix_tokenizer_token(tokenizer, (int32_t)i)) == 0);
    clmix_free(first);
    clmix_free(second);
    clmix_tokenizer_close(again);
    clmix_tokenizer_close(tokenizer);
}

/* A vocabulary made from a text writes each of its words without [UNK]. */
static void check_made(const char *text, size_t bytes)
{
    const clmix_vocabulary_options options = { .size = 400, .letters = 150, .least = 1 };
    clmix_tokens tokens = { 0 };
    clmix_tokenizer *tokenizer = NULL;
    clmix_words *words = NULL;
    char *vocabulary = NULL, *whole;

    FUZZ_CHECK(clmix_words_new(&words, false) == CLMIX_OK);
    if (clmix_words_add(words, text, bytes) == CLMIX_OK && bytes < 140 && clmix_words_count(words) > 0) {
        FUZZ_CHECK(clmix_words_vocabulary(words, &options, &vocabulary) == CLMIX_OK);
        whole = malloc(strlen(vocabulary) + 16);
        snprintf(whole, strlen(vocabulary) + 16, "wordpiece\n%s", vocabulary);
        FUZZ_CHECK(clmix_tokenizer_read(&tokenizer, whole) == CLMIX_OK);
        FUZZ_CHECK(clmix_tokenizer_encode(tokenizer, text, bytes, NULL, 0, NULL, &tokens) == CLMIX_OK);
        for (size_t i = 0; i < tokens.count; i++)
            FUZZ_CHECK(tokens.ids[i] != clmix_tokenizer_special(tokenizer, CLMIX_UNKNOWN) || bytes > 100);
        free(whole);
        clmix_free(vocabulary);
    }
    clmix_tokens_clear(&tokens);
    clmix_tokenizer_close(tokenizer);
    clmix_words_free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1), spec[600];
    clmix_tokenizer *tokenizer = NULL;

    memcpy(text, data, bytes);
    text[bytes] = '\0';
    if (clmix_tokenizer_read(&tokenizer, text) == CLMIX_OK)
        check_written(tokenizer);
    snprintf(spec, sizeof spec, "wordpiece:%s", fuzz_file("vocab.txt", data, bytes));
    if (clmix_tokenizer_open(&tokenizer, spec) == CLMIX_OK)
        check_written(tokenizer);
    check_made(text, bytes);
    free(text);
    return 0;
}
