#include "train/checkpoint.h"

#include "base/file.h"
#include "base/status.h"
#include "base/utf8.h"
#include "io/metadata.h"
#include "network/network.h"
#include "train/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- metadata --------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_format(const clmix_safetensors *file, const char *path)
{
    const char *format = clmix_safetensors_metadata(file, "format");

    if (format == NULL || strncmp(format, CLMIX_CHECKPOINT_MARK, strlen(CLMIX_CHECKPOINT_MARK)) != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is not a checkpoint of a training run%s", path,
                          clmix_safetensors_metadata(file, "config") != NULL ? ", only a trained model; give it as the model of a new run"
                                                                             : "");
    if (strcmp(format, CLMIX_CHECKPOINT_UNSEALED) == 0)
        return CLMIX_OK;
    if (strcmp(format, CLMIX_CHECKPOINT_FORMAT) != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is a '%.40s' and this version reads '%s'", path, format, CLMIX_CHECKPOINT_FORMAT);
    return clmix_safetensors_check_seal(file);
}

clmix_status clmix_checkpoint_open(clmix_safetensors **file, const char *path)
{
    clmix_status status = clmix_safetensors_open(file, path);

    if (status == CLMIX_OK)
        status = check_format(*file, path);
    if (status != CLMIX_OK) {
        clmix_safetensors_close(*file);
        *file = NULL;
    }
    return status;
}

static clmix_status metadata(const clmix_safetensors *file, const char *path, const char *key, const char **text)
{
    *text = clmix_safetensors_metadata(file, key);
    return *text != NULL ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "'%s' lacks the metadata '%s'; it is damaged", path, key);
}

static clmix_status metadata_json(const clmix_safetensors *file, const char *path, const char *key, cJSON **json)
{
    const char *text;

    CLMIX_TRY(metadata(file, path, key, &text));
    return clmix_metadata_get(file, path, key, json);
}

clmix_status clmix_checkpoint_options(const clmix_safetensors *file, const char *path, clmix_train_options *options)
{
    cJSON *json = NULL;
    clmix_status status;

    CLMIX_TRY(metadata_json(file, path, "options", &json));
    status = clmix_options_read(json, path, options);
    cJSON_Delete(json);
    return status;
}

clmix_status clmix_checkpoint_state(const clmix_safetensors *file, const char *path, cJSON **state)
{
    return metadata_json(file, path, "state", state);
}

/* ---- is it this run's? ------------------------------------------------------------------------------------------------------------ */

static clmix_status check_config(const clmix_trainer *trainer, const clmix_safetensors *file, const char *path)
{
    const char *stored;
    char *asked = NULL;
    clmix_status status = CLMIX_OK;

    CLMIX_TRY(metadata(file, path, "config", &stored));
    CLMIX_TRY(clmix_config_text(clmix_network_config(trainer->replicas[0].network), &asked));
    if (strcmp(stored, asked) != 0)
        status =
            clmix_fail(CLMIX_ERROR_ARGUMENT, "the run was begun with the model %.300s and is to be resumed with %.300s", stored, asked);
    clmix_free(asked);
    return status;
}

static clmix_status check_pictures(const clmix_trainer *trainer, const cJSON *state, const char *path)
{
    int64_t train = 0, test = 0;

    CLMIX_TRY(clmix_json_integer(state, path, "train_pictures", 0, INT64_MAX / 2, &train));
    CLMIX_TRY(clmix_json_integer(state, path, "test_pictures", 0, INT64_MAX / 2, &test));
    if ((size_t)train != trainer->train_count || (size_t)test != trainer->test_count)
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "the run was begun with %zu training and %zu test samples and the data set now has %zu and %zu; it must be the same",
            (size_t)train, (size_t)test, trainer->train_count, trainer->test_count);
    return CLMIX_OK;
}

