/* clmix-summary: what a model is and what it costs, before anything is allocated. */
#include "base/text.h"
#include "common/cli.h"
#include "common/model_options.h"
#include "common/terminal.h"
#include "network/config.h"
#include "network/front.h"
#include "network/network.h"
#include <clmix/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_help help = {
    .program = "clmix-summary",
    .arguments = "MODEL [OPTION...]",
    .purpose = "Shows a model's layers, weights, work and memory: parameters (all, and by the papers' counting rule), size in MB as\n"
               "the papers print it, FLOPs of a forward pass and of a training step, bytes moved beside the least possible, and the\n"
               "planned peak of device memory for inference and for training. MODEL is a preset, a JSON file, a trained .safetensors\n"
               "file or the folder of a run; with --weights it is checked that they are the model's. Plans are made\n"
               "for the device that would be used, or for a generic one where there is none (or with --device generic).",
    .examples = "  clmix-summary wavemix-32                         at the usual batch\n"
                "  clmix-summary wavemix-32 --set dim=48 --batch 8  a variant\n"
                "  clmix-summary bert-small --length 128 --batch 32 sequences of 128 tokens\n"
                "  clmix-summary run/model.safetensors --json       for a program to read",
};

struct summary {
    const clmix_config *config;
    clmix_device *device;
    struct clmix_extent extent;
    clmix_graph *graph; /* of the model, for its layers and tensors */
    clmix_plan *inference;
    clmix_plan_cost forward, step;
    size_t training_bytes;
    size_t parameters, parameters_used, parameters_paper;
    double megabytes_paper;
    cJSON *printed; /* by the paper, of its row; or NULL */
};

/* ---- asking ------------------------------------------------------------------------------------------------------------------------- */

/* The model, of tokens for those that training and answers ask about. */
static clmix_status build_graph(struct summary *summary)
{
    struct clmix_front front = { .extent = summary->extent };

    summary->graph = clmix_graph_new();
    clmix_front_inputs(&front, summary->graph, summary->config);
    clmix_front_ask_places(&front, summary->graph, summary->config);
    clmix_output(summary->graph, "output", clmix_front_model(&front, summary->graph, summary->config));
    return clmix_graph_check(summary->graph);
}

static clmix_status summarize(struct summary *summary)
{
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    clmix_train_options options = clmix_train_defaults();
    size_t file;
    clmix_status status = clmix_config_paper_count(summary->config, &summary->parameters_paper, &summary->megabytes_paper);

    if (status == CLMIX_OK)
        status = build_graph(summary);
    if (status == CLMIX_OK)
        status = clmix_classify_compile(&summary->inference, summary->device, summary->config, half, half, summary->extent);
    options.batch = summary->extent.batch;
    options.length = summary->extent.length;
    if (status == CLMIX_OK)
        status = clmix_train_cost(summary->device, summary->config, 0, 0, &options, &summary->step, &summary->training_bytes);
    if (status != CLMIX_OK)
        return status;
    clmix_plan_costs(summary->inference, &summary->forward);
    summary->parameters = clmix_trained_values(summary->graph);
    summary->parameters_used = clmix_used_values(summary->graph);
    return clmix_config_printed(summary->config, &summary->printed, &file);
}

/* ---- text --------------------------------------------------------------------------------------------------------------------------- */

/* A row of the table, of which a narrow terminal shows less. */
static void print_row(const char *path, const char *op, const char *shape, const char *parameters, const char *work, const char *moved)
{
    const size_t columns = terminal_columns(stdout);
    const int room = columns >= 76 ? 28 : columns >= TERMINAL_NARROWEST ? (int)columns - 24 : TERMINAL_NARROWEST - 24;
    char name[160];

    snprintf(name, sizeof name, "%s", path);
    if (columns >= 110)
        printf("%-28s  %-20s  %-22s  %10s  %10s  %10s\n", name, op, shape, parameters, work, moved);
    else if (columns >= 76)
        printf("%-28s  %-22s  %10s  %10s\n", terminal_cut(name, 28), shape, parameters, work);
    else
        printf("%-*s  %10s  %10s\n", room, terminal_cut(name, (size_t)room), parameters, work);
}

