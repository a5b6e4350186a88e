/* Inside a configuration: the JSON that it was given and, beside it, what the model's reader made of it. */
#ifndef CLMIX_NETWORK_CONFIG_H
#define CLMIX_NETWORK_CONFIG_H

#include "io/safetensors.h"
#include "models/model.h"
#include <clmix/network.h>

struct clmix_config {
    char *name;                    /* the preset's or file's name, or the model's */
    char *weights;                 /* the file of weights that carried it, or NULL */
    cJSON *given;                  /* as read, with the overrides put in */
    struct clmix_key_object model; /* of the last object that could be read: the model's table and its keys */
    clmix_status status;           /* of reading `given`, and the sentence where that failed */
    char sentence[1024];
};

/* A configuration of one JSON object, which is taken over even when it fails. */
clmix_status clmix_config_adopt(clmix_config **config, const char *name, cJSON *json);
/* The configuration that a trained file carries in its metadata. */
clmix_status clmix_config_of_file(clmix_config **config, const clmix_safetensors *file, const char *path);
/* Names the file of weights that belongs to the configuration, or NULL for none; copied. */
clmix_status clmix_config_take_weights(clmix_config *config, const char *path);
clmix_status clmix_config_copy(clmix_config **copy, const clmix_config *config);
/* CLMIX_OK, or the failure that reading the overridden configuration gave. */
clmix_status clmix_config_check(const clmix_config *config);
/* tokenizer.c: ARGUMENT where a tokenizer's ids are not a model's. */
clmix_status clmix_config_check_tokenizer(const clmix_config *config, const clmix_tokenizer *tokenizer);
/* What it says of the pictures: zeros of a NULL configuration. */
const struct clmix_picture_keys *clmix_config_picture_keys(const clmix_config *config);

/* count.c: what the paper prints of a preset that is as it is in the paper, without overrides (clmix_preset_printed); else NULL. */
clmix_status clmix_config_printed(const clmix_config *config, cJSON **printed, size_t *file);

/* count.c: values of the weights that training changes, of a graph and of what a configuration builds. */
size_t clmix_trained_values(const clmix_graph *graph);
/* Those among them that an op reads: some models own weights that nothing uses, as the authors' do. */
size_t clmix_used_values(const clmix_graph *graph);
size_t clmix_config_trained_values(const clmix_config *config);

/* model.c: what the model answers; classes of 0 of a NULL configuration. */
struct clmix_model_answer clmix_config_answers(const clmix_config *config);
/* How many ids sequences may have, from 0 on: the vocabulary, less what the model puts in itself (a class token). 0 for pictures and NULL. */
size_t clmix_config_ids(const clmix_config *config);
/* ", whose last is the model's class token" where that is why there are fewer; else "". */
const char *clmix_config_why_fewer_ids(const clmix_config *config);
/* clmix_model for some of the tokens only: `places` i32 (B, P) of a model that answers with tokens, whose logits are then (B, P, vocabulary); a value of
 * no graph: all. */
clmix_value clmix_config_build(clmix_scope at, const clmix_value *inputs, clmix_value places, const clmix_config *config);
/* The logits of two classes, (B, 2), that one logit (B, 1) stands for: 0 and it. So its probabilities, cross-entropy and order are those of classes. */
clmix_value clmix_class_logits(clmix_scope at, clmix_value logit);
/* The ports for samples of `length` tokens (0: of as many as the configuration has, or of a model without): how many. 0 for NULL. */
int clmix_config_ports(const clmix_config *config, size_t length, clmix_port ports[CLMIX_MOST_PORTS]);

#endif