static clmix_status check_identity(const clmix_trainer *trainer, const clmix_safetensors *file, const char *path)
{
    cJSON *stored = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_metadata_get(file, path, "identity", &stored));
    status = clmix_identity_agree(stored, trainer->identity, trainer->data);
    cJSON_Delete(stored);
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status take_tensor(const clmix_safetensors *file, const char *path, const char *prefix, const clmix_tensor_info *info,
                                float *arena)
{
    const clmix_stored_tensor *stored;
    char name[512];

    snprintf(name, sizeof name, "%s%s", prefix, info->name);
    stored = clmix_safetensors_find(file, name);
    if (stored == NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' lacks the tensor '%s'", path, name);
    return clmix_weights_take(info, stored, path, arena + info->offset);
}

static clmix_status take_group(const clmix_trainer *trainer, const clmix_safetensors *file, const char *path,
                               const struct clmix_arena_group *group, float *arena)
{
    for (size_t i = 0; i < clmix_network_tensor_count(trainer->replicas[0].network); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_network_tensor(trainer->replicas[0].network, i, &info));
        if (info.trainable == group->of_weights)
            CLMIX_TRY(take_tensor(file, path, group->prefix, &info, arena));
    }
    return CLMIX_OK;
}

/* The arenas of a replica as they are on the host: the weights, which come first, last. */
static clmix_status put_groups(const struct clmix_replica *replica, float *const arenas[CLMIX_CHECKPOINT_GROUPS])
{
    struct clmix_arena_group groups[CLMIX_CHECKPOINT_GROUPS];

    for (size_t i = clmix_checkpoint_groups(replica, groups); i-- > 0;)
        CLMIX_TRY(clmix_buffer_write(replica->device, groups[i].memory, 0, arenas[i], groups[i].count * sizeof(float)));
    return CLMIX_OK;
}

/* All arenas on the host first, so that a damaged file changes nothing on a device. */
static clmix_status take_groups(clmix_trainer *trainer, const clmix_safetensors *file, const char *path)
{
    struct clmix_arena_group groups[CLMIX_CHECKPOINT_GROUPS];
    float *arenas[CLMIX_CHECKPOINT_GROUPS] = { NULL };
    const size_t count = clmix_checkpoint_groups(&trainer->replicas[0], groups);
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++) {
        arenas[i] = calloc(groups[i].count, sizeof *arenas[i]);
        status = arenas[i] == NULL ? clmix_fail_memory("the checkpoint") : take_group(trainer, file, path, &groups[i], arenas[i]);
    }
    for (size_t i = 0; status == CLMIX_OK && i < trainer->replica_count; i++)
        status = put_groups(&trainer->replicas[i], arenas);
    for (size_t i = 0; i < count; i++)
        free(arenas[i]);
    return status;
}

/* ---- the file --------------------------------------------------------------------------------------------------------------------- */

static clmix_status take_state(const clmix_trainer *trainer, const clmix_safetensors *file, const char *path, struct clmix_run *run,
                               uint64_t *step, uint64_t *draws)
{
    cJSON *state = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_checkpoint_state(file, path, &state));
    status = check_pictures(trainer, state, path);
    if (status == CLMIX_OK)
        status = clmix_run_read(state, path, trainer->recipe.task, run, step, draws);
    cJSON_Delete(state);
    if (status == CLMIX_OK && run->batch > trainer->batches)
        status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' stands at batch %zu of %zu; it is damaged", path, run->batch, trainer->batches);
    return status;
}

/* A run keeps its model's name although only the configuration may be given when it is resumed. */
static clmix_status take_name(clmix_trainer *trainer, const clmix_safetensors *file, const char *path)
{
    const char *name;
    char *copy;

    CLMIX_TRY(metadata(file, path, "model", &name));
    copy = clmix_utf8_to_bytes(name);
    if (copy == NULL)
        return clmix_fail_memory("the model's name");
    free(trainer->model_name);
    trainer->model_name = copy;
    return CLMIX_OK;
}

