/* Classes of texts, and tokens for their [MASK]s: lines as they come, some together. */
#include "base/size.h"
#include "base/status.h"
#include "base/text.h"
#include "common/terminal.h"
#include "predict/lines.h"
#include "predict/predict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is asked of each text, and by whom. */
struct asking {
    const struct cli *cli;
    clmix_network *network;
    bool masks; /* tokens are asked for, not classes */
    size_t classes, top, batch;
    bool pairs;
    size_t *places; /* room for all classes, and for their probabilities */
    float *largest;
    int exit_status;
};

/* ---- what is printed ---------------------------------------------------------------------------------------------------------------------- */

static cJSON *begin_object(const struct line *line)
{
    cJSON *object = cJSON_CreateObject();

    if (line->number > 0)
        cJSON_AddNumberToObject(object, "line", (double)line->number);
    cJSON_AddStringToObject(object, "text", line->text.text[0]);
    if (line->text.text[1] != NULL)
        cJSON_AddStringToObject(object, "second", line->text.text[1]);
    if (line->text.cut)
        cJSON_AddBoolToObject(object, "cut", true);
    return object;
}

static void end_object(struct asking *asking, cJSON *object)
{
    if (!cli_print_json(asking->cli, object))
        asking->exit_status = 1;
}

/* A text as a line, which is no longer than the terminal is wide. */
static void print_line(const struct line *line)
{
    const char *second = line->text.text[1] != NULL ? line->text.text[1] : "";
    const size_t room = strlen(line->content) + strlen(second) + sizeof " | ";
    char *both = malloc(room);

    if (both == NULL)
        return;
    snprintf(both, room, "%s%s%s", line->content, line->text.text[1] != NULL ? " | " : "", second);
    puts(terminal_cut(both, terminal_columns(stdout)));
    free(both);
}

/* A text that has no answer; the others have theirs. */
static void fail_text(struct asking *asking, const struct line *line, clmix_status status)
{
    char sentence[1100], number[32] = "";

    if (line->number > 0)
        snprintf(number, sizeof number, "line %zu: ", line->number);
    snprintf(sentence, sizeof sentence, "%s%s", number, clmix_error());
    asking->exit_status = cli_tell(asking->cli, cli_hint(status), sentence);
    if (asking->cli->json) {
        cJSON *object = begin_object(line);

        cli_add_error(object, status, clmix_error());
        end_object(asking, object);
    }
}

/* That a line has the two texts that it is to have. */
static clmix_status check_line(const struct asking *asking, const struct line *line)
{
    if (!asking->pairs || line->text.text[1] != NULL)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT, "two texts with a tab between were to come (--pairs), and there is no tab");
}

/* ---- classes ------------------------------------------------------------------------------------------------------------------------------ */

static void print_classes(struct asking *asking, const struct line *line, float *probabilities)
{
    const size_t count = clmix_smaller(asking->top, asking->classes);

    predict_largest(probabilities, asking->classes, asking->places, asking->largest, count);
    if (asking->cli->json) {
        cJSON *object = begin_object(line);

        predict_add_classes(object, asking->network, asking->places, asking->largest, count);
        end_object(asking, object);
    } else {
        print_line(line);
        predict_print_classes(asking->network, asking->places, asking->largest, count);
    }
}

/* One by one, where one of them cannot be answered. */
static void classify_singly(struct asking *asking, struct window *window, float *probabilities)
{
    for (size_t i = 0; i < window->count; i++) {
        struct line *line = &window->lines[i];
        clmix_status status = check_line(asking, line);

        if (status == CLMIX_OK)
            status = clmix_network_classify_given(asking->network, &line->text, 1, probabilities);
        if (status != CLMIX_OK)
            fail_text(asking, line, status);
        else
            print_classes(asking, line, probabilities);
    }
}

/* CLMIX_OK where all of them have answers. */
static clmix_status classify_together(struct asking *asking, struct window *window, struct clmix_network_text *texts, float *probabilities)
{
    for (size_t i = 0; i < window->count; i++) {
        CLMIX_TRY(check_line(asking, &window->lines[i]));
        texts[i] = window->lines[i].text;
    }
    CLMIX_TRY(clmix_network_classify_given(asking->network, texts, window->count, probabilities));
    for (size_t i = 0; i < window->count; i++) {
        window->lines[i].text.cut = texts[i].cut;
        print_classes(asking, &window->lines[i], probabilities + i * asking->classes);
    }
    return CLMIX_OK;
}

