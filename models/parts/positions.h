/* Where a token is, and the token that stands for all: learned positions, tables of sines, class tokens. */
#ifndef CLMIX_MODELS_POSITIONS_H
#define CLMIX_MODELS_POSITIONS_H

#include <clmix/graph.h>

/* (B, N, C) -> (B, N + 1, C), "cls_token" (1, 1, C), standard normal, in front. */
clmix_value clmix_class_token(clmix_scope at, clmix_value tokens);
/* The first token of each sample: (B, N, C) -> (B, C). */
clmix_value clmix_first_token(clmix_value tokens);

/* A position for each of `count` tokens, standard normal: "pos_embedding" (1, count, width), to be added to tokens (B, count, width). */
clmix_value clmix_learned_positions(clmix_scope at, size_t count, size_t width);

/* Tables of angles p f_j, f_j = 10000^(-2j / width), for rows p and pairs j < width / 2; in float32, as the authors compute them. Both are
 * states: not trained, and in files. `width` is even.
 * Rotary positions (Su et al. 2021), "emb" (rows, width): sin(p f_0), sin(p f_1), ..., cos(p f_0), cos(p f_1), ... */
clmix_value clmix_rotary_positions(clmix_scope at, size_t rows, size_t width);
/* Sine positions (Vaswani et al. 2017), `name` (1, rows, width): sin(p f_0), cos(p f_0), sin(p f_1), ... */
clmix_value clmix_sine_positions(clmix_scope at, const char *name, size_t rows, size_t width);

#endif
