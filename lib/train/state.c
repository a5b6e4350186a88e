/* Where a run stands, as JSON. */
#include "train/run.h"

#include "base/array.h"
#include "base/status.h"
#include "io/json.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 9007199254740992 /* 2^53: JSON's numbers are doubles */

void clmix_run_clear(struct clmix_run *run)
{
    free(run->history);
    memset(run, 0, sizeof *run);
}

bool clmix_run_finished(const clmix_train_options *options, const struct clmix_run *run, size_t step)
{
    return run->epoch >= options->epochs || (options->steps > 0 && step >= options->steps && run->batch == 0);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------- */

static bool put_count(cJSON *json, const char *name, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_AddRawToObject(json, name, text) != NULL;
}

/* All 17 digits, so that the same double is read again: cJSON itself stops at 15 where the last bit is all that differs. What JSON has no
 * number for becomes null. */
static bool put_number(cJSON *json, const char *name, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.17g", value);
    text[strcspn(text, ",")] = strchr(text, ',') != NULL ? '.' : '\0'; /* the application's locale may have a decimal comma */
    return (isfinite(value) ? cJSON_AddRawToObject(json, name, text) : cJSON_AddNullToObject(json, name)) != NULL;
}

/* "test_top1" */
static const char *metric_key(char text[64], const char *split, const char *name)
{
    snprintf(text, 64, "%s_%s", split, name);
    return text;
}

static bool write_epoch(const clmix_epoch *epoch, cJSON *list)
{
    cJSON *json = cJSON_CreateObject();
    char key[64];
    bool done;

    if (json == NULL || !cJSON_AddItemToArray(list, json))
        return false;
    done = put_count(json, "epoch", epoch->epoch) && put_count(json, "step", epoch->step) &&
           put_number(json, "train_loss", epoch->train_loss) && put_number(json, "test_loss", epoch->test_loss) &&
           put_number(json, metric_key(key, "train", epoch->metrics[0].name), epoch->train_metric);
    for (size_t i = 0; done && i < epoch->metric_count; i++)
        done = put_number(json, metric_key(key, "test", epoch->metrics[i].name), epoch->metrics[i].value);
    return done && put_number(json, "images_per_second", epoch->images_per_second) && put_number(json, "seconds", epoch->seconds) &&
           put_count(json, "peak_device_bytes", epoch->peak_device_bytes) && put_count(json, "best", epoch->best) &&
           put_count(json, "skipped", epoch->skipped);
}

clmix_status clmix_run_write(const clmix_trainer *trainer, const struct clmix_run *run, cJSON *json)
{
    cJSON *history;
    bool done = put_count(json, "step", trainer->step) && put_count(json, "draws", trainer->draws) &&
                put_count(json, "train_pictures", trainer->train_count) && put_count(json, "test_pictures", trainer->test_count) &&
                put_count(json, "epoch", run->epoch) && put_count(json, "batch", run->batch) && put_number(json, "counted", run->counted) &&
                put_number(json, "metric_sum", run->metric_sum) && put_count(json, "skipped", run->skipped) &&
                put_number(json, "loss_sum", run->loss_sum) && put_number(json, "timed_seconds", run->timed_seconds) &&
                put_count(json, "timed_pictures", run->timed_pictures) && put_number(json, "seconds", run->seconds) &&
                put_count(json, "best_epoch", run->best_epoch) && put_number(json, "best", run->best);

    history = cJSON_AddArrayToObject(json, "history");
    done = done && history != NULL;
    for (size_t i = 0; done && i < run->history_count; i++)
        done = write_epoch(&run->history[i], history);
    return done ? CLMIX_OK : clmix_fail_memory("the checkpoint's state");
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status get_count(const cJSON *json, const char *where, const char *name, uint64_t *value)
{
    int64_t number = 0;

    CLMIX_TRY(clmix_json_require(json, where, name));
    CLMIX_TRY(clmix_json_integer(json, where, name, 0, MOST, &number));
    *value = (uint64_t)number;
    return CLMIX_OK;
}

static clmix_status get_size(const cJSON *json, const char *where, const char *name, size_t *value)
{
    uint64_t wide = 0;

    CLMIX_TRY(get_count(json, where, name, &wide));
    *value = (size_t)wide;
    return CLMIX_OK;
}

/* 0 where a run of before this was counted says nothing. */
static clmix_status get_later_size(const cJSON *json, const char *where, const char *name, size_t *value)
{
    *value = 0;
    return cJSON_GetObjectItemCaseSensitive(json, name) == NULL ? CLMIX_OK : get_size(json, where, name, value);
}

static clmix_status get_number(const cJSON *json, const char *where, const char *name, double *value)
{
    CLMIX_TRY(clmix_json_require(json, where, name));
    *value = NAN;
    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, name)))
        return CLMIX_OK;
    return clmix_json_number(json, where, name, -DBL_MAX, DBL_MAX, value);
}

