/* The tokens of ListOps: what stands between blanks, without the parentheses that make pairs of an operator and its arguments. */
#include "base/status.h"
#include "text/tokenizer.h"

#include <string.h>

static const char *const tokens_of_trees[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "[MIN", "[MAX", "[MED", "[SM", "]" };

static clmix_status make(clmix_tokenizer *tokenizer, const char *vocabulary, size_t bytes, const char *origin)
{
    (void)vocabulary, (void)bytes, (void)origin;
    CLMIX_TRY(clmix_tokenizer_add(tokenizer, clmix_special_names[CLMIX_PAD]));
    for (size_t i = 0; i < sizeof tokens_of_trees / sizeof *tokens_of_trees; i++)
        CLMIX_TRY(clmix_tokenizer_add(tokenizer, tokens_of_trees[i]));
    tokenizer->special[CLMIX_PAD] = 0;
    return CLMIX_OK;
}

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == ')';
}

static clmix_status encode(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, size_t most, clmix_tokens *tokens)
{
    size_t at = 0, added = 0;

    while (at < bytes && added < most) {
        size_t end = at, number = 0;

        while (end < bytes && !is_between(text[end]))
            end++;
        if (end > at) {
            if (clmix_names_prefix(&tokenizer->names, text + at, end - at, &number) != end - at || number == 0)
                return clmix_fail(CLMIX_ERROR_FORMAT, "'%.*s' is no token of ListOps, which has 0 to 9, [MIN, [MAX, [MED, [SM and ]",
                                  (int)(end - at < 40 ? end - at : 40), text + at);
            CLMIX_TRY(clmix_tokens_add(tokens, (int32_t)number));
            added++;
        }
        at = end + 1;
    }
    return CLMIX_OK;
}

static clmix_status decode(const clmix_tokenizer *tokenizer, int32_t id, bool first, struct clmix_made_text *text)
{
    const char *token = tokenizer->tokens[id];

    if (!first)
        CLMIX_TRY(clmix_made_text_add(text, " ", 1));
    return clmix_made_text_add(text, token, strlen(token));
}

const clmix_tokenizer_kind clmix_tokenizer_listops = { "listops", NULL, NULL, make, encode, decode };
