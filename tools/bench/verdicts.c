/* What devices failed at and what is wrong, in words. */
#include "bench/checks.h"
#include "bench/collect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_NAMED 6 /* wrong cases that are named */

bool bench_say_failure(const struct bench_results *results, size_t index, char *text, size_t bytes)
{
    const struct bench_note *note = &results->notes[index];

    text[0] = '\0';
    if (!note->failure)
        return false;
    snprintf(text, bytes, "%s failed at %s: %s", results->sources[note->source].label, bench_text(note->object, "failed"),
             bench_text(note->object, "message"));
    return true;
}

bool bench_say_difference(const struct bench_results *results, const struct bench_result *item, char *text, size_t bytes)
{
    const struct bench_model_check check = bench_check_model(results, item);
    const char *label = results->sources[item->source].label;

    text[0] = '\0';
    if (check.answer != BENCH_DIFFERS)
        return false;
    if (isnan(check.error))
        snprintf(text, bytes, "%s: %s comes to what cannot be compared with %s: not as many numbers, or some that are none", label,
                 item->subject, results->sources[check.reference].label);
    else
        snprintf(text, bytes, "%s: %s comes to something else than %s: off by %.2g of the largest value, limit %.0e", label, item->subject,
                 results->sources[check.reference].label, check.error, BENCH_MODEL_LIMIT);
    return true;
}

bool bench_say_wrong_cases(const struct bench_results *results, size_t source, char *text, size_t bytes)
{
    const struct bench_case_check check = bench_check_cases(results, source);
    size_t used, named = 0;

    text[0] = '\0';
    if (check.wrong == 0)
        return false;
    snprintf(text, bytes, "%s: %zu of %zu reference cases are wrong:", results->sources[source].label, check.wrong, check.cases);
    for (size_t i = 0; i < results->note_count && named < MOST_NAMED; i++) {
        const cJSON *object = results->notes[i].object;

        if (results->notes[i].failure || results->notes[i].source != source ||
            cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "pass")))
            continue;
        used = strlen(text);
        snprintf(text + used, bytes - used, "%s %s", named++ > 0 ? "," : "", bench_text(object, "case"));
    }
    used = strlen(text);
    if (check.wrong > named)
        snprintf(text + used, bytes - used, " and %zu more", check.wrong - named);
    return true;
}

void bench_write_models(const struct bench_results *results, size_t source, char text[64])
{
    const struct bench_result *farthest;
    const struct bench_model_check check = bench_check_models(results, source, &farthest);

    switch (check.answer) {
    case BENCH_REFERENCE: snprintf(text, 64, "reference"); break;
    case BENCH_AGREES: snprintf(text, 64, "%.1e", check.error); break;
    case BENCH_DIFFERS: snprintf(text, 64, isnan(check.error) ? "WRONG" : "WRONG, %.1e", check.error); break;
    default: text[0] = '\0'; break;
    }
}

void bench_write_cases(const struct bench_results *results, size_t source, char text[64])
{
    const struct bench_case_check check = bench_check_cases(results, source);

    text[0] = '\0';
    if (check.wrong > 0)
        snprintf(text, 64, "%zu of %zu WRONG", check.wrong, check.cases);
    else if (check.cases > 0)
        snprintf(text, 64, "%zu right", check.cases);
}

bool bench_collect_faulty(const struct bench_results *results)
{
    char text[2048];

    for (size_t i = 0; i < results->note_count; i++)
        if (bench_say_failure(results, i, text, sizeof text))
            return true;
    for (size_t i = 0; i < results->count; i++)
        if (results->items[i].kind == BENCH_MODEL && bench_say_difference(results, &results->items[i], text, sizeof text))
            return true;
    for (size_t source = 0; source < results->source_count; source++)
        if (bench_say_wrong_cases(results, source, text, sizeof text))
            return true;
    return false;
}
