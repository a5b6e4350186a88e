/* clmix-train: trains a model on a data set. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "base/file.h"
#include "base/status.h"
#include "base/text.h"
#include "progress.h"
#include "train/trainer.h"
#include "train_options.h"
#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const struct cli_help help = {
    .program = "clmix-train",
    .arguments = "--model MODEL --data DATA [--out DIR] [OPTION...]  |  --resume DIR",
    .purpose =
        "Trains a model: after each epoch it is evaluated on the test pictures, and DIR gets model.safetensors (the best so far),\n"
        "checkpoint.safetensors (to resume, bit for bit), log.jsonl (one line an epoch) and curves.svg.\n"
        "MODEL: a preset (clmix-summary names them), a JSON file, or a trained .safetensors file, whose weights are then the start.\n"
        "DATA: shapes (built in), cifar10:DIR, cifar100:DIR, mnist:DIR, folder:DIR.\n"
        "Ctrl-C finishes the step, writes a checkpoint and exits with status 130; a second one stops at once.",
    .examples = "  clmix-train --model wavemix-32 --data shapes --epochs 3 --out run       needs no file\n"
                "  clmix-train --model wavemix-32 --data cifar10:cifar10 --out run         the usual recipe\n"
                "  clmix-train --resume run                                                go on after a stop\n"
                "  clmix-train --model wavemix-32 --data shapes --batch 256 --dry-run      what would it cost?",
};

struct request {
    char *model, *data, *out, *resume;
    const char **settings;
    int dry_run;
    struct train_flags flags;
};

struct session {
    const struct cli *cli;
    const struct request *request;
    clmix_train_options options;
    clmix_run_info stored; /* with --resume */
    const char *folder, *data_name;
    clmix_device *device;
    clmix_config *config;
    clmix_dataset *data;
    clmix_network *network;
    clmix_trainer *trainer;
    struct progress progress;
    double start, evaluation; /* when training began; seconds that the last evaluation took */
    double epoch_end;         /* of training, before evaluation */
    bool compiled;            /* the first step is over */
    clmix_epoch last, best;
};

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
    signal(SIGINT, SIG_DFL); /* a second one kills */
    signal(SIGTERM, SIG_DFL);
}

static void watch_signals(void)
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

/* ---- what is to be trained -------------------------------------------------------------------------------------------------------- */

static bool is_weights(const char *model)
{
    const size_t length = strlen(model);

    return length > 12 && strcmp(model + length - 12, ".safetensors") == 0;
}

static bool sets_classes(const char **settings)
{
    for (; settings != NULL && *settings != NULL; settings++)
        if (strncmp(*settings, "classes=", 8) == 0)
            return true;
    return false;
}

static clmix_status open_config(struct session *session)
{
    const struct request *request = session->request;
    const char **settings = request->settings;

    CLMIX_TRY(clmix_config_open(&session->config, request->model != NULL ? request->model : session->stored.config));
    for (; settings != NULL && *settings != NULL; settings++)
        CLMIX_TRY(clmix_config_set(session->config, *settings));
    return CLMIX_OK;
}

/* The data set in the size of the model's pictures; a model that is not trained yet takes its number of classes. */
static clmix_status open_data(struct session *session)
{
    const struct request *request = session->request;
    size_t height, width, channels;
    char setting[48];

    clmix_config_picture(session->config, &height, &width, &channels);
    if (session->data_name == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_dataset_open(&session->data, session->data_name, height, width, channels));
    if ((size_t)clmix_dataset_classes(session->data) != clmix_config_classes(session->config) && request->model != NULL &&
        !is_weights(request->model) && !sets_classes(request->settings)) {
        snprintf(setting, sizeof setting, "classes=%d", clmix_dataset_classes(session->data));
        CLMIX_TRY(clmix_config_set(session->config, setting));
    }
    return clmix_check_data(session->config, session->data);
}

