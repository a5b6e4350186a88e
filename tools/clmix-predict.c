/* clmix-predict: a trained network on pictures, or on a data set. */
#include "base/text.h"
#include "common/cli.h"
#include "common/model_options.h"
#include "common/terminal.h"
#include "common/watch.h"
#include "network/network.h"
#include <clmix/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_help help = {
    .program = "clmix-predict",
    .arguments = "MODEL PICTURE... [OPTION...]  or  MODEL --data=D [OPTION...]",
    .purpose = "Classifies PNG or JPEG pictures with a trained network, or measures its accuracy over a data set. MODEL is a\n"
               ".safetensors file that clmix-train wrote, or the folder of its run; weights of PyTorch without metadata are given with\n"
               "--model PRESET --weights FILE in its place. Pictures are scaled to the model's size and cut to their middle. D is\n"
               "shapes, cifar10:DIR, cifar100:DIR, mnist:DIR, folder:DIR or tinyimagenet:DIR.",
    .examples = "  clmix-predict run/model.safetensors cat.jpg dog.png            the five most probable classes of each\n"
                "  clmix-predict run/model.safetensors --top 1 --json *.png       one line a picture, for a program to read\n"
                "  clmix-predict run/model.safetensors --data shapes --split test accuracy on pictures that it has not seen\n"
                "  clmix-predict --model wavemix-32 --weights w.safetensors a.png a state_dict of PyTorch",
};

struct wishes {
    struct model_options model;
    char *data, *split;
    int top, batch;
};

/* ---- pictures ----------------------------------------------------------------------------------------------------------------------- */

/* The places of the `count` largest probabilities, largest first; they become -1. */
static void take_largest(float *probabilities, size_t classes, size_t *places, float *values, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        size_t best = 0;

        for (size_t i = 1; i < classes; i++)
            if (probabilities[i] > probabilities[best])
                best = i;
        places[k] = best;
        values[k] = probabilities[best];
        probabilities[best] = -1.0f;
    }
}

static void print_text(const clmix_network *network, const char *path, const size_t *places, const float *values, size_t count)
{
    char percent[32];

    printf("%s\n", path);
    for (size_t k = 0; k < count; k++)
        terminal_say(11, "  %5s %%  %s", clmix_percent(percent, (double)values[k], 1), clmix_network_class_name(network, places[k]));
}

static bool print_json(const struct cli *cli, const clmix_network *network, const char *path, const size_t *places, const float *values,
                       size_t count)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *classes;

    cJSON_AddStringToObject(object, "picture", path);
    classes = cJSON_AddArrayToObject(object, "classes");
    for (size_t k = 0; k < count; k++) {
        cJSON *row = cJSON_CreateObject();

        cJSON_AddNumberToObject(row, "label", (double)places[k]);
        cJSON_AddStringToObject(row, "name", clmix_network_class_name(network, places[k]));
        cJSON_AddNumberToObject(row, "probability", (double)values[k]);
        cJSON_AddItemToArray(classes, row);
    }
    return cli_print_json(cli, object);
}

/* The line of a picture that has no classes. */
static int fail_picture(const struct cli *cli, clmix_status status, const char *path)
{
    cJSON *object;

    (void)cli_tell(cli, cli_hint(status), clmix_error());
    if (cli->json) {
        object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "picture", path);
        cli_add_error(object, status, clmix_error());
        (void)cli_print_json(cli, object);
    }
    return 1;
}

