/* What is computed for a batch, as graphs: the model's inputs and the task's targets, the model behind its front, loss and metrics, with the
 * backward pass for training, without for scoring. */
#ifndef CLMIX_TRAIN_RECIPE_H
#define CLMIX_TRAIN_RECIPE_H

#include "train/optimizer.h"
#include "train/sizes.h"
#include "train/task.h"

#define CLMIX_RECIPE_PORTS (CLMIX_MOST_PORTS + CLMIX_MOST_TARGETS)

struct clmix_recipe {
    clmix_config *config; /* owned; the network's, with the options' dropout */
    const struct clmix_task *task;
    float mean[4], std[4];
    float label_smoothing;
    bool mixup;
    size_t length; /* of the options; 0: none was given */
    char freeze[CLMIX_FREEZE_BYTES], no_decay[CLMIX_FREEZE_BYTES];
};

/* Copies what it needs of `options` (NULL: none of them) and of the normalisation. */
clmix_status clmix_recipe_make(struct clmix_recipe *recipe, const clmix_config *config, const clmix_train_options *options,
                               const float mean[4], const float std[4]);
void clmix_recipe_clear(struct clmix_recipe *recipe);

/* Names of results; those of inputs are the ports'. */
#define CLMIX_LOSS    "loss"    /* f32, the task's */
#define CLMIX_COUNTED "counted" /* f32, labels that count */
#define CLMIX_METRICS "metrics" /* f32, sums over these: in training the first, when scoring one a metric */

/* Everything that is fed in `mode`: the model's inputs, of which *inputs tells how many (may be NULL), then the targets. How many. */
int clmix_recipe_ports(const struct clmix_recipe *recipe, clmix_mode mode, size_t length, clmix_port ports[CLMIX_RECIPE_PORTS],
                       int *inputs);

/* Tokens of sequences that come from no data set: those of the options, or as many as the model takes at most; 0 where it reads none. */
size_t clmix_recipe_length(const struct clmix_recipe *recipe);

/* That a data set fills what a model and its task take, in type and shape, and has no ids that the model has not; ARGUMENT with both if not. */
clmix_status clmix_check_data(const clmix_config *config, const clmix_dataset *data);

/* Inputs, model and results for so many samples; nothing is an output yet. */
struct clmix_task_results clmix_recipe_build(const struct clmix_recipe *recipe, clmix_graph *graph, clmix_mode mode,
                                             struct clmix_extent extent);

/* A plan, and the batches that it is for. */
struct clmix_sized_plan {
    struct clmix_extent extent;
    clmix_plan *plan;
};

/* What a training plan says about the arenas: the parameters that have a gradient, and those of all that have no weight decay. Both lists are owned. */
struct clmix_arena_map {
    size_t weight_count, state_count;
    struct clmix_range *ranges;
    size_t range_count;
    struct clmix_range *undecayed;
    size_t undecayed_count;
};
void clmix_arena_map_clear(struct clmix_arena_map *map);

/* Compile; `map` may be NULL. */
clmix_status clmix_recipe_training(const struct clmix_recipe *recipe, clmix_device *device, struct clmix_extent extent, clmix_plan **plan,
                                   struct clmix_arena_map *map);

/* Plans that evaluate samples in batches: one for full batches of each length, and where samples of a batch meet in the model (clmix_config_across) one for
 * each smaller batch. Elsewhere such a batch is filled up with labels that do not count. */
struct clmix_scoring {
    size_t count; /* of these */
    struct clmix_sized_plan plans[CLMIX_BATCH_SIZES];
};
/* Compiles them for batches of such sizes. */
clmix_status clmix_recipe_scoring(const struct clmix_recipe *recipe, clmix_device *device, const struct clmix_sizes *sizes,
                                  struct clmix_scoring *scoring);
/* The one for a batch: its own, or the one that has to be filled up. */
const struct clmix_sized_plan *clmix_scoring_plan(const struct clmix_scoring *scoring, struct clmix_extent extent);
void clmix_scoring_clear(struct clmix_scoring *scoring);

#endif
