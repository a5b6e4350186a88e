/* Asking, measuring and remembering. */
#include "ops/tune.h"

#include "base/clock.h"
#include "base/status.h"
#include "runtime/runtime.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_OF_RUNS  0.06
#define SECONDS_IN_A_ROW 0.002
#define MOST_IN_A_ROW    64

/* What came of a question's ways. */
struct outcome {
    int way; /* the one to take, -1 for none */
    double seconds;
    bool failed, first_is_wrong;
    char note[512]; /* for people */
};

/* "12x2 0.143 ms", "12x2 wrong", or "12x2 right" where nothing was timed; of a way that was given up, the time until then. */
static void describe(const struct clmix_tune_question *question, int way, double seconds, struct outcome *outcome)
{
    const size_t length = strlen(outcome->note), room = sizeof outcome->note - length;
    const char *comma = way == 0 ? "" : ", ", *name = question->ways[way];

    if (seconds > 0.0)
        snprintf(outcome->note + length, room, "%s%s %.3f ms", comma, name, 1e3 * seconds);
    else
        snprintf(outcome->note + length, room, "%s%s %s", comma, name, seconds < 0.0 ? "wrong" : "right");
}

static void weigh(const struct clmix_tune_question *question, int way, double seconds, struct outcome *outcome)
{
    outcome->failed = outcome->failed || seconds == CLMIX_TUNE_FAILED;
    outcome->first_is_wrong = outcome->first_is_wrong || (way == 0 && seconds == CLMIX_TUNE_WRONG);
    if (seconds >= 0.0 && (outcome->way < 0 || seconds * question->margin < outcome->seconds)) {
        outcome->way = way;
        outcome->seconds = seconds;
    }
}

static clmix_status measure_all(clmix_device *device, const struct clmix_tune_question *question, struct outcome *outcome)
{
    *outcome = (struct outcome){ .way = -1 };
    for (int i = 0; i < question->count; i++) {
        const double enough = outcome->way < 0 ? (double)INFINITY : outcome->seconds / question->margin;
        double seconds = CLMIX_TUNE_WRONG;

        CLMIX_TRY(question->measure(device, i, enough, question->data, &seconds));
        describe(question, i, seconds, outcome);
        weigh(question, i, seconds, outcome);
    }
    return CLMIX_OK;
}

/* Measures beside what the device is doing otherwise. */
static clmix_status measure(clmix_device *device, const struct clmix_tune_question *question, struct outcome *outcome)
{
    const double start = clmix_seconds();
    struct clmix_trial before;
    clmix_status status;

    CLMIX_TRY(clmix_trial_begin(device, &before));
    status = measure_all(device, question, outcome);
    clmix_trial_end(device, &before);
    if (question->neutral)
        device->tuning_seconds -= clmix_seconds() - start;
    return status;
}

static clmix_status ask(clmix_device *device, const struct clmix_tune_question *question, int *way)
{
    struct outcome outcome;
    int kept;

    CLMIX_TRY(measure(device, question, &outcome));
    if (outcome.way < 0 && outcome.failed) /* the plan that is being made will meet the same failure, and say where */
        return CLMIX_OK;
    if (outcome.way < 0)
        return clmix_fail(CLMIX_ERROR_DRIVER,
                          "%s (driver %s): every way to compute '%s' gives wrong results; update the driver, or choose another device",
                          device->info.name, device->info.driver, question->key);
    if (!outcome.failed)
        CLMIX_TRY(clmix_tuning_add(device, question->key, question->ways[outcome.way], outcome.note));
    CLMIX_TRY(clmix_tuning_find(device, question->key, question->ways, question->count, &kept));
    if (kept >= 0)
        *way = kept; /* perhaps that of another process, which was first */
    else if (question->neutral || outcome.first_is_wrong)
        *way = outcome.way;
    return CLMIX_OK;
}

clmix_status clmix_tune_choose(clmix_device *device, const struct clmix_tune_question *question, int *way)
{
    int kept;

    *way = 0;
    CLMIX_TRY(clmix_tuning_find(device, question->key, question->ways, question->count, &kept));
    if (kept >= 0) {
        *way = kept;
        return CLMIX_OK;
    }
    if (!clmix_tuning_kept(device) || (question->neutral && device->tuning_seconds <= 0.0))
        return CLMIX_OK;
    return ask(device, question, way);
}

static clmix_status time_row(clmix_plan *plan, int count, double *seconds)
{
    const double start = clmix_seconds();

    for (int i = 0; i < count; i++)
        CLMIX_TRY(clmix_plan_run(plan));
    CLMIX_TRY(clmix_plan_wait(plan));
    *seconds = clmix_seconds() - start;
    return CLMIX_OK;
}

clmix_status clmix_tune_time(clmix_plan *plan, double *seconds)
{
    double total, taken;
    int count;

    CLMIX_TRY(time_row(plan, 1, seconds)); /* compiles, and touches memory */
    CLMIX_TRY(time_row(plan, 1, seconds));
    total = *seconds;
    count = (int)fmin(fmax(SECONDS_IN_A_ROW / fmax(total, 1e-6), 1.0), MOST_IN_A_ROW);
    for (int i = 0; total < SECONDS_OF_RUNS && i < 30; i++) {
        CLMIX_TRY(time_row(plan, count, &taken));
        total += taken;
        *seconds = fmin(*seconds, taken / count);
    }
    return CLMIX_OK;
}
