#include "base/lines.h"

#include "base/array.h"
#include "base/file.h"
#include "base/status.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_lines_read(struct clmix_lines *lines, const char *path, size_t limit_bytes, const char *is)
{
    void *content = NULL;
    size_t bytes = 0;

    memset(lines, 0, sizeof *lines);
    CLMIX_TRY(clmix_file_read(path, limit_bytes, &content, &bytes));
    lines->content = content;
    if (!clmix_utf8_valid(content, bytes))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is no text in UTF-8; %s", path, is);
    for (char *line = lines->content; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        const bool last = line[length] == '\0';

        line[length] = '\0';
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (!CLMIX_PUSH(lines->items, lines->count, lines->capacity, line))
            return clmix_fail_memory(path);
        line += length + !last;
    }
    return CLMIX_OK;
}

void clmix_lines_free(struct clmix_lines *lines)
{
    free(lines->items);
    free(lines->content);
    memset(lines, 0, sizeof *lines);
}

char *clmix_line_split(char *line)
{
    char *behind = line + strcspn(line, "\t");

    if (*behind != '\0')
        *behind++ = '\0';
    return behind;
}
