#include "data/trees.h"

#include "base/random.h"

#include <string.h>

#define OPERATOR_SHARE 0.25f /* of the draws above the deepest level; the others are digits */
#define MOST_NESTED    128

enum operation { MIN, MAX, MED, SM, OPERATORS };

static const char *const operators[OPERATORS] = { "[MIN", "[MAX", "[MED", "[SM" };

/* The arguments of an operator: how many of them are 0, 1, ... 9. */
struct arguments {
    uint32_t digits[10], count;
    enum operation operation;
};

static void add_argument(struct arguments *arguments, int digit)
{
    arguments->digits[digit]++;
    arguments->count++;
}

/* The argument at a place of their sorted list. */
static int argument_at(const struct arguments *arguments, uint32_t place)
{
    int digit = 0;

    for (uint32_t before = arguments->digits[0]; before <= place; before += arguments->digits[digit])
        digit++;
    return digit;
}

/* There is at least one argument. */
static int apply(const struct arguments *arguments)
{
    const uint32_t last = arguments->count - 1;
    uint64_t sum = 0;

    switch (arguments->operation) {
    case MIN: return argument_at(arguments, 0);
    case MAX: return argument_at(arguments, last);
    case MED: return (argument_at(arguments, last / 2) + argument_at(arguments, last - last / 2)) / 2;
    default:
        for (uint32_t digit = 1; digit < 10; digit++)
            sum += (uint64_t)digit * arguments->digits[digit];
        return (int)(sum % 10);
    }
}

/* ---- drawing ---------------------------------------------------------------------------------------------------------------------------- */

struct drawing {
    const struct clmix_tree_options *options;
    clmix_random random;
    char *text;
    size_t bytes, tokens; /* so far; tokens stay below options->longest */
    bool too_long;
};

/* Room for a token of so many bytes, with a blank behind it; NULL where the tree becomes too long. */
static char *put(struct drawing *drawing, size_t bytes)
{
    char *token = drawing->text + drawing->bytes;

    if (drawing->tokens + 1 >= drawing->options->longest) {
        drawing->too_long = true;
        return NULL;
    }
    drawing->tokens++;
    drawing->bytes += bytes + 1;
    token[bytes] = ' ';
    return token;
}

/* Each operator has a place of four letters, and [SM two blanks behind it: it is drawn when its arguments are there. */
static int draw(struct drawing *drawing, int depth)
{
    const bool is_digit = depth >= drawing->options->depth || clmix_random_uniform(&drawing->random) > OPERATOR_SHARE;
    struct arguments arguments = { 0 };
    char *token;
    uint32_t count;

    if (is_digit) {
        const int digit = (int)clmix_random_below(&drawing->random, 10);

        token = put(drawing, 1);
        if (token != NULL)
            token[0] = (char)('0' + digit);
        return digit;
    }
    count = 2 + clmix_random_below(&drawing->random, (uint32_t)drawing->options->arguments - 1);
    token = put(drawing, 4);
    for (uint32_t i = 0; i < count && !drawing->too_long; i++)
        add_argument(&arguments, draw(drawing, depth + 1));
    if (drawing->too_long)
        return 0;
    arguments.operation = (enum operation)clmix_random_below(&drawing->random, OPERATORS);
    memcpy(token, "    ", 4);
    memcpy(token, operators[arguments.operation], strlen(operators[arguments.operation]));
    token = put(drawing, 1);
    if (token != NULL)
        token[0] = ']';
    return apply(&arguments);
}

size_t clmix_tree_draw(const struct clmix_tree_options *options, uint64_t number, char *text, int *value)
{
    struct drawing drawing = { .options = options, .text = text };

    drawing.random = clmix_random_stream(options->seed ^ clmix_hash_text("listops"), number);
    *value = draw(&drawing, 1);
    if (drawing.too_long || drawing.tokens <= options->shortest)
        return 0;
    text[drawing.bytes - 1] = '\0';
    return drawing.tokens;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

struct reading {
    struct arguments open[MOST_NESTED]; /* operators that wait for arguments */
    size_t depth;
    int value; /* of the whole tree; -1: not yet there */
};

/* A value that is complete: the tree's, or an argument. */
static const char *take_value(struct reading *reading, int value)
{
    if (reading->depth > 0)
        add_argument(&reading->open[reading->depth - 1], value);
    else if (reading->value >= 0)
        return "something follows the tree";
    else
        reading->value = value;
    return NULL;
}

static const char *take_token(struct reading *reading, const char *token, size_t length)
{
    if (length == 1 && token[0] >= '0' && token[0] <= '9')
        return take_value(reading, token[0] - '0');
    if (length == 1 && token[0] == ']') {
        if (reading->depth == 0 || reading->open[reading->depth - 1].count == 0)
            return "it closes an operator that has no argument, or that is none";
        reading->depth--;
        return take_value(reading, apply(&reading->open[reading->depth]));
    }
    for (int i = 0; i < OPERATORS; i++) {
        if (strlen(operators[i]) != length || memcmp(operators[i], token, length) != 0)
            continue;
        if (reading->depth == MOST_NESTED)
            return "it is nested deeper than 128";
        reading->open[reading->depth++] = (struct arguments){ .operation = (enum operation)i };
        return NULL;
    }
    return "a token is none of 0 to 9, [MIN, [MAX, [MED, [SM and ]";
}

const char *clmix_tree_value(const char *text, size_t bytes, int *value)
{
    struct reading reading = { .value = -1 };
    const char *wrong = NULL;

    for (size_t at = 0; at < bytes && wrong == NULL;) {
        size_t length = 0;

        while (at + length < bytes && memchr(" ()\t", text[at + length], 4) == NULL)
            length++;
        if (length > 0)
            wrong = take_token(&reading, text + at, length);
        at += length + 1;
    }
    if (wrong == NULL && (reading.depth > 0 || reading.value < 0))
        wrong = "the tree is not complete";
    *value = reading.value;
    return wrong;
}
