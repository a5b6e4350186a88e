/* Scenarios that use every part of the library, and a loop that fails the first, second, third, ... call of each. */
#ifndef CLMIX_TEST_SUPPORT_FAULTS_H
#define CLMIX_TEST_SUPPORT_FAULTS_H

#include "support_tiny.h"

/* From here on the calling thread's nth call fails (0: none, they are only counted); `onwards`: that one and all later ones. */
void fault_arm(size_t nth, bool onwards);
/* Calls since then; none fails any more. */
size_t fault_disarm(void);
/* For the functions that stand in for the real ones: whether this call, which counts as one, is to fail. */
bool fault_strikes(void);

/* One kind of calls that are made to fail. */
struct fault {
    long (*held)(void);                    /* what was acquired and not given back: to be the same after each run of a scenario */
    bool (*may_give)(clmix_status status); /* what a failed call may lead to */
};

struct scenario {
    const char *name;
    void (*begin)(void);                /* NULL: nothing */
    clmix_status (*run)(void);          /* gives back all it takes, and compares its results where it comes to some */
    void (*check)(clmix_status status); /* what it left behind; NULL: nothing */
};
extern const struct scenario tiny_scenarios[];
extern const int tiny_scenario_count;

/* Runs scenario `index` with each call failing once, and with everything from each call on failing; where there are more than `most` calls,
 * with evenly spread ones. */
void fail_each_call(const struct fault *fault, const struct scenario *scenario, size_t most);

#endif
