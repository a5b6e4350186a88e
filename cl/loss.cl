// Cross-entropy of logits (rows, K) against labels, its gradient, and how many labels are among the k largest logits.
//
// The target of a row is t = (1 - smoothing) (weight [label] + (1 - weight) [second]) + smoothing / K, with weight 1 and no second label unless MIXED.
// Rows with label -100 (or second -100) are left out of the mean. A label that is no class makes the loss NaN: the run stops with a sentence, not with a guess.
#include "math.h"
#include "reduce.h"

#define LEFT_OUT (-100)

static inline int counts(const int label, const int second)
{
    return label != LEFT_OUT && second != LEFT_OUT;
}

static inline float logit_of(const __global float *row, const int label, const uint classes)
{
    return label >= 0 && label < (int)classes ? row[label] : NAN;
}

// The largest logit of a row and the sum of e^(x - largest); `total`: sum of the logits. All work-items of the group take part and get all three.
// NaN and infinity in any logit reach the sum or the total.
static inline float3 row_sums(const __global float *row, const uint classes
#if WG > 1
                              ,
                              __local float *group_scratch
#endif
)
{
    const uint item = get_local_id(0);
    float most = -INFINITY, sum = 0.0f, total = 0.0f;
    for (uint k = item; k < classes; k += WG)
        most = fmax(most, row[k]);
    most = GROUP_MAX(most);
    return (float3)(most, sum, total);
}
