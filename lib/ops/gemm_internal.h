/* What the files of lib/ops/gemm*.c share; from the bottom: shape, split, tiles, epilogue, CLBlast, launches, probe, tuning, route, entry. */
#ifndef CLMIX_OPS_GEMM_INTERNAL_H
#define CLMIX_OPS_GEMM_INTERNAL_H

#include "ops/gemm.h"

/* The ways to compute a product: clmix's own kernels in the form in force, or CLBlast followed by an epilogue kernel. */
enum clmix_gemm_route { CLMIX_GEMM_OWN = 0, CLMIX_GEMM_CLBLAST = 1, CLMIX_GEMM_ROUTES };

/* How clmix's own kernel cuts a product up. */
struct clmix_gemm_tile {
    bool wide;
    long width, rows, vectors, panel;     /* wide: VW, MR, NRV, PANEL */
    bool in_place, copy_a;                /* wide: IN_PLACE, COPY_A */
    size_t row_block, column_block, slab; /* wide: what a work-group owns, and steps of k packed at a time */
    long tile_rows, tile_columns;         /* simt: TM, TN */
    long item_rows, item_columns;         /* simt: PM, PN */
    bool runs;                            /* simt: RUNS */
    size_t splits, chunk;                 /* splits of the depth, and steps of k in each */
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
/* Splits of the depth that bring `groups` work-groups up to `wanted`: none below 256 steps, and at most 64 MiB of partial sums. */
void clmix_gemm_split_depth(const struct clmix_gemm *gemm, size_t groups, size_t wanted, struct clmix_gemm_tile *tile);
/* Matrices of both levels of the batch. */
size_t clmix_gemm_batches(const struct clmix_gemm *gemm);

/* The launches of one route, with the given tile or (NULL) the chosen one. */
clmix_status clmix_gemm_plan_route(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                                   enum clmix_gemm_route route, const struct clmix_gemm_tile *tile);
/* CLBlast has no two-level batches, no prologues, no segments and no kernel for a generic device. */
bool clmix_gemm_clblast_can(const struct clmix_gemm *gemm);
void clmix_gemm_plan_clblast(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm);
/* Whether C is anything but the plain sums. */
bool clmix_gemm_has_epilogue(const struct clmix_gemm *gemm);
/* What follows a product of `splits` splits, whose plain sums are matrices `split_stride` elements apart: their sum and the epilogue. */
void clmix_gemm_plan_reduce(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_gemm *gemm,
                            const struct clmix_matrix *sums, size_t splits, size_t split_stride);
/* Arguments and definitions shared by the kernels. */
void clmix_gemm_push_matrix(struct clmix_record *record, const struct clmix_planner *planner, const struct clmix_matrix *matrix);
void clmix_gemm_define_epilogue(struct clmix_record *record, const struct clmix_gemm *gemm, bool plain);

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
