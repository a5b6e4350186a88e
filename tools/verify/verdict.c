/* Which ops are at fault, and the sentence.
 *
 * A case launches several ops and a wrong number does not say whose it is. Of the ops of a case that failed those are named that the fewest right cases
 * launch: with a case for each op these are most often the ones that no right case has. */
#include "verify/verdict.h"
#include "verify/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- asking the cases ------------------------------------------------------------------------------------------------------------------ */

static bool is_of(const cJSON *object, const char *key, const char *text)
{
    return strcmp(report_text(object, key), text) == 0;
}

static bool has_op(const cJSON *one, const char *op)
{
    const cJSON *name;

    cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(one, "ops"))
    {
        if (strcmp(name->valuestring, op) == 0)
            return true;
    }
    return false;
}

static int right_cases_of(const cJSON *cases, const char *form, const char *op)
{
    const cJSON *one;
    int count = 0;

    cJSON_ArrayForEach(one, cases)
    {
        count += report_passes(one) && is_of(one, "form", form) && has_op(one, op);
    }
    return count;
}

/* The ops of a case, as it launched them in another form where it did not live to tell; NULL where nobody knows. */
static const cJSON *ops_of(const cJSON *cases, const cJSON *failed)
{
    const cJSON *ops = cJSON_GetObjectItemCaseSensitive(failed, "ops"), *one;

    cJSON_ArrayForEach(one, cases)
    {
        if (cJSON_GetArraySize(ops) == 0 && is_of(one, "case", report_text(failed, "case")))
            ops = cJSON_GetObjectItemCaseSensitive(one, "ops");
    }
    return cJSON_GetArraySize(ops) > 0 ? ops : NULL;
}

static const char *how_of(const cJSON *failed)
{
    if (cJSON_HasObjectItem(failed, "end"))
        return "ended";
    return cJSON_HasObjectItem(failed, "error") ? "failed" : "wrong";
}

/* ---- who is at fault -------------------------------------------------------------------------------------------------------------------- */

/* Enters a case under an op; an op that fails in two ways is there twice. */
static void blame(cJSON *wrong, const char *op, const cJSON *failed)
{
    const char *how = how_of(failed), *name = report_text(failed, "case");
    cJSON *row, *found = NULL;

    cJSON_ArrayForEach(row, wrong)
    {
        if (is_of(row, "op", op) && is_of(row, "how", how))
            found = row;
    }
    if (found == NULL) {
        found = cJSON_CreateObject();
        cJSON_AddStringToObject(found, "op", op);
        cJSON_AddStringToObject(found, "how", how);
        cJSON_AddArrayToObject(found, "cases");
        cJSON_AddItemToArray(wrong, found);
    }
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(found, "cases"), cJSON_CreateString(name));
}

static void find_fault(cJSON *wrong, const cJSON *cases, const cJSON *failed)
{
    const char *form = report_text(failed, "form");
    const cJSON *ops = ops_of(cases, failed), *op;
    int fewest = -1;

    cJSON_ArrayForEach(op, ops)
    {
        int count = right_cases_of(cases, form, op->valuestring);

        fewest = fewest < 0 || count < fewest ? count : fewest;
    }
    cJSON_ArrayForEach(op, ops)
    {
        if (right_cases_of(cases, form, op->valuestring) == fewest)
            blame(wrong, op->valuestring, failed);
    }
    if (ops == NULL)
        blame(wrong, report_text(failed, "case"), failed);
}

/* Ops that are launched in a form, each once. */
static int count_ops(const cJSON *cases, const char *form)
{
    cJSON *seen = cJSON_CreateObject();
    const cJSON *one, *op;
    int count;

    cJSON_ArrayForEach(one, cases)
    {
        cJSON_ArrayForEach(op, cJSON_GetObjectItemCaseSensitive(one, "ops"))
        {
            if (is_of(one, "form", form) && !cJSON_HasObjectItem(seen, op->valuestring))
                cJSON_AddNullToObject(seen, op->valuestring);
        }
    }
    count = cJSON_GetArraySize(seen);
    cJSON_Delete(seen);
    return count;
}

static cJSON *judge_form(const cJSON *cases, const char *form)
{
    cJSON *object = cJSON_CreateObject(), *wrong;
    const cJSON *one;
    int count = 0, failed = 0;

    cJSON_AddStringToObject(object, "form", form);
    wrong = cJSON_CreateArray();
    cJSON_ArrayForEach(one, cases)
    {
        if (!is_of(one, "form", form))
            continue;
        count++;
        if (report_passes(one))
            continue;
        failed++;
        find_fault(wrong, cases, one);
    }
    cJSON_AddNumberToObject(object, "cases", count);
    cJSON_AddNumberToObject(object, "ops", count_ops(cases, form));
    cJSON_AddNumberToObject(object, "failed", failed);
    cJSON_AddItemToObject(object, "wrong", wrong);
    return object;
}

