/* Classification: one label a sample, cross-entropy, and how often the label is the first choice or among the first five. */
#include "train/labels.h"

#include <clmix/ops.h>

#include <string.h>

enum { LABELS, SECOND_LABELS, LABEL_WEIGHTS }; /* targets; the last two with mixup */

static bool takes(const clmix_config *config)
{
    return clmix_config_answer(config) == CLMIX_ANSWER_CLASSES;
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

static clmix_status check_targets(const clmix_config *config, const void *const *of, struct clmix_extent extent)
{
    return clmix_check_labels(of[LABELS], extent.batch, clmix_config_classes(config), "classes", "sample");
}

const struct clmix_task clmix_task_classification = {
    .name = "classification",
    .metric_count = 2,
    .metrics = { { "top1", "top-1" }, { "top5", "top-5" } },
    .takes = takes,
    .targets = targets,
    .unblended = unblended,
    .build = build,
    .check_data = clmix_check_classes,
    .check_targets = check_targets,
};
