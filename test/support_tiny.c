#include "support_tiny.h"
#include "io/safetensors.h"
#include "support_data.h"
#include "support_tool.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA         "shapes:size=8,train=8,test=4"
#define OTHER_SEED   4
#define MOST_RESULTS 65536 /* bytes of weights and moments */

struct tiny_world tiny;
struct tiny_trouble tiny_trouble;

void tiny_give_up(const char *what)
{
    if (tiny_trouble.end != NULL)
        tiny_trouble.end();
    ck_abort_msg("%s (%s)", what, clmix_error());
}

void tiny_ok(clmix_status status)
{
    if (status != CLMIX_OK)
        tiny_give_up(clmix_status_name(status));
}

/* ---- files -------------------------------------------------------------------------------------------------------------------------- */

void *tiny_read(const char *path, size_t *bytes)
{
    FILE *stream = fopen(path, "rb");
    char *data = malloc(1 << 20);

    ck_assert_msg(stream != NULL, "cannot open %s", path);
    ck_assert_ptr_nonnull(data);
    *bytes = fread(data, 1, 1 << 20, stream);
    fclose(stream);
    return data;
}

void tiny_write(const char *path, const void *data, size_t bytes)
{
    FILE *stream = fopen(path, "wb");

    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(data, 1, bytes, stream), bytes);
    ck_assert_int_eq(fclose(stream), 0);
}

bool tiny_holds(const char *path, const void *data, size_t bytes)
{
    size_t found;
    void *content = tiny_read(path, &found);
    bool same = found == bytes && memcmp(content, data, bytes) == 0;

    free(content);
    return same;
}

void tiny_check_folder(const char *folder)
{
    DIR *stream = opendir(folder);

    ck_assert_ptr_nonnull(stream);
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        ck_assert_msg(strstr(entry->d_name, ".tmp") == NULL, "%s was left in %s", entry->d_name, folder);
    closedir(stream);
}

void tiny_empty_run_folder(void)
{
    static const char *const names[] = { "model.safetensors", "checkpoint.safetensors", "log.jsonl", "curves.svg" };
    char path[400];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", tiny.run_folder, names[i]);
        unlink(path);
    }
}

/* ---- runs --------------------------------------------------------------------------------------------------------------------------- */

/* Everything that can fail by itself is switched on. */
clmix_train_options tiny_options(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.batch = 4;
    options.epochs = 1;
    options.average = 0.9f;
    options.clip_norm = 1.0f;
    options.augment.mixup = 0.2f;
    options.checkpoint_steps = 1;
    return options;
}

/* A run of a network of its own. */
clmix_status tiny_train(bool resume, const clmix_train_events *events)
{
    const clmix_train_options options = tiny_options();
    clmix_network *network = NULL;
    clmix_trainer *trainer = NULL;
    clmix_status status = clmix_network_create(&network, tiny.device, tiny.config, TINY_SEED);

    if (status == CLMIX_OK)
        status = clmix_trainer_create(&trainer, network, tiny.data, &options);
    if (status == CLMIX_OK)
        status = clmix_trainer_name_data(trainer, DATA);
    if (status == CLMIX_OK) {
        status = clmix_train(trainer, tiny.run_folder, resume, events);
        if (status != CLMIX_OK && tiny_trouble.end != NULL && resume && !tiny_trouble.forever) /* the same trainer can do it again */
            tiny_ok(clmix_train(trainer, tiny.run_folder, true, events));
    }
    clmix_trainer_free(trainer);
    clmix_network_free(network);
    return status;
}

clmix_status tiny_resume(void)
{
    return tiny_train(true, NULL);
}

static bool stop(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double images_per_second)
{
    (void)user, (void)epoch, (void)batch, (void)batches, (void)loss, (void)top1, (void)images_per_second;
    return false;
}

/* All tensors of the run's checkpoint, one after the other. */
static void *read_results(size_t *bytes)
{
    char *results = malloc(MOST_RESULTS);
    clmix_safetensors *file = NULL;

    *bytes = 0;
    ck_assert_ptr_nonnull(results);
    tiny_ok(clmix_safetensors_open(&file, tiny.checkpoint_path));
    for (size_t i = 0; i < clmix_safetensors_count(file); i++) {
        const clmix_stored_tensor *tensor = clmix_safetensors_at(file, i);

        ck_assert_uint_le(*bytes + tensor->bytes, MOST_RESULTS);
        memcpy(results + *bytes, tensor->data, tensor->bytes);
        *bytes += tensor->bytes;
    }
    clmix_safetensors_close(file);
    return results;
}

void tiny_begin_run(void)
{
    tiny_empty_run_folder();
    tiny_write(tiny.checkpoint_path, tiny.begun, tiny.begun_bytes);
}

