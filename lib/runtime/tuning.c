/* What was measured on a device, as text in the cache folder: runtime.h describes the file. */
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_WORDS     "clmix tuning 2:"
#define FIRST_LINE      FIRST_WORDS " change a line's second column to override a choice, delete a line to have it measured again\n"
#define MOST_FILE_BYTES ((size_t)1 << 20)

/* ---- the wish ----------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_tuning_wish(double *seconds)
{
    const char *wish = getenv("CLMIX_TUNE");
    char *end;

    *seconds = CLMIX_TUNING_SECONDS;
    if (wish == NULL || wish[0] == '\0' || strcmp(wish, "off") == 0)
        return CLMIX_OK;
    if (strcmp(wish, "full") == 0) {
        *seconds = INFINITY;
        return CLMIX_OK;
    }
    *seconds = strtod(wish, &end);
    if (end == wish || *end != '\0' || !(*seconds >= 0.0))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "CLMIX_TUNE is '%s' and may be 'off', 'full' or the seconds that measuring may take; unset it for %g seconds",
                          wish, CLMIX_TUNING_SECONDS);
    return CLMIX_OK;
}

bool clmix_tuning_used(const clmix_device *device)
{
    const char *wish = getenv("CLMIX_TUNE");

    return device->real && (wish == NULL || strcmp(wish, "off") != 0) && clmix_cache_folder()[0] != '\0' &&
           clmix_cache_refusal()[0] == '\0';
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

char *clmix_tuning_path(const clmix_device *device)
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
    clmix_hash_add(&hash, &info->target, sizeof info->target);
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

/* The text of the file, NULL where there is none, and where the results begin in it: at the first line of this format, or at the end. */
static clmix_status read_file(const char *path, char **text, const char **results)
{
    void *content = NULL;
    size_t bytes;
    clmix_status status = clmix_file_read_own(path, MOST_FILE_BYTES, &content, &bytes);

    *text = content;
    *results = content;
    for (char *zero = content; zero != NULL && (zero = memchr(zero, '\0', bytes - (size_t)(zero - *text))) != NULL;)
        *zero = '\n'; /* not written by clmix, and no reason to lose what follows */
    while (*results != NULL && **results != '\0' && strncmp(*results, FIRST_WORDS, strlen(FIRST_WORDS)) != 0)
        *results = next_line(*results);
    return status == CLMIX_ERROR_HOST_MEMORY ? status : CLMIX_OK;
}

/* The line's second column, if the line is a result: three columns and a newline. */
static const char *choice_of(const char *line, size_t *length)
{
    const size_t whole = strcspn(line, "\n"), key = strcspn(line, "\t\n");

    if (line[whole] == '\0' || line[key] == '\n' || key == 0)
        return NULL;
    *length = strcspn(line + key + 1, "\t\n");
    return line[key + 1 + *length] == '\t' ? line + key + 1 : NULL;
}

static int way_of(const char *choice, size_t length, const char *const *ways, int count)
{
    for (int i = 0; i < count; i++)
        if (strlen(ways[i]) == length && strncmp(choice, ways[i], length) == 0)
            return i;
    return -1;
}

static int look_up(const char *text, const char *key, const char *const *ways, int count)
{
    const size_t key_length = strlen(key);

    for (const char *line = text; *line != '\0'; line = next_line(line)) {
        size_t length;
        const char *choice = choice_of(line, &length);
        int way = -1;

        if (choice != NULL && strncmp(line, key, key_length) == 0 && line[key_length] == '\t')
            way = way_of(choice, length, ways, count);
        if (way >= 0)
            return way;
    }
    return -1;
}

clmix_status clmix_tuning_find(const clmix_device *device, const char *key, const char *const *ways, int count, int *way)
{
    const char *results = NULL;
    char *path, *text = NULL;
    clmix_status status;

    *way = -1;
    if (!clmix_tuning_used(device))
        return CLMIX_OK;
    path = clmix_tuning_path(device);
    status = path == NULL ? clmix_fail_memory("a path") : read_file(path, &text, &results);
    if (results != NULL)
        *way = look_up(results, key, ways, count);
    free(text);
    free(path);
    return status;
}

clmix_status clmix_device_tuning(const clmix_device *device, char **path, size_t *results)
{
    CLMIX_NEED(device);
    CLMIX_NEED(path);
    CLMIX_NEED(results);

    const char *line = NULL;
    char *text = NULL;
    size_t length;
    clmix_status status;

    *results = 0;
    *path = NULL;
    if (!clmix_tuning_used(device))
        return CLMIX_OK;
    *path = clmix_tuning_path(device);
    status = *path == NULL ? clmix_fail_memory("a path") : read_file(*path, &text, &line);
    for (; line != NULL && *line != '\0'; line = next_line(line))
        if (choice_of(line, &length) != NULL)
            ++*results;
    free(text);
    if (status != CLMIX_OK) {
        free(*path);
        *path = NULL;
    }
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------ */

bool clmix_tuning_kept(const clmix_device *device)
{
    const char *folder = clmix_cache_folder();
    bool writable = clmix_tuning_used(device) && clmix_folder_make_own(folder) == CLMIX_OK && access(folder, W_OK) == 0;
    char *path = writable ? clmix_tuning_path(device) : NULL;

    writable = path != NULL && clmix_file_check_own(path) == CLMIX_OK && (access(path, W_OK) == 0 || errno == ENOENT);
    free(path);
    return writable;
}

clmix_status clmix_tuning_add(const clmix_device *device, const char *key, const char *choice, const char *note)
{
    const clmix_device_info *info = &device->info;
    char head[sizeof FIRST_LINE + sizeof info->name + sizeof info->driver + sizeof info->platform + 64];
    const size_t bytes = sizeof head + strlen(key) + strlen(choice) + strlen(note) + 8;
    char *path = clmix_tuning_path(device), *line = malloc(bytes), *text = NULL;
    const char *results = NULL;
    clmix_status status = path == NULL || line == NULL ? clmix_fail_memory("a result") : read_file(path, &text, &results);

    if (status == CLMIX_OK) {
        const bool torn = text != NULL && *text != '\0' && text[strlen(text) - 1] != '\n'; /* by a process that was killed while it wrote */

        snprintf(head, sizeof head, FIRST_LINE "device %s, driver %s, platform %s\n", info->name, info->driver, info->platform);
        snprintf(line, bytes, "%s%s%s\t%s\t%s\n", torn ? "\n" : "", results == NULL || *results == '\0' ? head : "", key, choice, note);
        (void)clmix_file_append_own(path, line); /* what could not be written is not found again, and so not relied upon */
    }
    free(text);
    free(line);
    free(path);
    return status;
}
