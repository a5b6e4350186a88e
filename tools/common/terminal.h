/* Lines that fit a terminal: how wide it is now, how many columns a text takes, and text that is broken between its words. Elsewhere (a file, a pipe)
 * lines are whole. */
#ifndef CLMIX_TOOLS_TERMINAL_H
#define CLMIX_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TERMINAL_NARROWEST 50 /* lines are made for this at least */

/* Columns of the terminal that `stream` is, asked each time, since people resize it; SIZE_MAX when it is none. */
size_t terminal_columns(FILE *stream);

/* Columns that UTF-8 text takes; a byte that is none takes one. */
size_t terminal_width(const char *text);

/* Cuts it where `columns` are full; it then ends with three dots. Gives `text`. */
char *terminal_cut(char *text, size_t columns);

/* A line on standard output, which a newline ends; what does not fit goes on in further lines behind `indent` spaces. A word is never broken. */
void terminal_say(size_t indent, const char *format, ...) __attribute__((format(printf, 2, 3)));
void terminal_say_text(size_t indent, const char *text);

#endif
