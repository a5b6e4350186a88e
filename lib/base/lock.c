#define _DEFAULT_SOURCE /* flock */
#include "base/lock.h"

#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool still_there(int descriptor, const char *path)
{
    struct stat held, named;

    return fstat(descriptor, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

enum clmix_hold clmix_hold(int descriptor, const char *path)
{
    int result;

    do
        result = flock(descriptor, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK)
        return CLMIX_HOLD_BUSY;
    if (!still_there(descriptor, path))
        return CLMIX_HOLD_GONE;
    return result == 0 ? CLMIX_HOLD_TAKEN : CLMIX_HOLD_UNKNOWN;
}

/* ---- files that stand for something else ---------------------------------------------------------------------------------------------- */

/* For people who wonder; that it cannot be written (the disk is full) is no reason to fail. */
static void write_holder(int descriptor)
{
    char text[320], host[256] = "";
    int length;

    (void)gethostname(host, sizeof host - 1);
    length = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host[0] != '\0' ? host : "this host");
    if (ftruncate(descriptor, 0) == 0)
        (void)!pwrite(descriptor, text, (size_t)length, 0);
}

static clmix_status refuse(int descriptor, const char *what)
{
    char text[320];
    ssize_t length = pread(descriptor, text, sizeof text - 1, 0);

    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return clmix_fail(CLMIX_ERROR_FILE, "'%s' is in use by %s; wait for it, stop it, or choose another folder", what,
                      text[0] != '\0' ? text : "another process");
}

/* The file at `path`, locked: -1 after a failure. One that its last holder removes while it is being opened is made again. */
static clmix_status open_held(const char *path, const char *what, int *descriptor)
{
    for (;;) {
        enum clmix_hold held;

        *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0666);
        if (*descriptor < 0)
            return clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, strerror(errno));
        held = clmix_hold(*descriptor, path);
        if (held != CLMIX_HOLD_BUSY && held != CLMIX_HOLD_GONE)
            return CLMIX_OK;
        if (held == CLMIX_HOLD_BUSY) {
            const clmix_status status = refuse(*descriptor, what);

            close(*descriptor);
            return status;
        }
        close(*descriptor);
    }
}

clmix_status clmix_lock_take(clmix_lock *lock, const char *path, const char *what)
{
    char *copy = strdup(path);
    clmix_status status = copy == NULL ? clmix_fail_memory("a path") : open_held(path, what, &lock->descriptor);

    if (status != CLMIX_OK) {
        free(copy);
        lock->path = NULL;
        return status;
    }
    write_holder(lock->descriptor);
    lock->path = copy;
    return CLMIX_OK;
}

/* Removed while it is still held, so that it is not another holder's. */
void clmix_lock_release(clmix_lock *lock)
{
    if (lock->path == NULL)
        return;
    (void)unlink(lock->path);
    close(lock->descriptor);
    free(lock->path);
    lock->path = NULL;
}
