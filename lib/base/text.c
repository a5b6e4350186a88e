#include "base/text.h"

#include <stdio.h>

const char *clmix_grouped(char *text, size_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%zu", number), used = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}
