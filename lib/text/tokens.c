#include "text/tokens.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_tokens_add(clmix_tokens *tokens, int32_t id)
{
    size_t room = tokens->capacity, segments_room = tokens->capacity;

    if (tokens->count == tokens->capacity) {
        if (!clmix_array_reserve((void **)&tokens->ids, &room, tokens->count + 1, sizeof *tokens->ids) ||
            !clmix_array_reserve((void **)&tokens->segments, &segments_room, tokens->count + 1, sizeof *tokens->segments))
            return clmix_fail_memory("tokens");
        tokens->capacity = room;
    }
    tokens->ids[tokens->count] = id;
    tokens->segments[tokens->count++] = 0;
    return CLMIX_OK;
}

void clmix_tokens_clear(clmix_tokens *tokens)
{
    if (tokens == NULL)
        return;
    free(tokens->ids);
    free(tokens->segments);
    memset(tokens, 0, sizeof *tokens);
}

clmix_status clmix_made_text_add(struct clmix_made_text *text, const char *more, size_t bytes)
{
    if (bytes >= SIZE_MAX - text->bytes || !clmix_array_reserve((void **)&text->content, &text->capacity, text->bytes + bytes + 1, 1))
        return clmix_fail_memory("a text");
    memcpy(text->content + text->bytes, more, bytes);
    text->bytes += bytes;
    text->content[text->bytes] = '\0';
    return CLMIX_OK;
}
