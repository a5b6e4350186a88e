/* Shared by the tests of training: a small model, its runs, and the folders they write into. */
#ifndef CLMIX_TEST_SUPPORT_TRAIN_H
#define CLMIX_TEST_SUPPORT_TRAIN_H

#include <check.h>

#include "train/trainer.h"

#define TRAIN_MODEL(dropout)                                                                                                           \
    "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1,\"mult_dim\":16,\"ff_dim\":8,\"feedforward\":" \
    "\"conv\","                                                                                                                        \
    "\"levels\":2,\"level_channels\":[4,4],\"stem_stride\":1,\"dropout\":" dropout "}"
#define TRAIN_PICTURE ((size_t)16 * 16 * 3)
#define TRAIN_DATA    "shapes:size=16,train=72,test=40" /* four batches and a half */

/* Folders of a test (checked fixtures). */
extern char train_folders[3][256];
void train_make_folders(void);
void train_remove_folders(void);

/* Three epochs in batches of 16; and with everything that has a state: averages, accumulation across the small last batch, mixup. */
clmix_train_options train_small_options(void);
clmix_train_options train_rich_options(void);

/* On ops_device; `data` may be NULL. */
struct train_run {
    clmix_network *network;
    clmix_dataset *data;
    clmix_trainer *trainer;
};
void train_open(struct train_run *run, const char *model, const char *data, const clmix_train_options *options);
void train_close(struct train_run *run);

/* clmix_train in `folder` with a model, a data set and a trainer of its own, stopped after so many batches (0: not). */
clmix_status train_for(const char *model, const char *data, const clmix_train_options *options, const char *folder, bool resume,
                       size_t batches);
/* Single steps, all on the same eight random pictures. */
void train_steps(const struct train_run *run, size_t count);

/* The weights in device order; the caller frees. */
float *train_weights(const struct train_run *run, size_t *count);
void train_random_batch(uint8_t *pictures, int32_t *labels, size_t count);

/* The bytes of a safetensors file behind its header, for free(); and that those of two folders are the same. */
char *train_tensors(const char *folder, const char *name, size_t *bytes);
void train_same_tensors(const char *first, const char *second, const char *name);

/* Runs the test cases; the exit status. */
int train_main(const char *name, TCase *const *cases, int count);

#endif
