/* Small text files, line by line. */
#ifndef CLMIX_BASE_LINES_H
#define CLMIX_BASE_LINES_H

#include <clmix/status.h>
#include <stddef.h>

/* The lines of a file, without their ends, which stay in `content`. */
struct clmix_lines {
    char *content;
    char **items; /* `count` of them */
    size_t count, capacity;
};

/* Reads them; lines end with LF or CR LF. `is` says what the file ought to be, as in "names of classes are, one a line", behind the sentence that it is
 * no text in UTF-8. clmix_lines_free() in any case. Fails as clmix_file_read does. */
clmix_status clmix_lines_read(struct clmix_lines *lines, const char *path, size_t limit_bytes, const char *is);
void clmix_lines_free(struct clmix_lines *lines);

/* Ends `line` at its first tab and gives what is behind, "" where there is none. */
char *clmix_line_split(char *line);

#endif
