#define _XOPEN_SOURCE 700 /* pseudo terminals */
#include "support_terminal.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Until the other end is closed, which a terminal tells as an error. */
static char *read_all(int end)
{
    size_t length = 0, capacity = 1 << 16;
    char *text = malloc(capacity);

    ck_assert_ptr_nonnull(text);
    for (ssize_t got; (got = read(end, text + length, capacity - length - 1)) > 0;) {
        length += (size_t)got;
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
    const int end = posix_openpt(O_RDWR | O_NOCTTY);
    pid_t child;
    int status;

    ck_assert(end >= 0 && grantpt(end) == 0 && unlockpt(end) == 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        be_tool(ptsname(end), command);
    *output = read_all(end);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(end);
    ck_assert_msg(WIFEXITED(status), "'%s' was killed by signal %d", command, WTERMSIG(status));
    return WEXITSTATUS(status);
}
