/* From text to ids and back: what all kinds of tokenizers have in common. */
#include "base/size.h"
#include "base/status.h"
#include "base/utf8.h"
#include "text/basic.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* ---- special tokens in a text ------------------------------------------------------------------------------------------------------------ */

/* The special token that a text begins with; CLMIX_NO_TOKEN where it begins with none. */
static int32_t special_at(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, size_t *length)
{
    for (int i = 0; i < CLMIX_SPECIALS; i++) {
        *length = strlen(clmix_special_names[i]);
        if (tokenizer->special[i] != CLMIX_NO_TOKEN && *length <= bytes && memcmp(text, clmix_special_names[i], *length) == 0)
            return tokenizer->special[i];
    }
    return CLMIX_NO_TOKEN;
}

/* Bytes before the next special token, all where there is none. */
static size_t before_special(const clmix_tokenizer *tokenizer, const char *text, size_t bytes)
{
    const char *bracket = text, *const end = text + bytes;
    size_t length;

    while (bracket < end && (bracket = memchr(bracket, '[', (size_t)(end - bracket))) != NULL) {
        if (special_at(tokenizer, bracket, (size_t)(end - bracket), &length) != CLMIX_NO_TOKEN)
            return (size_t)(bracket - text);
        bracket++;
    }
    return bytes;
}

static clmix_status encode_with_specials(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, size_t most,
                                         clmix_tokens *tokens)
{
    const size_t first = tokens->count;

    while (bytes > 0 && tokens->count - first < most) {
        size_t step = before_special(tokenizer, text, bytes);

        if (step > 0)
            CLMIX_TRY(tokenizer->kind->encode(tokenizer, text, step, most - (tokens->count - first), tokens));
        else
            CLMIX_TRY(clmix_tokens_add(tokens, special_at(tokenizer, text, bytes, &step)));
        text += step;
        bytes -= step;
    }
    return CLMIX_OK;
}

/* ---- one text, or two ------------------------------------------------------------------------------------------------------------------- */

/* How many tokens each of two texts keeps where there is room for so many: the longer one gives first, then both by turns, of which the
 * one that was longer keeps the odd one (the second where none was). */
static void share(size_t room, size_t kept[2])
{
    size_t *longer = kept[0] > kept[1] ? &kept[0] : &kept[1], *shorter = longer == kept ? kept + 1 : kept;

    if (kept[0] <= room && kept[1] <= room - kept[0])
        return;
    if (*shorter > room / 2)
        *shorter = room / 2;
    *longer = room - *shorter;
}

static void remove_between(clmix_tokens *tokens, size_t from, size_t to)
{
    if (from == to)
        return;
    memmove(tokens->ids + from, tokens->ids + to, (tokens->count - to) * sizeof *tokens->ids);
    tokens->count -= to - from;
}

/* A special token, where the kind has it and it is wanted. */
static clmix_status put(clmix_tokens *tokens, int32_t special)
{
    return special == CLMIX_NO_TOKEN ? CLMIX_OK : clmix_tokens_add(tokens, special);
}

/* What is being encoded. */
struct texts {
    const char *text[2]; /* the second NULL: only one */
    size_t bytes[2];
    clmix_encoding encoding;
    int32_t classify, separator; /* what stands before and behind, or CLMIX_NO_TOKEN */
};

static size_t count_specials(const struct texts *texts)
{
    return (texts->classify != CLMIX_NO_TOKEN) + (size_t)(texts->text[1] != NULL ? 2 : 1) * (texts->separator != CLMIX_NO_TOKEN);
}

static clmix_status encode_texts(const clmix_tokenizer *tokenizer, const struct texts *texts, clmix_tokens *tokens)
{
    const size_t longest = texts->encoding.longest == 0 ? SIZE_MAX : texts->encoding.longest, room = longest - count_specials(texts);
    /* Of one text, one more tells that not all fits; of two it matters which is longer. */
    const size_t most = room == SIZE_MAX || texts->text[1] != NULL ? SIZE_MAX : room + 1;
    size_t first[2] = { 0 }, kept[2] = { 0 };

    CLMIX_TRY(put(tokens, texts->classify));
    for (int i = 0; i < 2 && texts->text[i] != NULL; i++) {
        first[i] = tokens->count;
        CLMIX_TRY((texts->encoding.read_specials ? encode_with_specials : tokenizer->kind->encode)(tokenizer, texts->text[i],
                                                                                                   texts->bytes[i], most, tokens));
        kept[i] = tokens->count - first[i];
        CLMIX_TRY(put(tokens, texts->separator));
    }
    const size_t had[2] = { kept[0], kept[1] };
    if (texts->text[1] != NULL)
        share(room, kept);
    kept[0] = clmix_smaller(kept[0], room);
    remove_between(tokens, first[1] + kept[1], first[1] + had[1]);
    remove_between(tokens, first[0] + kept[0], first[0] + had[0]);
    tokens->cut = kept[0] < had[0] || kept[1] < had[1];
    for (size_t i = 0; texts->text[1] != NULL && i < tokens->count; i++)
        tokens->segments[i] = i >= first[1] - (had[0] - kept[0]);
    return CLMIX_OK;
}

