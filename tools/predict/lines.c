#include "predict/lines.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Two texts with a tab between become two with a zero byte between. */
static void divide(struct line *line, size_t bytes)
{
    char *tab = memchr(line->content, '\t', bytes);

    if (tab == NULL)
        return;
    *tab = '\0';
    line->text.bytes[0] = (size_t)(tab - line->content);
    line->text.text[1] = tab + 1;
    line->text.bytes[1] = bytes - line->text.bytes[0] - 1;
}

clmix_status window_add(struct window *window, const char *text, size_t bytes, size_t number, bool pairs)
{
    struct line line = { .content = malloc(bytes + 1), .number = number };

    if (line.content == NULL)
        return clmix_fail_memory("a text");
    memcpy(line.content, text, bytes);
    line.content[bytes] = '\0';
    line.text = (struct clmix_network_text){ { line.content, NULL }, { bytes, 0 }, false };
    if (pairs)
        divide(&line, bytes);
    if (CLMIX_PUSH(window->lines, window->count, window->capacity, line))
        return CLMIX_OK;
    free(line.content);
    return clmix_fail_memory("a text");
}

clmix_status window_read(struct window *window, struct clmix_text_file *file, size_t most, bool pairs)
{
    char *text = NULL;
    size_t bytes;

    do {
        CLMIX_TRY(clmix_text_file_next(file, &text, &bytes));
        if (text != NULL)
            CLMIX_TRY(window_add(window, text, bytes, file->line, pairs));
    } while (text != NULL && window->count < most && clmix_text_file_ready(file));
    return CLMIX_OK;
}

void window_clear(struct window *window)
{
    for (size_t i = 0; i < window->count; i++)
        free(window->lines[i].content);
    free(window->lines);
    memset(window, 0, sizeof *window);
}

clmix_status lines_open(struct clmix_text_file *file, const char *path, clmix_skips *skips)
{
    int descriptor;

    if (strcmp(path, "-") != 0)
        return clmix_text_file_open(file, path, false, skips);
    memset(file, 0, sizeof *file);
    descriptor = dup(STDIN_FILENO);
    if (descriptor < 0)
        return clmix_fail(CLMIX_ERROR_FILE, "standard input is closed");
    return clmix_text_file_take(file, descriptor, "standard input", skips);
}
