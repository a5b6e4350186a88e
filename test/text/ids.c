/* The ids of each line of a file, for comparison with another tokenizer:  text_ids SPEC LONGEST FILE [SECOND]
 * LONGEST 0 is no limit. With a second file its lines are the second texts. An id of segment 1 is written with a prime. */
#include <clmix/text.h>

#include "text/file.h"

#include <stdio.h>
#include <stdlib.h>

static void print_tokens(const clmix_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++)
        printf("%s%d%s", i > 0 ? " " : "", (int)tokens->ids[i], tokens->segments[i] == 1 ? "'" : "");
    printf("\n");
}

static clmix_status print_all(const clmix_tokenizer *tokenizer, const clmix_encoding *encoding, struct clmix_text_file *texts,
                              struct clmix_text_file *seconds)
{
    clmix_tokens tokens = { 0 };
    clmix_status status = CLMIX_OK;

    while (status == CLMIX_OK) {
        char *text = NULL, *second = NULL;
        size_t bytes = 0, second_bytes = 0;

        status = clmix_text_file_next(texts, &text, &bytes);
        if (status == CLMIX_OK && seconds != NULL)
            status = clmix_text_file_next(seconds, &second, &second_bytes);
        if (status != CLMIX_OK || text == NULL)
            break;
        status = clmix_tokenizer_encode(tokenizer, text, bytes, second, second_bytes, encoding, &tokens);
        if (status == CLMIX_OK)
            print_tokens(&tokens);
    }
    clmix_tokens_clear(&tokens);
    return status;
}

int main(int argc, char **argv)
{
    struct clmix_text_file texts = { 0 }, seconds = { 0 };
    clmix_tokenizer *tokenizer = NULL;
    clmix_encoding encoding = { .read_specials = true };
    clmix_skips skips = { 0 };
    clmix_status status;

    if (argc != 4 && argc != 5)
        return 2;
    encoding.longest = strtoul(argv[2], NULL, 10);
    status = clmix_tokenizer_open(&tokenizer, argv[1]);
    if (status == CLMIX_OK)
        status = clmix_text_file_open(&texts, argv[3], false, &skips);
    if (status == CLMIX_OK && argc == 5)
        status = clmix_text_file_open(&seconds, argv[4], false, &skips);
    if (status == CLMIX_OK)
        status = print_all(tokenizer, &encoding, &texts, argc == 5 ? &seconds : NULL);
    if (status != CLMIX_OK || clmix_skips_count(&skips) > 0)
        fprintf(stderr, "%s\n", status != CLMIX_OK ? clmix_error() : skips.first);
    clmix_text_file_close(&texts);
    clmix_text_file_close(&seconds);
    clmix_tokenizer_close(tokenizer);
    return status != CLMIX_OK || clmix_skips_count(&skips) > 0;
}
