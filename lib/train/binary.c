/* Two classes told apart by one logit: mean binary cross-entropy, and how often the logit is on the label's side. */
#include "train/labels.h"

#include "network/config.h"

#include <clmix/ops.h>

enum { LABELS }; /* targets */

static bool takes(const clmix_config *config)
{
    return clmix_config_answer(config) == CLMIX_ANSWER_LOGIT;
}

static int targets(const struct clmix_task_settings *settings, size_t length, clmix_port ports[CLMIX_MOST_TARGETS])
{
    (void)settings, (void)length;
    ports[LABELS] = (clmix_port){ .name = CLMIX_LABELS, .type = CLMIX_I32 };
    return 1;
}

/* -y log s(z) - (1 - y) log(1 - s(z)), s the sigmoid, is the cross-entropy of the logits 0 and z. */
static struct clmix_task_results build(const struct clmix_task_settings *settings, clmix_value logit, const clmix_value *of)
{
    const clmix_value none = { 0 }, logits = clmix_class_logits(clmix_root(logit.graph), logit);
    struct clmix_task_results results;

    results.loss = clmix_cross_entropy(logits, of[LABELS], settings->label_smoothing, none, none);
    results.counted = clmix_counted(results.loss);
    results.metrics = clmix_top_k(logits, of[LABELS], 1, &(int){ 1 });
    return results;
}

static clmix_status check_targets(const clmix_config *config, const void *const *of, struct clmix_extent extent)
{
    return clmix_check_labels(of[LABELS], extent.batch, clmix_config_classes(config), "classes", "sample");
}

const struct clmix_task clmix_task_binary = {
    .name = "binary classification",
    .metric_count = 1,
    .metrics = { { "accuracy", "accuracy" } },
    .takes = takes,
    .targets = targets,
    .build = build,
    .check_data = clmix_check_classes,
    .check_targets = check_targets,
};
