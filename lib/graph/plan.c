/* What a plan is once it is compiled: its strings, named places, cost and table of values; and its end. */
#include "graph/plan.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

void clmix_plan_free(clmix_plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = plan->record_count; i-- > 0;) /* PoCL looks a program's kernels through, the last one made first */
        clmix_record_free(plan->records[i]);
    clmix_plan_release_slabs(plan);
    clmix_plan_release_arenas(plan);
    for (size_t i = 0; i < plan->table_count; i++)
        free(plan->tables[i].data);
    free(plan->tables);
    for (size_t i = 0; i < plan->string_count; i++)
        free(plan->strings[i]);
    free(plan->records);
    free(plan->storages);
    free(plan->places);
    free(plan->strings);
    free(plan->listed);
    free(plan->fed);
    free(plan->staging);
    clmix_names_clear(&plan->names);
    free(plan->slab_bytes);
    free(plan);
}

const char *clmix_plan_string(struct clmix_plan *plan, const char *text)
{
    char *copy;

    if (text == NULL)
        return NULL;
    copy = strdup(text);
    if (copy == NULL || !CLMIX_PUSH(plan->strings, plan->string_count, plan->string_capacity, copy)) {
        free(copy);
        return NULL;
    }
    return copy;
}

void clmix_plan_costs(const clmix_plan *plan, clmix_plan_cost *cost)
{
    if (cost != NULL)
        *cost = plan == NULL ? (clmix_plan_cost){ 0 } : plan->cost;
}

static const struct clmix_place *find_place(const clmix_plan *plan, const char *name)
{
    size_t number;

    return clmix_names_find(&plan->names, name, &number) ? &plan->places[number] : NULL;
}

size_t clmix_slab_aligned(size_t bytes)
{
    return (bytes + CLMIX_SLAB_ALIGNMENT - 1) / CLMIX_SLAB_ALIGNMENT * CLMIX_SLAB_ALIGNMENT;
}

clmix_status clmix_plan_need_place(const clmix_plan *plan, const char *name, const struct clmix_place **place)
{
    *place = find_place(plan, name);
    if (*place == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the plan has no input, output or weight named '%s'", name);
    return CLMIX_OK;
}

size_t clmix_place_bytes(const struct clmix_place *place)
{
    return clmix_shape_count(place->shape) * clmix_type_bytes(place->type);
}

clmix_status clmix_place_need_bytes(const struct clmix_place *place, const char *name, size_t bytes)
{
    char shape[64];

    if (bytes != clmix_place_bytes(place))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is %s, %zu bytes, and %zu were given", name, clmix_shape_text(place->shape, shape),
                          clmix_place_bytes(place), bytes);
    return CLMIX_OK;
}

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
        .size_bytes = clmix_place_bytes(place),
        .slab = storage->slab,
        .storage = place->storage,
        .first_use = storage->first,
        .last_use = storage->last,
    };
    return CLMIX_OK;
}
