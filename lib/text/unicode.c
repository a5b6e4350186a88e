#include "text/unicode.h"

#include <utf8proc.h>

/* CJK ideographs as BERT lists them; hiragana, katakana and hangul are written with blanks or as words, and are letters. */
static bool is_chinese(uint32_t point)
{
    static const uint32_t blocks[][2] = { { 0x4E00, 0x9FFF },   { 0x3400, 0x4DBF },   { 0x20000, 0x2A6DF }, { 0x2A700, 0x2B73F },
                                          { 0x2B740, 0x2B81F }, { 0x2B820, 0x2CEAF }, { 0xF900, 0xFAFF },   { 0x2F800, 0x2FA1F } };

    for (size_t i = 0; point >= 0x3400 && i < sizeof blocks / sizeof *blocks; i++)
        if (point >= blocks[i][0] && point <= blocks[i][1])
            return true;
    return false;
}

static enum clmix_letter_kind ascii_kind(uint32_t point)
{
    const uint32_t letter = point | 0x20;

    if (point == ' ' || point == '\t' || point == '\n' || point == '\r')
        return CLMIX_SPACE;
    if (point < 0x20 || point == 0x7F)
        return CLMIX_DROPPED;
    return (letter >= 'a' && letter <= 'z') || (point >= '0' && point <= '9') ? CLMIX_LETTER : CLMIX_PUNCTUATION;
}

enum clmix_letter_kind clmix_letter_kind(uint32_t point)
{
    if (point < 0x80)
        return ascii_kind(point);
    if (point == 0xFFFD)
        return CLMIX_DROPPED;
    if (is_chinese(point))
        return CLMIX_CHINESE;
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO: return CLMIX_DROPPED;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return CLMIX_SPACE;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return CLMIX_PUNCTUATION;
    case UTF8PROC_CATEGORY_MN: return CLMIX_ACCENT;
    default: return CLMIX_LETTER;
    }
}

uint32_t clmix_letter_lower(uint32_t point)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
}

size_t clmix_letter_decompose(uint32_t point, uint32_t parts[CLMIX_LETTER_PARTS])
{
    utf8proc_int32_t found[CLMIX_LETTER_PARTS];
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char((utf8proc_int32_t)point, found, CLMIX_LETTER_PARTS, UTF8PROC_DECOMPOSE, &boundary);

    if (count < 1 || count > CLMIX_LETTER_PARTS) { /* longer ones there are none */
        parts[0] = point;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++)
        parts[i] = (uint32_t)found[i];
    return (size_t)count;
}

int clmix_letter_order(uint32_t point)
{
    return utf8proc_get_property((utf8proc_int32_t)point)->combining_class;
}
