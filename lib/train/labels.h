/* Labels of classes, one a sample: what tasks that have them check. */
#ifndef CLMIX_TRAIN_LABELS_H
#define CLMIX_TRAIN_LABELS_H

#include "train/task.h"

/* For a task's `check_data`: that a data set has as many classes as the model. */
clmix_status clmix_check_classes(const clmix_config *config, const clmix_dataset *data);
/* For its `check_targets`: that each of `count` labels is one of `choices`, such as "classes", or counts for nothing. What is labelled is a `whole`, such
 * as "sample". ARGUMENT with the first that is wrong if not. */
clmix_status clmix_check_labels(const int32_t *labels, size_t count, size_t choices, const char *name, const char *whole);
/* That one of `count` labels counts: ARGUMENT if not. */
clmix_status clmix_check_counted(const int32_t *labels, size_t count);

#endif
