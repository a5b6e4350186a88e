/* Text: tokenizers, which turn text into the ids that models read and back, and vocabularies made from text.
 *
 * Text is UTF-8, handed over with its number of bytes; it may hold zero bytes. What is no UTF-8 is refused with the place, never guessed at. Nothing
 * here knows a device. Since 0.4. */
#ifndef CLMIX_TEXT_H
#define CLMIX_TEXT_H

#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tokenizers ----------------------------------------------------------------------------------------------------------------------- */

/* A vocabulary and the way from text to its tokens. An open one does not change: all that takes it as const may be called from several threads at
 * once. */
typedef struct clmix_tokenizer clmix_tokenizer;

/* Tokens with a part of their own. */
typedef enum clmix_special {
    CLMIX_PAD = 0,       /* [PAD]: fills a sequence up */
    CLMIX_UNKNOWN = 1,   /* [UNK]: a word that the vocabulary cannot write */
    CLMIX_CLASSIFY = 2,  /* [CLS]: before the first text */
    CLMIX_SEPARATOR = 3, /* [SEP]: behind each text */
    CLMIX_MASK = 4       /* [MASK]: what is to be guessed */
} clmix_special;
#define CLMIX_SPECIALS 5 /* how many there are */

/* The id of no token. */
#define CLMIX_NO_TOKEN (-1)

/* Opens the tokenizer that `spec` names:
 *   wordpiece:FILE        BERT's, lower-cased: FILE is a vocab.txt, a token a line, whose number from 0 is its id; tokens that go on within a word begin
 *                         with ##. Control characters are dropped, Chinese characters and punctuation stand alone, letters lose accents and case;
 *                         each word is written by the longest tokens from its beginning on, and is [UNK] where that fails or where it has more than
 *                         100 letters. [PAD], [UNK], [CLS], [SEP] and [MASK] must be in FILE.
 *   wordpiece:FILE,cased  the same, case and accents kept
 *   bytes                 ids are 1 + the byte, 1 to 256; 0 is padding; there are no other special tokens
 *   listops               of the long-range arena's trees: 0 padding, 1 to 10 the digits 0 to 9, 11 [MIN, 12 [MAX, 13 [MED, 14 [SM, 15 ].
 *                         Parentheses are passed over; tokens stand between blanks
 * Fails with ARGUMENT (an unknown kind or option), FILE, FORMAT (a vocabulary that is none: no UTF-8, a token twice, special tokens that are missing)
 * or HOST_MEMORY. Neither may be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_tokenizer_open(clmix_tokenizer **tokenizer, const char *spec);
/* Closes it. NULL is allowed. */
CLMIX_API void clmix_tokenizer_close(clmix_tokenizer *tokenizer);

/* All of a tokenizer as a text, to be kept with the weights that were trained on it: a line with the spec without its file ("wordpiece,cased"), and
 * behind it the vocabulary where there is one. `text` is fresh memory for clmix_free. Neither may be NULL. Errors: ARGUMENT, HOST_MEMORY. */
CLMIX_API clmix_status clmix_tokenizer_write(const clmix_tokenizer *tokenizer, char **text);
/* The tokenizer that such a text describes. Fails as clmix_tokenizer_open does. Neither may be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_tokenizer_read(clmix_tokenizer **tokenizer, const char *text);

/* "wordpiece", "bytes" or "listops"; "" for NULL. */
CLMIX_API const char *clmix_tokenizer_kind_name(const clmix_tokenizer *tokenizer);
/* Ids are from 0 to this, less one: what a model's vocabulary must have at least. 0 for NULL. */
CLMIX_API size_t clmix_tokenizer_size(const clmix_tokenizer *tokenizer);
/* The id of a special token; CLMIX_NO_TOKEN where the kind has none, and for NULL. */
CLMIX_API int32_t clmix_tokenizer_special(const clmix_tokenizer *tokenizer, clmix_special special);
/* The token as the vocabulary writes it: "word", "##s", "[MASK]"; of bytes "a" or "<0xE4>". It belongs to the tokenizer. NULL where there is no such id,
 * and for a NULL tokenizer. */
CLMIX_API const char *clmix_tokenizer_token(const clmix_tokenizer *tokenizer, int32_t id);
/* The id of the token that is written so; CLMIX_NO_TOKEN where there is none, and where either is NULL. */
CLMIX_API int32_t clmix_tokenizer_find(const clmix_tokenizer *tokenizer, const char *token);

/* ---- from text to ids, and back ------------------------------------------------------------------------------------------------------- */

/* How a text becomes ids; all zero is: all of it, between [CLS] and [SEP]. */
typedef struct clmix_encoding {
    /* Tokens at most, [CLS] and [SEP] among them; 0: no limit. What is too much is cut off at the end: of two texts of the longer one, until it is as short as the
     * other, then of both by turns. */
    size_t longest;
    /* Without [CLS] and [SEP]. */
    bool bare;
    /* "[MASK]" and the like in the text are those tokens, in this writing and letter case; otherwise they are text as any other. */
    bool read_specials;
} clmix_encoding;

