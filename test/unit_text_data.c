/* lib/data: data sets of text, of pixels and of Pathfinder. unit_text_readers.c has what reads their files, unit_text_sets.c ids and masks by themselves. */
#include <clmix/data.h>

#include "support_data.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <png.h>

static char folder[256];

static void make(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void drop(void)
{
    remove_folder(folder);
}

static const char *path_of(const char *name)
{
    return file_in(folder, name);
}

static void put_text(const char *name, const char *text)
{
    write_in(folder, name, text, strlen(text));
}

static void put_folder(const char *name)
{
    ck_assert_int_eq(mkdir(path_of(name), 0777), 0);
}

/* "FOLDER" stands for the test's folder. */
static const char *spec_of(const char *pattern)
{
    static char spec[1200];
    size_t used = 0;

    for (const char *at = pattern; *at != '\0';)
        if (strncmp(at, "FOLDER", 6) == 0) {
            used += (size_t)snprintf(spec + used, sizeof spec - used, "%s", folder);
            at += 6;
        } else
            spec[used++] = *at++;
    spec[used] = '\0';
    return spec;
}

static const clmix_port one_of_8[] = { { "tokens", CLMIX_I32, 1, { 8 } }, { "mask", CLMIX_I32, 1, { 8 } } };
static const clmix_port two_of_8[] = {
    { "tokens", CLMIX_I32, 1, { 8 } },
    { "mask", CLMIX_I32, 1, { 8 } },
    { "second_tokens", CLMIX_I32, 1, { 8 } },
    { "second_mask", CLMIX_I32, 1, { 8 } },
};
static const clmix_port one_of_64[] = { { "tokens", CLMIX_I32, 1, { 64 } }, { "mask", CLMIX_I32, 1, { 64 } } };
static const clmix_port pictures[] = { { "pictures", CLMIX_U8, 3, { 8, 8, 3 } } };

static clmix_dataset *must_open_text(const char *pattern, const clmix_port *wanted, size_t count)
{
    clmix_dataset *data = NULL;

    ck_assert_msg(clmix_dataset_open(&data, spec_of(pattern), wanted, count) == CLMIX_OK, "%s", clmix_error());
    return data;
}

static void must_refuse(const char *pattern, const clmix_port *wanted, size_t count, clmix_status status, const char *part)
{
    clmix_dataset *data = NULL;

    expect_error(clmix_dataset_open(&data, spec_of(pattern), wanted, count), status, part);
    ck_assert_ptr_null(data);
}

/* The names of a set's ports, and places of those along the sequence. */
static void expect_ports(const clmix_dataset *data, const char *names, size_t length)
{
    size_t count;
    const clmix_port *ports = clmix_dataset_ports(data, &count);
    char found[200] = "";

    for (size_t i = 0; i < count; i++) {
        const bool label = strcmp(ports[i].name, CLMIX_LABELS) == 0;

        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i > 0 ? " " : "", ports[i].name);
        ck_assert(ports[i].type == CLMIX_I32 && ports[i].rank == (label ? 0 : 1) && (label || ports[i].size[0] == length));
    }
    ck_assert_str_eq(found, names);
}

#define VOCABULARY "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\n"
#define ROWS       "label\ttext\npos\ta b\nneg\tc\npos\ta b c d e f a b\nneg\t\nneg\txyz\nbad \xff\ta\n"

