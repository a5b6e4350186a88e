/* Data: sets of samples, and a loader that prepares batches of them in the background.
 *
 * A sample is named arrays (clmix/port.h), and a set lists the ports that it fills. Sets of labelled pictures fill "pictures", u8, channels-last
 * (height, width, channels), 1 or 3 channels, and "labels"; clmix_normalize turns the pictures into floats on the device. Nothing here knows a
 * device. Everything random is drawn from counters keyed by a seed, the epoch and the sample's number, so that a resumed run gets the bytes an
 * uninterrupted one gets, on every host. */
#ifndef CLMIX_DATA_H
#define CLMIX_DATA_H

#include <clmix/port.h>
#include <clmix/text.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Samples, in splits. */
typedef struct clmix_dataset clmix_dataset;

/* What samples are for. */
typedef enum clmix_split { CLMIX_TRAIN = 0, CLMIX_TEST = 1 } clmix_split;

/* Opens the data set that `spec` names:
 *   shapes              built in, needs no file: 10 classes of shapes and textures with random place, size, turn, colours and noise.
 *                       Options: shapes:size=64,train=4000,test=500,seed=7 (32, 10000, 2000 and 0 unless given)
 *   cifar10:DIR         data_batch_1.bin .. data_batch_5.bin (any of them) and test_batch.bin
 *   cifar100:DIR        train.bin and test.bin, fine labels
 *   mnist:DIR           train- and t10k- images-idx3-ubyte and labels-idx1-ubyte, plain or with .gz (also Fashion-MNIST and the like)
 *   folder:DIR          DIR/train/CLASS/picture and DIR/val/CLASS/picture (or DIR/test); or DIR/CLASS/picture, of which a fifth of each
 *                       class, always the same, becomes the test split. PNG and JPEG.
 *   tinyimagenet:DIR    Tiny ImageNet as tiny-imagenet-200.zip unpacks: train/CLASS/images/picture, val/images/picture with
 *                       val/val_annotations.txt (the test split), wnids.txt (without it train's folders are the classes), words.txt (the classes'
 *                       names). Classes are in sorted order, as PyTorch's ImageFolder has them; pictures are 64x64, 3 channels. Since 0.3
 *   pixels:SPEC         pictures of any of the sets above as sequences, row by row: a token a pixel, its grey value (0.2989 red + 0.5870 green + 0.1140 blue,
 *                       0 to 255). Black pixels count as padding: their mask is 0, as in the long-range arena's image task. Pictures with more
 *                       pixels than the model's longest sequence are scaled to the largest square that fits. Since 0.4
 *   pathfinder:DIR      the long-range arena's: a folder with metadata/ and imgs/, such as curv_contour_length_14, or the one above that.
 *                       Every tenth picture is of the test split. Pixels as above where the model reads tokens, else pictures. Since 0.4
 *   text:FILE-or-DIR    documents for masked language, a sentence or a paragraph a line, packed into sequences. Lines between empty lines are a document; a
 *                       file without empty lines is one. Of a folder all files named .txt; with train/ and test/ (or val/) its splits are
 *                       there, elsewhere every twentieth document is of the test split, and of a file that is one every twentieth line. Options:
 *                       ,masked=0.15,short=0.1,seed=0: of the tokens that are to be guessed, of sequences that are made shorter, and of what is
 *                       drawn for the test split, whose masks are always the same. Since 0.4
 *   tsv:FILE, csv:FILE  a row a line: a text or two, and a label. Options ,text=COLUMN,second=COLUMN,label=COLUMN (a name of the first row or a number
 *                       from 1) where the first row does not tell; ,test=FILE, or the file beside it that is called "test", "val" or "dev" where this
 *                       one is called "train", or every twentieth row. Since 0.4
 *   imdb:DIR            aclImdb_v1.tar.gz as it unpacks. Class 0 is pos, 1 neg; ,tags=drop leaves out HTML tags and what stands in brackets. Since 0.4
 *   listops:DIR         basic_train.tsv and basic_test.tsv of the long-range arena, or a FILE of this kind; listops alone draws trees as its
 *                       generator does: listops:train=96000,test=2000,seed=0,min=500,max=2000,depth=10,args=10. Since 0.4
 *   retrieval:FILE      label, two names and two texts between tabs, as new_aan_pairs.train.tsv; its test split is ....test.tsv. Two sequences, or one of
 *                       both texts, as the model reads them. Since 0.4
 * Options of all sets of text: ,vocab=FILE (a vocab.txt of WordPiece; ,cased too where case and accents are kept) or ,bytes (ids are 1 + the byte): of
 * text one of them is needed, unless a tokenizer is given, the others are read as bytes without. ,length=N: sequences of at most N tokens
 * where the model takes longer ones. Longer texts are cut, and counted (clmix_dataset_reading); trees of ListOps, which would have another
 * value then, are refused.
 * `wanted` are `count` ports as a model reads them (clmix_config_port); NULL with 0 means as the set has them. Those that the set has not are passed
 * over: whoever brings model and set together compares. But text is refused where none of them is "tokens", and pictures where tokens alone are wanted. Of "pictures" a size of 0, too, is what the set has (for a folder: its first
 * picture). Of pictures of another size the largest middle part of the wanted proportions is scaled; MNIST is padded with zeros instead where up
 * to 8 pixels are missing. One channel becomes three by repetition, three become one by luma.
 * CIFAR, MNIST and all text are held in memory, the pictures of folder, tinyimagenet and pathfinder are read when asked for.
 * Fails with ARGUMENT (an unknown kind or option, pictures that cannot be), FILE, FORMAT (a file is not what it should be) or HOST_MEMORY.
 * Neither `dataset` nor `spec` may be NULL (ARGUMENT). Takes ports since 0.2. */
