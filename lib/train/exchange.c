#include "train/exchange.h"

#include "base/size.h"
#include "base/status.h"
#include "network/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------------------------- */

static bool allocate(size_t count, float **values)
{
    *values = count == 0 ? NULL : malloc(count * sizeof **values);
    return count == 0 || *values != NULL;
}

clmix_status clmix_exchange_make(struct clmix_exchange *exchange, const struct clmix_replica *replica, size_t count)
{
    const size_t weights = replica->map.weight_count, states = replica->map.state_count;
    bool done;

    *exchange = (struct clmix_exchange){ .count = count, .weight_count = weights, .state_count = states };
    exchange->state_sum = states == 0 ? NULL : malloc(states * sizeof *exchange->state_sum);
    done = (states == 0 || exchange->state_sum != NULL) && allocate(weights, &exchange->gradient_sum) &&
           allocate(weights, &exchange->weights) && allocate(states, &exchange->state_mean);
    for (size_t i = 0; done && i < count; i++)
        done = allocate(weights, &exchange->gradients[i]) && allocate(states, &exchange->states[i]);
    if (done)
        return CLMIX_OK;
    clmix_exchange_clear(exchange);
    return clmix_fail_memory("what replicas exchange");
}

void clmix_exchange_clear(struct clmix_exchange *exchange)
{
    for (size_t i = 0; i < exchange->count; i++) {
        free(exchange->gradients[i]);
        free(exchange->states[i]);
    }
    free(exchange->gradient_sum);
    free(exchange->state_sum);
    free(exchange->state_mean);
    free(exchange->weights);
    memset(exchange, 0, sizeof *exchange);
}

/* ---- transfers ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status read_ranges(struct clmix_replica *replica, const struct clmix_range *ranges, size_t count, cl_mem from, float *to)
{
    for (size_t i = 0; i < count; i++)
        CLMIX_TRY(
            clmix_buffer_read(replica->device, from, ranges[i].begin * sizeof *to, to + ranges[i].begin, ranges[i].count * sizeof *to));
    return CLMIX_OK;
}

static clmix_status write_ranges(struct clmix_replica *replica, const struct clmix_range *ranges, size_t count, const float *from,
                                 cl_mem to)
{
    for (size_t i = 0; i < count; i++)
        CLMIX_TRY(clmix_buffer_write(replica->device, to, ranges[i].begin * sizeof *from, from + ranges[i].begin,
                                     ranges[i].count * sizeof *from));
    return CLMIX_OK;
}

static clmix_status read_states(struct clmix_replica *replica, size_t count, float *states)
{
    return count == 0 ? CLMIX_OK
                      : clmix_buffer_read(replica->device, clmix_network_states(replica->network), 0, states, count * sizeof *states);
}

static clmix_status write_states(struct clmix_replica *replica, size_t count, const float *states)
{
    return count == 0 ? CLMIX_OK
                      : clmix_buffer_write(replica->device, clmix_network_states(replica->network), 0, states, count * sizeof *states);
}

clmix_status clmix_exchange_read(struct clmix_exchange *exchange, size_t index, struct clmix_replica *replica)
{
    CLMIX_TRY(read_states(replica, exchange->state_count, exchange->states[index]));
    return read_ranges(replica, replica->map.ranges, replica->map.range_count, replica->gradients, exchange->gradients[index]);
}

clmix_status clmix_exchange_write_gradients(const struct clmix_exchange *exchange, struct clmix_replica *replica)
{
    return write_ranges(replica, replica->map.ranges, replica->map.range_count, exchange->gradient_sum, replica->gradients);
}

clmix_status clmix_exchange_write_states(const struct clmix_exchange *exchange, struct clmix_replica *replica)
{
    return write_states(replica, exchange->state_count, exchange->state_mean);
}

/* Gaps between the ranges are those of weights that are frozen. */
static const struct clmix_range *weight_ranges(const struct clmix_replica *replica, bool all, struct clmix_range *whole, size_t *count)
{
    *whole = (struct clmix_range){ 0, replica->map.weight_count };
    *count = all ? 1 : replica->map.range_count;
    return all ? whole : replica->map.ranges;
}

