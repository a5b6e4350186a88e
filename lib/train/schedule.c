#include <clmix/train.h>

#include <math.h>

/* Warm-up is a means to survive the first steps of a long run; a short one would never leave it. */
static size_t warmup_of(const clmix_train_options *options, size_t total)
{
    if (total == 0)
        return options->warmup;
    return options->warmup < total / 4 ? options->warmup : total / 4;
}

float clmix_schedule_rate(const clmix_train_options *options, size_t step, size_t total)
{
    const double pi = 3.14159265358979323846;
    double peak, progress;
    size_t warmup;

    if (options == NULL)
        return 0.0f;
    peak = (double)options->rate;
    warmup = warmup_of(options, total);
    if (step < warmup)
        return (float)(peak * (double)(step + 1) / (double)warmup);
    if (total == 0)
        return options->rate;
    if (step >= total)
        progress = 1.0;
    else
        progress = (double)(step - warmup) / (double)(total - warmup);
    switch (options->schedule) {
    case CLMIX_SCHEDULE_COSINE: return (float)(peak * 0.5 * (1.0 + cos(pi * progress)));
    case CLMIX_SCHEDULE_LINEAR: return (float)(peak * (1.0 - progress));
    case CLMIX_SCHEDULE_CONSTANT: break;
    }
    return options->rate;
}
