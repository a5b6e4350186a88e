/* Tables as text: rows of fields between tabs or commas, for the readers of TSV and CSV, of ListOps and of retrieval (inside lib/data). */
#ifndef CLMIX_DATA_TABLE_H
#define CLMIX_DATA_TABLE_H

#include "data/text_reader.h"
#include "text/file.h"

/* A field's text, with a zero byte behind it; blanks at both ends are taken off. */
struct clmix_field {
    char *text;
    size_t bytes;
};

struct clmix_table {
    char *path[2]; /* owned, by split; a test split without a file is every twentieth row of the other */
    bool commas;   /* CSV with quotation marks (RFC 4180); otherwise tabs part the fields, and nothing else counts */
    struct clmix_text_file file;
    clmix_split split;
    bool whole; /* rows of both splits are given where they share the file */
    size_t row; /* rows of the file so far, without the header */
    struct clmix_field *fields;
    size_t count, capacity; /* of the fields of the present row */
};

/* The file for the test split, in fresh memory: beside `path`, with one of `others` in the place of "train" in its name, the first that is there, of a list
 * that ends with NULL. *found is NULL where there is none. */
clmix_status clmix_table_sibling(const char *path, const char *const *others, char **found);

/* Opens the file of a split. */
clmix_status clmix_table_begin(struct clmix_table *table, clmix_split split, clmix_skips *skips);
/* The first row into table->fields, which names the columns and is no sample; FORMAT where there is none that can be taken. */
clmix_status clmix_table_header(struct clmix_table *table);
/* The next row of the split into table->fields; *found is false behind the last. */
clmix_status clmix_table_next(struct clmix_table *table, bool *found);
void clmix_table_end(struct clmix_table *table);  /* closes the file; harmless when it is closed */
void clmix_table_free(struct clmix_table *table); /* and all the rest */

/* Counts the present row as passed over; the sentence begins with its place. */
void clmix_table_skip(struct clmix_table *table, enum clmix_skip_reason reason, const char *why);

#endif
