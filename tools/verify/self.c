/* The embedded cases, each form of the kernels in a process of its own, and again in another one after a case that ended it. */
#include "verify/self.h"
#include "base/clock.h"
#include "common/progress.h"
#include "common/terminal.h"
#include "verify/report.h"
#include "verify/verdict.h"
#include "verify/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct self {
    const struct cli *cli;
    bool verbose;
    const struct clmix_embedded **cases;
    size_t count;
    cJSON *device, *results; /* what the first worker says of the device; of every case, in order */
    char form[16], told[16]; /* of the case that came last; of the one that was printed last */
    struct progress progress;
    int status; /* other than CLI_GO_ON: what ends it all */
};

/* ---- which cases -------------------------------------------------------------------------------------------------------------------------- */

static const struct clmix_embedded *find_case(const char *name)
{
    char known[WORKER_NAME_BYTES];

    for (size_t i = 0; i < clmix_cases_count; i++)
        if (strcmp(worker_case_name(known, &clmix_cases_files[i]), name) == 0)
            return &clmix_cases_files[i];
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const struct clmix_embedded *first = *(const struct clmix_embedded *const *)a, *second = *(const struct clmix_embedded *const *)b;

    return first->bytes != second->bytes ? (first->bytes < second->bytes ? -1 : 1) : strcmp(first->name, second->name);
}