START_TEST(labelled_texts)
{
    int32_t tokens[8], mask[8], label;
    const clmix_data_reading *reading;
    clmix_dataset *data;

    put_text("vocab.txt", VOCABULARY);
    put_text("train.tsv", ROWS);
    put_text("test.tsv", "label\ttext\npos\tb\n");
    data = must_open_text("tsv:FOLDER/train.tsv,vocab=FOLDER/vocab.txt", one_of_8, 2);
    expect_ports(data, "tokens mask labels", 8);
    ck_assert(clmix_dataset_count(data, CLMIX_TRAIN) == 4 && clmix_dataset_count(data, CLMIX_TEST) == 1);
    ck_assert_int_eq(clmix_dataset_classes(data), 2);
    ck_assert_str_eq(clmix_dataset_class_name(data, 1), "pos");
    ck_assert(clmix_tokenizer_size(clmix_dataset_tokenizer(data)) == 11 && clmix_dataset_ids(data) == 11);
    reading = clmix_dataset_reading(data, CLMIX_TRAIN);
    ck_assert(reading->texts == 4 && reading->cut == 1 && reading->unknown == 1 && reading->longest == 8);
    ck_assert(reading->tokens == 4 + 3 + 8 + 3 && reading->skips.empty == 1 && reading->skips.encoding == 1 && reading->skips.read == 6);
    ck_assert(clmix_dataset_reading(data, CLMIX_TEST)->texts == 1 && clmix_dataset_reading(NULL, CLMIX_TEST) == NULL);

    ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, 0, (void *[]){ tokens, mask, &label }), CLMIX_OK);
    ck_assert(memcmp(tokens, (int32_t[]){ 2, 5, 6, 3, 0, 0, 0, 0 }, sizeof tokens) == 0 && label == 1);
    ck_assert(memcmp(mask, (int32_t[]){ 1, 1, 1, 1, 0, 0, 0, 0 }, sizeof mask) == 0);
    ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, 2, (void *[]){ tokens, mask, &label }), CLMIX_OK);
    ck_assert(memcmp(tokens, (int32_t[]){ 2, 5, 6, 7, 8, 9, 10, 3 }, sizeof tokens) == 0 && mask[7] == 1);
    clmix_dataset_close(data);

    /* as bytes without a vocabulary, and as long as its longest where no model says otherwise */
    data = must_open_text("tsv:FOLDER/train.tsv", NULL, 0);
    expect_ports(data, "tokens mask labels", 15);
    ck_assert_str_eq(clmix_tokenizer_kind_name(clmix_dataset_tokenizer(data)), "bytes");
    clmix_dataset_close(data);
    /* options stand in any order */
    data = must_open_text("tsv:FOLDER/train.tsv,length=5,bytes,label=label,text=text", one_of_8, 2);
    expect_ports(data, "tokens mask labels", 5);
    ck_assert_uint_eq(clmix_dataset_reading(data, CLMIX_TRAIN)->cut, 1);
    clmix_dataset_close(data);
}
END_TEST

START_TEST(two_texts)
{
    int32_t tokens[8], mask[8], second[8], second_mask[8], label;
    clmix_dataset *data;

    put_text("vocab.txt", VOCABULARY);
    put_text("new.train.tsv", "1.0\tx\ty\ta b\tc\n0.0\tx\ty\td\te f\n");
    put_text("new.test.tsv", "0\tx\ty\ta\tb\n");
    data = must_open_text("retrieval:FOLDER/new.train.tsv,vocab=FOLDER/vocab.txt", two_of_8, 4);
    expect_ports(data, "tokens mask second_tokens second_mask labels", 8);
    ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, 0, (void *[]){ tokens, mask, second, second_mask, &label }), CLMIX_OK);
    ck_assert(memcmp(tokens, (int32_t[]){ 2, 5, 6, 3, 0, 0, 0, 0 }, sizeof tokens) == 0 && label == 1);
    ck_assert(memcmp(second, (int32_t[]){ 2, 7, 3, 0, 0, 0, 0, 0 }, sizeof second) == 0);
    ck_assert(memcmp(second_mask, (int32_t[]){ 1, 1, 1, 0, 0, 0, 0, 0 }, sizeof mask) == 0);
    clmix_dataset_close(data);
    /* both in one sequence, for a model of one; and as bytes for one of two */
    data = must_open_text("retrieval:FOLDER/new.train.tsv,vocab=FOLDER/vocab.txt", one_of_8, 2);
    expect_ports(data, "tokens mask labels", 8);
    ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, 0, (void *[]){ tokens, mask, &label }), CLMIX_OK);
    ck_assert(memcmp(tokens, (int32_t[]){ 2, 5, 6, 3, 7, 3, 0, 0 }, sizeof tokens) == 0);
    clmix_dataset_close(data);
    data = must_open_text("retrieval:FOLDER/new.train.tsv", NULL, 0);
    expect_ports(data, "tokens mask second_tokens second_mask labels", 3);
    clmix_dataset_close(data);
    must_refuse("retrieval:FOLDER/new.train.tsv", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "has no [SEP] to put between them");
    put_text("train.tsv", ROWS);
    must_refuse("tsv:FOLDER/train.tsv", two_of_8, 4, CLMIX_ERROR_ARGUMENT, "the model compares two texts");
}
END_TEST

