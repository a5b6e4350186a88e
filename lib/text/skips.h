/* Counting what is passed over (inside lib/text and lib/data). */
#ifndef CLMIX_TEXT_SKIPS_H
#define CLMIX_TEXT_SKIPS_H

#include <clmix/text.h>

enum clmix_skip_reason { CLMIX_SKIP_ENCODING, CLMIX_SKIP_LENGTH, CLMIX_SKIP_EMPTY, CLMIX_SKIP_FORM, CLMIX_SKIP_LABEL };

/* Counts one that is passed over; the first one's sentence is kept. */
void clmix_skip(clmix_skips *skips, enum clmix_skip_reason reason, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds what was passed over in one file to what was in others. */
void clmix_skips_add(clmix_skips *skips, const clmix_skips *more);

/* FORMAT, with the first sentence, where all that was read had to be passed over; `what` names it: "no line of 'FILE'". */
clmix_status clmix_skips_check(const clmix_skips *skips, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
