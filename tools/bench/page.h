/* Writing a page of HTML: text, and the plots of the report as SVG inside it. Errors are sticky: the first one is kept and the rest does
 * nothing. */
#ifndef CLMIX_TOOLS_BENCH_PAGE_H
#define CLMIX_TOOLS_BENCH_PAGE_H

#include "base/file.h"

#include <stdbool.h>

/* A column of a table; one without a head is left out, with its cells. */
struct bench_column {
    const char *head, *class; /* "left": text; "wide": not on a phone; or NULL */
};

struct bench_page {
    clmix_file_writer writer;
    clmix_status status;
    const struct bench_column *columns; /* of the table that is being written */
    size_t column_count, column;        /* the next cell's */
};

/* Opens the page with its style, and closes it. Nothing is at `path` until it is closed well. */
void bench_page_begin(struct bench_page *page, const char *path, const char *title);
clmix_status bench_page_end(struct bench_page *page);

/* Markup as it is (at most 2 KiB at a time), and text, in which what HTML reserves is escaped. */
void bench_page_put(struct bench_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bench_page_text(struct bench_page *page, const char *text);

/* ---- table.c ---------------------------------------------------------------------------------------------------------------------- */

/* A table: its head, rows of one cell for each column in their order, its end. `note` (may be NULL) stands small below a cell's text; numbers that are not
 * finite leave an empty cell; a share is written in per cent. */
void bench_table_begin(struct bench_page *page, const struct bench_column *columns, size_t count);
void bench_table_row(struct bench_page *page);
void bench_table_cell(struct bench_page *page, const char *text, const char *note);
void bench_table_number(struct bench_page *page, double value, const char *format);
void bench_table_share(struct bench_page *page, double share, const char *remark);
void bench_table_row_end(struct bench_page *page);
void bench_table_end(struct bench_page *page);

/* ---- plot.c ----------------------------------------------------------------------------------------------------------------------- */

/* Bars differ by pattern as well as by colour; styles count from 0 and repeat after BENCH_STYLES. */
#define BENCH_STYLES 6
void bench_plot_patterns(struct bench_page *page);             /* once, before any plot */
void bench_plot_swatch(struct bench_page *page, size_t style); /* for a legend */

/* A bar of the length `share`; with a `least` (not NaN) only so much of it is filled. A bar that begins a group has its name above. */
struct bench_bar {
    const char *group; /* or NULL */
    char value[96];    /* written at the right, at most some 25 letters */
    double share, least;
    size_t style;
};
/* Bars below each other, 1 being the ceiling, which is drawn where `ceiling`; the longest fills the plot otherwise. */
void bench_plot_bars(struct bench_page *page, const char *title, const struct bench_bar *bars, size_t count, bool ceiling);

/* GFLOP/s over FLOPs a byte, both logarithmic, under the two ceilings. */
struct bench_point {
    double intensity, gflops;
    bool hollow; /* drawn as a hollow square, not as a disc */
    const char *name;
};
void bench_plot_roofline(struct bench_page *page, const char *title, double fma_gflops, double copy_gbs, const struct bench_point *points,
                         size_t count);

#endif
