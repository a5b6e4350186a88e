/* A WordPiece vocabulary from words and their counts: byte-pair merges (Sennrich et al. 2016) of letters, written with ## within a word. Each word is
 * kept once; a merge looks only at the words that its pair stands in. */
#include "base/array.h"
#include "base/status.h"
#include "base/utf8.h"
#include "text/pairs.h"
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "text/words.h"

#include <stdlib.h>
#include <string.h>

#define POINTS       ((size_t)0x110000)
#define LARGEST_SIZE ((size_t)1 << 24)

/* A word as tokens. */
struct piecewise {
    uint32_t *tokens;
    size_t count;
    uint64_t times;
};

struct training {
    struct clmix_vocabulary_options options;
    char **tokens; /* owned, by id */
    size_t token_count, token_capacity;
    struct piecewise *words;
    size_t word_count;
    uint32_t *room; /* what all their tokens are in */
    struct clmix_pairs pairs;
};

/* Adds a token, which is new: a merge leaves no place where its two tokens stand side by side, and none comes into being later, so that no other merge makes
 * the same letters one token. */
static clmix_status add_token(struct training *training, const char *text, size_t *id)
{
    char *copy = strdup(text);

    *id = training->token_count;
    if (copy != NULL && CLMIX_PUSH(training->tokens, training->token_count, training->token_capacity, copy))
        return CLMIX_OK;
    free(copy);
    return clmix_fail_memory("a vocabulary");
}

/* ---- letters ------------------------------------------------------------------------------------------------------------------------------ */

struct letter {
    uint32_t point;
    uint64_t count;
    size_t begin, inside; /* ids of its two tokens */
};

static int by_count(const void *left, const void *right)
{
    const struct letter *a = left, *b = right;

    return a->count != b->count ? (a->count < b->count ? 1 : -1) : (a->point > b->point) - (a->point < b->point);
}

static int by_point(const void *left, const void *right)
{
    const struct letter *a = left, *b = right;

    return (a->point > b->point) - (a->point < b->point);
}

/* The most frequent letters, in the order of their numbers. */
static clmix_status find_letters(const clmix_words *words, size_t most, struct letter **letters, size_t *count)
{
    uint64_t *counts = calloc(POINTS, sizeof *counts);
    size_t capacity = 0;
    bool fits = true;
    uint32_t point;

    if (counts == NULL)
        return clmix_fail_memory("letters");
    for (size_t i = 0; i < words->count; i++)
        for (size_t at = 0; at < words->items[i].bytes;) {
            at += clmix_utf8_decode(words->items[i].text + at, words->items[i].bytes - at, &point);
            counts[point] += words->items[i].count;
        }
    for (point = 0; fits && point < POINTS; point++)
        if (counts[point] > 0)
            fits = CLMIX_PUSH(*letters, *count, capacity, ((struct letter){ .point = point, .count = counts[point] }));
    free(counts);
    if (!fits)
        return clmix_fail_memory("letters");
    if (*count > most) {
        qsort(*letters, *count, sizeof **letters, by_count);
        *count = most;
        qsort(*letters, *count, sizeof **letters, by_point);
    }
    return CLMIX_OK;
}

/* Their tokens: first all as beginnings, then those that can stand within a word. */
static clmix_status add_letters(struct training *training, struct letter *letters, size_t count)
{
    char text[3 + CLMIX_UTF8_BYTES] = "##";

    for (size_t i = 0; i < count; i++) {
        text[2 + clmix_utf8_encode(letters[i].point, text + 2)] = '\0';
        CLMIX_TRY(add_token(training, text + 2, &letters[i].begin));
    }
    for (size_t i = 0; i < count; i++) {
        const enum clmix_letter_kind kind = clmix_letter_kind(letters[i].point);

        text[2 + clmix_utf8_encode(letters[i].point, text + 2)] = '\0';
        if (kind != CLMIX_PUNCTUATION && kind != CLMIX_CHINESE)
            CLMIX_TRY(add_token(training, text, &letters[i].inside));
    }
    return CLMIX_OK;
}

/* ---- words -------------------------------------------------------------------------------------------------------------------------------- */

/* A word as letters; false where one of them has no token. */
static bool spell(const struct clmix_counted_word *word, const struct letter *letters, size_t count, struct piecewise *spelt)
{
    spelt->count = 0;
    spelt->times = word->count;
    for (size_t at = 0; at < word->bytes;) {
        struct letter wanted = { 0 };
        const struct letter *found;

        at += clmix_utf8_decode(word->text + at, word->bytes - at, &wanted.point);
        found = bsearch(&wanted, letters, count, sizeof *letters, by_point);
        if (found == NULL)
            return false;
        spelt->tokens[spelt->count] = (uint32_t)(spelt->count == 0 ? found->begin : found->inside);
        spelt->count++;
    }
    return true;
}

/* All words that can be spelt. Their order means nothing: counts are added, and ties go by the tokens. */
static clmix_status spell_all(struct training *training, const clmix_words *words, const struct letter *letters, size_t count)
{
    size_t bytes = 0;
    uint32_t *next;

    for (size_t i = 0; i < words->count; i++)
        bytes += words->items[i].bytes;
    training->words = calloc(words->count + 1, sizeof *training->words);
    next = training->room = malloc((bytes + 1) * sizeof *training->room);
    if (training->words == NULL || training->room == NULL)
        return clmix_fail_memory("words");
    for (size_t i = 0; i < words->count; i++) {
        struct piecewise *word = &training->words[training->word_count];

        word->tokens = next;
        if (spell(&words->items[i], letters, count, word)) {
            next += word->count;
            training->word_count++;
        }
    }
    return CLMIX_OK;
}

/* ---- merges ------------------------------------------------------------------------------------------------------------------------------- */