static clmix_status take_file(clmix_trainer *trainer, const clmix_safetensors *file, const char *path, struct clmix_run *run)
{
    clmix_train_options stored;
    uint64_t step = 0, draws = 0;

    CLMIX_TRY(clmix_checkpoint_options(file, path, &stored));
    CLMIX_TRY(check_config(trainer, file, path));
    CLMIX_TRY(clmix_options_agree(&stored, &trainer->options));
    CLMIX_TRY(take_state(trainer, file, path, run, &step, &draws));
    CLMIX_TRY(check_identity(trainer, file, path));
    CLMIX_TRY(take_name(trainer, file, path));
    CLMIX_TRY(clmix_network_check_tokenizer(trainer->replicas[0].network, file, path));
    CLMIX_TRY(clmix_network_take_classes(trainer->replicas[0].network, file, path));
    CLMIX_TRY(take_groups(trainer, file, path));
    trainer->step = (size_t)step;
    trainer->draws = draws;
    return CLMIX_OK;
}

clmix_status clmix_checkpoint_read(clmix_trainer *trainer, struct clmix_run *run, const char *path)
{
    clmix_safetensors *file = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_checkpoint_open(&file, path));
    status = take_file(trainer, file, path, run);
    clmix_safetensors_close(file);
    if (status != CLMIX_OK)
        clmix_run_clear(run);
    return status;
}

/* ---- what it says, without a trainer ---------------------------------------------------------------------------------------------- */

void clmix_run_info_clear(clmix_run_info *info)
{
    if (info == NULL)
        return;
    free(info->model);
    free(info->config);
    free(info->data);
    clmix_tokenizer_close(info->tokenizer);
    memset(info, 0, sizeof *info);
}

static clmix_status inspect_state(const clmix_safetensors *file, const char *path, const struct clmix_task *task, clmix_run_info *info)
{
    struct clmix_run run = { 0 };
    uint64_t step = 0, draws = 0;
    cJSON *state = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_checkpoint_state(file, path, &state));
    status = clmix_run_read(state, path, task, &run, &step, &draws);
    cJSON_Delete(state);
    info->epoch = run.epoch;
    info->step = (size_t)step;
    info->finished = clmix_run_finished(&info->options, &run, (size_t)step);
    info->best_epoch = run.best_epoch;
    info->best = run.best;
    if (run.history_count > 0)
        info->last = run.history[run.history_count - 1];
    clmix_run_clear(&run);
    return status;
}

/* What the run was for, by its configuration. */
static clmix_status find_task(const char *text, const struct clmix_task **task)
{
    clmix_config *config = NULL;

    CLMIX_TRY(clmix_config_open(&config, text));
    *task = clmix_task_of(config);
    clmix_config_free(config);
    return CLMIX_OK;
}

static clmix_status inspect(const clmix_safetensors *file, const char *path, clmix_run_info *info)
{
    const char *model, *config, *data;
    const struct clmix_task *task = NULL;

    CLMIX_TRY(clmix_checkpoint_options(file, path, &info->options));
    CLMIX_TRY(metadata(file, path, "config", &config));
    CLMIX_TRY(find_task(config, &task));
    CLMIX_TRY(inspect_state(file, path, task, info));
    CLMIX_TRY(metadata(file, path, "data", &data));
    CLMIX_TRY(metadata(file, path, "model", &model));
    CLMIX_TRY(clmix_tokenizer_of_file(&info->tokenizer, file, path));
    info->model = clmix_utf8_to_bytes(model);
    info->config = strdup(config);
    info->data = clmix_utf8_to_bytes(data);
    return info->model != NULL && info->config != NULL && info->data != NULL ? CLMIX_OK : clmix_fail_memory("the description of a run");
}

clmix_status clmix_run_inspect(const char *folder, clmix_run_info *info)
{
    CLMIX_NEED(folder);
    CLMIX_NEED(info);

    char *path = clmix_path_join(folder, "checkpoint.safetensors");
    clmix_safetensors *file = NULL;
    clmix_status status;

    memset(info, 0, sizeof *info);
    if (path == NULL)
        return clmix_fail_memory("a path");
    status = clmix_checkpoint_open(&file, path);
    if (status == CLMIX_OK)
        status = inspect(file, path, info);
    clmix_safetensors_close(file);
    free(path);
    if (status != CLMIX_OK)
        clmix_run_info_clear(info);
    return status;
}
