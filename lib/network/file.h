/* Files of weights as people have them: a run's folder stands for its model.safetensors, what a wrapper of PyTorch put before the names is
 * taken off ("module." of DistributedDataParallel, "_orig_mod." of torch.compile), a tensor that is there twice is one, and a checkpoint of a
 * training run is told from a model. */
#ifndef CLMIX_NETWORK_FILE_H
#define CLMIX_NETWORK_FILE_H

#include "io/safetensors.h"
#include "models/model.h"
#include <clmix/graph.h>
#include <clmix/text.h>
#include <stdbool.h>

/* What the metadata "format" of a training checkpoint begins with. */
#define CLMIX_CHECKPOINT_MARK "clmix-checkpoint-"

struct clmix_named_weight {
    const char *name; /* as the model has it */
    const clmix_stored_tensor *stored;
    bool taken;
};

struct clmix_weights {
    char *path; /* of the file itself */
    clmix_safetensors *file;
    struct clmix_named_weight *named; /* by name; without what modules count with, which nothing here needs */
    size_t count;
};

/* `path` or, where that is a folder, its model.safetensors, in fresh memory. FILE when the folder has none. */
clmix_status clmix_weights_path(char **resolved, const char *path);

/* FORMAT for what is no model's weights, with what it is and what to do instead. To be closed even after a failure. */
clmix_status clmix_weights_open(struct clmix_weights *weights, const char *path);
void clmix_weights_close(struct clmix_weights *weights);
struct clmix_named_weight *clmix_weights_find(const struct clmix_weights *weights, const char *name); /* NULL: there is none */

/* Tensors under the second names of `ties` are those under the first ones, and stand for them where the file lacks those. FORMAT where it has two
 * that differ. */
clmix_status clmix_weights_tie(const struct clmix_weights *weights, const struct clmix_tie *ties);

/* weights.c. A tensor's values into the device's layout. FORMAT when its shape is not the model's, or its elements are no floats. */
clmix_status clmix_weights_take(const clmix_tensor_info *info, const clmix_stored_tensor *stored, const char *path, float *device);

/* tokenizer.c. The tokenizer that a file of weights carries; NULL where it has none. */
clmix_status clmix_weights_tokenizer(clmix_tokenizer **tokenizer, const char *path);

bool clmix_has_ending(const char *text, const char *ending);

#endif
