/* Running the programs as a user does. */
#ifndef CLMIX_TEST_SUPPORT_TOOL_H
#define CLMIX_TEST_SUPPORT_TOOL_H

/* Runs a shell command line, in which "clmix-..." are the built programs, and gives the exit status; *output is what it printed, for
 * free(). */
int run_tool(char **output, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A fresh folder under $TMPDIR or /tmp; remove_folder() removes it with all it holds. Static text until the next call. */
const char *make_folder(void);
void remove_folder(const char *folder);

#endif
