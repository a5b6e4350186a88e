/* The kernel cache as a whole: what its folder holds, and how much it may. Whatever else lies in the folder, measured choices included, is neither
 * counted nor touched. */
#include "base/array.h"
#include "base/file.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL_MEGABYTES 512
#define MOST_MEGABYTES  1000000000.0
#define KEY_DIGITS      ((size_t)2 * CLMIX_HASH_BYTES)

struct entry {
    char *path;
    struct timespec used; /* reading a stored program sets its time of modification, since times of access are often not kept */
    size_t bytes;
    bool whole; /* not what a process that died was writing */
    bool own;   /* nobody else can have written it */
};

struct entries {
    struct entry *items;
    size_t count, capacity;
    size_t refused; /* whole programs and tuning results that somebody else can have written */
};

clmix_status clmix_cache_limit(size_t *bytes)
{
    const char *given = getenv("CLMIX_CACHE_MB");
    char *end;
    double megabytes;

    *bytes = (size_t)USUAL_MEGABYTES * 1000000;
    if (given == NULL || given[0] == '\0')
        return CLMIX_OK;
    megabytes = strtod(given, &end);
    if (end == given || *end != '\0' || !(megabytes > 0.0 && megabytes <= MOST_MEGABYTES))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "CLMIX_CACHE_MB is '%s' and must be the megabytes that stored kernels may take, more than 0; unset it for %d",
                          given, USUAL_MEGABYTES);
    *bytes = (size_t)(megabytes * 1e6);
    return CLMIX_OK;
}

static bool is_own(const struct stat *file)
{
    return S_ISREG(file->st_mode) && file->st_uid == geteuid() && (file->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* The name of a stored program is its key in hexadecimal and ".clmix"; ".<process>.tmp" is behind it while it is being written. */
static bool is_entry(const char *name, bool *whole)
{
    const char *end = name + KEY_DIGITS;
    const size_t length = strlen(name);

    if (strspn(name, "0123456789abcdef") != KEY_DIGITS || strncmp(end, ".clmix", 6) != 0)
        return false;
    *whole = end[6] == '\0';
    return *whole || (end[6] == '.' && length > KEY_DIGITS + 11 && strcmp(name + length - 4, ".tmp") == 0);
}

static bool is_tuning(const char *name)
{
    const size_t length = strlen(name);

    return strncmp(name, "tuning-", 7) == 0 && length > 11 && strcmp(name + length - 4, ".txt") == 0;
}

static void add_entry(struct entries *entries, const char *folder, const char *name)
{
    struct entry entry = { 0 };
    const bool is_program = is_entry(name, &entry.whole);
    struct stat file;

    if ((!is_program && !is_tuning(name)) || (entry.path = clmix_path_join(folder, name)) == NULL)
        return;
    if ((entry.whole || !is_program) && lstat(entry.path, &file) == 0 && !is_own(&file))
        entries->refused++;
    if (!is_program) {
        free(entry.path);
        return;
    }
    if (lstat(entry.path, &file) == 0 && S_ISREG(file.st_mode)) {
        entry.used = file.st_mtim;
        entry.bytes = (size_t)file.st_size;
        entry.own = is_own(&file);
        if (CLMIX_PUSH(entries->items, entries->count, entries->capacity, entry))
            return;
    }
    free(entry.path);
}

/* What the folder holds; nothing where there is none, or where it is not used. What memory does not suffice for is left out. */
static struct entries list(void)
{
    const char *folder = clmix_cache_folder();
    DIR *stream = folder[0] == '\0' || clmix_cache_refusal()[0] != '\0' ? NULL : opendir(folder);
    struct entries entries = { 0 };

    if (stream == NULL)
        return entries;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        add_entry(&entries, folder, entry->d_name);
    closedir(stream);
    return entries;
}

static void forget(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].path);
    free(entries->items);
}

static int by_use(const void *a, const void *b)
{
    const struct timespec *x = &((const struct entry *)a)->used, *y = &((const struct entry *)b)->used;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* A process that reads a file while it goes has it open; one that comes too late compiles. */
void clmix_cache_trim(void)
{
    struct entries entries = list();
    size_t total = 0, limit;
    char error[1024];

    snprintf(error, sizeof error, "%s", clmix_error());
    if (clmix_cache_limit(&limit) != CLMIX_OK)
        (void)clmix_fail(CLMIX_OK, "%s", error);
    for (size_t i = 0; i < entries.count; i++)
        total += entries.items[i].bytes;
    if (total > limit)
        qsort(entries.items, entries.count, sizeof *entries.items, by_use);
    for (size_t i = 0; total > limit && i + 1 < entries.count; i++)
        if (unlink(entries.items[i].path) == 0 || errno == ENOENT)
            total -= entries.items[i].bytes;
    forget(&entries);
}

clmix_status clmix_cache_describe(clmix_cache_info *info)
{
    CLMIX_NEED(info);

    struct entries entries;

    memset(info, 0, sizeof *info);
    CLMIX_TRY(clmix_cache_limit(&info->limit_bytes));
    entries = list();
    info->refused = entries.refused;
    for (size_t i = 0; i < entries.count; i++) {
        info->programs += entries.items[i].whole && entries.items[i].own;
        info->bytes += entries.items[i].bytes;
    }
    forget(&entries);
    return CLMIX_OK;
}

void clmix_cache_clear(size_t *programs, size_t *bytes)
{
    struct entries entries = list();
    size_t whole = 0, sum = 0;

    for (size_t i = 0; i < entries.count; i++)
        if (unlink(entries.items[i].path) == 0) {
            whole += entries.items[i].whole;
            sum += entries.items[i].bytes;
        }
    if (programs != NULL)
        *programs = whole;
    if (bytes != NULL)
        *bytes = sum;
    forget(&entries);
}