CLMIX_API clmix_status clmix_dataset_open(clmix_dataset **dataset, const char *spec, const clmix_port *wanted, size_t count);

/* The same; of texts `tokenizer`, such as one that came with weights, makes the ids. It is copied. Where the spec names a vocabulary too, they must be the
 * same. NULL, and sets that are no text: as clmix_dataset_open. Errors: those of clmix_dataset_open. Neither `dataset` nor `spec` may be NULL (ARGUMENT).
 * Since 0.4. */
CLMIX_API clmix_status clmix_dataset_open_text(clmix_dataset **dataset, const char *spec, const clmix_port *wanted, size_t count,
                                               const clmix_tokenizer *tokenizer);
CLMIX_API void clmix_dataset_close(clmix_dataset *dataset); /* closes it; NULL is allowed; loaders of it must be closed before */

/* ---- sets of the application's own --------------------------------------------------------------------------------------------------- */

/* What such a set has. Ports and names are copied. A port called "labels" is i32, and what it holds are classes, from 0 to classes - 1,
 * or CLMIX_NO_LABEL for what no loss and no metric counts: this is checked. Training and evaluation take the ports that their model and its loss read; augmentation works on "pictures" u8 (height, width,
 * channels); others are handed on as they are. Since 0.2. */
typedef struct clmix_samples {
    const clmix_port *ports;        /* that every sample fills; 1 to 6, with names of their own */
    size_t port_count;              /* how many */
    size_t count[2];                /* samples of CLMIX_TRAIN and of CLMIX_TEST; one may be 0 */
    int classes;                    /* 0 where there is no port "labels" */
    const char *const *class_names; /* `classes` of them; NULL: "0", "1", ... */
} clmix_samples;

/* A set from arrays that the application has in memory: `train` and `test` have a pointer for each port, in the ports' order, to (count, the
 * port's axes) of the port's type, aligned for it. They are borrowed: they stay where they are, and as they are, until the set is closed. Either
 * may be NULL where its count is 0. Of sequences ("tokens" with "mask") what stands behind the last 1 of the mask, and behind the last token label,
 * fills the sample up: batches of few lengths leave it out.
 *     const clmix_port ports[] = { { "pictures", CLMIX_U8, 3, { 32, 32, 3 } }, { .name = "labels", .type = CLMIX_I32 } };
 *     const clmix_samples samples = { .ports = ports, .port_count = 2, .count = { 50000, 10000 }, .classes = 10 };
 *     status = clmix_dataset_from_arrays(&data, &samples, (const void *[]){ pictures, labels }, (const void *[]){ others, their_labels });
 * Fails with ARGUMENT (ports that cannot be, sizes beyond what a host can hold, no samples, an array that is NULL, a label that is no class,
 * naming the sample) or HOST_MEMORY. Neither `dataset` nor `samples` may be NULL (ARGUMENT). Since 0.2. */
