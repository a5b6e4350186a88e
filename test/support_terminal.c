#define _XOPEN_SOURCE   700 /* pseudo terminals */
#define _DEFAULT_SOURCE     /* TIOCSWINSZ */
#include "support_terminal.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_tool(const char *terminal, const char *command)
{
    const int end = open(terminal, O_RDWR);
    char line[4096];

    setenv("TERM", "xterm", 1);
    snprintf(line, sizeof line, "PATH='%s':$PATH; %s", CLMIX_BIN_DIR, command);
    if (end >= 0 && dup2(end, STDOUT_FILENO) >= 0 && dup2(end, STDERR_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

static void set_columns(int end, unsigned short columns)
{
    const struct winsize size = { .ws_row = 50, .ws_col = columns };

    ck_assert_int_eq(ioctl(end, TIOCSWINSZ, &size), 0);
}

/* Until the other end is closed, which a terminal tells as an error. */
static char *read_all(int end, const struct tool_resize *resize)
{
    size_t length = 0, capacity = 1 << 16;
    char *text = malloc(capacity);

    ck_assert_ptr_nonnull(text);
    for (ssize_t got; (got = read(end, text + length, capacity - length - 1)) > 0;) {
        length += (size_t)got;
        text[length] = '\0';
        if (resize != NULL && strstr(text, resize->at) != NULL)
            set_columns(end, resize->columns);
        if (length + 1 == capacity) {
            text = realloc(text, capacity *= 2);
            ck_assert_ptr_nonnull(text);
        }
    }
    text[length] = '\0';
    return text;
}

int run_tool_on_terminal(char **output, const char *command)
{
    return run_tool_on_columns(output, 80, NULL, command);
}

int run_tool_on_columns(char **output, unsigned short columns, const struct tool_resize *resize, const char *command)
{
    const int end = posix_openpt(O_RDWR | O_NOCTTY);
    pid_t child;
    int status;

    ck_assert(end >= 0 && grantpt(end) == 0 && unlockpt(end) == 0);
    set_columns(end, columns);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        be_tool(ptsname(end), command);
    *output = read_all(end, resize);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(end);
    ck_assert_msg(WIFEXITED(status), "'%s' was killed by signal %d", command, WTERMSIG(status));
    return WEXITSTATUS(status);
}

void require_terminal(void)
{
    const int end = posix_openpt(O_RDWR | O_NOCTTY);
    int other = -1;

    if (end >= 0 && grantpt(end) == 0 && unlockpt(end) == 0)
        other = open(ptsname(end), O_RDWR | O_NOCTTY);
    if (other < 0) {
        printf("SKIPPED: terminal: no pseudo-terminal can be opened (%s); mount /dev/pts\n", strerror(errno));
        exit(77);
    }
    close(other);
    close(end);
}
