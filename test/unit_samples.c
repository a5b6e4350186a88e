/* lib/data: sets of the application's own, from its arrays and from its functions. train_samples.c trains on them. */
#include <clmix/data.h>

#include "support_data.h"
#include "support_suite.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRAIN   50
#define TEST    30
#define CLASSES 10
#define BATCH   12
#define PICTURE 192
#define DATA    "shapes:size=8,train=50,test=30"

/* ---- the built-in pictures as arrays, and behind functions ------------------------------------------------------------------------------- */

static struct {
    clmix_dataset *set;
    unsigned char pictures[2][TRAIN][PICTURE];
    int32_t labels[2][TRAIN];
} shapes;

static const size_t counts[2] = { TRAIN, TEST };

static const clmix_port ports[] = { { "pictures", CLMIX_U8, 3, { 8, 8, 3 } }, { .name = "labels", .type = CLMIX_I32 } };
static const clmix_samples pictures = { .ports = ports, .port_count = 2, .count = { TRAIN, TEST }, .classes = CLASSES };

static void open_shapes(void)
{
    shapes.set = must_open(DATA, 0, 0, 0);
    for (int split = 0; split < 2; split++)
        for (size_t i = 0; i < counts[split]; i++)
            must_get(shapes.set, (clmix_split)split, i, shapes.pictures[split][i], &shapes.labels[split][i]);
}

static void close_shapes(void)
{
    clmix_dataset_close(shapes.set);
}

static clmix_status from_arrays(clmix_dataset **dataset, const clmix_samples *samples)
{
    return clmix_dataset_from_arrays(dataset, samples, (const void *[]){ shapes.pictures[0], shapes.labels[0] },
                                     (const void *[]){ shapes.pictures[1], shapes.labels[1] });
}

/* What an application's function does, and what was seen of its calls. */
struct behaviour {
    clmix_status status; /* of sample `at` of the training split */
    size_t at;
    const char *sentence;   /* NULL: none is set */
    bool forgets_the_label; /* of all */
    int label;              /* of sample `at`, where status is OK and it is not 0 */
    atomic_int inside, most_inside, closed;
    int patience; /* how often it looks whether another thread is inside as well */
};

/* Stays until another thread is inside too, or for so long; the most that were inside. */
static void meet(struct behaviour *behaviour)
{
    int inside = atomic_fetch_add(&behaviour->inside, 1) + 1;

    for (int i = 0; i < behaviour->patience && atomic_load(&behaviour->most_inside) < 2; i++) {
        inside = atomic_load(&behaviour->inside);
        if (inside > atomic_load(&behaviour->most_inside))
            atomic_store(&behaviour->most_inside, inside);
        nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
    }
    atomic_fetch_sub(&behaviour->inside, 1);
}

static clmix_status give(void *user, clmix_split split, size_t index, void *const *arrays)
{
    struct behaviour *behaviour = user;
    const bool this = split == CLMIX_TRAIN && index == behaviour->at;

    meet(behaviour);
    if (this && behaviour->status != CLMIX_OK)
        return behaviour->sentence == NULL ? behaviour->status : clmix_error_set(behaviour->status, behaviour->sentence);
    memcpy(arrays[0], shapes.pictures[split][index], PICTURE);
    if (!behaviour->forgets_the_label)
        *(int32_t *)arrays[1] = this && behaviour->label != 0 ? behaviour->label : shapes.labels[split][index];
    return CLMIX_OK;
}

static void note_close(void *user)
{
    struct behaviour *behaviour = user;

    ck_assert_int_eq(atomic_load(&behaviour->inside), 0);
    atomic_fetch_add(&behaviour->closed, 1);
}

static clmix_dataset *open_source(struct behaviour *behaviour, bool one_at_a_time)
{
    const clmix_sample_source source = { .get = give, .close = note_close, .user = behaviour, .one_at_a_time = one_at_a_time };
    clmix_dataset *dataset = NULL;

    ck_assert_msg(clmix_dataset_from_source(&dataset, &pictures, &source) == CLMIX_OK, "%s", clmix_error());
    return dataset;
}

