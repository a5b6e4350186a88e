/* Loss and metrics over a data set. */
#include "base/text.h"
#include "common/terminal.h"
#include "predict/predict.h"

#include <clmix/train.h>
#include <stdio.h>

static clmix_status score_data(clmix_network *network, const struct wishes *wishes, clmix_split split, clmix_score *score)
{
    clmix_dataset *data = NULL;
    clmix_status status = model_open_data(clmix_network_config(network), clmix_network_tokenizer(network), wishes->data, &data);

    if (status == CLMIX_OK)
        status = clmix_evaluate(network, data, split, (size_t)wishes->batch, score);
    clmix_dataset_close(data);
    return status;
}

static void print_text(const struct wishes *wishes, const char *split, const char *what, const clmix_score *score)
{
    char metrics[200] = "", figure[32];

    for (size_t i = 0, used = 0; i < score->metric_count; i++)
        used += (size_t)snprintf(metrics + used, sizeof metrics - used, ", %.16s %s %%", score->metrics[i].title,
                                 clmix_percent(figure, score->metrics[i].value, 2));
    terminal_say(4, "%s, %s split: %zu %s, loss %.4f (by frequency alone %.4f)%s", wishes->data, split, score->count, what, score->loss,
                 score->guess_loss, metrics);
}

static int print_json(const struct cli *cli, const struct wishes *wishes, const char *split, const clmix_score *score)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "data", wishes->data);
    cJSON_AddStringToObject(object, "split", split);
    cJSON_AddNumberToObject(object, "count", (double)score->count);
    cJSON_AddNumberToObject(object, "loss", score->loss);
    cJSON_AddNumberToObject(object, "guess_loss", score->guess_loss);
    for (size_t i = 0; i < score->metric_count; i++)
        cJSON_AddNumberToObject(object, score->metrics[i].name, score->metrics[i].value);
    return cli_print_json(cli, object) ? 0 : 1;
}

/* What the labels are of that a score counts. */
static const char *counted(const clmix_config *config)
{
    if (clmix_config_answer(config) == CLMIX_ANSWER_TOKENS)
        return "tokens";
    return clmix_config_vocabulary(config) > 0 ? "texts" : "pictures";
}

int predict_score(const struct cli *cli, clmix_network *network, const struct wishes *wishes, clmix_split split)
{
    const char *name = split == CLMIX_TRAIN ? "train" : "test";
    clmix_score score;
    clmix_status status = score_data(network, wishes, split, &score);

    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    if (cli->json)
        return print_json(cli, wishes, name, &score);
    print_text(wishes, name, counted(clmix_network_config(network)), &score);
    return 0;
}