clmix_status clmix_exchange_read_weights(struct clmix_exchange *exchange, struct clmix_replica *from, bool all)
{
    struct clmix_range whole;
    size_t count;
    const struct clmix_range *ranges = weight_ranges(from, all, &whole, &count);

    CLMIX_TRY(read_states(from, exchange->state_count, exchange->state_mean));
    return read_ranges(from, ranges, count, clmix_network_weights(from->network), exchange->weights);
}

clmix_status clmix_exchange_write_weights(const struct clmix_exchange *exchange, struct clmix_replica *to, bool all)
{
    struct clmix_range whole;
    size_t count;
    const struct clmix_range *ranges = weight_ranges(to, all, &whole, &count);

    CLMIX_TRY(write_states(to, exchange->state_count, exchange->state_mean));
    return write_ranges(to, ranges, count, exchange->weights, clmix_network_weights(to->network));
}

/* ---- sums --------------------------------------------------------------------------------------------------------------------------- */

#define BLOCK 1024 /* values: their sums stay in the nearest cache */

/* totals += the parts by their weights, one part after another. */
static void add_parts(double totals[BLOCK], float *const *parts, const double *weights, size_t part_count, size_t begin, size_t count)
{
    for (size_t p = 0; p < part_count; p++) {
        if (weights[p] <= 0.0)
            continue;
        for (size_t i = 0; i < count; i++)
            totals[i] += weights[p] * (double)parts[p][begin + i];
    }
}

static void add_range(struct clmix_exchange *exchange, const struct clmix_range *range, const double *labels, bool fresh, double scale)
{
    const size_t end = range->begin + range->count;

    for (size_t begin = range->begin; begin < end; begin += BLOCK) {
        const size_t count = clmix_smaller(BLOCK, end - begin);
        float *sum = exchange->gradient_sum + begin;
        double totals[BLOCK];

        for (size_t i = 0; i < count; i++)
            totals[i] = fresh ? 0.0 : (double)sum[i];
        add_parts(totals, exchange->gradients, labels, exchange->count, begin, count);
        for (size_t i = 0; i < count; i++)
            sum[i] = (float)(totals[i] * scale);
    }
}

void clmix_exchange_add(struct clmix_exchange *exchange, const struct clmix_replica *replica, const double *labels, bool fresh,
                        double scale)
{
    for (size_t i = 0; i < replica->map.range_count; i++)
        add_range(exchange, &replica->map.ranges[i], labels, fresh, scale);
}

void clmix_exchange_sum_states(struct clmix_exchange *exchange, const double *samples)
{
    for (size_t begin = 0; begin < exchange->state_count; begin += BLOCK) {
        const size_t count = clmix_smaller(BLOCK, exchange->state_count - begin);
        double totals[BLOCK] = { 0.0 };

        add_parts(totals, exchange->states, samples, exchange->count, begin, count);
        memcpy(exchange->state_sum + begin, totals, count * sizeof *totals);
    }
}

/* Divided, not multiplied: what is the same in all replicas stays the same to the bit. */
void clmix_exchange_mix_states(struct clmix_exchange *exchange, double samples)
{
    for (size_t i = 0; i < exchange->state_count; i++)
        exchange->state_mean[i] = (float)(exchange->state_sum[i] / samples);
}

static bool ranges_are_finite(const struct clmix_replica *replica, const float *values)
{
    for (size_t i = 0; i < replica->map.range_count; i++) {
        const struct clmix_range *range = &replica->map.ranges[i];

        for (size_t j = range->begin; j < range->begin + range->count; j++)
            if (!isfinite(values[j]))
                return false;
    }
    return true;
}

size_t clmix_exchange_find_not_finite(const struct clmix_exchange *exchange, const struct clmix_replica *replica, const double *labels)
{
    size_t i = 0;

    while (i < exchange->count && (labels[i] <= 0.0 || ranges_are_finite(replica, exchange->gradients[i])))
        i++;
    return i;
}