void tiny_check_end(void)
{
    size_t bytes;
    void *results = read_results(&bytes);

    ck_assert_uint_eq(bytes, tiny.end_bytes);
    ck_assert_msg(memcmp(results, tiny.end, bytes) == 0, "the resumed run ends with other weights");
    free(results);
}

/* ---- the world ---------------------------------------------------------------------------------------------------------------------- */

clmix_status tiny_step(clmix_network *network, double *loss)
{
    const clmix_train_options options = tiny_options();
    clmix_trainer *trainer = NULL;
    clmix_status status = clmix_trainer_create(&trainer, network, tiny.data, &options);

    if (status != CLMIX_OK)
        return status;
    status = clmix_trainer_step(trainer, tiny.pictures, tiny.labels, TINY_PICTURES, loss);
    if (status != CLMIX_OK && !tiny_trouble.forever) /* what failed once can be done again */
        tiny_ok(clmix_trainer_step(trainer, tiny.pictures, tiny.labels, TINY_PICTURES, loss));
    clmix_trainer_free(trainer);
    return status;
}

static void name_paths(void)
{
    snprintf(tiny.folder, sizeof tiny.folder, "%s", make_folder());
    snprintf(tiny.run_folder, sizeof tiny.run_folder, "%s/run", tiny.folder);
    snprintf(tiny.model_path, sizeof tiny.model_path, "%s/model.safetensors", tiny.folder);
    snprintf(tiny.other_path, sizeof tiny.other_path, "%s/other.safetensors", tiny.folder);
    snprintf(tiny.checkpoint_path, sizeof tiny.checkpoint_path, "%s/checkpoint.safetensors", tiny.run_folder);
    if (getenv("CLMIX_CACHE_DIR") == NULL) {
        char cache[300];

        snprintf(cache, sizeof cache, "%s/cache", tiny.folder);
        setenv("CLMIX_CACHE_DIR", cache, 1);
    }
}

/* A file of fresh weights, and what a network with them predictions. */
static void *make_model(uint64_t seed, const char *path, float predictions[TINY_PREDICTIONS], size_t *bytes)
{
    clmix_network *network = NULL;

    tiny_ok(clmix_network_create(&network, tiny.device, tiny.config, seed));
    tiny_ok(clmix_network_save(network, path));
    tiny_ok(clmix_network_classify(network, tiny.pictures, TINY_PICTURES, predictions));
    clmix_network_free(network);
    return tiny_read(path, bytes);
}

static void make_runs(void)
{
    const clmix_train_events stopping = { .step = stop };

    ck_assert_int_eq(tiny_train(false, &stopping), CLMIX_ERROR_INTERRUPTED);
    tiny.begun = tiny_read(tiny.checkpoint_path, &tiny.begun_bytes);
    tiny_ok(tiny_train(false, NULL));
    tiny.end = read_results(&tiny.end_bytes);
}

void open_tiny_world(void)
{
    name_paths();
    tiny_ok(clmix_device_open(&tiny.device, NULL));
    tiny_ok(clmix_config_open(&tiny.config, TINY_CONFIG));
    tiny_ok(open_pictures(&tiny.data, DATA, 8, 8, 3));
    for (size_t i = 0; i < TINY_PICTURES; i++)
        tiny_ok(
            clmix_dataset_get(tiny.data, CLMIX_TRAIN, i, (void *[]){ tiny.pictures + i * TINY_BYTES / TINY_PICTURES, &tiny.labels[i] }));
    tiny.model = make_model(TINY_SEED, tiny.model_path, tiny.predictions, &tiny.model_bytes);
    tiny.other = make_model(OTHER_SEED, tiny.other_path, tiny.other_predictions, &tiny.other_bytes);
    tiny_ok(clmix_network_load(&tiny.network, tiny.device, tiny.model_path));
    tiny_ok(tiny_step(tiny.network, &tiny.loss));
    tiny_ok(clmix_network_load_weights(tiny.network, tiny.model_path));
    tiny_ok(clmix_evaluate(tiny.network, tiny.data, CLMIX_TEST, 3, &tiny.score));
    make_runs();
}

void close_tiny_world(void)
{
    size_t current;

    clmix_network_free(tiny.network);
    clmix_dataset_close(tiny.data);
    clmix_config_free(tiny.config);
    clmix_device_memory(tiny.device, &current, NULL, NULL);
    ck_assert_msg(current == 0, "%zu bytes of device memory were not given back", current);
    clmix_device_close(tiny.device);
    free(tiny.begun);
    free(tiny.model);
    free(tiny.other);
    free(tiny.end);
    remove_folder(tiny.folder);
}

void tiny_classifies(clmix_network *network, const float predictions[TINY_PREDICTIONS])
{
    float found[TINY_PREDICTIONS];

    tiny_ok(clmix_network_classify(network, tiny.pictures, TINY_PICTURES, found));
    if (memcmp(found, predictions, sizeof found) != 0)
        tiny_give_up("the network gives other predictions than before");
}
