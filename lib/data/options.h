/* Options in the specs of data sets (inside lib/data). */
#ifndef CLMIX_DATA_OPTIONS_H
#define CLMIX_DATA_OPTIONS_H

#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>

/* The whole number from `least` to `most` that `text` is, up to `end`; false where it is none. Signs and blanks are no numbers. */
bool clmix_option_whole(const char *text, const char *end, unsigned long long least, unsigned long long most, unsigned long long *value);

struct clmix_number_option {
    const char *name;
    unsigned long long minimum, maximum, value; /* `value`: unless the spec says another */
};
/* Reads "name=number,name=number,..." of the data set `set`. ARGUMENT for what is no option, or no number in its range. */
clmix_status clmix_options_of_numbers(const char *set, const char *text, struct clmix_number_option *options, size_t count);

struct clmix_text_option {
    const char *name;
    char *value; /* owned; NULL unless the spec says it */
    bool flag;
};
/* Reads "PATH,name=text,...": takes options off the end, as long as there are any of these names; what is before them is the path, in fresh memory.
 * ARGUMENT where one is there twice or says nothing. clmix_text_options_free() in any case. */
clmix_status clmix_options_behind_path(const char *text, char **path, struct clmix_text_option *options, size_t count);
/* Takes the options of these names out of "...,name=text,...", wherever they stand; those whose `flag` is set are a name alone, as in ",bytes", and get the
 * value "yes", but what the text begins with is none of them. `rest` is what is left, in fresh memory. ARGUMENT where one is there twice or says
 * nothing. clmix_text_options_free() in any case. */
clmix_status clmix_options_take(const char *text, char **rest, struct clmix_text_option *options, size_t count);
void clmix_text_options_free(struct clmix_text_option *options, size_t count);

#endif
