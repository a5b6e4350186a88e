/* Arithmetic on sizes that planning needs everywhere. */
#ifndef CLMIX_BASE_SIZE_H
#define CLMIX_BASE_SIZE_H

#include <stddef.h>

static inline size_t clmix_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t clmix_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Parts of b that cover a; b is not 0. */
static inline size_t clmix_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* The least multiple of b that is not below a. */
static inline size_t clmix_round_up(size_t a, size_t b)
{
    return clmix_ceil_div(a, b) * b;
}

/* Sizes where 0 stands for "not given", and so for one. */
static inline size_t clmix_at_least_one(size_t a)
{
    return a == 0 ? 1 : a;
}

#endif
