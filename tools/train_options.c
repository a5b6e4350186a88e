#include "train_options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum kind { SIZE, COUNT, SEED, FLOAT, INTEGER, BOOLEAN, OPTIMIZER, SCHEDULE }; /* SIZE: at least 1; COUNT: 0 too */

struct flag {
    const char *name, *value, *help;
    enum kind kind;
    size_t offset;
};

#define FLAG(name, value, kind, member, help)                          \
    {                                                                  \
        name, value, help, kind, offsetof(clmix_train_options, member) \
    }
static const struct flag flags_table[] = {
    FLAG("epochs", "N", SIZE, epochs, "times through the training pictures (12)"),
    FLAG("batch", "N", SIZE, batch, "pictures at a time (64)"),
    FLAG("seed", "N", SEED, seed, "of weights, order, augmentation and dropout (1)"),
    FLAG("optimizer", "NAME", OPTIMIZER, optimizer, "adamw, adam or sgd (adamw)"),
    FLAG("rate", "X", FLOAT, rate, "peak learning rate (0.004)"),
    FLAG("schedule", "NAME", SCHEDULE, schedule, "of the learning rate: cosine, linear or constant (cosine)"),
    FLAG("warmup", "N", COUNT, warmup, "steps of linear warm-up, at most a quarter of the run (100)"),
    FLAG("weight-decay", "X", FLOAT, weight_decay, "0.01"),
    FLAG("beta1", "X", FLOAT, beta1, "Adam's memory of the gradient (0.9)"),
    FLAG("beta2", "X", FLOAT, beta2, "Adam's memory of its square (0.999)"),
    FLAG("epsilon", "X", FLOAT, epsilon, "added to Adam's denominator (1e-8)"),
    FLAG("momentum", "X", FLOAT, momentum, "of sgd (0.9)"),
    FLAG("nesterov", "yes|no", BOOLEAN, nesterov, "Nesterov's form of momentum (no)"),
    FLAG("clip-norm", "X", FLOAT, clip_norm, "largest norm of the gradients; 0: no limit (1)"),
    FLAG("accumulate", "N", SIZE, accumulate, "batches that make one step (1)"),
    FLAG("average", "X", FLOAT, average, "decay of a weight average that is evaluated and saved (0: off)"),
    FLAG("label-smoothing", "X", FLOAT, label_smoothing, "share of each label given to all classes (0)"),
    FLAG("dropout", "X", FLOAT, dropout, "instead of the configuration's"),
    FLAG("crop", "PIXELS", INTEGER, augment.crop_padding, "random crops after padding (an eighth of the height; MNIST: 2)"),
    FLAG("flip", "yes|no", BOOLEAN, augment.flip, "random mirror images (yes; MNIST: no)"),
    FLAG("cutout", "PIXELS", INTEGER, augment.cutout, "side of a square that is greyed out (0)"),
    FLAG("mixup", "ALPHA", FLOAT, augment.mixup, "blends pairs of pictures (0: off)"),
    FLAG("steps", "N", COUNT, steps, "stop after so many steps (0: epochs decide)"),
    FLAG("checkpoint-steps", "N", COUNT, checkpoint_steps, "a checkpoint every so many steps too (0: after each epoch)"),
};
_Static_assert(sizeof flags_table / sizeof flags_table[0] == TRAIN_FLAGS, "TRAIN_FLAGS counts the table");

void train_flags_start(struct train_flags *flags)
{
    memset(flags, 0, sizeof *flags);
    for (size_t i = 0; i < TRAIN_FLAGS; i++) {
        struct poptOption *option = &flags->table[i];

        option->longName = flags_table[i].name;
        option->argInfo = POPT_ARG_STRING;
        option->arg = &flags->given[i];
        option->descrip = flags_table[i].help;
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

static bool parse_choice(const char *text, const char *const *names, int count, int *value)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *value = i;
            return true;
        }
    return false;
}

/* NULL, or what the value should have been. */
static const char *parse(const struct flag *flag, const char *text, void *value)
{
    static const char *const optimizers[] = { "adamw", "adam", "sgd" }, *const schedules[] = { "constant", "cosine", "linear" },
                             *const answers[] = { "no", "yes" };
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
        if (!parse_choice(text, schedules, 3, &choice))
            return "constant, cosine or linear";
        *(clmix_schedule_kind *)value = (clmix_schedule_kind)choice;
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

void train_options_suit(clmix_train_options *options, const char *data, size_t height)
{
    const bool digits = strncmp(data, "mnist:", 6) == 0;

    options->augment.flip = !digits;
    options->augment.crop_padding = digits ? 2 : (int)(height / 8);
}
