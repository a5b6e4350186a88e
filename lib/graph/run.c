/* Plans at work: memory, bindings, runs. */
#include "graph/plan.h"

#include "base/array.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------------------------- */

cl_mem clmix_plan_memory(const struct clmix_plan *plan, int32_t storage, size_t *offset_bytes)
{
    const struct clmix_storage *at = &plan->storages[storage];

    *offset_bytes = at->bound != NULL ? at->bound_bytes : at->offset_bytes;
    if (at->bound != NULL)
        return at->bound;
    if (at->arena != CLMIX_ACTIVATIONS)
        return plan->arenas[at->arena];
    return plan->lender != NULL ? plan->lender->slabs[at->slab] : plan->slabs[at->slab];
}

static void release_slabs(clmix_plan *plan)
{
    for (size_t i = 0; plan->slabs != NULL && i < plan->slab_count; i++)
        clmix_buffer_release(plan->device, plan->slabs[i]);
    free(plan->slabs);
    plan->slabs = NULL;
}

static void release_arenas(clmix_plan *plan)
{
    for (int i = 0; i < CLMIX_ARENAS; i++) {
        if (plan->owns[i])
            clmix_buffer_release(plan->device, plan->arenas[i]);
        if (plan->owns[i])
            plan->arenas[i] = NULL;
        plan->owns[i] = false;
    }
}

void clmix_plan_free(clmix_plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = plan->launcher_count; i-- > 0;) /* PoCL looks a program's kernels through, the last one made first */
        clmix_launcher_free(plan->launchers[i]);
    release_slabs(plan);
    release_arenas(plan);
    for (size_t i = 0; i < plan->string_count; i++)
        free(plan->strings[i]);
    free(plan->launchers);
    free(plan->storages);
    free(plan->places);
    free(plan->strings);
    free(plan->listed);
    clmix_names_clear(&plan->names);
    free(plan->slab_bytes);
    free(plan);
}

void clmix_plan_costs(const clmix_plan *plan, clmix_plan_cost *cost)
{
    if (cost != NULL)
        *cost = plan == NULL ? (clmix_plan_cost){ 0 } : plan->cost;
}

static clmix_status allocate_arenas(clmix_plan *plan)
{
    static const char *const names[CLMIX_ARENAS] = { "weights", "states", "gradients", "activations" };

    for (int i = 0; i < CLMIX_ACTIVATIONS; i++) {
        if (plan->arenas[i] != NULL || plan->cost.arena_bytes[i] == 0)
            continue;
        CLMIX_TRY(clmix_buffer_create(plan->device, plan->cost.arena_bytes[i], names[i], &plan->arenas[i]));
        plan->owns[i] = true;
        CLMIX_TRY(clmix_buffer_zero(plan->device, plan->arenas[i], 0, plan->cost.arena_bytes[i]));
    }
    if (plan->lender != NULL || plan->slab_count == 0 || plan->slabs != NULL)
        return CLMIX_OK;
    plan->slabs = calloc(plan->slab_count, sizeof *plan->slabs);
    if (plan->slabs == NULL)
        return clmix_fail_memory("a plan");
    for (size_t i = 0; i < plan->slab_count; i++)
        CLMIX_TRY(clmix_buffer_create(plan->device, plan->slab_bytes[i], names[CLMIX_ACTIVATIONS], &plan->slabs[i]));
    return CLMIX_OK;
}

clmix_status clmix_plan_share(clmix_plan *plan, clmix_plan *other)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(other);

    if (plan->device != other->device || other->lender != NULL || other->slab_count < plan->slab_count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a plan can only use the activation memory of a larger plan of the same device");
    for (size_t i = 0; i < plan->slab_count; i++)
        if (plan->slab_bytes[i] > other->slab_bytes[i])
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan needs %zu bytes of activations and the other has %zu", plan->slab_bytes[i],
                              other->slab_bytes[i]);
    CLMIX_TRY(clmix_plan_prepare(other));
    release_slabs(plan);
    plan->lender = other;
    plan->stale = true;
    return CLMIX_OK;
}

