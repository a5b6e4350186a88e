/* clmix-predict: a trained network on pictures, texts, or a data set. */
#include "common/watch.h"
#include "predict/predict.h"
#include <clmix/train.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_help help = {
    .program = "clmix-predict",
    .arguments = "MODEL PICTURE... [OPTION...]  |  MODEL [TEXT...] [OPTION...]  |  MODEL --data=D [OPTION...]",
    .purpose = "Asks a trained network for the classes of pictures (PNG, JPEG) or texts, for the tokens that may stand at the [MASK]s of\n"
               "texts, or measures it over a data set: loss, and accuracy or what else its task counts. MODEL is a .safetensors file that\n"
               "clmix-train wrote, or the folder of its run; weights of PyTorch without metadata are given with --model PRESET\n"
               "--weights FILE in its place. Pictures are scaled to the model's size and cut to their middle. Texts are arguments, the\n"
               "lines of a file, or those of standard input where neither is given; what is longer than the model reads is cut at its\n"
               "end. D is what clmix-train takes: shapes, cifar10:DIR, folder:DIR, tsv:FILE, text:FILE-or-DIR and others.",
    .examples = "  clmix-predict run/model.safetensors cat.jpg dog.png            the five most probable classes of each\n"
                "  clmix-predict run/model.safetensors --top 1 --json *.png       one line a picture, for a program to read\n"
                "  clmix-predict reviews 'a fine film' 'a waste of time'          classes of two texts\n"
                "  clmix-predict reviews --lines new.txt --top 1                  of each line of a file\n"
                "  clmix-predict pretrained 'the [MASK] barks'                    the words that may stand there\n"
                "  clmix-predict run/model.safetensors --data shapes --split test accuracy on pictures that it has not seen\n"
                "  clmix-predict --model wavemix-32 --weights w.safetensors a.png a state_dict of PyTorch",
};

/* ---- program ------------------------------------------------------------------------------------------------------------------------ */

/* The tokenizer of --tokenizer, where the weights were saved without one. */
static clmix_status give_tokenizer(clmix_network *network, const char *spec)
{
    clmix_tokenizer *tokenizer = NULL;
    clmix_status status = spec == NULL ? CLMIX_OK : clmix_tokenizer_open(&tokenizer, spec);

    if (status == CLMIX_OK && spec != NULL)
        status = clmix_network_describe_text(network, tokenizer);
    clmix_tokenizer_close(tokenizer);
    return status;
}

static int ask(const struct cli *cli, clmix_network *network, const struct wishes *wishes, clmix_split split)
{
    if (wishes->data != NULL)
        return predict_score(cli, network, wishes, split);
    if (clmix_config_vocabulary(clmix_network_config(network)) > 0)
        return predict_texts(cli, network, wishes);
    return predict_pictures(cli, network, wishes);
}

static int open_and_ask(const struct cli *cli, const struct wishes *wishes, const clmix_config *config, clmix_split split)
{
    clmix_device *device = NULL;
    clmix_network *network = NULL;
    clmix_status status = clmix_device_open(&device, cli->device);
    int exit_status;

    if (status == CLMIX_OK) {
        watch_compiler(device);
        status = model_options_network(&wishes->model, device, config, 0, &network);
    }
    if (status == CLMIX_OK)
        status = give_tokenizer(network, wishes->tokenizer);
    exit_status = status == CLMIX_OK ? ask(cli, network, wishes, split) : cli_fail(cli, status);
    clmix_network_free(network);
    clmix_device_close(device);
    return exit_status;
}