static void classify(struct asking *asking, struct window *window)
{
    float *probabilities = malloc(window->count * asking->classes * sizeof *probabilities);
    struct clmix_network_text *texts = malloc(window->count * sizeof *texts);

    if (probabilities == NULL || texts == NULL)
        asking->exit_status = cli_error(asking->cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory");
    else if (classify_together(asking, window, texts, probabilities) != CLMIX_OK)
        classify_singly(asking, window, probabilities);
    free(probabilities);
    free(texts);
}

/* ---- masks -------------------------------------------------------------------------------------------------------------------------------- */

static void add_fills(cJSON *object, const clmix_fill *fills, size_t masks, size_t best)
{
    cJSON *lists = cJSON_AddArrayToObject(object, "masks");

    for (size_t i = 0; i < masks; i++) {
        cJSON *list = cJSON_CreateArray();

        for (size_t k = 0; k < best; k++, fills++) {
            cJSON *row = cJSON_CreateObject();

            cJSON_AddNumberToObject(row, "id", (double)fills->id);
            cJSON_AddStringToObject(row, "token", fills->token);
            cJSON_AddNumberToObject(row, "probability", (double)fills->probability);
            cJSON_AddItemToArray(list, row);
        }
        cJSON_AddItemToArray(lists, list);
    }
}

static void print_fills(const struct line *line, const clmix_fill *fills, size_t masks, size_t best)
{
    char percent[32];

    print_line(line);
    for (size_t i = 0; i < masks; i++) {
        if (masks > 1)
            printf("  [MASK] %zu\n", i + 1);
        for (size_t k = 0; k < best; k++, fills++)
            terminal_say(11, "  %5s %%  %s", clmix_percent(percent, (double)fills->probability, 1), fills->token);
    }
}

static void fill(struct asking *asking, struct line *line)
{
    const size_t best = clmix_smaller(asking->top, clmix_tokenizer_size(clmix_network_tokenizer(asking->network)));
    clmix_fill *fills = NULL;
    size_t masks;
    clmix_status status = check_line(asking, line);

    if (status == CLMIX_OK)
        status = clmix_network_fill_given(asking->network, &line->text, best, &fills, &masks);
    if (status != CLMIX_OK) {
        fail_text(asking, line, status);
    } else if (asking->cli->json) {
        cJSON *object = begin_object(line);

        add_fills(object, fills, masks, best);
        end_object(asking, object);
    } else {
        print_fills(line, fills, masks, best);
    }
    clmix_free(fills);
}

/* ---- all of them -------------------------------------------------------------------------------------------------------------------------- */

static void answer(struct asking *asking, struct window *window)
{
    if (window->count > 0 && !asking->masks)
        classify(asking, window);
    for (size_t i = 0; asking->masks && i < window->count; i++)
        fill(asking, &window->lines[i]);
    fflush(stdout);
}

/* Lines that are no text have no answer, which is a failure of the whole. */
static void report_skips(struct asking *asking, const clmix_skips *skips)
{
    char sentence[640], number[32];
    const size_t count = clmix_skips_count(skips);

    if (count == 0)
        return;
    snprintf(sentence, sizeof sentence, "%s %s no answer; the first: %s", clmix_grouped(number, count),
             count == 1 ? "line has" : "lines have", skips->first);
    asking->exit_status = cli_tell(asking->cli, NULL, sentence);
}

static clmix_status answer_lines(struct asking *asking, struct clmix_text_file *file)
{
    struct window window = { 0 };
    clmix_status status;
    size_t count;

    do {
        status = window_read(&window, file, asking->batch, asking->pairs);
        count = window.count;
        answer(asking, &window);
        window_clear(&window);
    } while (status == CLMIX_OK && count > 0);
    return status;
}

static void answer_file(struct asking *asking, const char *path)
{
    struct clmix_text_file file = { 0 };
    clmix_skips skips = { 0 };
    clmix_status status = lines_open(&file, path, &skips);

    if (status == CLMIX_OK)
        status = answer_lines(asking, &file);
    if (status != CLMIX_OK)
        asking->exit_status = cli_fail(asking->cli, status);
    clmix_text_file_close(&file);
    report_skips(asking, &skips);
}

static void answer_arguments(struct asking *asking, const struct wishes *wishes)
{
    struct window window = { 0 };
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < wishes->given_count; i++) {
        if (access(wishes->given[i], F_OK) == 0)
            asking->exit_status =
                cli_bad_usage(asking->cli, "the model reads text, and '%s' is a file; to have its lines read, write --lines '%s'",
                              wishes->given[i], wishes->given[i]);
        else
            status = window_add(&window, wishes->given[i], strlen(wishes->given[i]), 0, asking->pairs);
    }
    if (status != CLMIX_OK)
        asking->exit_status = cli_fail(asking->cli, status);
    else if (asking->exit_status == 0)
        answer(asking, &window);
    window_clear(&window);
}

static int answer_all(struct asking *asking, const struct wishes *wishes)
{
    const size_t room = clmix_at_least_one(asking->classes);

    asking->places = malloc(room * sizeof *asking->places);
    asking->largest = malloc(room * sizeof *asking->largest);
    if (asking->places == NULL || asking->largest == NULL)
        asking->exit_status = cli_error(asking->cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory");
    else if (wishes->given_count > 0)
        answer_arguments(asking, wishes);
    else
        answer_file(asking, wishes->lines != NULL ? wishes->lines : "-");
    free(asking->places);
    free(asking->largest);
    return asking->exit_status;
}

int predict_texts(const struct cli *cli, clmix_network *network, const struct wishes *wishes)
{
    const clmix_config *config = clmix_network_config(network);
    struct asking asking = { .cli = cli,
                             .network = network,
                             .masks = clmix_config_answer(config) == CLMIX_ANSWER_TOKENS,
                             .classes = clmix_config_classes(config),
                             .top = (size_t)wishes->top,
                             .batch = (size_t)wishes->batch,
                             .pairs = wishes->pairs };
    const clmix_status status = clmix_network_check_text(network);

    return status == CLMIX_OK ? answer_all(&asking, wishes) : cli_fail(cli, status);
}
