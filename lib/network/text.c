/* Texts for a network of tokens: their ids, padded to few lengths so that few plans are kept, a batch of them and its answers. */
#include "network/text.h"

#include "base/lengths.h"
#include "base/size.h"
#include "base/status.h"
#include "network/config.h"
#include "network/network.h"

#include <stdlib.h>
#include <string.h>

/* ---- ids -------------------------------------------------------------------------------------------------------------------------------- */

static bool reads_two(const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, 0, ports);

    return clmix_port_find(ports, (size_t)count, CLMIX_SECOND_TOKENS) != NULL;
}

clmix_status clmix_network_check_text(const clmix_network *network)
{
    const clmix_config *config = network->config;

    if (clmix_config_vocabulary(config) == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' reads pictures, and a text was given; clmix_network_classify_file takes PNG and JPEG",
                          clmix_config_name(config));
    if (network->tokenizer == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' does not say how text becomes the ids that it reads: its weights were saved without a tokenizer; "
                          "clmix_network_describe_text gives it one (clmix-predict --tokenizer); one of pixels is measured on pictures "
                          "(--data pixels:...)",
                          clmix_config_name(config));
    return CLMIX_OK;
}

/* That there are as many texts as the network reads, or two where it has something to put between. */
static clmix_status check_texts(const clmix_network *network, const struct clmix_network_text *text, bool two)
{
    const char *name = clmix_config_name(network->config);

    if (two && text->text[1] == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' compares two texts, and one was given", name);
    if (!two && text->text[1] != NULL && clmix_tokenizer_special(network->tokenizer, CLMIX_SEPARATOR) == CLMIX_NO_TOKEN)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' reads one text, and its tokenizer (%s) has no [SEP] to put between two; two were given", name,
                          clmix_tokenizer_kind_name(network->tokenizer));
    return CLMIX_OK;
}

/* A length of few, or the longest where what fills a sequence up changes the answer. */
static size_t padded(const clmix_config *config, size_t count)
{
    const size_t longest = clmix_config_longest(config);

    return clmix_config_padding_matters(config) ? longest : clmix_length_for(count, longest);
}

clmix_status clmix_network_encode(const clmix_network *network, struct clmix_network_text *text, bool specials,
                                  struct clmix_network_ids *ids)
{
    const bool two = reads_two(network->config);
    const clmix_encoding encoding = { .longest = clmix_config_longest(network->config), .read_specials = specials };
    const bool pair = !two && text->text[1] != NULL;

    ids->count = two ? 2 : 1;
    ids->length = 0;
    text->cut = false;
    CLMIX_TRY(check_texts(network, text, two));
    for (size_t i = 0; i < ids->count; i++) {
        CLMIX_TRY(clmix_tokenizer_encode(network->tokenizer, text->text[i], text->bytes[i], pair ? text->text[1] : NULL,
                                         pair ? text->bytes[1] : 0, &encoding, &ids->sequence[i]));
        if (ids->sequence[i].count == 0)
            return clmix_fail(CLMIX_ERROR_FORMAT, "the text is empty: it has no token");
        text->cut = text->cut || ids->sequence[i].cut;
        ids->length = clmix_larger(ids->length, padded(network->config, ids->sequence[i].count));
    }
    return CLMIX_OK;
}

void clmix_network_ids_clear(struct clmix_network_ids *ids)
{
    clmix_tokens_clear(&ids->sequence[0]);
    clmix_tokens_clear(&ids->sequence[1]);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------------------- */

/* Fills the array of a port. Rows that the batch has more than texts repeat the last one, which no answer sees. */
static void fill_port(const char *port, int32_t padding, const struct clmix_network_ids *const *rows, size_t count, size_t batch,
                      int32_t *array)
{
    const bool second = strcmp(port, CLMIX_SECOND_TOKENS) == 0 || strcmp(port, CLMIX_SECOND_MASK) == 0;
    const bool mask = strcmp(port, CLMIX_TOKEN_MASK) == 0 || strcmp(port, CLMIX_SECOND_MASK) == 0;
    const size_t length = rows[0]->length;

    for (size_t row = 0; row < batch; row++) {
        const clmix_tokens *tokens = &rows[clmix_smaller(row, count - 1)]->sequence[second];

        for (size_t i = 0; i < length; i++, array++)
            *array = i < tokens->count ? (mask ? 1 : tokens->ids[i]) : (mask ? 0 : padding);
    }
}

/* The least power of two that is not below it. */
static size_t batch_for(size_t count)
{
    size_t batch = 1;

    while (batch < count)
        batch *= 2;
    return batch;
}

clmix_status clmix_network_answer_ids(clmix_network *network, const struct clmix_network_ids *const *rows, size_t count,
                                      const int32_t *places, float *answers)
{
    const struct clmix_extent extent = { batch_for(count), rows[0]->length };
    const int32_t pad = clmix_tokenizer_special(network->tokenizer, CLMIX_PAD);
    const size_t values = extent.batch * extent.length;
    clmix_port ports[CLMIX_MOST_PORTS];
    const void *arrays[CLMIX_ANSWER_PORTS];
    const int port_count = clmix_config_ports(network->config, extent.length, ports);
    int32_t *room = malloc((size_t)port_count * values * sizeof *room);
    clmix_status status;

    if (room == NULL)
        return clmix_fail_memory("a batch of texts");
    for (int i = 0; i < port_count; i++) {
        arrays[i] = room + (size_t)i * values;
        fill_port(ports[i].name, pad == CLMIX_NO_TOKEN ? 0 : pad, rows, count, extent.batch, room + (size_t)i * values);
    }
    arrays[port_count] = places;
    status = clmix_network_answer(network, extent, arrays, count, answers);
    free(room);
    return status;
}
