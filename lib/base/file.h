/* Files as clmix needs them: whole reads, and writes that appear complete or not at all. */
#ifndef CLMIX_BASE_FILE_H
#define CLMIX_BASE_FILE_H

#include <clmix/status.h>
#include <stddef.h>
#include <stdio.h>

/* This file alone opens files for reading (a lint test checks): what is no regular file is refused before anyone waits for it.
 *
 * Reads a whole file into memory that the caller frees; a zero byte follows the content. Fails with FILE (cannot open or read; a folder, a
 * pipe, a socket or a device; changed while it was read) or FORMAT (larger than `limit_bytes`). */
clmix_status clmix_file_read(const char *path, size_t limit_bytes, void **data, size_t *bytes);

/* Opens a regular file for reading, for libraries that read by themselves. The caller closes the descriptor, -1 on failure. */
clmix_status clmix_file_open(const char *path, int *descriptor);

/* A file that is written under a temporary name beside `path`, and takes its place only when finished: flushed, synced, renamed, the folder
 * synced. On any failure the temporary file is removed and what stood at `path` stays. */
typedef struct clmix_file_writer {
    FILE *stream;
    char *path;
    char *temporary;
} clmix_file_writer;
clmix_status clmix_file_begin(clmix_file_writer *writer, const char *path);
clmix_status clmix_file_put(clmix_file_writer *writer, const void *data, size_t bytes); /* on failure the writer is already abandoned */
/* Writes over bytes that were put before. */
clmix_status clmix_file_put_again(clmix_file_writer *writer, size_t offset, const void *data, size_t bytes);
clmix_status clmix_file_finish(clmix_file_writer *writer);
void clmix_file_abandon(clmix_file_writer *writer); /* harmless after finish or a failed put */

/* Removes what processes that died while writing `path` left beside it; clmix_file_begin does so too. What is being written stays. */
void clmix_file_sweep(const char *path);

/* Writes a whole file that way. */
clmix_status clmix_file_write(const char *path, const void *data, size_t bytes);

/* Adds to the end of a file, which is made if need be, in one write: processes that do so at once do not mix within a text. */
clmix_status clmix_file_append(const char *path, const char *text);

/* Files that this user alone can have written, for what is trusted so far that it is run. Reading and adding refuse (FILE) a file that belongs
 * to another user than the process runs as, that others may write to, or that a symbolic link leads to; what is written is for this user
 * alone. */
clmix_status clmix_file_read_own(const char *path, size_t limit_bytes, void **data, size_t *bytes);
clmix_status clmix_file_begin_own(clmix_file_writer *writer, const char *path);
clmix_status clmix_file_append_own(const char *path, const char *text);
/* Whether a file is of this kind, or not there yet. */
clmix_status clmix_file_check_own(const char *path);
/* A folder of the same kind, made if need be; and whether one is (or is not there yet). */
clmix_status clmix_folder_make_own(const char *path);
clmix_status clmix_folder_check_own(const char *path);

/* Makes a folder and its parents; an existing folder is fine. */
clmix_status clmix_folder_make(const char *path);

/* "folder/name" in fresh memory, NULL when out of memory. */
char *clmix_path_join(const char *folder, const char *name);

#endif
