/* What a model is to the rest: one row in a table. Adding one is a file here with a `struct clmix_model_kind`, its keys in the union below,
 * and its row in kinds.c. */
#ifndef CLMIX_MODELS_MODEL_H
#define CLMIX_MODELS_MODEL_H

#include "models/wavemix.h"
#include <cjson/cJSON.h>
#include <clmix/graph.h>

/* Bounds that no sensible model reaches and that keep products of a few of them inside 64 bits. */
#define CLMIX_CONFIG_MAX_SIZE  65536
#define CLMIX_CONFIG_MAX_DEPTH 4096

/* Ports of a model: four are two inputs of tokens, each with a mask. */
#define CLMIX_MOST_PORTS 4

/* The keys of every image model. */
struct clmix_picture_keys {
    size_t height, width, channels, classes;
};

struct clmix_model_keys {
    struct clmix_picture_keys picture;
    union {
        struct wavemix_config wavemix;
    } of;
};

/* What the papers' counting rule gives: values of the parameters and of the outputs of every module call, for one picture. */
struct clmix_paper_count {
    uint64_t parameters;
    uint64_t outputs;
};

struct clmix_model_kind {
    const char *name; /* the value of "model" */

    /* Checks the object and fills in `keys`, defaults included. Fails with FORMAT and a sentence that begins with `where`. */
    clmix_status (*read)(const cJSON *json, const char *where, struct clmix_model_keys *keys);
    /* Adds every key but "model" to `json`; false when the host is out of memory. */
    bool (*write)(const struct clmix_model_keys *keys, cJSON *json);
    /* Lists the ports, for samples of `length` tokens (0: of as many as the keys say; without meaning for pictures): how many. */
    int (*ports)(const struct clmix_model_keys *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS]);
    /* A value a port, pictures f32 (B, H, W, C) -> logits (B, classes). */
    clmix_value (*build)(clmix_scope at, const clmix_value *inputs, const struct clmix_model_keys *keys);
    void (*count)(const struct clmix_model_keys *keys, struct clmix_paper_count *count);
};

/* The model called `name`; UNSUPPORTED with the list of those that are here. */
clmix_status clmix_model_kind_find(const char *where, const char *name, const struct clmix_model_kind **kind);

/* --- ports.c: ports that models have in common -------------------------------------------------------------------------------------- */

/* "pictures" u8 (height, width, channels), the one port of an image model. */
int clmix_ports_picture(const struct clmix_model_keys *keys, size_t length, clmix_port ports[CLMIX_MOST_PORTS]);

/* --- keys.c: reading and writing what models have in common ------------------------------------------------------------------------- */

/* An integer from 1 (or `minimum`) to CLMIX_CONFIG_MAX_SIZE. A missing key is an error for the first, keeps *value for the second. */
clmix_status clmix_key_size(const cJSON *json, const char *where, const char *key, size_t *value);
clmix_status clmix_key_size_or(const cJSON *json, const char *where, const char *key, size_t minimum, size_t *value);
/* A rate from 0 to below 1; keeps *value when missing. */
clmix_status clmix_key_rate(const cJSON *json, const char *where, const char *key, float *value);
/* "image_size", "channels" (3), "classes". */
clmix_status clmix_key_picture(const cJSON *json, const char *where, struct clmix_picture_keys *picture);
bool clmix_key_write_picture(cJSON *json, const struct clmix_picture_keys *picture);
bool clmix_key_write_size(cJSON *json, const char *key, size_t value);
bool clmix_key_write_sizes(cJSON *json, const char *key, const size_t *values, size_t count);
/* The shortest decimal number that reads back as the same float, so that 0.1 is written as 0.1. */
double clmix_shortest(float value);
bool clmix_key_write_float(cJSON *json, const char *key, float value);

#endif
