/* Running the programs as a user does. */
#ifndef CLMIX_TEST_SUPPORT_TOOL_H
#define CLMIX_TEST_SUPPORT_TOOL_H

#include <stddef.h>

/* Runs a shell command line, in which "clmix-..." are the built programs, and gives the exit status; *output is what it printed, for
 * free(). */
int run_tool(char **output, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Arguments that a program refuses: its exit status, and a part of what it says. */
struct tool_mistake {
    const char *arguments, *sentence;
    int status;
};
void check_mistakes(const char *tool, const struct tool_mistake *mistakes, size_t count);

/* A fresh folder under $TMPDIR or /tmp; remove_folder() removes it with all it holds. Static text until the next call. */
const char *make_folder(void);
void remove_folder(const char *folder);
/* FOLDER/NAME. Static text until the next call. */
const char *file_in(const char *folder, const char *name);
/* Writes that file, whose folders are made. */
void write_in(const char *folder, const char *name, const void *content, size_t bytes);

#endif