/* Counts a word's pairs; those with the token `with` may be new to it, and with SIZE_MAX all are. */
static bool add_pairs(struct training *training, size_t number, size_t with)
{
    const struct piecewise *word = &training->words[number];

    for (size_t i = 1; i < word->count; i++) {
        const uint32_t left = word->tokens[i - 1], right = word->tokens[i];

        if (!clmix_pairs_add(&training->pairs, left, right, word->times, (uint32_t)number,
                             with == SIZE_MAX || left == with || right == with))
            return false;
    }
    return true;
}

static void remove_pairs(struct training *training, const struct piecewise *word)
{
    for (size_t i = 1; i < word->count; i++)
        clmix_pairs_remove(&training->pairs, word->tokens[i - 1], word->tokens[i], word->times);
}

/* Puts `joined` in the place of left and right, from the word's beginning on. */
static void join(struct piecewise *word, uint32_t left, uint32_t right, uint32_t joined)
{
    size_t to = 0;

    for (size_t from = 0; from < word->count; to++) {
        const bool both = from + 1 < word->count && word->tokens[from] == left && word->tokens[from + 1] == right;

        word->tokens[to] = both ? joined : word->tokens[from];
        from += both ? 2 : 1;
    }
    word->count = to;
}

static clmix_status add_joined(struct training *training, const struct clmix_pair *pair, size_t *id)
{
    struct clmix_made_text text = { 0 };
    const char *left = training->tokens[pair->left], *right = training->tokens[pair->right] + 2; /* behind its ## */
    clmix_status status = clmix_made_text_add(&text, left, strlen(left));

    if (status == CLMIX_OK)
        status = clmix_made_text_add(&text, right, strlen(right));
    if (status == CLMIX_OK)
        status = add_token(training, text.content, id);
    free(text.content);
    return status;
}

/* Joins a pair wherever it stands. `pair` is a copy: the pairs move while others are added. */
static clmix_status merge(struct training *training, struct clmix_pair pair)
{
    size_t joined = 0;

    CLMIX_TRY(add_joined(training, &pair, &joined));
    for (size_t i = 0; i < pair.word_count; i++) {
        struct piecewise *word = &training->words[pair.words[i]];

        remove_pairs(training, word);
        join(word, pair.left, pair.right, (uint32_t)joined);
        if (!add_pairs(training, pair.words[i], joined))
            return clmix_fail_memory("pairs of tokens");
    }
    return clmix_pairs_settle(&training->pairs) ? CLMIX_OK : clmix_fail_memory("pairs of tokens");
}

static clmix_status merge_all(struct training *training)
{
    for (size_t i = 0; i < training->word_count; i++)
        if (!add_pairs(training, i, SIZE_MAX))
            return clmix_fail_memory("pairs of tokens");
    if (!clmix_pairs_settle(&training->pairs))
        return clmix_fail_memory("pairs of tokens");
    while (training->token_count < training->options.size) {
        const struct clmix_pair *pair = clmix_pairs_most(&training->pairs);

        if (pair == NULL || pair->count < training->options.least)
            break;
        CLMIX_TRY(merge(training, *pair));
    }
    return CLMIX_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------------------- */

static clmix_status train_with(struct training *training, const clmix_words *words, struct letter *letters, size_t count)
{
    size_t id;

    for (int i = 0; i < CLMIX_SPECIALS; i++)
        CLMIX_TRY(add_token(training, clmix_special_names[i], &id));
    CLMIX_TRY(add_letters(training, letters, count));
    if (training->token_count > training->options.size)
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "a vocabulary of %zu tokens is asked for, and the special tokens and %zu letters are %zu already; ask for more tokens or "
            "for fewer letters",
            training->options.size, count, training->token_count);
    CLMIX_TRY(spell_all(training, words, letters, count));
    return merge_all(training);
}

static clmix_status train(struct training *training, const clmix_words *words)
{
    struct letter *letters = NULL;
    size_t count = 0;
    clmix_status status = find_letters(words, training->options.letters, &letters, &count);

    if (status == CLMIX_OK)
        status = train_with(training, words, letters, count);
    free(letters);
    return status;
}

static clmix_status write_tokens(const struct training *training, char **text)
{
    struct clmix_made_text made = { 0 };
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < training->token_count; i++) {
        status = clmix_made_text_add(&made, training->tokens[i], strlen(training->tokens[i]));
        if (status == CLMIX_OK)
            status = clmix_made_text_add(&made, "\n", 1);
    }
    if (status != CLMIX_OK)
        free(made.content);
    else
        *text = made.content;
    return status;
}

static void free_training(struct training *training)
{
    for (size_t i = 0; i < training->token_count; i++)
        free(training->tokens[i]);
    free(training->tokens);
    free(training->words);
    free(training->room);
    clmix_pairs_free(&training->pairs);
}

clmix_status clmix_words_vocabulary(const clmix_words *words, const clmix_vocabulary_options *options, char **text)
{
    CLMIX_NEED(words);
    CLMIX_NEED(text);

    struct training training = { 0 };
    clmix_status status;

    *text = NULL;
    if (options != NULL)
        training.options = *options;
    if (training.options.size == 0)
        training.options.size = 30522;
    if (training.options.letters == 0)
        training.options.letters = 1000;
    if (training.options.least == 0)
        training.options.least = 2;
    if (training.options.size > LARGEST_SIZE)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a vocabulary of %zu tokens is asked for; the largest has %zu", training.options.size,
                          LARGEST_SIZE);
    if (words->count == 0 || words->count > UINT32_MAX)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a vocabulary of %zu words is asked for; add text first", words->count);
    status = train(&training, words);
    if (status == CLMIX_OK)
        status = write_tokens(&training, text);
    free_training(&training);
    return status;
}