CLMIX_API clmix_status clmix_dataset_from_arrays(clmix_dataset **dataset, const clmix_samples *samples, const void *const *train,
                                                 const void *const *test);

/* Functions that give samples when they are asked for. Since 0.2. */
typedef struct clmix_sample_source {
    /* Fills an array for each port of a sample, as in clmix_dataset_get; what it leaves unfilled is zero, and of a label an error. What it gives
     * depends on (split, index) alone. A failure is a status other than CLMIX_OK, with its sentence from clmix_error_set or from the clmix
     * function that failed: it reaches whoever asked, behind the number of the sample. FORMAT: this sample is there and no good, which
     * skip_broken goes past; anything else ends a run at a checkpoint. It may wait: for a file, for a network. */
    clmix_status (*get)(void *user, clmix_split split, size_t index, void *const *arrays);
    /* Called once, when the set is closed and nothing is in `get` any more; by a loader's thread where that was left waiting. May be NULL. */
    void (*close)(void *user);
    void *user;         /* handed to both; may be NULL */
    bool one_at_a_time; /* `get` is called from several threads, with this set never by two of them at once */
} clmix_sample_source;

/* A set from the application's functions. `source` is copied. On failure `close` is not called.
 * Fails with ARGUMENT (ports that cannot be, no samples, no `get`) or HOST_MEMORY. Neither `dataset` nor `samples` nor `source` may be NULL
 * (ARGUMENT). Since 0.2. */
CLMIX_API clmix_status clmix_dataset_from_source(clmix_dataset **dataset, const clmix_samples *samples, const clmix_sample_source *source);

/* ---- what a set has -------------------------------------------------------------------------------------------------------------------- */

/* What clmix_dataset_check found. */
typedef struct clmix_data_check {
    size_t checked, broken; /* samples that were read, and those of them that cannot be decoded */
} clmix_data_check;
/* Reads the samples of a split that are read when asked for (folders, functions), to find those that cannot be decoded before they are needed:
 * all of them, or as many as fit into `seconds`, spread over the split. `found` (may be NULL) gets a sentence for each broken one. Sets that
 * are held in memory were checked when they were opened; of them none is read.
 * Fails with what reading met, other than FORMAT. Neither `dataset` nor `check` may be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_dataset_check(const clmix_dataset *dataset, clmix_split split, double seconds,
                                           void (*found)(void *user, const char *sentence), void *user, clmix_data_check *check);

/* An open set does not change: everything below may be called from several threads at once. Names belong to the set.
 * The count is of samples, and 0 when the files of that split are not there. A NULL set has no samples and no classes. */
CLMIX_API size_t clmix_dataset_count(const clmix_dataset *dataset, clmix_split split);
CLMIX_API int clmix_dataset_classes(const clmix_dataset *dataset);
CLMIX_API const char *clmix_dataset_class_name(const clmix_dataset *dataset,
                                               int label); /* of a class; NULL when there is none with that label */

/* The ports that the set fills, *count of them; the list belongs to the set. Those of a set of pictures are "pictures" u8 (height, width,
 * channels) and "labels" i32 of no axes, in this order. `count` may be NULL; of a NULL set there are none, and the list is NULL. Since 0.2. */
CLMIX_API const clmix_port *clmix_dataset_ports(const clmix_dataset *dataset, size_t *count);

/* The tokenizer that made the ids of a set of text; it belongs to the set. NULL for other sets, and for NULL. Since 0.4. */
CLMIX_API const clmix_tokenizer *clmix_dataset_tokenizer(const clmix_dataset *dataset);

/* Ids of the set's tokens are from 0 to this, less one: what a model's vocabulary must have at least. 0 where that is not known (sets of the application's
 * own), of sets without tokens, and for NULL. Since 0.4. */
CLMIX_API size_t clmix_dataset_ids(const clmix_dataset *dataset);

