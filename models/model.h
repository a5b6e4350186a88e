/* What a model is to the rest: one row in a table. Adding one is a file here with its struct, the table of its keys and a `struct
 * clmix_model_kind`, and its row in kinds.c. */
#ifndef CLMIX_MODELS_MODEL_H
#define CLMIX_MODELS_MODEL_H

#include "models/keys.h"
#include <clmix/graph.h>

#define CLMIX_DEPTH_MOST 4096 /* blocks */

/* Ports of a model: four are two inputs of tokens, each with a mask. */
#define CLMIX_MOST_PORTS 4

/* The keys of every image model: their table, and what each one's struct begins with. */
struct clmix_picture_keys {
    size_t height, width, channels, classes;
};
extern const struct clmix_key_table clmix_picture_table;
/* And their one port: "pictures" u8 (height, width, channels). */
int clmix_picture_ports(const void *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS]);

/* What a model says of itself beyond its ports. */
struct clmix_model_answer {
    clmix_answer answer;
    size_t classes;    /* that it tells apart; 0 where it answers with tokens */
    size_t vocabulary; /* ids of its tokens, 0: it reads none */
    size_t own_ids;    /* the last of them, that the model puts in itself: no text may have them */
    size_t longest;    /* and the most of them in a sequence */
};
struct clmix_model_answer clmix_picture_answer(const void *keys);

/* A tensor that two modules of the authors share, so that a state_dict of PyTorch has it under two names. */
struct clmix_tie {
    const char *name, *again; /* the one it has here, and the other */
};

struct clmix_model_kind {
    struct clmix_key_table table; /* chosen by "model"; the functions are given the struct that was read by it */

    /* Lists the ports, for samples of `length` tokens (0: of as many as the keys say; without meaning for pictures): how many. */
    int (*ports)(const void *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS]);
    /* Whether the answer depends, beside the mixer, on how many places fill a sequence up, as a mean over all of them does. */
    bool counts_padding;
    struct clmix_model_answer (*answer)(const void *keys);
    /* A value a port, pictures f32 (B, H, W, C) or tokens i32 (B, length) -> logits as the answer is. Says of the authors' modules what the graph does not show
     * (graph/modules.h). */
    clmix_value (*build)(clmix_scope at, const clmix_value *inputs, const void *keys);
    /* Of a model that answers with tokens, where `build` gives tokens f32 (B, length, width): those or some of them, (B, P, width), -> logits (B, P,
     * vocabulary). Else NULL. */
    clmix_value (*score)(clmix_scope at, clmix_value tokens, const void *keys);
    /* Its tied tensors, a row without names at the end; NULL: there are none. */
    const struct clmix_tie *ties;
};

extern const struct clmix_model_kind clmix_model_bert, clmix_model_cct, clmix_model_cvt, clmix_model_levit, clmix_model_lra,
    clmix_model_mlp_mixer, clmix_model_mra_imagenet, clmix_model_pit, clmix_model_roberta, clmix_model_vit;

/* The tables of all models, NULL at the end, and the model that one of them belongs to. */
extern const struct clmix_key_table *const clmix_model_tables[];
const struct clmix_model_kind *clmix_model_of(const struct clmix_key_table *table);

/* Whether samples of one batch meet in a model: in its mixer, which is the one place where they do in inference. */
bool clmix_model_across(const struct clmix_key_object *model);
/* Whether what fills a sequence up changes the answer: in the mixer, or in the mean over the places. */
bool clmix_model_padding_matters(const struct clmix_key_object *model);

#endif
