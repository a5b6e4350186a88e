/* The report's plots. They are drawn 360 wide, the width of a phone, so that their letters are not scaled down there. */
#include "bench/page.h"

#include <math.h>

#define WIDTH 360

/* ---- patterns --------------------------------------------------------------------------------------------------------------------- */

void bench_plot_patterns(struct bench_page *page)
{
    static const char *const drawings[BENCH_STYLES] = {
        [1] = "<path d=\"M0 6L6 0M-1 1L1 -1M5 7L7 5\" stroke=\"var(--s1)\" stroke-width=\"1.6\"/>",
        [2] = "<circle cx=\"3\" cy=\"3\" r=\"1.5\" fill=\"var(--s2)\"/>",
        [3] = "<path d=\"M0 3H6M3 0V6\" stroke=\"var(--s3)\" stroke-width=\"1.2\"/>",
        [4] = "<path d=\"M0 0L6 6M5 -1L7 1M-1 5L1 7\" stroke=\"var(--s4)\" stroke-width=\"1.6\"/>",
        [5] = "<path d=\"M2 0V6M5 0V6\" stroke=\"var(--s5)\" stroke-width=\"1\"/>",
    };

    bench_page_put(page, "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\n");
    for (int i = 1; i < BENCH_STYLES; i++)
        bench_page_put(page, "<pattern id=\"p%d\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">%s</pattern>\n", i, drawings[i]);
    bench_page_put(page, "</defs></svg>\n");
}

void bench_plot_swatch(struct bench_page *page, size_t style)
{
    bench_page_put(
        page,
        "<svg width=\"26\" height=\"14\" aria-hidden=\"true\"><rect class=\"b%zu\" x=\".5\" y=\".5\" width=\"25\" height=\"13\"/></svg>",
        style % BENCH_STYLES);
}

static void begin(struct bench_page *page, const char *title, int height)
{
    bench_page_put(page, "<figure>\n<figcaption>");
    bench_page_text(page, title);
    bench_page_put(page, "</figcaption>\n<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height);
    bench_page_text(page, title);
    bench_page_put(page, "\">\n");
}

static void end(struct bench_page *page)
{
    bench_page_put(page, "</svg>\n</figure>\n");
}

/* ---- bars ------------------------------------------------------------------------------------------------------------------------- */

#define GROUP_HEIGHT 19
#define BAR_HEIGHT   13
#define BAR_STEP     16
#define BAR_LENGTH   205 /* of 1, or of the longest; values have the room to the right, where no line crosses them */
#define LABEL_HEIGHT 14

/* The ceiling's line runs beside its bars; its label stands above it. */
static void put_ceiling(struct bench_page *page, double longest, int height)
{
    const double x = 1.0 + BAR_LENGTH / longest;

    bench_page_put(page,
                   "<text class=\"faint\" x=\"%.1f\" y=\"10\" text-anchor=\"end\">ceiling, 100 %%</text>"
                   "<path class=\"axis\" stroke-dasharray=\"4 3\" d=\"M%.1f %dV%d\"/>\n",
                   x + 2.0, x, LABEL_HEIGHT, height);
}

void bench_plot_bars(struct bench_page *page, const char *title, const struct bench_bar *bars, size_t count, bool ceiling)
{
    double longest = ceiling ? 1.0 : 1e-30;
    int y = ceiling ? LABEL_HEIGHT : 2, height = y + 2;

    for (size_t i = 0; i < count; i++) {
        longest = fmax(longest, bars[i].share);
        height += BAR_STEP + (bars[i].group != NULL ? GROUP_HEIGHT : 0);
    }
    begin(page, title, height);
    if (ceiling)
        put_ceiling(page, longest, height);
    for (size_t i = 0; i < count; i++) {
        const double length = fmax(BAR_LENGTH * bars[i].share / longest, 0.5);

        if (bars[i].group != NULL) {
            bench_page_put(page, "<text x=\"1\" y=\"%d\">", y + GROUP_HEIGHT - 5);
            bench_page_text(page, bars[i].group);
            bench_page_put(page, "</text>\n");
            y += GROUP_HEIGHT;
        }
        if (isfinite(bars[i].least))
            bench_page_put(page, "<rect class=\"frame\" x=\"1\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", y, length, BAR_HEIGHT);
        bench_page_put(page, "<rect class=\"b%zu\" x=\"1\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", bars[i].style % BENCH_STYLES, y,
                       isfinite(bars[i].least) ? fmin(BAR_LENGTH * bars[i].least / longest, length) : length, BAR_HEIGHT);
        bench_page_put(page, "<text x=\"%d\" y=\"%d\">", BAR_LENGTH + 9, y + 11);
        bench_page_text(page, bars[i].value);
        bench_page_put(page, "</text>\n");
        y += BAR_STEP;
    }
    end(page);
}

/* ---- roofline --------------------------------------------------------------------------------------------------------------------- */

#define LEFT   40
#define RIGHT  10
#define TOP    16
#define BOTTOM 244
#define HEIGHT 280

/* Powers of ten that frame what is shown. */
struct frame {
    double x_low, x_high, y_low, y_high;
};

static double x_of(const struct frame *frame, double intensity)
{
    return LEFT + (log10(intensity) - frame->x_low) / (frame->x_high - frame->x_low) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct frame *frame, double gflops)
{
    return BOTTOM - (log10(gflops) - frame->y_low) / (frame->y_high - frame->y_low) * (BOTTOM - TOP);
}

static struct frame make_frame(double fma_gflops, double copy_gbs, const struct bench_point *points, size_t count)
{
    struct frame frame = { .x_low = floor(log10(fma_gflops / copy_gbs)) - 1.0, .y_low = floor(log10(fma_gflops)) - 1.0 };

    frame.x_high = frame.x_low + 2.0;
    frame.y_high = ceil(log10(fma_gflops) + 0.05);
    for (size_t i = 0; i < count; i++) {
        frame.x_low = fmin(frame.x_low, floor(log10(points[i].intensity)));
        frame.x_high = fmax(frame.x_high, ceil(log10(points[i].intensity)));
        frame.y_low = fmin(frame.y_low, floor(log10(points[i].gflops)));
        frame.y_high = fmax(frame.y_high, ceil(log10(points[i].gflops)));
    }
    return frame;
}

static void put_grid(struct bench_page *page, const struct frame *frame)
{
    for (int power = (int)frame->x_low; power <= (int)frame->x_high; power++) {
        const double x = x_of(frame, pow(10.0, power));

        bench_page_put(
            page, "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"faint\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x,
            TOP, BOTTOM, x, BOTTOM + 13, pow(10.0, power));
    }
    for (int power = (int)frame->y_low; power <= (int)frame->y_high; power++) {
        const double y = y_of(frame, pow(10.0, power));

        bench_page_put(page,
                       "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"faint\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                       LEFT, y, WIDTH - RIGHT, LEFT - 4, y + 3.5, pow(10.0, power));
    }
    bench_page_put(page,
                   "<text class=\"faint\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">FLOPs for each byte that must be moved</text>"
                   "<text class=\"faint\" x=\"2\" y=\"10\">GFLOP/s</text>\n",
                   (LEFT + WIDTH - RIGHT) / 2, BOTTOM + 28);
}

void bench_plot_roofline(struct bench_page *page, const char *title, double fma_gflops, double copy_gbs, const struct bench_point *points,
                         size_t count)
{
    const struct frame frame = make_frame(fma_gflops, copy_gbs, points, count);
    const double ridge = fma_gflops / copy_gbs, low = fmax(pow(10.0, frame.x_low), pow(10.0, frame.y_low) / copy_gbs);

    begin(page, title, HEIGHT);
    put_grid(page, &frame);
    bench_page_put(page, "<path class=\"axis\" stroke-width=\"1.5\" d=\"M%.1f %.1fL%.1f %.1fH%d\"/>\n", x_of(&frame, low),
                   y_of(&frame, low * copy_gbs), x_of(&frame, ridge), y_of(&frame, fma_gflops), WIDTH - RIGHT);
    for (size_t i = 0; i < count; i++) {
        const double x = x_of(&frame, points[i].intensity), y = y_of(&frame, points[i].gflops);

        if (points[i].hollow)
            bench_page_put(page, "<rect class=\"square\" x=\"%.1f\" y=\"%.1f\" width=\"5\" height=\"5\"><title>", x - 2.5, y - 2.5);
        else
            bench_page_put(page, "<circle class=\"disc\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", x, y);
        bench_page_text(page, points[i].name);
        bench_page_put(page, "</title></%s>\n", points[i].hollow ? "rect" : "circle");
    }
    end(page);
}
