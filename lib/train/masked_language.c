/* Masked language: some tokens of each sequence are labelled, mostly with the id that was there before it was masked; mean cross-entropy over them, and how
 * often the id is guessed. The model's head is computed for these tokens alone. */
#include "train/labels.h"

#include "base/status.h"

#include <clmix/ops.h>
#include <clmix/sequence.h>

enum { LABELS }; /* targets */

static bool takes(const clmix_config *config)
{
    return clmix_config_answer(config) == CLMIX_ANSWER_TOKENS;
}

static int targets(const struct clmix_task_settings *settings, size_t length, clmix_port ports[CLMIX_MOST_TARGETS])
{
    const size_t tokens = length > 0 ? length : clmix_config_longest(settings->config);

    ports[LABELS] = (clmix_port){ .name = CLMIX_TOKEN_LABELS, .type = CLMIX_I32, .rank = 1, .size = { tokens } };
    return 1;
}

static clmix_value select(const struct clmix_task_settings *settings, clmix_value *of)
{
    const clmix_shape shape = clmix_shape_of(of[LABELS]);

    return clmix_labelled_places(of[LABELS], settings->most > 0 ? settings->most : clmix_most_labelled(shape.size[1]), &of[LABELS]);
}

static struct clmix_task_results build(const struct clmix_task_settings *settings, clmix_value scores, const clmix_value *of)
{
    const clmix_value none = { 0 };
    struct clmix_task_results results;

    results.loss = clmix_cross_entropy(scores, of[LABELS], settings->label_smoothing, none, none);
    results.counted = clmix_counted(results.loss);
    results.metrics = clmix_top_k(scores, of[LABELS], 1, &(int){ 1 });
    return results;
}

/* Whatever has the ports. */
static clmix_status check_data(const clmix_config *config, const clmix_dataset *data)
{
    (void)config, (void)data;
    return CLMIX_OK;
}

static clmix_status check_targets(const clmix_config *config, const void *const *of, struct clmix_extent extent)
{
    const size_t length = extent.length > 0 ? extent.length : clmix_config_longest(config), most = clmix_most_labelled(length);
    const int32_t *labels = of[LABELS];

    for (size_t i = 0; i < extent.batch; i++) {
        size_t labelled = 0;

        for (size_t n = 0; n < length; n++)
            labelled += labels[i * length + n] != CLMIX_NO_LABEL;
        if (labelled > most)
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "sample %zu of the batch has %zu labelled tokens, and of %zu tokens %zu may be labelled; label fewer, the others %d", i,
                labelled, length, most, CLMIX_NO_LABEL);
    }
    return clmix_check_labels(labels, extent.batch * length, clmix_config_vocabulary(config), "ids", "token");
}

const struct clmix_task clmix_task_masked_language = {
    .name = "masked language",
    .metric_count = 1,
    .metrics = { { "accuracy", "accuracy" } },
    .takes = takes,
    .targets = targets,
    .select = select,
    .build = build,
    .check_data = check_data,
    .check_targets = check_targets,
};
