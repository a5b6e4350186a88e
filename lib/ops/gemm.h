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
struct clmix_normal {
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
    bool normalized;
    struct clmix_normal normal;
};

/* A whole value as a matrix: its rows (all axes but the last) and its own pitch. */
struct clmix_matrix clmix_matrix_of(int32_t value);

/* Appends the launches. The result is the same bits on every run; see gemm_tile.c and tune.h for what it depends on. Errors: those of
 * measuring (tune.h). */
clmix_status clmix_gemm_plan(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm);

/* ---- inside lib/ops/gemm*.c and the tests
 * ------------------------------------------------------------------------------------------------ */

/* The ways to compute a product: clmix's own kernels in the form in force, or CLBlast followed by an epilogue kernel. */
enum clmix_gemm_route { CLMIX_GEMM_OWN = 0, CLMIX_GEMM_CLBLAST = 1, CLMIX_GEMM_ROUTES };

/* How clmix's own kernel cuts a product up. */
struct clmix_gemm_tile {
    bool wide;
    long width, rows, vectors, panel;     /* wide: VW, MR, NRV, PANEL */
    bool in_place;                        /* wide: IN_PLACE */
    size_t row_block, column_block, slab; /* wide: what a work-group owns, and steps of k packed at a time */
    long tile_rows, tile_columns;         /* simt: TM, TN */
    long item_rows, item_columns;         /* simt: PM, PN */
    bool runs;                            /* simt: RUNS */
    size_t splits, chunk;                 /* parts of the depth, and steps of k in each */
    size_t groups[3];
};
/* The ways to cut one product up that are worth trying on a device, `variant` counting from 0, the one that is taken unmeasured; false when
 * there are no more. Each is a function of the shape and of the device's description only, and all form the same sums (`splits` and
 * `chunk` are the same), so the result's bits depend on neither a measurement nor the variant. */
bool clmix_gemm_choose_tile(const clmix_device_info *info, bool wide, const struct clmix_gemm *gemm, int variant,
                            struct clmix_gemm_tile *tile);
/* What its kernel is compiled with besides the transposes and the epilogue, as the tuning file names it, and the tile as a whole. */
int clmix_gemm_name_kernel(const struct clmix_gemm_tile *tile, char *text, size_t bytes);
void clmix_gemm_name_tile(const struct clmix_gemm_tile *tile, char *text, size_t bytes);
/* gemm_tile_wide.c, gemm_tile_simt.c: that of one form, all of it but groups[2]. */
bool clmix_gemm_choose_wide(const clmix_device_info *info, const struct clmix_gemm *gemm, int variant, struct clmix_gemm_tile *tile);
bool clmix_gemm_choose_simt(const clmix_device_info *info, const struct clmix_gemm *gemm, int variant, struct clmix_gemm_tile *tile);
/* Whether the simt form runs on a CPU whose compiler makes vectors of work-items (RUNS 0 in cl/tile_simt.h). A device that is everything is a
 * simulator, and one without vectors works like a GPU. */
bool clmix_simt_makes_vectors(const clmix_device_info *info);
/* Parts of the depth that bring `groups` work-groups up to `wanted`: no part below 256 steps, and at most 64 MiB of partial sums. */
void clmix_gemm_split_depth(const struct clmix_gemm *gemm, size_t groups, size_t wanted, struct clmix_gemm_tile *tile);
/* Matrices of both levels of the batch. */
size_t clmix_gemm_batches(const struct clmix_gemm *gemm);

/* The launches of one route, with the given tile or (NULL) the chosen one. */
clmix_status clmix_gemm_plan_route(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                   enum clmix_gemm_route route, const struct clmix_gemm_tile *tile);
/* CLBlast has no two-level batches, no prologues and no kernel for a generic device. */
bool clmix_gemm_clblast_can(const struct clmix_gemm *gemm);
void clmix_gemm_plan_clblast(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm);
/* Whether C is anything but the plain sums. */
bool clmix_gemm_has_epilogue(const struct clmix_gemm *gemm);
/* What follows a product whose plain sums lie in `splits` parts `part_split` elements apart: their sum and the epilogue. */
void clmix_gemm_plan_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                            const struct clmix_matrix *parts, size_t splits, size_t part_split);
/* Arguments and definitions shared by the kernels. */
void clmix_gemm_push_matrix(struct clmix_launcher *launcher, const struct clmix_planner *planner, const struct clmix_matrix *matrix);
void clmix_gemm_define_epilogue(struct clmix_launcher *launcher, const struct clmix_gemm *gemm, bool plain);

/* gemm_route.c: the route that the device has earned for this product, and the tile on the own one (measured once, remembered; tune.h). */
clmix_status clmix_gemm_choose_route(struct clmix_planner *planner, const struct clmix_gemm *gemm, enum clmix_gemm_route *route,
                                     struct clmix_gemm_tile *tile);
/* gemm_tune.c: the fastest of the right tiles for products of this class, or the first one. */
clmix_status clmix_gemm_tune_tile(clmix_device *device, bool wide, const struct clmix_gemm *gemm, struct clmix_gemm_tile *tile);
/* The product that stands for all of its class: sizes rounded up to powers of two, at most `most` multiply-adds, no batch beyond 2. */
struct clmix_gemm clmix_gemm_representative(const struct clmix_gemm *gemm, double most);
/* "nt 1024x128x64", after " batched" where it is: transposes and class of a representative. */
int clmix_gemm_name_class(const struct clmix_gemm *like, char *text, size_t bytes);
/* gemm_probe.c: one product by `route`, run on its own. With `check` a small one of odd sizes, `error` its largest deviation from the
 * host's result over the tolerance (at most 1 is right); otherwise one of `like`'s sizes, `seconds` its fastest run. `like` gives
 * transposes, epilogue and whether it is batched; where the operands lie is the probe's own. */
clmix_status clmix_gemm_probe(clmix_device *device, const struct clmix_gemm *like, enum clmix_gemm_route route,
                              const struct clmix_gemm_tile *tile, bool check, double *error, double *seconds);

#endif
