/* Filling masks: the tokens that are most probable where a text has [MASK]. */
#include "base/size.h"
#include "base/status.h"
#include "network/config.h"
#include "network/network.h"
#include "network/text.h"

#include <stdlib.h>
#include <string.h>

static clmix_status check(const clmix_network *network, size_t best)
{
    const clmix_config *config = network->config;

    CLMIX_TRY(clmix_network_check_text(network));
    if (clmix_config_answer(config) != CLMIX_ANSWER_TOKENS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' tells classes apart and guesses no tokens; clmix_network_classify_text asks it for them",
                          clmix_config_name(config));
    if (best < 1 || best > clmix_tokenizer_size(network->tokenizer))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the %zu best tokens are asked for; it must be from 1 to %zu", best,
                          clmix_tokenizer_size(network->tokenizer));
    return CLMIX_OK;
}

static size_t count_masks(const clmix_tokens *tokens, int32_t mask)
{
    size_t masks = 0;

    for (size_t i = 0; i < tokens->count; i++)
        masks += tokens->ids[i] == mask;
    return masks;
}

/* What no token of the text is, or none that was read. */
static clmix_status refuse(const struct clmix_network_text *text, const clmix_tokens *tokens)
{
    if (text->cut)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "no [MASK] is among the first %zu tokens of the text, which are all that is read of it",
                          tokens->count);
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "there is no [MASK] in the text; write it where a token is to be guessed, as in \"the [MASK] barks\"");
}

/* Takes the `best` largest of the probabilities, which become negative. Ids that the vocabulary has no token for are no answer. */
static void take_best(const clmix_tokenizer *tokenizer, float *probabilities, size_t best, clmix_fill *fills)
{
    const size_t known = clmix_tokenizer_size(tokenizer);

    for (size_t k = 0; k < best; k++) {
        size_t id = 0;

        for (size_t i = 1; i < known; i++)
            if (probabilities[i] > probabilities[id])
                id = i;
        fills[k] = (clmix_fill){ (int32_t)id, probabilities[id], clmix_tokenizer_token(tokenizer, (int32_t)id) };
        probabilities[id] = -1.0f;
    }
}

/* The places of up to `most` masks from *place on; the rest is -1. *place is where to go on. */
static size_t find_masks(const clmix_tokens *tokens, int32_t mask, size_t *place, int32_t *places, size_t most)
{
    size_t found = 0;

    for (; *place < tokens->count && found < most; ++*place)
        if (tokens->ids[*place] == mask)
            places[found++] = (int32_t)*place;
    for (size_t i = found; i < most; i++)
        places[i] = -1;
    return found;
}

static clmix_status fill(clmix_network *network, const struct clmix_network_ids *ids, int32_t mask, size_t best, clmix_fill *fills)
{
    const size_t vocabulary = clmix_config_vocabulary(network->config), most = clmix_most_labelled(ids->length);
    float *probabilities = malloc(most * vocabulary * sizeof *probabilities);
    int32_t *places = malloc(most * sizeof *places);
    clmix_status status = probabilities == NULL || places == NULL ? clmix_fail_memory("the probabilities") : CLMIX_OK;
    size_t place = 0, found;

    while (status == CLMIX_OK && (found = find_masks(&ids->sequence[0], mask, &place, places, most)) > 0) {
        status = clmix_network_answer_ids(network, &ids, 1, places, probabilities);
        for (size_t i = 0; status == CLMIX_OK && i < found; i++, fills += best)
            take_best(network->tokenizer, probabilities + i * vocabulary, best, fills);
    }
    free(probabilities);
    free(places);
    return status;
}

clmix_status clmix_network_fill_given(clmix_network *network, struct clmix_network_text *text, size_t best, clmix_fill **fills,
                                      size_t *masks)
{
    const int32_t mask = clmix_tokenizer_special(network->tokenizer, CLMIX_MASK);
    struct clmix_network_ids ids = { 0 };
    clmix_status status;

    *fills = NULL;
    *masks = 0;
    CLMIX_TRY(check(network, best));
    status = clmix_network_encode(network, text, true, &ids);
    if (status == CLMIX_OK) {
        *masks = mask == CLMIX_NO_TOKEN ? 0 : count_masks(&ids.sequence[0], mask);
        status = *masks == 0 ? refuse(text, &ids.sequence[0]) : CLMIX_OK;
    }
    if (status == CLMIX_OK && (*fills = malloc(*masks * best * sizeof **fills)) == NULL)
        status = clmix_fail_memory("the guesses");
    if (status == CLMIX_OK)
        status = fill(network, &ids, mask, best, *fills);
    clmix_network_ids_clear(&ids);
    if (status != CLMIX_OK) {
        free(*fills);
        *fills = NULL;
        *masks = 0;
    }
    return status;
}

clmix_status clmix_network_fill_mask(clmix_network *network, const char *text, size_t best, clmix_fill **fills, size_t *masks)
{
    CLMIX_NEED(network);
    CLMIX_NEED(text);
    CLMIX_NEED(fills);
    CLMIX_NEED(masks);

    struct clmix_network_text given = { { text, NULL }, { strlen(text), 0 }, false };

    return clmix_network_fill_given(network, &given, best, fills, masks);
}
