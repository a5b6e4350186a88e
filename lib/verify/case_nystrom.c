/* Operators that Nystrom attention is made of. */
#include "base/status.h"
#include "verify/case_op.h"
#include <clmix/mixing.h>

static clmix_status build_pinv(struct op_case *op)
{
    clmix_shape matrices;
    int iterations = 6;

    CLMIX_TRY(clmix_case_integer(op, "iterations", 1, &iterations));
    CLMIX_TRY(clmix_case_shape(op, "in.x", &matrices));
    if (matrices.rank != 4)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'in.x' has %d axes and must have 4", matrices.rank);
    clmix_case_output(op, "z",
                      clmix_pseudo_inverse(clmix_case_input(op, "x", CASE_HEADS), matrices.size[1], iterations, CLMIX_INVERSE_BATCH),
                      CASE_HEADS);
    return CLMIX_OK;
}

const struct case_operator clmix_case_nystrom[] = {
    { "moore_penrose_pinv", build_pinv },
    { NULL, NULL },
};
