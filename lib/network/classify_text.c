/* Classifying texts: each in a batch with others of its length, so that no answer depends on what else is asked. */
#include "base/size.h"
#include "base/status.h"
#include "network/config.h"
#include "network/network.h"
#include "network/text.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 64 /* of a batch */

static clmix_status check(const clmix_network *network, size_t count)
{
    CLMIX_TRY(clmix_network_check_text(network));
    if (clmix_config_answer(network->config) == CLMIX_ANSWER_TOKENS)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' guesses tokens and knows no classes; clmix_network_fill_mask asks it for them",
                          clmix_config_name(network->config));
    return count > 0 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_ARGUMENT, "texts are to be classified, and none was given");
}

/* Up to MOST_ROWS of the texts from `first` on that are as long as that one, and their places. */
static size_t gather(const struct clmix_network_ids *ids, size_t count, size_t first, const bool *done,
                     const struct clmix_network_ids *rows[MOST_ROWS], size_t places[MOST_ROWS])
{
    size_t found = 0;

    for (size_t i = first; i < count && found < MOST_ROWS; i++)
        if (!done[i] && ids[i].length == ids[first].length) {
            rows[found] = &ids[i];
            places[found++] = i;
        }
    return found;
}

/* The answers of a batch to their places. */
static void scatter(size_t classes, const float *answers, const size_t *places, size_t found, bool *done, float *probabilities)
{
    for (size_t row = 0; row < found; row++) {
        memcpy(probabilities + places[row] * classes, answers + row * classes, classes * sizeof *answers);
        done[places[row]] = true;
    }
}

static clmix_status answer_all(clmix_network *network, const struct clmix_network_ids *ids, size_t count, float *probabilities)
{
    const size_t classes = clmix_config_classes(network->config);
    float *answers = malloc(MOST_ROWS * classes * sizeof *answers);
    bool *done = calloc(count, sizeof *done);
    clmix_status status = answers == NULL || done == NULL ? clmix_fail_memory("the answers") : CLMIX_OK;

    for (size_t i = 0; status == CLMIX_OK && i < count; i++) {
        const struct clmix_network_ids *rows[MOST_ROWS];
        size_t places[MOST_ROWS], found;

        if (done[i])
            continue;
        found = gather(ids, count, i, done, rows, places);
        status = clmix_network_answer_ids(network, rows, found, NULL, answers);
        if (status == CLMIX_OK)
            scatter(classes, answers, places, found, done, probabilities);
    }
    free(answers);
    free(done);
    return status;
}

clmix_status clmix_network_classify_given(clmix_network *network, struct clmix_network_text *texts, size_t count, float *probabilities)
{
    struct clmix_network_ids *ids;
    clmix_status status = CLMIX_OK;

    CLMIX_TRY(check(network, count));
    ids = calloc(count, sizeof *ids);
    if (ids == NULL)
        return clmix_fail_memory("the texts");
    for (size_t i = 0; status == CLMIX_OK && i < count; i++) {
        status = clmix_network_encode(network, &texts[i], false, &ids[i]);
        if (status != CLMIX_OK && count > 1)
            status = clmix_fail_at(status, "text %zu", i);
    }
    if (status == CLMIX_OK)
        status = answer_all(network, ids, count, probabilities);
    for (size_t i = 0; i < count; i++)
        clmix_network_ids_clear(&ids[i]);
    free(ids);
    return status;
}

clmix_status clmix_network_classify_texts(clmix_network *network, const char *const *texts, const char *const *seconds, size_t count,
                                          float *probabilities)
{
    CLMIX_NEED(network);
    CLMIX_NEED(texts);
    CLMIX_NEED(probabilities);

    struct clmix_network_text *given = calloc(clmix_at_least_one(count), sizeof *given);
    clmix_status status = CLMIX_OK;

    if (given == NULL)
        return clmix_fail_memory("the texts");
    for (size_t i = 0; status == CLMIX_OK && i < count; i++) {
        const char *second = seconds == NULL ? NULL : seconds[i];

        if (texts[i] == NULL)
            status = clmix_fail(CLMIX_ERROR_ARGUMENT, "text %zu is NULL and must not be", i);
        else
            given[i] =
                (struct clmix_network_text){ { texts[i], second }, { strlen(texts[i]), second == NULL ? 0 : strlen(second) }, false };
    }
    if (status == CLMIX_OK)
        status = clmix_network_classify_given(network, given, count, probabilities);
    free(given);
    return status;
}

clmix_status clmix_network_classify_text(clmix_network *network, const char *text, const char *second, clmix_prediction *prediction)
{
    CLMIX_NEED(network);
    CLMIX_NEED(text);
    CLMIX_NEED(prediction);

    const size_t classes = clmix_at_least_one(clmix_config_classes(network->config));
    float *probabilities = malloc(classes * sizeof *probabilities);
    clmix_status status;

    if (probabilities == NULL)
        return clmix_fail_memory("the probabilities");
    status = clmix_network_classify_texts(network, &text, &second, 1, probabilities);
    if (status == CLMIX_OK)
        *prediction = clmix_network_best(network, probabilities);
    free(probabilities);
    return status;
}
