/* Compiled programs on disk, one file each. They are run, so they must be this user's own: in a folder that belongs to the user and that nobody
 * else may write to, and so each file. Whatever is wrong with the folder or a file, the answer is "not there": the caller compiles the
 * source and overwrites the file.
 *
 * A file is: magic (8), key (32), bytes of the list of kernels (8), bytes of the binary (8), SHA-256 of the two (32), the list, the binary.
 * Numbers are little-endian. */
#include "base/file.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT_VERSION  "2"
#define MAGIC           "CLMIXK1\n"
#define HEADER_BYTES    (8 + CLMIX_HASH_BYTES + 8 + 8 + CLMIX_HASH_BYTES)
#define MOST_FILE_BYTES ((size_t)256 << 20)
#define MOST_NAME       80 /* 64 digits and ".clmix" */

const char *clmix_cache_folder(void)
{
    static _Thread_local char folder[1024];
    const char *given = getenv("CLMIX_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = 0;

    folder[0] = '\0';
    if (given != NULL)
        length = snprintf(folder, sizeof folder, "%s", given);
    else if (xdg != NULL && xdg[0] == '/') /* the XDG specification: relative ones are to be ignored */
        length = snprintf(folder, sizeof folder, "%s/clmix", xdg);
    else if (home != NULL && home[0] != '\0')
        length = snprintf(folder, sizeof folder, "%s/.cache/clmix", home);
    if (length < 0 || (size_t)length >= sizeof folder)
        folder[0] = '\0';
    return folder;
}

void clmix_cache_key(const clmix_device_info *info, const char *text, const char *options, unsigned char key[CLMIX_HASH_BYTES])
{
    const char *parts[] = { FORMAT_VERSION, info->platform, info->platform_version, info->name, info->vendor, info->driver, options, text };
    clmix_hash hash;

    clmix_hash_start(&hash);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        clmix_hash_add(&hash, parts[i], strlen(parts[i]) + 1); /* the zero byte keeps neighbours apart */
    clmix_hash_add(&hash, &info->target, sizeof info->target);
    clmix_hash_finish(&hash, key);
}

static char *path_of(const unsigned char key[CLMIX_HASH_BYTES])
{
    char name[MOST_NAME], hex[2 * CLMIX_HASH_BYTES + 1];
    const char *folder = clmix_cache_folder();

    if (folder[0] == '\0')
        return NULL;
    clmix_hash_hex(key, hex);
    snprintf(name, sizeof name, "%s.clmix", hex);
    return clmix_path_join(folder, name);
}

static void put_number(unsigned char *at, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(number >> (8 * i));
}

static uint64_t get_number(const unsigned char *at)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static void checksum(const void *kernels, size_t kernels_bytes, const void *binary, size_t binary_bytes,
                     unsigned char digest[CLMIX_HASH_BYTES])
{
    clmix_hash hash;

    clmix_hash_start(&hash);
    clmix_hash_add(&hash, kernels, kernels_bytes);
    clmix_hash_add(&hash, binary, binary_bytes);
    clmix_hash_finish(&hash, digest);
}

/* The parts of a file's content, or false when anything about it is not as written. */
static bool parse(unsigned char *content, size_t bytes, const unsigned char key[CLMIX_HASH_BYTES], struct clmix_cached *cached)
{
    unsigned char digest[CLMIX_HASH_BYTES];
    uint64_t kernels_bytes, binary_bytes;

    if (bytes < HEADER_BYTES || memcmp(content, MAGIC, 8) != 0 || memcmp(content + 8, key, CLMIX_HASH_BYTES) != 0)
        return false;
    kernels_bytes = get_number(content + 8 + CLMIX_HASH_BYTES);
    binary_bytes = get_number(content + 16 + CLMIX_HASH_BYTES);
    if (kernels_bytes == 0 || kernels_bytes > bytes - HEADER_BYTES || binary_bytes == 0 ||
        binary_bytes != bytes - HEADER_BYTES - kernels_bytes)
        return false;
    cached->kernels = (char *)content + HEADER_BYTES;
    cached->binary = content + HEADER_BYTES + kernels_bytes;
    cached->binary_bytes = (size_t)binary_bytes;
    checksum(cached->kernels, (size_t)kernels_bytes, cached->binary, cached->binary_bytes, digest);
    return memcmp(digest, content + 24 + CLMIX_HASH_BYTES, CLMIX_HASH_BYTES) == 0 &&
           memchr(cached->kernels, '\0', (size_t)kernels_bytes) == cached->kernels + kernels_bytes - 1; /* ends there, and not before */
}

/* What goes wrong here is no failure of the caller's, so the thread's error text is put back. */
static void restore_error(const char *text)
{
    (void)clmix_fail(CLMIX_OK, "%s", text);
}

const char *clmix_cache_refusal(void)
{
    static _Thread_local char why[1200];
    const char *folder = clmix_cache_folder();
    char error[1024];

    snprintf(error, sizeof error, "%s", clmix_error());
    why[0] = '\0';
    if (folder[0] != '\0' && clmix_folder_check_own(folder) != CLMIX_OK)
        snprintf(why, sizeof why, "%s", clmix_error());
    restore_error(error);
    return why;
}

bool clmix_cache_load(const unsigned char key[CLMIX_HASH_BYTES], struct clmix_cached *cached)
{
    char *path = path_of(key), error[1024];
    void *content = NULL;
    size_t bytes = 0;
    bool good;

    memset(cached, 0, sizeof *cached);
    if (path == NULL)
        return false;
    snprintf(error, sizeof error, "%s", clmix_error());
    good = clmix_folder_check_own(clmix_cache_folder()) == CLMIX_OK &&
           clmix_file_read_own(path, MOST_FILE_BYTES, &content, &bytes) == CLMIX_OK && parse(content, bytes, key, cached);
    restore_error(error);
    if (good)
        (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW); /* used now: what was used longest ago goes first when room is short */
    free(path);
    cached->file = content;
    if (!good) {
        free(content);
        memset(cached, 0, sizeof *cached);
    }
    return good;
}

static clmix_status write_file(const char *path, const unsigned char *header, const char *kernels, size_t kernels_bytes, const void *binary,
                               size_t binary_bytes)
{
    clmix_file_writer writer;

    CLMIX_TRY(clmix_file_begin_own(&writer, path));
    CLMIX_TRY(clmix_file_put(&writer, header, HEADER_BYTES));
    CLMIX_TRY(clmix_file_put(&writer, kernels, kernels_bytes));
    CLMIX_TRY(clmix_file_put(&writer, binary, binary_bytes));
    return clmix_file_finish(&writer);
}

void clmix_cache_save(const unsigned char key[CLMIX_HASH_BYTES], const char *kernels, const void *binary, size_t binary_bytes)
{
    unsigned char header[HEADER_BYTES];
    char *path = path_of(key), error[1024];
    size_t kernels_bytes = strlen(kernels) + 1;

    if (path == NULL)
        return;
    snprintf(error, sizeof error, "%s", clmix_error());
    memcpy(header, MAGIC, 8);
    memcpy(header + 8, key, CLMIX_HASH_BYTES);
    put_number(header + 8 + CLMIX_HASH_BYTES, kernels_bytes);
    put_number(header + 16 + CLMIX_HASH_BYTES, binary_bytes);
    checksum(kernels, kernels_bytes, binary, binary_bytes, header + 24 + CLMIX_HASH_BYTES);
    if (clmix_folder_make_own(clmix_cache_folder()) == CLMIX_OK)
        (void)write_file(path, header, kernels, kernels_bytes, binary, binary_bytes);
    restore_error(error);
    free(path);
}