/* ---- the same bytes ---------------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_run(const clmix_dataset *dataset, clmix_split split, const clmix_loader_options *options)
{
    clmix_loader *loader = NULL;
    uint64_t hash = HASH_START;
    clmix_batch batch;

    ck_assert_msg(clmix_loader_open(&loader, dataset, split, BATCH, options) == CLMIX_OK, "%s", clmix_error());
    for (size_t k = 0; k < 3 * clmix_loader_batches(loader); k++) {
        ck_assert_msg(clmix_loader_next(loader, &batch) == CLMIX_OK, "%s", clmix_error());
        hash = hash_more(hash, &batch.count, sizeof batch.count);
        for (size_t i = 0; i < batch.port_count; i++)
            hash = hash_more(hash, batch.arrays[i], BATCH * clmix_port_bytes(&batch.ports[i]));
    }
    clmix_loader_close(loader);
    return hash;
}

START_TEST(batches_are_those_of_the_built_in_set)
{
    const clmix_loader_options rows[] = {
        { .threads = 3 },
        { .seed = 5, .shuffle = true, .threads = 2, .augment = { .crop_padding = 2, .flip = true, .cutout = 4 } },
        { .seed = 6, .shuffle = true, .threads = 4, .augment = { .flip = true, .mixup = 0.4f } },
    };
    struct behaviour behaviour = { 0 };
    clmix_dataset *arrays = NULL, *source = open_source(&behaviour, false), *one = open_source(&behaviour, true);

    ck_assert_msg(from_arrays(&arrays, &pictures) == CLMIX_OK, "%s", clmix_error());
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t hash = hash_run(shapes.set, CLMIX_TRAIN, &rows[i]);

        ck_assert_uint_eq(hash_run(arrays, CLMIX_TRAIN, &rows[i]), hash);
        ck_assert_uint_eq(hash_run(source, CLMIX_TRAIN, &rows[i]), hash);
        ck_assert_uint_eq(hash_run(one, CLMIX_TRAIN, &rows[i]), hash);
    }
    ck_assert_uint_eq(hash_run(arrays, CLMIX_TEST, NULL), hash_run(shapes.set, CLMIX_TEST, NULL));
    ck_assert_uint_eq(hash_run(source, CLMIX_TEST, NULL), hash_run(shapes.set, CLMIX_TEST, NULL));
    clmix_dataset_close(arrays);
    clmix_dataset_close(source);
    clmix_dataset_close(one);
    ck_assert_int_eq(behaviour.closed, 2);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------------------------------------------ */

static atomic_int allocations; /* of the library, of Check and of this file */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t bytes)
{
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    atomic_fetch_add(&allocations, 1);
    return __real_realloc(memory, bytes);
}

char *__wrap_strdup(const char *text)
{
    atomic_fetch_add(&allocations, 1);
    return __real_strdup(text);
}

/* Of what lies in memory batches are made without asking for more, over the ends of epochs too. */
START_TEST(batches_allocate_nothing)
{
    const clmix_loader_options options = { .shuffle = true, .augment = { .crop_padding = 2, .flip = true, .cutout = 4, .mixup = 0.4f } };
    clmix_dataset *arrays = NULL;

    ck_assert_msg(from_arrays(&arrays, &pictures) == CLMIX_OK, "%s", clmix_error());
    for (int i = 0; i < 2; i++) {
        clmix_loader *loader = NULL;
        clmix_batch batch;
        int before, after, failures = 0;

        ck_assert_int_eq(clmix_loader_open(&loader, i == 0 ? arrays : shapes.set, CLMIX_TRAIN, BATCH, &options), CLMIX_OK);
        ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
        ck_assert_int_gt(allocations, 0);
        before = atomic_load(&allocations);
        for (int k = 0; k < 20; k++) /* no assertions, which allocate */
            failures += clmix_loader_next(loader, &batch) != CLMIX_OK;
        after = atomic_load(&allocations);
        ck_assert_int_eq(failures, 0);
        ck_assert_int_eq(after, before);
        clmix_loader_close(loader);
    }
    clmix_dataset_close(arrays);
}
END_TEST

