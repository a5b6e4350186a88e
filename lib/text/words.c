/* How often each word was met. */
#include "text/words.h"

#include "base/array.h"
#include "base/status.h"
#include "text/basic.h"
#include "text/file.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_words_new(clmix_words **words, bool cased)
{
    CLMIX_NEED(words);

    *words = calloc(1, sizeof **words);
    if (*words == NULL)
        return clmix_fail_memory("words");
    (*words)->cased = cased;
    return CLMIX_OK;
}

void clmix_words_free(clmix_words *words)
{
    if (words == NULL)
        return;
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i].text);
    free(words->items);
    clmix_names_clear(&words->numbers);
    free(words);
}

size_t clmix_words_count(const clmix_words *words)
{
    return words == NULL ? 0 : words->count;
}

static clmix_status add_new(clmix_words *words, const char *text, size_t bytes)
{
    const struct clmix_counted_word word = { strdup(text), bytes, 1 };

    if (word.text == NULL || !CLMIX_PUSH(words->items, words->count, words->capacity, word)) {
        free(word.text);
        return clmix_fail_memory("words");
    }
    if (clmix_names_add(&words->numbers, word.text, words->count - 1))
        return CLMIX_OK;
    free(word.text);
    words->count--;
    return clmix_fail_memory("words");
}

static clmix_status take(void *user, const char *text, size_t bytes)
{
    clmix_words *words = user;
    size_t number = 0;

    if (text == NULL)
        return CLMIX_OK; /* [UNK] whatever the vocabulary */
    if (!clmix_names_find(&words->numbers, text, &number))
        return add_new(words, text, bytes);
    words->items[number].count++;
    return CLMIX_OK;
}

clmix_status clmix_words_add(clmix_words *words, const char *text, size_t bytes)
{
    CLMIX_NEED(words);
    if (bytes > 0)
        CLMIX_NEED(text);

    const struct clmix_word_taker taker = { take, NULL, words };

    CLMIX_TRY(clmix_text_check(text, bytes));
    return clmix_basic_walk(text, bytes, words->cased, &taker);
}

clmix_status clmix_words_add_file(clmix_words *words, const char *path, clmix_skips *skips)
{
    CLMIX_NEED(words);
    CLMIX_NEED(path);

    const struct clmix_word_taker taker = { take, NULL, words };
    struct clmix_text_file file;
    clmix_skips met = { 0 };
    clmix_status status;
    char *line = NULL;
    size_t bytes = 0;

    CLMIX_TRY(clmix_text_file_open(&file, path, false, &met));
    do {
        status = clmix_text_file_next(&file, &line, &bytes);
        if (status == CLMIX_OK && line != NULL)
            status = clmix_basic_walk(line, bytes, words->cased, &taker); /* a line is UTF-8 */
    } while (status == CLMIX_OK && line != NULL);
    clmix_text_file_close(&file);
    if (skips != NULL)
        clmix_skips_add(skips, &met);
    CLMIX_TRY(status);
    return clmix_skips_check(&met, "no line of '%s'", path);
}
