/* A process that runs embedded cases one after another and tells of each, so that a driver that ends its process ends this one: the verdict outlives
 * it. */
#ifndef CLMIX_TOOLS_VERIFY_WORKER_H
#define CLMIX_TOOLS_VERIFY_WORKER_H

#include "verify/embedded.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WORKER_NAME_BYTES 96
#define WORKER_CHECK      NULL /* among cases: the start-up check of the device */

struct worker_task {
    const char *device;                        /* as for clmix_device_open */
    const char *form;                          /* of the kernels; NULL: what the device gets by itself */
    const struct clmix_embedded *const *cases; /* `count` of them, of which those from `first` on are run */
    size_t first, count;
};

struct worker {
    pid_t process;
    int from;    /* where its lines come from */
    char *lines; /* what came and was not taken yet */
    size_t bytes, capacity;
    char end[128]; /* why it has nothing more to say: "signal 11 (Segmentation fault)" */
};

/* "gelu" of "gelu.safetensors"; of WORKER_CHECK "self-test". Gives `name`. */
const char *worker_case_name(char name[WORKER_NAME_BYTES], const struct clmix_embedded *of);

/* Begins; false where no process can be had. To be called before the caller's own first use of OpenCL, which does not survive a fork. */
bool worker_start(struct worker *worker, const struct worker_task *task);

/* What it says next, for cJSON_Delete; NULL where that is nothing, and `end` says why. First the device, or why it cannot be opened:
 *     {"name","platform","driver","form","quirk"}   quirk: what leaves it no other form, if anything
 *     {"error"}
 * then for each case what report.h says of it, "form", and "ops": those of the library that were launched; and between them {"compiles": FILE} for a
 * file of cl/ that the driver compiles. */
cJSON *worker_listen(struct worker *worker);

/* Ends it, if it has not. */
void worker_stop(struct worker *worker);

#endif