static cJSON *judge_forms(const cJSON *cases)
{
    cJSON *forms = cJSON_CreateArray(), *known;
    const cJSON *one;

    cJSON_ArrayForEach(one, cases)
    {
        bool there = false;

        cJSON_ArrayForEach(known, forms)
        {
            there = there || is_of(known, "form", report_text(one, "form"));
        }
        if (!there)
            cJSON_AddItemToArray(forms, judge_form(cases, report_text(one, "form")));
    }
    return forms;
}

/* ---- the sentence: one line, even where next to all is wrong ---------------------------------------------------------------------------- */

#define MOST_NAMES 12 /* of ops in a sentence that fail in one way */

static int number(const cJSON *object, const char *key)
{
    return (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool is_right(const cJSON *form)
{
    return number(form, "failed") == 0;
}

/* " gives wrong results in a, b": the ops that fail in one way, the first of them by name; false where there are none. */
static bool write_ops(FILE *to, const cJSON *form, const char *how, const char *words)
{
    const cJSON *row;
    int count = 0;

    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(form, "wrong"))
    {
        if (!is_of(row, "how", how))
            continue;
        if (count++ == 0)
            fprintf(to, "%s", words);
        if (count <= MOST_NAMES)
            fprintf(to, "%s %s", count > 1 ? "," : "", report_text(row, "op"));
    }
    if (count > MOST_NAMES)
        fprintf(to, " and %d more (--json names all)", count - MOST_NAMES);
    return count > 0;
}

/* How a form fails. */
static void write_wrong(FILE *to, const cJSON *form)
{
    bool any = write_ops(to, form, "wrong", " gives wrong results in");

    any = write_ops(to, form, "failed", any ? "; it fails in" : " fails in") || any;
    write_ops(to, form, "ended", any ? "; it ends the process in" : " ends the process in");
}

/* Why clmix takes this form: the name of the quirk, which is what stands before its colon. */
static void write_reason(FILE *to, const cJSON *device)
{
    const char *quirk = report_text(device, "quirk");

    if (quirk[0] != '\0')
        fprintf(to, " (quirk %.*s)", (int)strcspn(quirk, ":"), quirk);
}

static void write_count(FILE *to, const cJSON *form)
{
    const int cases = number(form, "cases"), ops = number(form, "ops");

    fprintf(to, ": %d case%s of %d op%s", cases, cases == 1 ? "" : "s", ops, ops == 1 ? "" : "s");
}

static void write_sentence(FILE *to, const cJSON *device, const cJSON *forms, bool forced)
{
    const cJSON *taken = cJSON_GetArrayItem(forms, 0), *other = cJSON_GetArrayItem(forms, 1);
    const char *name = report_text(taken, "form"), *second = report_text(other, "form");

    if (is_right(taken) && (other == NULL || is_right(other))) {
        fprintf(to, "this driver is right");
        write_count(to, taken);
        fprintf(to, ", %s%s%s", name, other != NULL ? " and " : "", second);
    } else if (is_right(taken)) {
        fprintf(to, "this driver is right in the %s kernels, which clmix takes here", name);
        write_reason(to, device);
        write_count(to, taken);
        fprintf(to, "; in the %s kernels, which clmix leaves alone, it", second);
        write_wrong(to, other);
    } else {
        fprintf(to, "this driver is wrong: in the %s kernels%s it", name, forced ? "" : ", which clmix takes here,");
        write_wrong(to, taken);
        if (other != NULL && is_right(other))
            fprintf(to, "; the %s kernels are right: set CLMIX_KERNELS=%s", second, second);
        else if (other != NULL) {
            fprintf(to, "; in the %s kernels it", second);
            write_wrong(to, other);
        }
    }
}

static char *sentence_of(const cJSON *device, const cJSON *forms, bool forced)
{
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);

    if (stream == NULL)
        return NULL;
    write_sentence(stream, device, forms, forced);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}

cJSON *verdict_of(const cJSON *device, const cJSON *cases, bool forced)
{
    cJSON *verdict = cJSON_CreateObject(), *forms = judge_forms(cases);
    char *sentence = sentence_of(device, forms, forced);

    if (sentence == NULL) {
        cJSON_Delete(verdict);
        cJSON_Delete(forms);
        return NULL;
    }
    cJSON_AddBoolToObject(verdict, "right", is_right(cJSON_GetArrayItem(forms, 0)));
    cJSON_AddStringToObject(verdict, "verdict", sentence);
    cJSON_AddItemToObject(verdict, "forms", forms);
    free(sentence);
    return verdict;
}
