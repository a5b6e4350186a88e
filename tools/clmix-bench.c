/* clmix-bench: how fast a device is, and how fast clmix is on it. */
#include "base/clock.h"
#include "base/status.h"
#include "bench/bench.h"
#include "common/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_MODE           "train"
#define USUAL_SECONDS        10
#define USUAL_SECONDS_OF_ALL 3
#define ATTENTION_SECONDS    0.3
#define USUAL_TOKENS         "512, 1024, 2048, 4096, 8192, 16384"
#define USUAL_RANGE          "1"
#define USUAL_ROUNDS         3
#define USUAL_LIMIT          900

static const struct cli_help help = {
    .program = "clmix-bench",
    .arguments = "COMMAND [OPTION...]  |  clmix-bench --compare BEFORE AFTER [OPTION...]",
    .purpose =
        "Measures a device and clmix on it. Kernels are compiled before anything is timed; times are medians, with quartiles.\n"
        "  ceilings         multiply-adds, copying and launches: what the device can do at most\n"
        "  model MODEL      a model at work on random pictures or tokens (--mode)\n"
        "  start MODEL      from the program's start to the first result; cold when kernels had to be compiled\n"
        "  plan MODEL       how long planning a model takes, for training and for inference (--device generic: without a device)\n"
        "  paper [PAPER]    the rows of a paper's tables (vix, wavemix, dct_former, kerformer, mra; or of all) beside the figures that\n"
        "                   it prints; nothing is run\n"
        "  attention [MIXER...]  token mixers alone: time, planned memory and error against softmax over the tokens (--tokens,\n"
        "                   --plots); all of them, or KIND[:key=value,...], where N/8 is an eighth of the tokens\n"
        "  ops              each op alone, and how near it comes to the ceiling that binds it\n"
        "  profile MODEL    where a training step's time goes, op by op, against their ceilings\n"
        "  all [MODEL...]   ceilings, models (or the usual ones) in every mode, profiles and ops into one file (--out, --html)\n"
        "  devices [MODEL...]  the same work on every device of this machine (or those of --device, with commas) by turns, and whether all "
        "come\n"
        "                   to the same: one table, what is slower and why, and files to send (--out, --html)\n"
        "  collect FILE...  that table, and a page with plots (--html), of files of results, also of machines that never met and of peers\n"
        "With --compare, two files of results: what got faster, what slower, and what is noise.",
    .examples = "  clmix-bench all --out today.jsonl --html today.html\n"
                "  clmix-bench --compare yesterday.jsonl today.jsonl\n"
                "  clmix-bench devices --out this.jsonl --html this.html\n"
                "  clmix-bench collect this.jsonl theirs.jsonl --html both.html\n"
                "  clmix-bench model wavemix-32 --mode infer --json >> results.jsonl\n"
                "  clmix-bench model bert-small --length 128 --batch 32\n"
                "  clmix-bench ops --filter haar\n"
                "  clmix-bench paper vix --html vix.html\n"
                "  clmix-bench attention softmax kerformer dct:where=qkv,ratio=0.25 --tokens 512,4096 --plots plots\n"
                "  clmix-bench model vit --mixer performer:features=64\n"
                "  clmix-bench profile wavemix-32 --trace step.json",
};

/* ---- command line ----------------------------------------------------------------------------------------------------------------- */

enum command { CEILINGS, MODEL, START, PLAN, PAPER, ATTENTION, OPS, PROFILE, ALL, DEVICES, COLLECT, REPORT, COMPARE, COMMANDS };

/* COMPARE is an option, and so has no name here. */
static const struct {
    const char *name, *arguments;
    int least, most; /* of its arguments */
} commands[COMMANDS] = {
    [CEILINGS] = { "ceilings", "no argument", 0, 0 },
    [MODEL] = { "model", "one model", 1, 1 },
    [START] = { "start", "one model", 1, 1 },
    [PLAN] = { "plan", "one model", 1, 1 },
    [PAPER] = { "paper", "one paper or none", 0, 1 },
    [ATTENTION] = { "attention", "mixers", 0, 1000 },
    [OPS] = { "ops", "no argument", 0, 0 },
    [PROFILE] = { "profile", "one model", 1, 1 },
    [ALL] = { "all", "models", 0, 1000 },
    [DEVICES] = { "devices", "models", 0, 1000 },
    [COLLECT] = { "collect", "files of results", 1, 1000 },
    [REPORT] = { "report", "files of results", 1, 1000 }, /* collect's name before it printed a table */
    [COMPARE] = { NULL, NULL, 0, 0 },
};
#define COMMAND_NAMES "ceilings, model, start, plan, paper, attention, ops, profile, all, devices and collect"

