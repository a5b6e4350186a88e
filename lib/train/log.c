/* log.jsonl: one object a line, one line an epoch. */
#include "train/run.h"

#include "base/file.h"
#include "base/status.h"
#include "io/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(cJSON *json, const char *name, double value, bool *done)
{
    const cJSON *added = isfinite(value) ? cJSON_AddNumberToObject(json, name, value) : cJSON_AddNullToObject(json, name);

    *done = *done && added != NULL;
}

static void put_metric(cJSON *json, const char *split, const char *name, double value, bool *done)
{
    char key[64];

    snprintf(key, sizeof key, "%s_%s", split, name);
    put(json, key, value, done);
}

/* Fewer digits where more would only be noise. */
static double rounded(double value, double unit)
{
    return isfinite(value) ? round(value / unit) * unit : value;
}

clmix_status clmix_epoch_line(const clmix_epoch *epoch, char **json)
{
    CLMIX_NEED(epoch);
    CLMIX_NEED(json);

    cJSON *object = cJSON_CreateObject();
    bool done = object != NULL;
    clmix_status status;

    put(object, "epoch", (double)epoch->epoch, &done);
    put(object, "step", (double)epoch->step, &done);
    put(object, "train_loss", epoch->train_loss, &done);
    put_metric(object, "train", epoch->metrics[0].name, epoch->train_metric, &done);
    put(object, "test_loss", epoch->test_loss, &done);
    for (size_t i = 0; i < epoch->metric_count; i++)
        put_metric(object, "test", epoch->metrics[i].name, epoch->metrics[i].value, &done);
    put(object, "images_per_second", rounded(epoch->images_per_second, 1.0 / 16), &done);
    put(object, "seconds", rounded(epoch->seconds, 1.0 / 1024), &done);
    put(object, "peak_device_bytes", (double)epoch->peak_device_bytes, &done);
    put(object, "skipped", (double)epoch->skipped, &done);
    status = done ? clmix_json_print(object, json) : clmix_fail_memory("a line of the log");
    cJSON_Delete(object);
    return status;
}

/* What knows nothing has a loss of ln(classes). */
bool clmix_epoch_diverged(const clmix_epoch *epoch, size_t classes)
{
    const double limit = 2.0 * log((double)classes);
    const bool tested = epoch != NULL && !isnan(epoch->metrics[0].value);

    return epoch != NULL && epoch->epoch > 0 && classes > 1 && !(epoch->train_loss <= limit) && !(tested && epoch->test_loss <= limit);
}

static clmix_status put_line(clmix_file_writer *writer, const clmix_epoch *epoch)
{
    char *line = NULL;
    clmix_status status = clmix_epoch_line(epoch, &line);

    if (status != CLMIX_OK)
        clmix_file_abandon(writer);
    else
        status = clmix_file_put(writer, line, strlen(line));
    if (status == CLMIX_OK)
        status = clmix_file_put(writer, "\n", 1);
    free(line);
    return status;
}

clmix_status clmix_log_start(const struct clmix_run *run, const char *path)
{
    clmix_file_writer writer;

    CLMIX_TRY(clmix_file_begin(&writer, path));
    for (size_t i = 0; i < run->history_count; i++)
        CLMIX_TRY(put_line(&writer, &run->history[i]));
    return clmix_file_finish(&writer);
}

clmix_status clmix_log_append(const clmix_epoch *epoch, const char *path)
{
    char *line = NULL, *whole;
    clmix_status status;
    size_t length;

    CLMIX_TRY(clmix_epoch_line(epoch, &line));
    length = strlen(line) + 2;
    whole = malloc(length);
    if (whole == NULL) {
        free(line);
        return clmix_fail_memory("a line of the log");
    }
    snprintf(whole, length, "%s\n", line);
    status = clmix_file_append(path, whole);
    free(whole);
    free(line);
    return status;
}
