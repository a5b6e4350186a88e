#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

size_t clmix_utf8_decode(const char *text, size_t bytes, uint32_t *point)
{
    static const unsigned char lead_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    const unsigned char *s = (const unsigned char *)text;
    size_t length = bytes == 0 ? 0 : s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;

    if (length == 0 || length > bytes)
        return 0;
    *point = s[0] & lead_bits[length];
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        *point = *point << 6 | (s[i] & 0x3F);
    }
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return length;
}

size_t clmix_utf8_encode(uint32_t point, char text[CLMIX_UTF8_BYTES])
{
    const size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };

    for (size_t i = length; i > 1; i--, point >>= 6)
        text[i - 1] = (char)(0x80 | (point & 0x3F));
    text[0] = (char)(leads[length] | point);
    return length;
}

size_t clmix_utf8_ill_formed(const char *text, size_t bytes)
{
    size_t at = 0, length = 1;
    uint32_t point;

    while (at < bytes && length > 0)
        at += length = clmix_utf8_decode(text + at, bytes - at, &point);
    return at;
}

size_t clmix_utf8_length(const char *text, size_t bytes)
{
    uint32_t point = 0;
    const size_t length = clmix_utf8_decode(text, bytes, &point);

    return point < 0x20 && point != '\t' && point != '\n' && point != '\r' ? 0 : length;
}

bool clmix_utf8_valid(const char *text, size_t bytes)
{
    size_t at = 0, length = 1;

    while (at < bytes && length > 0)
        at += length = clmix_utf8_length(text + at, bytes - at);
    return length > 0;
}

/* U+EF01 to U+EFFF: three bytes, EE BC 81 to EE BF BF. */
static bool stands_for_byte(const char *text, size_t length)
{
    return length == 3 && memcmp(text, "\xEE\xBC\x80", 3) > 0 && memcmp(text, "\xEE\xBF\xBF", 3) <= 0;
}

static char *put_byte(char *end, unsigned char byte)
{
    end[0] = (char)0xEE;
    end[1] = (char)(0xBC | byte >> 6);
    end[2] = (char)(0x80 | (byte & 0x3F));
    return end + 3;
}

char *clmix_utf8_from_bytes(const char *bytes)
{
    size_t left = strlen(bytes);
    char *text = malloc(3 * left + 1), *end = text;

    while (text != NULL && left > 0) {
        const size_t length = clmix_utf8_length(bytes, left), step = length > 0 ? length : 1;

        if (length > 0 && !stands_for_byte(bytes, length)) {
            memcpy(end, bytes, step);
            end += step;
        } else {
            for (size_t i = 0; i < step; i++)
                end = put_byte(end, (unsigned char)bytes[i]);
        }
        bytes += step;
        left -= step;
    }
    if (text != NULL)
        *end = '\0';
    return text;
}

char *clmix_utf8_to_bytes(const char *text)
{
    size_t left = strlen(text);
    char *bytes = malloc(left + 1), *end = bytes;

    while (bytes != NULL && left > 0) {
        const size_t length = clmix_utf8_length(text, left), step = length > 0 ? length : 1;

        if (stands_for_byte(text, length)) {
            *end++ = (char)((text[1] & 3) << 6 | (text[2] & 0x3F));
        } else {
            memcpy(end, text, step);
            end += step;
        }
        text += step;
        left -= step;
    }
    if (bytes != NULL)
        *end = '\0';
    return bytes;
}