static int classify(const struct cli *cli, clmix_network *network, const char *path, size_t top)
{
    size_t classes = clmix_config_classes(clmix_network_config(network));
    float *probabilities = malloc(2 * classes * sizeof *probabilities);
    size_t *places = malloc(classes * sizeof *places);
    int exit_status = 0;

    if (probabilities == NULL || places == NULL) {
        exit_status = cli_error(cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory");
    } else {
        clmix_status status = clmix_network_probabilities_of_file(network, path, probabilities);
        size_t count = top < classes ? top : classes;

        if (status != CLMIX_OK) {
            exit_status = fail_picture(cli, status, path);
        } else {
            take_largest(probabilities, classes, places, probabilities + classes, count);
            if (!cli->json)
                print_text(network, path, places, probabilities + classes, count);
            else if (!print_json(cli, network, path, places, probabilities + classes, count))
                exit_status = 1;
        }
    }
    free(probabilities);
    free(places);
    return exit_status;
}

/* Of the arguments: the model is the first of them, unless an option names it. */
static int first_picture(const struct wishes *wishes)
{
    return wishes->model.model != NULL || wishes->model.weights != NULL ? 0 : 1;
}

/* Every picture is tried, even after one that cannot be read. */
static int classify_all(const struct cli *cli, clmix_network *network, const struct wishes *wishes)
{
    int exit_status = 0;

    for (int i = first_picture(wishes); i < cli->argument_count; i++)
        if (classify(cli, network, cli->arguments[i], (size_t)wishes->top))
            exit_status = 1;
    return exit_status;
}

/* ---- data sets ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status score_data(clmix_network *network, const struct wishes *wishes, clmix_split split, clmix_score *score)
{
    clmix_dataset *data = NULL;
    clmix_status status = model_open_data(clmix_network_config(network), wishes->data, &data);

    if (status == CLMIX_OK)
        status = clmix_evaluate(network, data, split, (size_t)wishes->batch, score);
    clmix_dataset_close(data);
    return status;
}

static int evaluate(const struct cli *cli, clmix_network *network, const struct wishes *wishes, clmix_split split)
{
    char metrics[200] = "", figure[32];
    clmix_score score;
    clmix_status status = score_data(network, wishes, split, &score);
    const char *name;
    cJSON *object;

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    name = split == CLMIX_TRAIN ? "train" : "test";
    if (!cli->json) {
        for (size_t i = 0, used = 0; i < score.metric_count; i++)
            used += (size_t)snprintf(metrics + used, sizeof metrics - used, ", %.16s %s %%", score.metrics[i].title,
                                     clmix_percent(figure, score.metrics[i].value, 2));
        terminal_say(4, "%s, %s split: %zu pictures, loss %.4f%s", wishes->data, name, score.count, score.loss, metrics);
        return 0;
    }
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "data", wishes->data);
    cJSON_AddStringToObject(object, "split", name);
    cJSON_AddNumberToObject(object, "count", (double)score.count);
    cJSON_AddNumberToObject(object, "loss", score.loss);
    for (size_t i = 0; i < score.metric_count; i++)
        cJSON_AddNumberToObject(object, score.metrics[i].name, score.metrics[i].value);
    return cli_print_json(cli, object) ? 0 : 1;
}

/* ---- program ------------------------------------------------------------------------------------------------------------------------ */

static int predict(const struct cli *cli, const struct wishes *wishes, const clmix_config *config, clmix_split split)
{
    clmix_device *device = NULL;
    clmix_network *network = NULL;
    clmix_status status = clmix_device_open(&device, cli->device);
    int exit_status = 0;

    if (status == CLMIX_OK) {
        watch_compiler(device);
        status = model_options_network(&wishes->model, device, config, 0, &network);
    }
    if (status != CLMIX_OK)
        exit_status = cli_fail(cli, status);
    else if (wishes->data != NULL)
        exit_status = evaluate(cli, network, wishes, split);
    else
        exit_status = classify_all(cli, network, wishes);
    clmix_network_free(network);
    clmix_device_close(device);
    return exit_status;
}

static int open_and_predict(const struct cli *cli, const struct wishes *wishes, clmix_split split)
{
    clmix_config *config = NULL;
    clmix_status status = model_options_config(&wishes->model, first_picture(wishes) ? cli->arguments[0] : NULL, &config);
    int exit_status = 0;

    if (status != CLMIX_OK)
        exit_status = cli_fail(cli, status);
    else if (clmix_config_weights(config) == NULL)
        exit_status = cli_bad_usage(cli, "'%s' is a model without weights; name a trained .safetensors file, or its weights with --weights",
                                    clmix_config_name(config));
    else
        exit_status = predict(cli, wishes, config, split);
    clmix_config_free(config);
    return exit_status;
}

static int check_and_predict(const struct cli *cli, const struct wishes *wishes)
{
    bool train = wishes->split != NULL && strcmp(wishes->split, "train") == 0;

    int pictures = cli->argument_count - first_picture(wishes);

    if (pictures < 0)
        return cli_bad_usage(cli, "no weights were named");
    if (wishes->data == NULL && pictures == 0)
        return cli_bad_usage(cli, "neither a picture nor --data was given");
    if (wishes->data != NULL && pictures > 0)
        return cli_bad_usage(cli, "pictures and --data do not go together");
    if (wishes->split != NULL && wishes->data == NULL)
        return cli_bad_usage(cli, "--split belongs to --data");
    if (wishes->split != NULL && !train && strcmp(wishes->split, "test") != 0)
        return cli_bad_usage(cli, "--split is train or test, not '%s'", wishes->split);
    if (wishes->top < 1 || wishes->batch < 1)
        return cli_bad_usage(cli, "--top is %d and --batch is %d; both must be at least 1", wishes->top, wishes->batch);
    return open_and_predict(cli, wishes, train ? CLMIX_TRAIN : CLMIX_TEST);
}

int main(int argc, char **argv)
{
    struct wishes wishes = { .top = 5, .batch = (int)clmix_train_defaults().batch };
    struct poptOption options[] = {
        { "top", 'k', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.top, 0, "how many classes of each picture", "K" },
        { "data", 'D', POPT_ARG_STRING, &wishes.data, 0, "measure the accuracy over a data set", "D" },
        { "split", '\0', POPT_ARG_STRING, &wishes.split, 0, "its part: train or test (test)", "SPLIT" },
        { "batch", 'b', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.batch, 0, "pictures at a time with --data", "N" },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, wishes.model.table, 0, NULL, NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status;

    model_options_start(&wishes.model, MODEL_BY_OPTION | MODEL_CLASSES);
    status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON) {
        status = check_and_predict(&cli, &wishes);
        status = cli_end(&cli, status);
    }
    model_options_end(&wishes.model);
    free(wishes.data);
    free(wishes.split);
    return status;
}
