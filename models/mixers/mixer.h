/* Token mixers: tokens in, tokens out. Each is a file here with its keys and a `struct clmix_mixer_kind`, and a row in kinds.c; a backbone has
 * a key "mixer" and takes any of them. */
#ifndef CLMIX_MODELS_MIXER_H
#define CLMIX_MODELS_MIXER_H

#include "models/keys.h"
#include <clmix/graph.h>

/* What is mixed. A field that there is none of is a value of no graph, as { 0 } leaves it. */
struct clmix_sequence {
    clmix_value value;    /* f32 (B, N, dim) */
    clmix_value mask;     /* i32 (B, N), 1 for a token and 0 for padding. None: all are tokens */
    clmix_value position; /* f32 (N or more, head_dim), by which queries and keys are turned (rotary). None: they are not */
    size_t height, width; /* of the map that the tokens are, row by row. 0: they are none, as where a class token is among them */
};

/* A map (B, height, width, C) as its tokens, row by row, and back: views. */
struct clmix_sequence clmix_sequence_of(clmix_value map);
clmix_value clmix_map_of(const struct clmix_sequence *tokens);

/* What a backbone calls the projections around an operator on heads, and where the operator's own weights are. */
struct clmix_frame {
    const char *q, *k, *v; /* a linear layer each, with a bias; `q` NULL: one without, `qkv`, for all three side by side */
    const char *qkv;
    const char *out; /* puts the heads together */
    const char *own; /* the operator's own weights. NULL: beside the projections */
    bool out_always; /* also where there is one head, as wide as a token */
};

/* Queries, keys and values of a sample's heads, each (B, N, heads * head_dim): what an operator on heads mixes. */
struct clmix_heads {
    clmix_value q, k, v;
    clmix_value mask; /* as of clmix_sequence */
};

/* A mixer as a backbone's configuration has it: part of the backbone's own struct, whose table of keys fills it in. */
struct clmix_mixer {
    struct clmix_key_object mixer; /* the key "mixer": which kind, and its keys */
    size_t heads, head_dim;        /* of queries and keys. 0: the backbone has no heads */
    size_t value_dim;              /* width of a head's values. 0: head_dim */
    size_t expansion;              /* hidden width of the backbone's feed-forward parts, relative to their input. 0: it has none to give */
    float dropout;                 /* the backbone's: behind the output projection */
    float attention_dropout;       /* of attention weights */
    const char *qkv, *out; /* softmax attention's projections, where the backbone calls them something else. NULL: the usual names */
    const struct clmix_frame *frame; /* what operators on heads stand in. NULL: vit's */
    size_t longest;                  /* the most tokens that the model takes, which weights a token are made for. 0: as many as there are */
};

struct clmix_mixer_kind {
    struct clmix_key_table table; /* chosen by "kind" */
    bool takes_mask, takes_position;
    bool of_maps; /* it takes maps in the authors' code, and not tokens */
    /* How many tokens are mixed where there are `tokens` of them and the kind pads: rows that a table of positions needs. NULL: no more. */
    size_t (*length)(size_t tokens, const void *keys);
    /* Whether samples of one batch meet, so that the answer to one depends on the others. NULL: never. */
    bool (*across)(const void *keys);
    /* Whether what fills a sequence up changes no answer at its tokens, however much of it there is. NULL: it does, as where a sequence is divided, or weighed
     * by its length. */
    bool (*free_of_padding)(const void *keys);
    /* Derives keys from the backbone's (heads and their width), and refuses what does not go with them: FORMAT, with a sentence that begins
     * with `where`. NULL: nothing to do. */
    clmix_status (*settle)(void *keys, const struct clmix_mixer *mixer, const char *where);
    /* Tokens (B, N, dim) -> f32 (B, N, dim), the weights at `at`; `keys` are the kind's own, read by its table. Says of the authors' modules
     * what the graph does not show (graph/modules.h). */
    clmix_value (*mix)(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *keys);
    /* The operator on heads, where the kind is one: -> (B, N, heads * head_dim), its own weights at `at`; `mix` is mostly clmix_mix_heads then. Else
     * NULL. */
    clmix_value (*attend)(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer, const void *keys);
};