/* Those that are named, or all: the small ones first, and the check of the device last, when the form of its kernels is settled. */
static int choose_cases(struct self *self)
{
    const struct cli *cli = self->cli;

    self->cases = calloc(clmix_cases_count + (size_t)cli->argument_count + 1, sizeof *self->cases);
    if (self->cases == NULL)
        return cli_error(cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory for the list of cases");
    for (int i = 0; i < cli->argument_count; i++) {
        self->cases[self->count] = find_case(cli->arguments[i]);
        if (self->cases[self->count++] == NULL)
            return cli_bad_usage(cli, "--self has no case '%s'; their names are those that clmix-verify --self --verbose prints",
                                 cli->arguments[i]);
    }
    for (size_t i = 0; cli->argument_count == 0 && i < clmix_cases_count; i++)
        self->cases[self->count++] = &clmix_cases_files[i];
    if (cli->argument_count == 0) {
        qsort(self->cases, self->count, sizeof *self->cases, by_size);
        self->cases[self->count++] = WORKER_CHECK;
    }
    return CLI_GO_ON;
}

/* ---- telling of one ------------------------------------------------------------------------------------------------------------------------ */

/* Which case is running. */
static void note_case(struct self *self, size_t index, const char *compiles)
{
    char name[WORKER_NAME_BYTES], text[200];

    if (index == self->count)
        return;
    snprintf(text, sizeof text, "%s: case %zu of %zu, %s%s%s", self->form, index + 1, self->count,
             worker_case_name(name, self->cases[index]), compiles[0] != '\0' ? ", compiling " : "", compiles);
    progress_note(&self->progress, text);
}

/* Of a case that ended its process. */
static cJSON *obituary(const struct self *self, size_t index, const char *end)
{
    cJSON *object = cJSON_CreateObject();
    char name[WORKER_NAME_BYTES];

    cJSON_AddStringToObject(object, "case", worker_case_name(name, self->cases[index]));
    cJSON_AddStringToObject(object, "device", report_text(self->device, "name"));
    cJSON_AddFalseToObject(object, "pass");
    cJSON_AddStringToObject(object, "end", end);
    cJSON_AddStringToObject(object, "form", self->form);
    return object;
}

/* Keeps what became of a case, and prints it. */
static void take(struct self *self, cJSON *result)
{
    const char *end = report_text(result, "end"), *error = report_text(cJSON_GetObjectItemCaseSensitive(result, "error"), "message");

    snprintf(self->form, sizeof self->form, "%s", report_text(result, "form"));
    cJSON_AddItemToArray(self->results, result);
    if (self->cli->json) {
        if (!cli_print_json(self->cli, cJSON_Duplicate(result, 1)))
            self->status = 1;
        return;
    }
    if (report_passes(result) && !self->verbose)
        return;
    progress_end(&self->progress);
    if (strcmp(self->told, self->form) != 0)
        terminal_say(0, "%s kernels:", self->form);
    snprintf(self->told, sizeof self->told, "%s", self->form);
    report_print(result, self->verbose);
    if (end[0] != '\0')
        terminal_say(6, "      the driver ended the process: %s", end);
    if (error[0] != '\0')
        terminal_say(6, "      %s", error);
}

/* ---- all of them --------------------------------------------------------------------------------------------------------------------------- */

/* What the worker says first. */
static bool meet(struct self *self, struct worker *worker)
{
    cJSON *device = worker_listen(worker), *error = cJSON_GetObjectItemCaseSensitive(device, "error");

    if (device != NULL && error == NULL) {
        snprintf(self->form, sizeof self->form, "%s", report_text(device, "form"));
        if (self->device == NULL)
            self->device = device;
        else
            cJSON_Delete(device);
        return true;
    }
    progress_end(&self->progress);
    if (device == NULL)
        self->status =
            cli_error(self->cli, CLMIX_ERROR_DRIVER, NULL, "the driver ended the process when its device was opened: %s", worker->end);
    else
        self->status = cli_error(self->cli, CLMIX_ERROR_DRIVER, NULL, "%s", report_text(error, "message"));
    cJSON_Delete(device);
    return false;
}

/* Cases from `next` on, until the worker ends; gives the one that it was at. */
static size_t listen(struct self *self, struct worker *worker, size_t next)
{
    cJSON *said;

    note_case(self, next, "");
    while (next < self->count && (said = worker_listen(worker)) != NULL) {
        if (cJSON_HasObjectItem(said, "compiles")) {
            note_case(self, next, report_text(said, "compiles"));
            cJSON_Delete(said);
            continue;
        }
        take(self, said);
        note_case(self, ++next, "");
    }
    return next;
}

/* All cases in one form; NULL: the form that clmix takes by itself. */
static void run_form(struct self *self, const char *form)
{
    size_t next = 0;

    while (next < self->count && self->status == CLI_GO_ON) {
        const struct worker_task task = { self->cli->device, form, self->cases, next, self->count };
        struct worker worker;

        if (!worker_start(&worker, &task)) {
            self->status = cli_error(self->cli, CLMIX_ERROR_HOST_MEMORY, NULL, "no process can be started");
            return;
        }
        if (meet(self, &worker)) {
            next = listen(self, &worker, next);
            if (next < self->count)
                take(self, obituary(self, next++, worker.end));
        }
        worker_stop(&worker);
    }
    progress_end(&self->progress);
}

/* The last line. */
static int conclude(const struct self *self, bool forced)
{
    cJSON *verdict = verdict_of(self->device, self->results, forced);
    bool right = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(verdict, "right"));

    if (verdict == NULL)
        return cli_error(self->cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory for the verdict");
    if (self->cli->json) {
        cJSON_AddItemToObject(verdict, "device", cJSON_Duplicate(self->device, 1));
        return cli_print_json(self->cli, verdict) && right ? 0 : 1;
    }
    terminal_say(4, "%s, %s %s: %s", report_text(self->device, "name"), report_text(self->device, "platform"),
                 report_text(self->device, "driver"), report_text(verdict, "verdict"));
    cJSON_Delete(verdict);
    return right ? 0 : 1;
}

int verify_self(const struct cli *cli, const char *form, bool verbose)
{
    struct self self = { .cli = cli, .verbose = verbose, .results = cJSON_CreateArray() };
    const char *asked = form != NULL ? form : getenv("CLMIX_KERNELS");
    const bool forced = asked != NULL && *asked != '\0';

    progress_start(&self.progress, cli->json != 0);
    self.status = choose_cases(&self);
    if (self.status == CLI_GO_ON)
        run_form(&self, forced ? asked : NULL);
    if (self.status == CLI_GO_ON && !forced)
        run_form(&self, strcmp(self.form, "wide") == 0 ? "simt" : "wide");
    if (self.status == CLI_GO_ON)
        self.status = conclude(&self, forced);
    cJSON_Delete(self.device);
    cJSON_Delete(self.results);
    free(self.cases);
    return self.status;
}
