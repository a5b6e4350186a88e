/* Launches while a plan is compiled (symbolic: file, kernel, options, values), and what becomes of them when it is prepared. */
#include "graph/plan.h"

#include "base/array.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a launch is built on after an error: its functions do nothing, and compiling reports the error. */
static struct clmix_launcher nowhere;

static void keep_error(struct clmix_planner *planner, clmix_status status)
{
    if (planner == NULL || planner->status != CLMIX_OK)
        return;
    planner->status = status;
    snprintf(planner->error, sizeof planner->error, "%s", clmix_error());
}

/* ---- building ----------------------------------------------------------------------------------------------------------------------- */

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
        keep_error(planner, clmix_fail_memory("a plan's launches"));
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
        keep_error(planner, clmix_fail_memory("a plan's launches"));
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
        keep_error(launcher->planner, clmix_fail_memory("a plan's launches"));
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
        keep_error(launcher->planner, clmix_fail_memory("a plan's launches"));
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
        keep_error(launcher->planner,
                   clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu does not fit the 32 bits of a kernel argument; use a smaller batch", value));
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

/* A place of `count` elements in a storage of the plan. */
static int32_t add_place(struct clmix_planner *planner, int32_t storage, clmix_type type, size_t count, int slice)
{
    struct clmix_plan *plan = planner->plan;
    struct clmix_place place = {
        .storage = storage, .type = type, .shape = { .rank = 1, .size = { count } }, .position = -1, .slice = slice
    };

    if (storage != CLMIX_NONE && CLMIX_PUSH(plan->places, plan->place_count, plan->place_capacity, place))
        return (int32_t)plan->place_count - 1;
    keep_error(planner, clmix_fail_memory("a plan"));
    return CLMIX_NONE;
}

static int32_t add_storage(struct clmix_planner *planner, struct clmix_storage storage)
{
    struct clmix_plan *plan = planner->plan;

    return CLMIX_PUSH(plan->storages, plan->storage_count, plan->storage_capacity, storage) ? (int32_t)plan->storage_count - 1 : CLMIX_NONE;
}

/* The storage that an earlier slice's launches of this node had for the same piece of scratch, or CLMIX_NONE. */
static int32_t earlier_scratch(const struct clmix_slices *slices, int32_t node)
{
    int32_t at = slices->number > 0 ? slices->node_scratch[node] : CLMIX_NONE;

    while (at != CLMIX_NONE && slices->scratch[at].number != slices->scratches)
        at = slices->scratch[at].next;
    return at == CLMIX_NONE ? CLMIX_NONE : slices->scratch[at].storage;
}

int32_t clmix_planner_scratch(struct clmix_planner *planner, const struct clmix_node *node, size_t bytes)
{
    int32_t step = planner->position[node->number];
    struct clmix_storage storage = { .arena = CLMIX_ACTIVATIONS, .size_bytes = bytes == 0 ? 4 : bytes, .first = step, .last = step };
    struct clmix_slices *slices = &planner->slices;
    int32_t earlier = earlier_scratch(slices, node->number);
    struct clmix_sliced_scratch scratch = { .next = slices->node_scratch[node->number], .number = slices->scratches++ };

    if (earlier != CLMIX_NONE) {
        if (planner->plan->storages[earlier].size_bytes < storage.size_bytes)
            planner->plan->storages[earlier].size_bytes = storage.size_bytes;
        return add_place(planner, earlier, CLMIX_F32, storage.size_bytes / 4, slices->number);
    }
    scratch.storage = add_storage(planner, storage);
    if (slices->number > 0) {
        slices->node_scratch[node->number] = (int32_t)slices->scratch_count;
        if (!CLMIX_PUSH(slices->scratch, slices->scratch_count, slices->scratch_capacity, scratch))
            return add_place(planner, CLMIX_NONE, CLMIX_F32, 0, 0);
    }
    return add_place(planner, scratch.storage, CLMIX_F32, storage.size_bytes / 4, 0);
}

clmix_status clmix_plan_add_random(struct clmix_planner *planner)
{
    struct clmix_storage storage = { .arena = CLMIX_ACTIVATIONS, .size_bytes = 2 * sizeof(uint64_t), .first = 0, .last = CLMIX_FOREVER };

    planner->plan->random = add_place(planner, add_storage(planner, storage), CLMIX_I32, 4, 0);
    return planner->status;
}

int32_t clmix_planner_random(struct clmix_planner *planner)
{
    return planner->plan->random;
}

/* ---- preparing ---------------------------------------------------------------------------------------------------------------------- */

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

/* A library call behind the runtime's launch interface. */
static clmix_status run_call(clmix_device *device, void *context, cl_event *event)
{
    struct clmix_launcher *launcher = context;

    return launcher->call(device, launcher->memory, launcher->offsets, launcher->data, event);
}

clmix_status clmix_launcher_prepare(struct clmix_plan *plan, struct clmix_launcher *launcher)
{
    struct clmix_launch *launch = &launcher->launch;

    launch->label = launcher->label;
    launch->name = launcher->kernel;
    launch->flops = launcher->flops;
    launch->bytes = launcher->bytes;
    if (launcher->call != NULL) {
        free(launcher->memory); /* of a preparation that failed later on */
        free(launcher->offsets);
        launcher->memory = calloc(launcher->argument_count + 1, sizeof *launcher->memory);
        launcher->offsets = calloc(launcher->argument_count + 1, sizeof *launcher->offsets);
        launch->call = run_call;
        launch->context = launcher;
        return launcher->memory == NULL || launcher->offsets == NULL ? clmix_fail_memory("a plan's launches") : CLMIX_OK;
    }
    launch->dimensions = launcher->groups[2] > 1 ? 3 : launcher->groups[1] > 1 || launcher->group[1] > 1 ? 2 : 1;
    for (int i = 0; i < 3; i++) {
        launch->local[i] = i < 2 ? launcher->group[i] : 1;
        launch->global[i] = launcher->groups[i] * launch->local[i];
        if (launch->global[i] == 0)
            return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: kernel '%s' has an empty grid", launcher->label, launcher->kernel);
    }
    {
        clmix_status status = clmix_kernel_create(plan->device, launcher->file, launcher->kernel, launcher->options, &launch->kernel);

        return status == CLMIX_OK ? CLMIX_OK : clmix_fail_at(status, "%s", launcher->label);
    }
}

static clmix_status set_argument(struct clmix_plan *plan, struct clmix_launcher *launcher, cl_uint index, size_t bytes, const void *value)
{
    cl_int code = clSetKernelArg(launcher->launch.kernel, index, bytes, value);

    return code == CL_SUCCESS
               ? CLMIX_OK
               : clmix_fail_cl(plan->device, code, "argument %u of kernel '%s' of %s", index, launcher->kernel, launcher->label);
}

clmix_status clmix_launcher_bind(struct clmix_plan *plan, struct clmix_launcher *launcher)
{
    cl_uint index = 0;

    for (size_t i = 0; i < launcher->argument_count; i++) {
        const struct clmix_argument *argument = &launcher->arguments[i];
        const struct clmix_place *place =
            &plan->places[argument->kind == CLMIX_ARGUMENT_VALUE && argument->value >= 0 ? argument->value : plan->random];
        size_t offset_bytes, elements = 0;
        cl_mem memory;
        cl_uint offset;

        if (argument->kind == CLMIX_ARGUMENT_VALUE) {
            if (place->storage == CLMIX_NONE)
                return clmix_fail(CLMIX_ERROR_INTERNAL, "%s: kernel '%s' uses a value that is never made", launcher->label,
                                  launcher->kernel);
            memory = clmix_plan_memory(plan, place->storage, &offset_bytes);
            elements = offset_bytes / clmix_type_bytes(place->type) + (argument->value >= 0 ? place->offset : 0);
            if (launcher->call != NULL) {
                launcher->memory[i] = memory;
                launcher->offsets[i] = elements;
                continue;
            }
            offset = (cl_uint)elements;
            CLMIX_TRY(set_argument(plan, launcher, index++, sizeof memory, &memory));
            CLMIX_TRY(set_argument(plan, launcher, index++, sizeof offset, &offset));
        } else if (launcher->call == NULL) {
            const void *value = argument->kind == CLMIX_ARGUMENT_UINT  ? (const void *)&argument->uint
                                : argument->kind == CLMIX_ARGUMENT_INT ? (const void *)&argument->integer
                                                                       : (const void *)&argument->real;

            CLMIX_TRY(set_argument(plan, launcher, index++, 4, value));
        }
    }
    return CLMIX_OK;
}
