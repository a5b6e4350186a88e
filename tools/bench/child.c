#include "bench/child.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORM "CLMIX_KERNELS="

extern char **environ;

/* What came through one pipe. */
struct stream {
    int from;
    char *text; /* with a zero byte behind it */
    size_t bytes, capacity;
};

/* ---- starting ----------------------------------------------------------------------------------------------------------------------- */

/* This process's variables with another form; the array, not its texts, is for free(). `setting` holds the form's. */
static char **environment(const char *form, char setting[64])
{
    size_t count = 0, kept = 0;
    char **copy;

    while (environ[count] != NULL)
        count++;
    copy = malloc((count + 2) * sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++)
        if (form == NULL || strncmp(environ[i], FORM, strlen(FORM)) != 0)
            copy[kept++] = environ[i];
    if (copy == NULL)
        return NULL;
    if (form != NULL) {
        snprintf(setting, 64, FORM "%s", form);
        copy[kept++] = setting;
    }
    copy[kept] = NULL;
    return copy;
}

/* A pipe whose reading end no other child gets. */
static bool make_pipe(int ends[2])
{
    return pipe(ends) == 0 && fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0;
}

static int spawn(const char *const *arguments, char *const *variables, int output, int complaints, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0)
        return error;
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
    if (error == 0)
        error = posix_spawnp(process, arguments[0], &actions, NULL, (char *const *)arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static clmix_status start(const char *const *arguments, const char *form, struct stream streams[2], pid_t *process)
{
    int ends[2][2] = { { -1, -1 }, { -1, -1 } }, error = EMFILE;
    char setting[64], **variables = environment(form, setting);

    if (variables == NULL)
        return clmix_fail_memory("a process");
    if (make_pipe(ends[0]) && make_pipe(ends[1]))
        error = spawn(arguments, variables, ends[0][1], ends[1][1], process);
    free(variables);
    for (int i = 0; i < 2; i++) {
        if (ends[i][1] >= 0)
            close(ends[i][1]);
        streams[i].from = ends[i][0];
    }
    return error == 0 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FILE, "'%s' cannot be started: %s", arguments[0], strerror(error));
}

/* ---- listening ---------------------------------------------------------------------------------------------------------------------- */

static void close_stream(struct stream *stream)
{
    if (stream->from >= 0)
        close(stream->from);
    stream->from = -1;
}

/* Some more bytes; closes the stream at its end. */
static clmix_status hear(struct stream *stream)
{
    char some[4096];
    const ssize_t got = read(stream->from, some, sizeof some);

    if (got < 0 && errno == EINTR)
        return CLMIX_OK;
    if (got <= 0) {
        close_stream(stream);
        return CLMIX_OK;
    }
    if (!clmix_array_reserve((void **)&stream->text, &stream->capacity, stream->bytes + (size_t)got + 1, 1))
        return clmix_fail_memory("what a process prints");
    memcpy(stream->text + stream->bytes, some, (size_t)got);
    stream->bytes += (size_t)got;
    stream->text[stream->bytes] = '\0';
    return CLMIX_OK;
}

/* Until both streams end, or the time does. */
static clmix_status listen_to(struct stream streams[2], double end)
{
    while (streams[0].from >= 0 || streams[1].from >= 0) {
        struct pollfd ready[2] = { { .fd = streams[0].from, .events = POLLIN }, { .fd = streams[1].from, .events = POLLIN } };
        const double left = end - clmix_seconds();

        if (left <= 0.0)
            return CLMIX_OK;
        if (poll(ready, 2, left > 1000.0 ? 1000000 : (int)(1e3 * left) + 1) < 0 && errno != EINTR)
            return clmix_fail(CLMIX_ERROR_FILE, "what a process prints cannot be waited for: %s", strerror(errno));
        for (int i = 0; i < 2; i++)
            if ((ready[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                CLMIX_TRY(hear(&streams[i]));
    }
    return CLMIX_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------ */

/* Waits for a process that may hang even after its last word; gives whether it had to be ended. */
static bool reap(pid_t process, double end, int *ended)
{
    const struct timespec moment = { .tv_nsec = 5000000 };
    pid_t found = 0;

    while ((found = waitpid(process, ended, WNOHANG)) == 0 && clmix_seconds() < end)
        nanosleep(&moment, NULL);
    if (found != 0)
        return false;
    kill(process, SIGKILL);
    while (waitpid(process, ended, 0) < 0 && errno == EINTR)
        ;
    return true;
}

/* The last line of a text that is not empty, cut at its end. */
static void last_line(const char *text, char *line, size_t bytes)
{
    const char *at = text;

    line[0] = '\0';
    while (text != NULL && *at != '\0') {
        const size_t length = strcspn(at, "\n");

        if (length > 0)
            snprintf(line, bytes, "%.*s", (int)(length < bytes ? length : bytes), at);
        at += length + (at[length] == '\n');
    }
}

static void note_end(struct bench_child *child, int status, double limit_seconds, const char *complaints)
{
    char line[256], *end = child->end;
    const size_t bytes = sizeof child->end;

    last_line(complaints, line, sizeof line);
    if (child->late)
        snprintf(end, bytes, "it was ended after %.0f seconds", limit_seconds);
    else if (WIFSIGNALED(status))
        snprintf(end, bytes, "it ended with signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(end, bytes, "it ended with exit status %d", WEXITSTATUS(status));
    if (line[0] != '\0')
        snprintf(end + strlen(end), bytes - strlen(end), ": %s", line);
}

clmix_status bench_child_run(const char *const *arguments, const char *form, double limit_seconds, struct bench_child *child)
{
    const double end = clmix_seconds() + limit_seconds;
    struct stream streams[2] = { { .from = -1 }, { .from = -1 } };
    clmix_status status;
    pid_t process = -1;
    int ended = 0;

    *child = (struct bench_child){ 0 };
    status = start(arguments, form, streams, &process);
    if (status == CLMIX_OK)
        status = listen_to(streams, end);
    if (process > 0)
        child->late = reap(process, status == CLMIX_OK ? end : 0.0, &ended);
    child->good = status == CLMIX_OK && !child->late && WIFEXITED(ended) && WEXITSTATUS(ended) == 0;
    if (status == CLMIX_OK && !child->good)
        note_end(child, ended, limit_seconds, streams[1].text);
    for (int i = 0; i < 2; i++)
        close_stream(&streams[i]);
    free(streams[1].text);
    child->output = streams[0].text != NULL ? streams[0].text : calloc(1, 1);
    return status == CLMIX_OK && child->output == NULL ? clmix_fail_memory("what a process prints") : status;
}

void bench_child_free(struct bench_child *child)
{
    free(child->output);
    *child = (struct bench_child){ 0 };
}