/* What the application said of its samples may go; its arrays stay. */
START_TEST(what_is_said_is_copied)
{
    char names[2][16] = { "pictures", "labels" }, class_names[2][8] = { "cat", "dog" };
    clmix_port own[] = { { names[0], CLMIX_U8, 3, { 1, 2, 1 } }, { .name = names[1], .type = CLMIX_I32 } };
    const char *classes[] = { class_names[0], class_names[1] };
    const clmix_samples samples = { own, 2, { 0, 2 }, 2, classes };
    const unsigned char pixels[] = { 1, 2, 3, 4 };
    const int32_t labels[] = { 1, 0 };
    unsigned char picture[2];
    clmix_dataset *dataset = NULL, *numbered = NULL;
    int32_t label;

    ck_assert_int_eq(clmix_dataset_from_arrays(&dataset, &samples, NULL, (const void *[]){ pixels, labels }), CLMIX_OK);
    memset(names, 'x', sizeof names);
    memset(class_names, 'x', sizeof class_names);
    memset(own, 0, sizeof own);
    must_be_sized(dataset, 1, 2, 1);
    ck_assert_str_eq(clmix_dataset_class_name(dataset, 0), "cat");
    ck_assert_str_eq(clmix_dataset_class_name(dataset, 1), "dog");
    ck_assert(clmix_dataset_count(dataset, CLMIX_TRAIN) == 0 && clmix_dataset_count(dataset, CLMIX_TEST) == 2);
    must_get(dataset, CLMIX_TEST, 1, picture, &label);
    ck_assert(picture[0] == 3 && picture[1] == 4 && label == 0);
    expect_error(clmix_dataset_get(dataset, CLMIX_TEST, 2, (void *[]){ picture, &label }), CLMIX_ERROR_ARGUMENT,
                 "sample 2 of the test split");
    clmix_dataset_close(dataset);
    ck_assert_int_eq(from_arrays(&numbered, &pictures), CLMIX_OK);
    ck_assert_str_eq(clmix_dataset_class_name(numbered, 9), "9");
    clmix_dataset_close(numbered);
}
END_TEST

