/* Classification: one label a sample, cross-entropy, and how often the label is the first choice or among the first five. */
#include "train/task.h"

#include "base/status.h"

#include <clmix/ops.h>

#include <string.h>

enum { LABELS, SECOND_LABELS, LABEL_WEIGHTS }; /* targets; the last two with mixup */

static bool takes(const clmix_config *config)
{
    return clmix_config_classes(config) > 0;
}

static int targets(const struct clmix_task_settings *settings, size_t length, clmix_port ports[CLMIX_MOST_TARGETS])
{
    (void)length;
    ports[LABELS] = (clmix_port){ .name = CLMIX_LABELS, .type = CLMIX_I32 };
    ports[SECOND_LABELS] = (clmix_port){ .name = CLMIX_SECOND_LABELS, .type = CLMIX_I32 };
    ports[LABEL_WEIGHTS] = (clmix_port){ .name = CLMIX_LABEL_WEIGHTS, .type = CLMIX_F32 };
    return settings->mixup ? 3 : 1;
}

/* The first label has all the weight. */
static void unblended(int index, const void *const *of, size_t count, void *array)
{
    float *weights = array;

    if (index == SECOND_LABELS)
        memcpy(array, of[LABELS], count * sizeof(int32_t));
    for (size_t i = 0; index == LABEL_WEIGHTS && i < count; i++)
        weights[i] = 1.0f;
}

static struct clmix_task_results build(const struct clmix_task_settings *settings, clmix_value logits, const clmix_value *of)
{
    const size_t classes = clmix_config_classes(settings->config);
    const int choices[2] = { 1, classes < 5 ? (int)classes : 5 };
    const clmix_value none = { 0 };
    struct clmix_task_results results;

    results.loss = clmix_cross_entropy(logits, of[LABELS], settings->label_smoothing, settings->mixup ? of[SECOND_LABELS] : none,
                                       settings->mixup ? of[LABEL_WEIGHTS] : none);
    results.counted = clmix_counted(results.loss);
    results.metrics = clmix_top_k(logits, of[LABELS], settings->mode == CLMIX_TRAINING ? 1 : 2, choices);
    return results;
}

static clmix_status check_data(const clmix_config *config, const clmix_dataset *data)
{
    const size_t classes = clmix_config_classes(config);
    const int found = clmix_dataset_classes(data);

    if ((size_t)found == classes)
        return CLMIX_OK;
    if (clmix_config_weights(config) != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' is trained for %zu classes and the data set has %d; begin a network of %d from it, with a fresh head "
                          "(clmix_network_init; clmix-train --init %s)",
                          clmix_config_name(config), classes, found, found, clmix_config_weights(config));
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' tells %zu classes apart and the data set has %d; set the configuration's classes to %d",
                      clmix_config_name(config), classes, found, found);
}

/* A label that is no class would only show as a loss that is NaN. */
static clmix_status check_targets(const clmix_config *config, const void *const *of, size_t count)
{
    const size_t classes = clmix_config_classes(config);
    const int32_t *labels = of[LABELS];
    bool counted = false;

    for (size_t i = 0; i < count; i++) {
        if (labels[i] != CLMIX_NO_LABEL && (labels[i] < 0 || (size_t)labels[i] >= classes))
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "label %d (number %zu of the batch) is none of the model's %zu classes, which are 0 to %zu; %d leaves a sample out",
                (int)labels[i], i, classes, classes - 1, CLMIX_NO_LABEL);
        counted = counted || labels[i] != CLMIX_NO_LABEL;
    }
    return counted
               ? CLMIX_OK
               : clmix_fail(CLMIX_ERROR_ARGUMENT, "all %zu labels of the batch are %d, which leaves a sample out; nothing is left to learn",
                            count, CLMIX_NO_LABEL);
}

const struct clmix_task clmix_task_classification = {
    .name = "classification",
    .metric_count = 2,
    .metrics = { { "top1", "top-1" }, { "top5", "top-5" } },
    .takes = takes,
    .targets = targets,
    .unblended = unblended,
    .build = build,
    .check_data = check_data,
    .check_targets = check_targets,
};
