/* Ops of sequences of tokens: from ids to values, and of which tokens are asked what. As in ops.h: each takes values and gives a value of the same
 * graph, shapes are checked at once, an op on a poisoned value, or on one of no graph, gives a poisoned one. B samples of N tokens. All are
 * there since 0.4. */
#ifndef CLMIX_SEQUENCE_H
#define CLMIX_SEQUENCE_H

#include <clmix/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- from ids to values ------------------------------------------------------------------------------------------------------------------ */

/* A table of an embedding, f32 (rows, C), and which of its rows each token takes: ids i32 (B, N), or a value of no graph, where the table has a row
 * for each of the N tokens, the same in all samples, or one row for all. */
typedef struct clmix_lookup {
    clmix_value table; /* a part of a wider table (clmix_slice along the first axis) will do, without a copy */
    clmix_value ids;   /* or none */
} clmix_lookup;
/* Tables that an embedding adds at most. */
#define CLMIX_MOST_LOOKUPS 3

/* y[b][n] = the sum over `count` tables (1 to CLMIX_MOST_LOOKUPS) of the row that token n of sample b takes, in their order: words, positions and
 * segments in one pass, f32 (B, N, C). The first table has ids. An id outside a table reads nothing: the token's row is NaN, which the loss shows and
 * clmix_plan_find_not_finite names. The gradient of a table's row is the sum over the tokens that took it, in their order, without atomics: the same
 * bits on every run.
 * Errors of the graph (ARGUMENT): no `lookups` or another number of them, other types, tables without two axes or of different widths, ids
 * without two axes or of different shapes, a table without ids that has neither N rows nor one. */
CLMIX_API clmix_value clmix_embed(const clmix_lookup *lookups, int count);

/* ids i32 (B, N) with `id` in front of each sample, whose last id is dropped for it: a class token, or its place in a mask. Errors of the graph
 * (ARGUMENT): another type, other axes. */
CLMIX_API clmix_value clmix_push_id(clmix_value ids, int id);

/* Numbers of tokens in the order of a mask, i32 (B, N) -> the same shape: `first` and how many tokens are before it of a token, `first` of padding
 * (mask 0). Errors of the graph (ARGUMENT): another type, other axes. */
CLMIX_API clmix_value clmix_token_numbers(clmix_value mask, int first);

/* ---- some of the tokens -------------------------------------------------------------------------------------------------------------------- */

/* The places of a sample's labelled tokens, those whose label is not CLMIX_NO_LABEL: labels i32 (B, N) -> i32 (B, most), in their order, -1 behind the
 * last. Of more than `most` in a sample only the first count. *labelled, which may be NULL, becomes the labels there, i32 (B, most), CLMIX_NO_LABEL
 * behind the last. Errors of the graph (ARGUMENT): another type, other axes, a `most` of 0 or more than N. */
CLMIX_API clmix_value clmix_labelled_places(clmix_value labels, size_t most, clmix_value *labelled);

/* The tokens at those places: x f32 (B, N, C), places i32 (B, P) -> f32 (B, P, C), y[b][p] = x[b][places[b][p]]; zeros where the sample has no such
 * place. The gradient of a token is the sum over the places that are it, in their order. Errors of the graph (ARGUMENT): other types, other axes. */
CLMIX_API clmix_value clmix_take_tokens(clmix_value x, clmix_value places);

#ifdef __cplusplus
}
#endif
#endif
