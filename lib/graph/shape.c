/* Shapes and element types: arithmetic and text. Knows no graph. */
#include "graph/graph.h"

#include <stdio.h>

clmix_shape clmix_shape_make(int rank, const size_t *size)
{
    clmix_shape shape = { .rank = rank };

    for (int i = 0; i < rank && i < CLMIX_MAX_RANK && size != NULL; i++)
        shape.size[i] = size[i];
    return shape;
}

size_t clmix_shape_count(clmix_shape shape)
{
    size_t count = shape.rank < 0 ? 0 : 1;

    for (int i = 0; i < shape.rank; i++)
        count *= shape.size[i];
    return count;
}

size_t clmix_shape_columns(clmix_shape shape)
{
    return shape.rank > 0 ? shape.size[shape.rank - 1] : 1;
}

size_t clmix_shape_rows(clmix_shape shape)
{
    size_t rows = 1;

    for (int i = 0; i + 1 < shape.rank; i++)
        rows *= shape.size[i];
    return rows;
}

bool clmix_shape_equal(clmix_shape a, clmix_shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.size[i] != b.size[i])
            return false;
    return true;
}

const char *clmix_shape_text(clmix_shape shape, char *text)
{
    int used = 0;

    if (text == NULL)
        return "";
    if (shape.rank <= 0)
        snprintf(text, 64, "%s", shape.rank < 0 ? "nothing" : "a scalar");
    for (int i = 0; i < shape.rank && used < 56; i++)
        used += snprintf(text + used, (size_t)(64 - used), i == 0 ? "%zu" : "x%zu", shape.size[i]);
    return text;
}

void clmix_shape_cut(clmix_shape *shape, size_t batch, size_t samples)
{
    shape->size[0] = shape->size[0] / batch * samples;
}
