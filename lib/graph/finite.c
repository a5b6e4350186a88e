/* Looking for the op that made a NaN: a run step by step, with what each step makes read and examined. */
#include "graph/plan.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>

/* The first value that is NaN or infinite, and its place; `*finite` where there is none. What lies between rows is others'. */
static clmix_status check_place(clmix_plan *plan, const struct clmix_place *place, bool *finite, float *value, size_t *element)
{
    const size_t columns = clmix_shape_columns(place->shape), rows = clmix_shape_rows(place->shape);
    size_t count = (rows - 1) * place->pitch + columns, offset;
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
    for (size_t i = 0; status == CLMIX_OK && i < rows * columns && *finite; i++) {
        *value = values[i / columns * place->pitch + i % columns];
        *finite = isfinite(*value);
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
    for (size_t i = 0; i < plan->record_count; i++) {
        const struct clmix_record *record = plan->records[i], *next = i + 1 < plan->record_count ? plan->records[i + 1] : NULL;

        CLMIX_TRY(clmix_launch_enqueue(plan->device, &record->launch));
        if (next == NULL || next->position != record->position || next->slice != record->slice)
            CLMIX_TRY(check_step(plan, places, record->position, record->slice));
    }
    return CLMIX_OK;
}

clmix_status clmix_plan_find_not_finite(clmix_plan *plan)
{
    CLMIX_NEED(plan);

    struct places places;
    clmix_status status;

    CLMIX_TRY(clmix_plan_prepare(plan));
    CLMIX_TRY(clmix_plan_send_step(plan));
    CLMIX_TRY(sort_places(plan, &places));
    status = check_steps(plan, &places);
    free(places.at);
    return status;
}
