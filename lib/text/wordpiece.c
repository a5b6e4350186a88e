/* WordPiece (Schuster & Nakajima 2012) as BERT has it: a word is written by the longest token that it begins with, then by the longest token with ##
 * that the rest begins with, and so on. */
#include "base/status.h"
#include "base/utf8.h"
#include "text/basic.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What follows ## in a token that goes on within a word; NULL where it begins one. */
static const char *inside_of(const char *token)
{
    return token[0] == '#' && token[1] == '#' && token[2] != '\0' ? token + 2 : NULL;
}

/* ---- vocabulary ----------------------------------------------------------------------------------------------------------------------- */

/* The lines of tokenizer->content, each without blanks at its end. */
static clmix_status add_lines(clmix_tokenizer *tokenizer, const char *origin)
{
    for (char *line = tokenizer->content; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] != '\0');
        const char *inside;
        clmix_status status;

        while (length > 0 && strchr(" \t\r\f\v", line[length - 1]) != NULL)
            length--;
        line[length] = '\0';
        status = clmix_tokenizer_add(tokenizer, line);
        if (status != CLMIX_OK)
            return clmix_fail_at(status == CLMIX_ERROR_ARGUMENT ? CLMIX_ERROR_FORMAT : status, "'%s', line %zu", origin,
                                 tokenizer->size + 1);
        inside = inside_of(line);
        if (inside != NULL && !clmix_names_add(&tokenizer->inside, inside, tokenizer->size - 1))
            return clmix_fail_memory(origin);
        line = next;
    }
    return CLMIX_OK;
}

static clmix_status find_specials(clmix_tokenizer *tokenizer, const char *origin)
{
    char missing[64] = "";
    size_t number = 0, used = 0;

    for (int i = 0; i < CLMIX_SPECIALS; i++) {
        if (clmix_names_find(&tokenizer->names, clmix_special_names[i], &number))
            tokenizer->special[i] = (int32_t)number;
        else
            used += (size_t)snprintf(missing + used, sizeof missing - used, "%s%s", used == 0 ? "" : ", ", clmix_special_names[i]);
    }
    return used == 0 ? CLMIX_OK
                     : clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is no vocabulary of BERT's kind: among its %zu lines there is no %s", origin,
                                  tokenizer->size, missing);
}

static clmix_status make(clmix_tokenizer *tokenizer, const char *vocabulary, size_t bytes, const char *origin)
{
    const size_t mark = bytes >= 3 && memcmp(vocabulary, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    if (memchr(vocabulary, '\0', bytes) != NULL || clmix_utf8_ill_formed(vocabulary, bytes) != bytes)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is no text in UTF-8; a vocabulary is, a token a line", origin);
    tokenizer->content = malloc(bytes - mark + 1);
    if (tokenizer->content == NULL)
        return clmix_fail_memory(origin);
    memcpy(tokenizer->content, vocabulary + mark, bytes - mark);
    tokenizer->content[bytes - mark] = '\0';
    CLMIX_TRY(add_lines(tokenizer, origin));
    return find_specials(tokenizer, origin);
}

/* ---- text ----------------------------------------------------------------------------------------------------------------------------- */

struct writing {
    const clmix_tokenizer *tokenizer;
    clmix_tokens *tokens;
    size_t enough; /* tokens, those that were there before among them */
};

static clmix_status write_word(void *user, const char *word, size_t bytes)
{
    const struct writing *writing = user;
    const clmix_tokenizer *tokenizer = writing->tokenizer;
    const size_t before = writing->tokens->count;
    size_t number = 0, at = 0, step = 1;

    while (at < bytes && step > 0) {
        step = clmix_names_prefix(at == 0 ? &tokenizer->names : &tokenizer->inside, word + at, bytes - at, &number);
        at += step;
        if (step > 0)
            CLMIX_TRY(clmix_tokens_add(writing->tokens, (int32_t)number));
    }
    if (at == bytes && bytes > 0)
        return CLMIX_OK;
    writing->tokens->count = before;
    return clmix_tokens_add(writing->tokens, tokenizer->special[CLMIX_UNKNOWN]);
}

static bool has_enough(const void *user)
{
    const struct writing *writing = user;

    return writing->tokens->count >= writing->enough;
}

static clmix_status encode(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, size_t most, clmix_tokens *tokens)
{
    struct writing writing = { tokenizer, tokens, most > SIZE_MAX - tokens->count ? SIZE_MAX : tokens->count + most };
    const struct clmix_word_taker taker = { write_word, has_enough, &writing };

    return clmix_basic_walk(text, bytes, tokenizer->cased, &taker);
}

static clmix_status decode(const clmix_tokenizer *tokenizer, int32_t id, bool first, struct clmix_made_text *text)
{
    const char *token = tokenizer->tokens[id], *inside = inside_of(token);

    if (inside == NULL && !first)
        CLMIX_TRY(clmix_made_text_add(text, " ", 1));
    if (inside != NULL)
        token = inside;
    return clmix_made_text_add(text, token, strlen(token));
}

const clmix_tokenizer_kind clmix_tokenizer_wordpiece = { "wordpiece", "FILE", "cased", make, encode, decode };
