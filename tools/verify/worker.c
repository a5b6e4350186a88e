/* The process, and the lines between the two. */
#include "verify/worker.h"
#include "base/array.h"
#include "verify/report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without a word for so long the driver is taken for stuck. A simulator takes minutes for one case, and a slow compiler a minute for one file. */
#define PATIENCE_SECONDS 900

/* ---- the worker's side ---------------------------------------------------------------------------------------------------------------- */

struct teller {
    FILE *to;
    clmix_device *device;
};

/* Ends the process where nobody can hear it. */
static void tell(const struct teller *teller, cJSON *object)
{
    char *line = cli_json_line(object);

    cJSON_Delete(object);
    if (line == NULL || fprintf(teller->to, "%s\n", line) < 0 || fflush(teller->to) != 0)
        _exit(1);
    free(line);
}

static void tell_compiler(void *user, const char *file, size_t compiled)
{
    cJSON *object;

    (void)compiled;
    if (file == NULL)
        return;
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "compiles", file);
    tell(user, object);
}

static cJSON *describe(const clmix_device *device)
{
    const clmix_device_info *info = clmix_device_describe(device);
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "name", info->name);
    cJSON_AddStringToObject(object, "platform", info->platform);
    cJSON_AddStringToObject(object, "driver", info->driver);
    cJSON_AddStringToObject(object, "form", clmix_verify_form(device));
    if (clmix_verify_form_quirk(device) != NULL)
        cJSON_AddStringToObject(object, "quirk", clmix_verify_form_quirk(device));
    return object;
}

static void open_device(struct teller *teller, const char *selector)
{
    clmix_status status = clmix_device_open(&teller->device, selector);
    cJSON *object;

    if (status == CLMIX_OK) {
        tell(teller, describe(teller->device));
        clmix_device_watch_compiler(teller->device, tell_compiler, teller);
        return;
    }
    object = cJSON_CreateObject();
    cli_add_error(object, status, clmix_error());
    tell(teller, object);
    _exit(0);
}

/* The start-up check of a device as a case: nothing of it is in a file. */
static void check_device(struct clmix_case_report *report, clmix_device *device)
{
    *report = (struct clmix_case_report){ .status = clmix_device_check(device) };
    report->pass = report->status == CLMIX_OK;
    if (!report->pass)
        snprintf(report->sentence, sizeof report->sentence, "%s", clmix_error());
}

static cJSON *run_case(const struct clmix_embedded *of, clmix_device *device)
{
    struct clmix_case_report report;
    char name[WORKER_NAME_BYTES];
    cJSON *object, *ops;

    if (of == WORKER_CHECK)
        check_device(&report, device);
    else
        clmix_case_run_content(&report, device, of->name, of->text, of->bytes);
    object = report_json(&report, worker_case_name(name, of), device);
    cJSON_AddStringToObject(object, "form", clmix_verify_form(device));
    ops = cJSON_AddArrayToObject(object, "ops");
    for (size_t i = 0; i < report.op_count; i++)
        cJSON_AddItemToArray(ops, cJSON_CreateString(report.ops[i]));
    clmix_case_report_free(&report);
    return object;
}

static void run_cases(const struct worker_task *task, int to)
{
    struct teller teller = { fdopen(to, "w"), NULL };

    if (teller.to == NULL || (task->form != NULL && setenv("CLMIX_KERNELS", task->form, 1) != 0))
        _exit(1);
    open_device(&teller, task->device);
    for (size_t i = task->first; i < task->count; i++)
        tell(&teller, run_case(task->cases[i], teller.device));
    _exit(0); /* at once: some drivers fail at exit, and the parent's streams are not this process's to flush */
}

/* ---- the parent's side ---------------------------------------------------------------------------------------------------------------- */

const char *worker_case_name(char name[WORKER_NAME_BYTES], const struct clmix_embedded *of)
{
    const char *full = of == WORKER_CHECK ? "self-test" : of->name;

    snprintf(name, WORKER_NAME_BYTES, "%.*s", (int)strcspn(full, "."), full);
    return name;
}

bool worker_start(struct worker *worker, const struct worker_task *task)
{
    int ends[2];

    *worker = (struct worker){ .process = -1, .from = -1 };
    fflush(NULL);
    if (pipe(ends) != 0)
        return false;
    worker->process = fork();
    if (worker->process == 0) {
        close(ends[0]);
        dup2(STDERR_FILENO, STDOUT_FILENO); /* what a driver prints is not ours */
        run_cases(task, ends[1]);
    }
    close(ends[1]);
    worker->from = ends[0];
    if (worker->process > 0)
        return true;
    close(ends[0]);
    return false;
}

static void note_end(struct worker *worker, int status)
{
    if (WIFSIGNALED(status))
        snprintf(worker->end, sizeof worker->end, "signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(worker->end, sizeof worker->end, "exit status %d", WEXITSTATUS(status));
}

/* Waits for the end of it, where it has not been waited for, and keeps how that came about where nothing else is known. */
static void reap(struct worker *worker)
{
    int status = 0;

    if (worker->process <= 0)
        return;
    while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR)
        ;
    worker->process = -1;
    if (worker->end[0] == '\0')
        note_end(worker, status);
}

void worker_stop(struct worker *worker)
{
    if (worker->process > 0)
        kill(worker->process, SIGKILL);
    reap(worker);
    if (worker->from >= 0)
        close(worker->from);
    worker->from = -1;
    free(worker->lines);
    worker->lines = NULL;
}

/* Some more bytes; false at the end, and after too long a silence. */
static bool hear(struct worker *worker)
{
    struct pollfd ready = { .fd = worker->from, .events = POLLIN };
    char some[4096];
    ssize_t got;
    int ripe;

    do
        ripe = poll(&ready, 1, PATIENCE_SECONDS * 1000);
    while (ripe < 0 && errno == EINTR);
    if (ripe == 0)
        snprintf(worker->end, sizeof worker->end, "no answer in %d seconds", PATIENCE_SECONDS);
    got = ripe > 0 ? read(worker->from, some, sizeof some) : 0;
    if (got > 0 && !clmix_array_reserve((void **)&worker->lines, &worker->capacity, worker->bytes + (size_t)got, 1)) {
        snprintf(worker->end, sizeof worker->end, "out of memory");
        got = 0;
    }
    if (worker->end[0] != '\0')
        kill(worker->process, SIGKILL);
    if (got <= 0)
        return false;
    memcpy(worker->lines + worker->bytes, some, (size_t)got);
    worker->bytes += (size_t)got;
    return true;
}

cJSON *worker_listen(struct worker *worker)
{
    char *newline = NULL;
    cJSON *object;
    size_t length;

    while (worker->bytes == 0 || (newline = memchr(worker->lines, '\n', worker->bytes)) == NULL)
        if (!hear(worker)) {
            reap(worker);
            return NULL;
        }
    length = (size_t)(newline - worker->lines) + 1;
    object = cJSON_ParseWithLength(worker->lines, length);
    memmove(worker->lines, worker->lines + length, worker->bytes - length);
    worker->bytes -= length;
    return object;
}
