#include "train/checkpoint.h"

#include "base/status.h"
#include "base/utf8.h"
#include "io/metadata.h"
#include "network/network.h"

#include <stdio.h>
#include <stdlib.h>

static void add_group(struct clmix_arena_group *groups, size_t *count, const char *prefix, cl_mem memory, size_t elements, bool of_weights)
{
    struct clmix_arena_group *group = &groups[*count];

    if (memory == NULL)
        return;
    snprintf(group->prefix, sizeof group->prefix, "%s.", prefix);
    group->memory = memory;
    group->count = elements;
    group->of_weights = of_weights;
    (*count)++;
}

size_t clmix_checkpoint_groups(const struct clmix_replica *replica, struct clmix_arena_group groups[CLMIX_CHECKPOINT_GROUPS])
{
    const size_t weights = replica->map.weight_count, states = replica->map.state_count;
    size_t count = 0;

    add_group(groups, &count, "param", clmix_network_weights(replica->network), weights, true);
    add_group(groups, &count, "buffer", clmix_network_states(replica->network), states, false);
    for (int i = 0; i < replica->optimizer->moment_count; i++)
        add_group(groups, &count, clmix_optimizer_moment_name(replica->optimizer, i), replica->optimizer->moments[i], weights, true);
    add_group(groups, &count, "average", replica->average_weights, weights, true);
    add_group(groups, &count, "average", replica->average_states, states, false);
    return count;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status declare_group(clmix_safetensors_writer *writer, const clmix_network *network, const struct clmix_arena_group *group)
{
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;
        char name[512];

        CLMIX_TRY(clmix_network_tensor(network, i, &info));
        if (info.trainable != group->of_weights)
            continue;
        snprintf(name, sizeof name, "%s%s", group->prefix, info.name);
        CLMIX_TRY(clmix_safetensors_declare(writer, name, CLMIX_STORED_F32, info.file_shape.rank, info.file_shape.size));
    }
    return CLMIX_OK;
}

/* `arena` and `file` have room for the whole arena. */
static clmix_status put_group(clmix_safetensors_writer *writer, const struct clmix_replica *replica, const struct clmix_arena_group *group,
                              float *arena, float *file)
{
    CLMIX_TRY(clmix_buffer_read(replica->device, group->memory, 0, arena, group->count * sizeof(float)));
    for (size_t i = 0; i < clmix_network_tensor_count(replica->network); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_network_tensor(replica->network, i, &info));
        if (info.trainable != group->of_weights)
            continue;
        clmix_layout_to_file(&info, arena + info.offset, file);
        CLMIX_TRY(clmix_safetensors_put(writer, file, clmix_shape_count(info.file_shape) * sizeof(float)));
    }
    return CLMIX_OK;
}

static clmix_status put_groups(clmix_safetensors_writer *writer, const struct clmix_replica *replica,
                               const struct clmix_arena_group *groups, size_t count)
{
    const size_t largest = replica->map.weight_count > replica->map.state_count ? replica->map.weight_count : replica->map.state_count;
    float *arena = malloc(largest * sizeof *arena), *file = malloc(largest * sizeof *file);
    clmix_status status = arena == NULL || file == NULL ? clmix_fail_memory("the checkpoint") : CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        status = put_group(writer, replica, &groups[i], arena, file);
    free(arena);
    free(file);
    return status;
}

/* ---- metadata --------------------------------------------------------------------------------------------------------------------- */

/* A name of any bytes. */
static clmix_status describe_name(clmix_safetensors_writer *writer, const char *key, const char *name)
{
    char *text = clmix_utf8_from_bytes(name);
    clmix_status status = text == NULL ? clmix_fail_memory("the checkpoint") : clmix_safetensors_describe(writer, key, text);

    free(text);
    return status;
}

static clmix_status describe_options(clmix_safetensors_writer *writer, const clmix_trainer *trainer)
{
    cJSON *json = cJSON_CreateObject();
    clmix_status status = json == NULL ? clmix_fail_memory("the checkpoint") : clmix_options_write(&trainer->options, json);

    if (status == CLMIX_OK)
        return clmix_metadata_put(writer, "options", json);
    cJSON_Delete(json);
    return status;
}

static clmix_status describe_state(clmix_safetensors_writer *writer, const clmix_trainer *trainer, const struct clmix_run *run)
{
    cJSON *json = cJSON_CreateObject();
    clmix_status status = json == NULL ? clmix_fail_memory("the checkpoint") : clmix_run_write(trainer, run, json);

    if (status == CLMIX_OK)
        return clmix_metadata_put(writer, "state", json);
    cJSON_Delete(json);
    return status;
}

static clmix_status describe(clmix_safetensors_writer *writer, const clmix_trainer *trainer, const struct clmix_run *run)
{
    char *config = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_config_text(clmix_network_config(trainer->replicas[0].network), &config));
    status = clmix_safetensors_describe(writer, "config", config);
    clmix_free(config);
    if (status != CLMIX_OK)
        return status;
    CLMIX_TRY(clmix_safetensors_describe(writer, "format", CLMIX_CHECKPOINT_FORMAT));
    CLMIX_TRY(describe_name(writer, "model", trainer->model_name));
    CLMIX_TRY(describe_name(writer, "data", trainer->data_name != NULL ? trainer->data_name : ""));
    if (trainer->identity != NULL)
        CLMIX_TRY(clmix_metadata_put(writer, "identity", cJSON_Duplicate(trainer->identity, true)));
    CLMIX_TRY(clmix_network_put_classes(trainer->replicas[0].network, writer));
    CLMIX_TRY(clmix_network_put_tokenizer(trainer->replicas[0].network, writer));
    CLMIX_TRY(describe_options(writer, trainer));
    return describe_state(writer, trainer, run);
}

/* ---- the file --------------------------------------------------------------------------------------------------------------------- */

static clmix_status write_file(clmix_safetensors_writer *writer, const clmix_trainer *trainer, const struct clmix_run *run,
                               const char *path)
{
    struct clmix_arena_group groups[CLMIX_CHECKPOINT_GROUPS];
    const size_t count = clmix_checkpoint_groups(&trainer->replicas[0], groups);

    for (size_t i = 0; i < count; i++)
        CLMIX_TRY(declare_group(writer, trainer->replicas[0].network, &groups[i]));
    CLMIX_TRY(describe(writer, trainer, run));
    CLMIX_TRY(clmix_safetensors_seal(writer));
    CLMIX_TRY(clmix_safetensors_begin(writer, path));
    CLMIX_TRY(put_groups(writer, &trainer->replicas[0], groups, count));
    return clmix_safetensors_finish(writer);
}

clmix_status clmix_checkpoint_write(clmix_trainer *trainer, const struct clmix_run *run, const char *path)
{
    clmix_safetensors_writer *writer = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_safetensors_writer_new(&writer));
    status = write_file(writer, trainer, run, path);
    clmix_safetensors_writer_free(writer);
    return status;
}
