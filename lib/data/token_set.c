#include "data/token_set.h"

#include "base/array.h"
#include "base/size.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* What is needed while a split is read. */
struct reading {
    struct clmix_token_set *set;
    const clmix_tokenizer *tokenizer;
    const struct clmix_token_set_options *options;
    clmix_tokens tokens;
};

static void put_id(struct clmix_token_set *set, size_t at, int32_t id)
{
    switch (set->id_bytes) {
    case 1: ((uint8_t *)set->ids)[at] = (uint8_t)id; break;
    case 2: ((uint16_t *)set->ids)[at] = (uint16_t)id; break;
    default: ((int32_t *)set->ids)[at] = id;
    }
}

static int32_t id_at(const struct clmix_token_set *set, size_t at)
{
    switch (set->id_bytes) {
    case 1: return ((const uint8_t *)set->ids)[at];
    case 2: return ((const uint16_t *)set->ids)[at];
    default: return ((const int32_t *)set->ids)[at];
    }
}

/* How ids are kept. Those of bytes and of ListOps begin with 1: no text has padding in it. */
static void settle_ids(struct clmix_token_set *set, const clmix_tokenizer *tokenizer)
{
    size_t kinds;

    set->least = clmix_tokenizer_special(tokenizer, CLMIX_CLASSIFY) == CLMIX_NO_TOKEN && clmix_tokenizer_special(tokenizer, CLMIX_PAD) == 0;
    kinds = clmix_tokenizer_size(tokenizer) - (size_t)set->least;
    set->id_bytes = kinds <= (size_t)UINT8_MAX + 1 ? 1 : kinds <= (size_t)UINT16_MAX + 1 ? 2 : 4;
}

static clmix_status append_ids(struct clmix_token_set *set, const clmix_tokens *tokens)
{
    if (!clmix_array_reserve(&set->ids, &set->id_capacity, set->id_count + tokens->count, set->id_bytes))
        return clmix_fail_memory("tokens");
    for (size_t i = 0; i < tokens->count; i++)
        put_id(set, set->id_count + i, tokens->ids[i] - set->least);
    set->id_count += tokens->count;
    return CLMIX_OK;
}

/* A sequence of one text, or of two, behind those that the set has. */
static clmix_status append(struct reading *reading, const clmix_text_sample *sample, int first, int second)
{
    const int32_t unknown = clmix_tokenizer_special(reading->tokenizer, CLMIX_UNKNOWN);
    struct clmix_token_set *set = reading->set;
    const clmix_tokens *tokens = &reading->tokens;

    CLMIX_TRY(clmix_tokenizer_encode(reading->tokenizer, sample->text[first], sample->bytes[first],
                                     second < 0 ? NULL : sample->text[second], second < 0 ? 0 : sample->bytes[second],
                                     &reading->options->encoding, &reading->tokens));
    for (size_t i = 0; i < tokens->count; i++)
        set->unknown += unknown != CLMIX_NO_TOKEN && tokens->ids[i] == unknown;
    set->cut += tokens->cut;
    set->longest = clmix_larger(set->longest, tokens->count);
    return append_ids(set, tokens);
}

/* Where the second text begins in the sequence at hand. */
static size_t find_second(const clmix_tokens *tokens)
{
    size_t at = 0;

    while (at < tokens->count && tokens->segments[at] == 0)
        at++;
    return at;
}

static clmix_status add_sample(struct reading *reading, const clmix_text_sample *sample)
{
    struct clmix_token_set *set = reading->set;
    struct clmix_token_sample made = { .first = set->id_count, .label = sample->label, .document = sample->document };
    const bool two = sample->text[1] != NULL, apart = two && reading->options->apart;

    CLMIX_TRY(append(reading, sample, 0, two && !apart ? 1 : -1));
    made.second = find_second(&reading->tokens);
    if (apart)
        CLMIX_TRY(append(reading, sample, 1, -1));
    made.count = set->id_count - made.first;
    return CLMIX_PUSH(set->samples, set->count, set->capacity, made) ? CLMIX_OK : clmix_fail_memory("samples");
}

clmix_status clmix_token_set_read(struct clmix_token_set *set, clmix_text_reader *reader, clmix_split split,
                                  const clmix_tokenizer *tokenizer, const struct clmix_token_set_options *options)
{
    struct reading reading = { set, tokenizer, options, { 0 } };
    clmix_text_sample sample;
    clmix_status status;
    bool found = true;

    memset(set, 0, sizeof *set);
    settle_ids(set, tokenizer);
    status = clmix_text_reader_begin(reader, split);
    while (status == CLMIX_OK && found) {
        status = clmix_text_reader_next(reader, &sample, &found);
        if (status == CLMIX_OK && found) {
            status = add_sample(&reading, &sample);
            if (status != CLMIX_OK)
                status = clmix_fail_at(status, "sample %zu of '%s'", set->count, reader->spec);
        }
    }
    clmix_tokens_clear(&reading.tokens);
    return status;
}

void clmix_token_set_free(struct clmix_token_set *set)
{
    free(set->ids);
    free(set->samples);
    memset(set, 0, sizeof *set);
}

void clmix_token_set_get(const struct clmix_token_set *set, size_t first, size_t count, int32_t *ids)
{
    for (size_t i = 0; i < count; i++)
        ids[i] = id_at(set, first + i) + set->least;
}
