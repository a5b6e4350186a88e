/* Options as JSON. One table lists them for writing, reading and comparing. */
#include "train/run.h"

#include "base/status.h"
#include "base/text.h"
#include "io/json.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { SIZE, SEED, FLOAT, BOOLEAN, INTEGER, OPTIMIZER, SCHEDULE, LENGTHS, PATTERNS };

#define VALUE_BYTES CLMIX_FREEZE_BYTES /* of any value as text */

struct option {
    const char *name;
    enum kind kind;
    size_t offset;
    bool decides; /* about the result: a resumed run must have the same */
    bool newer;   /* than some checkpoints, which were written with its default */
};

#define OPTION(name, kind, member, decides)                               \
    {                                                                     \
        name, kind, offsetof(clmix_train_options, member), decides, false \
    }
#define NEWER_OPTION(name, kind, member, decides)                        \
    {                                                                    \
        name, kind, offsetof(clmix_train_options, member), decides, true \
    }
static const struct option table[] = {
    OPTION("batch", SIZE, batch, true),
    OPTION("epochs", SIZE, epochs, true),
    OPTION("seed", SEED, seed, true),
    OPTION("optimizer", OPTIMIZER, optimizer, true),
    OPTION("rate", FLOAT, rate, true),
    OPTION("beta1", FLOAT, beta1, true),
    OPTION("beta2", FLOAT, beta2, true),
    OPTION("epsilon", FLOAT, epsilon, true),
    OPTION("weight_decay", FLOAT, weight_decay, true),
    OPTION("momentum", FLOAT, momentum, true),
    OPTION("nesterov", BOOLEAN, nesterov, true),
    OPTION("clip_norm", FLOAT, clip_norm, true),
    OPTION("accumulate", SIZE, accumulate, true),
    OPTION("schedule", SCHEDULE, schedule, true),
    OPTION("warmup", SIZE, warmup, true),
    OPTION("average", FLOAT, average, true),
    OPTION("label_smoothing", FLOAT, label_smoothing, true),
    OPTION("dropout", FLOAT, dropout, true),
    OPTION("crop_padding", INTEGER, augment.crop_padding, true),
    OPTION("flip", BOOLEAN, augment.flip, true),
    OPTION("cutout", INTEGER, augment.cutout, true),
    OPTION("mixup", FLOAT, augment.mixup, true),
    OPTION("steps", SIZE, steps, true),
    NEWER_OPTION("freeze", PATTERNS, freeze, true),
    NEWER_OPTION("redraw", SIZE, redraw, true),
    NEWER_OPTION("no_decay", PATTERNS, no_decay, true),
    NEWER_OPTION("lengths", LENGTHS, lengths, true),
    NEWER_OPTION("batch_tokens", SIZE, batch_tokens, true),
    NEWER_OPTION("checkpoint_steps", SIZE, checkpoint_steps, false),
    NEWER_OPTION("skip_broken", BOOLEAN, skip_broken, false),
};
enum { OPTIONS = sizeof table / sizeof table[0] };

static const char *const optimizers[] = { "adamw", "adam", "sgd" };
static const char *const schedules[] = { "constant", "cosine", "linear", "onecycle", "onecycle-cosine", "triangle" };
static const char *const lengths[] = { "one", "few" };

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

/* A value as text: exact, so that equal texts are equal values. */
static const char *text_of(const struct option *option, const clmix_train_options *options, char text[VALUE_BYTES])
{
    const void *value = (const char *)options + option->offset;

    switch (option->kind) {
    case SIZE: snprintf(text, 32, "%zu", *(const size_t *)value); break;
    case SEED: snprintf(text, 32, "%" PRIu64, *(const uint64_t *)value); break;
    case FLOAT: snprintf(text, 32, "%.9g", clmix_shortest(*(const float *)value)); break;
    case BOOLEAN: snprintf(text, 32, "%s", *(const bool *)value ? "true" : "false"); break;
    case INTEGER: snprintf(text, 32, "%d", *(const int *)value); break;
    case OPTIMIZER: snprintf(text, 32, "%s", optimizers[*(const clmix_optimizer_kind *)value]); break;
    case PATTERNS: snprintf(text, VALUE_BYTES, "%s", (const char *)value); break;
    case SCHEDULE: snprintf(text, 32, "%s", schedules[*(const clmix_schedule_kind *)value]); break;
    case LENGTHS: snprintf(text, 32, "%s", lengths[*(const clmix_lengths *)value]); break;
    }
    return text;
}

static bool choose(const char *text, const char *const *names, size_t count, int *value)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *value = (int)i;
            return true;
        }
    return false;
}

