/* Readers of text (inside lib/data): the samples of a split, one after the other in the order of their files, each checked; those that are no good are
 * counted and passed over. Adding one is a file with a clmix_text_reader_kind and a row in text_reader.c. */
#ifndef CLMIX_DATA_TEXT_READER_H
#define CLMIX_DATA_TEXT_READER_H

#include <clmix/data.h>
#include <clmix/text.h>

typedef struct clmix_text_reader clmix_text_reader;

/* The texts belong to the reader, until the next call. */
typedef struct clmix_text_sample {
    const char *text[2]; /* UTF-8; the second NULL where there is one text */
    size_t bytes[2];
    int32_t label; /* a class, or CLMIX_NO_LABEL where the set has none */
    /* Of text: which document the line is of, counted from 0 over all files of the split, or of both where they share files. */
    size_t document;
} clmix_text_sample;

typedef struct clmix_text_reader_kind {
    const char *name, *argument; /* what stands before and behind the colon of a spec; an argument NULL: nothing needs to */
    /* Finds the files and the classes, as far as they must be known before the first sample. After a failure close is called. */
    clmix_status (*open)(clmix_text_reader *reader, const char *argument);
    void (*close)(clmix_text_reader *reader);
    /* Goes to the beginning of a split, of which reader->has is true. */
    clmix_status (*begin)(clmix_text_reader *reader, clmix_split split);
    /* The next sample; *found is false at the end. What is passed over is added to reader->skips of the split. */
    clmix_status (*next)(clmix_text_reader *reader, clmix_text_sample *sample, bool *found);
} clmix_text_reader_kind;

struct clmix_text_reader {
    const clmix_text_reader_kind *kind;
    char *spec;           /* owned */
    bool has[2];          /* whether there is such a split */
    int texts;            /* of a sample: 1 or 2 */
    const char **classes; /* names, which the kind owns; NULL where there are none */
    int class_count;
    const char *tokenizer; /* the only one that fits, "listops"; NULL: any */
    bool whole;            /* a text that is cut has another label */
    clmix_split split;     /* that is being read */
    /* What was looked at and passed over since the split began. Where both splits are in the same files, all of their lines were looked at; those that are no
     * UTF-8 are of neither split, and counted in both. */
    clmix_skips skips[2];
    void *state; /* the kind's */
};

/* Opens what `spec` names:
 *   text:FILE-or-DIR      documents, a sentence or a paragraph a line. Lines between empty lines are a document; a file without empty lines is one. Of a
 *                         folder all files named .txt, in the order of their names. A folder with train/ and test/ (or val/) has its splits there;
 *                         elsewhere every twentieth document is of the test split, and of a file that is one every twentieth line
 *   tsv:FILE, csv:FILE    a row a line: a text or two, and a label. The first row names the columns where one of them is "label", "target" or "class":
 *                         this is the label, and the one or two others the texts; without names the label is the last of two or three columns. Else, or
 *                         where there are more, options behind the file tell by name or number (from 1): ,text=COLUMN,second=COLUMN,label=COLUMN.
 *                         The test split is ,test=FILE, or the file beside it that is called "test", "val" or "dev" where this one is called "train",
 *                         or every twentieth row
 *   imdb:DIR              aclImdb_v1.tar.gz as it unpacks: train/pos, train/neg, test/pos and test/neg with a review a file. Class 0 is pos, 1 neg;
 *                         ,tags=drop leaves out HTML tags and what stands in brackets
 *   listops:DIR           of the long-range arena: basic_train.tsv and basic_test.tsv (or basic_val.tsv), trees and their values; or a FILE of this kind
 *   listops, listops:name=number,...   trees drawn here, as its generator does: train=96000,test=2000,seed=0,min=500,max=2000,depth=10,args=10 (lengths
 *                         are above min and below max)
 *   retrieval:FILE        label, two names and two texts between tabs, as new_aan_pairs.train.tsv; its test split is ....test.tsv (or .eval.tsv)
 * Fails with ARGUMENT, FILE, FORMAT or HOST_MEMORY. */
clmix_status clmix_text_reader_open(clmix_text_reader **reader, const char *spec);
void clmix_text_reader_close(clmix_text_reader *reader);

/* Begins a split; ARGUMENT where there is none. */
clmix_status clmix_text_reader_begin(clmix_text_reader *reader, clmix_split split);

/* The next sample; *found is false behind the last. Fails with FILE, FORMAT (a file cannot be read on, or nothing of a split could be taken) or
 * HOST_MEMORY. */
clmix_status clmix_text_reader_next(clmix_text_reader *reader, clmix_text_sample *sample, bool *found);

extern const clmix_text_reader_kind clmix_text_reader_text, clmix_text_reader_tsv, clmix_text_reader_csv, clmix_text_reader_imdb,
    clmix_text_reader_listops, clmix_text_reader_retrieval;

#endif
