#include "bench/checks.h"

#include <math.h>
#include <string.h>

/* ---- reference cases ------------------------------------------------------------------------------------------------------------------ */

double bench_case_share(const cJSON *object)
{
    const double share = bench_number(object, "error") / bench_number(object, "limit");

    return isnan(share) ? INFINITY : share;
}

struct bench_case_check bench_check_cases(const struct bench_results *results, size_t source)
{
    struct bench_case_check check = { 0 };

    for (size_t i = 0; i < results->note_count; i++) {
        const cJSON *object = results->notes[i].object;

        if (results->notes[i].failure || results->notes[i].source != source)
            continue;
        check.cases++;
        check.wrong += !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "pass"));
        if (check.worst == NULL || bench_case_share(object) > check.share) {
            check.worst = object;
            check.share = bench_case_share(object);
        }
    }
    return check;
}

/* ---- models --------------------------------------------------------------------------------------------------------------------------- */

static const cJSON *answers_of(const struct bench_result *item)
{
    const cJSON *answers = cJSON_GetObjectItemCaseSensitive(item->object, "answers");

    return cJSON_IsArray(answers) && cJSON_GetArraySize(answers) > 0 ? answers : NULL;
}

/* What another source says of the subject of `item`, where the two can be compared. */
static const struct bench_result *other_of(const struct bench_results *results, const struct bench_result *item, size_t source)
{
    const struct bench_result *other = bench_results_find(results, source, BENCH_MODEL, item->subject);

    if (other == NULL || answers_of(other) == NULL || strcmp(results->sources[source].peer, results->sources[item->source].peer) != 0)
        return NULL;
    return other;
}

/* max|a - b| / max|b|; NaN where a number of either is none, or they are not as many. */
static double error_of(const cJSON *a, const cJSON *b)
{
    const cJSON *x = a->child, *y = b->child;
    double away = 0.0, largest = 0.0;

    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!cJSON_IsNumber(x) || !cJSON_IsNumber(y))
            return NAN;
        away = fmax(away, fabs(x->valuedouble - y->valuedouble));
        largest = fmax(largest, fabs(y->valuedouble));
    }
    return x != NULL || y != NULL ? NAN : away == 0.0 ? 0.0 : away / largest;
}

/* How many other sources agree with this one's result. */
static size_t count_agreeing(const struct bench_results *results, const struct bench_result *item)
{
    size_t count = 0;

    for (size_t source = 0; source < results->source_count; source++) {
        const struct bench_result *other = source != item->source ? other_of(results, item, source) : NULL;

        count += other != NULL && error_of(answers_of(other), answers_of(item)) <= BENCH_MODEL_LIMIT;
    }
    return count;
}

static const struct bench_result *reference_of(const struct bench_results *results, const struct bench_result *item)
{
    const struct bench_result *best = NULL;
    size_t most = 0;

    for (int doubted = 0; best == NULL && doubted < 2; doubted++)
        for (size_t source = 0; source < results->source_count; source++) {
            const struct bench_result *other = other_of(results, item, source);
            const size_t agreeing = other != NULL ? count_agreeing(results, other) : 0;

            if (other == NULL || (bench_check_cases(results, source).wrong > 0) != (doubted != 0) || (best != NULL && agreeing <= most))
                continue;
            best = other;
            most = agreeing;
        }
    return best;
}

static bool is_alone(const struct bench_results *results, const struct bench_result *item)
{
    for (size_t source = 0; source < results->source_count; source++)
        if (source != item->source && other_of(results, item, source) != NULL)
            return false;
    return true;
}

struct bench_model_check bench_check_model(const struct bench_results *results, const struct bench_result *item)
{
    struct bench_model_check check = { .answer = BENCH_ALONE, .reference = item->source, .error = NAN };
    const struct bench_result *reference;

    if (answers_of(item) == NULL || is_alone(results, item))
        return check;
    reference = reference_of(results, item);
    check.reference = reference->source;
    if (reference == item) {
        check.answer = BENCH_REFERENCE;
        return check;
    }
    check.error = error_of(answers_of(item), answers_of(reference));
    check.answer = check.error <= BENCH_MODEL_LIMIT ? BENCH_AGREES : BENCH_DIFFERS;
    return check;
}

struct bench_model_check bench_check_models(const struct bench_results *results, size_t source, const struct bench_result **farthest)
{
    struct bench_model_check worst = { .answer = BENCH_ALONE, .reference = source, .error = NAN };

    *farthest = NULL;
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *item = &results->items[i];
        struct bench_model_check check;

        if (item->kind != BENCH_MODEL || item->source != source)
            continue;
        check = bench_check_model(results, item);
        if (*farthest != NULL && (check.answer < worst.answer || (check.answer == worst.answer && !(check.error > worst.error))))
            continue;
        worst = check;
        *farthest = item;
    }
    return worst;
}