START_TEST(trees)
{
    clmix_dataset *data = must_open_text("listops:train=20,test=5,min=3,max=60", one_of_64, 2);
    int32_t tokens[64], mask[64], label;

    expect_ports(data, "tokens mask labels", 64);
    ck_assert_str_eq(clmix_tokenizer_kind_name(clmix_dataset_tokenizer(data)), "listops");
    for (size_t i = 0; i < 20; i++) {
        ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, i, (void *[]){ tokens, mask, &label }), CLMIX_OK);
        ck_assert(tokens[0] >= 11 && tokens[0] <= 14 && label >= 0 && label < 10 && mask[3] == 1 && mask[63] == 0 && tokens[63] == 0);
    }
    clmix_dataset_close(data);
    must_refuse("listops:train=50,test=5,min=30,max=100", one_of_64, 2, CLMIX_ERROR_ARGUMENT,
                "which would have another label if it were cut");
    must_refuse("listops:train=5,test=5,min=3,max=60,bytes", one_of_64, 2, CLMIX_ERROR_ARGUMENT, "written in tokens of its own");
}
END_TEST

START_TEST(refused_texts)
{
    put_text("vocab.txt", VOCABULARY);
    put_text("train.tsv", ROWS);
    put_text("words.txt", "a b c\n\nd e f\n");
    put_text("short.txt", "a\n");
    must_refuse("tsv:FOLDER/train.tsv", pictures, 1, CLMIX_ERROR_ARGUMENT, "and the model reads pictures (u8 8x8x3); take a model of text");
    must_refuse("shapes", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "pixels: before its name");
    must_refuse("tsv:FOLDER/train.tsv,length=9", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "length=9 is asked for, and the model's longest");
    must_refuse("tsv:FOLDER/train.tsv,length=x", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "length=x must be a whole number");
    must_refuse("tsv:FOLDER/train.tsv,bytes,vocab=v", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "in one of these ways");
    must_refuse("tsv:FOLDER/train.tsv,cased", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "cased is asked for without vocab=FILE");
    must_refuse("tsv:FOLDER/train.tsv,bytes,bytes", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "is there twice");
    must_refuse("tsv:FOLDER/train.tsv,vocab=", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "says nothing");
    must_refuse("tsv:FOLDER/train.tsv,vocab=FOLDER/none.txt", one_of_8, 2, CLMIX_ERROR_FILE, "none.txt");
    must_refuse("text:FOLDER/words.txt", one_of_8, 2, CLMIX_ERROR_ARGUMENT, ",vocab=FILE (a vocab.txt");
    must_refuse("text:FOLDER/words.txt,bytes", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "the tokenizer 'bytes' has no [MASK]");
    must_refuse("text:FOLDER/words.txt,vocab=FOLDER/vocab.txt,seed=18446744073709551616", one_of_8, 2, CLMIX_ERROR_ARGUMENT,
                "seed=18446744073709551616 must be a whole number");
    must_refuse("listops:seed=18446744073709551616", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "must be a whole number from 0 to");
    must_refuse("text:FOLDER/words.txt,vocab=FOLDER/vocab.txt,masked=0.3", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "masked=0.3 must be");
    must_refuse("text:FOLDER/words.txt,vocab=FOLDER/vocab.txt,length=3", one_of_8, 2, CLMIX_ERROR_ARGUMENT,
                "too short for masked language");
    must_refuse("pixels:text:FOLDER/words.txt,vocab=FOLDER/vocab.txt", one_of_8, 2, CLMIX_ERROR_ARGUMENT, "that is no set of pictures");
    must_refuse("pixels:shapes:size=8", two_of_8, 4, CLMIX_ERROR_ARGUMENT, "the model compares two sequences");
    must_refuse("pixels:shapes:size=8", pictures, 1, CLMIX_ERROR_ARGUMENT, "a token a pixel, and the model reads pictures");
}
END_TEST

