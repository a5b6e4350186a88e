/* The devices that clmix-train uses: one, or several that share the batches. */
#include "base/status.h"
#include "common/watch.h"
#include "training/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of progress until the driver is done, or for as long as it takes. */
static void on_compile(void *user, const char *file, size_t compiled)
{
    struct session *session = user;
    char text[160];

    if (file != NULL)
        progress_note(&session->progress, watch_text(text, file, compiled));
    else
        progress_end(&session->progress);
}

static clmix_status open_one(struct session *session, const char *selector)
{
    clmix_device *device = NULL;

    if (session->device_count == CLMIX_MOST_DEVICES)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "--devices names more than %d", CLMIX_MOST_DEVICES);
    CLMIX_TRY(session->request->dry_run ? model_device_for_plans(selector, &device) : clmix_device_open(&device, selector));
    session->devices[session->device_count++] = device;
    if (session->progress.live)
        clmix_device_watch_compiler(device, on_compile, session);
    else
        watch_compiler(device);
    return CLMIX_OK;
}

static clmix_status open_all(struct session *session)
{
    clmix_device_info *list = NULL;
    size_t count = 0;
    clmix_status status = clmix_device_list(&list, &count, NULL);

    for (size_t i = 0; status == CLMIX_OK && i < count; i++) {
        char selector[16];

        snprintf(selector, sizeof selector, "%d", list[i].index);
        status = open_one(session, selector);
    }
    clmix_free(list);
    return status;
}

static clmix_status open_named(struct session *session, const char *names)
{
    char *copy = strdup(names), *rest = copy, *name;
    clmix_status status = copy == NULL ? clmix_fail_memory("the names of the devices") : CLMIX_OK;

    while (status == CLMIX_OK && (name = strtok_r(rest, ",", &rest)) != NULL)
        status = open_one(session, name);
    free(copy);
    if (status == CLMIX_OK && session->device_count == 0)
        status = clmix_fail(CLMIX_ERROR_ARGUMENT, "--devices is '%s' and must name devices, such as 0,1, or all", names);
    return status;
}

/* "3:1", a number a device. */
static clmix_status read_shares(const char *text, size_t count, unsigned shares[CLMIX_MOST_DEVICES])
{
    const char *rest = text;
    size_t found = 0;

    while (found < CLMIX_MOST_DEVICES) {
        char *end;
        unsigned long share;

        errno = 0;
        share = strtoul(rest, &end, 10);
        if (end == rest || *rest == '-' || errno != 0 || share == 0 || share > 1000000 || (*end != ':' && *end != '\0'))
            break;
        shares[found++] = (unsigned)share;
        if (*end == '\0')
            return found == count ? CLMIX_OK
                                  : clmix_fail(CLMIX_ERROR_ARGUMENT, "--shares is '%s', %zu numbers for %zu devices; give one for each",
                                               text, found, count);
        rest = end + 1;
    }
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "--shares is '%s' and must be whole numbers from 1, such as 3:1, one for each device", text);
}

clmix_status session_open_devices(struct session *session)
{
    const struct request *request = session->request;

    if (request->devices == NULL)
        CLMIX_TRY(open_one(session, session->cli->device));
    else if (strcmp(request->devices, "all") == 0)
        CLMIX_TRY(open_all(session));
    else
        CLMIX_TRY(open_named(session, request->devices));
    session->options.device_count = session->device_count - 1;
    for (size_t i = 0; i + 1 < session->device_count; i++)
        session->options.devices[i] = session->devices[i + 1];
    return request->shares == NULL ? CLMIX_OK : read_shares(request->shares, session->device_count, session->options.shares);
}
