/* What clmix-predict is made of: what was asked for, and the three things that a network is asked. */
#ifndef CLMIX_TOOLS_PREDICT_H
#define CLMIX_TOOLS_PREDICT_H

#include "common/model_options.h"

struct wishes {
    struct model_options model;
    char *data, *split;
    char *lines, *tokenizer;
    int top, batch, pairs;
    const char **given; /* pictures or texts; NULL at the end */
    size_t given_count;
};

/* Each answers all it can and gives the exit status. */
int predict_pictures(const struct cli *cli, clmix_network *network, const struct wishes *wishes);
int predict_texts(const struct cli *cli, clmix_network *network, const struct wishes *wishes);
int predict_score(const struct cli *cli, clmix_network *network, const struct wishes *wishes, clmix_split split);

/* ---- common.c ----------------------------------------------------------------------------------------------------------------------------- */

/* The places of the `count` largest of some values, largest first, and these; they become -1. */
void predict_largest(float *values, size_t value_count, size_t *places, float *largest, size_t count);
/* Lines of classes with their probabilities, and the same as a list in an object. */
void predict_print_classes(const clmix_network *network, const size_t *places, const float *values, size_t count);
void predict_add_classes(cJSON *object, const clmix_network *network, const size_t *places, const float *values, size_t count);

#endif