/* The spec with its folder from the root, so that the run can be resumed from anywhere. */
static clmix_status name_data(struct session *session)
{
    const char *colon = strchr(session->data_name, ':');
    char *folder = colon == NULL ? NULL : realpath(colon + 1, NULL), *spec = NULL;
    clmix_status status;

    if (folder != NULL) {
        const size_t length = (size_t)(colon + 1 - session->data_name) + strlen(folder) + 1;

        spec = malloc(length);
        if (spec != NULL)
            snprintf(spec, length, "%.*s%s", (int)(colon + 1 - session->data_name), session->data_name, folder);
    }
    status = clmix_trainer_name_data(session->trainer, spec != NULL ? spec : session->data_name);
    free(folder);
    free(spec);
    return status;
}

static clmix_status open_model(struct session *session)
{
    const char *model = session->request->model;

    CLMIX_TRY(clmix_network_create(&session->network, session->device, session->config, session->options.seed));
    if (model != NULL && is_weights(model))
        CLMIX_TRY(clmix_network_load_weights(session->network, model));
    CLMIX_TRY(clmix_trainer_create(&session->trainer, session->network, session->data, &session->options));
    return name_data(session);
}

/* A line of progress until the driver is done, or for as long as it takes. */
static void on_compile(void *user, const char *file, size_t compiled)
{
    struct session *session = user;
    char text[160];

    if (file != NULL)
        progress_note(&session->progress, watch_text(text, file, compiled));
    else
        progress_end(&session->progress);
}

static clmix_status open_device(struct session *session)
{
    const char *selector = session->cli->device;
    clmix_status status;

    if (session->request->dry_run && selector != NULL && strcmp(selector, "generic") == 0)
        return clmix_device_generic(&session->device);
    status = clmix_device_open(&session->device, selector);
    if (status == CLMIX_ERROR_NO_DEVICE && session->request->dry_run && selector == NULL && getenv("CLMIX_DEVICE") == NULL)
        return clmix_device_generic(&session->device);
    return status;
}

/* ---- the header line -------------------------------------------------------------------------------------------------------------- */

struct cost {
    clmix_plan_cost step;
    size_t peak_bytes, parameters, train_count, test_count;
};

static size_t count_parameters(const clmix_config *config)
{
    clmix_graph *graph = clmix_graph_new();
    size_t size[4] = { 1, 0, 0, 0 }, sum = 0;

    clmix_config_picture(config, &size[1], &size[2], &size[3]);
    clmix_output(graph, "logits", clmix_model(clmix_root(graph), clmix_input(graph, "pictures", CLMIX_F32, 4, size), config));
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;

        if (clmix_graph_tensor(graph, i, &info) == CLMIX_OK && info.trainable)
            sum += clmix_shape_count(info.file_shape);
    }
    clmix_graph_free(graph);
    return sum;
}

/* Making the first plans for a device takes seconds more than later ones. */
static void say_first_use(struct session *session)
{
    size_t answers;
    char *path;

    if (clmix_device_tuning(session->device, &path, &answers) == CLMIX_OK && path != NULL && answers == 0)
        progress_say(&session->progress, "first use of this device: measuring kernels (once: what is found is kept in %s)", path);
    clmix_free(path);
}

static clmix_status plan(struct session *session, struct cost *cost)
{
    say_first_use(session);
    memset(cost, 0, sizeof *cost);
    if (session->data != NULL) {
        cost->train_count = clmix_dataset_count(session->data, CLMIX_TRAIN);
        cost->test_count = clmix_dataset_count(session->data, CLMIX_TEST);
    }
    cost->parameters = count_parameters(session->config);
    return clmix_train_cost(session->device, session->config, cost->train_count, cost->test_count, &session->options, &cost->step,
                            &cost->peak_bytes);
}

/* "pthread-AMD EPYC (PoCL 3.1)": the device, and of its platform the first words of what names it best. */
static void describe_device(const clmix_device_info *info, char *text, size_t bytes)
{
    const char *pocl = strstr(info->platform_version, "PoCL ");
    const int length = pocl != NULL ? (int)strcspn(pocl + 5, "-+ ") + 5 : 0;

    if (pocl != NULL)
        snprintf(text, bytes, "%s (%.*s)", info->name, length, pocl);
    else if (info->platform[0] != '\0')
        snprintf(text, bytes, "%s (%s)", info->name, info->platform);
    else
        snprintf(text, bytes, "%s", info->name);
}

