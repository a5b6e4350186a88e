/* What is computed for a batch, as graphs: pictures u8 -> normalised -> model -> loss and correct predictions, with the backward pass for
 * training, without for scoring. */
#ifndef CLMIX_TRAIN_RECIPE_H
#define CLMIX_TRAIN_RECIPE_H

#include "train/optimizer.h"

struct clmix_recipe {
    clmix_config *config; /* owned; the network's, with the options' dropout */
    float mean[4], std[4];
    float label_smoothing;
    char freeze[CLMIX_FREEZE_BYTES];
    bool mixup; /* a second label and the first one's share are inputs too */
};

/* Copies what it needs of `options` (NULL: none of them) and of the normalisation. */
clmix_status clmix_recipe_make(struct clmix_recipe *recipe, const clmix_config *config, const clmix_train_options *options,
                               const float mean[4], const float std[4]);
void clmix_recipe_clear(struct clmix_recipe *recipe);

/* Names of results; those of inputs are the ports'. */
#define CLMIX_LOSS    "loss"    /* f32, mean over the labels that count */
#define CLMIX_CORRECT "correct" /* f32: labels that are the first choice; when scoring (2): among the first five too */

/* What a training plan says about the arenas. `ranges` is from malloc: the parameters that have a gradient. */
struct clmix_arena_map {
    size_t weight_count, state_count;
    struct clmix_range *ranges;
    size_t range_count;
};
void clmix_arena_map_clear(struct clmix_arena_map *map);

/* Compile; `map` may be NULL. */
clmix_status clmix_recipe_training(const struct clmix_recipe *recipe, clmix_device *device, size_t batch, clmix_plan **plan,
                                   struct clmix_arena_map *map);
clmix_status clmix_recipe_scoring(const struct clmix_recipe *recipe, clmix_device *device, size_t batch, clmix_plan **plan);

#endif
