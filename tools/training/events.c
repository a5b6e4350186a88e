/* While clmix-train trains: what a person or a program sees of it, and the signals that stop it. */
#include "base/clock.h"
#include "training/session.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
    signal(SIGINT, SIG_DFL); /* a second one kills */
    signal(SIGTERM, SIG_DFL);
}

/* System calls are not restarted: one that waits, for a reader of the output say, must not keep the run from ending. */
void session_watch_signals(void)
{
    struct sigaction action = { .sa_handler = ask_to_stop, .sa_flags = 0 };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool session_speaks(const struct session *session)
{
    return session->options.peers == NULL || session->options.peers->index == 0;
}

/* Seconds to the end of the run: training by the speed so far, evaluations by the last one. */
static double seconds_left(const struct session *session, size_t epoch, size_t batch, size_t batches, double speed)
{
    const size_t epochs = session->options.epochs - epoch;
    const double left = (double)(batches - batch) / (double)batches + (double)epochs;

    if (speed <= 0.0 || session->options.steps > 0)
        return -1.0;
    return left * (double)clmix_dataset_count(session->data, CLMIX_TRAIN) / speed + (double)(epochs + 1) * session->evaluation;
}

/* The first step is over: its kernels exist now. */
static void say_compiled(struct session *session)
{
    size_t compiled = 0;

    session->compiled = true;
    for (size_t i = 0; i < session->device_count; i++) {
        size_t by_device;

        clmix_device_programs(session->devices[i], &by_device, NULL);
        compiled += by_device;
    }
    if (compiled > 0 && clmix_cache_folder()[0] != '\0' && clmix_cache_refusal()[0] == '\0')
        progress_say(&session->progress, "compiled %zu programs in %.1f s (once: they are kept in %s)", compiled,
                     clmix_seconds() - session->start, clmix_cache_folder());
}

static bool on_step(void *user, size_t epoch, size_t batch, size_t batches, double loss, double metric, double images_per_second)
{
    struct session *session = user;
    const struct progress_step step = { epoch,
                                        session->options.epochs,
                                        batch,
                                        batches,
                                        loss,
                                        metric,
                                        images_per_second,
                                        seconds_left(session, epoch, batch, batches, images_per_second) };

    if (!session->compiled)
        say_compiled(session);
    progress_step(&session->progress, &step);
    session->epoch_end = clmix_seconds();
    return stop_asked == 0;
}

void session_drop_output(void)
{
    struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

    if (stop_asked != 0 && poll(&output, 1, 0) == 0)
        close(STDOUT_FILENO);
}

static void on_epoch(void *user, const clmix_epoch *epoch)
{
    struct session *session = user;
    char *line = NULL;

    session_drop_output();
    session->evaluation = clmix_seconds() - session->epoch_end;
    session->last = *epoch;
    if (epoch->best)
        session->best = *epoch;
    progress_epoch(&session->progress, epoch, session->options.epochs);
    if (epoch->skipped > 0)
        progress_say(&session->progress, "epoch %zu skipped %zu samples that cannot be decoded", epoch->epoch, epoch->skipped);
    if (!session->cli->json || !session_speaks(session) || clmix_epoch_line(epoch, &line) != CLMIX_OK)
        return;
    puts(line);
    fflush(stdout);
    clmix_free(line);
}

static void on_moved(void *user, const char *folder)
{
    struct session *session = user;

    progress_say(&session->progress, "%s had a run already: its files are now in %s (--resume %s would go on with it)", session->folder,
                 folder, folder);
}

static bool on_waiting(void *user)
{
    (void)user;
    return stop_asked == 0;
}

/* The first ones by name; the log counts them all. */
static void on_skipped(void *user, size_t count, const char *sentence)
{
    struct session *session = user;

    if (session->skipped < TRAIN_SENTENCES)
        progress_say(&session->progress, "skipped: %s", sentence);
    session->skipped += count;
}

clmix_train_events session_events(struct session *session)
{
    session->start = session->epoch_end = clmix_seconds();
    return (clmix_train_events){
        .step = on_step, .epoch = on_epoch, .user = session, .moved = on_moved, .waiting = on_waiting, .skipped = on_skipped
    };
}