static void print_header(struct session *session, const struct cost *cost)
{
    const char *name = session->request->model == NULL ? session->stored.model : clmix_config_name(session->config);
    char parameters[32], bytes[32], device[320];

    describe_device(clmix_device_describe(session->device), device, sizeof device);
    progress_say(&session->progress, "%s   %s weights   %.1f GFLOP a step of %zu   %s on %s", name,
                 clmix_grouped(parameters, cost->parameters), (double)cost->step.flops / 1e9, session->options.batch,
                 progress_bytes(bytes, cost->peak_bytes), device);
}

static int dry_run(struct session *session)
{
    struct cost cost;
    clmix_status status = plan(session, &cost);
    const size_t batches = (cost.train_count + session->options.batch - 1) / session->options.batch;
    cJSON *json;

    if (status != CLMIX_OK)
        return cli_fail(session->cli, status);
    if (!session->cli->json) {
        char train[32], test[32], bytes[32];

        print_header(session, &cost);
        if (session->data != NULL)
            printf("%s: %s training and %s test pictures, %zu batches an epoch\n", session->data_name,
                   clmix_grouped(train, cost.train_count), clmix_grouped(test, cost.test_count), batches);
        printf("peak device memory %s bytes, known before anything is allocated; nothing was trained\n",
               clmix_grouped(bytes, cost.peak_bytes));
        return 0;
    }
    json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", clmix_config_name(session->config));
    cJSON_AddStringToObject(json, "device", clmix_device_describe(session->device)->name);
    cJSON_AddNumberToObject(json, "batch", (double)session->options.batch);
    cJSON_AddNumberToObject(json, "parameters", (double)cost.parameters);
    cJSON_AddNumberToObject(json, "flops_step", (double)cost.step.flops);
    cJSON_AddNumberToObject(json, "bytes_moved_step", (double)cost.step.moved_bytes);
    cJSON_AddNumberToObject(json, "peak_device_bytes", (double)cost.peak_bytes);
    cJSON_AddNumberToObject(json, "train_pictures", (double)cost.train_count);
    cJSON_AddNumberToObject(json, "test_pictures", (double)cost.test_count);
    cJSON_AddNumberToObject(json, "batches", (double)batches);
    return cli_print_json(json) ? 0 : cli_error(session->cli, NULL, "cannot write to standard output");
}

/* The largest batch, by halving, whose plan fits into `limit` bytes; 0 when none does. */
static size_t fitting_batch(struct session *session, const struct cost *cost, size_t limit)
{
    clmix_train_options options = session->options;
    size_t peak = 0;

    for (options.batch /= 2; options.batch > 0; options.batch /= 2)
        if (clmix_train_cost(session->device, session->config, cost->train_count, cost->test_count, &options, NULL, &peak) == CLMIX_OK &&
            peak <= limit)
            return options.batch;
    return 0;
}

/* Exit status, 0 when the plan fits the device. */
static int check_memory(struct session *session, const struct cost *cost)
{
    const clmix_device_info *info = clmix_device_describe(session->device);
    char needed[32], there[32], hint[96] = "a smaller variant of the model, or another device, is needed";
    size_t batch;

    if (cost->peak_bytes <= info->global_bytes)
        return 0;
    batch = fitting_batch(session, cost, info->global_bytes);
    if (batch > 0)
        snprintf(hint, sizeof hint, "--batch %zu fits; --accumulate keeps the step's size", batch);
    return cli_error(session->cli, hint, "%s: this run needs %s and the device has %s", info->name,
                     progress_bytes(needed, cost->peak_bytes), progress_bytes(there, info->global_bytes));
}

/* ---- watching --------------------------------------------------------------------------------------------------------------------- */

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
    if (compiled > 0 && clmix_cache_folder()[0] != '\0')
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

/* ---- running ---------------------------------------------------------------------------------------------------------------------- */

static bool exists(const char *folder, const char *name)
{
    char *path = clmix_path_join(folder, name);
    struct stat info;
    const bool found = path != NULL && stat(path, &info) == 0;

    free(path);
    return found;
}