/* Ports of every type, and no labels: each comes with its sample, whatever the order. */
START_TEST(any_ports)
{
    static const clmix_port any[] = { { "signal", CLMIX_F32, 1, { 5 } },
                                      { "tokens", CLMIX_I32, 2, { 3, 2 } },
                                      { .name = "mask", .type = CLMIX_U8 },
                                      { "volume", CLMIX_U8, 4, { 2, 1, 2, 2 } } };
    const clmix_samples samples = { .ports = any, .port_count = 4, .count = { 20 } };
    const clmix_loader_options shuffled = { .shuffle = true, .threads = 2 }, flipped = { .augment = { .flip = true } },
                               mixed = { .augment = { .mixup = 1 } };
    static float signal[20][5];
    static int32_t tokens[20][6];
    static unsigned char mask[20], volume[20][8];
    clmix_dataset *dataset = NULL;
    clmix_loader *loader = NULL;
    clmix_batch batch;

    for (int i = 0; i < 20; i++) {
        signal[i][4] = (float)i;
        tokens[i][5] = 100 + i;
        mask[i] = (unsigned char)i;
        volume[i][0] = (unsigned char)(i + 50);
    }
    ck_assert_int_eq(clmix_dataset_from_arrays(&dataset, &samples, (const void *[]){ signal, tokens, mask, volume }, NULL), CLMIX_OK);
    ck_assert_int_eq(clmix_dataset_classes(dataset), 0);
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 8, &shuffled), CLMIX_OK);
    for (int k = 0; k < 6; k++) {
        ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
        ck_assert_uint_eq(batch.count, batch.index == 2 ? 4 : 8);
        for (size_t i = 0; i < 8; i++) {
            const int at = ((const unsigned char *)clmix_batch_array(&batch, "mask"))[i];
            const bool filled = i < batch.count;

            ck_assert_float_eq(((const float *)clmix_batch_array(&batch, "signal"))[5 * i + 4], (float)at);
            ck_assert_int_eq(((const int32_t *)clmix_batch_array(&batch, "tokens"))[6 * i + 5], filled ? 100 + at : 0);
            ck_assert_int_eq(((const unsigned char *)clmix_batch_array(&batch, "volume"))[8 * i], filled ? 50 + at : 0);
        }
    }
    clmix_loader_close(loader);
    expect_error(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 8, &flipped), CLMIX_ERROR_ARGUMENT, "fills no port 'pictures' u8");
    expect_error(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 8, &mixed), CLMIX_ERROR_ARGUMENT,
                 "does not fill the ports 'pictures' u8 and 'labels' i32");
    clmix_dataset_close(dataset);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(samples_that_cannot_be)
{
#define HUGE ((size_t)1 << 31)
    static const clmix_port labels = { .name = "labels", .type = CLMIX_I32 };
    const clmix_port twice[] = { labels, labels }, seven[7] = { labels }, nameless[] = { { .type = CLMIX_U8 } },
                     empty[] = { { .name = "", .type = CLMIX_U8 } }, kind[] = { { .name = "x", .type = (clmix_type)3 } },
                     deep[] = { { .name = "x", .rank = 5 } }, nothing[] = { { "x", CLMIX_U8, 2, { 4, 0 } } },
                     huge[] = { { "x", CLMIX_F32, 3, { HUGE, HUGE, 2 } } }, wide[] = { { "x", CLMIX_F32, 2, { HUGE, 2048 } } },
                     floats[] = { { .name = "labels", .type = CLMIX_F32 } }, plain[] = { { "x", CLMIX_U8, 1, { 4 } } },
                     unequal[] = { { "mask", CLMIX_I32, 1, { 4 } }, { "tokens", CLMIX_I32, 1, { 8 } } },
                     taken[] = { ports[0], labels, { .name = "second_labels", .type = CLMIX_I32 } };
    const struct {
        clmix_samples samples;
        const char *part;
    } rows[] = {
        { { NULL, 1, { 1, 1 }, 0, NULL }, "1 ports (NULL)" },
        { { plain, 0, { 1, 1 }, 0, NULL }, "0 ports; 1 to 6" },
        { { seven, 7, { 1, 1 }, 2, NULL }, "7 ports; 1 to 6" },
        { { nameless, 1, { 1, 1 }, 0, NULL }, "port 0 of the samples needs a name" },
        { { empty, 1, { 1, 1 }, 0, NULL }, "needs a name" },
        { { twice, 2, { 1, 1 }, 2, NULL }, "two ports of the samples are called 'labels'" },
        { { kind, 1, { 1, 1 }, 0, NULL }, "elements of type 3" },
        { { deep, 1, { 1, 1 }, 0, NULL }, "'x' has 5 axes" },
        { { nothing, 1, { 1, 1 }, 0, NULL }, "axis 1 of the port 'x' has the size 0, which makes a sample of nothing" },
        { { huge, 1, { 1, 1 }, 0, NULL }, "larger than a host's memory" },
        { { wide, 1, { 1, HUGE }, 0, NULL }, "2147483648 samples with a port 'x' of 17592186044416 bytes are larger" },
        { { plain, 1, { 2 * HUGE, 1 }, 0, NULL }, "a split of 4294967296 samples" },
        { { plain, 1, { 0, 0 }, 0, NULL }, "neither training nor test samples" },
        { { floats, 1, { 1, 1 }, 2, NULL }, "'labels' must be i32" },
        { { unequal, 2, { 1, 1 }, 0, NULL }, "'mask' has 4 places and 'tokens' 8" },
        { { &labels, 1, { 1, 1 }, 0, NULL }, "0 classes for the port 'labels'" },
        { { &labels, 1, { 1, 1 }, -1, NULL }, "-1 classes" },
        { { &labels, 1, { 1, 1 }, 1000001, NULL }, "1000001 classes" },
        { { plain, 1, { 1, 1 }, 3, NULL }, "3 classes and no port 'labels'" },
        { { &labels, 1, { 1, 1 }, 2, (const char *[]){ "a", NULL } }, "the name of class 1 is NULL" },
    };
    const clmix_sample_source source = { .get = give, .close = note_close };
    const clmix_loader_options mixed = { .augment = { .mixup = 1 } };
    const clmix_samples third = { taken, 3, { 1, 0 }, 10, NULL };
    clmix_dataset *dataset = NULL;
    clmix_loader *loader = NULL;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_error(from_arrays(&dataset, &rows[i].samples), CLMIX_ERROR_ARGUMENT, rows[i].part);
        ck_assert_ptr_null(dataset);
        expect_error(clmix_dataset_from_source(&dataset, &rows[i].samples, &source), CLMIX_ERROR_ARGUMENT, rows[i].part); /* and no close */
        ck_assert_ptr_null(dataset);
    }
    ck_assert_int_eq(clmix_dataset_from_source(&dataset, &third, &(clmix_sample_source){ .get = give }), CLMIX_OK);
    expect_error(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 1, &mixed), CLMIX_ERROR_ARGUMENT, "fills a port 'second_labels' itself");
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(arrays_that_cannot_be)
{
    const clmix_samples train_only = { ports, 2, { TRAIN, 0 }, CLASSES, NULL }, fewer = { ports, 2, { TRAIN, TEST }, CLASSES - 1, NULL };
    const void *const whole[] = { shapes.pictures[0], shapes.labels[0] }, *const half[] = { shapes.pictures[0], NULL };
    clmix_dataset *dataset = NULL;

    expect_error(clmix_dataset_from_arrays(&dataset, &pictures, NULL, whole), CLMIX_ERROR_ARGUMENT,
                 "train split has 50 samples, and its arrays");
    expect_error(clmix_dataset_from_arrays(&dataset, &pictures, whole, NULL), CLMIX_ERROR_ARGUMENT,
                 "test split has 30 samples, and its arrays");
    expect_error(clmix_dataset_from_arrays(&dataset, &pictures, whole, half), CLMIX_ERROR_ARGUMENT,
                 "test split has 30 samples, and its array for the port 'labels' is NULL");
    ck_assert_int_eq(clmix_dataset_from_arrays(&dataset, &train_only, whole, NULL), CLMIX_OK);
    clmix_dataset_close(dataset);
    expect_error(from_arrays(&dataset, &fewer), CLMIX_ERROR_ARGUMENT,
                 "sample 9 of the train split has the label 9 where 0 to 8 are possible");
    for (int split = 0; split < 2; split++) {
        char part[64];

        shapes.labels[split][29] = -1;
        snprintf(part, sizeof part, "sample 29 of the %s split has the label -1", split == 0 ? "train" : "test");
        expect_error(from_arrays(&dataset, &pictures), CLMIX_ERROR_ARGUMENT, part);
        shapes.labels[split][29] = 9;
    }
    ck_assert_ptr_null(dataset);
    shapes.labels[0][29] = shapes.labels[1][0] = CLMIX_NO_LABEL;
    ck_assert_int_eq(from_arrays(&dataset, &pictures), CLMIX_OK);
    clmix_dataset_close(dataset);
}
END_TEST