static void print_node(const clmix_node_info *node)
{
    char shape[64], number[32], work[32] = "", moved[32];

    if (node->flops > 0)
        snprintf(work, sizeof work, "%.2f", (double)node->flops / 1e6);
    snprintf(moved, sizeof moved, "%.2f", (double)node->bytes / 1e6);
    print_row(node->path, node->op, clmix_shape_text(node->result, shape), node->parameters ? clmix_grouped(number, node->parameters) : "",
              work, moved);
}

/* The layers as the model has them, each with what it would move alone; what a plan makes of them depends on the device. */
static void print_layers(const clmix_graph *graph)
{
    clmix_node_info node;

    print_row("layer", "op", "result", "parameters", "MFLOP", "MB");
    for (size_t i = 0; i < clmix_graph_node_count(graph); i++)
        if (clmix_graph_node(graph, i, &node) == CLMIX_OK && !node.view)
            print_node(&node);
}

static void print_cost(const char *what, const clmix_plan_cost *cost)
{
    terminal_say(24, "  %-21s %.3f GFLOP, %.1f MB moved (%.1f MB at least), %zu launches", what, (double)cost->flops / 1e9,
                 (double)cost->moved_bytes / 1e6, (double)cost->least_bytes / 1e6, cost->launches);
}

/* "; ViX 1 prints 530,442", or nothing where the paper prints no such figure of this model. */
static const char *say_printed(const struct summary *summary, const char *key, char text[160])
{
    const cJSON *figure = cJSON_GetObjectItemCaseSensitive(summary->printed, key),
                *table = cJSON_GetObjectItemCaseSensitive(summary->printed, "table");
    char number[32];

    text[0] = '\0';
    if (cJSON_IsNumber(figure) && figure->valuedouble >= 1e3)
        clmix_grouped(number, (size_t)figure->valuedouble);
    else
        snprintf(number, sizeof number, "%.2f", figure != NULL ? figure->valuedouble : 0.0);
    if (figure != NULL)
        snprintf(text, 160, "; %.60s prints %.30s", cJSON_IsString(table) ? table->valuestring : "the paper",
                 cJSON_IsString(figure) ? figure->valuestring : number);
    return text;
}

static void print_text(const struct summary *summary)
{
    char all[32], used[48] = "", paper[32], printed[160], length[40] = "";

    if (summary->parameters_used < summary->parameters)
        snprintf(used, sizeof used, "%s of them used; ", clmix_grouped(all, summary->parameters_used));
    print_layers(summary->graph);
    putchar('\n');
    if (summary->extent.length > 0)
        snprintf(length, sizeof length, " x %zu tokens", summary->extent.length);
    terminal_say(2, "%s, batch of %zu%s, planned for %s", clmix_config_name(summary->config), summary->extent.batch, length,
                 clmix_device_describe(summary->device)->name);
    terminal_say(24, "  parameters            %s (%s%s by the papers' counting rule%s)", clmix_grouped(all, summary->parameters), used,
                 clmix_grouped(paper, summary->parameters_paper), say_printed(summary, "parameters", printed));
    terminal_say(24, "  size                  %.2f MB by the papers' counting rule%s", summary->megabytes_paper,
                 say_printed(summary, "mb", printed));
    print_cost("forward pass", &summary->forward);
    print_cost("training step", &summary->step);
    terminal_say(24, "  peak device memory    %.1f MB for inference, %.1f MB for training", (double)summary->forward.peak_bytes / 1e6,
                 (double)summary->training_bytes / 1e6);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------------------------- */

static int print_json(const struct cli *cli, const struct summary *summary)
{
    char *config = NULL;
    clmix_status status = clmix_config_text(summary->config, &config);
    cJSON *object;

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "model", clmix_config_name(summary->config));
    cJSON_AddItemToObject(object, "config", cJSON_Parse(config));
    cJSON_AddNumberToObject(object, "batch", (double)summary->extent.batch);
    if (summary->extent.length > 0)
        cJSON_AddNumberToObject(object, "length", (double)summary->extent.length);
    cJSON_AddNumberToObject(object, "parameters", (double)summary->parameters);
    cJSON_AddNumberToObject(object, "parameters_used", (double)summary->parameters_used);
    cJSON_AddNumberToObject(object, "parameters_paper", (double)summary->parameters_paper);
    cJSON_AddNumberToObject(object, "size_mb_paper", summary->megabytes_paper);
    cJSON_AddNumberToObject(object, "flops_forward", (double)summary->forward.flops);
    cJSON_AddNumberToObject(object, "flops_step", (double)summary->step.flops);
    cJSON_AddNumberToObject(object, "bytes_moved_forward", (double)summary->forward.moved_bytes);
    cJSON_AddNumberToObject(object, "bytes_least_forward", (double)summary->forward.least_bytes);
    cJSON_AddNumberToObject(object, "bytes_moved_step", (double)summary->step.moved_bytes);
    cJSON_AddNumberToObject(object, "bytes_least_step", (double)summary->step.least_bytes);
    cJSON_AddNumberToObject(object, "peak_bytes_inference", (double)summary->forward.peak_bytes);
    cJSON_AddNumberToObject(object, "peak_bytes_training", (double)summary->training_bytes);
    if (summary->printed != NULL)
        cJSON_AddItemToObject(object, "paper", cJSON_Duplicate(summary->printed, 1));
    clmix_free(config);
    return cli_print_json(cli, object) ? 0 : 1;
}

