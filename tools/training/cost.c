/* What a training run costs: the plan's sum, the header line, the answer of --dry-run, and whether the device has room. */
#include "base/text.h"
#include "common/terminal.h"
#include "network/config.h"
#include "training/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Making the first plans for a device takes seconds more than later ones. */
static void say_first_use(struct session *session)
{
    for (size_t i = 0; i < session->device_count; i++) {
        size_t results;
        char *path = NULL;

        if (clmix_device_tuning(session->devices[i], &path, &results) == CLMIX_OK && path != NULL && results == 0)
            progress_say(&session->progress, "first use of %s: measuring kernels (once: what is found is kept in %s)",
                         session->device_count == 1 ? "this device" : clmix_device_describe(session->devices[i])->name, path);
        clmix_free(path);
    }
}

/* Work, peak and batches of an epoch, under these options. */
static clmix_status find_cost(const struct session *session, const clmix_train_options *options, struct cost *cost)
{
    if (session->data != NULL)
        return clmix_train_cost_of_data(session->devices[0], session->config, session->data, options, &cost->step, &cost->peak_bytes,
                                        &cost->batches);
    return clmix_train_cost(session->devices[0], session->config, 0, 0, options, &cost->step, &cost->peak_bytes);
}

clmix_status session_plan(struct session *session, struct cost *cost)
{
    say_first_use(session);
    memset(cost, 0, sizeof *cost);
    if (session->data != NULL) {
        cost->train_count = clmix_dataset_count(session->data, CLMIX_TRAIN);
        cost->test_count = clmix_dataset_count(session->data, CLMIX_TEST);
    }
    cost->parameters = clmix_config_trained_values(session->config);
    return find_cost(session, &session->options, cost);
}

/* "pthread-AMD EPYC (PoCL 3.1)": the device, and of its platform the first words of what names it best. */
static void describe_device(const clmix_device_info *info, char *text, size_t bytes)
{
    const char *pocl = strstr(info->platform_version, "PoCL ");
    const int length = pocl != NULL ? (int)strcspn(pocl + 5, "-+ ") + 5 : 0;

    if (pocl != NULL)
        snprintf(text, bytes, "%s (%.*s)", info->name, length, pocl);
    else if (info->platform[0] != '\0')
        snprintf(text, bytes, "%s (%s)", info->name, info->platform);
    else
        snprintf(text, bytes, "%s", info->name);
}

/* Which part of a batch each device begins with. */
static void print_shares(struct session *session)
{
    const unsigned *shares = session->options.shares;
    unsigned long whole = 0;
    char device[320];

    for (size_t i = 0; i < session->device_count; i++)
        whole += shares[i];
    for (size_t i = 0; i < session->device_count; i++) {
        describe_device(clmix_device_describe(session->devices[i]), device, sizeof device);
        if (whole > 0)
            progress_say(&session->progress, "  %u of %lu parts of a batch on %s", shares[i], whole, device);
        else
            progress_say(&session->progress, "  1 of %zu parts of a batch on %s", session->device_count, device);
    }
}

void session_print_header(struct session *session, const struct cost *cost)
{
    const char *name = session->request->resume != NULL ? session->stored.model : clmix_config_name(session->config);
    char parameters[32], bytes[32], device[320];

    describe_device(clmix_device_describe(session->devices[0]), device, sizeof device);
    if (session->device_count > 1)
        snprintf(device, sizeof device, "%zu devices", session->device_count);
    progress_say(&session->progress, "%s   %s weights   %.1f GFLOP a step of %zu   %s on %s", name,
                 clmix_grouped(parameters, cost->parameters), (double)cost->step.flops / 1e9, session->options.batch,
                 progress_bytes(bytes, cost->peak_bytes), device);
    if (session->device_count > 1)
        print_shares(session);
}