static int find_command(const struct cli *cli, const struct bench_request *request, enum command *command)
{
    int found = 0;

    *command = COMPARE;
    if (request->before != NULL)
        return cli->argument_count == 1
                   ? 0
                   : cli_bad_usage(cli, "--compare takes two files, and %d were given; as in --compare before.jsonl after.jsonl",
                                   cli->argument_count + 1);
    if (cli->argument_count == 0)
        return cli_bad_usage(cli, "say what to do: one of " COMMAND_NAMES ", or --compare");
    while (found < COMPARE && strcmp(cli->arguments[0], commands[found].name) != 0)
        found++;
    if (found == COMPARE)
        return cli_bad_usage(cli, "'%s' is not one of " COMMAND_NAMES, cli->arguments[0]);
    if (cli->argument_count - 1 < commands[found].least || cli->argument_count - 1 > commands[found].most)
        return cli_bad_usage(cli, "%s takes %s, and %d were given", commands[found].name, commands[found].arguments,
                             cli->argument_count - 1);
    *command = (enum command)found;
    return 0;
}

static bool is_mode(const char *mode)
{
    for (int i = 0; bench_modes[i] != NULL; i++)
        if (strcmp(mode, bench_modes[i]) == 0)
            return true;
    return false;
}

static bool takes_models(enum command command)
{
    return command == MODEL || command == START || command == PLAN || command == PROFILE || command == ALL || command == DEVICES;
}

static int check_attention(const struct cli *cli, const struct bench_request *request, enum command command)
{
    if (command != ATTENTION && (request->tokens != NULL || request->range != NULL || request->with_long || request->heads != 0 ||
                                 request->head_dim != 0 || request->plots != NULL))
        return cli_bad_usage(cli, "--tokens, --long, --range, --heads, --head-dim and --plots are of attention");
    if (request->heads < 0 || request->head_dim < 0 || request->heads > 65536 || request->head_dim > 65536)
        return cli_bad_usage(cli, "--heads and --head-dim are from 1 to 65536");
    return 0;
}

static bool takes_files(enum command command)
{
    return command == COLLECT || command == REPORT || command == COMPARE;
}

static int check_turns(const struct cli *cli, const struct bench_request *request, enum command command)
{
    if (command != DEVICES && (request->rounds != 0 || !isnan(request->limit_seconds)))
        return cli_bad_usage(cli, "--rounds and --limit are of devices");
    if (request->rounds < 0 || request->rounds > 1000)
        return cli_bad_usage(cli, "--rounds is from 1 to 1000");
    if (!isnan(request->limit_seconds) && !(request->limit_seconds > 0.0 && request->limit_seconds <= 1e6))
        return cli_bad_usage(cli, "--limit is more than 0 seconds, and a million at most");
    return 0;
}

static int check_outputs(const struct cli *cli, const struct bench_request *request, enum command command)
{
    if (command == ALL && request->out == NULL)
        return cli_bad_usage(cli, "all needs --out FILE, for the results");
    if (request->out != NULL && command != ALL && command != DEVICES)
        return cli_bad_usage(cli, "--out is of all and devices; elsewhere --json prints the results");
    if (request->html != NULL && command != ALL && command != DEVICES && command != PAPER && !takes_files(command))
        return cli_bad_usage(cli, "--html is of all, devices, collect, paper and --compare");
    return 0;
}

/* A command that is asked for what it does not do is misunderstood: better said than passed over. */
static int check_options(const struct cli *cli, const struct bench_request *request, enum command command)
{
    if (request->batch < 1 && request->batch != MODEL_USUAL_BATCH)
        return cli_bad_usage(cli, "--batch is %d and must be 1 or more", request->batch);
    if (request->length < 0)
        return cli_bad_usage(cli, "--length is %d and must be 1 or more", request->length);
    if (request->length > 0 && !takes_models(command))
        return cli_bad_usage(cli, "--length is of model, start, plan, profile, all and devices");
    if (!(request->seconds >= 0.0))
        return cli_bad_usage(cli, "--seconds must be 0 or more");
    if (!is_mode(request->mode))
        return cli_bad_usage(cli, "--mode is '%s' and must be infer, forward, backward or train", request->mode);
    if (request->what.weights != NULL && command != MODEL && command != START && command != PROFILE)
        return cli_bad_usage(cli, "--weights is of model, start and profile");
    if (request->filter != NULL && command != OPS && command != ALL && command != PAPER && !takes_files(command))
        return cli_bad_usage(cli, "--filter is of ops, all, collect, paper and --compare");
    if (request->what.mixer != NULL && !takes_models(command))
        return cli_bad_usage(cli, "--mixer is of model, start, plan, profile, all and devices");
    if (request->trace != NULL && command != PROFILE)
        return cli_bad_usage(cli, "--trace is of profile");
    if (request->whole && command != COMPARE)
        return cli_bad_usage(cli, "--all is of --compare");
    if (check_outputs(cli, request, command) != 0 || check_turns(cli, request, command) != 0)
        return 2;
    return check_attention(cli, request, command);
}

