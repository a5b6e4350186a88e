/* Maps as tokens, and tokens as maps. */
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "models/parts/stem.h"
#include <clmix/ops.h>

struct clmix_sequence clmix_sequence_of(clmix_value map)
{
    const clmix_shape shape = clmix_shape_of(map);

    if (!clmix_is_value(map))
        return (struct clmix_sequence){ .value = map };
    return (struct clmix_sequence){ .value = clmix_map_tokens(map), .height = shape.size[1], .width = shape.size[2] };
}

clmix_value clmix_map_of(const struct clmix_sequence *tokens)
{
    const clmix_shape shape = clmix_shape_of(tokens->value);

    if (!clmix_is_value(tokens->value))
        return tokens->value;
    return clmix_reshape(tokens->value, 4, (size_t[]){ shape.size[0], tokens->height, tokens->width, shape.size[2] });
}
