#include "base/file.h"

#include "base/lock.h"
#include "base/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_TEMPORARIES 100

char *clmix_path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder) + strlen(name) + 2;
    char *path = malloc(length);

    if (path != NULL)
        snprintf(path, length, "%s/%s", folder, name);
    return path;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a named pipe"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
           : S_ISLNK(mode)  ? "a symbolic link"
                            : "something else";
}

static clmix_status check_owner(const char *path, const struct stat *info)
{
    if (info->st_uid != geteuid())
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' belongs to user %lu and this process runs as user %lu", path, (unsigned long)info->st_uid,
                          (unsigned long)geteuid());
    if ((info->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return clmix_fail(CLMIX_ERROR_FILE, "others may write to '%s' (mode %03o, which chmod -R go-w changes)", path,
                          (unsigned)info->st_mode & 0777);
    return CLMIX_OK;
}

static clmix_status check_file(const char *path, bool own, const struct stat *info)
{
    if (!S_ISREG(info->st_mode))
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' is %s, not a regular file", path, kind_of(info->st_mode));
    return own ? check_owner(path, info) : CLMIX_OK;
}

/* Looked at before it is opened, since opening is already an act for a device, and for the writer of a pipe; and again afterwards, since it
 * may have been replaced in between. Opened without waiting, so that even then nothing hangs. */
static clmix_status open_regular(const char *path, bool own, int *descriptor, struct stat *info)
{
    clmix_status status;

    *descriptor = -1;
    if ((own ? lstat(path, info) : stat(path, info)) != 0)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot open '%s': %s", path, strerror(errno));
    CLMIX_TRY(check_file(path, own, info));
    *descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (own ? O_NOFOLLOW : 0));
    if (*descriptor < 0)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot open '%s': %s", path, strerror(errno));
    status = fstat(*descriptor, info) != 0 ? clmix_fail(CLMIX_ERROR_FILE, "cannot read '%s': %s", path, strerror(errno))
                                           : check_file(path, own, info);
    if (status != CLMIX_OK) {
        close(*descriptor);
        *descriptor = -1;
    }
    return status;
}

clmix_status clmix_file_open(const char *path, int *descriptor)
{
    struct stat info;

    return open_regular(path, false, descriptor, &info);
}

static clmix_status read_bytes(int descriptor, const char *path, char *content, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(descriptor, content + done, size - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return clmix_fail(CLMIX_ERROR_FILE, "cannot read '%s': %s", path,
                              got < 0 ? strerror(errno) : "it became shorter while it was read");
        done += (size_t)got;
    }
    return CLMIX_OK;
}

