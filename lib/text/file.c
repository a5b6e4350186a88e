#include "text/file.h"

#include "base/array.h"
#include "base/file.h"
#include "base/size.h"
#include "base/status.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BYTES ((size_t)64 << 10)

/* ---- bytes ------------------------------------------------------------------------------------------------------------------------------ */

/* Reads more behind what is there; file->ended when there is no more. A byte is left free, for the zero behind a record. */
static clmix_status fill(struct clmix_text_file *file)
{
    const size_t kept = file->end - file->begin;
    ssize_t got;

    if (file->begin > 0) {
        memmove(file->buffer, file->buffer + file->begin, kept);
        file->begin = 0;
        file->end = kept;
    }
    if (file->capacity < FIRST_BYTES || kept + 1 >= file->capacity)
        if (!clmix_array_reserve((void **)&file->buffer, &file->capacity, kept + FIRST_BYTES, 1))
            return clmix_fail_memory(file->path);
    do
        got = read(file->descriptor, file->buffer + kept, file->capacity - 1 - kept);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return clmix_fail(CLMIX_ERROR_FILE, "cannot read '%s': %s", file->path, strerror(errno));
    file->end += (size_t)got;
    file->ended = got == 0;
    return CLMIX_OK;
}

/* The encoding, as iconv calls it, of a text that begins so and is no UTF-8; NULL where it may be. Without a mark every other byte of usual letters is zero. */
static const char *find_foreign(const unsigned char *s, size_t bytes, const char **note)
{
    *note = "";
    if (bytes >= 4 && (memcmp(s, "\xFF\xFE\0\0", 4) == 0 || memcmp(s, "\0\0\xFE\xFF", 4) == 0))
        return "UTF-32";
    if (bytes >= 2 && (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "\xFE\xFF", 2) == 0))
        return "UTF-16";
    *note = " without a mark";
    if (bytes >= 4 && s[0] != 0 && s[1] == 0 && s[2] != 0 && s[3] == 0)
        return "UTF-16LE";
    return bytes >= 4 && s[0] == 0 && s[1] != 0 && s[2] == 0 && s[3] != 0 ? "UTF-16BE" : NULL;
}

static clmix_status check_encoding(struct clmix_text_file *file)
{
    const unsigned char *s;
    const char *foreign, *note;

    do { /* more than a byte is waited for only where that begins a mark */
        CLMIX_TRY(fill(file));
        s = (const unsigned char *)file->buffer;
    } while (!file->ended && file->end < 4 && s[0] >= 0xEF);
    foreign = find_foreign(s, file->end, &note);
    if (foreign != NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is %.6s%s, not UTF-8; iconv -f %s -t UTF-8 turns it into that", file->path, foreign,
                          note, foreign);
    if (file->end >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0)
        file->begin = 3;
    return CLMIX_OK;
}

clmix_status clmix_text_file_take(struct clmix_text_file *file, int descriptor, const char *name, clmix_skips *skips)
{
    clmix_status status;

    *file = (struct clmix_text_file){ .path = strdup(name), .descriptor = descriptor, .skips = skips, .next_line = 1 };
    status = file->path == NULL ? clmix_fail_memory(name) : check_encoding(file);
    if (status != CLMIX_OK)
        clmix_text_file_close(file);
    return status;
}

clmix_status clmix_text_file_open(struct clmix_text_file *file, const char *path, bool quoted, clmix_skips *skips)
{
    int descriptor;

    memset(file, 0, sizeof *file);
    CLMIX_TRY(clmix_file_open(path, &descriptor));
    CLMIX_TRY(clmix_text_file_take(file, descriptor, path, skips));
    file->quoted = quoted;
    return CLMIX_OK;
}

void clmix_text_file_close(struct clmix_text_file *file)
{
    if (file->next_line == 0)
        return;
    close(file->descriptor);
    free(file->buffer);
    free(file->path);
    memset(file, 0, sizeof *file);
}

/* ---- records ---------------------------------------------------------------------------------------------------------------------------- */

