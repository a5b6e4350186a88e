/* What a Fourier transform is, whatever computes it: its sizes, and the launch behind all ways. */
#include "base/size.h"
#include "ops/arithmetic.h"
#include "ops/fourier_internal.h"
#include "ops/row_launch.h"

/* P and Q of the least work, 8 P + 4 Q multiply-adds and additions an element; of those alike the ones with the smaller matrices. */
static void choose_stages(struct clmix_fourier *fourier)
{
    size_t least = fourier->tokens;

    fourier->first = 1;
    for (size_t first = 2; first * first <= fourier->tokens; first++)
        for (int side = 0; side < 2 && fourier->tokens % first == 0; side++) {
            const size_t p = side == 0 ? first : fourier->tokens / first, work = 2 * p + fourier->tokens / p;

            if (work < least || (work == least && p > fourier->first)) {
                least = work;
                fourier->first = p;
            }
        }
    fourier->second = fourier->tokens / fourier->first;
}

struct clmix_fourier clmix_fourier_of(const clmix_graph *graph, const struct clmix_node *node)
{
    const clmix_shape shape = clmix_node_input(graph, node, CLMIX_FOURIER_X)->shape;
    struct clmix_fourier fourier = {
        .batch = shape.size[0], .tokens = shape.size[1], .features = shape.size[2], .kept = shape.size[2] / 2 + 1
    };

    choose_stages(&fourier);
    return fourier;
}

uint64_t clmix_fourier_flops(const struct clmix_fourier *fourier)
{
    return (uint64_t)fourier->batch * fourier->tokens * fourier->kept *
           (4 * fourier->features + (fourier->first > 1 ? 8 * fourier->first : 0) + 4 * fourier->second);
}

size_t clmix_fourier_samples(const struct clmix_fourier *fourier, size_t floats, size_t most)
{
    const size_t fit = floats / (fourier->tokens * 2 * fourier->kept), samples = clmix_larger(1, clmix_smaller(fit, most));

    return clmix_ceil_div(fourier->batch, clmix_ceil_div(fourier->batch, samples));
}

void clmix_fourier_plan_unfold(struct clmix_planner *planner, const struct clmix_node *node, const struct clmix_fourier *fourier,
                               int32_t left, size_t step, size_t align, size_t sample, size_t samples)
{
    const int32_t residual = clmix_other_term(planner, node);
    const size_t offset = sample * fourier->tokens * fourier->features;
    struct clmix_record *record =
        clmix_record_rows(planner, node, "fourier.cl", "fourier_unfold", samples * fourier->tokens, fourier->features, false);

    if (residual != CLMIX_NONE)
        clmix_record_define(record, "RESIDUAL", 1);
    if (step != 1)
        clmix_record_define(record, "STEP", (long)step);
    clmix_record_uint(record, fourier->tokens);
    clmix_record_uint(record, fourier->kept);
    clmix_record_value(record, left);
    clmix_record_uint(record, align);
    clmix_record_value(record, residual);
    clmix_record_value(record, clmix_planner_result(planner, node));
    clmix_record_uint(record, offset);
    clmix_record_bytes(record, (uint64_t)samples * fourier->tokens *
                                   (fourier->kept + fourier->features * (residual == CLMIX_NONE ? 1 : 2)) * sizeof(float));
}
