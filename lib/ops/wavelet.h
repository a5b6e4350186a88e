/* What the wavelet transform (wavelet.c) and its inverse (wavelet_inverse.c) share: the geometry of the pyramid and launches of one
 * level. */
#ifndef CLMIX_OPS_WAVELET_H
#define CLMIX_OPS_WAVELET_H

#include "graph/op.h"

#define CLMIX_MOST_LEVELS 32

/* Level j of the pyramid over a map (B, H, W, C): its map, and its first row in the list of all bands. Level 0 is that map. */
struct clmix_haar_map {
    size_t height, width, row;
};
struct clmix_haar_map clmix_haar_map_of(clmix_shape whole, int level);
/* Rows of the list of all bands of levels 1 .. levels. */
size_t clmix_haar_rows(clmix_shape whole, int levels);
clmix_status clmix_check_levels(clmix_shape whole, int levels);

/* A launch of a level's kernel, which shares its items out itself: between the finer map and the four bands of the coarser, with another
 * map as large as the finer one `added` or not. First arguments: samples, height and width of the finer map, channels. */
struct clmix_record *clmix_record_haar_level(struct clmix_planner *planner, const struct clmix_node *node, const char *kernel,
                                             clmix_shape whole, struct clmix_haar_map fine, bool added);
/* Arguments for a matrix that begins `first` elements into a value and has `pitch` elements from row to row. */
void clmix_record_haar_place(struct clmix_record *record, int32_t value, size_t first, size_t pitch);
/* Eight additions and four products a block of four, every level (and as many additions as results where something is `added`); maps
 * and bands moved once. */
void clmix_haar_cost(clmix_shape whole, int levels, bool added, uint64_t *flops, uint64_t *bytes);

#endif