START_TEST(given_tokenizers)
{
    clmix_tokenizer *words = NULL, *bytes = NULL;
    clmix_dataset *data = NULL;

    put_text("vocab.txt", VOCABULARY);
    put_text("train.tsv", ROWS);
    ck_assert_int_eq(clmix_tokenizer_read(&words, "wordpiece\n" VOCABULARY), CLMIX_OK);
    ck_assert_int_eq(clmix_tokenizer_open(&bytes, "bytes"), CLMIX_OK);
    ck_assert_int_eq(clmix_dataset_open_text(&data, spec_of("tsv:FOLDER/train.tsv"), one_of_8, 2, words), CLMIX_OK);
    ck_assert(clmix_tokenizer_size(clmix_dataset_tokenizer(data)) == 11 && clmix_dataset_tokenizer(data) != words);
    clmix_dataset_close(data);
    ck_assert_int_eq(clmix_dataset_open_text(&data, spec_of("tsv:FOLDER/train.tsv,vocab=FOLDER/vocab.txt"), one_of_8, 2, words), CLMIX_OK);
    clmix_dataset_close(data);
    expect_error(clmix_dataset_open_text(&data, spec_of("tsv:FOLDER/train.tsv,vocab=FOLDER/vocab.txt"), one_of_8, 2, bytes),
                 CLMIX_ERROR_ARGUMENT, "was trained on ids of its own tokenizer (bytes, 257 tokens)");
    expect_error(clmix_dataset_open_text(&data, "listops:train=5,test=5,min=3,max=8", one_of_8, 2, words), CLMIX_ERROR_ARGUMENT,
                 "is to be read by another (listops, 16 tokens)");
    ck_assert_int_eq(clmix_dataset_open_text(&data, "shapes:train=2,test=2", NULL, 0, words), CLMIX_OK);
    ck_assert_ptr_null(clmix_dataset_tokenizer(data));
    clmix_dataset_close(data);
    clmix_tokenizer_close(words);
    clmix_tokenizer_close(bytes);
}
END_TEST

/* ---- masked language ---------------------------------------------------------------------------------------------------------------------- */

#define DOCUMENTS 60
#define LENGTH    32

static void put_documents(void)
{
    static char text[DOCUMENTS * 400];
    size_t used = 0;

    put_text("vocab.txt", VOCABULARY);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        for (size_t word = 0; word < 12 + i % 40; word++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%c ", (char)('a' + (i + word * word) % 6));
        used += (size_t)snprintf(text + used, sizeof text - used, "\n\n");
    }
    put_text("words.txt", text);
}

/* Hash of batches from one on, in the order of the files. */
static uint64_t hash_batches(const clmix_dataset *data, clmix_split split, uint64_t seed, size_t epoch, size_t first, size_t count)
{
    const clmix_loader_options options = { .seed = seed, .first_epoch = epoch, .first_batch = first };
    uint64_t hash = HASH_START;
    clmix_loader *loader = NULL;

    ck_assert_msg(clmix_loader_open(&loader, data, split, 4, &options) == CLMIX_OK, "%s", clmix_error());
    for (size_t i = 0; i < count; i++) {
        clmix_batch batch;

        ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
        for (size_t p = 0; p < batch.port_count; p++)
            hash = hash_more(hash, batch.arrays[p], 4 * clmix_port_bytes(&batch.ports[p]));
    }
    clmix_loader_close(loader);
    return hash;
}

START_TEST(masked_language)
{
    const clmix_loader_options options = { .seed = 5 };
    int32_t tokens[LENGTH], mask[LENGTH], labels[LENGTH];
    clmix_loader *loader = NULL;
    clmix_dataset *data;
    size_t count, masked = 0;

    put_documents();
    data = must_open_text("text:FOLDER/words.txt,length=32,vocab=FOLDER/vocab.txt", one_of_64, 2);
    expect_ports(data, "tokens mask token_labels", LENGTH);
    count = clmix_dataset_count(data, CLMIX_TRAIN);
    ck_assert(count > 60 && clmix_dataset_count(data, CLMIX_TEST) > 2 && clmix_dataset_reading(data, CLMIX_TRAIN)->texts == 57);
    ck_assert_int_eq(clmix_loader_open(&loader, data, CLMIX_TRAIN, 1, &options), CLMIX_OK);
    for (size_t i = 0; i < count; i++) {
        clmix_batch batch;
        const int32_t *given, *guessed;
        size_t places = 0, used = 0;

        ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, i, (void *[]){ tokens, mask, labels }), CLMIX_OK);
        ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
        given = clmix_batch_array(&batch, CLMIX_TOKENS);
        guessed = clmix_batch_array(&batch, CLMIX_TOKEN_LABELS);
        ck_assert(memcmp(clmix_batch_array(&batch, CLMIX_TOKEN_MASK), mask, sizeof mask) == 0);
        for (size_t at = 0; at < LENGTH; at++) {
            used += mask[at] != 0;
            ck_assert_int_eq(labels[at], CLMIX_NO_LABEL); /* as it is stored */
            ck_assert(guessed[at] == CLMIX_NO_LABEL ? given[at] == tokens[at] : guessed[at] == tokens[at] && mask[at] == 1);
            places += guessed[at] != CLMIX_NO_LABEL;
            masked += guessed[at] != CLMIX_NO_LABEL && given[at] == 4;
        }
        ck_assert(tokens[0] == 2 && tokens[used - 1] == 3 && used > 3 && places >= 1 && places <= 5 && (used < 32 || places == 5));
    }
    ck_assert(masked > 2 * count);
    clmix_loader_close(loader);

    /* a run that begins in the middle masks the same; another epoch or seed masks others, and the test split knows neither */
    ck_assert(hash_batches(data, CLMIX_TRAIN, 5, 2, 3, 1) == hash_batches(data, CLMIX_TRAIN, 5, 2, 3, 1));
    ck_assert(hash_batches(data, CLMIX_TRAIN, 5, 2, 3, 1) != hash_batches(data, CLMIX_TRAIN, 5, 3, 3, 1));
    ck_assert(hash_batches(data, CLMIX_TRAIN, 5, 2, 3, 1) != hash_batches(data, CLMIX_TRAIN, 6, 2, 3, 1));
    ck_assert(hash_batches(data, CLMIX_TEST, 5, 0, 0, 2) == hash_batches(data, CLMIX_TEST, 6, 3, 0, 2));
    clmix_dataset_close(data);
    data = must_open_text("text:FOLDER/words.txt,vocab=FOLDER/vocab.txt,seed=1,short=0", one_of_64, 2);
    expect_ports(data, "tokens mask token_labels", 64);
    clmix_dataset_close(data);
}
END_TEST