/* Whether a file is as it was: one that is written to meanwhile is half one content and half the other. */
static clmix_status check_unchanged(int descriptor, const char *path, const struct stat *before)
{
    struct stat after;

    if (fstat(descriptor, &after) != 0 || after.st_size != before->st_size || after.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        after.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' was changed while it was read; try again once nothing writes to it", path);
    return CLMIX_OK;
}

static clmix_status read_file(const char *path, bool own, size_t limit_bytes, void **data, size_t *bytes)
{
    char *content = NULL;
    struct stat info;
    clmix_status status;
    int descriptor;
    size_t size;

    *data = NULL;
    *bytes = 0;
    CLMIX_TRY(open_regular(path, own, &descriptor, &info));
    size = (size_t)info.st_size;
    if (size > limit_bytes)
        status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu bytes, more than the %zu such a file may have", path, size, limit_bytes);
    else if ((content = malloc(size + 1)) == NULL)
        status = clmix_fail_memory(path);
    else
        status = read_bytes(descriptor, path, content, size);
    if (status == CLMIX_OK && !own)
        status = check_unchanged(descriptor, path, &info);
    close(descriptor);
    if (status != CLMIX_OK) {
        free(content);
        return status;
    }
    content[size] = '\0';
    *data = content;
    *bytes = size;
    return CLMIX_OK;
}

clmix_status clmix_file_read(const char *path, size_t limit_bytes, void **data, size_t *bytes)
{
    return read_file(path, false, limit_bytes, data, bytes);
}

clmix_status clmix_file_read_own(const char *path, size_t limit_bytes, void **data, size_t *bytes)
{
    return read_file(path, true, limit_bytes, data, bytes);
}

clmix_status clmix_file_check_own(const char *path)
{
    struct stat info;

    if (lstat(path, &info) != 0)
        return errno == ENOENT ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FILE, "cannot look at '%s': %s", path, strerror(errno));
    return check_file(path, true, &info);
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------ */

/* The folder that holds the name, in fresh memory; NULL when out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL || slash == path ? 1 : (size_t)(slash - path);

    return strndup(slash == NULL ? "." : path, length);
}

/* A new file under a name that nothing has, not even a link that leads elsewhere: "PATH.PROCESS.tmp", and where a process of that number died
 * or another thread writes the same file, "PATH.PROCESS-2.tmp" and so on. It is locked while it is written: one that nobody has locked was
 * left by a process that died. */
static FILE *open_temporary(const char *path, mode_t mode, char *temporary, size_t length)
{
    for (int i = 1; i <= MOST_TEMPORARIES; i++) {
        enum clmix_hold held;
        FILE *stream;
        int descriptor;

        if (i == 1)
            snprintf(temporary, length, "%s.%ld.tmp", path, (long)getpid());
        else
            snprintf(temporary, length, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (descriptor < 0 && errno == EEXIST)
            continue;
        held = descriptor < 0 ? CLMIX_HOLD_UNKNOWN : clmix_hold(descriptor, temporary);
        if (held == CLMIX_HOLD_BUSY || held == CLMIX_HOLD_GONE) { /* taken for a leftover before it was locked */
            close(descriptor);
            continue;
        }
        stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
        if (stream == NULL && descriptor >= 0) {
            close(descriptor);
            unlink(temporary);
        }
        return stream;
    }
    return NULL;
}

/* "BASE.123.tmp" or "BASE.123-4.tmp" */
static bool is_temporary(const char *name, const char *base)
{
    const size_t length = strlen(base);
    const char *end;

    if (strncmp(name, base, length) != 0 || name[length] != '.')
        return false;
    end = name + length + 1 + strspn(name + length + 1, "0123456789-");
    return end > name + length + 1 && strcmp(end, ".tmp") == 0;
}

/* If it stays, it only takes room. */
static void remove_unheld(const char *path)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (descriptor < 0)
        return;
    if (clmix_hold(descriptor, path) == CLMIX_HOLD_TAKEN)
        (void)unlink(path);
    close(descriptor);
}

void clmix_file_sweep(const char *path)
{
    char *folder = folder_of(path);
    const char *slash = strrchr(path, '/');
    DIR *list = folder == NULL ? NULL : opendir(folder);
    const struct dirent *entry;

    while (list != NULL && (entry = readdir(list)) != NULL) {
        char *found = is_temporary(entry->d_name, slash == NULL ? path : slash + 1) ? clmix_path_join(folder, entry->d_name) : NULL;

        if (found != NULL)
            remove_unheld(found);
        free(found);
    }
    if (list != NULL)
        closedir(list);
    free(folder);
}

static clmix_status begin(clmix_file_writer *writer, const char *path, mode_t mode)
{
    size_t length = strlen(path) + 48;

    memset(writer, 0, sizeof *writer);
    writer->path = strdup(path);
    writer->temporary = malloc(length);
    if (writer->path == NULL || writer->temporary == NULL) {
        clmix_file_abandon(writer);
        return clmix_fail_memory(path);
    }
    clmix_file_sweep(path);
    writer->stream = open_temporary(path, mode, writer->temporary, length);
    if (writer->stream == NULL) {
        clmix_status status = clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, strerror(errno));
        free(writer->temporary);
        writer->temporary = NULL;
        clmix_file_abandon(writer);
        return status;
    }
    return CLMIX_OK;
}

clmix_status clmix_file_begin(clmix_file_writer *writer, const char *path)
{
    return begin(writer, path, 0666);
}

clmix_status clmix_file_begin_own(clmix_file_writer *writer, const char *path)
{
    return begin(writer, path, 0600);
}

static clmix_status write_failed(clmix_file_writer *writer, int error)
{
    clmix_status status =
        clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s; the file that stood there is unchanged", writer->path, strerror(error));

    clmix_file_abandon(writer);
    return status;
}

