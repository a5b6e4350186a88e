/* Where clmix-predict's texts come from: arguments, a file of lines, or standard input. */
#ifndef CLMIX_TOOLS_LINES_H
#define CLMIX_TOOLS_LINES_H

#include "network/text.h"
#include "text/file.h"

/* A text to answer to, owned; of a pair the tab between is a zero byte. */
struct line {
    char *content;
    size_t number; /* of a line in its file, from 1; 0: an argument */
    struct clmix_network_text text;
};

/* Lines that are answered together. */
struct window {
    struct line *lines;
    size_t count, capacity;
};

/* Adds a text; `pairs`: it is two, with a tab between. Without a tab it is one. */
clmix_status window_add(struct window *window, const char *text, size_t bytes, size_t number, bool pairs);
/* The next lines, up to `most` of those that are there without waiting for more; none at the end. */
clmix_status window_read(struct window *window, struct clmix_text_file *file, size_t most, bool pairs);
void window_clear(struct window *window);

/* Opens a file, or standard input where `path` is "-". */
clmix_status lines_open(struct clmix_text_file *file, const char *path, clmix_skips *skips);

#endif
