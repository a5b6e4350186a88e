#include "data/sequences.h"

#include "base/port.h"
#include "base/status.h"

static const clmix_port *find_wanted(const clmix_dataset *dataset, const char *name)
{
    return clmix_port_find(dataset->wanted, dataset->wanted_count, name);
}

bool clmix_dataset_wants_tokens(const clmix_dataset *dataset)
{
    return find_wanted(dataset, CLMIX_TOKENS) != NULL;
}

bool clmix_dataset_wants_two(const clmix_dataset *dataset)
{
    return find_wanted(dataset, CLMIX_SECOND_TOKENS) != NULL;
}

size_t clmix_dataset_wanted_length(const clmix_dataset *dataset)
{
    const clmix_port *tokens = find_wanted(dataset, CLMIX_TOKENS);

    return tokens != NULL && tokens->rank == 1 ? tokens->size[0] : 0;
}

clmix_status clmix_dataset_check_tokens(const clmix_dataset *dataset, const char *what)
{
    char port[CLMIX_PORT_TEXT];

    if (dataset->wanted_count == 0 || clmix_dataset_wants_tokens(dataset))
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "'%s:' gives %s, and the model reads %s; take a model of text for it, such as bert-small or lra-text",
                      dataset->source->name, what, clmix_port_text(&dataset->wanted[0], port));
}

void clmix_dataset_list_sequences(clmix_dataset *dataset, size_t length, bool two, bool token_labels)
{
    static const char *const names[] = { CLMIX_TOKENS, CLMIX_TOKEN_MASK, CLMIX_SECOND_TOKENS, CLMIX_SECOND_MASK };
    const size_t sequences = two ? 4 : 2;
    size_t count = 0;

    for (; count < sequences; count++)
        dataset->ports.list[count] = (clmix_port){ names[count], CLMIX_I32, 1, { length } };
    if (token_labels)
        dataset->ports.list[count++] = (clmix_port){ CLMIX_TOKEN_LABELS, CLMIX_I32, 1, { length } };
    if (!token_labels)
        dataset->ports.list[count++] = (clmix_port){ .name = CLMIX_LABELS, .type = CLMIX_I32 };
    dataset->ports.count = count;
}

struct clmix_sequence_arrays clmix_dataset_sequence_arrays(const clmix_dataset *dataset, void *const *arrays)
{
    const bool two = dataset->ports.count > 3;
    const size_t last = dataset->ports.count - 1;
    const bool token_labels = clmix_port_is_along(&dataset->ports.list[last]);

    return (struct clmix_sequence_arrays){ .tokens = { arrays[0], two ? arrays[2] : NULL },
                                           .mask = { arrays[1], two ? arrays[3] : NULL },
                                           .labels = token_labels ? NULL : arrays[last],
                                           .token_labels = token_labels ? arrays[last] : NULL };
}

void clmix_sequence_fill_up(int32_t *tokens, int32_t *mask, size_t count, size_t length, int32_t padding)
{
    for (size_t i = 0; i < length; i++)
        mask[i] = i < count;
    for (size_t i = count; i < length; i++)
        tokens[i] = padding;
}