/* How far a record was looked through. */
struct scan {
    size_t bytes, line_ends;
    enum { AT_FIELD, IN_FIELD, IN_QUOTES, BEHIND_QUOTE } place;
    bool too_long;
};

/* Looks on for the record's end; true when it was found, at `bytes`. */
static bool scan_lines(const char *text, size_t bytes, struct scan *scan)
{
    const char *end = memchr(text + scan->bytes, '\n', bytes - scan->bytes);

    scan->bytes = end == NULL ? bytes : (size_t)(end - text);
    scan->line_ends = end != NULL;
    return end != NULL;
}

static bool scan_quoted(const char *text, size_t bytes, struct scan *scan)
{
    for (; scan->bytes < bytes; scan->bytes++) {
        const char c = text[scan->bytes];

        scan->line_ends += c == '\n';
        if (scan->place == IN_QUOTES) {
            if (c == '"')
                scan->place = BEHIND_QUOTE;
        } else if (c == '\n') {
            return true;
        } else {
            scan->place = c == '"' && scan->place != IN_FIELD ? IN_QUOTES : c == ',' ? AT_FIELD : IN_FIELD;
        }
    }
    return false;
}

/* Finds the end of the record that begins at file->begin; of one that is too long nothing stays in memory. */
static clmix_status find_end(struct clmix_text_file *file, struct scan *scan)
{
    for (;;) {
        const char *text = file->buffer + file->begin;
        const size_t bytes = file->end - file->begin;

        if (file->buffer != NULL && (file->quoted ? scan_quoted : scan_lines)(text, bytes, scan))
            break;
        if (file->ended) {
            if (scan->place == IN_QUOTES)
                return clmix_fail(CLMIX_ERROR_FORMAT,
                                  "'%s', line %zu: a quotation mark that opens in this row is not closed in all the rest", file->path,
                                  file->line);
            break;
        }
        if (bytes > CLMIX_RECORD_BYTES) {
            scan->too_long = true;
            scan->bytes = 0;
            file->begin = file->end = 0;
        }
        CLMIX_TRY(fill(file));
    }
    scan->too_long = scan->too_long || scan->bytes > CLMIX_RECORD_BYTES;
    return CLMIX_OK;
}

bool clmix_text_file_ready(const struct clmix_text_file *file)
{
    return memchr(file->buffer + file->begin, '\n', file->end - file->begin) != NULL;
}

/* Whether the record at hand can be taken; counted when not. */
static bool check(struct clmix_text_file *file, const struct scan *scan, const char *text, size_t bytes)
{
    size_t at;

    file->skips->read++;
    if (scan->too_long) {
        clmix_skip(file->skips, CLMIX_SKIP_LENGTH, "'%s', line %zu is longer than %zu MiB", file->path, file->line,
                   CLMIX_RECORD_BYTES >> 20);
        return false;
    }
    at = clmix_utf8_ill_formed(text, bytes);
    if (at == bytes)
        return true;
    clmix_skip(file->skips, CLMIX_SKIP_ENCODING, "'%s', line %zu is no UTF-8: its byte %zu, 0x%02X, begins no character", file->path,
               file->line, at, (unsigned)(unsigned char)text[at]);
    return false;
}

clmix_status clmix_text_file_next(struct clmix_text_file *file, char **record, size_t *bytes)
{
    *record = NULL;
    *bytes = 0;
    for (;;) {
        struct scan scan = { 0 };
        size_t length;
        char *text;

        file->line = file->next_line;
        CLMIX_TRY(find_end(file, &scan));
        text = file->buffer + file->begin;
        length = scan.bytes;
        if (file->begin + length == file->end && file->ended && length == 0 && !scan.too_long)
            return CLMIX_OK;
        file->begin = clmix_smaller(file->begin + length + 1, file->end);
        file->next_line += scan.line_ends;
        if (length > 0 && text[length - 1] == '\r')
            length--;
        if (!check(file, &scan, text, length))
            continue;
        text[length] = '\0';
        *record = text;
        *bytes = length;
        return CLMIX_OK;
    }
}
