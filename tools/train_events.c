/* While clmix-train trains: what a person or a program sees of it, and the signals that stop it. */
#include "train_session.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
    signal(SIGINT, SIG_DFL); /* a second one kills */
    signal(SIGTERM, SIG_DFL);
}

void session_watch_signals(void)
{
    struct sigaction action = { .sa_handler = ask_to_stop, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes then is an error like a full disk */
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Seconds to the end of the run: training by the speed so far, evaluations by the last one. */
static double seconds_left(const struct session *session, size_t epoch, size_t batch, size_t batches, double speed)
{
    const size_t epochs = session->options.epochs - epoch;
    const double pictures = (double)(batches - batch + epochs * batches) * (double)session->options.batch;

    if (speed <= 0.0 || session->options.steps > 0)
        return -1.0;
    return pictures / speed + (double)(epochs + 1) * session->evaluation;
}

/* The first step is over: its kernels exist now. */
static void say_compiled(struct session *session)
{
    size_t compiled, loaded;

    session->compiled = true;
    clmix_device_programs(session->device, &compiled, &loaded);
    if (compiled > 0 && clmix_cache_folder()[0] != '\0' && clmix_cache_refusal()[0] == '\0')
        progress_say(&session->progress, "compiled %zu programs in %.1f s (once: they are kept in %s)", compiled, now() - session->start,
                     clmix_cache_folder());
}

static bool on_step(void *user, size_t epoch, size_t batch, size_t batches, double loss, double top1, double images_per_second)
{
    struct session *session = user;
    const struct progress_step step = { epoch,
                                        session->options.epochs,
                                        batch,
                                        batches,
                                        loss,
                                        top1,
                                        images_per_second,
                                        seconds_left(session, epoch, batch, batches, images_per_second) };

    if (!session->compiled)
        say_compiled(session);
    progress_step(&session->progress, &step);
    session->epoch_end = now();
    return stop_asked == 0;
}

static void on_epoch(void *user, const clmix_epoch *epoch)
{
    struct session *session = user;
    char *line = NULL;

    session->evaluation = now() - session->epoch_end;
    session->last = *epoch;
    if (epoch->best)
        session->best = *epoch;
    progress_epoch(&session->progress, epoch, session->options.epochs);
    if (!session->cli->json || clmix_epoch_line(epoch, &line) != CLMIX_OK)
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

clmix_train_events session_events(struct session *session)
{
    session->start = session->epoch_end = now();
    return (clmix_train_events){ .step = on_step, .epoch = on_epoch, .user = session, .moved = on_moved };
}
