#include "train/peers.h"

#include "base/status.h"

#include <stdio.h>

void clmix_peering_begin(struct clmix_peering *peering, const clmix_train_events *events)
{
    *peering = (struct clmix_peering){ .peers = peering->peers, .events = events, .different = peering->different };
}

void clmix_peering_stop(struct clmix_peering *peering)
{
    peering->wants_stop = true;
    if (peering->peers == NULL)
        peering->stopping = true;
}

bool clmix_peering_is_first(const struct clmix_peering *peering)
{
    return peering->peers == NULL || peering->peers->index == 0;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------------------------- */

static clmix_waiting waiting_for(const struct clmix_peering *peering)
{
    const clmix_train_events *events = peering->events;

    return events == NULL ? (clmix_waiting){ 0 } : (clmix_waiting){ events->waiting, events->user };
}

/* Whoever cannot be reached need not be told. */
static clmix_status note(struct clmix_peering *peering, clmix_status status)
{
    peering->told = peering->told || status != CLMIX_OK;
    return status;
}

clmix_status clmix_peering_sum(struct clmix_peering *peering, double *values, size_t count)
{
    const clmix_waiting waiting = waiting_for(peering);

    if (peering->peers == NULL || count == 0)
        return CLMIX_OK;
    return note(peering, peering->peers->sum(peering->peers->user, values, count, &waiting));
}

clmix_status clmix_peering_sum_floats(struct clmix_peering *peering, float *values, size_t count)
{
    const clmix_waiting waiting = waiting_for(peering);

    if (peering->peers == NULL || count == 0)
        return CLMIX_OK;
    return note(peering, peering->peers->sum_floats(peering->peers->user, values, count, &waiting));
}

clmix_status clmix_peering_send(struct clmix_peering *peering, void *data, size_t bytes)
{
    const clmix_waiting waiting = waiting_for(peering);

    if (peering->peers == NULL || bytes == 0)
        return CLMIX_OK;
    return note(peering, peering->peers->send(peering->peers->user, data, bytes, &waiting));
}

/* ---- meeting -------------------------------------------------------------------------------------------------------------------------- */

enum { FAILED, FAILED_INDEX, INTERRUPTED, STOP, COUNTED, LOSS, SKIPPED, METRICS, VALUES = METRICS + CLMIX_MOST_METRICS };

static void write_word(const struct clmix_word *word, double values[VALUES])
{
    values[COUNTED] = word->counted;
    values[LOSS] = word->loss;
    values[SKIPPED] = word->skipped;
    for (int i = 0; i < CLMIX_MOST_METRICS; i++)
        values[METRICS + i] = word->metrics[i];
}

static void read_word(struct clmix_word *word, const double values[VALUES])
{
    word->counted = values[COUNTED];
    word->loss = values[LOSS];
    word->skipped = values[SKIPPED];
    for (int i = 0; i < CLMIX_MOST_METRICS; i++)
        word->metrics[i] = values[METRICS + i];
}

/* That others have failed, and this process has not. */
static clmix_status fail_with_them(const clmix_peers *peers, const double values[VALUES])
{
    const bool stopped = values[INTERRUPTED] >= values[FAILED];
    char who[64];

    if (values[FAILED] > 1.0)
        snprintf(who, sizeof who, "%.0f of %zu processes", values[FAILED], peers->count);
    else
        snprintf(who, sizeof who, "process %.0f of %zu", values[FAILED_INDEX] + 1.0, peers->count);
    if (stopped)
        return clmix_fail(CLMIX_ERROR_INTERRUPTED, "%s was asked to stop", who);
    return clmix_fail(CLMIX_ERROR_PEER, "%s failed, and says why itself; none can go on without it", who);
}

clmix_status clmix_peering_meet(struct clmix_peering *peering, clmix_status own, struct clmix_word *word)
{
    double values[VALUES] = { 0.0 };
    char sentence[1024];
    clmix_status status;

    if (peering->peers == NULL)
        return own;
    snprintf(sentence, sizeof sentence, "%s", clmix_error());
    if (word != NULL)
        write_word(word, values);
    if (own != CLMIX_OK) {
        values[FAILED] = 1.0;
        values[FAILED_INDEX] = (double)peering->peers->index;
        values[INTERRUPTED] = own == CLMIX_ERROR_INTERRUPTED ? 1.0 : 0.0;
        peering->told = true;
    }
    values[STOP] = peering->wants_stop ? 1.0 : 0.0;
    status = clmix_peering_sum(peering, values, VALUES);
    if (own != CLMIX_OK)
        return clmix_error_set(own, sentence);
    CLMIX_TRY(status);
    peering->stopping = values[STOP] > 0.0;
    if (values[FAILED] > 0.0) {
        peering->told = true;
        return fail_with_them(peering->peers, values);
    }
    if (word != NULL)
        read_word(word, values);
    return CLMIX_OK;
}

clmix_status clmix_peering_part(struct clmix_peering *peering, clmix_status own)
{
    return own == CLMIX_OK || peering->told ? own : clmix_peering_meet(peering, own, NULL);
}

clmix_status clmix_peering_compare(struct clmix_peering *peering, uint64_t value, bool *same)
{
    uint64_t first = value;
    double others;

    CLMIX_TRY(clmix_peering_send(peering, &first, sizeof first));
    others = first == value ? 0.0 : 1.0;
    CLMIX_TRY(clmix_peering_sum(peering, &others, 1));
    *same = others <= 0.0;
    return CLMIX_OK;
}
