/* Which steps are launched in slices of the batch.
 *
 * A stretch is a sequence of steps whose ops all work sample by sample. A chain is a stretch that is launched a few samples at a time: all of
 * its steps for the first samples, then all for the next ones, so that what a step leaves for the next is still in the cache.
 *
 * A value of several parts (struct clmix_parts) holds the samples of a slice in several places, and a launch writes to one. Only values that
 * are made anew for each slice are one piece of memory, and these are the ones that nothing outside of the chain knows. So a stretch is
 * shortened until it keeps its values of several parts to itself. */
#include "graph/planner.h"

#include "base/array.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

#define MIXED   (-1) /* readers in several stretches, or outside of all */
#define NOWHERE (-2) /* no readers */

/* Less than this for each compute unit, and a launch is not worth its while. Measured: bench/README.md. */
#define LEAST_LAUNCH_BYTES ((size_t)1 << 20)
/* Inner traffic must be so many times the other: only the former stays in the cache. */
#define MOSTLY_INNER 2

/* What is known while chains are looked for. */
struct search {
    struct clmix_planner *planner;
    int32_t *stretch; /* for each step: the stretch it is in, or -1 */
    int32_t *reader;  /* for each tensor that is no view: the stretch that all its readers are in, MIXED or NOWHERE */
    bool *fits;       /* for each step */
    int32_t *last;    /* for each tensor that is no view: the last step that reads it, or -1 */
    size_t *live;     /* for each step: bytes of a sample that are needed in a cache from it on */
    size_t *gone;     /* and those that are not behind it */
    int32_t *chain;   /* for each stretch: its chain, or CLMIX_NONE */
};

/* The stretch that alone knows the value `base`, or -1. */
static int32_t inner_stretch(const struct search *search, int32_t base)
{
    const struct clmix_planner *planner = search->planner;
    const struct clmix_tensor *value = planner->graph->tensors[base];
    int32_t stretch;

    if (value->kind != CLMIX_VALUE_RESULT || clmix_planner_is_asked_for(planner, base) || planner->slices.parts[base].count == 0 ||
        !clmix_planner_has_work(planner, (size_t)value->producer))
        return -1;
    stretch = search->stretch[planner->position[value->producer]];
    return search->reader[base] == stretch || search->reader[base] == NOWHERE ? stretch : -1;
}

static void number_stretches(struct search *search)
{
    const struct clmix_planner *planner = search->planner;
    const clmix_graph *graph = planner->graph;
    int32_t next = 0;

    for (int32_t step = 0; step < planner->plan->steps; step++)
        search->stretch[step] = !search->fits[step] ? -1 : step > 0 && search->fits[step - 1] ? search->stretch[step - 1] : next++;
    for (size_t i = 0; i < graph->tensor_count; i++) {
        search->reader[i] = NOWHERE;
        search->last[i] = -1;
    }
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; clmix_planner_has_work(planner, n) && i < graph->nodes[n]->input_count; i++) {
            int32_t value = graph->nodes[n]->inputs[i], step = planner->position[n], stretch = search->stretch[step], base;

            if (value < 0)
                continue;
            base = graph->tensors[value]->base;
            search->reader[base] = search->reader[base] == NOWHERE || search->reader[base] == stretch ? stretch : MIXED;
            if (search->last[base] < step)
                search->last[base] = step;
        }
}

/* Whether a node of a stretch reads or writes a value of several parts that others know too. */
static bool reaches_too_far(const struct search *search, size_t n)
{
    const struct clmix_planner *planner = search->planner;
    const struct clmix_node *node = planner->graph->nodes[n];

    for (int i = 0; i < node->input_count + node->output_count; i++) {
        int32_t value = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];

        if (value >= 0 && planner->slices.parts[value].count > 1 &&
            inner_stretch(search, planner->graph->tensors[value]->base) != search->stretch[planner->position[n]])
            return true;
    }
    return false;
}

/* Stretches, shortened until each keeps its values of several parts to itself. */
static void find_stretches(struct search *search)
{
    const struct clmix_planner *planner = search->planner;
    bool changed = true;

    for (int32_t step = 0; step < planner->plan->steps; step++)
        search->fits[step] = true;
    for (size_t n = 0; n < planner->graph->node_count; n++)
        if (clmix_planner_has_work(planner, n) && !planner->slices.by_sample[n])
            search->fits[planner->position[n]] = false;
    while (changed) {
        changed = false;
        number_stretches(search);
        for (size_t n = 0; n < planner->graph->node_count; n++)
            if (clmix_planner_has_work(planner, n) && search->stretch[planner->position[n]] >= 0 && reaches_too_far(search, n)) {
                search->fits[planner->position[n]] = false;
                changed = true;
            }
    }
}

