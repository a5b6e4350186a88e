#include "models/parts/positions.h"

#include "graph/op.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>
#include <math.h>

static const clmix_initializer standard_normal = { .kind = CLMIX_NORMAL, .std = 1.0f };

/* ---- class tokens -------------------------------------------------------------------------------------------------------------------- */

clmix_value clmix_class_token(clmix_scope at, clmix_value tokens)
{
    const size_t width = clmix_is_value(tokens) ? clmix_shape_of(tokens).size[2] : 1;
    clmix_value token = clmix_parameter(at, "cls_token", 3, (size_t[]){ 1, 1, width }, NULL, standard_normal);

    clmix_at(clmix_in(at, "cls_token"));
    return clmix_concat((clmix_value[]){ token, tokens }, 2, 1);
}

clmix_value clmix_first_token(clmix_value tokens)
{
    const clmix_shape shape = clmix_shape_of(tokens);

    return clmix_is_value(tokens) ? clmix_reshape(clmix_slice(tokens, 1, 0, 1), 2, (size_t[]){ shape.size[0], shape.size[2] }) : tokens;
}

/* ---- positions ------------------------------------------------------------------------------------------------------------------------ */

clmix_value clmix_learned_positions(clmix_scope at, size_t count, size_t width)
{
    return clmix_parameter(at, "pos_embedding", 3, (size_t[]){ 1, count, width }, NULL, standard_normal);
}

clmix_value clmix_rotary_positions(clmix_scope at, size_t rows, size_t width)
{
    return clmix_state(at, "emb", 2, (size_t[]){ rows, width }, (clmix_initializer){ .kind = CLMIX_FILLED, .fill = clmix_rotary_fill });
}

static float angle(size_t row, size_t pair, size_t width)
{
    return (float)row / powf(10000.0f, 2.0f * (float)pair / (float)width);
}

static clmix_status fill_sine(void *values, clmix_shape shape, const void *data)
{
    const size_t rows = shape.size[1], width = shape.size[2];
    float *row = values;

    (void)data;
    for (size_t p = 0; p < rows; p++, row += width)
        for (size_t i = 0; i < width; i++)
            row[i] = i % 2 == 0 ? sinf(angle(p, i / 2, width)) : cosf(angle(p, i / 2, width));
    return CLMIX_OK;
}

clmix_value clmix_sine_positions(clmix_scope at, const char *name, size_t rows, size_t width)
{
    return clmix_state(at, name, 3, (size_t[]){ 1, rows, width }, (clmix_initializer){ .kind = CLMIX_FILLED, .fill = fill_sine });
}
