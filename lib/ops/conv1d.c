/* Convolution along tokens: that of maps one pixel wide (conv.c). */
#include "base/size.h"
#include "ops/table.h"

#include <clmix/mixing.h>
#include <clmix/ops.h>

#include <math.h>

clmix_window clmix_line(size_t kernel, size_t stride, size_t padding)
{
    return (clmix_window){ .kernel = { kernel, 1 }, .stride = { stride, 1 }, .padding = { padding, 0 }, .groups = 1 };
}

clmix_value clmix_conv1d_with(clmix_scope at, clmix_value x, clmix_value weight, clmix_value bias, clmix_window window)
{
    const clmix_shape shape = clmix_shape_of(x), kernel = clmix_shape_of(weight);
    clmix_shape result;
    clmix_value map;

    if (!clmix_is_value(x) || !clmix_is_value(weight))
        return clmix_conv2d_with(at, x, weight, bias, window); /* which says what is missing */
    if (shape.rank != 3 || kernel.rank != 3)
        return clmix_poison(
            at, CLMIX_ERROR_ARGUMENT,
            "a convolution along tokens takes an input (batch, tokens, channels) and a weight (taps, in, out); these have %d "
            "and %d axes",
            shape.rank, kernel.rank);
    map = clmix_reshape(x, 4, (size_t[]){ shape.size[0], shape.size[1], 1, shape.size[2] });
    weight = clmix_reshape(weight, 4, (size_t[]){ kernel.size[0], 1, kernel.size[1], kernel.size[2] });
    map = clmix_conv2d_with(at, map, weight, bias, window);
    if (!clmix_is_value(map))
        return map;
    result = clmix_shape_of(map);
    return clmix_reshape(map, 3, (size_t[]){ result.size[0], result.size[1], result.size[3] });
}

clmix_value clmix_conv1d(clmix_scope at, clmix_value x, size_t channels, clmix_window window, bool bias)
{
    static const int order[3] = { 2, 1, 0 };
    const size_t in = clmix_shape_columns(clmix_shape_of(x)), groups = clmix_at_least_one(window.groups), kernel = window.kernel[0];
    clmix_initializer initializer = { .kind = CLMIX_UNIFORM };
    clmix_value weight, shift = clmix_no_value();

    if (!clmix_is_value(x))
        return x;
    if (channels == 0 || kernel == 0 || in % groups != 0 || channels % groups != 0)
        return clmix_poison(
            at, CLMIX_ERROR_ARGUMENT,
            "a convolution along tokens of %zu channels to %zu with %zu taps and %zu groups; there is at least one of each, and "
            "the groups divide the channels",
            in, channels, kernel, groups);
    initializer.bound = 1.0f / sqrtf((float)(in / groups * kernel));
    weight = clmix_parameter(at, "weight", 3, (size_t[]){ channels, in / groups, kernel }, order, initializer);
    if (bias)
        shift = clmix_parameter(at, "bias", 1, &channels, NULL, initializer);
    return clmix_conv1d_with(at, x, weight, shift, window);
}
