/* Mixup (Zhang et al. 2018): pictures are blended, and their labels with them. */
#include "data/mixup.h"

#include "base/status.h"
#include "data/transform.h"

#include <math.h>
#include <string.h>

/* Gamma(shape, 1) by Marsaglia & Tsang 2000; for shape < 1 a draw of shape + 1 times u^(1 / shape). */
static double draw_gamma(clmix_random *random, double shape)
{
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d), boost = 1;

    if (shape < 1)
        boost = pow(1 - (double)clmix_random_uniform(random), 1 / shape);
    for (;;) {
        double x = (double)clmix_random_normal(random), v = 1 + c * x, u;

        u = 1 - (double)clmix_random_uniform(random);
        v = v * v * v;
        if (v > 0 && log(u) < x * x / 2 + d - d * v + d * log(v))
            return d * v * boost;
    }
}

unsigned clmix_mixup_share(const clmix_augment *augment, uint64_t seed, size_t epoch, size_t index)
{
    clmix_random random = clmix_sample_draws("mixup", seed, epoch, index);
    double first, second;

    if (!(augment->mixup > 0))
        return 256;
    first = draw_gamma(&random, (double)augment->mixup);
    second = draw_gamma(&random, (double)augment->mixup);
    /* for a tiny alpha both can underflow: then either picture stays whole. 256ths hide the last bits in which C libraries differ. */
    if (!(first + second > 0))
        return clmix_random_word(&random) & 1 ? 256 : 0;
    return (unsigned)(256 * first / (first + second) + 0.5);
}

void clmix_mixup_blend(unsigned char *picture, const unsigned char *other, unsigned share, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        picture[i] = (unsigned char)((share * picture[i] + (256 - share) * other[i] + 128) >> 8);
}

static bool asked(const clmix_augment *augment, const clmix_dataset *dataset)
{
    (void)dataset;
    return augment->mixup != 0.0f; /* NaN too, to be refused */
}

static clmix_status settle(const clmix_augment *augment, clmix_ports *ports)
{
    const clmix_port *pictures = clmix_port_find(ports->list, ports->count, CLMIX_PICTURES);
    const clmix_port *labels = clmix_port_find(ports->list, ports->count, CLMIX_LABELS);

    if (!(augment->mixup >= 0 && augment->mixup <= 1000))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a mixup alpha of %g is asked for; use 0 (none) to 1000, usually 0.2 to 1",
                          (double)augment->mixup);
    if (pictures == NULL || pictures->type != CLMIX_U8 || labels == NULL || labels->type != CLMIX_I32 || labels->rank != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "mixup is asked for, and the data set does not fill the ports '%s' u8 and '%s' i32 of no axes", CLMIX_PICTURES,
                          CLMIX_LABELS);
    CLMIX_TRY(clmix_ports_add(ports, CLMIX_SECOND_LABELS, CLMIX_I32));
    return clmix_ports_add(ports, CLMIX_LABEL_WEIGHTS, CLMIX_F32);
}

/* Blends every picture with the next of the batch, the last with the one beside it or the first as it was; second labels and weights likewise. Where one of the two labels
 * does not count, the blend has none that does: so losses and metrics are of the same samples. */
static void mix(const clmix_transform_call *call, const uint32_t *indices, size_t count, size_t batch, void *const *arrays)
{
    const size_t at = clmix_ports_place(call->ports, CLMIX_PICTURES), bytes = clmix_port_bytes(&call->ports->list[at]);
    int32_t *labels = arrays[clmix_ports_place(call->ports, CLMIX_LABELS)];
    int32_t *second_labels = arrays[clmix_ports_place(call->ports, CLMIX_SECOND_LABELS)];
    float *weights = arrays[clmix_ports_place(call->ports, CLMIX_LABEL_WEIGHTS)];
    unsigned char *pictures = arrays[at], *after = call->scratch;
    const size_t last = call->beside ? count : 0; /* the one after the last */

    memcpy(after, pictures + last * bytes, bytes);
    for (size_t i = 0; i < batch; i++) {
        const unsigned share = i < count ? clmix_mixup_share(call->augment, call->seed, call->epoch, indices[i]) : 256;

        if (i < count)
            clmix_mixup_blend(pictures + i * bytes, i + 1 < count ? pictures + (i + 1) * bytes : after, share, bytes);
        second_labels[i] = i < count ? labels[i + 1 < count ? i + 1 : last] : CLMIX_NO_LABEL;
        weights[i] = (float)share / 256;
    }
    for (size_t i = 0; i < count; i++)
        if (second_labels[i] == CLMIX_NO_LABEL)
            labels[i] = CLMIX_NO_LABEL;
}

const clmix_transform clmix_transform_mixup = { false, asked, settle, NULL, mix };
