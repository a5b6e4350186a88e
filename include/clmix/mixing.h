/* Ops that mix tokens. As in ops.h: each takes values and gives a value of the same graph, shapes are checked at once, an op on a poisoned
 * value, or on one of no graph, gives a poisoned one. Heads are runs of columns: head h of a value (B, N, heads * d) has the columns h d ..
 * h d + d - 1, so that slices of one product serve as queries, keys and values without a copy. All are there since 0.3. */
#ifndef CLMIX_MIXING_H
#define CLMIX_MIXING_H

#include <clmix/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- softmax attention ---------------------------------------------------------------------------------------------------------------- */

/* How queries see keys; all zero but `heads` is plain attention. */
typedef struct clmix_attention_options {
    size_t heads;    /* of queries, at least 1 */
    size_t kv_heads; /* of keys and values, a divisor of `heads`: head h of queries sees head h / (heads / kv_heads); 0: `heads` */
    float scale;     /* of the scores; 0: 1 / sqrt(d) */
    bool causal;     /* query i sees no key behind i */
    size_t window;   /* query i of window i / window sees the keys of that window, the one before and the one behind; 0: all keys */
    float
        dropout; /* of the weights in training plans: the probability of being 0, at least 0 and less than 1, others grow by 1 / (1 - it) */
} clmix_attention_options;

/* y = softmax(scale q k^T) v, for each sample and head. q (B, N, heads * d), k (B, M, kv_heads * d), v (B, M, kv_heads * dv), all f32 ->
 * (B, N, heads * dv). N and M may differ, but not with `causal` or `window`. mask i32 (B, M), or a value of no graph for none: keys whose
 * mask is 0 are seen by no query. A query that sees no key gets zeros, and sends no gradient.
 *
 * The N x M weights are never in memory: a training plan keeps one number a query and head, and forms the weights again in the backward
 * pass, as it does dropout's choice, which is drawn from a counter of seed, step, op, sample, head, query and key. The gradient of a head of
 * keys or values that several heads of queries share is the sum over them, in their order.
 * Errors of the graph (ARGUMENT): other types or ranks, batches or lengths that do not fit, heads that do not divide the last axes, a
 * dropout rate out of its range. */
CLMIX_API clmix_value clmix_attention(clmix_value q, clmix_value k, clmix_value v, clmix_value mask, clmix_attention_options options);

/* ---- positions ------------------------------------------------------------------------------------------------------------------------ */

/* Which elements of a head make a pair. */
typedef enum clmix_rotary_form {
    CLMIX_ROTARY_PAIRS, /* neighbours, 2j and 2j + 1 */
    CLMIX_ROTARY_HALVES /* j and j + d / 2 */
} clmix_rotary_form;

/* Rotary position embedding (Su et al. 2021) of tokens x (B, N, heads * d): pair j = 0 .. d / 2 - 1 of each head, (a, b), becomes (a cos - b
 * sin, b cos + a sin), with sin = table[n][j] and cos = table[n][d / 2 + j] of token n. table f32 (R, d), R >= N, of which the first N rows
 * count, is the same for all samples and gets no gradient; heads of 0 count as 1. y has x's shape, and the gradient of x is the turn back.
 * Errors of the graph (ARGUMENT): other types, an x without three axes, an odd d, a table of another width or with fewer than N rows, no
 * such form. */
CLMIX_API clmix_value clmix_rotary(clmix_value x, clmix_value table, size_t heads, clmix_rotary_form form);

/* The papers' table as a constant, (rows, width): row p has the sines of the angles p 10000^(-2j / width), j < width / 2, then their cosines,
 * of angles in float32 as theirs are. Errors of the graph (ARGUMENT): an odd width. */
CLMIX_API clmix_value clmix_rotary_table(clmix_graph *graph, size_t rows, size_t width);
/* What fills it, for tables in other places (a state that is saved with the weights): a clmix_constant_fill of two axes that reads no `data`,
 * which may be NULL. `values` must not be. */
CLMIX_API clmix_status clmix_rotary_fill(void *values, clmix_shape shape, const void *data);

/* ---- mixing without weights ------------------------------------------------------------------------------------------------------------ */

/* Fourier mixing (FNet, Lee-Thorp et al. 2021): the real part of the discrete transform of x (B, N, D) over tokens and features, not scaled,
 * y[n][k] = sum over a, b of x[a][b] cos(2 pi (a n / N + b k / D)), of x's shape. Every N and D will do, exactly: lengths with small factors
 * take the least work. Memory besides x and y is the same for every batch. The gradient is the same transform. Errors of the graph
 * (ARGUMENT): other types, an x without three axes. */
CLMIX_API clmix_value clmix_fourier_mix(clmix_value x);

#ifdef __cplusplus
}
#endif
#endif
