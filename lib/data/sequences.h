/* What data sets of token sequences have in common (inside lib/data). */
#ifndef CLMIX_DATA_SEQUENCES_H
#define CLMIX_DATA_SEQUENCES_H

#include "data/dataset.h"

/* Whether the model reads tokens. */
bool clmix_dataset_wants_tokens(const clmix_dataset *dataset);
/* Whether it reads two sequences. */
bool clmix_dataset_wants_two(const clmix_dataset *dataset);
/* Places of the longest sequence that it reads; 0 where it says nothing of that. */
size_t clmix_dataset_wanted_length(const clmix_dataset *dataset);
/* ARGUMENT where the model reads something, and no tokens. `what` is what the set gives. */
clmix_status clmix_dataset_check_tokens(const clmix_dataset *dataset, const char *what);

/* What a sample of such a set is fed with. */
struct clmix_sequence_arrays {
    int32_t *tokens[2], *mask[2]; /* the second ones NULL where there is one sequence */
    int32_t *labels;              /* one; NULL with token labels */
    int32_t *token_labels;        /* one a place; NULL with a label */
};

/* Lists the ports: one sequence of `length` places or two, and a label or one a place. */
void clmix_dataset_list_sequences(clmix_dataset *dataset, size_t length, bool two, bool token_labels);
struct clmix_sequence_arrays clmix_dataset_sequence_arrays(const clmix_dataset *dataset, void *const *arrays);

/* Fills `length` places up behind the first `count` tokens, and the mask. */
void clmix_sequence_fill_up(int32_t *tokens, int32_t *mask, size_t count, size_t length, int32_t padding);

#endif