static bool move_file(const char *from, const char *to, const char *name)
{
    char *old = clmix_path_join(from, name), *new = clmix_path_join(to, name);
    const bool moved = old != NULL && new != NULL && (!exists(from, name) || rename(old, new) == 0);

    free(old);
    free(new);
    return moved;
}

/* A folder that already has a run: its files go to DIR/previous-1 (2, 3, ...), for nobody's work is to be written over. */
static int keep_previous(struct session *session)
{
    static const char *const names[] = { "model.safetensors", "checkpoint.safetensors", "log.jsonl", "curves.svg" };
    char name[32];
    char *folder;
    bool moved = true;

    if (!exists(session->folder, names[0]) && !exists(session->folder, names[1]))
        return 0;
    for (int i = 1;; i++) {
        snprintf(name, sizeof name, "previous-%d", i);
        if (!exists(session->folder, name))
            break;
    }
    folder = clmix_path_join(session->folder, name);
    moved = folder != NULL && clmix_folder_make(folder) == CLMIX_OK;
    for (size_t i = 0; moved && i < sizeof names / sizeof names[0]; i++)
        moved = move_file(session->folder, folder, names[i]);
    if (moved)
        progress_say(&session->progress, "%s had a run already: its files are now in %s (--resume %s would go on with it)", session->folder,
                     folder, folder);
    free(folder);
    return moved ? 0
                 : cli_error(session->cli, "choose another folder with --out", "cannot move the files of the run in '%s' aside",
                             session->folder);
}

static int finish(struct session *session, clmix_status status)
{
    char hint[600], seconds[32];

    progress_end(&session->progress);
    if (status == CLMIX_ERROR_INTERRUPTED) {
        snprintf(hint, sizeof hint, "clmix-train --resume %.500s", session->folder);
        (void)cli_error(session->cli, hint, "%s", clmix_error());
        return 130;
    }
    if (status != CLMIX_OK)
        return cli_fail(session->cli, status);
    if (session->best.epoch > 0)
        progress_say(&session->progress, "best: %.1f %% in epoch %zu; %s/model.safetensors has it. %s in all",
                     100.0 * session->best.test_top1, session->best.epoch, session->folder, progress_time(seconds, session->last.seconds));
    return 0;
}

static int train(struct session *session)
{
    const clmix_train_events events = { on_step, on_epoch, session };
    const bool resume = session->request->resume != NULL;
    struct cost cost;
    clmix_status status = plan(session, &cost);
    int exit_status;

    if (status != CLMIX_OK) {
        progress_end(&session->progress);
        return cli_fail(session->cli, status);
    }
    print_header(session, &cost);
    exit_status = check_memory(session, &cost);
    if (exit_status == 0 && !resume)
        exit_status = keep_previous(session);
    if (exit_status != 0)
        return exit_status;
    session->start = session->epoch_end = now();
    watch_signals();
    status = open_model(session);
    if (status == CLMIX_OK)
        status = clmix_train(session->trainer, session->folder, resume, &events);
    return finish(session, status);
}

static int say_finished(const struct session *session)
{
    const clmix_run_info *stored = &session->stored;

    if (!session->cli->json)
        printf("the run in %s is finished: %zu epochs, %zu steps, best %.1f %% in epoch %zu; nothing is left to do\n", session->folder,
               stored->epoch, stored->step, 100.0 * stored->best_top1, stored->best_epoch);
    return 0;
}

/* ---- from the command line -------------------------------------------------------------------------------------------------------- */

/* Options: those of the resumed run, or the defaults that suit the data; what was given goes over them. */
static int choose_options(struct session *session)
{
    const struct request *request = session->request;
    size_t height, width, channels;

    clmix_config_picture(session->config, &height, &width, &channels);
    if (request->resume != NULL) {
        session->options = session->stored.options;
    } else {
        session->options = clmix_train_defaults();
        train_options_suit(&session->options, session->data_name != NULL ? session->data_name : "", height);
    }
    return train_flags_apply(&request->flags, session->cli, &session->options) ? 0 : 2;
}

