/* Measured choices and the file that remembers them. */
#include "ops/tune.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LINE      "clmix tuning 1\n"
#define MOST_FILE_BYTES ((size_t)1 << 20)
#define MOST_KEY        200

/* ---- the file ----------------------------------------------------------------------------------------------------------------------- */

char *clmix_tune_path(const clmix_device *device)
{
    const clmix_device_info *info = &device->info;
    const char *parts[] = { info->platform, info->platform_version, info->name, info->vendor, info->driver };
    unsigned char digest[CLMIX_HASH_BYTES];
    char hex[2 * CLMIX_HASH_BYTES + 1], name[64];
    clmix_hash hash;

    if (clmix_cache_folder()[0] == '\0')
        return NULL;
    clmix_hash_start(&hash);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        clmix_hash_add(&hash, parts[i], strlen(parts[i]) + 1);
    clmix_hash_finish(&hash, digest);
    clmix_hash_hex(digest, hex);
    snprintf(name, sizeof name, "tuning-%.16s.txt", hex);
    return clmix_path_join(clmix_cache_folder(), name);
}

/* Where the line after this one begins, or the end of the text. */
static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end == NULL ? line + strlen(line) : end + 1;
}

/* Where the answers begin; NULL when the text is not a file of this kind. */
static const char *answers(const char *text)
{
    if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
        return NULL;
    text = next_line(text);
    if (strncmp(text, "device ", 7) != 0)
        return NULL;
    text = next_line(text);
    for (const char *line = text; *line != '\0'; line = next_line(line)) {
        const char *tab = strchr(line, '\t'), *end = strchr(line, '\n');

        if (tab == NULL || end == NULL || tab > end || memchr(tab + 1, '\t', (size_t)(end - tab - 1)) == NULL)
            return NULL;
    }
    return text;
}

/* The remembered way, or -1. */
static int look_up(const char *text, const struct clmix_tune_question *question)
{
    size_t length = strlen(question->key);

    for (const char *line = answers(text); line != NULL && *line != '\0'; line = next_line(line)) {
        if (strncmp(line, question->key, length) != 0 || line[length] != '\t')
            continue;
        for (int i = 0; i < question->count; i++) {
            size_t way = strlen(question->ways[i]);

            if (strncmp(line + length + 1, question->ways[i], way) == 0 && line[length + 1 + way] == '\t')
                return i;
        }
    }
    return -1;
}

/* Adds a line to what the file holds now (another process may have written meanwhile). Failing to is no error: the question will be
 * asked again. */
static void remember(const clmix_device *device, const char *path, const char *line)
{
    char header[512];
    void *old = NULL;
    size_t old_bytes;
    clmix_status status = clmix_file_read(path, MOST_FILE_BYTES, &old, &old_bytes);
    const char *kept = status == CLMIX_OK ? answers(old) : NULL;
    clmix_file_writer writer;

    if (status == CLMIX_ERROR_HOST_MEMORY)
        return; /* what is there must not be written over */
    snprintf(header, sizeof header, FIRST_LINE "device %s, driver %s, platform %s\n", device->info.name, device->info.driver,
             device->info.platform);
    if (clmix_file_begin(&writer, path) == CLMIX_OK && clmix_file_put(&writer, header, strlen(header)) == CLMIX_OK &&
        (kept == NULL || clmix_file_put(&writer, kept, strlen(kept)) == CLMIX_OK) &&
        clmix_file_put(&writer, line, strlen(line)) == CLMIX_OK)
        clmix_file_finish(&writer);
    free(old);
}

/* ---- measuring ---------------------------------------------------------------------------------------------------------------------- */

bool clmix_tune_on(const clmix_device *device)
{
    const char *wish = getenv("CLMIX_TUNE"), *folder = clmix_cache_folder();

    if (!device->real || (wish != NULL && strcmp(wish, "off") == 0) || folder[0] == '\0')
        return false;
    return clmix_folder_make(folder) == CLMIX_OK && access(folder, W_OK) == 0;
}

/* Asks for each way and describes the answers in `line`, which stays empty where one failed. */
static clmix_status measure(clmix_device *device, const struct clmix_tune_question *question, int *way, char *line, size_t line_bytes)
{
    double best = CLMIX_TUNE_WRONG;
    char times[256] = "";
    size_t length = 0;
    bool failed = false;

    *way = -1;
    line[0] = '\0';
    for (int i = 0; i < question->count; i++) {
        double seconds = CLMIX_TUNE_WRONG;

        CLMIX_TRY(question->measure(device, i, question->data, &seconds));
        if (seconds < 0.0)
            snprintf(times + length, sizeof times - length, "%s%s wrong", i == 0 ? "" : ", ", question->ways[i]);
        else
            snprintf(times + length, sizeof times - length, "%s%s %.3f ms", i == 0 ? "" : ", ", question->ways[i], 1e3 * seconds);
        length = strlen(times);
        failed = failed || seconds == CLMIX_TUNE_FAILED;
        if (seconds >= 0.0 && (*way < 0 || seconds * question->margin < best)) {
            *way = i;
            best = seconds;
        }
    }
    if (*way < 0 && failed) { /* the plan that is being made will meet the same failure, and say where */
        *way = 0;
        return CLMIX_OK;
    }
    if (*way < 0)
        return clmix_fail(CLMIX_ERROR_DRIVER,
                          "%s (driver %s): every way to compute '%s' gives wrong results; update the driver, or choose another device",
                          device->info.name, device->info.driver, question->key);
    if (!failed)
        snprintf(line, line_bytes, "%s\t%s\t%s\n", question->key, question->ways[*way], times);
    return CLMIX_OK;
}

clmix_status clmix_tune_choose(clmix_device *device, const struct clmix_tune_question *question, int *way)
{
    char line[MOST_KEY + 384];
    void *text = NULL;
    size_t bytes;
    clmix_status status;
    char *path;

    *way = 0;
    if (!clmix_tune_on(device))
        return CLMIX_OK;
    path = clmix_tune_path(device);
    if (path == NULL)
        return clmix_fail_memory("a path");
    status = clmix_file_read(path, MOST_FILE_BYTES, &text, &bytes);
    if (status != CLMIX_ERROR_HOST_MEMORY) {
        *way = status == CLMIX_OK ? look_up(text, question) : -1;
        status = CLMIX_OK;
    }
    free(text);
    if (*way < 0) {
        status = measure(device, question, way, line, sizeof line);
        if (status != CLMIX_OK)
            *way = 0;
        else if (line[0] != '\0')
            remember(device, path, line);
    }
    free(path);
    return status;
}
