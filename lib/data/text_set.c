/* Sets of text, held in memory as ids: labelled texts, and sequences for masked language. */
#include "base/size.h"
#include "base/status.h"
#include "data/packing.h"
#include "data/sequences.h"
#include "data/text_spec.h"

#include <stdlib.h>
#include <string.h>

#define USUAL_LENGTH 128 /* of sequences for masked language, where the model says nothing */

struct text_set {
    clmix_tokenizer *tokenizer;
    struct clmix_token_set texts[2];  /* by split */
    struct clmix_packed sequences[2]; /* of masked language */
    struct clmix_masking masking;     /* likewise */
    size_t length;                    /* of the ports' sequences */
    bool language, two;
    int32_t padding, classify, separator; /* ids; CLMIX_NO_TOKEN where there is none, but padding 0 */
};

/* ---- opening ---------------------------------------------------------------------------------------------------------------------------- */

/* Places of the longest sequence that may be; 0: no limit. */
static clmix_status limit_length(const clmix_dataset *dataset, const struct clmix_text_spec *spec, bool language, size_t *length)
{
    const size_t wanted = clmix_dataset_wanted_length(dataset);

    if (wanted > 0 && spec->length > wanted)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "length=%zu is asked for, and the model's longest sequence has %zu tokens", spec->length,
                          wanted);
    *length = spec->length > 0 ? spec->length : wanted > 0 ? wanted : language ? USUAL_LENGTH : 0;
    if (language && *length < 4)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "sequences of %zu tokens are too short for masked language; they must have 4 or more",
                          *length);
    return CLMIX_OK;
}

/* Whether a pair of texts are two sequences. */
static clmix_status settle_pairs(const clmix_dataset *dataset, const clmix_text_reader *reader, struct text_set *set)
{
    const bool two = clmix_dataset_wants_two(dataset);

    if (two && reader->texts != 2)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the model compares two texts, and '%s' has one of each sample", reader->spec);
    if (reader->texts == 2 && !two && dataset->wanted_count > 0 && set->separator == CLMIX_NO_TOKEN)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' has two texts of each sample, the model reads one sequence, and the tokenizer '%s' has no [SEP] to put "
                          "between them; take a model of two sequences (such as lra-retrieval), or a vocabulary: ,vocab=FILE",
                          reader->spec, clmix_tokenizer_kind_name(set->tokenizer));
    set->two = reader->texts == 2 && (two || set->separator == CLMIX_NO_TOKEN);
    return CLMIX_OK;
}

static clmix_status read_split(clmix_dataset *dataset, clmix_text_reader *reader, clmix_split split, size_t longest)
{
    struct text_set *set = dataset->state;
    struct clmix_token_set *texts = &set->texts[split];
    const struct clmix_token_set_options options = {
        .encoding = { .longest = reader->whole || set->language ? 0 : longest, .bare = set->language }, .apart = set->two
    };
    clmix_data_reading *reading = &dataset->reading[split];

    if (!reader->has[split])
        return CLMIX_OK;
    CLMIX_TRY(clmix_token_set_read(texts, reader, split, set->tokenizer, &options));
    *reading = (clmix_data_reading){ .skips = reader->skips[split],
                                     .texts = texts->count,
                                     .tokens = texts->id_count,
                                     .longest = texts->longest,
                                     .cut = texts->cut,
                                     .unknown = texts->unknown };
    dataset->count[split] = texts->count;
    if (longest > 0 && texts->longest > longest && reader->whole)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' has a text of %zu tokens, which would have another label if it were cut, and the longest sequence has %zu; "
                          "take a model of longer ones (its key max_len), or leave length= out",
                          reader->spec, texts->longest, longest);
    return CLMIX_OK;
}

static clmix_status read_splits(clmix_dataset *dataset, clmix_text_reader *reader, size_t longest)
{
    CLMIX_TRY(read_split(dataset, reader, CLMIX_TRAIN, longest));
    CLMIX_TRY(read_split(dataset, reader, CLMIX_TEST, longest));
    return dataset->count[CLMIX_TRAIN] > 0
               ? CLMIX_OK
               : clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has no text for training; there are too few, or only texts of the test split",
                            reader->spec);
}

/* ---- masked language -------------------------------------------------------------------------------------------------------------------- */

static size_t specials_around(const struct text_set *set)
{
    return (size_t)(set->classify != CLMIX_NO_TOKEN) + (size_t)(set->separator != CLMIX_NO_TOKEN);
}

static clmix_status open_language(clmix_dataset *dataset, const struct clmix_text_spec *spec)
{
    struct text_set *set = dataset->state;

    CLMIX_TRY(clmix_masking_make(&set->masking, set->tokenizer, spec->masked, set->length, spec->seed));
    for (int split = 0; split < 2; split++) {
        const struct clmix_packing_options options = { set->length - specials_around(set), spec->short_share, spec->seed };

        CLMIX_TRY(clmix_pack(&set->sequences[split], &set->texts[split], &options));
        dataset->count[split] = set->sequences[split].count;
    }
    dataset->sequences.masking = &set->masking;
    return CLMIX_OK;
}

/* ---- the source ------------------------------------------------------------------------------------------------------------------------- */

static size_t length_of(const clmix_dataset *dataset, clmix_split split, size_t index)
{
    const struct text_set *set = dataset->state;
    const struct clmix_token_sample *sample = &set->texts[split].samples[index];

    if (set->language)
        return set->sequences[split].sequences[index].count + specials_around(set);
    return set->two ? clmix_larger(sample->second, sample->count - sample->second) : sample->count;
}