/* Every kind but FLOAT, which is a JSON number. */
static bool take_text(const struct option *option, const char *text, clmix_train_options *options)
{
    void *value = (char *)options + option->offset;
    char *end = NULL;
    int choice = 0;

    switch (option->kind) {
    case FLOAT: return false;
    case SIZE: *(size_t *)value = (size_t)strtoull(text, &end, 10); break;
    case SEED: *(uint64_t *)value = strtoull(text, &end, 10); break;
    case INTEGER: *(int *)value = (int)strtol(text, &end, 10); break;
    case PATTERNS: return snprintf(value, CLMIX_FREEZE_BYTES, "%s", text) < CLMIX_FREEZE_BYTES;
    case BOOLEAN: *(bool *)value = strcmp(text, "true") == 0; return *(bool *)value || strcmp(text, "false") == 0;
    case OPTIMIZER:
        if (!choose(text, optimizers, sizeof optimizers / sizeof optimizers[0], &choice))
            return false;
        *(clmix_optimizer_kind *)value = (clmix_optimizer_kind)choice;
        return true;
    case SCHEDULE:
        if (!choose(text, schedules, sizeof schedules / sizeof schedules[0], &choice))
            return false;
        *(clmix_schedule_kind *)value = (clmix_schedule_kind)choice;
        return true;
    case LENGTHS:
        if (!choose(text, lengths, sizeof lengths / sizeof lengths[0], &choice))
            return false;
        *(clmix_lengths *)value = (clmix_lengths)choice;
        return true;
    }
    return end != text && *end == '\0';
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_options_write(const clmix_train_options *options, cJSON *json)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const void *value = (const char *)options + table[i].offset;
        char text[VALUE_BYTES];
        bool done;

        if (table[i].kind == FLOAT)
            done = cJSON_AddNumberToObject(json, table[i].name, clmix_shortest(*(const float *)value)) != NULL;
        else
            done = cJSON_AddStringToObject(json, table[i].name, text_of(&table[i], options, text)) != NULL;
        if (!done)
            return clmix_fail_memory("the checkpoint's options");
    }
    return CLMIX_OK;
}

clmix_status clmix_options_read(const cJSON *json, const char *where, clmix_train_options *options)
{
    *options = clmix_train_defaults();
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *text = NULL;
        double number = 0.0;

        if (table[i].newer && !cJSON_HasObjectItem(json, table[i].name))
            continue;
        CLMIX_TRY(clmix_json_require(json, where, table[i].name));
        if (table[i].kind == FLOAT) {
            CLMIX_TRY(clmix_json_number(json, where, table[i].name, -(double)FLT_MAX, (double)FLT_MAX, &number));
            *(float *)((char *)options + table[i].offset) = (float)number;
            continue;
        }
        CLMIX_TRY(clmix_json_text(json, where, table[i].name, &text));
        if (!take_text(&table[i], text, options))
            return clmix_fail(CLMIX_ERROR_FORMAT, "%s: option '%s' is '%.40s', which it cannot be", where, table[i].name, text);
    }
    return CLMIX_OK;
}

/* The number of epochs decides about the learning rate, unless that stays what it is; then a run may be prolonged. */
static bool may_differ(const struct option *option, const clmix_train_options *stored)
{
    const bool is_epochs = option->offset == offsetof(clmix_train_options, epochs);

    return !option->decides || (is_epochs && stored->schedule == CLMIX_SCHEDULE_CONSTANT);
}

static const char *shown(const char *text)
{
    return *text == '\0' ? "nothing" : text;
}

static bool differs(const struct option *option, const clmix_train_options *stored, const clmix_train_options *asked)
{
    char before[VALUE_BYTES], now[VALUE_BYTES];

    return strcmp(text_of(option, stored, before), text_of(option, asked, now)) != 0 && !may_differ(option, stored);
}

/* ", nor with seed 2 (was 1), nor with ..." for the options from `first` on that differ. */
static void list_others(size_t first, const clmix_train_options *stored, const clmix_train_options *asked, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = first; i < OPTIONS && used < bytes; i++) {
        char before[VALUE_BYTES], now[VALUE_BYTES];

        if (differs(&table[i], stored, asked))
            used += (size_t)snprintf(text + used, bytes - used, "; so would %s %s instead of %s", table[i].name,
                                     shown(text_of(&table[i], asked, now)), shown(text_of(&table[i], stored, before)));
    }
}

clmix_status clmix_options_agree(const clmix_train_options *stored, const clmix_train_options *asked)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        char before[VALUE_BYTES], now[VALUE_BYTES], others[480];

        if (!differs(&table[i], stored, asked))
            continue;
        list_others(i + 1, stored, asked, others, sizeof others);
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "the run was begun with %s %s and is to be resumed with %s, which would change its result%s; resume with the same "
            "(only the epochs of a constant schedule may grow), or start a new run from its model",
            table[i].name, shown(text_of(&table[i], stored, before)), shown(text_of(&table[i], asked, now)), others);
    }
    return CLMIX_OK;
}
