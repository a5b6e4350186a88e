/* One call of clmix-train: what was asked for, and what is open for it. The files say what is to be trained (train_setup.c), what it costs
 * (train_cost.c) and how it goes (train_events.c). */
#ifndef CLMIX_TOOLS_TRAIN_SESSION_H
#define CLMIX_TOOLS_TRAIN_SESSION_H

#include "common/model_options.h"
#include "common/progress.h"
#include "training/init.h"
#include "training/options.h"
#include "training/peers.h"

#include <clmix/clmix.h>

#define USUAL_FOLDER "run" /* for the results */

struct request {
    struct model_options what;
    struct train_init init;
    char *data, *out, *resume;
    char *devices, *shares; /* as they were given, or NULL */
    int dry_run;
    struct train_flags flags;
};

#define TRAIN_SENTENCES 5 /* broken pictures that are named */

struct session {
    const struct cli *cli;
    const struct request *request;
    clmix_train_options options;
    clmix_run_info stored; /* with --resume */
    const char *folder, *data_name;
    clmix_device *devices[CLMIX_MOST_DEVICES]; /* the first has the network */
    size_t device_count;
    clmix_config *config;
    clmix_dataset *data;
    clmix_network *network;
    clmix_trainer *trainer;
    struct progress progress;
    double start, evaluation; /* when training began; seconds that the last evaluation took */
    double epoch_end;         /* of training, before evaluation */
    bool compiled;            /* the first step is over */
    size_t skipped;           /* pictures, so far */
    clmix_epoch last, best;
};

/* ---- train_setup.c: what is to be trained ------------------------------------------------------------------------------------------- */

/* The run in --resume, the model's configuration and the name of the data. */
clmix_status session_start(struct session *session);
/* Options: those of the resumed run, or the defaults that suit the data; what was given goes over them. Exit status. */
int session_choose_options(struct session *session);
/* With --resume: ARGUMENT when what was given would change the result of the run or take some of it back. */
clmix_status session_check_resumed(const struct session *session);
/* The data set in the size of the model's pictures; a model that is not trained yet takes its number of classes. */
clmix_status session_open_data(struct session *session);
/* reading.c: says what opening the data met in its files, where that is anything. */
void session_report_reading(struct session *session);
/* Reads the pictures of a new run while that is quick, so that broken ones are found before anything depends on them. Exit status. */
int session_check_pictures(struct session *session);
/* devices.c: the device, or those that share the batches; ARGUMENT when what was given names none or gives them no shares. */
clmix_status session_open_devices(struct session *session);
/* The network with its weights, and the trainer. */
clmix_status session_open_model(struct session *session);
void session_clear(struct session *session);

/* ---- train_cost.c: the plan and what it costs ---------------------------------------------------------------------------------------- */

struct cost {
    clmix_plan_cost step;
    size_t peak_bytes, parameters, train_count, test_count, batches; /* batches: of an epoch */
};
clmix_status session_plan(struct session *session, struct cost *cost);
void session_print_header(struct session *session, const struct cost *cost);
/* Exit status, 0 when the plan fits the device. */
int session_check_memory(struct session *session, const struct cost *cost);
/* Prints the cost and trains nothing; the exit status. */
int session_dry_run(struct session *session);

/* ---- train_events.c: while it trains ------------------------------------------------------------------------------------------------- */

/* From now on SIGINT and SIGTERM ask the run to stop at a checkpoint; a second one kills. */
void session_watch_signals(void);
/* After such a signal: a reader of the output who does not read must not keep the run from ending; what he was to be told is dropped. */
void session_drop_output(void);
/* Whether this process tells how the run goes: of several, the first. */
bool session_speaks(const struct session *session);
/* Progress, log lines and stopping; for clmix_train. */
clmix_train_events session_events(struct session *session);

#endif
