/* What a run is given: values by name, the inputs of a batch in one transfer, and the seed and the step that random numbers are keyed by. */
#include "graph/plan.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- random numbers ----------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_plan_set_step(clmix_plan *plan, uint64_t seed, uint64_t step)
{
    CLMIX_NEED(plan);

    const uint32_t words[CLMIX_RANDOM_WORDS] = {
        (uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)step, (uint32_t)(step >> 32), plan->whole[0], plan->whole[1],
    };

    memcpy(plan->words, words, sizeof words);
    plan->unsent = true;
    return CLMIX_OK;
}

clmix_status clmix_plan_set_place(clmix_plan *plan, size_t first, size_t batch)
{
    CLMIX_NEED(plan);

    if (plan->batch == 0 || batch > UINT32_MAX || first > batch || plan->batch > batch - first)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a plan for %zu samples cannot be those from number %zu of a batch of %zu", plan->batch,
                          first, batch);
    if (plan->placeless && plan->batch != batch)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED,
                          "a dropout of this plan stands where samples cannot be told apart: it draws for whole batches only");
    plan->whole[0] = (uint32_t)first;
    plan->whole[1] = (uint32_t)batch;
    return CLMIX_OK;
}

clmix_status clmix_plan_send_step(clmix_plan *plan)
{
    size_t offset;
    cl_mem memory;

    if (!plan->unsent)
        return CLMIX_OK;
    memory = clmix_plan_memory(plan, plan->places[plan->random].storage, &offset);
    CLMIX_TRY(clmix_buffer_write(plan->device, memory, offset, plan->words, sizeof plan->words));
    plan->unsent = false;
    return CLMIX_OK;
}

/* ---- a value ------------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_plan_write(clmix_plan *plan, const char *name, const void *data, size_t bytes)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(name);
    CLMIX_NEED(data);

    size_t offset;
    cl_mem memory;

    CLMIX_TRY(clmix_plan_locate(plan, name, bytes, &memory, &offset));
    return clmix_buffer_write(plan->device, memory, offset, data, bytes);
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------------------ */

static struct clmix_storage *fed_storage(const clmix_plan *plan, size_t index)
{
    return &plan->storages[plan->fed[index]];
}

static clmix_status check_arrays(const clmix_plan *plan, const clmix_plan_array *arrays, size_t count)
{
    const struct clmix_place *place;

    for (size_t i = 0; i < count; i++) {
        if (arrays[i].name == NULL || arrays[i].data == NULL)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_plan_feed: '%s' is NULL and must not be",
                              arrays[i].name == NULL ? "name" : "data");
        CLMIX_TRY(clmix_plan_need_place(plan, arrays[i].name, &place));
        CLMIX_TRY(clmix_place_need_bytes(place, arrays[i].name, arrays[i].bytes));
    }
    return CLMIX_OK;
}

/* What lies beside the others waits for them; anything else, such as memory of the application's own, is written by itself. */
static clmix_status take(clmix_plan *plan, const clmix_plan_array *array)
{
    const struct clmix_place *place;
    struct clmix_storage *storage;

    CLMIX_TRY(clmix_plan_need_place(plan, array->name, &place));
    storage = &plan->storages[place->storage];
    if (!storage->fed || storage->bound != NULL || array->bytes != storage->size_bytes)
        return clmix_plan_write(plan, array->name, array->data, array->bytes);
    storage->given = array->data;
    return CLMIX_OK;
}

/* The place in host memory where neighbours come together, a byte for each of theirs on the device. */
static clmix_status make_staging(clmix_plan *plan)
{
    const struct clmix_storage *first = fed_storage(plan, 0), *last = fed_storage(plan, plan->fed_count - 1);

    if (plan->staging == NULL)
        plan->staging = calloc(1, last->offset_bytes + last->size_bytes - first->offset_bytes);
    return plan->staging != NULL ? CLMIX_OK : clmix_fail_memory("a batch on its way to the device");
}

/* Neighbours from number `begin` on before number `end`, in one transfer with the few bytes that lie between them. */
static clmix_status send(clmix_plan *plan, size_t begin, size_t end)
{
    const struct clmix_storage *first = fed_storage(plan, begin), *last = fed_storage(plan, end - 1);
    const void *data = first->given;
    size_t offset;
    const cl_mem memory = clmix_plan_memory(plan, plan->fed[begin], &offset);

    if (end - begin > 1) {
        CLMIX_TRY(make_staging(plan));
        for (size_t i = begin; i < end; i++) {
            const struct clmix_storage *storage = fed_storage(plan, i);

            memcpy(plan->staging + (storage->offset_bytes - first->offset_bytes), storage->given, storage->size_bytes);
        }
        data = plan->staging;
    }
    return clmix_buffer_write(plan->device, memory, offset, data, last->offset_bytes + last->size_bytes - first->offset_bytes);
}

static clmix_status send_given(clmix_plan *plan)
{
    for (size_t begin = 0, end; begin < plan->fed_count; begin = end + 1) {
        for (end = begin; end < plan->fed_count && fed_storage(plan, end)->given != NULL;)
            end++;
        if (end > begin)
            CLMIX_TRY(send(plan, begin, end));
    }
    return CLMIX_OK;
}

clmix_status clmix_plan_feed(clmix_plan *plan, const clmix_plan_array *arrays, size_t count)
{
    CLMIX_NEED(plan);
    CLMIX_NEED(arrays);

    clmix_status status = CLMIX_OK;
    bool words;

    CLMIX_TRY(check_arrays(plan, arrays, count));
    CLMIX_TRY(clmix_plan_prepare(plan));
    words = plan->unsent && plan->storages[plan->places[plan->random].storage].fed;
    for (size_t i = 0; status == CLMIX_OK && i < count; i++)
        status = take(plan, &arrays[i]);
    if (words)
        plan->storages[plan->places[plan->random].storage].given = plan->words;
    if (status == CLMIX_OK)
        status = send_given(plan);
    if (words && status == CLMIX_OK)
        plan->unsent = false;
    for (size_t i = 0; i < plan->fed_count; i++)
        fed_storage(plan, i)->given = NULL;
    return status;
}
