/* Matrix products for ops: the launches of C = epilogue(A B), on whichever route is best for the device and the shape. */
#ifndef CLMIX_OPS_GEMM_H
#define CLMIX_OPS_GEMM_H

#include "graph/op.h"

/* A matrix in a value: elements start `offset` behind the value's first, rows are `pitch` apart (0: the value's own pitch), batches
 * apart by two strides (see below). */
struct clmix_matrix {
    int32_t value;
    size_t offset;
    size_t pitch;
    size_t outer_stride, inner_stride;
};

enum clmix_activation { CLMIX_ACTIVATION_NONE = 0, CLMIX_ACTIVATION_GELU = 1, CLMIX_ACTIVATION_RELU = 2 };

/* What the residual is there for: to be added; or, where the product is the gradient of an activation's result, as that activation's
 * input (GELU) or result (ReLU), by whose derivative the product is multiplied. */
enum clmix_residual_use { CLMIX_RESIDUAL_ADDED = 1, CLMIX_RESIDUAL_GELU_INPUT = 2, CLMIX_RESIDUAL_RELU_RESULT = 3 };

/* Behind which step the result is multiplied by `scale`. */
enum clmix_scale_place {
    CLMIX_SCALE_NONE = 0,
    CLMIX_SCALE_BIASED = 1,    /* activation(scale (A B + bias)) + residual */
    CLMIX_SCALE_ACTIVATED = 2, /* scale activation(A B + bias) + residual */
    CLMIX_SCALE_ADDED = 3      /* scale (activation(A B + bias) + residual) */
};

/* A prologue, not for batches: what is multiplied is not the stored matrix x but (x - mean) rstd weight + bias by its rows, formed while it is
 * read. `stats`: mean and rstd of each row; weight and bias: one float a column. Both belong to x as stored, whether A is it or its
 * transpose. */
struct clmix_prologue {
    int32_t stats, weight, bias;
};

/* C[rows][columns] = activation(A B + bias) + residual, for outer_batch x inner_batch matrices (0 counts as 1): two levels, because
 * attention's heads are strides inside a batch's rows. A is stored rows x depth, or depth x rows when transpose_a; B is stored depth x
 * columns, or columns x depth when transpose_b. bias: one float a column, dense, the same for all batches, or CLMIX_NONE. residual: like
 * C, with value CLMIX_NONE for none; it may be the same memory as C but must not overlap it otherwise. All values f32. */
struct clmix_gemm {
    size_t rows, columns, depth;
    size_t outer_batch, inner_batch;
    struct clmix_matrix a, b, c, residual;
    bool transpose_a, transpose_b;
    int32_t bias;
    enum clmix_activation activation;
    enum clmix_residual_use residual_use; /* 0 counts as CLMIX_RESIDUAL_ADDED */
    enum clmix_scale_place scale_place;
    float scale;
    bool sum; /* C is one matrix for the whole outer batch: the sum of its products, in order. Without bias, activation and residual */
    bool has_prologue; /* and not what is stored is multiplied */
    struct clmix_prologue prologue;
};

/* A whole value as a matrix: its rows (all axes but the last) and its own pitch. */
struct clmix_matrix clmix_matrix_of(int32_t value);

/* Settles route and tile of a node's product, for clmix_gemm_plan: what the op's `measure` does. Errors: those of measuring (tune.h). */
clmix_status clmix_gemm_measure(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm);
/* Appends the launches, by the route and with the tile that were settled; where none were, of clmix's own kernel with the first tile. The
 * result is the same bits on every run; see gemm_tile.c and tune.h for what it depends on. */
clmix_status clmix_gemm_plan(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm);

#endif