/* ---- the decision ------------------------------------------------------------------------------------------------------------------- */

/* Bytes of one sample: what the steps of a chain read and write of values inner to it and of others, and the most that one of them needs. */
struct traffic {
    size_t inner, outer, most;
};

static size_t sample_bytes(const struct clmix_planner *planner, int32_t value)
{
    const struct clmix_tensor *tensor = planner->graph->tensors[value];

    return clmix_shape_count(tensor->shape) * clmix_type_bytes(clmix_planner_type(planner, value)) / planner->slices.batch;
}

/* Whether an absorber passes over the value: made and read in one step, it is never in memory. */
static bool is_passed(const struct search *search, int32_t base)
{
    const struct clmix_planner *planner = search->planner;
    int32_t producer = planner->graph->tensors[base]->producer;

    return producer >= 0 && planner->position[producer] == search->last[base];
}

/* One value that a step reads or writes; an inner one is in the cache until its last reader has it. */
static void add_value(struct search *search, int32_t step, int32_t value, bool is_written, struct traffic *traffic)
{
    const struct clmix_planner *planner = search->planner;
    int32_t base = value < 0 ? CLMIX_NONE : planner->graph->tensors[value]->base;

    if (base < 0 || planner->slices.parts[value].count == 0 || is_passed(search, base))
        return;
    if (inner_stretch(search, base) < 0) {
        traffic->outer += sample_bytes(planner, value);
        search->live[step] += sample_bytes(planner, value);
        search->gone[step] += sample_bytes(planner, value);
        return;
    }
    traffic->inner += sample_bytes(planner, value);
    if (is_written) { /* counted from here on, and no more behind its last reader: live is summed up afterwards */
        search->live[step] += sample_bytes(planner, value);
        search->gone[step > search->last[base] ? step : search->last[base]] += sample_bytes(planner, value);
    }
}

static struct traffic measure_chain(struct search *search, const struct clmix_chain *chain)
{
    const struct clmix_planner *planner = search->planner;
    struct traffic traffic = { .most = 0 };

    size_t live = 0;

    for (int32_t step = chain->first; step <= chain->last; step++)
        search->live[step] = search->gone[step] = 0;
    for (int32_t step = chain->first; step <= chain->last; step++)
        for (int32_t at = planner->step_begin[step]; at < planner->step_begin[step + 1]; at++) {
            const struct clmix_node *node = planner->graph->nodes[planner->step_nodes[at]];

            for (int i = 0; i < node->input_count; i++)
                add_value(search, step, node->inputs[i], false, &traffic);
            for (int i = 0; i < node->output_count; i++)
                add_value(search, step, node->outputs[i], true, &traffic);
        }
    for (int32_t step = chain->first; step <= chain->last; step++) {
        live += search->live[step];
        if (live > traffic.most)
            traffic.most = live;
        live -= search->gone[step];
    }
    return traffic;
}

/* As many samples as half of the last-level cache holds, cut evenly; 0 where that is the whole batch, where the launches would be too small,
 * or where most of the traffic would remain. A cut into slices pays on devices that run one work-group after another; others want all the
 * work at once. Training plans are left whole: what the backward pass needs breaks their chains, and the little that is left gains nothing
 * (measured). */
static size_t choose_samples(struct search *search, const struct clmix_chain *chain)
{
    const struct clmix_planner *planner = search->planner;
    const clmix_device_info *info = &planner->device->info;
    const struct traffic traffic = measure_chain(search, chain);
    size_t batch = planner->slices.batch, samples = 1, cuts;
    size_t least = LEAST_LAUNCH_BYTES * (info->compute_units == 0 ? 1 : info->compute_units) * (size_t)(chain->last - chain->first + 1);

    while (2 * samples * traffic.most <= info->cache_bytes / 2 && samples < batch)
        samples *= 2;
    if (info->form != CLMIX_WIDE || planner->mode == CLMIX_TRAINING || samples >= batch || samples * traffic.most > info->cache_bytes / 2 ||
        samples * (traffic.inner + traffic.outer) < least || traffic.inner < MOSTLY_INNER * traffic.outer)
        return 0;
    cuts = (batch + samples - 1) / samples;
    return (batch + cuts - 1) / cuts;
}

