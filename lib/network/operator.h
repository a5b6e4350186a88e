/* Mixers of token models by themselves: operators on queries, keys and values (clmix_attend), without a model around them. */
#ifndef CLMIX_NETWORK_OPERATOR_H
#define CLMIX_NETWORK_OPERATOR_H

#include "models/mixers/mixer.h"

/* The kinds, in alphabetical order; NULL beyond the last. */
const char *clmix_operator_kind(size_t index);

/* The mixer that `text` says, KIND[:key=value,...], of so many heads, for sequences of at most `longest` tokens; to be freed with clmix_operator_free, on failure too.
 * ARGUMENT where there is no such kind, or its keys are not so. */
clmix_status clmix_operator_read(struct clmix_mixer *mixer, const char *text, size_t heads, size_t head_dim, size_t longest);
void clmix_operator_free(struct clmix_mixer *mixer);

/* All of its keys, as an object with its "kind"; NULL when out of memory. */
cJSON *clmix_operator_keys(const struct clmix_mixer *mixer);

#endif