/* ---- functions ------------------------------------------------------------------------------------------------------------------------------ */

/* What a function returns reaches whoever asked, with its sentence. */
START_TEST(failures_come_through)
{
    static const struct {
        struct behaviour behaviour;
        clmix_status status;
        const char *part;
    } rows[] = {
        { { .at = 7, .status = CLMIX_ERROR_FILE, .sentence = "the archive ends early" },
          CLMIX_ERROR_FILE,
          "sample 7 of the train split: the archive ends early" },
        { { .at = 7, .status = CLMIX_ERROR_FORMAT, .sentence = "the archive is torn" },
          CLMIX_ERROR_FORMAT,
          "7 of the train split: the archive is torn" },
        { { .at = 7, .status = CLMIX_ERROR_HOST_MEMORY }, CLMIX_ERROR_HOST_MEMORY, "function failed (host memory) and gave no reason" },
        { { .at = 7, .status = (clmix_status)99 }, CLMIX_ERROR_ARGUMENT, "returned 99, which is no clmix_status" },
        { { .at = 7, .label = 10 }, CLMIX_ERROR_ARGUMENT, "sample 7 of the train split has the label 10 where 0 to 9 are possible" },
        { { .forgets_the_label = true }, CLMIX_ERROR_ARGUMENT, "the label unfilled" },
    };
    struct behaviour behaviour = rows[_i].behaviour;
    clmix_dataset *dataset = open_source(&behaviour, _i % 2 == 0);
    unsigned char picture[PICTURE];
    clmix_loader *loader = NULL;
    clmix_data_check check;
    clmix_batch batch;
    int32_t label;

    clmix_error_set(CLMIX_OK, "an older sentence");
    expect_error(clmix_dataset_get(dataset, CLMIX_TRAIN, 7, (void *[]){ picture, &label }), rows[_i].status, rows[_i].part);
    ck_assert_ptr_null(strstr(clmix_error(), "older"));
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, BATCH, NULL), CLMIX_OK);
    for (int i = 0; i < 2; i++)
        expect_error(clmix_loader_next(loader, &batch), rows[_i].status, rows[_i].part);
    clmix_loader_close(loader);
    ck_assert_int_eq(clmix_dataset_check(dataset, CLMIX_TRAIN, 60, NULL, NULL, &check),
                     rows[_i].status == CLMIX_ERROR_FORMAT ? CLMIX_OK : rows[_i].status);
    if (rows[_i].status == CLMIX_ERROR_FORMAT)
        ck_assert(check.checked == TRAIN && check.broken == 1);
    clmix_dataset_close(dataset);
    ck_assert_int_eq(behaviour.closed, 1);
}
END_TEST