/* What CLMIX_SLICE asks for: false for nothing in particular. */
static bool is_told(size_t batch, size_t *samples)
{
    const char *wish = getenv("CLMIX_SLICE");
    char *end = NULL;
    unsigned long number;

    *samples = 0;
    if (wish == NULL || strcmp(wish, "off") == 0)
        return wish != NULL;
    number = strtoul(wish, &end, 10);
    if (number == 0 || *end != '\0')
        return false;
    *samples = number < batch ? number : 0;
    return true;
}

static clmix_status add_chain(struct search *search, struct clmix_chain chain)
{
    struct clmix_slices *slices = &search->planner->slices;

    if (!is_told(slices->batch, &chain.samples))
        chain.samples = choose_samples(search, &chain);
    if (chain.samples == 0)
        return CLMIX_OK;
    for (int32_t step = chain.first; step <= chain.last; step++)
        slices->chain[step] = (int32_t)slices->chain_count;
    search->chain[search->stretch[chain.first]] = (int32_t)slices->chain_count;
    return CLMIX_PUSH(slices->chains, slices->chain_count, slices->chain_capacity, chain) ? CLMIX_OK : clmix_fail_memory("a plan");
}

static clmix_status add_chains(struct search *search)
{
    int32_t steps = search->planner->plan->steps;

    for (int32_t first = 0, behind; first < steps; first = behind) {
        behind = first + 1;
        while (behind < steps && search->stretch[behind] >= 0 && search->stretch[behind] == search->stretch[first])
            behind++;
        if (search->stretch[first] >= 0 && behind > first + 1)
            CLMIX_TRY(add_chain(search, (struct clmix_chain){ .first = first, .last = behind - 1 }));
    }
    return CLMIX_OK;
}

static void find_inner(struct search *search)
{
    const struct clmix_planner *planner = search->planner;

    for (size_t i = 0; planner->slices.chain_count > 0 && i < planner->graph->tensor_count; i++) {
        int32_t stretch = planner->graph->tensors[i]->base == (int32_t)i ? inner_stretch(search, (int32_t)i) : -1;

        if (stretch >= 0)
            planner->slices.inner[i] = search->chain[stretch];
    }
}

/* ---- the search --------------------------------------------------------------------------------------------------------------------- */

static bool allocate(struct search *search)
{
    struct clmix_slices *slices = &search->planner->slices;
    size_t tensors = search->planner->graph->tensor_count + 1, steps = (size_t)search->planner->plan->steps + 1;

    slices->chain = malloc(steps * sizeof *slices->chain);
    slices->inner = malloc(tensors * sizeof *slices->inner);
    slices->places = malloc(tensors * sizeof *slices->places);
    slices->node_scratch = malloc((search->planner->graph->node_count + 1) * sizeof *slices->node_scratch);
    search->stretch = malloc(steps * sizeof *search->stretch);
    search->reader = malloc(tensors * sizeof *search->reader);
    search->fits = malloc(steps * sizeof *search->fits);
    search->last = malloc(tensors * sizeof *search->last);
    search->live = malloc(steps * sizeof *search->live);
    search->gone = malloc(steps * sizeof *search->gone);
    search->chain = malloc(steps * sizeof *search->chain);
    if (slices->chain == NULL || slices->inner == NULL || slices->places == NULL || slices->node_scratch == NULL ||
        search->stretch == NULL || search->reader == NULL || search->fits == NULL || search->last == NULL || search->live == NULL ||
        search->gone == NULL || search->chain == NULL)
        return false;
    for (size_t i = 0; i < tensors; i++)
        slices->inner[i] = slices->places[i] = CLMIX_NONE;
    for (size_t n = 0; n <= search->planner->graph->node_count; n++)
        slices->node_scratch[n] = CLMIX_NONE;
    for (size_t i = 0; i < steps; i++)
        slices->chain[i] = search->chain[i] = CLMIX_NONE;
    return true;
}

clmix_status clmix_plan_find_chains(struct clmix_planner *planner)
{
    struct search search = { .planner = planner };
    clmix_status status = allocate(&search) ? CLMIX_OK : clmix_fail_memory("a plan");

    if (status == CLMIX_OK) {
        find_stretches(&search);
        status = add_chains(&search);
        find_inner(&search);
    }
    free(search.stretch);
    free(search.reader);
    free(search.fits);
    free(search.last);
    free(search.live);
    free(search.gone);
    free(search.chain);
    return status;
}
