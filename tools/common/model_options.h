/* Which model a program is to take, and whose weights: options that several programs share.
 *
 * A model is a preset, a JSON file, a .safetensors file, or a run's folder. --weights brings the weights of a file without metadata, as
 * PyTorch's state_dict has them; --classes the names of the classes. --mixer puts another token mixer in, --set overrides any key. */
#ifndef CLMIX_TOOLS_MODEL_OPTIONS_H
#define CLMIX_TOOLS_MODEL_OPTIONS_H

#include "common/cli.h"
#include "network/front.h"

#include <clmix/data.h>
#include <clmix/network.h>
#include <limits.h>

struct model_options {
    char *model; /* --model; NULL where the model is an argument, or that of --weights */
    char *weights, *classes, *mixer;
    const char **settings; /* KEY=VALUE, NULL at the end; may be NULL */
    struct poptOption table[6];
};

/* --weights, --mixer and --set, and the options asked for. */
enum { MODEL_BY_OPTION = 1, MODEL_CLASSES = 2 };
void model_options_start(struct model_options *options, unsigned asked_for);
void model_options_end(struct model_options *options);

/* The configuration of `model`, or where that is NULL of --model or the file in --weights, with the mixer and then the settings, and as many classes as --classes has
 * names. clmix_config_weights() is then the file whose weights are wanted. */
clmix_status model_options_config(const struct model_options *options, const char *model, clmix_config **config);

/* Gives a network the names in --classes, if it was given. */
clmix_status model_options_name(const struct model_options *options, clmix_network *network);

/* A network with those weights, fresh ones where there are none, and the names in --classes. */
clmix_status model_options_network(const struct model_options *options, clmix_device *device, const clmix_config *config, uint64_t seed,
                                   clmix_network **network);

/* The same without names. */
clmix_status model_network(clmix_device *device, const clmix_config *config, uint64_t seed, clmix_network **network);

/* A device to plan for: the one that `selector` (--device, may be NULL) names, which may be "generic"; without it the one that would be used, or a
 * generic one where there is none. */
clmix_status model_device_for_plans(const char *selector, clmix_device **device);

/* Batches of `batch` samples, of sequences of `length` tokens or, where that is 0, of as many as the model takes at most. MODEL_USUAL_BATCH are
 * MODEL_PICTURES, or as many sequences as have MODEL_TOKENS, no more. ARGUMENT where the model takes none, or not so many (--length). */
#define MODEL_USUAL_BATCH INT_MIN
#define MODEL_PICTURES    64
#define MODEL_TOKENS      16384
#define MODEL_BATCH_HELP \
    "pictures at a time, or sequences (" CLI_TEXT(MODEL_PICTURES) "; no more than have " CLI_TEXT(MODEL_TOKENS) " tokens)"
clmix_status model_extent(const clmix_config *config, int batch, int length, struct clmix_extent *extent);

/* Opens a data set, its ports as the model reads them, its texts by `tokenizer` where that is not NULL. */
clmix_status model_open_data(const clmix_config *config, const clmix_tokenizer *tokenizer, const char *spec, clmix_dataset **data);

bool model_sets_classes(const struct model_options *options);

#endif