clmix_status clmix_file_put(clmix_file_writer *writer, const void *data, size_t bytes)
{
    if (bytes > 0 && fwrite(data, 1, bytes, writer->stream) != bytes)
        return write_failed(writer, errno);
    return CLMIX_OK;
}

clmix_status clmix_file_put_again(clmix_file_writer *writer, size_t offset, const void *data, size_t bytes)
{
    if (fseeko(writer->stream, (off_t)offset, SEEK_SET) != 0)
        return write_failed(writer, errno);
    CLMIX_TRY(clmix_file_put(writer, data, bytes));
    return fseeko(writer->stream, 0, SEEK_END) == 0 ? CLMIX_OK : write_failed(writer, errno);
}

/* A rename is durable only when the folder that holds the name is on disk too; a file system that cannot sync a folder is no reason to
 * fail. */
static void sync_folder_of(const char *path)
{
    char *folder = folder_of(path);
    int descriptor = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

clmix_status clmix_file_finish(clmix_file_writer *writer)
{
    FILE *stream = writer->stream;

    if (fflush(stream) != 0 || fsync(fileno(stream)) != 0)
        return write_failed(writer, errno);
    writer->stream = NULL;
    if (fclose(stream) != 0)
        return write_failed(writer, errno);
    if (rename(writer->temporary, writer->path) != 0)
        return write_failed(writer, errno);
    sync_folder_of(writer->path);
    free(writer->temporary);
    writer->temporary = NULL;
    clmix_file_abandon(writer);
    return CLMIX_OK;
}

void clmix_file_abandon(clmix_file_writer *writer)
{
    if (writer->stream != NULL)
        fclose(writer->stream);
    if (writer->temporary != NULL)
        unlink(writer->temporary);
    free(writer->temporary);
    free(writer->path);
    memset(writer, 0, sizeof *writer);
}

clmix_status clmix_file_write(const char *path, const void *data, size_t bytes)
{
    clmix_file_writer writer;

    CLMIX_TRY(clmix_file_begin(&writer, path));
    CLMIX_TRY(clmix_file_put(&writer, data, bytes));
    return clmix_file_finish(&writer);
}

static clmix_status append(const char *path, bool own, const char *text)
{
    const size_t length = strlen(text);
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (own ? O_NOFOLLOW : 0);
    int descriptor = open(path, flags, own ? 0600 : 0666);
    struct stat info;
    clmix_status status;
    ssize_t written;

    if (descriptor < 0)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, strerror(errno));
    status = fstat(descriptor, &info) != 0 ? clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, strerror(errno))
                                           : check_file(path, own, &info);
    if (status == CLMIX_OK) {
        written = write(descriptor, text, length);
        if (written < 0 || (size_t)written != length)
            status = clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, written < 0 ? strerror(errno) : "no room is left");
    }
    if (close(descriptor) != 0 && status == CLMIX_OK)
        status = clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, strerror(errno));
    return status;
}

clmix_status clmix_file_append(const char *path, const char *text)
{
    return append(path, false, text);
}

clmix_status clmix_file_append_own(const char *path, const char *text)
{
    return append(path, true, text);
}

/* ---- folders ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status make_folder(const char *path, mode_t mode)
{
    char *partial = strdup(path);
    clmix_status status = CLMIX_OK;

    if (partial == NULL)
        return clmix_fail_memory("a path");
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(partial, mode); /* what really fails shows at the last part */
        *slash = '/';
    }
    if (mkdir(partial, mode) != 0) {
        struct stat info;
        int error = errno;

        if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
            status = clmix_fail(CLMIX_ERROR_FILE, "cannot make the folder '%s': %s", path, strerror(error));
    }
    free(partial);
    return status;
}

clmix_status clmix_folder_make(const char *path)
{
    return make_folder(path, 0777);
}

clmix_status clmix_folder_make_own(const char *path)
{
    CLMIX_TRY(make_folder(path, 0700));
    return clmix_folder_check_own(path);
}

clmix_status clmix_folder_check_own(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return errno == ENOENT ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FILE, "cannot look at '%s': %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' is no folder", path);
    return check_owner(path, &info);
}