/* Models are read before anything is measured, so that a wrong name is told at once. */
static int check_models(const struct cli *cli, const struct bench_request *request, enum command command)
{
    if (!takes_models(command))
        return 0;
    for (int i = 1; i < cli->argument_count; i++) {
        clmix_config *config = NULL;
        struct clmix_extent extent;
        clmix_status status = bench_config(request, cli->arguments[i], &config);

        if (status == CLMIX_OK)
            status = model_extent(config, request->batch, request->length, &extent);
        clmix_config_free(config);
        if (status != CLMIX_OK)
            return bench_fail(cli, status);
    }
    return 0;
}

/* The first result counts from the program's start, so nothing else is measured before it; planning and the time of attention have no ceiling. */
static int run_unmeasured(struct bench_sink *sink, const struct bench_request *request, enum command command)
{
    const char *selector = sink->cli->device;
    const bool generic = command == PLAN && selector != NULL && strcmp(selector, "generic") == 0;
    clmix_device *device = NULL;
    const clmix_status status = generic ? clmix_device_generic(&device) : clmix_device_open(&device, selector);
    int exit_status;

    if (status == CLMIX_OK) {
        if (!generic)
            watch_compiler(device);
        exit_status = command == ATTENTION ? bench_attention(sink, request, device, sink->cli->arguments + 1)
                                           : (command == START ? bench_start : bench_plan)(sink, request, device, sink->cli->arguments[1]);
    } else {
        exit_status = cli_fail(sink->cli, status);
    }
    clmix_device_close(device);
    return exit_status;
}

/* What the device cannot do is told by a plan, before anything is measured. */
static clmix_status plan(const struct bench_request *request, enum command command, clmix_device *device, const char *model)
{
    struct bench_request step = *request;

    step.mode = "train";
    switch (command) {
    case MODEL: return bench_plan_model(request, device, model);
    case PROFILE: return bench_plan_model(&step, device, model);
    case OPS: return bench_plan_ops(request);
    default: return CLMIX_OK;
    }
}

static int run_on_device(struct bench_sink *sink, const struct bench_request *request, enum command command)
{
    struct bench_device on = { 0 };
    const char *model = sink->cli->arguments[1];
    clmix_status status = bench_open(&on, sink->cli->device);
    int exit_status;

    if (status == CLMIX_OK)
        status = plan(request, command, on.device, model);
    if (status == CLMIX_OK)
        status = bench_measure_ceilings(&on, request->quick);
    if (status != CLMIX_OK)
        exit_status = bench_fail(sink->cli, status);
    else if (command == CEILINGS)
        exit_status = bench_ceilings(sink, &on);
    else if (command == MODEL)
        exit_status = bench_model(sink, request, &on, model);
    else if (command == OPS)
        exit_status = bench_ops(sink, request, &on);
    else
        exit_status = bench_profile(sink, request, &on, model);
    clmix_device_close(on.device);
    return exit_status;
}

static int run(const struct cli *cli, const struct bench_request *request, enum command command)
{
    struct bench_sink sink = { cli, NULL };

    switch (command) {
    case COMPARE: return bench_compare(cli, request, cli->arguments[0]);
    case COLLECT:
    case REPORT: return bench_collect(cli, request, cli->arguments + 1, (size_t)cli->argument_count - 1);
    case DEVICES: return bench_devices(cli, request);
    case ALL: return bench_all(cli, request);
    case PAPER: return bench_paper(&sink, request, cli->arguments[1]);
    case START:
    case ATTENTION:
    case PLAN: return run_unmeasured(&sink, request, command);
    default: return run_on_device(&sink, request, command);
    }
}

static double usual_seconds(enum command command, bool quick)
{
    switch (command) {
    case ALL:
    case DEVICES: return quick ? 0.1 : USUAL_SECONDS_OF_ALL;
    case ATTENTION: return quick ? 0.02 : ATTENTION_SECONDS;
    default: return USUAL_SECONDS;
    }
}

static void settle_attention(struct bench_request *request)
{
    request->batch = request->batch != MODEL_USUAL_BATCH ? request->batch : 1;
    request->tokens = request->tokens != NULL ? request->tokens : USUAL_TOKENS;
    request->range = request->range != NULL ? request->range : USUAL_RANGE;
    request->heads = request->heads > 0 ? request->heads : 1;
    request->head_dim = request->head_dim > 0 ? request->head_dim : 64;
}

static void settle_turns(struct bench_request *request)
{
    request->rounds = request->rounds > 0 ? request->rounds : request->quick ? 1 : USUAL_ROUNDS;
    request->limit_seconds = isnan(request->limit_seconds) ? USUAL_LIMIT : request->limit_seconds;
}