static int fail_setup(const struct session *session, clmix_status status)
{
    return status == CLMIX_ERROR_ARGUMENT ? cli_bad_usage(session->cli, "%s", clmix_error()) : cli_fail(session->cli, status);
}

static int run(struct session *session)
{
    const struct request *request = session->request;
    clmix_status status = CLMIX_OK;
    int exit_status;

    session->folder = request->resume != NULL ? request->resume : request->out != NULL ? request->out : "run";
    if (request->resume != NULL)
        status = clmix_run_inspect(request->resume, &session->stored);
    session->best.epoch = session->stored.best_epoch;
    session->best.test_top1 = session->stored.best_top1;
    session->data_name = request->data != NULL ? request->data : session->stored.data;
    if (status == CLMIX_OK)
        status = open_config(session);
    if (status != CLMIX_OK)
        return fail_setup(session, status);
    exit_status = choose_options(session);
    if (exit_status != 0)
        return exit_status;
    if (request->resume != NULL && session->stored.finished && session->options.epochs <= session->stored.epoch)
        return say_finished(session);
    status = open_data(session);
    if (status != CLMIX_OK)
        return fail_setup(session, status);
    status = open_device(session);
    if (status == CLMIX_OK && session->progress.live)
        clmix_device_watch_compiler(session->device, on_compile, session);
    else if (status == CLMIX_OK)
        watch_compiler(session->device);
    if (status != CLMIX_OK)
        return cli_fail(session->cli, status);
    return request->dry_run ? dry_run(session) : train(session);
}

static void clear(struct session *session)
{
    clmix_trainer_free(session->trainer);
    clmix_network_free(session->network);
    clmix_dataset_close(session->data);
    clmix_config_free(session->config);
    clmix_device_close(session->device);
    clmix_run_info_clear(&session->stored);
}

static int check_request(const struct cli *cli, const struct request *request)
{
    if (cli->argument_count > 0)
        return cli_bad_usage(cli, "'%s' is not an option; the model is named with --model and the data with --data", cli->arguments[0]);
    if (request->resume != NULL && request->out != NULL)
        return cli_bad_usage(cli, "--resume names the folder of the run already; --out is for a new one");
    if (request->resume == NULL && request->model == NULL)
        return cli_bad_usage(cli, "--model is missing: a preset such as wavemix-32, a JSON file or a .safetensors file");
    if (request->resume == NULL && request->data == NULL && !request->dry_run)
        return cli_bad_usage(cli, "--data is missing: shapes needs no file, cifar10:DIR a folder");
    return 0;
}

int main(int argc, char **argv)
{
    struct request request = { 0 };
    struct poptOption options[] = {
        { "model", 'm', POPT_ARG_STRING, &request.model, 0, "preset, JSON file or trained .safetensors", "MODEL" },
        { "data", 'D', POPT_ARG_STRING, &request.data, 0, "the data set", "DATA" },
        { "out", 'o', POPT_ARG_STRING, &request.out, 0, "folder for the results of a new run (run)", "DIR" },
        { "resume", 'r', POPT_ARG_STRING, &request.resume, 0, "go on with the run in DIR", "DIR" },
        { "set", 's', POPT_ARG_ARGV, &request.settings, 0, "override a key of the configuration; may be repeated", "KEY=VALUE" },
        { "dry-run", 'n', POPT_ARG_NONE, &request.dry_run, 0, "plan and print the cost, train nothing; needs no device", NULL },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, request.flags.table, 0, NULL, NULL },
        POPT_TABLEEND
    };
    struct cli cli;
    int status;

    train_flags_start(&request.flags);
    status = cli_start(&cli, &help, options, argc, argv);
    if (status == CLI_GO_ON) {
        struct session session = { .cli = &cli, .request = &request };

        progress_start(&session.progress, cli.json);
        status = check_request(&cli, &request);
        if (status == 0)
            status = run(&session);
        clear(&session);
        cli_end(&cli);
    }
    train_flags_end(&request.flags);
    for (size_t i = 0; request.settings != NULL && request.settings[i] != NULL; i++)
        free((char *)request.settings[i]);
    free(request.settings);
    free(request.model);
    free(request.data);
    free(request.out);
    free(request.resume);
    return status;
}
