/* Launch records: what ops say of their launches while a plan is compiled (file, kernel, options, values, grid). Symbolic; prepare.c builds
 * kernels and memory from them. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a launch is built on after an error: its functions do nothing, and compiling reports the error. */
static struct clmix_launcher nowhere;

void clmix_launcher_free(struct clmix_launcher *launcher)
{
    if (launcher == NULL)
        return;
    clmix_launch_clear(&launcher->launch);
    free(launcher->options);
    free(launcher->arguments);
    free(launcher->data);
    free(launcher->memory);
    free(launcher->offsets);
    free(launcher->label);
    free(launcher);
}

static struct clmix_launcher *new_launcher(struct clmix_planner *planner, const struct clmix_node *node, const char *name)
{
    struct clmix_plan *plan = planner->plan;
    struct clmix_launcher *launcher = calloc(1, sizeof *launcher);
    size_t length = strlen(node->path) + strlen(node->op->name) + 2;

    if (launcher != NULL) {
        launcher->label = malloc(length);
        launcher->options = strdup("");
    }
    if (launcher == NULL || launcher->label == NULL || launcher->options == NULL ||
        !CLMIX_PUSH(plan->launchers, plan->launcher_count, plan->launcher_capacity, launcher)) {
        clmix_launcher_free(launcher);
        clmix_planner_keep_error(planner, clmix_fail_memory("a plan's launches"));
        return &nowhere;
    }
    snprintf(launcher->label, length, "%s%s%s", node->path, *node->path == '\0' ? "" : " ", node->op->name);
    snprintf(launcher->kernel, sizeof launcher->kernel, "%s", name);
    launcher->planner = planner;
    launcher->position = planner->position[node->number];
    launcher->slice = planner->slices.number;
    return launcher;
}

struct clmix_launcher *clmix_launch_kernel(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                           const char *kernel)
{
    struct clmix_launcher *launcher = new_launcher(planner, node, kernel);

    if (launcher != &nowhere)
        snprintf(launcher->file, sizeof launcher->file, "%s", file);
    return launcher;
}

struct clmix_launcher *clmix_launch_library(struct clmix_planner *planner, const struct clmix_node *node, const char *name,
                                            clmix_launch_call call, const void *data, size_t data_bytes)
{
    struct clmix_launcher *launcher = new_launcher(planner, node, name);

    if (launcher == &nowhere)
        return launcher;
    launcher->call = call;
    launcher->data = malloc(data_bytes + 1);
    if (launcher->data == NULL)
        clmix_planner_keep_error(planner, clmix_fail_memory("a plan's launches"));
    else if (data_bytes > 0)
        memcpy(launcher->data, data, data_bytes);
    return launcher;
}

void clmix_launch_define(struct clmix_launcher *launcher, const char *name, long value)
{
    size_t length;
    char *options;

    if (launcher == &nowhere)
        return;
    length = strlen(launcher->options) + strlen(name) + 32;
    options = malloc(length);
    if (options == NULL) {
        clmix_planner_keep_error(launcher->planner, clmix_fail_memory("a plan's launches"));
        return;
    }
    snprintf(options, length, "%s%s-D%s=%ld", launcher->options, *launcher->options == '\0' ? "" : " ", name, value);
    free(launcher->options);
    launcher->options = options;
}

static void push(struct clmix_launcher *launcher, struct clmix_argument argument)
{
    if (launcher == &nowhere)
        return;
    if (!CLMIX_PUSH(launcher->arguments, launcher->argument_count, launcher->argument_capacity, argument))
        clmix_planner_keep_error(launcher->planner, clmix_fail_memory("a plan's launches"));
}

void clmix_launch_value(struct clmix_launcher *launcher, int32_t value)
{
    if (launcher != &nowhere)
        value = clmix_slices_place(launcher->planner, value);
    push(launcher, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_VALUE, .value = value });
}

void clmix_launch_uint(struct clmix_launcher *launcher, size_t value)
{
    if (value > UINT32_MAX && launcher != &nowhere)
        clmix_planner_keep_error(launcher->planner,
                                 clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu does not fit the 32 bits of a kernel argument; use a smaller batch",
                                            value));
    push(launcher, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_UINT, .uint = (cl_uint)value });
}

void clmix_launch_int(struct clmix_launcher *launcher, long value)
{
    push(launcher, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_INT, .integer = (cl_int)value });
}

void clmix_launch_float(struct clmix_launcher *launcher, float value)
{
    push(launcher, (struct clmix_argument){ .kind = CLMIX_ARGUMENT_FLOAT, .real = value });
}

void clmix_launch_grid(struct clmix_launcher *launcher, size_t groups_x, size_t groups_y, size_t groups_z, size_t work_group)
{
    if (launcher == &nowhere)
        return;
    launcher->groups[0] = groups_x;
    launcher->groups[1] = groups_y;
    launcher->groups[2] = groups_z;
    launcher->group[0] = work_group;
    launcher->group[1] = 1;
}

void clmix_launch_group(struct clmix_launcher *launcher, size_t x, size_t y)
{
    if (launcher == &nowhere)
        return;
    launcher->group[0] = x;
    launcher->group[1] = y;
}

void clmix_launch_flops(struct clmix_launcher *launcher, uint64_t flops)
{
    if (launcher == &nowhere)
        return;
    launcher->has_flops = true;
    launcher->flops = flops;
}

void clmix_launch_bytes(struct clmix_launcher *launcher, uint64_t bytes)
{
    if (launcher == &nowhere)
        return;
    launcher->has_bytes = true;
    launcher->bytes = bytes;
}