START_TEST(masks_do_not_depend_on_where_a_run_begins)
{
    clmix_dataset *data;
    uint64_t all, rest;

    put_documents();
    data = must_open_text("text:FOLDER/words.txt,vocab=FOLDER/vocab.txt", one_of_64, 2);
    all = hash_batches(data, CLMIX_TRAIN, 7, 1, 2, 6);
    rest = hash_batches(data, CLMIX_TRAIN, 7, 1, 2, 6);
    ck_assert_uint_eq(all, rest);
    {
        const clmix_loader_options from_start = { .seed = 7 };
        clmix_loader *loader = NULL;
        uint64_t hash = HASH_START;
        clmix_batch batch;

        ck_assert_int_eq(clmix_loader_open(&loader, data, CLMIX_TRAIN, 4, &from_start), CLMIX_OK);
        for (size_t i = 0; i < clmix_loader_batches(loader) + 8; i++) {
            ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
            for (size_t p = 0; i >= clmix_loader_batches(loader) + 2 && p < batch.port_count; p++)
                hash = hash_more(hash, batch.arrays[p], 4 * clmix_port_bytes(&batch.ports[p]));
        }
        clmix_loader_close(loader);
        ck_assert_uint_eq(hash, all);
    }
    clmix_dataset_close(data);
}
END_TEST

/* ---- pixels ------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(pixels)
{
    clmix_dataset *data = must_open_text("pixels:shapes:size=8,train=30,test=3", one_of_64, 2),
                  *shapes = must_open_text("shapes:size=8,train=30,test=3", NULL, 0);
    int32_t tokens[64], mask[64], label, same;
    unsigned char picture[8 * 8 * 3];

    expect_ports(data, "tokens mask labels", 64);
    ck_assert(clmix_dataset_count(data, CLMIX_TRAIN) == 30 && clmix_dataset_classes(data) == 10 && clmix_dataset_ids(data) == 256);
    ck_assert_str_eq(clmix_dataset_class_name(data, 3), clmix_dataset_class_name(shapes, 3));
    for (size_t i = 0; i < 30; i++) {
        ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, i, (void *[]){ tokens, mask, &label }), CLMIX_OK);
        ck_assert_int_eq(clmix_dataset_get(shapes, CLMIX_TRAIN, i, (void *[]){ picture, &same }), CLMIX_OK);
        ck_assert_int_eq(label, same);
        for (size_t p = 0; p < 64; p++) {
            const double grey = 0.2989 * picture[3 * p] + 0.5870 * picture[3 * p + 1] + 0.1140 * picture[3 * p + 2];

            ck_assert(tokens[p] >= (int32_t)(grey * 255.5 / 255.0 - 1e-4) && tokens[p] <= (int32_t)(grey * 255.5 / 255.0 + 1e-4));
            ck_assert_int_eq(mask[p], tokens[p] != 0);
        }
    }
    clmix_dataset_close(shapes);
    clmix_dataset_close(data);
    /* more pixels than places: the largest square that fits */
    data = must_open_text("pixels:shapes:size=32,train=4,test=3", one_of_64, 2);
    expect_ports(data, "tokens mask labels", 64);
    clmix_dataset_close(data);
    data = must_open_text("pixels:shapes:size=16,train=4,test=3", NULL, 0);
    expect_ports(data, "tokens mask labels", 256);
    clmix_dataset_close(data);
}
END_TEST

