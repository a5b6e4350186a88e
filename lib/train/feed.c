/* A batch on its way to a device. */
#include "train/trainer.h"

#include "base/status.h"
#include "network/config.h"

#include <string.h>

/* Places of a batch's sequences; 0 where it has none. */
static size_t length_of(const clmix_batch *batch)
{
    const clmix_port *tokens = clmix_port_find(batch->ports, batch->port_count, CLMIX_TOKENS);

    return tokens != NULL && clmix_port_is_along(tokens) ? tokens->size[0] : 0;
}

static clmix_status check_ids(const int32_t *ids, struct clmix_extent extent, const clmix_config *config)
{
    const size_t vocabulary = clmix_config_vocabulary(config), free_ids = clmix_config_ids(config);

    for (size_t i = 0; i < extent.batch * extent.length; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= free_ids)
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "token %d (place %zu of sample %zu of the batch) is none that a text may have of the model's vocabulary: its ids are 0 "
                "to %zu%s",
                (int)ids[i], i % extent.length, i / extent.length, vocabulary - 1, clmix_config_why_fewer_ids(config));
    return CLMIX_OK;
}

clmix_status clmix_feed_check(const struct clmix_recipe *recipe, const struct clmix_step_input *input)
{
    clmix_port ports[CLMIX_RECIPE_PORTS];
    int inputs;

    clmix_recipe_ports(recipe, CLMIX_INFERENCE, input->extent.length, ports, &inputs);
    for (int i = 0; i < inputs; i++)
        if (strcmp(ports[i].name, CLMIX_TOKENS) == 0 || strcmp(ports[i].name, CLMIX_SECOND_TOKENS) == 0)
            CLMIX_TRY(check_ids(input->arrays[i], input->extent, recipe->config));
    return recipe->task->check_targets(recipe->config, input->arrays + inputs, input->extent);
}

clmix_status clmix_feed_of_batch(const struct clmix_recipe *recipe, clmix_mode mode, const clmix_batch *batch,
                                 struct clmix_step_input *input)
{
    clmix_port ports[CLMIX_RECIPE_PORTS];
    const int count = clmix_recipe_ports(recipe, mode, 0, ports, NULL);

    *input = (struct clmix_step_input){
        .extent = { batch->count, length_of(batch) }, .first = batch->first, .whole = batch->whole, .skipped = batch->skipped
    };
    for (int i = 0; i < count; i++) {
        input->arrays[i] = clmix_batch_array(batch, ports[i].name);
        if (input->arrays[i] == NULL)
            return clmix_fail(CLMIX_ERROR_INTERNAL, "the loader's batches have no '%s'", ports[i].name);
    }
    return clmix_feed_check(recipe, input);
}

clmix_status clmix_feed_plan(const struct clmix_recipe *recipe, clmix_mode mode, clmix_plan *plan, const struct clmix_step_input *input)
{
    clmix_port ports[CLMIX_RECIPE_PORTS];
    clmix_plan_array arrays[CLMIX_RECIPE_PORTS];
    const int count = clmix_recipe_ports(recipe, mode, input->extent.length, ports, NULL);

    for (int i = 0; i < count; i++)
        arrays[i] = (clmix_plan_array){ ports[i].name, input->arrays[i], input->extent.batch * clmix_port_bytes(&ports[i]) };
    return clmix_plan_feed(plan, arrays, (size_t)count);
}