static clmix_status prepare(clmix_plan *plan)
{
    uint64_t step[2] = { 0, 0 };

    for (size_t i = 0; i < plan->launcher_count; i++)
        if (plan->launchers[i]->launch.kernel == NULL)
            CLMIX_TRY(clmix_launcher_prepare(plan, plan->launchers[i]));
    CLMIX_TRY(allocate_arenas(plan));
    if (plan->random != CLMIX_NONE) {
        size_t offset;
        cl_mem memory = clmix_plan_memory(plan, plan->places[plan->random].storage, &offset);

        CLMIX_TRY(clmix_buffer_write(plan->device, memory, offset, step, sizeof step));
    }
    return CLMIX_OK;
}

static clmix_status bind_all(clmix_plan *plan)
{
    for (size_t i = 0; i < plan->launcher_count; i++)
        CLMIX_TRY(clmix_launcher_bind(plan, plan->launchers[i]));
    plan->stale = false;
    return CLMIX_OK;
}

clmix_status clmix_plan_prepare(clmix_plan *plan)
{
    CLMIX_NEED(plan);

    if (!plan->device->real)
        return clmix_fail(
            CLMIX_ERROR_NO_DEVICE,
            "this plan was made for a generic device, which cannot run it; open an OpenCL device (pocl-opencl-icd brings one for the CPU)");
    if (!plan->prepared) {
        clmix_status status = prepare(plan);

        if (status != CLMIX_OK) {
            release_slabs(plan);
            release_arenas(plan);
            return status;
        }
        plan->prepared = true;
        plan->stale = true;
    }
    return plan->stale ? bind_all(plan) : CLMIX_OK;
}

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

static const struct clmix_place *find_place(const clmix_plan *plan, const char *name)
{
    size_t number;

    return clmix_names_find(&plan->names, name, &number) ? &plan->places[number] : NULL;
}

static clmix_status need_place(const clmix_plan *plan, const char *name, const struct clmix_place **place)
{
    *place = find_place(plan, name);
    if (*place == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan has no input, output or weight named '%s'", name);
    return CLMIX_OK;
}

static size_t place_bytes(const struct clmix_place *place)
{
    return clmix_shape_count(place->shape) * clmix_type_bytes(place->type);
}

clmix_status clmix_plan_bind(clmix_plan *plan, const char *name, cl_mem memory, size_t offset_bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(memory);

    const struct clmix_place *place;
    struct clmix_storage *storage;
    size_t size = 0;

    CLMIX_TRY(need_place(plan, name, &place));
    storage = &plan->storages[place->storage];
    if (storage->arena != CLMIX_ACTIVATIONS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is part of an arena; bind the arena with clmix_plan_bind_arena", name);
    if (offset_bytes % clmix_type_bytes(place->type) != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s': offset %zu is not a multiple of the element size", name, offset_bytes);
    if (memory != NULL && clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof size, &size, NULL) != CL_SUCCESS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s': what was given is no OpenCL buffer", name);
    if (memory != NULL && (offset_bytes > size || size - offset_bytes < place_bytes(place)))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' needs %zu bytes and the buffer has %zu from offset %zu on", name, place_bytes(place),
                          offset_bytes > size ? 0 : size - offset_bytes, offset_bytes);
    storage->bound = memory;
    storage->bound_bytes = offset_bytes;
    plan->stale = true;
    return CLMIX_OK;
}

clmix_status clmix_plan_bind_arena(clmix_plan *plan, clmix_arena arena, cl_mem memory)
{
    CLMIX_NEED(plan);

    size_t size = 0;

    if (arena >= CLMIX_ACTIVATIONS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "only weights, states and gradients are arenas that can be bound; clmix_plan_share lends activations");
    if (plan->cost.arena_bytes[arena] == 0)
        return CLMIX_OK;
    if (memory == NULL || clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof size, &size, NULL) != CL_SUCCESS ||
        size < plan->cost.arena_bytes[arena])
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan's arena needs %zu bytes and the buffer has %zu", plan->cost.arena_bytes[arena],
                          size);
    if (plan->owns[arena])
        clmix_buffer_release(plan->device, plan->arenas[arena]);
    plan->owns[arena] = false;
    plan->arenas[arena] = memory;
    plan->stale = true;
    return CLMIX_OK;
}

