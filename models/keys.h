/* Keys of configurations: one table for each kind of model, and for each kind of an object inside a model ("mixer"). The table says what a
 * key is called, what it may be, where it goes in the model's own struct, and what it means; models/README.md shows the same tables. What a
 * table cannot say (sizes that add up or divide one another) is the table's `check`. */
#ifndef CLMIX_MODELS_KEYS_H
#define CLMIX_MODELS_KEYS_H

#include <cjson/cJSON.h>
#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>

/* A bound that no sensible size reaches and that keeps products of a few of them inside 64 bits. */
#define CLMIX_KEY_MOST 65536
/* Entries of a list. */
#define CLMIX_LIST_MOST 16

/* What a key holds, and the member of the struct that keeps it. */
enum clmix_key_type {
    CLMIX_KEY_SIZE,   /* a whole number from `least` to `most`: size_t */
    CLMIX_KEY_NUMBER, /* a number above 0, up to `most`: float */
    CLMIX_KEY_RATE,   /* a number from 0 to below 1: float */
    CLMIX_KEY_FLAG,   /* true or false: bool */
    CLMIX_KEY_CHOICE, /* one of the words in `choices`: int, its place among them */
    CLMIX_KEY_PAIR,   /* [height, width], or one number for both: two size_t, one behind the other */
    CLMIX_KEY_LIST,   /* whole numbers, or one for a list of one: struct clmix_key_list */
    CLMIX_KEY_OBJECT, /* an object with a table of its own, chosen among `kinds` by its "kind": struct clmix_key_object */
};

struct clmix_key_list {
    size_t count, size[CLMIX_LIST_MOST];
};

struct clmix_key_table;

/* A struct of keys and the table that it follows. */
struct clmix_key_object {
    const struct clmix_key_table *table;
    void *keys; /* table->bytes, owned */
};

/* A key that has neither `usual` nor `derived` is required. */
struct clmix_key {
    const char *name;
    enum clmix_key_type type;
    size_t offset;                              /* of its member, in bytes */
    const char *usual;                          /* what it is where it is left out: JSON, a word of `choices`, the name of one of `kinds` */
    const char *derived;                        /* or what `check` then makes it, in words: the member is all zero until it does */
    const char *meaning;                        /* one line of Markdown */
    size_t least, most;                         /* of numbers; 0 counts as 1, and as CLMIX_KEY_MOST */
    bool zero;                                  /* 0 will do besides */
    const char *const *choices;                 /* NULL at the end */
    const struct clmix_key_table *const *kinds; /* NULL at the end */
};

struct clmix_key_table {
    const char *name;                    /* what chooses it: the value of "model", or of an object's "kind" */
    size_t bytes;                        /* of the struct that holds its keys */
    const struct clmix_key_table *first; /* keys that come before its own and whose struct begins this one, or NULL */
    const struct clmix_key *keys;
    size_t count;
    /* What must hold between keys, and the keys that are derived from others. Fails with FORMAT and a sentence that begins with `where`.
     * NULL: nothing more. */
    clmix_status (*check)(void *keys, const char *where);
};

/* Reads `json` by the table among `kinds` (NULL at the end) that its key `chooser` ("model", "kind") names; without that key by the one called
 * `usual`, which may be NULL. The caller frees what was read with clmix_keys_free. Unknown keys, missing keys and values out of bounds are
 * FORMAT with a sentence that begins with `where`; a kind that is not there is UNSUPPORTED, with the list of those that are. On failure
 * *object is empty. */
clmix_status clmix_keys_read(struct clmix_key_object *object, const cJSON *json, const char *where, const char *chooser, const char *usual,
                             const struct clmix_key_table *const *kinds);
/* An empty one is allowed. */
void clmix_keys_free(struct clmix_key_object *object);

/* Adds `chooser` and every key to `json`, in the table's order; false when the host is out of memory. */
bool clmix_keys_write(cJSON *json, const char *chooser, const struct clmix_key_object *object);

#endif
