/* Ports: a sample is named arrays. A model lists those it reads, a data set those it fills, a task those that hold its targets. */
#ifndef CLMIX_PORT_H
#define CLMIX_PORT_H

#include <clmix/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Axes that a value can have, the batch included. */
#define CLMIX_MAX_RANK 5

/* What an element is. */
typedef enum clmix_type { CLMIX_F32 = 0, CLMIX_I32 = 1, CLMIX_U8 = 2 } clmix_type;

/* A named array of one sample, such as "pictures" u8 (height, width, channels), "tokens" i32 (length), "labels" i32 of no axes. Since 0.2. */
typedef struct clmix_port {
    const char *name;                /* belongs to whoever lists the port */
    clmix_type type;                 /* of an element */
    int rank;                        /* axes of one sample, without the batch; 0: one element a sample */
    size_t size[CLMIX_MAX_RANK - 1]; /* of each axis, never 0 */
} clmix_port;

/* Names of the ports that clmix fills or reads itself. */
#define CLMIX_PICTURES      "pictures"      /* u8 (height, width, channels) */
#define CLMIX_LABELS        "labels"        /* i32: a class, or CLMIX_NO_LABEL */
#define CLMIX_SECOND_LABELS "second_labels" /* i32: with mixup, the other class */
#define CLMIX_LABEL_WEIGHTS "label_weights" /* f32: with mixup, the first label's share */
/* Of sequences of tokens, since 0.4: ids below a model's vocabulary, and 1 for a token or 0 for the padding behind them. Models of two sequences
 * read the second ones too. */
#define CLMIX_TOKENS        "tokens"        /* i32 (length) */
#define CLMIX_TOKEN_MASK    "mask"          /* i32 (length) */
#define CLMIX_SECOND_TOKENS "second_tokens" /* i32 (length) */
#define CLMIX_SECOND_MASK   "second_mask"   /* i32 (length) */
#define CLMIX_TOKEN_LABELS  "token_labels"  /* i32 (length): the id to be guessed, or CLMIX_NO_LABEL */

/* The label of what no loss and no metric counts. */
#define CLMIX_NO_LABEL (-100)

/* What a model answers of a sample. Since 0.4. */
typedef enum clmix_answer {
    CLMIX_ANSWER_CLASSES, /* a logit for each class */
    CLMIX_ANSWER_LOGIT,   /* one logit: that of class 1, of two */
    CLMIX_ANSWER_TOKENS   /* at each token a logit for each id of the vocabulary */
} clmix_answer;

/* Elements, and bytes, of one sample; 0 for NULL. */
CLMIX_API size_t clmix_port_count(const clmix_port *port);
CLMIX_API size_t clmix_port_bytes(const clmix_port *port);
/* Bytes of an element: 4, or 1 for CLMIX_U8. */
CLMIX_API size_t clmix_type_bytes(clmix_type type);

/* The port of that name among `count` ports, or NULL where there is none; NULL too when either pointer is. Since 0.2. */
CLMIX_API const clmix_port *clmix_port_find(const clmix_port *ports, size_t count, const char *name);

#ifdef __cplusplus
}
#endif
#endif