/* ---- data --------------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_size(const struct clmix_place *place, const char *name, size_t bytes)
{
    char shape[64];

    if (bytes != place_bytes(place))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is %s, %zu bytes, and %zu were given", name, clmix_shape_text(place->shape, shape),
                          place_bytes(place), bytes);
    return CLMIX_OK;
}

clmix_status clmix_plan_write(clmix_plan *plan, const char *name, const void *data, size_t bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(data);

    const struct clmix_place *place;
    size_t offset;
    cl_mem memory;

    CLMIX_TRY(need_place(plan, name, &place));
    CLMIX_TRY(check_size(place, name, bytes));
    CLMIX_TRY(clmix_plan_prepare(plan));
    memory = clmix_plan_memory(plan, place->storage, &offset);
    return clmix_buffer_write(plan->device, memory, offset + place->offset * clmix_type_bytes(place->type), data, bytes);
}

clmix_status clmix_plan_read(clmix_plan *plan, const char *name, void *data, size_t bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(data);

    const struct clmix_place *place;
    size_t offset;
    cl_mem memory;

    CLMIX_TRY(need_place(plan, name, &place));
    CLMIX_TRY(check_size(place, name, bytes));
    CLMIX_TRY(clmix_plan_prepare(plan));
    memory = clmix_plan_memory(plan, place->storage, &offset);
    return clmix_buffer_read(plan->device, memory, offset + place->offset * clmix_type_bytes(place->type), data, bytes);
}

clmix_status clmix_plan_set_step(clmix_plan *plan, uint64_t seed, uint64_t step)
{
    CLMIX_NEED(plan);

    uint32_t words[4] = { (uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)step, (uint32_t)(step >> 32) };
    size_t offset;
    cl_mem memory;

    CLMIX_TRY(clmix_plan_prepare(plan));
    memory = clmix_plan_memory(plan, plan->places[plan->random].storage, &offset);
    return clmix_buffer_write(plan->device, memory, offset, words, sizeof words);
}

/* ---- runs --------------------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_plan_wait(clmix_plan *plan)
{
    CLMIX_NEED(plan);
    return clmix_device_wait(plan->device);
}

clmix_status clmix_plan_run(clmix_plan *plan)
{
    CLMIX_NEED(plan);

    CLMIX_TRY(clmix_plan_prepare(plan));
    for (size_t i = 0; i < plan->launcher_count; i++)
        CLMIX_TRY(clmix_launch_enqueue(plan->device, &plan->launchers[i]->launch));
    if (!plan->stored) { /* only now do drivers that compile at the first launch have final code to store */
        CLMIX_TRY(clmix_plan_wait(plan));
        clmix_programs_store(plan->device);
        plan->stored = true;
    }
    return CLMIX_OK;
}

/* ---- looking for the op that made a NaN --------------------------------------------------------------------------------------------- */

/* The first value that is NaN or infinite, and its place; `*finite` where there is none. */
static clmix_status check_place(clmix_plan *plan, const struct clmix_place *place, bool *finite, float *value, size_t *element)
{
    size_t count = clmix_shape_count(place->shape), offset;
    cl_mem memory = clmix_plan_memory(plan, place->storage, &offset);
    clmix_status status;
    float *values;

    *finite = true;
    if (place->type != CLMIX_F32)
        return CLMIX_OK;
    values = malloc(count * sizeof *values);
    if (values == NULL)
        return clmix_fail_memory("examining a value");
    status = clmix_buffer_read(plan->device, memory, offset + place->offset * sizeof *values, values, count * sizeof *values);
    for (size_t i = 0; status == CLMIX_OK && i < count && *finite; i++) {
        *finite = isfinite(values[i]);
        *value = values[i];
        *element = i;
    }
    free(values);
    return status;
}

/* Places in memory, those of a step and slice together. */
static int by_step(const void *a, const void *b)
{
    const struct clmix_place *x = *(const struct clmix_place *const *)a, *y = *(const struct clmix_place *const *)b;

    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    if (x->slice != y->slice)
        return x->slice < y->slice ? -1 : 1;
    return x < y ? -1 : x > y;
}

