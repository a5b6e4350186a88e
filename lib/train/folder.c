#include "train/folder.h"

#include "base/file.h"
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 4 };
/* The checkpoint goes first and comes back last: where moving is cut short, no checkpoint stands beside files of another time. */
static const char *const names[FILES] = { "checkpoint.safetensors", "model.safetensors", "log.jsonl", "curves.svg" };

static bool exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static bool has(const char *folder, const char *name)
{
    char *path = clmix_path_join(folder, name);
    const bool found = path != NULL && exists(path);

    free(path);
    return found;
}

/* ---- owning ------------------------------------------------------------------------------------------------------------------------- */

static bool name_files(struct clmix_run_folder *folder, const char *path)
{
    folder->path = strdup(path);
    folder->checkpoint = clmix_path_join(path, names[0]);
    folder->model = clmix_path_join(path, names[1]);
    folder->log = clmix_path_join(path, names[2]);
    folder->curves = clmix_path_join(path, names[3]);
    return folder->path != NULL && folder->checkpoint != NULL && folder->model != NULL && folder->log != NULL && folder->curves != NULL;
}

static clmix_status take(struct clmix_run_folder *folder, bool new_run)
{
    char *lock;
    clmix_status status;

    if (new_run) {
        folder->made = !exists(folder->path);
        CLMIX_TRY(clmix_folder_make(folder->path));
    } else if (!exists(folder->checkpoint)) {
        return clmix_fail(CLMIX_ERROR_FILE, "cannot resume: there is no '%s'", folder->checkpoint);
    }
    lock = clmix_path_join(folder->path, "lock");
    status = lock == NULL ? clmix_fail_memory("a path") : clmix_lock_take(&folder->lock, lock, folder->path);
    free(lock);
    return status;
}

clmix_status clmix_run_folder_name(struct clmix_run_folder *folder, const char *path)
{
    memset(folder, 0, sizeof *folder);
    if (name_files(folder, path))
        return CLMIX_OK;
    clmix_run_folder_close(folder);
    return clmix_fail_memory("paths");
}

clmix_status clmix_run_folder_open(struct clmix_run_folder *folder, const char *path, bool new_run)
{
    clmix_status status;

    CLMIX_TRY(clmix_run_folder_name(folder, path));
    status = take(folder, new_run);
    if (status != CLMIX_OK)
        clmix_run_folder_close(folder);
    return status;
}

void clmix_run_folder_close(struct clmix_run_folder *folder)
{
    clmix_lock_release(&folder->lock);
    if (folder->made)
        (void)rmdir(folder->path); /* stays if it is not empty */
    free(folder->path);
    free(folder->checkpoint);
    free(folder->model);
    free(folder->log);
    free(folder->curves);
    memset(folder, 0, sizeof *folder);
}

/* ---- what was there ----------------------------------------------------------------------------------------------------------------- */

void clmix_run_folder_sweep(struct clmix_run_folder *folder)
{
    folder->made = false;
    clmix_file_sweep(folder->checkpoint);
    clmix_file_sweep(folder->model);
    clmix_file_sweep(folder->log);
    clmix_file_sweep(folder->curves);
}

/* Nothing to move is fine. */
static bool move_file(const char *from, const char *to, const char *name)
{
    char *old = clmix_path_join(from, name), *new = clmix_path_join(to, name);
    const bool moved = old != NULL && new != NULL && (rename(old, new) == 0 || errno == ENOENT);

    free(old);
    free(new);
    return moved;
}

/* All of them, or none. */
static clmix_status move_files(const char *from, const char *to)
{
    clmix_status status = clmix_folder_make(to);
    int done = 0;

    while (status == CLMIX_OK && done < FILES)
        if (move_file(from, to, names[done]))
            done++;
        else
            status = clmix_fail(CLMIX_ERROR_FILE, "cannot move '%s' of the older run in '%s' to '%s': %s; choose another folder",
                                names[done], from, to, strerror(errno));
    if (status == CLMIX_OK)
        return CLMIX_OK;
    while (done-- > 0)
        (void)move_file(to, from, names[done]);
    (void)rmdir(to);
    return status;
}

/* "PATH/previous-N", the first that is not there. */
static char *free_name(const char *path)
{
    char name[32];

    for (int i = 1; i > 0; i++) {
        snprintf(name, sizeof name, "previous-%d", i);
        if (!has(path, name))
            return clmix_path_join(path, name);
    }
    return NULL;
}

clmix_status clmix_run_folder_move(struct clmix_run_folder *folder, char **moved)
{
    char *target;
    clmix_status status;

    *moved = NULL;
    if (!exists(folder->checkpoint) && !exists(folder->model))
        return CLMIX_OK;
    target = free_name(folder->path);
    status = target == NULL ? clmix_fail_memory("a path") : move_files(folder->path, target);
    if (status != CLMIX_OK) {
        free(target);
        return status;
    }
    *moved = target;
    return CLMIX_OK;
}
