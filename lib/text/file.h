/* Text files of any size, record by record (inside lib/text and lib/data). What is no UTF-8 or too long is counted and passed over; no more than the
 * longest record is ever in memory. */
#ifndef CLMIX_TEXT_FILE_H
#define CLMIX_TEXT_FILE_H

#include "text/skips.h"

/* Bytes of the longest record. */
#define CLMIX_RECORD_BYTES ((size_t)16 << 20)

struct clmix_text_file {
    char *path; /* owned */
    int descriptor;
    bool quoted; /* of CSV: a line's end between quotation marks does not end a record */
    clmix_skips *skips;
    size_t line; /* number of the line that the last record begins with, from 1 */

    char *buffer; /* bytes begin to end are read and not yet given */
    size_t begin, end, capacity, next_line;
    bool ended;
};

/* Opens a file; `skips` is borrowed. A byte order mark of UTF-8 is passed over. Fails with FILE, FORMAT (it is UTF-16) or HOST_MEMORY, and is then
 * closed. */
clmix_status clmix_text_file_open(struct clmix_text_file *file, const char *path, bool quoted, clmix_skips *skips);

/* The same of a descriptor, which may be a pipe or a terminal: what is there is given without waiting for more. It is taken over, after a failure too;
 * sentences call it `name`. */
clmix_status clmix_text_file_take(struct clmix_text_file *file, int descriptor, const char *name, clmix_skips *skips);

/* Whether the end of the next record, of lines, is in memory already, so that it is given without waiting. */
bool clmix_text_file_ready(const struct clmix_text_file *file);

/* The next record that can be taken, without its line's end (LF or CR LF) and with a zero byte behind it: in the file's memory, to be changed at will,
 * until the next call. *record is NULL at the end. Fails with FILE, HOST_MEMORY, and of CSV with FORMAT: a quotation mark that is not closed. */
clmix_status clmix_text_file_next(struct clmix_text_file *file, char **record, size_t *bytes);

void clmix_text_file_close(struct clmix_text_file *file); /* harmless when all zero, or closed */

#endif
