/* Devices side by side: a table of them on the terminal, with what failed, what is wrong and what is slower, and why. */
#ifndef CLMIX_TOOLS_BENCH_COLLECT_H
#define CLMIX_TOOLS_BENCH_COLLECT_H

#include "bench/results.h"

/* Prints it, or with --json an object a device, and writes the request's page, if it wants one. The results' sources have their labels. Gives the exit
 * status. */
int bench_collect_show(const struct cli *cli, const struct bench_request *request, const struct bench_results *results);

/* Whether any device failed at its work, or came to something wrong. */
bool bench_collect_faulty(const struct bench_results *results);

/* ---- sentences, for the terminal and the page: each is about one source, and false where there is nothing to say -------------------------- */

/* What the device did not do, by the notes' order; and why, where it is told. `index` counts all notes. */
bool bench_say_failure(const struct bench_results *results, size_t index, char *text, size_t bytes);
/* What of a source is wrong: a model that comes to something else than the others, by items; and reference cases. */
bool bench_say_difference(const struct bench_results *results, const struct bench_result *item, char *text, size_t bytes);
bool bench_say_wrong_cases(const struct bench_results *results, size_t source, char *text, size_t bytes);

/* "reference", "4e-07", "differs, 0.31", "": what a source's models come to against others; and "224 right" or "3 of 224 wrong" of its cases. */
void bench_write_models(const struct bench_results *results, size_t source, char text[64]);
void bench_write_cases(const struct bench_results *results, size_t source, char text[64]);

#endif