clmix_status clmix_tokenizer_encode(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, const char *second,
                                    size_t second_bytes, const clmix_encoding *encoding, clmix_tokens *tokens)
{
    CLMIX_NEED(tokenizer);
    CLMIX_NEED(tokens);
    if (bytes > 0)
        CLMIX_NEED(text);

    struct texts texts = { { text == NULL ? "" : text, second }, { bytes, second_bytes }, { 0 }, CLMIX_NO_TOKEN, CLMIX_NO_TOKEN };

    if (encoding != NULL)
        texts.encoding = *encoding;
    if (!texts.encoding.bare) {
        texts.classify = tokenizer->special[CLMIX_CLASSIFY];
        texts.separator = tokenizer->special[CLMIX_SEPARATOR];
    }
    tokens->count = 0;
    tokens->cut = false;
    if (texts.encoding.longest > 0 && texts.encoding.longest < count_specials(&texts))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu tokens at most are asked for, and [CLS] and [SEP] alone are %zu",
                          texts.encoding.longest, count_specials(&texts));
    CLMIX_TRY(clmix_text_check(texts.text[0], bytes));
    if (second != NULL)
        CLMIX_TRY(clmix_text_check(second, second_bytes));
    return encode_texts(tokenizer, &texts, tokens);
}

/* ---- back ---------------------------------------------------------------------------------------------------------------------------------- */

static bool is_special(const clmix_tokenizer *tokenizer, int32_t id)
{
    for (int i = 0; i < CLMIX_SPECIALS; i++)
        if (tokenizer->special[i] == id)
            return true;
    return false;
}

static clmix_status decode_all(const clmix_tokenizer *tokenizer, const int32_t *ids, size_t count, bool specials,
                               struct clmix_made_text *text)
{
    CLMIX_TRY(clmix_made_text_add(text, "", 0));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= tokenizer->size)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "id %zu is %d, and the vocabulary has 0 to %zu", i, (int)ids[i], tokenizer->size - 1);
        if (!is_special(tokenizer, ids[i])) {
            CLMIX_TRY(tokenizer->kind->decode(tokenizer, ids[i], text->bytes == 0, text));
        } else if (specials) {
            CLMIX_TRY(clmix_made_text_add(text, " ", text->bytes > 0));
            CLMIX_TRY(clmix_made_text_add(text, tokenizer->tokens[ids[i]], strlen(tokenizer->tokens[ids[i]])));
        }
    }
    return CLMIX_OK;
}

/* The same text with U+FFFD for each byte that begins no character. */
static clmix_status repair(const struct clmix_made_text *text, struct clmix_made_text *repaired)
{
    for (size_t at = 0; at <= text->bytes;) {
        const size_t well = clmix_utf8_ill_formed(text->content + at, text->bytes - at);

        CLMIX_TRY(clmix_made_text_add(repaired, text->content + at, well));
        at += well + 1;
        if (at <= text->bytes)
            CLMIX_TRY(clmix_made_text_add(repaired, "\xEF\xBF\xBD", 3));
    }
    return CLMIX_OK;
}

clmix_status clmix_tokenizer_decode(const clmix_tokenizer *tokenizer, const int32_t *ids, size_t count, bool specials, char **text,
                                    size_t *bytes)
{
    CLMIX_NEED(tokenizer);
    CLMIX_NEED(text);
    if (count > 0)
        CLMIX_NEED(ids);

    struct clmix_made_text made = { 0 }, repaired = { 0 };
    clmix_status status = decode_all(tokenizer, ids, count, specials, &made);

    *text = NULL;
    if (status == CLMIX_OK)
        status = repair(&made, &repaired);
    free(made.content);
    if (status != CLMIX_OK) {
        free(repaired.content);
        return status;
    }
    *text = repaired.content;
    if (bytes != NULL)
        *bytes = repaired.bytes;
    return CLMIX_OK;
}
