/* A plot of lines as an SVG file of its own, both axes logarithmic: on paper and on a phone lines differ by colour, dashes and the names at their ends. */
#ifndef CLMIX_TOOLS_BENCH_CURVES_H
#define CLMIX_TOOLS_BENCH_CURVES_H

#include <clmix/status.h>
#include <stddef.h>

#define BENCH_CURVE_NAME   32
#define BENCH_CURVE_POINTS 64

/* Points that are not above 0 are left out. */
struct bench_curve {
    char name[BENCH_CURVE_NAME];
    double x[BENCH_CURVE_POINTS], y[BENCH_CURVE_POINTS];
    size_t count;
};
/* `x` and `y` name the axes. Without a point nothing is written. Errors: those of files. */
clmix_status bench_curves_write(const char *path, const char *title, const char *x, const char *y, const struct bench_curve *curves,
                                size_t count);

#endif
