#include "text/basic.h"

#include "base/status.h"
#include "base/utf8.h"
#include "text/unicode.h"

/* The word that is being put together. */
struct walk {
    const struct clmix_word_taker *taker;
    bool cased;
    uint32_t letters[CLMIX_WORD_LETTERS];
    size_t count;  /* of letters, those beyond the room that there is, too */
    size_t sealed; /* letters before this one stay where they are, whatever marks come */
    clmix_status status;
};

static void give(struct walk *walk)
{
    char word[CLMIX_WORD_BYTES + 1];
    size_t bytes = 0;

    if (walk->count == 0 || walk->status != CLMIX_OK)
        return;
    if (walk->count > CLMIX_WORD_LETTERS) {
        walk->status = walk->taker->take(walk->taker->user, NULL, 0);
    } else {
        for (size_t i = 0; i < walk->count; i++)
            bytes += clmix_utf8_encode(walk->letters[i], word + bytes);
        word[bytes] = '\0';
        walk->status = walk->taker->take(walk->taker->user, word, bytes);
    }
    walk->count = walk->sealed = 0;
}

static void put(struct walk *walk, uint32_t letter)
{
    if (walk->count < CLMIX_WORD_LETTERS)
        walk->letters[walk->count] = letter;
    walk->count++;
}

static void put_alone(struct walk *walk, uint32_t letter)
{
    give(walk);
    put(walk, letter);
    give(walk);
}

/* A mark that stays, among those before it: canonical order. */
static void put_mark(struct walk *walk, uint32_t mark, int order)
{
    size_t at = walk->count;

    put(walk, mark);
    if (walk->count > CLMIX_WORD_LETTERS)
        return;
    for (; at > walk->sealed && clmix_letter_order(walk->letters[at - 1]) > order; at--)
        walk->letters[at] = walk->letters[at - 1];
    walk->letters[at] = mark;
}

/* A part of a character that was taken apart. */
static void put_part(struct walk *walk, uint32_t part)
{
    const enum clmix_letter_kind kind = clmix_letter_kind(part);
    const int order = clmix_letter_order(part);

    if (order == 0)
        walk->sealed = walk->count;
    if (kind == CLMIX_ACCENT)
        return;
    if (kind == CLMIX_PUNCTUATION) {
        put_alone(walk, part);
    } else if (order == 0) {
        put(walk, clmix_letter_lower(part));
        walk->sealed = walk->count;
    } else {
        put_mark(walk, part, order);
    }
}

static void put_apart(struct walk *walk, uint32_t point)
{
    uint32_t parts[CLMIX_LETTER_PARTS];
    const size_t count = clmix_letter_decompose(point, parts);

    for (size_t i = 0; i < count; i++)
        put_part(walk, parts[i]);
}

/* A character that is no blank, as the words have it. */
static void put_point(struct walk *walk, uint32_t point, bool alone)
{
    if (!walk->cased && point >= 0x80) {
        put_apart(walk, point);
    } else if (alone) {
        put_alone(walk, point);
    } else {
        put(walk, walk->cased ? point : clmix_letter_lower(point));
        walk->sealed = walk->count;
    }
}

static void step(struct walk *walk, uint32_t point)
{
    switch (clmix_letter_kind(point)) {
    case CLMIX_DROPPED: break;
    case CLMIX_SPACE: give(walk); break;
    case CLMIX_CHINESE:
        give(walk);
        put_point(walk, point, false);
        give(walk);
        break;
    case CLMIX_PUNCTUATION: put_point(walk, point, true); break;
    case CLMIX_LETTER:
    case CLMIX_ACCENT: put_point(walk, point, false); break;
    }
}

static clmix_status refuse(const char *text, size_t bytes, size_t at)
{
    return clmix_fail(CLMIX_ERROR_FORMAT, "the text is no UTF-8: byte %zu of %zu, 0x%02X, begins no character", at, bytes,
                      (unsigned)(unsigned char)text[at]);
}

clmix_status clmix_text_check(const char *text, size_t bytes)
{
    const size_t at = clmix_utf8_ill_formed(text, bytes);

    return at == bytes ? CLMIX_OK : refuse(text, bytes, at);
}

clmix_status clmix_basic_walk(const char *text, size_t bytes, bool cased, const struct clmix_word_taker *taker)
{
    struct walk walk = { .taker = taker, .cased = cased };
    uint32_t point = 0;

    for (size_t at = 0, length; at < bytes; at += length) {
        length = clmix_utf8_decode(text + at, bytes - at, &point);
        if (length == 0)
            return refuse(text, bytes, at);
        step(&walk, point);
        if (walk.status != CLMIX_OK || (walk.count == 0 && taker->enough != NULL && taker->enough(taker->user)))
            return walk.status;
    }
    give(&walk);
    return walk.status;
}
