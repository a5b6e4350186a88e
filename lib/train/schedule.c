#include <clmix/train.h>

#include <math.h>

#define PI 3.14159265358979323846

/* Warm-up is a means to survive the first steps of a long run; a short one would never leave it. */
static size_t warmup_of(const clmix_train_options *options, size_t total)
{
    if (total == 0)
        return options->warmup;
    return options->warmup < total / 4 ? options->warmup : total / 4;
}

/* ---- one cycle ---------------------------------------------------------------------------------------------------------------------- */

static bool is_one_cycle(const clmix_train_options *options)
{
    return options->schedule == CLMIX_SCHEDULE_ONE_CYCLE || options->schedule == CLMIX_SCHEDULE_ONE_CYCLE_COSINE;
}

/* From a to b. */
static double between(const clmix_train_options *options, double a, double b, double x)
{
    return options->schedule == CLMIX_SCHEDULE_ONE_CYCLE ? a + (b - a) * x : b + (a - b) * (1.0 + cos(PI * x)) / 2.0;
}

/* What goes from `begin` up or down to `peak`, and then to `end`. Without a total it stays at the peak. */
static double one_cycle(const clmix_train_options *options, size_t step, size_t total, double begin, double peak, double end)
{
    const double turn = (double)options->warmup - 1.0, last = (double)total - 1.0, at = (double)step;

    if (at < turn)
        return between(options, begin, peak, at / turn);
    if (total == 0 || at == turn)
        return peak;
    return between(options, peak, end, at >= last ? 1.0 : (at - turn) / (last - turn));
}

float clmix_schedule_beta1(const clmix_train_options *options, size_t step, size_t total)
{
    if (options == NULL)
        return 0.0f;
    return is_one_cycle(options) ? (float)one_cycle(options, step, total, 0.95, 0.85, 0.95) : options->beta1;
}

/* ---- rates -------------------------------------------------------------------------------------------------------------------------- */

static double triangle(const clmix_train_options *options, size_t step, size_t total)
{
    const double warmup = (double)options->warmup, at = (double)step;

    if (at < warmup)
        return at / warmup;
    if (total == 0)
        return 1.0;
    return step >= total ? 0.0 : ((double)total - at) / ((double)total - warmup);
}

/* A warm-up to the peak, and what comes behind it. */
static double warmed_up(const clmix_train_options *options, double peak, size_t step, size_t total)
{
    const size_t warmup = warmup_of(options, total);
    double progress = 1.0;

    if (step < warmup)
        return peak * (double)(step + 1) / (double)warmup;
    if (total == 0 || options->schedule == CLMIX_SCHEDULE_CONSTANT)
        return peak;
    if (step < total)
        progress = (double)(step - warmup) / (double)(total - warmup);
    return options->schedule == CLMIX_SCHEDULE_COSINE ? peak * 0.5 * (1.0 + cos(PI * progress)) : peak * (1.0 - progress);
}

float clmix_schedule_rate(const clmix_train_options *options, size_t step, size_t total)
{
    double peak;

    if (options == NULL)
        return 0.0f;
    peak = (double)options->rate;
    switch (options->schedule) {
    case CLMIX_SCHEDULE_ONE_CYCLE:
    case CLMIX_SCHEDULE_ONE_CYCLE_COSINE: return (float)one_cycle(options, step, total, peak / 25.0, peak, peak / 250000.0);
    case CLMIX_SCHEDULE_TRIANGLE: return (float)(peak * triangle(options, step, total));
    case CLMIX_SCHEDULE_CONSTANT:
    case CLMIX_SCHEDULE_COSINE:
    case CLMIX_SCHEDULE_LINEAR: break;
    }
    return (float)warmed_up(options, peak, step, total);
}