/* The kind that a backbone's key "mixer" was read by: its table is the kind's first member. */
static inline const struct clmix_mixer_kind *clmix_mixer_kind_of(const struct clmix_key_object *mixer)
{
    return (const struct clmix_mixer_kind *)mixer->table;
}

/* The halves of what stands around heads: the projections of tokens, turned by their positions; and the output projection where there is one, with
 * dropout behind it. With `tokens` above 0 the heads y are cosine coefficients (B, n, heads * head_dim), which become so many tokens between
 * the projection's weight and its bias: the same sum, of n rows instead of N. */
struct clmix_heads clmix_project_heads(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer);
clmix_value clmix_join_heads(clmix_scope at, clmix_value y, const struct clmix_mixer *mixer, size_t dim, size_t tokens);
/* For a kind with `attend` alone: `mix` projects tokens to heads, turns queries and keys where there are positions, attends, and puts the heads together;
 * `settle` refuses a backbone without heads. */
clmix_value clmix_mix_heads(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer, const void *keys);
clmix_status clmix_settle_heads(void *keys, const struct clmix_mixer *mixer, const char *where);
/* How many tokens weights a token are made for. */
size_t clmix_longest(const struct clmix_heads *heads, const struct clmix_mixer *mixer);

extern const struct clmix_mixer_kind clmix_mixer_cosformer;
extern const struct clmix_mixer_kind clmix_mixer_cvt; /* softmax attention of CvT */
extern const struct clmix_mixer_kind clmix_mixer_dct;
extern const struct clmix_mixer_kind clmix_mixer_efficient;
extern const struct clmix_mixer_kind clmix_mixer_fourier;
extern const struct clmix_mixer_kind clmix_mixer_kerformer;
extern const struct clmix_mixer_kind clmix_mixer_levit; /* softmax attention of LeViT */
extern const struct clmix_mixer_kind clmix_mixer_linear_elu;
extern const struct clmix_mixer_kind clmix_mixer_linformer;
extern const struct clmix_mixer_kind clmix_mixer_mlp;
extern const struct clmix_mixer_kind clmix_mixer_mra2;
extern const struct clmix_mixer_kind clmix_mixer_mra2_sparse;
extern const struct clmix_mixer_kind clmix_mixer_nystrom;
extern const struct clmix_mixer_kind clmix_mixer_performer;
extern const struct clmix_mixer_kind clmix_mixer_softmax;
/* What token models call so: other public versions of the same papers. */
extern const struct clmix_mixer_kind clmix_mixer_token_linformer, clmix_mixer_token_nystrom, clmix_mixer_token_performer,
    clmix_mixer_token_softmax;

/* The tables of all mixers, NULL at the end: the `kinds` of a backbone's key "mixer". */
extern const struct clmix_key_table *const clmix_mixer_tables[];
/* Those of LeViT and CvT, whose softmax attention is their own. */
extern const struct clmix_key_table *const clmix_levit_mixer_tables[], *const clmix_cvt_mixer_tables[];
/* Those of token models. */
extern const struct clmix_key_table *const clmix_token_mixer_tables[];

/* To be called by the backbone's `check`, once its own keys are known: what the kind derives and refuses. */
clmix_status clmix_mixer_settle(struct clmix_mixer *mixer, const char *where);
/* How many tokens the kind mixes of `tokens`. */
size_t clmix_mixer_length(const struct clmix_mixer *mixer, size_t tokens);
/* Whether samples of a batch meet in a backbone's key "mixer". */
bool clmix_mixer_across(const struct clmix_key_object *mixer);

/* Whether padding changes no answer of the kind in a backbone's key "mixer". */
bool clmix_mixer_free_of_padding(const struct clmix_key_object *mixer);

/* Mixes `tokens` by the kind that was read. A mask or positions that this kind takes none of are an error of the graph (ARGUMENT), and so are
 * tokens of other axes. */
clmix_value clmix_mix(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer);
/* The same in a backbone of maps, where in the authors' code most mixers stand between two rearrangements, which are modules. */
clmix_value clmix_mix_map(clmix_scope at, const struct clmix_sequence *tokens, const struct clmix_mixer *mixer);
/* Only the operator on heads of the kind that was read. One that has none is an error of the graph (ARGUMENT). */
clmix_value clmix_attend(clmix_scope at, const struct clmix_heads *heads, const struct clmix_mixer *mixer);

#endif
