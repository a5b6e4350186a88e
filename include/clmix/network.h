/* Networks: a model with its weights on a device. Both inference and training use it.
 *
 * A model is described by a configuration, the JSON of the papers' reference (keys: models/README.md). It is named by a preset
 * ("wavemix-32"), a JSON file, a JSON text, a .safetensors file trained here (whose metadata carries the configuration), or the folder of
 * a training run, which stands for its model.safetensors.
 *
 * Files of weights are read as PyTorch has them: what its wrappers put before the names ("module.", "_orig_mod.") is taken off,
 * counters named "num_batches_tracked" and "position_ids" are passed over, and a tensor that the authors' modules share (a head's matrix that is
 * the table of words) may be there under both names, once or twice. What is something else (a checkpoint, a .pt file, a text) is refused, FORMAT, with
 * what it is and what to do. */
#ifndef CLMIX_NETWORK_H
#define CLMIX_NETWORK_H

#include <clmix/plan.h>
#include <clmix/text.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configurations ----------------------------------------------------------------------------------------------------------------- */

/* A model's description: its kind, and values of its keys. For one thread at a time. */
typedef struct clmix_config clmix_config;

/* Reads a configuration: a preset's name, a path to a file of JSON or of weights or to a run's folder, or JSON text beginning with '{'.
 * Unknown keys, missing keys and impossible sizes are refused by name. Errors: ARGUMENT (no preset and no file of this name), FILE, FORMAT,
 * UNSUPPORTED (a model that this version does not have). Neither may be NULL (ARGUMENT). Further errors: HOST_MEMORY. */
CLMIX_API clmix_status clmix_config_open(clmix_config **config, const char *model);
/* Frees a configuration. NULL is allowed. */
CLMIX_API void clmix_config_free(clmix_config *config);
/* Overrides one key, "dim=48", "levels=3", "level_channels=[8,8,8]" or "mixer.features=64"; the result is checked as a whole by the next use.
 * A value that is an object is laid over the one that is there, key by key, unless it names another "kind": then it replaces it.
 * Neither may be NULL. Errors: ARGUMENT, FORMAT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_config_set(clmix_config *config, const char *key_and_value);
/* The configuration as JSON text with every key written out; the caller frees it with clmix_free. Neither may be NULL. Errors: ARGUMENT,
 * HOST_MEMORY, and what clmix_config_set left wrong. */
CLMIX_API clmix_status clmix_config_text(const clmix_config *config, char **json);
/* The preset's or file's name. Of a NULL configuration: "", sizes and classes 0. Places for sizes may be NULL. */
CLMIX_API const char *clmix_config_name(const clmix_config *config);
/* The file of weights that carried the configuration, NULL where it came from a preset or from JSON; borrowed. */
CLMIX_API const char *clmix_config_weights(const clmix_config *config);
CLMIX_API void clmix_config_picture(const clmix_config *config, size_t *height, size_t *width, size_t *channels);
/* Classes that the model tells apart: 2 where it answers with one logit, 0 where with tokens. */
CLMIX_API size_t clmix_config_classes(const clmix_config *config);
/* Of models of tokens: how many ids there are, from 0 to vocabulary - 1 (lra with pool=cls has the last for itself, and no text may have it), and the
 * most tokens of a sequence; both 0 of other models and for NULL. Since 0.4. */
CLMIX_API size_t clmix_config_vocabulary(const clmix_config *config);
CLMIX_API size_t clmix_config_longest(const clmix_config *config);
/* What the model answers of a sample; CLMIX_ANSWER_CLASSES for NULL. Since 0.4. */
CLMIX_API clmix_answer clmix_config_answer(const clmix_config *config);

/* Names of all presets, in order; NULL beyond the last. */
CLMIX_API const char *clmix_preset_name(size_t index);
/* The paper whose table has the preset as a row, and which table: "ViX 1", "WaveMix 1, 2", into `text`, which has room for
 * CLMIX_PRESET_TABLE_BYTES. Neither may be NULL. Errors: ARGUMENT (there is no such preset), HOST_MEMORY. Since 0.3. */
