/* Running the programs as a user at a terminal does. */
#ifndef CLMIX_TEST_SUPPORT_TERMINAL_H
#define CLMIX_TEST_SUPPORT_TERMINAL_H

/* Ends the program as skipped where there is no pseudo-terminal to be had, as in a bare chroot or container. A main calls it first. */
void require_terminal(void);

/* run_tool() with a terminal for standard output and standard error; *output, for free(), is all that was written to it. */
int run_tool_on_terminal(char **output, const char *command);

/* The same with so many columns, and others as soon as `at` was written; resize may be NULL. */
struct tool_resize {
    const char *at;
    unsigned short columns;
};
int run_tool_on_columns(char **output, unsigned short columns, const struct tool_resize *resize, const char *command);

#endif
