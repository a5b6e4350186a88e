/* Kernel sources: embedded ones, or those of $CLMIX_KERNEL_DIR, with #include "x.h" replaced by the file. By text, because include paths with
 * spaces break several drivers, and because the cache key must cover what was included. */
#include "base/file.h"
#include "base/status.h"
#include "runtime/embedded.h"
#include "runtime/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_INCLUDES     32
#define MOST_SOURCE_BYTES ((size_t)4 << 20)

struct assembly {
    char *text;
    size_t length, capacity;
    char included[MOST_INCLUDES][64]; /* each file once */
    size_t included_count;
};

static clmix_status append(struct assembly *out, const char *text, size_t length)
{
    if (out->length + length + 1 > out->capacity) {
        size_t capacity = 2 * (out->length + length + 1);
        char *larger = realloc(out->text, capacity);

        if (larger == NULL)
            return clmix_fail_memory("a kernel source");
        out->text = larger;
        out->capacity = capacity;
    }
    memcpy(out->text + out->length, text, length);
    out->length += length;
    out->text[out->length] = '\0';
    return CLMIX_OK;
}

/* One file as it stands; the caller frees *text. */
static clmix_status read_plain(const char *file, char **text)
{
    const char *folder = getenv("CLMIX_KERNEL_DIR");
    void *content;
    size_t bytes;

    *text = NULL;
    if (folder != NULL && folder[0] != '\0') {
        char *path = clmix_path_join(folder, file);
        clmix_status status = path == NULL ? clmix_fail_memory("a path") : clmix_file_read(path, MOST_SOURCE_BYTES, &content, &bytes);

        free(path);
        if (status == CLMIX_OK)
            *text = content;
        return status == CLMIX_OK ? status : clmix_fail_at(status, "CLMIX_KERNEL_DIR");
    }
    for (size_t i = 0; i < clmix_embedded_count; i++)
        if (strcmp(clmix_embedded_files[i].name, file) == 0) {
            *text = malloc(clmix_embedded_files[i].bytes + 1);
            if (*text == NULL)
                return clmix_fail_memory("a kernel source");
            memcpy(*text, clmix_embedded_files[i].text, clmix_embedded_files[i].bytes + 1);
            return CLMIX_OK;
        }
    return clmix_fail(CLMIX_ERROR_INTERNAL, "no kernel file '%s' is part of this library", file);
}

/* The name in a line that reads #include "name"; false for other lines. */
static bool parse_include(const char *line, size_t length, char *name, size_t bytes)
{
    const char *end = line + length, *quote;

    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    if ((size_t)(end - line) < 10 || strncmp(line, "#include", 8) != 0)
        return false;
    for (line += 8; line < end && (*line == ' ' || *line == '\t'); line++)
        ;
    if (line == end || *line != '"')
        return false;
    line++;
    quote = memchr(line, '"', (size_t)(end - line));
    if (quote == NULL || quote == line || (size_t)(quote - line) >= bytes)
        return false;
    memcpy(name, line, (size_t)(quote - line));
    name[quote - line] = '\0';
    return true;
}

static bool include_first_time(struct assembly *out, const char *name)
{
    for (size_t i = 0; i < out->included_count; i++)
        if (strcmp(out->included[i], name) == 0)
            return false;
    snprintf(out->included[out->included_count++], sizeof out->included[0], "%s", name);
    return true;
}

/* #line keeps the places in the build log those of the files. */
static clmix_status append_line_mark(struct assembly *out, size_t line, const char *file)
{
    char mark[128];

    return append(out, mark, (size_t)snprintf(mark, sizeof mark, "#line %zu \"%s\"\n", line, file));
}

static clmix_status add_file(struct assembly *out, const char *file)
{
    char *text;
    size_t number = 1;
    clmix_status status = read_plain(file, &text);

    if (status == CLMIX_OK)
        status = append_line_mark(out, 1, file);
    for (const char *line = text; status == CLMIX_OK && *line != '\0'; number++) {
        size_t length = strcspn(line, "\n");
        char name[64];

        if (!parse_include(line, length, name, sizeof name)) {
            status = append(out, line, length);
            if (status == CLMIX_OK)
                status = append(out, "\n", 1);
        } else if (out->included_count == MOST_INCLUDES) {
            status = clmix_fail(CLMIX_ERROR_INTERNAL, "kernel file '%s' leads to more than %d includes", file, MOST_INCLUDES);
        } else if (include_first_time(out, name)) {
            status = add_file(out, name);
            if (status == CLMIX_OK)
                status = append_line_mark(out, number + 1, file);
            else
                status = clmix_fail_at(status, "%s:%zu", file, number);
        } else {
            status = append(out, "\n", 1);
        }
        line += length + (line[length] == '\n');
    }
    free(text);
    return status;
}

clmix_status clmix_source_read(const char *file, char **text)
{
    struct assembly out = { .text = NULL };
    clmix_status status = add_file(&out, file);

    if (status != CLMIX_OK) {
        free(out.text);
        out.text = NULL;
    }
    *text = out.text;
    return status;
}
