#include "support_train.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_data.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

char train_folders[3][256];

void train_make_folders(void)
{
    for (int i = 0; i < 3; i++)
        snprintf(train_folders[i], sizeof train_folders[i], "%s", make_folder());
}

void train_remove_folders(void)
{
    for (int i = 0; i < 3; i++)
        remove_folder(train_folders[i]);
}

clmix_train_options train_small_options(void)
{
    clmix_train_options options = clmix_train_defaults();

    options.batch = 16;
    options.epochs = 3;
    options.augment.crop_padding = 2;
    return options;
}

clmix_train_options train_rich_options(void)
{
    clmix_train_options options = train_small_options();

    options.average = 0.95f;
    options.accumulate = 2;
    options.clip_norm = 1.0f;
    options.augment.mixup = 0.4f;
    options.augment.cutout = 4;
    options.label_smoothing = 0.1f;
    options.checkpoint_steps = 2;
    return options;
}

void train_open(struct train_run *run, const char *model, const char *data, const clmix_train_options *options)
{
    clmix_config *config = NULL;

    memset(run, 0, sizeof *run);
    ops_ok(clmix_config_open(&config, model));
    ops_ok(clmix_network_create(&run->network, ops_device, config, options->seed));
    if (data != NULL)
        ops_ok(open_pictures(&run->data, data, 16, 16, 3));
    ops_ok(clmix_trainer_create(&run->trainer, run->network, run->data, options));
    clmix_config_free(config);
}

void train_close(struct train_run *run)
{
    clmix_trainer_free(run->trainer);
    clmix_network_free(run->network);
    clmix_dataset_close(run->data);
    memset(run, 0, sizeof *run);
}

/* Stops after `left` batches. */
static bool stop_after(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double speed)
{
    size_t *left = user;

    ck_assert(epoch >= 1 && batch >= 1 && batch <= batches && isfinite(loss) && top1 >= 0.0 && top1 <= 1.0 && speed >= 0.0);
    return --*left > 0;
}

clmix_status train_for(const char *model, const char *data, const clmix_train_options *options, const char *folder, bool resume,
                       size_t batches)
{
    const clmix_train_events events = { .step = batches > 0 ? stop_after : NULL, .user = &batches };
    struct train_run run;
    clmix_status status;

    train_open(&run, model, data, options);
    status = clmix_train(run.trainer, folder, resume, &events);
    train_close(&run);
    return status;
}

float *train_weights(const struct train_run *run, size_t *count)
{
    float *values;

    *count = run->trainer->replicas[0].map.weight_count;
    values = malloc(*count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ops_ok(clmix_buffer_read(ops_device, clmix_network_weights(run->network), 0, values, *count * sizeof *values));
    return values;
}

void train_random_batch(uint8_t *pictures, int32_t *labels, size_t count)
{
    float *values = ops_floats(count * TRAIN_PICTURE, 77, 0.0f, 256.0f);

    for (size_t i = 0; i < count * TRAIN_PICTURE; i++)
        pictures[i] = (uint8_t)values[i];
    for (size_t i = 0; i < count; i++)
        labels[i] = (int32_t)(i * 7 % 10);
    free(values);
}

void train_steps(const struct train_run *run, size_t count)
{
    uint8_t pictures[8 * TRAIN_PICTURE];
    int32_t labels[8];

    train_random_batch(pictures, labels, 8);
    for (size_t i = 0; i < count; i++)
        ops_ok(clmix_trainer_step(run->trainer, pictures, labels, 8, NULL));
}

char *train_tensors(const char *folder, const char *name, size_t *bytes)
{
    char *path = clmix_path_join(folder, name), *content;
    void *data;
    uint64_t header = 0;

    ops_ok(clmix_file_read(path, 1 << 26, &data, bytes));
    content = data;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | (unsigned char)content[i];
    *bytes -= 8 + (size_t)header;
    memmove(content, content + 8 + header, *bytes);
    free(path);
    return content;
}

void train_same_tensors(const char *first, const char *second, const char *name)
{
    size_t first_bytes, second_bytes;
    char *a = train_tensors(first, name, &first_bytes), *b = train_tensors(second, name, &second_bytes);

    ck_assert_uint_eq(first_bytes, second_bytes);
    ck_assert_msg(memcmp(a, b, first_bytes) == 0, "%s of '%s' and of '%s' differ", name, first, second);
    free(a);
    free(b);
}

int train_main(const char *name, TCase *const *cases, int count)
{
    Suite *suite = suite_create(name);

    for (int i = 0; i < count; i++) {
        tcase_set_timeout(cases[i], 600);
        suite_add_tcase(suite, cases[i]);
    }
    return support_run(suite);
}
