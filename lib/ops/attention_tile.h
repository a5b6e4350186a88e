/* Tiles of attention in the simt form: what softmax attention and attention within chosen blocks cut and define alike. */
#ifndef CLMIX_OPS_ATTENTION_TILE_H
#define CLMIX_OPS_ATTENTION_TILE_H

#include "graph/planner.h"

#define CLMIX_ATTENTION_ITEM 4 /* rows and columns of a tile's scores that a work-item has */

/* A group's work-items: `lanes` along columns, `rows` along rows. */
struct clmix_attention_tile {
    size_t lanes, rows;
    bool runs; /* work-items run by themselves, and are no lanes of a vector */
};

/* Groups that make the columns of a sum of `width`, each some of them. */
size_t clmix_attention_column_parts(const struct clmix_attention_tile *tile, size_t width);

/* Whether a work-item has room for the sums of both widths in one launch. */
bool clmix_attention_sums_fit(const struct clmix_attention_tile *tile, size_t width, size_t value_width);

/* Defines the tile, and for heads of these widths what it makes of them. */
void clmix_attention_define_tile(struct clmix_record *record, const struct clmix_attention_tile *tile, size_t width, size_t value_width);

/* Which gradients a group of keys makes; the other kernels of the file are told the same, so that all are one program where they can be. */
void clmix_attention_define_gradients(struct clmix_record *record, bool of_k, bool of_v);

/* Fifths of a gradient's work: the scores again, dP, and the three gradients, of which dq does two. */
void clmix_attention_claim_fifths(struct clmix_planner *planner, const struct clmix_node *node, struct clmix_record *record,
                                  uint64_t fifths);

#endif
