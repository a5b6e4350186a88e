/* What opening the data met in its files: texts and tokens, what was cut, what no vocabulary can write, and what was passed over. */
#include "base/text.h"
#include "training/session.h"

#include <stdio.h>

/* "3 no UTF-8, 2 without a label" */
static void list_reasons(const clmix_skips *skips, char *text, size_t bytes)
{
    const struct {
        size_t count;
        const char *reason;
    } reasons[] = { { skips->encoding, "no UTF-8" },
                    { skips->length, "too long" },
                    { skips->empty, "without text" },
                    { skips->form, "of another form" },
                    { skips->label, "without a label that can be" } };
    size_t used = 0;

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons && used < bytes; i++)
        if (reasons[i].count > 0)
            used += (size_t)snprintf(text + used, bytes - used, "%s%zu %s", used > 0 ? ", " : "", reasons[i].count, reasons[i].reason);
}

static void say_texts(struct session *session, const char *split, const clmix_data_reading *reading)
{
    char texts[32], tokens[32], cut[64] = "", unknown[64] = "";

    if (reading->cut > 0)
        snprintf(cut, sizeof cut, "; %zu cut to the longest", reading->cut);
    if (reading->unknown > 0)
        snprintf(unknown, sizeof unknown, "; %.2f %% are [UNK]", 100.0 * (double)reading->unknown / (double)reading->tokens);
    progress_say(&session->progress, "%s: %s texts of %s tokens (%s), %zu in the longest%s%s", split, clmix_grouped(texts, reading->texts),
                 clmix_grouped(tokens, reading->tokens), clmix_tokenizer_kind_name(clmix_dataset_tokenizer(session->data)),
                 reading->longest, cut, unknown);
}

void session_report_reading(struct session *session)
{
    static const char *const splits[] = { [CLMIX_TRAIN] = "train", [CLMIX_TEST] = "test" };

    for (int split = 0; session->data != NULL && split < 2; split++) {
        const clmix_data_reading *reading = clmix_dataset_reading(session->data, (clmix_split)split);
        const size_t skipped = clmix_skips_count(&reading->skips);
        char reasons[200] = "";

        if (reading->texts > 0)
            say_texts(session, splits[split], reading);
        if (skipped == 0)
            continue;
        list_reasons(&reading->skips, reasons, sizeof reasons);
        progress_say(&session->progress, "%s: passed over %zu of %zu (%s), first: %s", splits[split], skipped, reading->skips.read, reasons,
                     reading->skips.first);
    }
}
