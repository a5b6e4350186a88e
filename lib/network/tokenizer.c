/* The tokenizer that a network of tokens was trained with: how text becomes the ids that its weights know. */
#include "text/tokenizer.h"
#include "base/status.h"
#include "network/config.h"
#include "network/file.h"
#include "network/network.h"

#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer" /* of the metadata: what clmix_tokenizer_write makes */

clmix_status clmix_config_check_tokenizer(const clmix_config *config, const clmix_tokenizer *tokenizer)
{
    const size_t ids = clmix_tokenizer_size(tokenizer), known = clmix_config_vocabulary(config), free_ids = clmix_config_ids(config);

    if (known == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' reads pictures, and no tokenizer belongs to it", clmix_config_name(config));
    if (ids <= free_ids)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "the tokenizer (%s) has %zu tokens and '%s' knows %zu%s; take a smaller vocabulary, or a model with vocab=%zu",
                      clmix_tokenizer_kind_name(tokenizer), ids, clmix_config_name(config), known, clmix_config_why_fewer_ids(config),
                      ids + known - free_ids);
}

void clmix_network_adopt_tokenizer(clmix_network *network, clmix_tokenizer *tokenizer)
{
    clmix_tokenizer_close(network->tokenizer);
    network->tokenizer = tokenizer;
}

clmix_status clmix_network_describe_text(clmix_network *network, const clmix_tokenizer *tokenizer)
{
    CLMIX_NEED(network);
    CLMIX_NEED(tokenizer);

    clmix_tokenizer *copy = NULL;

    CLMIX_TRY(clmix_config_check_tokenizer(network->config, tokenizer));
    CLMIX_TRY(clmix_tokenizer_copy(&copy, tokenizer));
    clmix_network_adopt_tokenizer(network, copy);
    return CLMIX_OK;
}

const clmix_tokenizer *clmix_network_tokenizer(const clmix_network *network)
{
    return network != NULL ? network->tokenizer : NULL;
}

/* ---- in files of weights ---------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_network_put_tokenizer(const clmix_network *network, clmix_safetensors_writer *writer)
{
    char *text = NULL;
    clmix_status status;

    if (network->tokenizer == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_tokenizer_write(network->tokenizer, &text));
    status = clmix_safetensors_describe(writer, KEY, text);
    clmix_free(text);
    return status;
}

clmix_status clmix_network_check_tokenizer(const clmix_network *network, const clmix_safetensors *file, const char *path)
{
    const char *stored = clmix_safetensors_metadata(file, KEY);
    char *text = NULL;
    clmix_status status = CLMIX_OK;

    if (stored == NULL)
        return CLMIX_OK;
    if (network->tokenizer != NULL)
        CLMIX_TRY(clmix_tokenizer_write(network->tokenizer, &text));
    if (text == NULL || strcmp(text, stored) != 0)
        status = clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "'%s' was trained on ids of another tokenizer than the data set's; open the data set with the vocabulary that it was "
            "begun with",
            path);
    clmix_free(text);
    return status;
}

clmix_status clmix_tokenizer_of_file(clmix_tokenizer **tokenizer, const clmix_safetensors *file, const char *path)
{
    const char *text = clmix_safetensors_metadata(file, KEY);
    clmix_status status;

    *tokenizer = NULL;
    if (text == NULL)
        return CLMIX_OK;
    status = clmix_tokenizer_read(tokenizer, text);
    /* What a file says is no argument of a caller's. */
    return status == CLMIX_OK
               ? CLMIX_OK
               : clmix_fail_at(status == CLMIX_ERROR_ARGUMENT ? CLMIX_ERROR_FORMAT : status, "'%s' (metadata " KEY ")", path);
}

clmix_status clmix_weights_tokenizer(clmix_tokenizer **tokenizer, const char *path)
{
    struct clmix_weights weights;
    clmix_status status = clmix_weights_open(&weights, path);

    *tokenizer = NULL;
    if (status == CLMIX_OK)
        status = clmix_tokenizer_of_file(tokenizer, weights.file, weights.path);
    clmix_weights_close(&weights);
    return status;
}