static void put_devices(cJSON *json, const struct session *session)
{
    cJSON *names = session->device_count > 1 ? cJSON_AddArrayToObject(json, "devices") : NULL;

    cJSON_AddStringToObject(json, "device", clmix_device_describe(session->devices[0])->name);
    for (size_t i = 0; names != NULL && i < session->device_count; i++)
        cJSON_AddItemToArray(names, cJSON_CreateString(clmix_device_describe(session->devices[i])->name));
}

int session_dry_run(struct session *session)
{
    struct cost cost;
    clmix_status status = session_plan(session, &cost);
    cJSON *json;

    if (status != CLMIX_OK)
        return cli_fail(session->cli, status);
    if (!session->cli->json) {
        char train[32], test[32], bytes[32];

        session_print_header(session, &cost);
        if (session->data != NULL)
            terminal_say(4, "%s: %s training and %s test samples, %zu batches an epoch", session->data_name,
                         clmix_grouped(train, cost.train_count), clmix_grouped(test, cost.test_count), cost.batches);
        terminal_say(4, "peak device memory %s bytes, known before anything is allocated; nothing was trained",
                     clmix_grouped(bytes, cost.peak_bytes));
        return 0;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", clmix_config_name(session->config));
    put_devices(json, session);
    cJSON_AddNumberToObject(json, "batch", (double)session->options.batch);
    cJSON_AddNumberToObject(json, "parameters", (double)cost.parameters);
    cJSON_AddNumberToObject(json, "flops_step", (double)cost.step.flops);
    cJSON_AddNumberToObject(json, "bytes_moved_step", (double)cost.step.moved_bytes);
    cJSON_AddNumberToObject(json, "peak_device_bytes", (double)cost.peak_bytes);
    cJSON_AddNumberToObject(json, "train_pictures", (double)cost.train_count);
    cJSON_AddNumberToObject(json, "test_pictures", (double)cost.test_count);
    cJSON_AddNumberToObject(json, "batches", (double)cost.batches);
    return cli_print_json(session->cli, json) ? 0 : 1;
}

/* The largest batch (or tokens of one), by halving, whose plan fits into `limit` bytes; 0 when none does. */
static size_t fitting_batch(struct session *session, size_t limit)
{
    clmix_train_options options = session->options;
    size_t *const batch = options.batch_tokens > 0 ? &options.batch_tokens : &options.batch;

    for (*batch /= 2; *batch > 0; *batch /= 2) {
        struct cost smaller;

        if (find_cost(session, &options, &smaller) == CLMIX_OK && smaller.peak_bytes <= limit)
            return *batch;
    }
    return 0;
}

/* All of them together: what each one lacks shows when it is asked for its part. */
static size_t device_bytes(const struct session *session)
{
    size_t bytes = 0;

    for (size_t i = 0; i < session->device_count; i++)
        bytes += clmix_device_describe(session->devices[i])->global_bytes;
    return bytes;
}

int session_check_memory(struct session *session, const struct cost *cost)
{
    const size_t there_bytes = device_bytes(session);
    char needed[32], there[32], hint[96] = "a smaller variant of the model, or another device, is needed";
    char who[160];
    size_t batch;

    if (cost->peak_bytes <= there_bytes)
        return 0;
    batch = fitting_batch(session, there_bytes);
    if (batch > 0)
        snprintf(hint, sizeof hint, "--batch%s %zu fits; --accumulate keeps the step's size",
                 session->options.batch_tokens > 0 ? "-tokens" : "", batch);
    if (session->device_count == 1)
        snprintf(who, sizeof who, "%s: this run needs", clmix_device_describe(session->devices[0])->name);
    else
        snprintf(who, sizeof who, "%zu devices: this run needs", session->device_count);
    return cli_error(session->cli, CLMIX_ERROR_DEVICE_MEMORY, hint, "%s %s and %s %s", who, progress_bytes(needed, cost->peak_bytes),
                     session->device_count == 1 ? "the device has" : "they have", progress_bytes(there, there_bytes));
}