int main(int argc, char **argv)
{
    struct bench_request request = {
        .begun = clmix_seconds(), .batch = MODEL_USUAL_BATCH, .seconds = NAN, .limit_seconds = NAN, .self = argv[0]
    };
    char *mode = NULL, *filter = NULL, *trace = NULL, *out = NULL, *html = NULL, *before = NULL, *tokens = NULL, *range = NULL,
         *plots = NULL;
    int quick = 0, whole = 0, with_long = 0;
    struct poptOption options[] = {
        { "compare", 'c', POPT_ARG_STRING, &before, 0, "compare two files of results: BEFORE, and the argument after it", "BEFORE" },
        { "batch", 'b', POPT_ARG_INT, &request.batch, 0, MODEL_BATCH_HELP, "N" },
        { "length", 'L', POPT_ARG_INT, &request.length, 0, "of models of text: tokens of a sequence (the most that the model takes)", "N" },
        { "mode", 'm', POPT_ARG_STRING, &mode, 0, "of model and start: infer, forward, backward or train (" USUAL_MODE ")", "MODE" },
        { "seconds", 't', POPT_ARG_DOUBLE, &request.seconds, 0,
          "how long to measure a model (" CLI_TEXT(USUAL_SECONDS) "; all, devices: " CLI_TEXT(
              USUAL_SECONDS_OF_ALL) "; attention: " CLI_TEXT(ATTENTION_SECONDS) ")",
          "S" },
        { "quick", 'q', POPT_ARG_NONE, &quick, 0, "a rough look: ceilings once, few runs of ops and profiles, without the largest sizes",
          NULL },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, request.what.table, 0, NULL, NULL },
        { "filter", 'f', POPT_ARG_STRING, &filter, 0,
          "of ops and all: ops whose name has this in it; of paper: presets; of collect, --compare: results", "TEXT" },
        { "all", 'a', POPT_ARG_NONE, &whole, 0, "of --compare: every result and why, not a screen of what differs most", NULL },
        { "trace", 'T', POPT_ARG_STRING, &trace, 0, "of profile: write a Chrome trace of a step", "FILE" },
        { "out", 'o', POPT_ARG_STRING, &out, 0, "of all, devices: where the results go, a JSON object a line", "FILE" },
        { "rounds", 'R', POPT_ARG_INT, &request.rounds, 0, "of devices: turns of each (" CLI_TEXT(USUAL_ROUNDS) "; quick: 1)", "N" },
        { "limit", 'M', POPT_ARG_DOUBLE, &request.limit_seconds, 0, "of devices: how long a turn may take (" CLI_TEXT(USUAL_LIMIT) ")",
          "S" },
        { "tokens", 'n', POPT_ARG_STRING, &tokens, 0, "of attention: lengths of sequences (" USUAL_TOKENS ")", "LIST" },
        { "long", 'l', POPT_ARG_NONE, &with_long, 0, "of attention: a million tokens too, where work grows with them alone", NULL },
        { "range", 'r', POPT_ARG_STRING, &range, 0, "of attention: values are uniform from -R to R (" USUAL_RANGE ")", "LIST" },
        { "heads", 'H', POPT_ARG_INT, &request.heads, 0, "of attention: heads (1)", "N" },
        { "head-dim", 'D', POPT_ARG_INT, &request.head_dim, 0, "of attention: width of a head (64)", "N" },
        { "plots", 'p', POPT_ARG_STRING, &plots, 0, "of attention: write plots (SVG) into a folder", "DIR" },
        { "html", 'w', POPT_ARG_STRING, &html, 0, "of all, devices, collect, paper, --compare: write a page of it", "FILE" },
        POPT_TABLEEND,
    };
    enum command command = CEILINGS;
    struct cli cli;
    int status;

    model_options_start(&request.what, MODEL_CLASSES);
    status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON) {
        request.mode = mode != NULL ? mode : USUAL_MODE;
        request.filter = filter;
        request.trace = trace;
        request.out = out;
        request.html = html;
        request.before = before;
        request.quick = quick != 0;
        request.whole = whole != 0;
        request.tokens = tokens;
        request.range = range;
        request.with_long = with_long != 0;
        request.plots = plots;
        status = find_command(&cli, &request, &command);
        if (isnan(request.seconds))
            request.seconds = usual_seconds(command, quick != 0);
        if (status == 0)
            status = check_options(&cli, &request, command);
        if (command == ATTENTION)
            settle_attention(&request);
        if (command == DEVICES)
            settle_turns(&request);
        if (status == 0)
            status = check_models(&cli, &request, command);
        if (status == 0)
            status = run(&cli, &request, command);
        status = cli_end(&cli, status);
    }
    model_options_end(&request.what);
    free(mode);
    free(filter);
    free(trace);
    free(out);
    free(html);
    free(before);
    free(tokens);
    free(range);
    free(plots);
    return status;
}
