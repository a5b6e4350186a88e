#include "training/options.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { SIZE, COUNT, SEED, FLOAT, INTEGER, BOOLEAN, OPTIMIZER, SCHEDULE, LENGTHS }; /* SIZE: at least 1; COUNT: 0 too */

struct flag {
    const char *name, *value, *help;
    const char *zero;   /* what 0 means, where it is no amount; NULL */
    const char *chosen; /* how the default is chosen for the data (train_options_suit); NULL for that of clmix_train_defaults() */
    enum kind kind;
    size_t offset;
};

#define CROP_SHARE  8 /* of the height */
#define CROP_DIGITS 2
#define FLAG(name, value, kind, member, help)                                      \
    {                                                                              \
        name, value, help, NULL, NULL, kind, offsetof(clmix_train_options, member) \
    }
#define ZERO_FLAG(name, value, kind, member, help, zero)                           \
    {                                                                              \
        name, value, help, zero, NULL, kind, offsetof(clmix_train_options, member) \
    }
#define DATA_FLAG(name, value, kind, member, help, chosen)                           \
    {                                                                                \
        name, value, help, NULL, chosen, kind, offsetof(clmix_train_options, member) \
    }
static const struct flag flags_table[] = {
    FLAG("epochs", "N", SIZE, epochs, "times through the training samples"),
    FLAG("batch", "N", SIZE, batch, "samples at a time"),
    ZERO_FLAG("batch-tokens", "N", COUNT, batch_tokens, "as many samples at a time as have so many tokens", "--batch"),
    DATA_FLAG("lengths", "NAME", LENGTHS, lengths, "of the sequences of a batch: few or one", "few where padding changes no answer"),
    FLAG("seed", "N", SEED, seed, "of weights, order, augmentation and dropout"),
    FLAG("optimizer", "NAME", OPTIMIZER, optimizer, "adamw, adam or sgd"),
    FLAG("rate", "X", FLOAT, rate, "peak learning rate"),
    FLAG("schedule", "NAME", SCHEDULE, schedule, "of the rate: cosine, linear, constant, onecycle, onecycle-cosine, triangle"),
    FLAG("warmup", "N", COUNT, warmup, "steps of warm-up"),
    FLAG("weight-decay", "X", FLOAT, weight_decay, "decoupled with adamw, else added to the gradient"),
    FLAG("beta1", "X", FLOAT, beta1, "Adam's memory of the gradient"),
    FLAG("beta2", "X", FLOAT, beta2, "Adam's memory of its square"),
    FLAG("epsilon", "X", FLOAT, epsilon, "added to Adam's denominator"),
    FLAG("momentum", "X", FLOAT, momentum, "of sgd"),
    FLAG("nesterov", "yes|no", BOOLEAN, nesterov, "Nesterov's form of momentum"),
    ZERO_FLAG("clip-norm", "X", FLOAT, clip_norm, "largest norm of the gradients", "no limit"),
    FLAG("accumulate", "N", SIZE, accumulate, "batches that make one step"),
    ZERO_FLAG("average", "X", FLOAT, average, "decay of a weight average that is evaluated and saved", "off"),
    FLAG("label-smoothing", "X", FLOAT, label_smoothing, "share of each label given to all classes"),
    DATA_FLAG("dropout", "X", FLOAT, dropout, "share of values left out at random", "the configuration's"),
    DATA_FLAG("crop", "PIXELS", INTEGER, augment.crop_padding, "random crops after padding",
              "height / " CLI_TEXT(CROP_SHARE) "; MNIST: " CLI_TEXT(CROP_DIGITS)),
    DATA_FLAG("flip", "yes|no", BOOLEAN, augment.flip, "random mirror images", "yes; MNIST: no"),
    FLAG("cutout", "PIXELS", INTEGER, augment.cutout, "side of a square that is greyed out"),
    ZERO_FLAG("mixup", "ALPHA", FLOAT, augment.mixup, "blends pairs of pictures", "off"),
    ZERO_FLAG("redraw", "N", COUNT, redraw, "draw Performer's random features anew every so many steps", "never"),
    ZERO_FLAG("steps", "N", COUNT, steps, "stop after so many steps", "epochs decide"),
    FLAG("skip-broken", "yes|no", BOOLEAN, skip_broken, "go past pictures that cannot be decoded, and count them"),
    ZERO_FLAG("checkpoint-steps", "N", COUNT, checkpoint_steps, "a checkpoint every so many steps too", "after each epoch"),
};
_Static_assert(sizeof flags_table / sizeof flags_table[0] == TRAIN_FLAGS, "TRAIN_FLAGS counts the table");

static const char *const optimizers[] = { [CLMIX_ADAMW] = "adamw", [CLMIX_ADAM] = "adam", [CLMIX_SGD] = "sgd" };
static const char *const schedules[] = {
    [CLMIX_SCHEDULE_CONSTANT] = "constant",
    [CLMIX_SCHEDULE_COSINE] = "cosine",
    [CLMIX_SCHEDULE_LINEAR] = "linear",
    [CLMIX_SCHEDULE_ONE_CYCLE] = "onecycle",
    [CLMIX_SCHEDULE_ONE_CYCLE_COSINE] = "onecycle-cosine",
    [CLMIX_SCHEDULE_TRIANGLE] = "triangle",
};
static const char *const lengths[] = { [CLMIX_LENGTHS_ONE] = "one", [CLMIX_LENGTHS_FEW] = "few" };
static const char *const answers[] = { "no", "yes" };

