/* The tasks of this version. */
#include "train/task.h"

#include <math.h>
#include <stddef.h>

static const struct clmix_task *const tasks[] = {
    &clmix_task_classification,
};

const struct clmix_task *clmix_task_of(const clmix_config *config)
{
    const size_t count = sizeof tasks / sizeof *tasks;
    size_t i = 0;

    while (i + 1 < count && !tasks[i]->takes(config))
        i++;
    return tasks[i];
}

void clmix_task_name_metrics(const struct clmix_task *task, const double *values, int count, clmix_metric metrics[CLMIX_MOST_METRICS])
{
    for (int i = 0; i < task->metric_count; i++)
        metrics[i] = (clmix_metric){ task->metrics[i].name, task->metrics[i].title, i < count ? values[i] : (double)NAN };
}
