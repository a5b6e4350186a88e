/* Sequence pooling: a softmax over the tokens' scores, and the tokens' mean by it. Made of ops that are there. */
#include "graph/op.h"

#include <clmix/ops.h>

/* (B, N, C), or poisoned with the reason. */
static clmix_value expect_tokens(clmix_scope at, clmix_value x)
{
    char text[64];

    if (clmix_is_value(x) && clmix_shape_of(x).rank != 3)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "sequence pooling of %s; it takes (batch, tokens, channels)",
                            clmix_shape_text(clmix_shape_of(x), text));
    return x;
}

/* scores: (B, N, 1). */
static clmix_value pool(clmix_scope at, clmix_value x, clmix_value scores)
{
    const clmix_shape shape = clmix_shape_of(x), single = clmix_shape_of(scores);
    char text[64];

    if (!clmix_is_value(scores))
        return scores;
    if (single.size[2] != 1)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "sequence pooling by %s; one score a token is wanted",
                            clmix_shape_text(single, text));
    clmix_at(at);
    return clmix_reshape(clmix_matmul(clmix_softmax(scores, 1), x, (clmix_product){ .transpose_a = true }), 2,
                         (size_t[]){ shape.size[0], shape.size[2] });
}

clmix_value clmix_sequence_pool_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias)
{
    x = expect_tokens(at, x);
    return clmix_is_value(x) ? pool(at, x, clmix_linear_with(at, x, weight, bias)) : x;
}

clmix_value clmix_sequence_pool(clmix_scope at, clmix_value x)
{
    x = expect_tokens(at, x);
    return clmix_is_value(x) ? pool(at, x, clmix_linear(at, x, 1, true)) : x;
}