static void value_text(const struct flag *flag, const void *value, char text[32])
{
    switch (flag->kind) {
    case SIZE:
    case COUNT: snprintf(text, 32, "%zu", *(const size_t *)value); break;
    case SEED: snprintf(text, 32, "%" PRIu64, *(const uint64_t *)value); break;
    case INTEGER: snprintf(text, 32, "%d", *(const int *)value); break;
    case FLOAT: snprintf(text, 32, "%g", (double)*(const float *)value); break;
    case BOOLEAN: snprintf(text, 32, "%s", answers[*(const bool *)value]); break;
    case OPTIMIZER: snprintf(text, 32, "%s", optimizers[*(const clmix_optimizer_kind *)value]); break;
    case SCHEDULE: snprintf(text, 32, "%s", schedules[*(const clmix_schedule_kind *)value]); break;
    case LENGTHS: snprintf(text, 32, "%s", lengths[*(const clmix_lengths *)value]); break;
    }
}

/* "peak learning rate (0.004)": the text with the default behind it, and what 0 means. */
static void describe(const struct flag *flag, const clmix_train_options *defaults, char text[TRAIN_FLAG_HELP])
{
    char value[32];

    value_text(flag, (const char *)defaults + flag->offset, value);
    if (flag->chosen != NULL)
        snprintf(text, TRAIN_FLAG_HELP, "%s (%s)", flag->help, flag->chosen);
    else if (flag->zero == NULL)
        snprintf(text, TRAIN_FLAG_HELP, "%s (%s)", flag->help, value);
    else if (strcmp(value, "0") == 0)
        snprintf(text, TRAIN_FLAG_HELP, "%s (0: %s)", flag->help, flag->zero);
    else
        snprintf(text, TRAIN_FLAG_HELP, "%s (%s; 0: %s)", flag->help, value, flag->zero);
}

void train_flags_start(struct train_flags *flags)
{
    const clmix_train_options defaults = clmix_train_defaults();

    memset(flags, 0, sizeof *flags);
    for (size_t i = 0; i < TRAIN_FLAGS; i++) {
        struct poptOption *option = &flags->table[i];

        describe(&flags_table[i], &defaults, flags->help[i]);
        option->longName = flags_table[i].name;
        option->argInfo = POPT_ARG_STRING;
        option->arg = &flags->given[i];
        option->descrip = flags->help[i];
        option->argDescrip = flags_table[i].value;
    }
}

void train_flags_end(struct train_flags *flags)
{
    for (size_t i = 0; i < TRAIN_FLAGS; i++)
        free(flags->given[i]);
}

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

static bool parse_whole(const char *text, unsigned long long least, unsigned long long most, unsigned long long *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 10);
    return end != text && *end == '\0' && *text != '-' && errno == 0 && *value >= least && *value <= most;
}

static bool parse_choice(const char *text, const char *const *names, size_t count, int *value)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *value = (int)i;
            return true;
        }
    return false;
}

/* NULL, or what the value should have been. */
static const char *parse(const struct flag *flag, const char *text, void *value)
{
    unsigned long long whole;
    char *end;
    int choice;

    switch (flag->kind) {
    case SIZE:
    case COUNT:
        if (!parse_whole(text, flag->kind == SIZE ? 1 : 0, INT32_MAX, &whole))
            return flag->kind == SIZE ? "a whole number from 1" : "a whole number from 0";
        *(size_t *)value = (size_t)whole;
        return NULL;
    case SEED:
        if (!parse_whole(text, 0, UINT64_MAX, &whole))
            return "a whole number";
        *(uint64_t *)value = whole;
        return NULL;
    case INTEGER:
        if (!parse_whole(text, 0, 4096, &whole))
            return "a number of pixels";
        *(int *)value = (int)whole;
        return NULL;
    case FLOAT: *(float *)value = strtof(text, &end); return end != text && *end == '\0' && isfinite(*(float *)value) ? NULL : "a number";
    case BOOLEAN:
        if (!parse_choice(text, answers, 2, &choice))
            return "yes or no";
        *(bool *)value = choice == 1;
        return NULL;
    case OPTIMIZER:
        if (!parse_choice(text, optimizers, 3, &choice))
            return "adamw, adam or sgd";
        *(clmix_optimizer_kind *)value = (clmix_optimizer_kind)choice;
        return NULL;
    case SCHEDULE:
        if (!parse_choice(text, schedules, sizeof schedules / sizeof *schedules, &choice))
            return "constant, cosine, linear, onecycle, onecycle-cosine or triangle";
        *(clmix_schedule_kind *)value = (clmix_schedule_kind)choice;
        return NULL;
    case LENGTHS:
        if (!parse_choice(text, lengths, 2, &choice))
            return "few or one";
        *(clmix_lengths *)value = (clmix_lengths)choice;
        return NULL;
    }
    return NULL;
}

bool train_flags_apply(const struct train_flags *flags, const struct cli *cli, clmix_train_options *options)
{
    for (size_t i = 0; i < TRAIN_FLAGS; i++) {
        const char *wanted;

        if (flags->given[i] == NULL)
            continue;
        wanted = parse(&flags_table[i], flags->given[i], (char *)options + flags_table[i].offset);
        if (wanted != NULL) {
            (void)cli_bad_usage(cli, "--%s is '%s' and must be %s", flags_table[i].name, flags->given[i], wanted);
            return false;
        }
    }
    return true;
}

void train_options_suit(clmix_train_options *options, const clmix_config *config, const char *data)
{
    const bool digits = strncmp(data, "mnist:", 6) == 0;
    size_t height, width, channels;

    clmix_config_picture(config, &height, &width, &channels);
    options->augment.flip = height > 0 && !digits;
    options->augment.crop_padding = height > 0 && digits ? CROP_DIGITS : (int)(height / CROP_SHARE);
    options->lengths = clmix_config_padding_matters(config) ? CLMIX_LENGTHS_ONE : CLMIX_LENGTHS_FEW;
}
