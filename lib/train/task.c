/* The tasks of this version. */
#include "train/task.h"

#include <math.h>
#include <stddef.h>

static const struct clmix_task *const tasks[] = {
    &clmix_task_binary,
    &clmix_task_masked_language,
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

struct clmix_task_results clmix_task_build(const struct clmix_task *task, const struct clmix_task_settings *settings,
                                           struct clmix_front *front, clmix_graph *graph, clmix_value *output)
{
    clmix_value targets[CLMIX_MOST_TARGETS] = { { 0 } }, answer;
    clmix_port ports[CLMIX_MOST_TARGETS];
    const int count = task->targets(settings, front->extent.length, ports);

    clmix_front_inputs(front, graph, settings->config);
    for (int i = 0; i < count; i++)
        targets[i] = clmix_front_input(graph, &ports[i], ports[i].type, front->extent.batch);
    if (task->select != NULL)
        front->places = task->select(settings, targets);
    answer = clmix_front_model(front, graph, settings->config);
    if (output != NULL)
        *output = answer;
    return task->build(settings, answer, targets);
}
