/* What a person watches while a network trains: a bar on a terminal, plain lines elsewhere. */
#ifndef CLMIX_TOOLS_PROGRESS_H
#define CLMIX_TOOLS_PROGRESS_H

#include <clmix/train.h>
#include <stdbool.h>
#include <stddef.h>

struct progress {
    bool live;        /* standard output is a terminal that understands lines being rewritten */
    bool silent;      /* nothing at all: the log lines go to standard output instead */
    bool fancy;       /* its letters go beyond ASCII */
    bool line_open;   /* a live line is on the screen */
    double last;      /* when it was drawn */
    const char *unit; /* of samples, as speeds are told: "img", "seq" */
};
void progress_start(struct progress *progress, bool silent);

/* 161 seconds as "2:41"; 97123456 bytes as "97 MB". Gives `text`. */
const char *progress_time(char text[32], double seconds);
const char *progress_bytes(char text[32], size_t bytes);

/* A line that stays. */
void progress_say(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line until the next one; on a terminal only. */
void progress_note(struct progress *progress, const char *text);

/* Where training stands: the batches of an epoch, means over it so far, and what is left of the run (below 0: not known yet). */
struct progress_step {
    size_t epoch, epochs, batch, batches;
    double loss, metric, images_per_second, seconds_left;
};
void progress_step(struct progress *progress, const struct progress_step *step);
void progress_epoch(struct progress *progress, const clmix_epoch *epoch, size_t epochs);
/* Ends a live line, so that an error can be printed. */
void progress_end(struct progress *progress);

#endif