/* What opening a set met in its files. Since 0.4. */
typedef struct clmix_data_reading {
    clmix_skips skips;    /* what was passed over: of text lines, rows or files, of pathfinder lines of the metadata */
    size_t texts, tokens; /* texts (or pairs of them) that were taken, and their tokens before they were packed */
    size_t longest;       /* tokens of the longest */
    size_t cut;           /* texts that were cut to the longest that is allowed */
    size_t unknown;       /* tokens that are [UNK] */
} clmix_data_reading;
/* The reading of a split; it belongs to the set, and is all zero where nothing is passed over. NULL for a NULL set or split. Since 0.4. */
CLMIX_API const clmix_data_reading *clmix_dataset_reading(const clmix_dataset *dataset, clmix_split split);

/* What clmix_normalize should take: per-channel mean and std, 4 entries each; training takes it from here and saves it with the weights. 0.5 and 0.5,
 * as in the authors' training, but for tinyimagenet, which has the authors' own ((122.4786, 114.2755, 101.3963) and (70.4924, 68.5679, 71.8127)
 * divided by 255), and for those that were given another (below). Any of the pointers may be NULL; a NULL set has 0.5 and 0.5. */
CLMIX_API void clmix_dataset_normalization(const clmix_dataset *dataset, float mean[4], float std[4]);

/* Gives a set another normalisation, an entry for each channel of "pictures": (x / 255 - mean) / std. It is copied; to be called before anything
 * else uses the set. Fails with ARGUMENT (a set without "pictures", a mean that is not finite, a std that is not above 0), which leaves the set as it
 * was. None may be NULL (ARGUMENT). Since 0.3. */
CLMIX_API clmix_status clmix_dataset_normalize(clmix_dataset *dataset, const float *mean, const float *std);

/* Sample `index` of a split into `arrays`: one for each port that the set fills, in the order of clmix_dataset_ports, with room for
 * clmix_port_bytes and aligned for the port's type.
 * Fails with ARGUMENT (no such sample), for folders with FILE and FORMAT, naming the file, and with what an application's function returns;
 * where that gives a label that is no class, with ARGUMENT. Neither `dataset` nor `arrays` nor any of
 * these may be NULL (ARGUMENT). Takes arrays since 0.2. */
CLMIX_API clmix_status clmix_dataset_get(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays);

/* ---- loaders --------------------------------------------------------------------------------------------------------------------------- */

/* What is done to training samples, for sets that fill "pictures" u8 (height, width, channels); all zero is nothing. Mixup also needs "labels"
 * of no axes, and fills two ports more: "second_labels" i32, the other picture's class, and "label_weights" f32, the share of the first label.
 * Other ports are left as they are. */
typedef struct clmix_augment {
    int crop_padding; /* zero pixels added on each side before a random crop back to the picture's size */
    bool flip;        /* left and right exchanged for half of the pictures */
    int cutout;       /* side of a square set to mid grey at a random place, in pixels */
    float mixup; /* alpha of the Beta(alpha, alpha) that a picture's share is drawn from when it is blended with the next of its batch */
} clmix_augment;

/* How long the sequences of a batch are, of sets whose samples have lengths of their own. Since 0.4. */
typedef enum clmix_lengths {
    CLMIX_LENGTHS_ONE = 0, /* always the longest that the set gives */
    /* The shortest of 16, 32, 48, 64, 96, 128, 192 and so on, and the longest, that has room for the batch's longest sample. */
    CLMIX_LENGTHS_FEW = 1
} clmix_lengths;