/* What does not suit what the model reads, refused before a device is opened; 0 where all does. */
static int check_model(const struct cli *cli, const struct wishes *wishes, const clmix_config *config)
{
    const char *name = clmix_config_name(config);
    const bool text = clmix_config_vocabulary(config) > 0;

    if (clmix_config_weights(config) == NULL)
        return cli_bad_usage(cli, "'%s' is a model without weights; name a trained .safetensors file, or its weights with --weights", name);
    if (!text && (wishes->lines != NULL || wishes->tokenizer != NULL || wishes->pairs))
        return cli_bad_usage(cli, "'%s' reads pictures: name PNG or JPEG files; --lines, --pairs and --tokenizer are for models of text",
                             name);
    if (!text && wishes->data == NULL && wishes->given_count == 0)
        return cli_bad_usage(cli, "neither a picture nor --data was given");
    return 0;
}

static int open_and_predict(const struct cli *cli, const struct wishes *wishes, const char *model, clmix_split split)
{
    clmix_config *config = NULL;
    clmix_status status = model_options_config(&wishes->model, model, &config);
    int exit_status = status == CLMIX_OK ? check_model(cli, wishes, config) : cli_fail(cli, status);

    if (exit_status == 0)
        exit_status = open_and_ask(cli, wishes, config, split);
    clmix_config_free(config);
    return exit_status;
}

static int check_and_predict(const struct cli *cli, struct wishes *wishes)
{
    const bool train = wishes->split != NULL && strcmp(wishes->split, "train") == 0;
    const bool named = wishes->model.model != NULL || wishes->model.weights != NULL; /* else the model is the first argument */

    if (!named && cli->argument_count == 0)
        return cli_bad_usage(cli, "no weights were named");
    wishes->given_count = (size_t)cli->argument_count - (named ? 0 : 1);
    wishes->given = wishes->given_count > 0 ? cli->arguments + (named ? 0 : 1) : NULL;
    if ((wishes->data != NULL) + (wishes->lines != NULL) + (wishes->given_count > 0) > 1)
        return cli_bad_usage(cli, "pictures or texts, --lines and --data do not go together: one of them says what is asked about");
    if (wishes->split != NULL && wishes->data == NULL)
        return cli_bad_usage(cli, "--split belongs to --data");
    if (wishes->split != NULL && !train && strcmp(wishes->split, "test") != 0)
        return cli_bad_usage(cli, "--split is train or test, not '%s'", wishes->split);
    if (wishes->top < 1 || wishes->batch < 1)
        return cli_bad_usage(cli, "--top is %d and --batch is %d; both must be at least 1", wishes->top, wishes->batch);
    return open_and_predict(cli, wishes, named ? NULL : cli->arguments[0], train ? CLMIX_TRAIN : CLMIX_TEST);
}

int main(int argc, char **argv)
{
    struct wishes wishes = { .top = 5, .batch = (int)clmix_train_defaults().batch };
    struct poptOption options[] = {
        { "top", 'k', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.top, 0, "how many classes or tokens of each", "K" },
        { "lines", 'l', POPT_ARG_STRING, &wishes.lines, 0, "texts: the lines of a file, - is standard input", "FILE" },
        { "pairs", 'p', POPT_ARG_NONE, &wishes.pairs, 0, "a text is two, with a tab between", NULL },
        { "tokenizer", '\0', POPT_ARG_STRING, &wishes.tokenizer, 0, "of weights that have none: wordpiece:VOCAB, bytes or listops",
          "SPEC" },
        { "data", 'D', POPT_ARG_STRING, &wishes.data, 0, "measure loss and accuracy over a data set", "D" },
        { "split", '\0', POPT_ARG_STRING, &wishes.split, 0, "its part: train or test (test)", "SPLIT" },
        { "batch", 'b', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.batch, 0,
          "samples at a time with --data; lines at most at a time", "N" },
        { NULL, '\0', POPT_ARG_INCLUDE_TABLE, wishes.model.table, 0, NULL, NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status;

    model_options_start(&wishes.model, MODEL_BY_OPTION | MODEL_CLASSES);
    status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON)
        status = cli_end(&cli, check_and_predict(&cli, &wishes));
    model_options_end(&wishes.model);
    free(wishes.data);
    free(wishes.split);
    free(wishes.lines);
    free(wishes.tokenizer);
    return status;
}