#define CLMIX_PRESET_TABLE_BYTES 32
CLMIX_API clmix_status clmix_preset_table(const char *name, char *text);

/* The ports of the model: what it reads of a sample. The count is 0 of a NULL configuration; a model of pictures has one, "pictures" u8
 * (height, width, channels), one of tokens two, "tokens" and "mask", of its longest sequence: it takes shorter ones too, all of a batch as long. The
 * port's name belongs to the library. Neither pointer may be NULL. Errors: ARGUMENT (there is no such port). Since 0.2. */
CLMIX_API int clmix_config_port_count(const clmix_config *config);
CLMIX_API clmix_status clmix_config_port(const clmix_config *config, int index, clmix_port *port);

/* Whether samples of one batch meet in the model, so that the answer to one depends on the others: false but for the mixers performer and nystrom with
 * their key "maxima" as "batch", which is how their authors trained; "sample" frees each. Models that are not trained in this way lose little by
 * clmix_config_set(config, "mixer.maxima=sample"). False for NULL. Since 0.3. */
CLMIX_API bool clmix_config_across(const clmix_config *config);

/* Whether what fills a sequence up changes the answer: true of configurations that average over all places, or whose mixer divides or weighs a sequence by
 * its length. Such a model is trained and asked at one length (CLMIX_LENGTHS_ONE), unless it is meant to be. False for models of pictures and for NULL.
 * Since 0.4. */
CLMIX_API bool clmix_config_padding_matters(const clmix_config *config);

/* Appends the model to a graph. `inputs` has a value a port: pictures f32 (B, H, W, C), which clmix_normalize makes of bytes, or i32 (B, length);
 * the result are logits, (B, classes), (B, 1) or (B, length, vocabulary) as clmix_config_answer has it. A NULL `inputs` or `config` is an error of the graph (ARGUMENT), and so are values of another shape. */
CLMIX_API clmix_value clmix_model(clmix_scope at, const clmix_value *inputs, const clmix_config *config);

/* The papers' counting rule (torchsummary): parameters counted at each call of a module, and the "estimated total size" in MB for one
 * picture. None may be NULL. Errors: ARGUMENT, and what clmix_config_set left wrong. */
CLMIX_API clmix_status clmix_config_paper_count(const clmix_config *config, size_t *parameters, double *megabytes);

/* ---- networks ----------------------------------------------------------------------------------------------------------------------- */

/* A model, its weights and states on a device, class names, and normalisation or tokenizer. For one thread at a time. */
typedef struct clmix_network clmix_network;

/* A network with fresh weights drawn from `seed`. The configuration is copied; the device must outlive the network. None may be NULL.
 * Errors: ARGUMENT, DEVICE_MEMORY, DRIVER, HOST_MEMORY. */
CLMIX_API clmix_status clmix_network_create(clmix_network **network, clmix_device *device, const clmix_config *config, uint64_t seed);
/* A network from a .safetensors file whose metadata has the configuration ("config"); weights under the authors' names and shapes. None
 * may be NULL. Errors: ARGUMENT, FILE, FORMAT, NOT_FINITE, UNSUPPORTED, and those of clmix_network_create. */
CLMIX_API clmix_status clmix_network_load(clmix_network **network, clmix_device *device, const char *path);
/* Frees a network and its memory on the device. NULL is allowed. */
CLMIX_API void clmix_network_free(clmix_network *network);

/* Loads weights into an existing network, and class names, normalisation and tokenizer where the file has them; all names and shapes must agree. On
 * failure the network is unchanged. Errors: FILE, FORMAT. Neither may be NULL (ARGUMENT). Further errors: NOT_FINITE, HOST_MEMORY,
 * DRIVER. */
CLMIX_API clmix_status clmix_network_load_weights(clmix_network *network, const char *path);

