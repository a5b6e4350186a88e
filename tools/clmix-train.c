/* clmix-train: trains a model on a data set. */
#include "base/text.h"
#include "training/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_help help = {
    .program = "clmix-train",
    .arguments = "--model MODEL --data DATA [--out DIR] [OPTION...]  |  --resume DIR",
    .purpose = "Trains a model: after each epoch it is evaluated on the test samples, and DIR gets model.safetensors (the best so far),\n"
               "checkpoint.safetensors (to resume, bit for bit), log.jsonl (one line an epoch) and curves.svg.\n"
               "MODEL: a preset, a JSON file, or a trained .safetensors file or the folder of its run, whose weights are then the start;\n"
               "--weights starts from those of a state_dict of PyTorch.\n"
               "DATA: shapes (built in), cifar10:DIR, cifar100:DIR, mnist:DIR, folder:DIR, tinyimagenet:DIR; of tokens\n"
               "text:FILE-or-DIR, tsv:FILE, csv:FILE, imdb:DIR, listops, listops:DIR, retrieval:FILE, pixels:DATA, pathfinder:DIR.\n"
               "Ctrl-C finishes the step, writes a checkpoint and exits with status 130; a second one stops at once.",
    .examples = "  clmix-train --model wavemix-32 --data shapes --epochs 3 --out run       needs no file\n"
                "  clmix-train --model wavemix-32 --data cifar10:cifar10 --out run         the usual recipe\n"
                "  clmix-train --resume run                                                go on after a stop\n"
                "  clmix-train --init run --freeze 'layers.*' --data folder:pets --out pets a trained network for other classes\n"
                "  clmix-train --model wavemix-32 --data shapes --batch 256 --dry-run      what would it cost?",
};

/* Exit status: a run that came apart has ended, and has not succeeded. */
static int check_convergence(const struct session *session, const clmix_epoch *last)
{
    const bool guesses = clmix_config_answer(session->config) == CLMIX_ANSWER_TOKENS;
    const size_t choices = guesses ? clmix_config_vocabulary(session->config) : clmix_config_classes(session->config);

    if (!clmix_epoch_diverged(last, choices))
        return 0;
    return cli_error(session->cli, CLMIX_ERROR_NOT_FINITE, "a lower --rate, more --warmup or a smaller --clip-norm usually helps",
                     "the run diverged: its loss in epoch %zu is %.4g, and guessing among %zu %s has %.2f", last->epoch, last->train_loss,
                     choices, guesses ? "tokens" : "classes", log((double)choices));
}

static int finish(struct session *session, clmix_status status)
{
    char hint[600], seconds[32], best[32];

    session_drop_output();
    progress_end(&session->progress);
    if (status == CLMIX_ERROR_INTERRUPTED) {
        snprintf(hint, sizeof hint, "clmix-train --resume %.500s", session->folder);
        (void)cli_error(session->cli, status, hint, "%s", clmix_error());
        return 130;
    }
    if (status != CLMIX_OK)
        return cli_fail(session->cli, status);
    progress_time(seconds, session->last.seconds);
    if (session->best.epoch > 0 && isnan(session->best.metrics[0].value))
        progress_say(&session->progress,
                     "%s/model.safetensors has the weights of epoch %zu, the last: there are no test samples to choose by. "
                     "%s in all",
                     session->folder, session->best.epoch, seconds);
    else if (session->best.epoch > 0)
        progress_say(&session->progress, "best: %s %% in epoch %zu; %s/model.safetensors has it. %s in all",
                     clmix_percent(best, session->best.metrics[0].value, 1), session->best.epoch, session->folder, seconds);
    return check_convergence(session, &session->last);
}

static int train(struct session *session)
{
    clmix_train_events events;
    const bool resume = session->request->resume != NULL;
    struct cost cost;
    clmix_status status = session_plan(session, &cost);
    int exit_status;

    if (status != CLMIX_OK) {
        progress_end(&session->progress);
        return cli_fail(session->cli, status);
    }
    session_print_header(session, &cost);
    exit_status = session_check_memory(session, &cost);
    if (exit_status != 0)
        return exit_status;
    events = session_events(session);
    status = session_open_model(session);
    if (status == CLMIX_OK) {
        session_watch_signals(); /* from here on there is something to lose */
        status = clmix_train(session->trainer, session->folder, resume, &events);
    }
    return finish(session, status);
}

static int say_finished(struct session *session)
{
    const clmix_run_info *stored = &session->stored;
    char best[32], sentence[96] = "";

    if (!isnan(stored->best))
        snprintf(sentence, sizeof sentence, ", best %s %% in epoch %zu", clmix_percent(best, stored->best, 1), stored->best_epoch);
    progress_say(&session->progress, "the run in %s is finished: %zu epochs, %zu steps%s; nothing is left to do", session->folder,
                 stored->epoch, stored->step, sentence);
    return check_convergence(session, &stored->last);
}

