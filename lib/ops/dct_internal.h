/* What the files of lib/ops/dct*.c share; from the bottom: sizes and tables, the two ways, the choice, the op. lib/ops/dct.c has the formulas. */
#ifndef CLMIX_OPS_DCT_INTERNAL_H
#define CLMIX_OPS_DCT_INTERNAL_H

#include "graph/op.h"
#include "ops/gemm_internal.h"

/* The ways to compute a transform: one product with its matrix, or Makhoul's by way of a Fourier transform in two stages. */
enum clmix_dct_way { CLMIX_DCT_MATRIX = 0, CLMIX_DCT_FOURIER = 1, CLMIX_DCT_WAYS };

struct clmix_dct_attributes {
    size_t tokens, kept; /* N and n */
};

/* Inputs of the op: x, then the tables of the ways, of which launches read those of the way that is taken. */
enum { CLMIX_DCT_X, CLMIX_DCT_TABLE, CLMIX_DCT_FIRST, CLMIX_DCT_SECOND, CLMIX_DCT_INPUTS };

/* The stages of Makhoul's way: N = P Q, and for each of the `columns` l = 0 .. P/2 of the first transform `sides` (k = l + P r and, by symmetry,
 * k = P - l + P r) times `rows` (r) coefficients. P is 1 where the way is closed. */
struct clmix_dct_stages {
    size_t tokens, kept;
    size_t first, second; /* P and Q */
    size_t columns, sides, rows;
};

/* dct_tables.c: the cheapest stages, a function of the lengths alone; multiply-adds and additions of a channel by each way. */
struct clmix_dct_stages clmix_dct_stages_of(size_t tokens, size_t kept);
bool clmix_dct_is_open(const struct clmix_dct_stages *stages);
uint64_t clmix_dct_flops(const struct clmix_dct_stages *stages, enum clmix_dct_way way);
/* The matrix D (n, N). */
clmix_value clmix_dct_table(clmix_graph *graph, size_t tokens, size_t kept);
/* The matrices of the stages, (2 columns, P) and (columns sides rows, 2 Q); values of no graph where the way is closed. */
clmix_value clmix_dct_first(clmix_graph *graph, const struct clmix_dct_stages *stages);
clmix_value clmix_dct_second(clmix_graph *graph, const struct clmix_dct_stages *stages);

/* What a launch works on: `x` (batch, N or n, width), the node's result of as many rows as the transform has, and what is added to it. */
struct clmix_dct_call {
    bool inverse;
    struct clmix_dct_stages stages;
    size_t batch, width;
    int32_t x, y;
    int32_t bias;     /* a float a channel, or CLMIX_NONE */
    int32_t residual; /* of y's shape, or CLMIX_NONE */
};

/* dct_matrix.c: the one product of the matrix. */
struct clmix_gemm clmix_dct_product(const struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call);
/* dct_fourier.c: the launches of Makhoul's way. */
clmix_status clmix_dct_plan_fourier(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_dct_call *call);

/* dct_route.c: the way that is taken unmeasured (CLMIX_DCT=matrix or fourier prescribes one), and the one that the device has earned for these
 * sizes (tune.h). */
enum clmix_dct_way clmix_dct_usual_way(const struct clmix_dct_stages *stages);
clmix_status clmix_dct_choose_way(struct clmix_planner *planner, const struct clmix_dct_call *call, enum clmix_dct_way *way);

#endif