/* The same under the name that it had in an earlier version. */
static clmix_status get_renamed(const cJSON *json, const char *where, const char *name, const char *earlier, double *value)
{
    return get_number(json, where, cJSON_HasObjectItem(json, name) ? name : earlier, value);
}

static clmix_status read_metrics(const cJSON *json, const char *where, const struct clmix_task *task, clmix_epoch *epoch)
{
    double values[CLMIX_MOST_METRICS];
    char key[64];

    CLMIX_TRY(get_number(json, where, metric_key(key, "train", task->metrics[0].name), &epoch->train_metric));
    for (int i = 0; i < task->metric_count; i++)
        CLMIX_TRY(get_number(json, where, metric_key(key, "test", task->metrics[i].name), &values[i]));
    epoch->metric_count = (size_t)task->metric_count;
    clmix_task_name_metrics(task, values, task->metric_count, epoch->metrics);
    return CLMIX_OK;
}

static clmix_status read_epoch(const cJSON *json, const char *where, const struct clmix_task *task, clmix_epoch *epoch)
{
    size_t best = 0;

    CLMIX_TRY(get_size(json, where, "epoch", &epoch->epoch));
    CLMIX_TRY(get_size(json, where, "step", &epoch->step));
    CLMIX_TRY(get_number(json, where, "train_loss", &epoch->train_loss));
    CLMIX_TRY(get_number(json, where, "test_loss", &epoch->test_loss));
    CLMIX_TRY(read_metrics(json, where, task, epoch));
    CLMIX_TRY(get_number(json, where, "images_per_second", &epoch->images_per_second));
    CLMIX_TRY(get_number(json, where, "seconds", &epoch->seconds));
    CLMIX_TRY(get_size(json, where, "peak_device_bytes", &epoch->peak_device_bytes));
    CLMIX_TRY(get_size(json, where, "best", &best));
    CLMIX_TRY(get_later_size(json, where, "skipped", &epoch->skipped));
    epoch->best = best != 0;
    return CLMIX_OK;
}

static clmix_status read_history(const cJSON *json, const char *where, const struct clmix_task *task, struct clmix_run *run)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "history"), *item;

    if (!cJSON_IsArray(list))
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: 'history' is missing", where);
    cJSON_ArrayForEach(item, list)
    {
        clmix_epoch epoch = { 0 };

        CLMIX_TRY(read_epoch(item, where, task, &epoch));
        if (!CLMIX_PUSH(run->history, run->history_count, run->history_capacity, epoch))
            return clmix_fail_memory("the run's history");
    }
    return CLMIX_OK;
}

clmix_status clmix_run_read(const cJSON *json, const char *where, const struct clmix_task *task, struct clmix_run *run, uint64_t *step,
                            uint64_t *draws)
{
    CLMIX_TRY(get_count(json, where, "step", step));
    CLMIX_TRY(get_count(json, where, "draws", draws));
    CLMIX_TRY(get_size(json, where, "epoch", &run->epoch));
    CLMIX_TRY(get_size(json, where, "batch", &run->batch));
    CLMIX_TRY(get_renamed(json, where, "counted", "pictures", &run->counted)); /* so until version 0.1 */
    CLMIX_TRY(get_renamed(json, where, "metric_sum", cJSON_HasObjectItem(json, "correct") ? "correct" : "right", &run->metric_sum));
    CLMIX_TRY(get_later_size(json, where, "skipped", &run->skipped));
    CLMIX_TRY(get_number(json, where, "loss_sum", &run->loss_sum));
    CLMIX_TRY(get_number(json, where, "timed_seconds", &run->timed_seconds));
    CLMIX_TRY(get_size(json, where, "timed_pictures", &run->timed_pictures));
    CLMIX_TRY(get_number(json, where, "seconds", &run->seconds));
    CLMIX_TRY(get_size(json, where, "best_epoch", &run->best_epoch));
    CLMIX_TRY(get_number(json, where, "best", &run->best));
    return read_history(json, where, task, run);
}
