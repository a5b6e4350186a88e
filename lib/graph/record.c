/* Launch records: what ops say of their launches while a plan is compiled (file, kernel, options, values, grid). Symbolic; prepare.c builds
 * kernels and memory from them. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a launch is built on after an error: its functions do nothing, and compiling reports the error. */
static struct clmix_record nowhere;

void clmix_record_free(struct clmix_record *record)
{
    if (record == NULL)
        return;
    clmix_launch_clear(&record->launch);
    free(record->options);
    free(record->arguments);
    free(record->data);
    free(record->memory);
    free(record->offsets);
    free(record->label);
    free(record);
}

static struct clmix_record *new_record(struct clmix_planner *planner, const struct clmix_node *node, const char *name)
{
    struct clmix_plan *plan = planner->plan;
    struct clmix_record *record = calloc(1, sizeof *record);
    size_t length = strlen(node->path) + strlen(node->op->name) + 2;

    if (record != NULL) {
        record->label = malloc(length);
        record->options = strdup("");
    }
    if (record == NULL || record->label == NULL || record->options == NULL ||
        !CLMIX_PUSH(plan->records, plan->record_count, plan->record_capacity, record)) {
        clmix_record_free(record);
        clmix_planner_keep_error(planner, clmix_fail_memory("a plan's launches"));
        return &nowhere;
    }
    snprintf(record->label, length, "%s%s%s", node->path, *node->path == '\0' ? "" : " ", node->op->name);
    snprintf(record->kernel, sizeof record->kernel, "%s", name);
    record->planner = planner;
    record->position = planner->position[node->number];
    record->slice = planner->slices.number;
    return record;
}

struct clmix_record *clmix_record_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel)
{
    struct clmix_record *record = new_record(planner, node, kernel);

    if (record != &nowhere)
        snprintf(record->file, sizeof record->file, "%s", file);
    return record;
}

struct clmix_record *clmix_record_library(struct clmix_planner *planner, const struct clmix_node *node, const char *name,
                                          clmix_library_call call, const void *data, size_t data_bytes)
{
    struct clmix_record *record = new_record(planner, node, name);

    if (record == &nowhere)
        return record;
    record->call = call;
    record->data = malloc(data_bytes + 1);
    if (record->data == NULL)
        clmix_planner_keep_error(planner, clmix_fail_memory("a plan's launches"));
    else if (data_bytes > 0)
        memcpy(record->data, data, data_bytes);
    return record;
}

void clmix_record_define(struct clmix_record *record, const char *name, long value)
{
    size_t length;
    char *options;

    if (record == &nowhere)
        return;
    length = strlen(record->options) + strlen(name) + 32;
    options = malloc(length);
    if (options == NULL) {
        clmix_planner_keep_error(record->planner, clmix_fail_memory("a plan's launches"));
        return;
    }
    snprintf(options, length, "%s%s-D%s=%ld", record->options, *record->options == '\0' ? "" : " ", name, value);
    free(record->options);
    record->options = options;
}

static void push(struct clmix_record *record, struct clmix_argument argument)
{
    if (record == &nowhere)
        return;
    if (!CLMIX_PUSH(record->arguments, record->argument_count, record->argument_capacity, argument))
        clmix_planner_keep_error(record->planner, clmix_fail_memory("a plan's launches"));
}

void clmix_record_value(struct clmix_record *record, int32_t value)
{
    if (record != &nowhere)
        value = clmix_slices_place(record->planner, value);
    push(record, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_VALUE, .value = value });
}

void clmix_record_uint(struct clmix_record *record, size_t value)
{
    if (value > UINT32_MAX && record != &nowhere)
        clmix_planner_keep_error(record->planner,
                                 clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu does not fit the 32 bits of a kernel argument; use a smaller batch",
                                            value));
    push(record, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_UINT, .uint = (cl_uint)value });
}

void clmix_record_int(struct clmix_record *record, long value)
{
    push(record, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_INT, .integer = (cl_int)value });
}

void clmix_record_float(struct clmix_record *record, float value)
{
    push(record, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_FLOAT, .real = value });
}

void clmix_record_grid(struct clmix_record *record, size_t groups_x, size_t groups_y, size_t groups_z, size_t work_group)
{
    if (record == &nowhere)
        return;
    record->groups[0] = groups_x;
    record->groups[1] = groups_y;
    record->groups[2] = groups_z;
    record->group[0] = work_group;
    record->group[1] = 1;
}

void clmix_record_group(struct clmix_record *record, size_t x, size_t y)
{
    if (record == &nowhere)
        return;
    record->group[0] = x;
    record->group[1] = y;
}

void clmix_record_flops(struct clmix_record *record, uint64_t flops)
{
    if (record == &nowhere)
        return;
    record->has_flops = true;
    record->flops = flops;
}

void clmix_record_bytes(struct clmix_record *record, uint64_t bytes)
{
    if (record == &nowhere)
        return;
    record->has_bytes = true;
    record->bytes = bytes;
}
