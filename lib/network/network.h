/* Inside a network: the model's graph (for names, shapes and places of the tensors), its two arenas on the device, what is known of the
 * data it was trained on, and the plans that classify. */
#ifndef CLMIX_NETWORK_NETWORK_H
#define CLMIX_NETWORK_NETWORK_H

#include "io/safetensors.h"
#include "network/front.h"
#include "runtime/runtime.h"
#include <clmix/network.h>

#define CLMIX_KEPT_PLANS 8

/* A plan, and the batches that it is for. */
struct clmix_kept_plan {
    struct clmix_extent extent;
    clmix_plan *plan;
};

struct clmix_network {
    clmix_device *device;
    clmix_config *config;
    clmix_graph *graph;
    cl_mem weights, states; /* states is NULL where the model has none */

    char **class_names; /* one each class, "class 3" where no name is known */
    float mean[4], std[4];
    clmix_tokenizer *tokenizer; /* NULL: of pictures, or none is known */

    /* The first needs the most activation memory of all and owns it; the others use it too. */
    struct clmix_kept_plan kept[CLMIX_KEPT_PLANS];
    size_t kept_count, next_victim;
};

/* A network without values in its arenas. `config` is taken over, even on failure. */
clmix_status clmix_network_make(clmix_network **network, clmix_device *device, clmix_config *config);

/* --- save.c and weights.c: the names of the classes in the metadata of a file, key "classes" ----------------------------------------- */
clmix_status clmix_network_put_classes(const clmix_network *network, clmix_safetensors_writer *writer);
/* Keeps those that the network has where the file has none. */
clmix_status clmix_network_take_classes(clmix_network *network, const clmix_safetensors *file, const char *path);

/* --- tokenizer.c: the tokenizer in the metadata of a file, key "tokenizer" ------------------------------------------------------------- */
clmix_status clmix_network_put_tokenizer(const clmix_network *network, clmix_safetensors_writer *writer); /* nothing where there is none */
/* NULL where the file has none; FORMAT where what it has is none. */
clmix_status clmix_tokenizer_of_file(clmix_tokenizer **tokenizer, const clmix_safetensors *file, const char *path);
/* ARGUMENT where the file's tokenizer is another than the network's; a file without fits any. */
clmix_status clmix_network_check_tokenizer(const clmix_network *network, const clmix_safetensors *file, const char *path);
/* Gives the network a tokenizer of its own, which is taken over. */
void clmix_network_adopt_tokenizer(clmix_network *network, clmix_tokenizer *tokenizer);

/* --- plans.c ----------------------------------------------------------------------------------------------------------------------- */

/* The kept plan for batches of this extent, or NULL. */
clmix_plan *clmix_network_find_plan(const clmix_network *network, struct clmix_extent extent);
/* Prepares `plan` in the memory of the first one and keeps it; on failure it remains the caller's. Where that memory is too small the plans there
 * are go: they are made again when they are asked for. */
clmix_status clmix_network_keep_plan(clmix_network *network, struct clmix_extent extent, clmix_plan *plan);
/* Frees the kept plans; the next classification makes new ones. */
void clmix_network_drop_plans(clmix_network *network);

/* --- initial.c: fresh weights drawn from (seed, name), the same on every device ----------------------------------------------------- */
clmix_status clmix_network_draw(clmix_network *network, uint64_t seed);

/* --- layout.c: file order (PyTorch's) to device order and back ---------------------------------------------------------------------- */
void clmix_layout_to_device(const clmix_tensor_info *info, const float *file, float *device);
void clmix_layout_to_file(const clmix_tensor_info *info, const float *device, float *file);

/* --- arenas.c: both arenas on the host, in device order ----------------------------------------------------------------------------- */
struct clmix_arenas {
    float *weights, *states;
    size_t weight_count, state_count;
};
clmix_status clmix_arenas_new(struct clmix_arenas *arenas, const clmix_network *network); /* zeros */
void clmix_arenas_free(struct clmix_arenas *arenas);
float *clmix_arenas_at(const struct clmix_arenas *arenas, const clmix_tensor_info *info);
clmix_status clmix_arenas_upload(const struct clmix_arenas *arenas, clmix_network *network);
clmix_status clmix_arenas_download(struct clmix_arenas *arenas, const clmix_network *network);

/* --- answer.c ------------------------------------------------------------------------------------------------------------------------- */

/* The plan for batches of this extent: inputs as the model's ports, of pictures u8, and where it answers with tokens the places that are asked about;
 * outputs "logits" and "probabilities". */
clmix_status clmix_classify_compile(clmix_plan **plan, clmix_device *device, const clmix_config *config, const float mean[4],
                                    const float std[4], struct clmix_extent extent);
/* Arrays of such a batch. */
#define CLMIX_ANSWER_PORTS (CLMIX_MOST_PORTS + 1)
/* Values of the answer to a sample: a probability a class, or of models that answer with tokens one for each id, at clmix_most_labelled places. */
size_t clmix_network_answers(const clmix_config *config, struct clmix_extent extent);
/* The answers to the first `count` samples of a batch, of which `arrays` has an array a port of the model; behind them, where it answers with tokens, the
 * places of a sample's tokens that are asked about, i32 (batch, clmix_most_labelled), -1 for none. NOT_FINITE when any logit of the batch is not
 * finite. */
clmix_status clmix_network_answer(clmix_network *network, struct clmix_extent extent, const void *const *arrays, size_t count,
                                  float *answers);
/* The most probable of all classes. */
clmix_prediction clmix_network_best(const clmix_network *network, const float *probabilities);

/* --- classify.c ----------------------------------------------------------------------------------------------------------------------- */

/* Probabilities of all classes for a PNG or JPEG picture, scaled to cover the model's size and cut to it. */
clmix_status clmix_network_probabilities_of_file(clmix_network *network, const char *path, float *probabilities);

#endif
