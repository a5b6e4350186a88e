/* Numbers as text. */
#ifndef CLMIX_BASE_TEXT_H
#define CLMIX_BASE_TEXT_H

#include <stddef.h>

/* 1234567 as "1,234,567", in a buffer of at least 32 bytes, which it returns. */
const char *clmix_grouped(char *text, size_t number);

#endif