/* What clmix_network_init did: numbers of tensors, and lists of their names, NULL at the end (the list itself where it is empty). */
typedef struct clmix_init_report {
    size_t taken;  /* from the file into the network */
    size_t fresh;  /* of the network, and in the file not at all or in another shape: they keep their values */
    size_t unused; /* of the file, and in the network not at all or in another shape */
    char **taken_names, **fresh_names, **unused_names; /* theirs, in that order */
    size_t partly;       /* of those taken: tables of places that have more or fewer rows in the file. Since 0.4 */
    char **partly_names; /* theirs */
} clmix_init_report;
/* Takes over from a file of weights what fits by name and shape, and leaves the rest as it is: a trained network as the beginning of one
 * for other classes, whose head stays fresh. Of tables with a row a place of the sequence (positions; Kerformer's weights a token) the first rows are
 * taken, as many as both have; Linformer's projection, whose every entry is of one length, begins afresh for another. Class names, normalisation and tokenizer are not taken. `report` may be NULL; else it is filled in on
 * success, for clmix_init_report_clear. On failure the network is unchanged. Errors: FILE, FORMAT (nothing in the file fits, too).
 * `network` and `path` must not be NULL (ARGUMENT). Further errors: HOST_MEMORY, DRIVER. */
CLMIX_API clmix_status clmix_network_init(clmix_network *network, const char *path, clmix_init_report *report);
/* Frees a report's lists. NULL is allowed. */
CLMIX_API void clmix_init_report_clear(clmix_init_report *report);
/* Writes weights, configuration, class names, normalisation and tokenizer, atomically. Neither may be NULL. Errors: ARGUMENT, FILE, DRIVER,
 * HOST_MEMORY. */
CLMIX_API clmix_status clmix_network_save(clmix_network *network, const char *path);

/* What the network was made of, borrowed; NULL for NULL. */
CLMIX_API const clmix_config *clmix_network_config(const clmix_network *network);
CLMIX_API clmix_device *clmix_network_device(const clmix_network *network);

/* Names of the classes and the per-channel normalisation (x / 255 - mean) / std; copied, saved with the weights. names may be NULL.
 * `network`, `mean` and `std` must not be NULL. Errors: ARGUMENT (a std that is not above 0), HOST_MEMORY. */
CLMIX_API clmix_status clmix_network_describe_data(clmix_network *network, const char *const *names, const float *mean, const float *std);
/* "class 3" where no name is known. "" beyond the last class and for a NULL network. */
CLMIX_API const char *clmix_network_class_name(const clmix_network *network, size_t index);
/* The normalisation of pictures. Either place may be NULL; 0 and 1 for a NULL network. */
CLMIX_API void clmix_network_normalization(const clmix_network *network, float mean[4], float std[4]);

/* The tokenizer that makes the ids which a network of tokens reads: copied, saved with the weights. Training takes that of the data set. Neither may be
 * NULL (ARGUMENT). Errors: ARGUMENT (a network of pictures, or one that knows fewer ids than the tokenizer has), HOST_MEMORY. Since 0.4. */
CLMIX_API clmix_status clmix_network_describe_text(clmix_network *network, const clmix_tokenizer *tokenizer);
/* It, borrowed until another takes its place; NULL where the network has none, and for NULL. Since 0.4. */
CLMIX_API const clmix_tokenizer *clmix_network_tokenizer(const clmix_network *network);

/* Shapes and order of the weights (as clmix_graph_tensor), and their values in file order (PyTorch's layout). `bytes` is the size of the
 * caller's array. Counts are 0 for a NULL network. Other pointers must not be NULL. Errors: ARGUMENT (no such tensor, another size),
 * DRIVER, HOST_MEMORY. */
CLMIX_API size_t clmix_network_tensor_count(const clmix_network *network);
CLMIX_API clmix_status clmix_network_tensor(const clmix_network *network, size_t index, clmix_tensor_info *info);
CLMIX_API clmix_status clmix_network_read(clmix_network *network, const char *name, float *values, size_t count);
CLMIX_API clmix_status clmix_network_write(clmix_network *network, const char *name, const float *values, size_t count);
CLMIX_API size_t clmix_network_parameter_count(const clmix_network *network); /* how many trainable values there are */

/* The arenas, for plans that use the network's weights (borrowed). NULL for NULL. */
CLMIX_API cl_mem clmix_network_weights(const clmix_network *network);
CLMIX_API cl_mem clmix_network_states(const clmix_network *network);

