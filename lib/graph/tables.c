/* Constants of a plan: an arena of their own, which the host fills when the plan is prepared. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- while the plan is made ------------------------------------------------------------------------------------------------------------ */

static clmix_status add_table(struct clmix_planner *planner, const struct clmix_constant *constant)
{
    struct clmix_plan *plan = planner->plan;
    struct clmix_storage storage = { .arena = CLMIX_CONSTANTS,
                                     .offset_bytes = plan->cost.arena_bytes[CLMIX_CONSTANTS],
                                     .size_bytes = clmix_place_bytes(&plan->places[constant->value]),
                                     .last = CLMIX_FOREVER };
    struct clmix_table table = { .place = constant->value, .fill = constant->fill };

    if (constant->data_bytes > 0) {
        table.data = malloc(constant->data_bytes);
        if (table.data == NULL)
            return clmix_fail_memory("a plan");
        memcpy(table.data, constant->data, constant->data_bytes);
    }
    if (!CLMIX_PUSH(plan->tables, plan->table_count, plan->table_capacity, table)) {
        free(table.data);
        return clmix_fail_memory("a plan");
    }
    if (!CLMIX_PUSH(plan->storages, plan->storage_count, plan->storage_capacity, storage))
        return clmix_fail_memory("a plan");
    plan->places[constant->value].storage = (int32_t)plan->storage_count - 1;
    plan->cost.arena_bytes[CLMIX_CONSTANTS] += clmix_slab_aligned(storage.size_bytes);
    return CLMIX_OK;
}

/* The values that launches read: an op that is computed in one of several ways has constants that the others would need. */
static bool *find_read(const struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    const struct clmix_plan *plan = planner->plan;
    bool *read = calloc(graph->tensor_count + 1, sizeof *read);

    for (size_t i = 0; read != NULL && i < plan->record_count; i++)
        for (size_t k = 0; k < plan->records[i]->argument_count; k++) {
            const struct clmix_argument *argument = &plan->records[i]->arguments[k];

            if (argument->kind == CLMIX_ARGUMENT_VALUE && argument->value >= 0 && (size_t)argument->value < graph->tensor_count)
                read[graph->tensors[argument->value]->base] = true;
        }
    return read;
}

clmix_status clmix_plan_add_constants(struct clmix_planner *planner)
{
    const clmix_graph *graph = planner->graph;
    const struct clmix_plan *plan = planner->plan;
    const clmix_device_info *info = &planner->device->info;
    bool *read = find_read(planner);
    clmix_status status = read == NULL ? clmix_fail_memory("a plan") : CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < graph->constant_count; i++)
        if (read[graph->constants[i].value])
            status = add_table(planner, &graph->constants[i]);
    free(read);
    if (status == CLMIX_OK && plan->cost.arena_bytes[CLMIX_CONSTANTS] > info->max_allocation_bytes)
        return clmix_fail(CLMIX_ERROR_DEVICE_MEMORY, "the graph's constants need %zu bytes and %s gives %zu in one allocation at most",
                          plan->cost.arena_bytes[CLMIX_CONSTANTS], info->name, (size_t)info->max_allocation_bytes);
    return status;
}

/* ---- when it is prepared --------------------------------------------------------------------------------------------------------------- */

/* The sentence for a function that failed. */
static clmix_status explain(clmix_status status, clmix_shape shape)
{
    char text[64];

    clmix_shape_text(shape, text);
    if ((unsigned)status > CLMIX_ERROR_INTERNAL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the constant %s: its function returned %d, which is no clmix_status", text, (int)status);
    if (clmix_error()[0] == '\0')
        return clmix_fail(status, "the constant %s: its function failed and gave no reason; clmix_error_set does", text);
    return clmix_fail_at(status, "the constant %s", text);
}

static clmix_status upload(const struct clmix_plan *plan, const struct clmix_table *table)
{
    const struct clmix_place *place = &plan->places[table->place];
    size_t offset, bytes = clmix_place_bytes(place);
    cl_mem memory = clmix_plan_memory(plan, place->storage, &offset);
    void *values = calloc(1, bytes);
    clmix_status status;

    if (values == NULL)
        return clmix_fail_memory("a constant");
    clmix_error_set(CLMIX_OK, NULL); /* an older failure's sentence is not the function's */
    status = table->fill(values, place->shape, table->data);
    status = status != CLMIX_OK ? explain(status, place->shape) : clmix_buffer_write(plan->device, memory, offset, values, bytes);
    free(values);
    return status;
}

clmix_status clmix_plan_upload_constants(const struct clmix_plan *plan)
{
    for (size_t i = 0; i < plan->table_count; i++)
        CLMIX_TRY(upload(plan, &plan->tables[i]));
    return CLMIX_OK;
}
