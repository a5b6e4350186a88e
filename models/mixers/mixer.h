/* Token mixers: tokens in, tokens out. Each is a file here with its keys and a `struct clmix_mixer_kind`, and a row in kinds.c; a backbone has
 * a key "mixer" and takes any of them. */
#ifndef CLMIX_MODELS_MIXER_H
#define CLMIX_MODELS_MIXER_H

#include "models/keys.h"
#include <clmix/graph.h>

/* What is mixed. A field that there is none of is a value of no graph, as { 0 } leaves it. */
struct clmix_tokens {
    clmix_value value;    /* f32 (B, N, dim) */
    clmix_value mask;     /* i32 (B, N), 1 for a token and 0 for padding. None: all are tokens */
    clmix_value position; /* f32 (N or more, head_dim), by which queries and keys are turned (rotary). None: they are not */
};

/* A mixer as a backbone's configuration has it. */
struct clmix_mixer {
    struct clmix_key_object mixer; /* the key "mixer": which kind, and its keys */
    float dropout;                 /* the backbone's */
};

struct clmix_mixer_kind {
    struct clmix_key_table table; /* chosen by "kind" */
    bool takes_mask, takes_position;
    /* Tokens (B, N, dim) -> f32 (B, N, dim), the weights at `at`; `keys` are the kind's own, read by its table. Says of the authors' modules
     * what the graph does not show (graph/modules.h). */
    clmix_value (*mix)(clmix_scope at, const struct clmix_tokens *tokens, const struct clmix_mixer *mixer, const void *keys);
};

extern const struct clmix_mixer_kind clmix_mixer_mlp;

/* The tables of all mixers, NULL at the end: the `kinds` of a backbone's key "mixer". */
extern const struct clmix_key_table *const clmix_mixer_tables[];

/* Mixes `tokens` by the kind that was read. A mask or positions that this kind takes none of are an error of the graph (ARGUMENT), and so are
 * tokens of other axes. */
clmix_value clmix_mix(clmix_scope at, const struct clmix_tokens *tokens, const struct clmix_mixer *mixer);

#endif
