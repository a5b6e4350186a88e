/* What the tests that make calls fail have in common: a network so small that whole runs of it take milliseconds, scenarios that use every
 * part of the library, and a loop that fails the first, second, third, ... call of each. */
#ifndef CLMIX_TEST_SUPPORT_FAULTS_H
#define CLMIX_TEST_SUPPORT_FAULTS_H

#include <clmix/clmix.h>

#define TINY_PICTURES 4
#define TINY_BYTES    (TINY_PICTURES * 8 * 8 * 3)
#define TINY_ANSWERS  (TINY_PICTURES * 10)

struct tiny_world {
    clmix_device *device;
    clmix_config *config;
    clmix_dataset *data;
    clmix_network *network;       /* the weights of model_path */
    char folder[256], run_folder[300], model_path[300], other_path[300], checkpoint_path[340];
    uint8_t pictures[TINY_BYTES];
    int32_t labels[TINY_PICTURES];
    float answers[TINY_ANSWERS], other_answers[TINY_ANSWERS];    /* of model_path and other_path */
    double loss;                  /* of the first training step from model_path */
    clmix_score score;
    size_t peak_bytes;            /* of the training plan on the generic device */
    void *begun, *model, *other;  /* contents of a checkpoint after one of two steps, of model_path and of other_path */
    size_t begun_bytes, model_bytes, other_bytes;
    void *end;                    /* weights and moments after both steps */
    size_t end_bytes;
};
extern struct tiny_world tiny;

/* Unchecked fixtures. The folder of kernels is $CLMIX_CACHE_DIR or, without it, one of the test's own. */
void open_tiny_world(void);
void close_tiny_world(void);

clmix_train_options tiny_options(void);
void tiny_ok(clmix_status status);
void *tiny_read(const char *path, size_t *bytes);          /* for free() */
void tiny_write(const char *path, const void *data, size_t bytes);
void tiny_classifies(clmix_network *network, const float answers[TINY_ANSWERS]);
/* The run folder holds a checkpoint of which one step is left, and nothing else. */
void tiny_begin_run(void);
clmix_status tiny_resume(void);
/* Weights and moments of the checkpoint in the run folder are those of an undisturbed run. */
void tiny_check_end(void);
/* No file in the folder is a temporary one. */
void tiny_check_folder(const char *folder);

/* One way to make calls fail, in the calling thread. */
struct fault {
    void (*arm)(size_t nth, bool onwards);    /* 0: only count; `onwards`: this call and all later ones */
    size_t (*disarm)(void);                   /* the number of calls since */
    long (*held)(void);                       /* what was acquired and not given back: to be the same after each run of a scenario */
    bool (*may_give)(clmix_status status);    /* what a failed call may lead to */
};

struct scenario {
    const char *name;
    void (*begin)(void);                 /* NULL: nothing */
    clmix_status (*run)(void);           /* gives back all it takes, and compares its results where it comes to some */
    void (*check)(clmix_status status);  /* what it left behind; NULL: nothing */
};
extern const struct scenario tiny_scenarios[];
extern const int tiny_scenario_count;

/* Runs scenario `index` with each call failing once, and with everything from each call on failing; where there are more than `most` calls,
 * with evenly spread ones. */
void fail_each_call(const struct fault *fault, const struct scenario *scenario, size_t most);

#endif