/* Probabilities (count x classes) of `count` u8 pictures (count, H, W, C) of the model's size. A plan for each batch size asked for is
 * kept. The pictures of a call are one batch: where clmix_config_across() holds, each answer depends a little on the other pictures of the call, and
 * a call for each picture gives the answers that it has alone; elsewhere no picture's answer depends on another. Errors: NOT_FINITE when a logit is NaN or infinite, naming the weight or the op that it begins with. None may be NULL
 * (ARGUMENT). Further errors: HOST_MEMORY, and those of clmix_plan_run. */
CLMIX_API clmix_status clmix_network_classify(clmix_network *network, const uint8_t *pictures, size_t count, float *probabilities);

/* What a network says of a sample. */
typedef struct clmix_prediction {
    int label;         /* the most probable class, from 0 */
    float probability; /* its own, from 0 to 1 */
    const char *name;  /* borrowed from the network */
} clmix_prediction;
/* The most probable class of a PNG or JPEG picture, resized to the model's size: the picture's own batch, so that it depends on no other. Errors: NOT_FINITE as above; FILE and FORMAT of the
 * picture. None may be NULL (ARGUMENT). Further errors: FILE, FORMAT, and those of clmix_network_classify. */
CLMIX_API clmix_status clmix_network_classify_file(clmix_network *network, const char *path, clmix_prediction *prediction);

/* ---- texts ------------------------------------------------------------------------------------------------------------------------------ */

/* Texts are UTF-8, and become ids by the network's tokenizer. Each is padded to one of few lengths, and what is longer than the network's longest
 * sequence is cut at its end. A plan for each length and size of batch is kept. Since 0.4. */

/* Probabilities (count x classes) of `count` texts, which may be any number; none of them may be NULL. `seconds` has as many second texts, for networks that
 * compare two; of others [SEP] stands between the two. It may be NULL, and so may its elements: one text. No answer depends on the other texts of the
 * call, but as clmix_network_classify has it. Fails with ARGUMENT (a network that reads no text, has no tokenizer or answers with tokens; one text where two are
 * compared), FORMAT (no UTF-8, or a token that the tokenizer does not know and cannot write) or NOT_FINITE. `network`, `texts` and `probabilities`
 * must not be NULL (ARGUMENT). Further errors: HOST_MEMORY, and those of clmix_plan_run. Since 0.4. */
CLMIX_API clmix_status clmix_network_classify_texts(clmix_network *network, const char *const *texts, const char *const *seconds,
                                                    size_t count, float *probabilities);
/* The most probable class of a text, or of two where `second` is not NULL. `network`, `text` and `prediction` must not be NULL (ARGUMENT). Further errors:
 * those of clmix_network_classify_texts. Since 0.4. */
CLMIX_API clmix_status clmix_network_classify_text(clmix_network *network, const char *text, const char *second,
                                                   clmix_prediction *prediction);

/* A token that may stand at a [MASK]. Since 0.4. */
typedef struct clmix_fill {
    int32_t id;        /* of the vocabulary */
    float probability; /* its own, from 0 to 1 */
    const char *token; /* as the vocabulary writes it: "dog", "##s"; borrowed from the network */
} clmix_fill;
/* The `best` most probable tokens for each [MASK] of a text, of a network that was trained as a masked language model: *fills is fresh memory for
 * clmix_free, with `best` of them for the first mask, the most probable one first, then those for the next, *masks times. The masks are filled
 * independently of each other. Fails with ARGUMENT (a network of pictures, without a tokenizer, or that tells classes apart; a text without [MASK]; a `best`
 * that is 0 or beyond the vocabulary), FORMAT (no UTF-8) or NOT_FINITE. None may be NULL (ARGUMENT). Further errors: HOST_MEMORY, and those of
 * clmix_plan_run. Since 0.4. */
CLMIX_API clmix_status clmix_network_fill_mask(clmix_network *network, const char *text, size_t best, clmix_fill **fills, size_t *masks);

#ifdef __cplusplus
}
#endif
#endif