/* How a loader goes through a split; all zero is: as stored, from the beginning, the last smaller batch kept. */
typedef struct clmix_loader_options {
    uint64_t seed;         /* of what is random: order, augmentation */
    bool shuffle;          /* a new order each epoch, drawn from (seed, epoch) */
    clmix_augment augment; /* for CLMIX_TRAIN only; refused on CLMIX_TEST */
    size_t first_epoch;    /* where to begin: counted from 0, as in clmix_batch */
    size_t first_batch;    /* of that epoch, counted from 0 */
    bool drop_last;        /* leave out a last batch that is not full */
    int threads;           /* that prepare batches; 0 is 1, at most 16. The bytes do not depend on it */
    /* Go past a sample that is there and cannot be decoded (FORMAT): for CLMIX_TRAIN its place goes to the next of the epoch's order that can,
     * for CLMIX_TEST its arrays are zero and its label is CLMIX_NO_LABEL. Otherwise such a sample is a failure. */
    bool skip_broken;
    clmix_lengths lengths; /* of sequences; sets without have one. Since 0.4 */
    /* With CLMIX_LENGTHS_FEW: batches of samples that are alike in length, drawn together in the epoch's order; the rest of all lengths comes last. Since 0.4 */
    bool group;
    /* Samples of a batch by its length, as many as have so many tokens, filled-up places among them (one at least), instead of `batch`. With
     * CLMIX_LENGTHS_FEW they are grouped. 0: `batch` of them. Since 0.4 */
    size_t tokens;
    /* Parts that each batch is shared in, by as many loaders, without overlap; 0 or 1: it is not. Since 0.4 */
    size_t parts;
    /* The part that this loader gives, from 0: a run of the batch's samples, with the bytes that the whole batch has at these places. No part is a single sample,
     * but of a batch of one: a neighbour takes it; so a part of a small batch may be empty. Since 0.4 */
    size_t part;
} clmix_loader_options;

/* A batch: an array for each port that the loader fills. They have room for a full batch of this length; behind `count` samples everything is zero, but
 * labels are CLMIX_NO_LABEL and label weights 1. Holds ports since 0.2. */
typedef struct clmix_batch {
    size_t count; /* samples in this batch, or in the part of it that was asked for */
    const clmix_port
        *ports;        /* those of the set, and behind them those that augmentation fills; of sequences as long as this batch has them */
    size_t port_count; /* how many */
    const void *const *arrays; /* one a port, in this order: (batch, the port's axes) of the port's type */
    size_t epoch;              /* counted from 0 */
    size_t index;              /* of this batch in its epoch, counted from 0 */
    size_t batches;            /* in an epoch */
    size_t skipped;            /* samples of this batch that could not be decoded; 0 without skip_broken */
    const char *broken;        /* what is wrong with the first of them, or NULL */
    size_t room;               /* samples that a full batch of this length has, or the part of any. Since 0.4 */
    size_t first;              /* place of the first of these samples in the whole batch; 0 where no part was asked for. Since 0.4 */
    size_t whole;              /* samples of the whole batch. Since 0.4 */
} clmix_batch;

/* The array of a port of the batch, or NULL where it has none of that name; NULL too when either pointer is. Since 0.2. */
CLMIX_API const void *clmix_batch_array(const clmix_batch *batch, const char *port);

/* Threads that prepare batches ahead of who takes them. */
typedef struct clmix_loader clmix_loader;

/* Starts preparing batches of `batch` samples, epoch after epoch without end. `options` may be NULL; the data set must outlive the loader.
 * Fails with ARGUMENT (an empty split, a batch of 0, a place to begin that is not there, options out of range or not for
 * the ports of this set) or HOST_MEMORY. Neither
 * `loader` nor `dataset` may be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_loader_open(clmix_loader **loader, const clmix_dataset *dataset, clmix_split split, size_t batch,
                                         const clmix_loader_options *options);

/* Waits at most so many seconds, and tells whether clmix_loader_next has something to give without waiting, be it a failure. True for
 * NULL. */
CLMIX_API bool clmix_loader_ready(clmix_loader *loader, double seconds);

/* The next batch, waiting for it if need be. Its pointers are valid until the next call. For one thread at a time.
 * Fails with what reading a sample met; every later call then fails the same way. Neither may be NULL (ARGUMENT). */
CLMIX_API clmix_status clmix_loader_next(clmix_loader *loader, clmix_batch *batch);

/* The ports that its batches hold: as clmix_batch says. `count` may be NULL; of NULL there are none. Since 0.2. */
CLMIX_API const clmix_port *clmix_loader_ports(const clmix_loader *loader, size_t *count);

/* Batches in an epoch. 0 for NULL. */
CLMIX_API size_t clmix_loader_batches(const clmix_loader *loader);

/* Stops at once, whatever is being prepared: a thread that waits for a file which does not come, or is in an application's function, is left to
 * itself after a moment, and ends when it does. NULL is allowed. */
CLMIX_API void clmix_loader_close(clmix_loader *loader);

#ifdef __cplusplus
}
#endif
#endif