static int fail_setup(const struct session *session, clmix_status status)
{
    return status == CLMIX_ERROR_ARGUMENT ? cli_bad_usage(session->cli, "%s", clmix_error()) : cli_fail(session->cli, status);
}

static int run(struct session *session)
{
    const struct request *request = session->request;
    clmix_status status = session_start(session);
    bool finished;
    int exit_status;

    if (status != CLMIX_OK)
        return fail_setup(session, status);
    exit_status = session_choose_options(session);
    if (exit_status != 0)
        return exit_status;
    status = peers_join(&session->options.peers);
    if (status == CLMIX_OK)
        status = session_check_resumed(session);
    if (!session_speaks(session))
        progress_start(&session->progress, true);
    finished = request->resume != NULL && session->stored.finished && session->options.epochs <= session->stored.epoch;
    if (status == CLMIX_OK && (!finished || request->data != NULL))
        status = session_open_data(session);
    if (status != CLMIX_OK)
        return fail_setup(session, status);
    if (finished)
        return say_finished(session);
    session_report_reading(session);
    exit_status = request->resume != NULL || request->dry_run ? 0 : session_check_pictures(session);
    if (exit_status != 0)
        return exit_status;
    status = session_open_devices(session);
    if (status != CLMIX_OK)
        return fail_setup(session, status);
    return request->dry_run ? session_dry_run(session) : train(session);
}

static int check_request(const struct cli *cli, const struct request *request)
{
    if (cli->argument_count > 0)
        return cli_bad_usage(cli, "'%s' is not an option; the model is named with --model and the data with --data", cli->arguments[0]);
    if (request->resume != NULL && request->out != NULL)
        return cli_bad_usage(cli, "--resume names the folder of the run already; --out is for a new one");
    if (request->resume != NULL && (request->what.model != NULL || request->what.weights != NULL || request->what.settings != NULL ||
                                    request->what.mixer != NULL || request->what.classes != NULL || request->init.init != NULL))
        return cli_bad_usage(
            cli, "--resume goes on with the model of the run; --model, --weights, --classes, --init, --mixer and --set are for a new one");
    if (request->devices != NULL && cli->device != NULL)
        return cli_bad_usage(cli, "--device names one device and --devices several; give one of them");
    if (request->shares != NULL && request->devices == NULL)
        return cli_bad_usage(cli, "--shares parts a batch among several devices, which --devices names");
    if (request->init.init != NULL && request->what.weights != NULL)
        return cli_bad_usage(cli, "--weights takes all weights of a file and --init those that fit; name one of them");
    if (request->resume == NULL && request->what.model == NULL && request->what.weights == NULL && request->init.init == NULL)
        return cli_bad_usage(cli, "--model is missing: a preset such as wavemix-32, a JSON file or a .safetensors file");
    if (request->resume == NULL && request->data == NULL && !request->dry_run)
        return cli_bad_usage(cli, "--data is missing: shapes needs no file, cifar10:DIR a folder");
    return 0;
}

int main(int argc, char **argv)
{
    struct request request = { 0 };
    struct poptOption options[] = {
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, request.what.table, 0, NULL, NULL },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, request.init.table, 0, NULL, NULL },
        { "data", 'D', POPT_ARG_STRING, &request.data, 0, "the data set", "DATA" },
        { "out", 'o', POPT_ARG_STRING, &request.out, 0, "folder for the results of a new run (" USUAL_FOLDER ")", "DIR" },
        { "resume", 'r', POPT_ARG_STRING, &request.resume, 0, "go on with the run in DIR", "DIR" },
        { "devices", '\0', POPT_ARG_STRING, &request.devices, 0, "several devices that share each batch: selectors, or all",
          "SELECTOR,..." },
        { "shares", '\0', POPT_ARG_STRING, &request.shares, 0, "parts of a batch, one for each of --devices (equal)", "N:N..." },
        { "dry-run", 'n', POPT_ARG_NONE, &request.dry_run, 0, "plan and print the cost, train nothing; needs no device", NULL },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, request.flags.table, 0, NULL, NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status;

    model_options_start(&request.what, MODEL_BY_OPTION | MODEL_CLASSES);
    train_init_start(&request.init);
    train_flags_start(&request.flags);
    status = cli_start(&cli, &help, options, argc, argv);
    if (status == CLI_GO_ON) {
        struct session session = { .cli = &cli, .request = &request };

        progress_start(&session.progress, cli.json);
        status = check_request(&cli, &request);
        if (status == 0)
            status = run(&session);
        session_clear(&session);
        peers_leave();
        status = cli_end(&cli, status);
    }
    train_flags_end(&request.flags);
    model_options_end(&request.what);
    train_init_end(&request.init);
    free(request.data);
    free(request.out);
    free(request.resume);
    free(request.devices);
    free(request.shares);
    return status;
}
