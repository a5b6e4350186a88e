/* clmix-train's flags for clmix_train_options: one table for --help, parsing and checking. */
#ifndef CLMIX_TOOLS_TRAIN_OPTIONS_H
#define CLMIX_TOOLS_TRAIN_OPTIONS_H

#include "common/cli.h"

#include <clmix/train.h>

#define TRAIN_FLAGS     28
#define TRAIN_FLAG_HELP 96

/* What was given on the command line: texts, NULL where nothing was. */
struct train_flags {
    char *given[TRAIN_FLAGS];
    char help[TRAIN_FLAGS][TRAIN_FLAG_HELP]; /* with the defaults */
    struct poptOption table[TRAIN_FLAGS + 1];
};
void train_flags_start(struct train_flags *flags);
void train_flags_end(struct train_flags *flags);

/* Puts what was given over `options`; false after a sentence on standard error. */
bool train_flags_apply(const struct train_flags *flags, const struct cli *cli, clmix_train_options *options);

/* What suits a model and a data set: crops and mirror images for pictures of things, crops alone for digits; for sequences few lengths where what is filled up
 * changes no answer. */
void train_options_suit(clmix_train_options *options, const clmix_config *config, const char *data);

#endif
