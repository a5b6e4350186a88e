/* Sizes and tables of cosine transforms. Angles are reduced as integers, (2t + 1) k modulo 4 N, and looked up in one table of cosines in double. */
#include "ops/dct_internal.h"

#include "base/size.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>

#define TAU 6.283185307179586476925286766559

/* ---- stages -------------------------------------------------------------------------------------------------------------------------- */

static struct clmix_dct_stages cut(size_t tokens, size_t kept, size_t first)
{
    struct clmix_dct_stages stages = { .tokens = tokens, .kept = kept, .first = first, .second = tokens / first };

    stages.columns = clmix_smaller(first / 2 + 1, kept);
    stages.sides = first / 2 + 1 < clmix_smaller(kept, first) ? 2 : 1;
    stages.rows = clmix_ceil_div(kept, first);
    return stages;
}

/* Of the divisors P of N; a P of 1 would be the matrix with its columns in another order. */
struct clmix_dct_stages clmix_dct_stages_of(size_t tokens, size_t kept)
{
    struct clmix_dct_stages best = cut(tokens, kept, 1);

    for (size_t small = 2; small <= tokens / small; small++)
        for (int side = 0; side < 2 && tokens % small == 0; side++) {
            const struct clmix_dct_stages stages = cut(tokens, kept, side == 0 ? small : tokens / small);

            if (best.first == 1 || clmix_dct_flops(&stages, CLMIX_DCT_FOURIER) < clmix_dct_flops(&best, CLMIX_DCT_FOURIER))
                best = stages;
        }
    return best;
}

bool clmix_dct_is_open(const struct clmix_dct_stages *stages)
{
    return stages->first > 1;
}

uint64_t clmix_dct_flops(const struct clmix_dct_stages *stages, enum clmix_dct_way way)
{
    if (way == CLMIX_DCT_MATRIX)
        return (uint64_t)2 * stages->kept * stages->tokens;
    return (uint64_t)4 * stages->columns * (stages->tokens + stages->sides * stages->rows * stages->second);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------------------- */

/* cos(2 pi m / (4 N)), m < 4 N; NULL when out of memory. */
static double *cosines(size_t tokens)
{
    double *values = malloc(4 * tokens * sizeof *values);

    for (size_t m = 0; values != NULL && m < 4 * tokens; m++)
        values[m] = cos(TAU * (double)m / (double)(4 * tokens));
    return values;
}

/* a_k: the factor of coefficient k, by which the transform is orthonormal. */
static double factor(size_t tokens, size_t k)
{
    return sqrt((k == 0 ? 1.0 : 2.0) / (double)tokens);
}

/* D[k][t] = a_k cos(2 pi (2t + 1) k / (4 N)). */
static clmix_status fill_table(void *values, clmix_shape of, const void *data)
{
    const size_t kept = of.size[0], tokens = of.size[1], turn = 4 * tokens;
    double *cosine = cosines(tokens);
    float *element = values;

    (void)data;
    if (cosine == NULL)
        return clmix_fail_memory("a cosine transform");
    for (size_t k = 0; k < kept; k++)
        for (size_t t = 0, angle = k; t < tokens; t++, angle = (angle + 2 * k) % turn)
            *element++ = (float)(factor(tokens, k) * cosine[angle]);
    free(cosine);
    return CLMIX_OK;
}

clmix_value clmix_dct_table(clmix_graph *graph, size_t tokens, size_t kept)
{
    return clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ kept, tokens }, fill_table, NULL, 0);
}

/* Rows (l, part), columns j: cosine and sine of 2 pi l j / P. */
static clmix_status fill_first(void *values, clmix_shape of, const void *data)
{
    const size_t length = of.size[1];
    float *element = values;

    (void)data;
    for (size_t row = 0; row < of.size[0]; row++)
        for (size_t j = 0; j < length; j++) {
            const double angle = TAU * (double)(row / 2 * j % length) / (double)length;

            *element++ = (float)(row % 2 == 0 ? cos(angle) : sin(angle));
        }
    return CLMIX_OK;
}

clmix_value clmix_dct_first(clmix_graph *graph, const struct clmix_dct_stages *stages)
{
    if (!clmix_dct_is_open(stages))
        return clmix_no_value();
    return clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ 2 * stages->columns, stages->first }, fill_first, NULL, 0);
}

/* Rows (l, side, r) of coefficient k, columns (part, m): a_k times cosine and, of k = l + P r, minus the sine, of k = P - l + P r the sine of
 * 2 pi (4m + 1) k / (4 N). What is no coefficient is zeros. */
static clmix_status fill_second(void *values, clmix_shape of, const void *data)
{
    const struct clmix_dct_stages *stages = data;
    const size_t turn = 4 * stages->tokens, second = stages->second, rows = stages->rows;
    double *cosine = cosines(stages->tokens);

    if (cosine == NULL)
        return clmix_fail_memory("a cosine transform");
    for (size_t row = 0; row < of.size[0]; row++) {
        const size_t l = row / (stages->sides * rows), r = row % rows, side = row / rows % stages->sides;
        const size_t k = (side == 0 ? l : stages->first - l) + r * stages->first;
        float *element = (float *)values + row * 2 * second;

        for (size_t m = 0, angle = k % turn; k < stages->kept && m < second; m++, angle = (angle + 4 * k) % turn) {
            const double sine = cosine[(angle + 3 * stages->tokens) % turn]; /* a quarter back */

            element[m] = (float)(factor(stages->tokens, k) * cosine[angle]);
            element[second + m] = (float)(factor(stages->tokens, k) * (side == 0 ? -sine : sine));
        }
    }
    free(cosine);
    return CLMIX_OK;
}

clmix_value clmix_dct_second(clmix_graph *graph, const struct clmix_dct_stages *stages)
{
    const size_t rows = stages->columns * stages->sides * stages->rows;

    if (!clmix_dct_is_open(stages))
        return clmix_no_value();
    return clmix_constant(graph, CLMIX_F32, 2, (size_t[]){ rows, 2 * stages->second }, fill_second, stages, sizeof *stages);
}
