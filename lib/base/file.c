#include "base/file.h"

#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *clmix_path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder) + strlen(name) + 2;
    char *path = malloc(length);

    if (path != NULL)
        snprintf(path, length, "%s/%s", folder, name);
    return path;
}

clmix_status clmix_file_read(const char *path, size_t limit_bytes, void **data, size_t *bytes)
{
    FILE *stream = fopen(path, "rb");
    struct stat info;
    char *content = NULL;
    clmix_status status = CLMIX_OK;
    size_t size;

    *data = NULL;
    *bytes = 0;
    if (stream == NULL)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(fileno(stream), &info) != 0 || !S_ISREG(info.st_mode)) {
        status = clmix_fail(CLMIX_ERROR_FILE, "'%s' is not a regular file", path);
        goto done;
    }
    size = (size_t)info.st_size;
    if (size > limit_bytes) {
        status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu bytes, more than the %zu such a file may have", path, size, limit_bytes);
        goto done;
    }
    content = malloc(size + 1);
    if (content == NULL) {
        status = clmix_fail_memory(path);
        goto done;
    }
    if (fread(content, 1, size, stream) != size) {
        status = clmix_fail(CLMIX_ERROR_FILE, "cannot read '%s': %s", path,
                            ferror(stream) ? strerror(errno) : "it became shorter while it was read");
        goto done;
    }
    content[size] = '\0';
    *data = content;
    *bytes = size;
    content = NULL;
done:
    free(content);
    fclose(stream);
    return status;
}

clmix_status clmix_file_begin(clmix_file_writer *writer, const char *path)
{
    size_t length = strlen(path) + 32;

    memset(writer, 0, sizeof *writer);
    writer->path = strdup(path);
    writer->temporary = malloc(length);
    if (writer->path == NULL || writer->temporary == NULL) {
        clmix_file_abandon(writer);
        return clmix_fail_memory(path);
    }
    snprintf(writer->temporary, length, "%s.%ld.tmp", path, (long)getpid());
    writer->stream = fopen(writer->temporary, "wb");
    if (writer->stream == NULL) {
        clmix_status status = clmix_fail(CLMIX_ERROR_FILE, "cannot write '%s': %s", path, strerror(errno));
        free(writer->temporary);
        writer->temporary = NULL;
        clmix_file_abandon(writer);
        return status;
    }
    return CLMIX_OK;
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

/* A rename is durable only when the folder that holds the name is on disk too; a file system that cannot sync a folder is no reason to
 * fail. */
static void sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    int descriptor;

    if (folder == NULL)
        return;
    if (slash != NULL)
        slash[slash == folder] = '\0';
    descriptor = open(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY);
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

clmix_status clmix_folder_make(const char *path)
{
    char *partial = strdup(path);
    clmix_status status = CLMIX_OK;

    if (partial == NULL)
        return clmix_fail_memory("a path");
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(partial, 0777); /* what really fails shows at the last part */
        *slash = '/';
    }
    if (mkdir(partial, 0777) != 0) {
        struct stat info;
        int error = errno;

        if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
            status = clmix_fail(CLMIX_ERROR_FILE, "cannot make the folder '%s': %s", path, strerror(error));
    }
    free(partial);
    return status;
}
