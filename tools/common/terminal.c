#define _XOPEN_SOURCE   700 /* wcwidth */
#define _DEFAULT_SOURCE     /* TIOCGWINSZ */
#include "common/terminal.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define USUAL_COLUMNS 80

size_t terminal_columns(FILE *stream)
{
    struct winsize size;

    if (!isatty(fileno(stream)))
        return SIZE_MAX;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL_COLUMNS;
}

/* Bytes of the character at `text`, which has some, and the columns that it takes. */
static size_t next_character(const char *text, size_t *columns)
{
    static const unsigned char masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    const size_t length = clmix_utf8_length(text, strnlen(text, 4));
    wchar_t character;
    int width;

    *columns = 1;
    if (length < 2)
        return 1;
    character = (unsigned char)text[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        character = character << 6 | ((unsigned char)text[i] & 0x3F);
    width = wcwidth(character); /* -1 for what the locale does not know */
    *columns = width < 0 ? 1 : (size_t)width;
    return length;
}

size_t terminal_width(const char *text)
{
    size_t sum = 0, columns;

    for (; *text != '\0'; sum += columns)
        text += next_character(text, &columns);
    return sum;
}

char *terminal_cut(char *text, size_t columns)
{
    size_t used = 0, more, dots;
    char *at = text;

    if (terminal_width(text) <= columns)
        return text;
    while (*at != '\0') {
        const size_t bytes = next_character(at, &more);

        if (used + more + 3 > columns)
            break;
        used += more;
        at += bytes;
    }
    dots = columns - used < 3 ? columns - used : 3;
    memset(at, '.', dots);
    at[dots] = '\0';
    return text;
}

/* The words that fit into `columns`, at least one; what is left of the text begins with the next. */
static const char *put_words(const char *text, size_t columns)
{
    const char *end = text;

    for (const char *at = text; *at != '\0';) {
        const char *word = at + strspn(at, " "), *behind = word + strcspn(word, " ");
        size_t used = 0, more;

        for (const char *c = text; c < behind; used += more)
            c += next_character(c, &more);
        if (used > columns && end > text)
            break;
        end = at = behind;
    }
    fwrite(text, 1, (size_t)(end - text), stdout);
    return end + strspn(end, " ");
}

void terminal_say_text(size_t indent, const char *text)
{
    const size_t columns = terminal_columns(stdout);

    if (columns == SIZE_MAX || terminal_width(text) <= columns) {
        fputs(text, stdout);
    } else {
        text = put_words(text, columns);
        while (*text != '\0') {
            printf("\n%*s", (int)indent, "");
            text = put_words(text, columns > indent ? columns - indent : 1);
        }
    }
    putchar('\n');
}

void terminal_say(size_t indent, const char *format, ...)
{
    char room[1024], *text = room;
    va_list arguments, again;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(room, sizeof room, format, arguments);
    if (length >= (int)sizeof room && (text = malloc((size_t)length + 1)) != NULL)
        vsnprintf(text, (size_t)length + 1, format, again);
    terminal_say_text(indent, text != NULL ? text : room);
    if (text != room)
        free(text);
    va_end(again);
    va_end(arguments);
}