/* ---- program ------------------------------------------------------------------------------------------------------------------------ */

/* That the weights are the model's. */
static clmix_status check_weights(clmix_device *device, const clmix_config *config)
{
    clmix_network *network = NULL;
    clmix_status status = model_network(device, config, 0, &network);

    clmix_network_free(network);
    return status;
}

static int summarize_model(const struct cli *cli, const struct model_options *model, int batch, int length)
{
    struct summary summary = { 0 };
    clmix_config *config = NULL;
    clmix_status status = model_options_config(model, cli->argument_count ? cli->arguments[0] : NULL, &config);
    int exit_status = 0;

    if (status == CLMIX_OK)
        status = model_extent(config, batch, length, &summary.extent);
    if (status != CLMIX_OK) {
        exit_status = status == CLMIX_ERROR_ARGUMENT ? cli_bad_usage(cli, "%s", clmix_error()) : cli_fail(cli, status);
        clmix_config_free(config);
        return exit_status;
    }
    summary.config = config;
    status = model_device_for_plans(cli->device, &summary.device);
    if (status == CLMIX_OK)
        status = summarize(&summary);
    if (status == CLMIX_OK && model->weights != NULL)
        status = check_weights(summary.device, config);
    if (status != CLMIX_OK)
        exit_status = cli_fail(cli, status);
    else if (cli->json)
        exit_status = print_json(cli, &summary);
    else
        print_text(&summary);
    cJSON_Delete(summary.printed);
    clmix_plan_free(summary.inference);
    clmix_graph_free(summary.graph);
    clmix_device_close(summary.device);
    clmix_config_free(config);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct model_options model;
    int batch = MODEL_USUAL_BATCH, length = 0;
    struct poptOption options[] = {
        { "batch", 'b', POPT_ARG_INT, &batch, 0, MODEL_BATCH_HELP, "N" },
        { "length", 'L', POPT_ARG_INT, &length, 0, "of models of text: tokens of a sequence (the most that the model takes)", "N" },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, model.table, 0, NULL, NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status;

    model_options_start(&model, MODEL_BY_OPTION | MODEL_CLASSES);
    status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON) {
        const int named = cli.argument_count + (model.model != NULL ? 1 : 0);

        if (named != 1 && !(named == 0 && model.weights != NULL))
            status = cli_bad_usage(&cli, "one model is needed, %d were named", named);
        else if (batch < 1 && batch != MODEL_USUAL_BATCH)
            status = cli_bad_usage(&cli, "--batch is %d and must be at least 1", batch);
        else if (length < 0)
            status = cli_bad_usage(&cli, "--length is %d and must be at least 1", length);
        else
            status = summarize_model(&cli, &model, batch, length);
        status = cli_end(&cli, status);
    }
    model_options_end(&model);
    return status;
}
