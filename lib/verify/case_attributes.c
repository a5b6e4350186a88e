/* What a case says of its operator: the entries of "config" beside "op". */
#include "base/status.h"
#include "verify/case_op.h"

clmix_status clmix_case_number(const struct op_case *op, const char *key, float *value)
{
    double number = *value;

    CLMIX_TRY(clmix_json_number(op->of->config, "config", key, -1e30, 1e30, &number));
    *value = (float)number;
    return CLMIX_OK;
}

clmix_status clmix_case_integer(const struct op_case *op, const char *key, int64_t minimum, int *value)
{
    int64_t number = *value;

    CLMIX_TRY(clmix_json_integer(op->of->config, "config", key, minimum, 1 << 20, &number));
    *value = (int)number;
    return CLMIX_OK;
}

/* [height, width], or one number for both. */
clmix_status clmix_case_pair(const struct op_case *op, const char *key, int64_t minimum, size_t pair[2])
{
    int64_t values[2] = { (int64_t)pair[0], (int64_t)pair[1] };
    size_t count = 2;

    CLMIX_TRY(clmix_json_integers(op->of->config, "config", key, minimum, 1 << 20, 2, values, &count));
    pair[0] = (size_t)values[0];
    pair[1] = (size_t)values[count == 2 ? 1 : 0];
    return CLMIX_OK;
}

/* "stride", "padding", "groups" of a convolution or pooling whose kernel is known. */
clmix_status clmix_case_window(const struct op_case *op, clmix_window *window)
{
    int groups = 1;

    window->padding[0] = window->padding[1] = 0;
    CLMIX_TRY(clmix_case_pair(op, "stride", 1, window->stride));
    CLMIX_TRY(clmix_case_pair(op, "padding", 0, window->padding));
    CLMIX_TRY(clmix_case_integer(op, "groups", 1, &groups));
    window->groups = (size_t)groups;
    return CLMIX_OK;
}

/* Attributes that clmix has no counterpart of, where they are not at their neutral value. */
clmix_status clmix_case_refuse(const struct op_case *op, const char *key, size_t neutral)
{
    size_t pair[2] = { neutral, neutral };

    CLMIX_TRY(clmix_case_pair(op, key, 0, pair));
    if (pair[0] == neutral && pair[1] == neutral)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "this version has no '%s' other than %zu", key, neutral);
}

bool clmix_case_has(const struct op_case *op, const char *name)
{
    return clmix_safetensors_find(op->of->file, name) != NULL;
}

/* Shape of param.weight, which must have `rank` axes. */
clmix_status clmix_case_weight(const struct op_case *op, int rank, clmix_shape *shape)
{
    CLMIX_TRY(clmix_case_shape(op, "param.weight", shape));
    if (shape->rank != rank)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'param.weight' has %d axes and must have %d", shape->rank, rank);
    return CLMIX_OK;
}