static clmix_status fill(clmix_dataset *dataset, clmix_text_reader *reader, const struct clmix_text_spec *spec)
{
    struct text_set *set = dataset->state;
    size_t longest = 0;

    CLMIX_TRY(limit_length(dataset, spec, set->language, &longest));
    CLMIX_TRY(clmix_text_spec_tokenizer(spec, reader, set->language, dataset->given, &set->tokenizer));
    dataset->sequences.tokenizer = set->tokenizer;
    dataset->sequences.ids = clmix_tokenizer_size(set->tokenizer);
    set->padding = clmix_tokenizer_special(set->tokenizer, CLMIX_PAD);
    set->padding = set->padding == CLMIX_NO_TOKEN ? 0 : set->padding;
    set->classify = clmix_tokenizer_special(set->tokenizer, CLMIX_CLASSIFY);
    set->separator = clmix_tokenizer_special(set->tokenizer, CLMIX_SEPARATOR);
    CLMIX_TRY(settle_pairs(dataset, reader, set));
    CLMIX_TRY(read_splits(dataset, reader, longest));
    set->length = longest > 0 ? longest : clmix_larger(clmix_larger(set->texts[0].longest, set->texts[1].longest), 1);
    clmix_dataset_list_sequences(dataset, set->length, set->two, set->language);
    dataset->sequences.length = length_of;
    return set->language ? open_language(dataset, spec) : clmix_dataset_name_classes(dataset, reader->classes, reader->class_count);
}

/* All readers but that of documents have labels. */
static clmix_status open_set(clmix_dataset *dataset, const char *argument)
{
    const bool language = dataset->source == &clmix_source_text;
    struct clmix_text_spec spec;
    clmix_text_reader *reader = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_dataset_check_tokens(dataset, "ids of tokens"));
    dataset->state = calloc(1, sizeof(struct text_set));
    if (dataset->state == NULL)
        return clmix_fail_memory("a set of text");
    ((struct text_set *)dataset->state)->language = language;
    status = clmix_text_spec_read(&spec, dataset->source->name, argument, language);
    if (status == CLMIX_OK)
        status = clmix_text_reader_open(&reader, spec.reader);
    if (status == CLMIX_OK)
        status = fill(dataset, reader, &spec);
    clmix_text_reader_close(reader);
    clmix_text_spec_clear(&spec);
    return status;
}

static void close_set(clmix_dataset *dataset)
{
    struct text_set *set = dataset->state;

    if (set == NULL)
        return;
    for (int split = 0; split < 2; split++) {
        clmix_token_set_free(&set->texts[split]);
        clmix_packed_free(&set->sequences[split]);
    }
    clmix_tokenizer_close(set->tokenizer);
    free(set);
}

static void get_text(const struct text_set *set, clmix_split split, size_t index, const struct clmix_sequence_arrays *arrays)
{
    const struct clmix_token_set *texts = &set->texts[split];
    const struct clmix_token_sample *sample = &texts->samples[index];
    const size_t first = set->two ? sample->second : sample->count, second = sample->count - first;

    *arrays->labels = sample->label;
    clmix_token_set_get(texts, sample->first, first, arrays->tokens[0]);
    clmix_sequence_fill_up(arrays->tokens[0], arrays->mask[0], first, set->length, set->padding);
    if (!set->two)
        return;
    clmix_token_set_get(texts, sample->first + first, second, arrays->tokens[1]);
    clmix_sequence_fill_up(arrays->tokens[1], arrays->mask[1], second, set->length, set->padding);
}

/* As it is: a loader masks. */
static void get_sequence(const struct text_set *set, clmix_split split, size_t index, const struct clmix_sequence_arrays *arrays)
{
    const struct clmix_packed_sequence *sequence = &set->sequences[split].sequences[index];
    int32_t *tokens = arrays->tokens[0];
    size_t count = 0;

    if (set->classify != CLMIX_NO_TOKEN)
        tokens[count++] = set->classify;
    clmix_token_set_get(&set->texts[split], sequence->first, sequence->count, tokens + count);
    count += sequence->count;
    if (set->separator != CLMIX_NO_TOKEN)
        tokens[count++] = set->separator;
    clmix_sequence_fill_up(tokens, arrays->mask[0], count, set->length, set->padding);
    for (size_t i = 0; i < set->length; i++)
        arrays->token_labels[i] = CLMIX_NO_LABEL;
}

static clmix_status get_set(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    const struct clmix_sequence_arrays sequences = clmix_dataset_sequence_arrays(dataset, arrays);
    const struct text_set *set = dataset->state;

    if (set->language)
        get_sequence(set, split, index, &sequences);
    else
        get_text(set, split, index, &sequences);
    return CLMIX_OK;
}

const clmix_data_source clmix_source_text = { "text", "FILE-or-DIR", open_set, close_set, get_set, false };
const clmix_data_source clmix_source_tsv = { "tsv", "FILE", open_set, close_set, get_set, false };
const clmix_data_source clmix_source_csv = { "csv", "FILE", open_set, close_set, get_set, false };
const clmix_data_source clmix_source_imdb = { "imdb", "DIR", open_set, close_set, get_set, false };
const clmix_data_source clmix_source_listops = { "listops", NULL, open_set, close_set, get_set, false };
const clmix_data_source clmix_source_retrieval = { "retrieval", "FILE", open_set, close_set, get_set, false };
