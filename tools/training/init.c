#include "training/init.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void train_init_start(struct train_init *init)
{
    memset(init, 0, sizeof *init);
    init->table[0] = (struct poptOption){ "init",      '\0', POPT_ARG_STRING,
                                          &init->init, 0,    "take over what fits of a trained network, start the rest afresh",
                                          "WEIGHTS" };
    init->table[1] = (struct poptOption){ "freeze",      '\0', POPT_ARG_ARGV,
                                          &init->freeze, 0,    "keep weights whose names match, as 'layers.*'; may be repeated",
                                          "PATTERN" };
    init->table[2] = (struct poptOption){ "no-decay",      '\0', POPT_ARG_ARGV,
                                          &init->no_decay, 0,    "no weight decay for weights whose names match; may be repeated",
                                          "PATTERN" };
}

static void free_patterns(const char **patterns)
{
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++)
        free((char *)patterns[i]);
    free(patterns);
}

void train_init_end(struct train_init *init)
{
    free_patterns(init->freeze);
    free_patterns(init->no_decay);
    free(init->init);
    memset(init, 0, sizeof *init);
}

/* The patterns of an option, with commas between them. */
static clmix_status join(const char *const *patterns, const char *option, char text[CLMIX_FREEZE_BYTES])
{
    size_t used = 0;

    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        used += (size_t)snprintf(text + used, CLMIX_FREEZE_BYTES - used, "%s%s", i > 0 ? "," : "", patterns[i]);
        if (used >= CLMIX_FREEZE_BYTES)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the patterns of %s have more than %d letters together; a * stands for many names",
                              option, CLMIX_FREEZE_BYTES - 1);
    }
    return CLMIX_OK;
}

clmix_status train_init_patterns(const struct train_init *init, clmix_train_options *options)
{
    CLMIX_TRY(join(init->freeze, "--freeze", options->freeze));
    return join(init->no_decay, "--no-decay", options->no_decay);
}

/* "conv (4), layers (80)": the names by what they begin with, or each name where there are few. */
static void list_names(char *const *names, size_t count, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count && used < bytes;) {
        const size_t length = count > 4 ? strcspn(names[i], ".") : strlen(names[i]);
        size_t alike = 1;

        while (count > 4 && i + alike < count && strncmp(names[i], names[i + alike], length) == 0 &&
               names[i + alike][length] == names[i][length])
            alike++;
        used += (size_t)snprintf(text + used, bytes - used, alike > 1 ? "%s%.*s (%zu)" : "%s%.*s", i > 0 ? ", " : "", (int)length, names[i],
                                 alike);
        i += alike;
    }
}

clmix_status train_init_network(const struct train_init *init, clmix_network *network, struct progress *progress)
{
    clmix_init_report report;
    char taken[400], fresh[400], partly[400];

    CLMIX_TRY(clmix_network_init(network, init->init, &report));
    list_names(report.taken_names, report.taken, taken, sizeof taken);
    list_names(report.fresh_names, report.fresh, fresh, sizeof fresh);
    progress_say(progress, "taken over from %s: %s; %s%s", init->init, taken, report.fresh > 0 ? "fresh: " : "nothing begins afresh",
                 fresh);
    list_names(report.partly_names, report.partly, partly, sizeof partly);
    if (report.partly > 0)
        progress_say(progress, "of another number of places, the first rows taken: %s", partly);
    clmix_init_report_clear(&report);
    return CLMIX_OK;
}
