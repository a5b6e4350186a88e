#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

const char *clmix_decimal(char *text, double value, int decimals)
{
    static const int scales[] = { 1, 10, 100, 1000 };
    const double whole = round(fabs(value) * scales[decimals]); /* exact: below 2^53 */
    const char *sign = value < 0.0 && whole > 0.0 ? "-" : "";

    if (!(whole < 1e15))
        snprintf(text, 32, "%g", value); /* no number, or one without decimals */
    else if (decimals == 0)
        snprintf(text, 32, "%s%.0f", sign, whole);
    else
        snprintf(text, 32, "%s%lld.%0*d", sign, (long long)whole / scales[decimals], decimals, (int)((long long)whole % scales[decimals]));
    return text;
}

const char *clmix_percent(char *text, double fraction, int decimals)
{
    return clmix_decimal(text, 100.0 * fraction, decimals);
}

double clmix_shortest(float value)
{
    char text[32];

    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return strtod(text, NULL);
}