/* 8 x 8 grey pixels, the first of which has the value. */
static void put_png(const char *name, unsigned char value)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .width = 8, .height = 8, .format = PNG_FORMAT_GRAY };
    unsigned char bytes[64] = { value, 0, 7 };

    ck_assert(png_image_write_to_file(&image, path_of(name), 0, bytes, 8, NULL) != 0);
}

static void put_pathfinder(void)
{
    char name[60], lines[2000] = "";

    put_folder("hard");
    put_folder("hard/curv_contour_length_14");
    put_folder("hard/curv_contour_length_14/metadata");
    put_folder("hard/curv_contour_length_14/imgs");
    put_folder("hard/curv_contour_length_14/imgs/0");
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "hard/curv_contour_length_14/imgs/0/sample_%d.png", i);
        put_png(name, (unsigned char)(100 + i));
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "imgs/0 sample_%d.png %d %d 1.8 14 2\n", i, i, i % 2);
    }
    strcat(lines, "imgs/0 sample_3.png\nimgs/0 sample_3.png 3 2\n\n../x sample_3.png 3 1\nimgs/0 \xff 3 1\n");
    put_text("hard/curv_contour_length_14/metadata/0.npy", lines);
}

START_TEST(pathfinder)
{
    int32_t tokens[64], mask[64], label;
    unsigned char picture[64];
    clmix_dataset *data;

    put_pathfinder();
    data = must_open_text("pathfinder:FOLDER/hard", one_of_64, 2);
    expect_ports(data, "tokens mask labels", 64);
    ck_assert(clmix_dataset_count(data, CLMIX_TRAIN) == 18 && clmix_dataset_count(data, CLMIX_TEST) == 2);
    ck_assert(clmix_dataset_reading(data, CLMIX_TRAIN)->skips.form == 2 && clmix_dataset_reading(data, CLMIX_TRAIN)->skips.label == 1 &&
              clmix_dataset_reading(data, CLMIX_TRAIN)->skips.encoding == 1);
    ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TRAIN, 11, (void *[]){ tokens, mask, &label }), CLMIX_OK); /* 9 is of the test split */
    ck_assert(tokens[0] == 112 && tokens[1] == 0 && tokens[2] == 7 && mask[0] == 1 && mask[1] == 0 && label == 0);
    ck_assert_str_eq(clmix_dataset_class_name(data, 1), "connected");
    clmix_dataset_close(data);
    data = must_open_text("pathfinder:FOLDER/hard/curv_contour_length_14", NULL, 0); /* pictures, where nobody reads tokens */
    ck_assert_int_eq(clmix_dataset_get(data, CLMIX_TEST, 0, (void *[]){ picture, &label }), CLMIX_OK);
    ck_assert(picture[0] == 109 && label == 1);
    clmix_dataset_close(data);
    must_refuse("pathfinder:FOLDER", one_of_64, 2, CLMIX_ERROR_FILE, "holds neither metadata/");
    put_text("hard/curv_contour_length_14/metadata/0.npy", "\n");
    must_refuse("pathfinder:FOLDER/hard", one_of_64, 2, CLMIX_ERROR_FORMAT, "with a line that names a picture");
    put_text("hard/curv_contour_length_14/metadata/0.npy", "imgs/0 sample_3.png 3 2\n");
    must_refuse("pathfinder:FOLDER/hard", one_of_64, 2, CLMIX_ERROR_FORMAT, "is neither 0 nor 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text data");
    TCase *tests = tcase_create("text data");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, make, drop);
    tcase_add_test(tests, labelled_texts);
    tcase_add_test(tests, two_texts);
    tcase_add_test(tests, trees);
    tcase_add_test(tests, refused_texts);
    tcase_add_test(tests, given_tokenizers);
    tcase_add_test(tests, masked_language);
    tcase_add_test(tests, masks_do_not_depend_on_where_a_run_begins);
    tcase_add_test(tests, pixels);
    tcase_add_test(tests, pathfinder);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