struct places {
    const struct clmix_place **at;
    size_t count;
};

static clmix_status sort_places(const clmix_plan *plan, struct places *places)
{
    places->at = malloc((plan->place_count + 1) * sizeof *places->at);
    places->count = 0;
    if (places->at == NULL)
        return clmix_fail_memory("examining a plan");
    for (size_t i = 0; i < plan->place_count; i++)
        if (plan->places[i].storage != CLMIX_NONE)
            places->at[places->count++] = &plan->places[i];
    qsort(places->at, places->count, sizeof *places->at, by_step);
    return CLMIX_OK;
}

/* The first place that a step made in a slice, or where it would be. */
static size_t first_of(const struct places *places, int32_t position, int slice)
{
    size_t low = 0, high = places->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct clmix_place *place = places->at[middle];

        if (place->position < position || (place->position == position && place->slice < slice))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What the step `position` made in slice `slice` (0 where it was the whole batch), or with -1 what the plan is given. */
static clmix_status check_step(clmix_plan *plan, const struct places *places, int32_t position, int slice)
{
    for (size_t i = first_of(places, position, slice); i < places->count; i++) {
        const struct clmix_place *place = places->at[i];
        size_t element = 0;
        float value = 0.0f;
        bool finite;

        if (place->position != position || place->slice != slice)
            break;
        if (position < 0 && place->name == NULL)
            continue;
        CLMIX_TRY(check_place(plan, place, &finite, &value, &element));
        if (!finite && position < 0)
            return clmix_fail(CLMIX_ERROR_NOT_FINITE, "%s was %s before the run (element %zu)", place->name,
                              isnan(value) ? "NaN" : "infinite", element);
        if (!finite)
            return clmix_fail(CLMIX_ERROR_NOT_FINITE, "%s%s%s makes %s from finite values", place->path, *place->path == '\0' ? "" : " ",
                              place->op, isnan(value) ? "a NaN" : "an infinity");
    }
    return CLMIX_OK;
}

static clmix_status check_steps(clmix_plan *plan, const struct places *places)
{
    CLMIX_TRY(check_step(plan, places, -1, 0));
    for (size_t i = 0; i < plan->launcher_count; i++) {
        const struct clmix_launcher *launcher = plan->launchers[i], *next = i + 1 < plan->launcher_count ? plan->launchers[i + 1] : NULL;

        CLMIX_TRY(clmix_launch_enqueue(plan->device, &launcher->launch));
        if (next == NULL || next->position != launcher->position || next->slice != launcher->slice)
            CLMIX_TRY(check_step(plan, places, launcher->position, launcher->slice));
    }
    return CLMIX_OK;
}

clmix_status clmix_plan_find_not_finite(clmix_plan *plan)
{
    CLMIX_NEED(plan);

    struct places places;
    clmix_status status;

    CLMIX_TRY(clmix_plan_prepare(plan));
    CLMIX_TRY(sort_places(plan, &places));
    status = check_steps(plan, &places);
    free(places.at);
    return status;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------- */

size_t clmix_plan_value_count(const clmix_plan *plan)
{
    return plan == NULL ? 0 : plan->listed_count;
}

clmix_status clmix_plan_value_at(const clmix_plan *plan, size_t index, clmix_plan_value *value)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(value);

    const struct clmix_storage *storage;
    const struct clmix_place *place;

    if (index >= plan->listed_count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan has no value of this number");
    place = &plan->places[plan->listed[index]];
    storage = &plan->storages[place->storage];
    *value = (clmix_plan_value){
        .path = place->path != NULL   ? place->path
                : place->name != NULL ? place->name
                                      : "scratch",
        .op = place->op != NULL ? place->op : "",
        .shape = place->shape,
        .offset_bytes = storage->offset_bytes + place->offset * clmix_type_bytes(place->type),
        .size_bytes = place_bytes(place),
        .slab = storage->slab,
        .storage = place->storage,
        .first_use = storage->first,
        .last_use = storage->last,
    };
    return CLMIX_OK;
}
