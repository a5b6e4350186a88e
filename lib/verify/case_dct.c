/* The cosine transforms of the cases, along one axis and two, and their matrix. */
#include "base/status.h"
#include "verify/case_op.h"

#include <clmix/mixing.h>

/* The one axis that transforms are along. */
static clmix_status expect_tokens(const struct op_case *op)
{
    int axis = 1;

    CLMIX_TRY(clmix_case_integer(op, "axis", 0, &axis));
    return axis == 1 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_UNSUPPORTED, "unsupported: a cosine transform along axis %d", axis);
}

static clmix_status size_of(const struct op_case *op, const char *key, size_t *size)
{
    int number = 0;

    CLMIX_TRY(clmix_case_integer(op, key, 1, &number));
    *size = (size_t)number;
    return number > 0 ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "config: '%s' is missing", key);
}

static clmix_status build_dct(struct op_case *op)
{
    size_t size;

    CLMIX_TRY(expect_tokens(op));
    CLMIX_TRY(size_of(op, "coefficients", &size));
    clmix_case_output(op, "y", clmix_dct(clmix_case_input(op, "x", CASE_PLAIN), size), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_idct(struct op_case *op)
{
    size_t size;

    CLMIX_TRY(expect_tokens(op));
    CLMIX_TRY(size_of(op, "length", &size));
    clmix_case_output(op, "y", clmix_dct_inverse(clmix_case_input(op, "x", CASE_PLAIN), size), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_dct2(struct op_case *op)
{
    size_t size[2] = { 0, 0 };

    CLMIX_TRY(clmix_case_pair(op, "coefficients", 1, size));
    clmix_case_output(op, "y", clmix_dct2(clmix_case_input(op, "x", CASE_PLAIN), size[0], size[1]), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_idct2(struct op_case *op)
{
    size_t size[2] = { 0, 0 };

    CLMIX_TRY(clmix_case_pair(op, "length", 1, size));
    clmix_case_output(op, "y", clmix_dct2_inverse(clmix_case_input(op, "x", CASE_PLAIN), size[0], size[1]), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_matrix(struct op_case *op)
{
    size_t rows, columns;

    CLMIX_TRY(size_of(op, "coefficients", &rows));
    CLMIX_TRY(size_of(op, "length", &columns));
    clmix_case_output(op, "y", clmix_dct_matrix(op->graph, rows, columns), CASE_PLAIN);
    return CLMIX_OK;
}

const struct case_operator clmix_case_dct[] = {
    { "dct", build_dct },     { "idct", build_idct },         { "dct2", build_dct2 },
    { "idct2", build_idct2 }, { "dct_matrix", build_matrix }, { NULL, NULL },
};