/* Ids of a text. All zero is none: to be used again and again, and cleared in the end. */
typedef struct clmix_tokens {
    int32_t *ids;      /* of the tokens, in their order */
    int32_t *segments; /* for each of them 0, or 1 where it is of the second text (whose [SEP] is) */
    size_t count;      /* of them */
    size_t capacity;   /* that there is room for */
    bool cut;          /* not all fitted into `longest` */
} clmix_tokens;

/* The ids of a text, or of two: [CLS] text [SEP], or [CLS] text [SEP] second [SEP]; kinds without these tokens put nothing before, between and behind.
 * `tokens` is filled anew, and grows where need be; after a failure its content is undefined and it is still to be cleared. `second` may be NULL: one
 * text. `encoding` may be NULL: all zero. `text` may be NULL only with 0 bytes.
 * Fails with FORMAT (no UTF-8, naming the place; for listops: a token that is none), ARGUMENT (`longest` has no room for [CLS] and [SEP]) or
 * HOST_MEMORY. `tokenizer` and `tokens` must not be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_tokenizer_encode(const clmix_tokenizer *tokenizer, const char *text, size_t bytes, const char *second,
                                              size_t second_bytes, const clmix_encoding *encoding, clmix_tokens *tokens);
/* Frees what `tokens` holds. NULL is allowed. */
CLMIX_API void clmix_tokens_clear(clmix_tokens *tokens);

/* The text that `count` ids stand for: tokens with blanks between them, those that go on within a word joined to it; of bytes the bytes themselves, with
 * U+FFFD for each that is no UTF-8. Special tokens are left out, unless `specials`. `text` is fresh memory for clmix_free, a zero byte behind its
 * `bytes` (which may be NULL).
 * Fails with ARGUMENT (an id that is none) or HOST_MEMORY. `tokenizer` and `text` must not be NULL, `ids` only with a count of 0 (ARGUMENT). */
CLMIX_API clmix_status clmix_tokenizer_decode(const clmix_tokenizer *tokenizer, const int32_t *ids, size_t count, bool specials,
                                              char **text, size_t *bytes);

/* ---- what is passed over ---------------------------------------------------------------------------------------------------------------- */

/* What reading text files met and passed over, by reason. All zero is nothing yet. */
typedef struct clmix_skips {
    size_t read;     /* lines, rows or files that were looked at, those passed over among them */
    size_t encoding; /* passed over since they are no UTF-8 */
    size_t length;   /* longer than 16 MiB */
    size_t empty;    /* without text */
    size_t form;     /* with other columns than they ought to have, or no tree */
    size_t label;    /* without a label, or with one that cannot be */
    char first[512]; /* a sentence on the first of them that names the place; "" where there is none */
} clmix_skips;
/* How many were passed over, for any reason; 0 for NULL. */
CLMIX_API size_t clmix_skips_count(const clmix_skips *skips);

/* ---- vocabularies ----------------------------------------------------------------------------------------------------------------------- */

/* Words and how often each was met: what a WordPiece vocabulary is made of. For one thread at a time. */
typedef struct clmix_words clmix_words;

/* An empty count of words, which BERT's rules make out of text: `cased` keeps case and accents. `words` must not be NULL (ARGUMENT). Further errors:
 * HOST_MEMORY. */
CLMIX_API clmix_status clmix_words_new(clmix_words **words, bool cased);
/* Frees it. NULL is allowed. */
CLMIX_API void clmix_words_free(clmix_words *words);
/* Counts the words of a text. Fails with FORMAT (no UTF-8; nothing of it is counted) or HOST_MEMORY. `words` must not be NULL, `text` only with 0 bytes
 * (ARGUMENT). */
CLMIX_API clmix_status clmix_words_add(clmix_words *words, const char *text, size_t bytes);
/* Counts the words of a text file, line by line; lines that cannot be taken are added to `skips` (may be NULL). Fails with FILE, FORMAT (UTF-16, or
 * no line can be taken) or HOST_MEMORY. `words` and `path` must not be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_words_add_file(clmix_words *words, const char *path, clmix_skips *skips);
/* Different words so far; 0 for NULL. */
CLMIX_API size_t clmix_words_count(const clmix_words *words);

/* How a vocabulary is made; all zero is BERT's size. */
typedef struct clmix_vocabulary_options {
    size_t size;    /* tokens at most, special ones among them; 0 is 30522. Fewer where the text gives no more */
    size_t letters; /* different letters at most, the most frequent ones; words with others become [UNK]. 0 is 1000 */
    size_t least;   /* tokens that stand side by side less often than this are not joined; 0 is 2 */
} clmix_vocabulary_options;

/* Makes a vocabulary: the special tokens; each letter, as the beginning of a word and with ## as a part of one; then again and again the two
 * neighbours that stand side by side most often, joined (of equally frequent ones those with the smaller ids). The same words give the same
 * vocabulary, in whatever order they came. `text` is the content of a vocab.txt, fresh memory for clmix_free. `options` may be NULL: all zero.
 * Fails with ARGUMENT (a size that the letters alone exceed, or beyond 2^24; no words) or HOST_MEMORY. `words` and `text` must not be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_words_vocabulary(const clmix_words *words, const clmix_vocabulary_options *options, char **text);

#ifdef __cplusplus
}
#endif
#endif
