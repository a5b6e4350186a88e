/* Matrix products for ops, C = epilogue(A B).
 *
 * An op describes its product as a struct clmix_gemm. In its `measure` it calls clmix_gemm_measure, which finds out how this device computes
 * such products best: by clmix's own kernel or by CLBlast (the route), and how the own kernel cuts them up (the tile). In its `launch` it
 * calls clmix_gemm_plan, which appends the launches. */
#ifndef CLMIX_OPS_GEMM_H
#define CLMIX_OPS_GEMM_H

#include "graph/op.h"

/* A matrix in a value. Element (i, j) is the value's element offset + i pitch + j; a pitch of 0 is the value's own. The strides lead to
 * the other matrices of a batch. */
struct clmix_matrix {
    int32_t value;
    size_t offset;
    size_t pitch;
    size_t outer_stride, inner_stride;
};

enum clmix_activation { CLMIX_ACTIVATION_NONE = 0, CLMIX_ACTIVATION_GELU = 1, CLMIX_ACTIVATION_RELU = 2 };

/* What the residual is for. ADDED: it is added to the product. The other two: the product is the gradient of an activation's result, and is
 * multiplied by the activation's derivative, for which the residual is the activation's input (GELU) or its result (ReLU). */
enum clmix_residual_use { CLMIX_RESIDUAL_ADDED = 1, CLMIX_RESIDUAL_GELU_INPUT = 2, CLMIX_RESIDUAL_RELU_RESULT = 3 };

/* Where the multiplication by `scale` stands. */
enum clmix_scale_place {
    CLMIX_SCALE_NONE = 0,
    CLMIX_SCALE_BIASED = 1,    /* activation(scale (A B + bias)) + residual */
    CLMIX_SCALE_ACTIVATED = 2, /* scale activation(A B + bias) + residual */
    CLMIX_SCALE_ADDED = 3      /* scale (activation(A B + bias) + residual) */
};

/* A prologue: A is the layer norm of what is stored, x, which is (x - mean) rstd weight + bias, formed while x is read. `stats` holds mean and
 * rstd of each row of x, `weight` and `bias` a float for each column; of x as it is stored, also with transpose_a. Not for batches. */
struct clmix_prologue {
    int32_t stats, weight, bias;
};

/* C = activation(A B + bias) + residual. All values are f32.
 *
 * A is rows x depth; with transpose_a it is stored as depth x rows. B is depth x columns; with transpose_b it is stored as columns x depth. C
 * and residual are rows x columns; the residual's value is CLMIX_NONE where there is none, and it may be C's own memory, but must not overlap
 * it otherwise. `bias` has a float a column, and is CLMIX_NONE where there is none.
 *
 * A batch is outer_batch x inner_batch such products, of samples and their heads, say; 0 counts as 1. Matrix (o, i) begins o outer_stride + i
 * inner_stride elements behind the first. The bias is the same for all. */
struct clmix_gemm {
    size_t rows, columns, depth;
    size_t outer_batch, inner_batch;
    struct clmix_matrix a, b, c, residual;
    bool transpose_a, transpose_b;
    int32_t bias;
    enum clmix_activation activation;
    enum clmix_residual_use residual_use; /* 0 counts as CLMIX_RESIDUAL_ADDED */
    bool residual_apart;                  /* the residual is known not to be C's memory */
    enum clmix_scale_place scale_place;
    float scale;
    size_t
        segment; /* of the depth: so many steps are one behind the other, and those behind them an outer stride of A and B further, as where
                       products are summed over what is the outer batch elsewhere, which is 1 here. 0: the whole depth is */
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
