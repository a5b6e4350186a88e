/* Numbers as text. */
#ifndef CLMIX_BASE_TEXT_H
#define CLMIX_BASE_TEXT_H

#include <stddef.h>

/* All write into a buffer of at least 32 bytes, which they return. */

/* 1234567 as "1,234,567". */
const char *clmix_grouped(char *text, size_t number);

/* With up to three decimals, rounded from the half upwards, and a point whatever the locale. */
const char *clmix_decimal(char *text, double value, int decimals);

/* A fraction as a number of per cent: 0.4865 as "48.7". Whoever shows one takes this, so that all show the same. */
const char *clmix_percent(char *text, double fraction, int decimals);

/* The decimal number of fewest digits that reads back as the same float, so that 0.1f is written as 0.1. */
double clmix_shortest(float value);

#endif