/* FORMAT is what skip_broken goes past, and nothing else. */
START_TEST(broken_samples_are_skipped)
{
    const clmix_loader_options options = { .skip_broken = true };
    struct behaviour behaviour = { .at = 3, .status = CLMIX_ERROR_FORMAT, .sentence = "it is torn" };
    clmix_dataset *dataset = open_source(&behaviour, false);
    clmix_loader *loader = NULL;
    clmix_batch batch;

    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, BATCH, &options), CLMIX_OK);
    ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
    ck_assert(batch.count == BATCH && batch.skipped == 1);
    ck_assert_str_eq(batch.broken, "sample 3 of the train split: it is torn");
    ck_assert_mem_eq((const unsigned char *)clmix_batch_array(&batch, "pictures") + (size_t)3 * PICTURE, shapes.pictures[0][4], PICTURE);
    clmix_loader_close(loader);
    behaviour.status = CLMIX_ERROR_FILE;
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, BATCH, &options), CLMIX_OK);
    expect_error(clmix_loader_next(loader, &batch), CLMIX_ERROR_FILE, "it is torn");
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

/* Two threads meet inside of the function, unless one at a time was asked for. */
START_TEST(threads_are_as_asked)
{
    const clmix_loader_options options = { .threads = 4 };
    const bool one = _i == 1;
    struct behaviour behaviour = { .at = SIZE_MAX, .patience = one ? 3 : 100000 };
    clmix_dataset *dataset = open_source(&behaviour, one);
    clmix_loader *loader = NULL;
    clmix_batch batch;

    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 5, &options), CLMIX_OK);
    for (int i = 0; i < 20; i++)
        ck_assert_msg(clmix_loader_next(loader, &batch) == CLMIX_OK, "%s", clmix_error());
    clmix_loader_close(loader);
    ck_assert_int_eq(behaviour.most_inside, one ? 1 : 2);
    clmix_dataset_close(dataset);
    ck_assert_int_eq(behaviour.closed, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("samples");
    TCase *same = tcase_create("same"), *refused = tcase_create("refused"), *functions = tcase_create("functions");
    TCase *all[] = { same, refused, functions };

    for (int i = 0; i < 3; i++) {
        tcase_add_checked_fixture(all[i], open_shapes, close_shapes);
        tcase_set_timeout(all[i], 120);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_test(same, batches_are_those_of_the_built_in_set);
    tcase_add_test(same, batches_allocate_nothing);
    tcase_add_test(same, what_is_said_is_copied);
    tcase_add_test(same, any_ports);
    tcase_add_test(refused, samples_that_cannot_be);
    tcase_add_test(refused, arrays_that_cannot_be);
    tcase_add_loop_test(functions, failures_come_through, 0, 6);
    tcase_add_test(functions, broken_samples_are_skipped);
    tcase_add_loop_test(functions, threads_are_as_asked, 0, 2);
    return support_run(suite);
}
