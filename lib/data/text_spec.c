#include "data/text_spec.h"

#include "base/status.h"
#include "data/masking.h"
#include "data/options.h"
#include "text/tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options in the order of the list that reads them: those of masked language last. */
enum { VOCABULARY, CASED, BYTES, LENGTH, LABELLED, MASKED = LABELLED, SHORT, SEED, OPTIONS };

#define LONGEST (1ULL << 24)

/* ---- the spec --------------------------------------------------------------------------------------------------------------------------- */

static clmix_status take_whole(const struct clmix_text_option *option, unsigned long long least, unsigned long long most,
                               unsigned long long *value)
{
    if (option->value == NULL || clmix_option_whole(option->value, option->value + strlen(option->value), least, most, value))
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "the option %s=%.40s must be a whole number from %llu to %llu", option->name, option->value,
                      least, most);
}

/* A share of something, from `least` to `most`. */
static clmix_status take_share(const struct clmix_text_option *option, double least, double most, double *value)
{
    char *end;

    if (option->value == NULL)
        return CLMIX_OK;
    *value = strtod(option->value, &end);
    if (end != option->value && *end == '\0' && *value >= least && *value <= most)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "the option %s=%.40s must be a number from %g to %g", option->name, option->value, least, most);
}

static clmix_status settle(struct clmix_text_spec *spec, struct clmix_text_option options[OPTIONS])
{
    unsigned long long length = 0, seed = 0;

    CLMIX_TRY(take_whole(&options[LENGTH], 1, LONGEST, &length));
    CLMIX_TRY(take_whole(&options[SEED], 0, UINT64_MAX, &seed));
    CLMIX_TRY(take_share(&options[MASKED], 0.001, CLMIX_MASKED_MOST, &spec->masked));
    CLMIX_TRY(take_share(&options[SHORT], 0.0, 1.0, &spec->short_share));
    spec->length = (size_t)length;
    spec->seed = (uint64_t)seed;
    spec->cased = options[CASED].value != NULL;
    spec->bytes = options[BYTES].value != NULL;
    spec->vocabulary = options[VOCABULARY].value;
    options[VOCABULARY].value = NULL;
    if (spec->bytes && spec->vocabulary != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "bytes and vocab=%s are asked for; text is read in one of these ways", spec->vocabulary);
    if (spec->cased && spec->vocabulary == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "cased is asked for without vocab=FILE, whose case and accents it keeps");
    return CLMIX_OK;
}

clmix_status clmix_text_spec_read(struct clmix_text_spec *spec, const char *kind, const char *argument, bool language)
{
    struct clmix_text_option options[OPTIONS] = {
        [VOCABULARY] = { .name = "vocab" },
        [CASED] = { .name = "cased", .flag = true },
        [BYTES] = { .name = "bytes", .flag = true },
        [LENGTH] = { .name = "length" },
        [MASKED] = { .name = "masked" },
        [SHORT] = { .name = "short" },
        [SEED] = { .name = "seed" },
    };
    clmix_status status;
    char *rest = NULL;

    *spec = (struct clmix_text_spec){ .masked = 0.15, .short_share = 0.1 };
    status = clmix_options_take(argument, &rest, options, language ? OPTIONS : LABELLED);
    if (status == CLMIX_OK)
        status = settle(spec, options);
    if (status == CLMIX_OK) {
        const size_t room = strlen(kind) + strlen(rest) + 2;

        spec->reader = malloc(room);
        if (spec->reader != NULL)
            snprintf(spec->reader, room, "%s:%s", kind, rest);
        else
            status = clmix_fail_memory("a set of text");
    }
    clmix_text_options_free(options, OPTIONS);
    free(rest);
    return status;
}

void clmix_text_spec_clear(struct clmix_text_spec *spec)
{
    free(spec->reader);
    free(spec->vocabulary);
    memset(spec, 0, sizeof *spec);
}

/* ---- the tokenizer ---------------------------------------------------------------------------------------------------------------------- */

/* That both write the same. */
static clmix_status compare(const clmix_text_reader *reader, const clmix_tokenizer *named, const clmix_tokenizer *given)
{
    char *one = NULL, *other = NULL;
    clmix_status status = clmix_tokenizer_write(named, &one);

    if (status == CLMIX_OK)
        status = clmix_tokenizer_write(given, &other);
    if (status == CLMIX_OK && strcmp(one, other) != 0)
        status =
            clmix_fail(CLMIX_ERROR_ARGUMENT,
                       "the model was trained on ids of its own tokenizer (%s, %zu tokens), and '%s' is to be read by another (%s, %zu "
                       "tokens); leave that out of the data's name",
                       clmix_tokenizer_kind_name(given), clmix_tokenizer_size(given), reader->spec, clmix_tokenizer_kind_name(named),
                       clmix_tokenizer_size(named));
    clmix_free(one);
    clmix_free(other);
    return status;
}

static clmix_status open_vocabulary(const struct clmix_text_spec *spec, clmix_tokenizer **tokenizer)
{
    const size_t room = strlen(spec->vocabulary) + 32;
    char *name = malloc(room);
    clmix_status status;

    if (name == NULL)
        return clmix_fail_memory("a tokenizer");
    snprintf(name, room, "wordpiece:%s%s", spec->vocabulary, spec->cased ? ",cased" : "");
    status = clmix_tokenizer_open(tokenizer, name);
    free(name);
    return status;
}

/* What reader or spec name; *tokenizer stays NULL where they name none. */
static clmix_status open_named(const struct clmix_text_spec *spec, const clmix_text_reader *reader, clmix_tokenizer **tokenizer)
{
    if (reader->tokenizer != NULL && (spec->vocabulary != NULL || spec->bytes))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is written in tokens of its own; leave vocab= and bytes out", reader->spec);
    if (reader->tokenizer != NULL)
        return clmix_tokenizer_open(tokenizer, reader->tokenizer);
    if (spec->vocabulary != NULL)
        return open_vocabulary(spec, tokenizer);
    return spec->bytes ? clmix_tokenizer_open(tokenizer, "bytes") : CLMIX_OK;
}

clmix_status clmix_text_spec_tokenizer(const struct clmix_text_spec *spec, const clmix_text_reader *reader, bool language,
                                       const clmix_tokenizer *given, clmix_tokenizer **tokenizer)
{
    clmix_status status;

    *tokenizer = NULL;
    CLMIX_TRY(open_named(spec, reader, tokenizer));
    if (*tokenizer == NULL && given != NULL)
        return clmix_tokenizer_copy(tokenizer, given);
    if (*tokenizer == NULL && language)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' needs a vocabulary: write it behind, %s,vocab=FILE (a vocab.txt, such as clmix-vocab makes of the text)",
                          reader->spec, reader->spec);
    if (*tokenizer == NULL)
        return clmix_tokenizer_open(tokenizer, "bytes");
    status = given == NULL ? CLMIX_OK : compare(reader, *tokenizer, given);
    if (status == CLMIX_OK)
        return CLMIX_OK;
    clmix_tokenizer_close(*tokenizer);
    *tokenizer = NULL;
    return status;
}
