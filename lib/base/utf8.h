/* UTF-8: what is well-formed, and names that are not.
 *
 * Names come from outside (files, folders, drivers) as bytes in any encoding; JSON and safetensors hold UTF-8 and nothing else. A byte that has no
 * place there travels as the character U+EF00 plus the byte, of the range left to private use, and so do the bytes of such a character that was there
 * already: every name comes back as it was, and a name in UTF-8 reads as ever. */
#ifndef CLMIX_BASE_UTF8_H
#define CLMIX_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character at `text` (at most `bytes`), and its number; 0 when there is none: no overlong forms, no surrogates, nothing above
 * U+10FFFF, nothing that ends early. Control characters are characters. */
size_t clmix_utf8_decode(const char *text, size_t bytes, uint32_t *point);

/* Writes the character of this number, which must be one, and gives its bytes: 1 to 4. */
#define CLMIX_UTF8_BYTES 4
size_t clmix_utf8_encode(uint32_t point, char text[CLMIX_UTF8_BYTES]);

/* Where the first byte is that begins no well-formed character; `bytes` when all do. */
size_t clmix_utf8_ill_formed(const char *text, size_t bytes);

/* Bytes of the well-formed character at `text` (at most `bytes`), 0 when there is none: no overlong forms, no surrogates, nothing above U+10FFFF, no
 * control characters but tab, line feed and carriage return. */
size_t clmix_utf8_length(const char *text, size_t bytes);

/* True when all of it is such characters. */
bool clmix_utf8_valid(const char *text, size_t bytes);

/* Any bytes as such text, and the bytes again. Fresh memory for free(), NULL when the host is out of it. */
char *clmix_utf8_from_bytes(const char *bytes);
char *clmix_utf8_to_bytes(const char *text);

#endif
