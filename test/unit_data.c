/* lib/data: data sets, augmentation, the loader. */
#include <clmix/data.h>

#include "base/file.h"
#include "data/augment.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHAPES_HASH 0x192A59B6E8D56A9Du

static char folder[256];

static void make_folder(void)
{
    const char *root = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%.200s/clmix-data-XXXXXX", root == NULL ? "/tmp" : root);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    ck_assert_int_eq(rmdir(folder), 0);
}

static void expect_error(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "status %s, not %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' is not in: %s", part, clmix_error());
}

static clmix_dataset *must_open(const char *spec, size_t height, size_t width, size_t channels)
{
    clmix_dataset *dataset = NULL;

    ck_assert_msg(clmix_dataset_open(&dataset, spec, height, width, channels) == CLMIX_OK, "%s", clmix_error());
    return dataset;
}

static void must_get(const clmix_dataset *dataset, clmix_split split, size_t index, unsigned char *picture, int *label)
{
    ck_assert_msg(clmix_dataset_get(dataset, split, index, picture, label) == CLMIX_OK, "%s", clmix_error());
}

/* The first `bytes` bytes of a fixture (all when SIZE_MAX), byte `changed` replaced, as FOLDER/name; then `spec` of FOLDER must fail so. */
static void expect_refusal(const char *fixture, size_t bytes, size_t changed, unsigned char value, const char *name, const char *kind,
                           const char *part)
{
    char spec[512], *path = clmix_path_join(folder, name);
    clmix_dataset *dataset = NULL;
    void *content = NULL;
    size_t whole = 0;

    ck_assert_int_eq(clmix_file_read(fixture, 1 << 24, &content, &whole), CLMIX_OK);
    if (changed < whole)
        ((unsigned char *)content)[changed] = value;
    ck_assert_int_eq(clmix_file_write(path, content, bytes < whole ? bytes : whole), CLMIX_OK);
    snprintf(spec, sizeof spec, "%s:%s", kind, folder);
    expect_error(clmix_dataset_open(&dataset, spec, 0, 0, 0), CLMIX_ERROR_FORMAT, part);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(unlink(path), 0);
    free(content);
    free(path);
}

START_TEST(specs)
{
    clmix_dataset *dataset = NULL;

    expect_error(clmix_dataset_open(&dataset, "svhn:/x", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "'svhn:/x' is of no known kind");
    expect_error(clmix_dataset_open(&dataset, "cifar10", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "cifar10:DIR");
    expect_error(clmix_dataset_open(&dataset, "shapes", 0, 0, 2), CLMIX_ERROR_ARGUMENT, "channels are 1 or 3");
    expect_error(clmix_dataset_open(&dataset, "shapes", 99999, 0, 0), CLMIX_ERROR_ARGUMENT, "99999");
    expect_error(clmix_dataset_open(&dataset, "shapes:sise=3", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "'sise=3' is no option");
    expect_error(clmix_dataset_open(&dataset, "shapes:size=", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "'size='");
    expect_error(clmix_dataset_open(&dataset, "shapes:size=64x", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "'size=64x'");
    expect_error(clmix_dataset_open(&dataset, "shapes:size=-3", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "8 to 4096");
    expect_error(clmix_dataset_open(&dataset, "shapes:train=0", 0, 0, 0), CLMIX_ERROR_ARGUMENT, "'train=0'");
    expect_error(clmix_dataset_open(&dataset, "cifar10:/nonexistent", 0, 0, 0), CLMIX_ERROR_FILE,
                 "'/nonexistent' holds no 'data_batch_1.bin'");
    expect_error(clmix_dataset_open(&dataset, "cifar100:/nonexistent", 0, 0, 0), CLMIX_ERROR_FILE, "cifar-100-binary.tar.gz");
    expect_error(clmix_dataset_open(&dataset, "mnist:/nonexistent", 0, 0, 0), CLMIX_ERROR_FILE, "train-images-idx3-ubyte");
    expect_error(clmix_dataset_open(&dataset, "folder:/nonexistent", 0, 0, 0), CLMIX_ERROR_FILE, "'/nonexistent' is not a folder");
    ck_assert_ptr_null(dataset);
    clmix_dataset_close(NULL);
}
END_TEST

START_TEST(shapes_are_reproducible_and_balanced)
{
    clmix_dataset *a = must_open("shapes", 0, 0, 0), *b = must_open("shapes:seed=0,train=40", 0, 0, 0),
                  *c = must_open("shapes:seed=1", 0, 0, 0);
    unsigned char first[3072], second[3072];
    int label, other, counts[10] = { 0 };
    size_t height, width, channels;

    clmix_dataset_size(a, &height, &width, &channels);
    ck_assert(height == 32 && width == 32 && channels == 3);
    ck_assert(clmix_dataset_count(a, CLMIX_TRAIN) == 10000 && clmix_dataset_count(a, CLMIX_TEST) == 2000 &&
              clmix_dataset_count(b, CLMIX_TRAIN) == 40);
    ck_assert_int_eq(clmix_dataset_classes(a), 10);
    ck_assert_str_eq(clmix_dataset_class_name(a, 4), "triangle");
    ck_assert(clmix_dataset_class_name(a, 10) == NULL && clmix_dataset_class_name(a, -1) == NULL);
    for (size_t i = 0; i < 40; i++) {
        must_get(a, CLMIX_TRAIN, i, first, &label);
        must_get(b, CLMIX_TRAIN, i, second, &other);
        ck_assert(label == other && memcmp(first, second, 3072) == 0);
        counts[label]++;
        must_get(c, CLMIX_TRAIN, i, second, NULL);
        ck_assert(memcmp(first, second, 3072) != 0);
        must_get(a, CLMIX_TEST, i, second, NULL);
        ck_assert(memcmp(first, second, 3072) != 0);
    }
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(counts[i], 4);
    expect_error(clmix_dataset_get(a, CLMIX_TEST, 2000, first, &label), CLMIX_ERROR_ARGUMENT, "picture 2000 of the test split");
    clmix_dataset_close(a);
    clmix_dataset_close(b);
    clmix_dataset_close(c);
}
END_TEST

/* The pictures are part of the file-free contract: these sums must be the same on every host and in every version. */
START_TEST(shapes_are_the_same_everywhere)
{
    clmix_dataset *shapes = must_open("shapes:size=24", 0, 0, 0);
    unsigned char picture[24 * 24 * 3];
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < 20; i++) {
        must_get(shapes, CLMIX_TRAIN, i, picture, NULL);
        for (size_t k = 0; k < sizeof picture; k++)
            hash = (hash ^ picture[k]) * 0x100000001B3u;
    }
    ck_assert_msg(hash == SHAPES_HASH, "0x%llXu", (unsigned long long)hash);
    clmix_dataset_close(shapes);
}
END_TEST

START_TEST(shapes_in_any_size)
{
    static const size_t sizes[][3] = { { 8, 8, 1 }, { 17, 33, 3 }, { 64, 16, 1 }, { 1, 1, 3 } };
    unsigned char picture[64 * 33 * 3 + 1];

    for (size_t i = 0; i < 4; i++) {
        clmix_dataset *shapes = must_open("shapes:size=64", sizes[i][0], sizes[i][1], sizes[i][2]);
        size_t bytes = sizes[i][0] * sizes[i][1] * sizes[i][2];

        picture[bytes] = 123;
        for (size_t k = 0; k < 20; k++)
            must_get(shapes, CLMIX_TEST, k, picture, NULL);
        ck_assert_uint_eq(picture[bytes], 123);
        clmix_dataset_close(shapes);
    }
}
END_TEST

START_TEST(cifar10_pictures)
{
    clmix_dataset *dataset = must_open("cifar10:" CLMIX_TEST_DATA "/cifar10", 0, 0, 0), *grey, *large;
    unsigned char picture[3072], *file, other[64 * 64 * 3];
    void *content = NULL;
    size_t bytes;
    int label;
    float mean[4], deviation[4];

    ck_assert_uint_eq(clmix_dataset_count(dataset, CLMIX_TRAIN), 20);
    ck_assert_uint_eq(clmix_dataset_count(dataset, CLMIX_TEST), 6);
    ck_assert_str_eq(clmix_dataset_class_name(dataset, 3), "cat");
    ck_assert_int_eq(clmix_file_read(CLMIX_TEST_DATA "/cifar10/data_batch_1.bin", 1 << 20, &content, &bytes), CLMIX_OK);
    file = (unsigned char *)content + 7 * 3073;
    must_get(dataset, CLMIX_TRAIN, 7, picture, &label);
    ck_assert_int_eq(label, file[0]);
    for (size_t i = 0; i < 1024; i++)
        ck_assert(picture[3 * i] == file[1 + i] && picture[3 * i + 1] == file[1025 + i] && picture[3 * i + 2] == file[2049 + i]);
    clmix_dataset_normalization(dataset, mean, deviation);
    ck_assert(mean[2] == 0.5f && deviation[0] == 0.5f);
    grey = must_open("cifar10:" CLMIX_TEST_DATA "/cifar10", 0, 0, 1);
    must_get(grey, CLMIX_TRAIN, 7, other, NULL);
    ck_assert_int_le(abs(other[5] - (int)lround(0.299 * picture[15] + 0.587 * picture[16] + 0.114 * picture[17])), 1);
    large = must_open("cifar10:" CLMIX_TEST_DATA "/cifar10", 64, 64, 3);
    must_get(large, CLMIX_TRAIN, 7, other, NULL);
    ck_assert_mem_eq(other, picture, 3);
    clmix_dataset_close(large);
    clmix_dataset_close(grey);
    clmix_dataset_close(dataset);
    free(content);
}
END_TEST

START_TEST(cifar100_pictures)
{
    clmix_dataset *dataset = must_open("cifar100:" CLMIX_TEST_DATA "/cifar100", 0, 0, 0);
    unsigned char picture[3072];
    int label;

    ck_assert(clmix_dataset_count(dataset, CLMIX_TRAIN) == 4 && clmix_dataset_count(dataset, CLMIX_TEST) == 2 &&
              clmix_dataset_classes(dataset) == 100);
    must_get(dataset, CLMIX_TRAIN, 3, picture, &label);
    ck_assert_int_eq(label, 93);
    ck_assert_str_eq(clmix_dataset_class_name(dataset, label), "turtle");
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(cifar_refusals)
{
    const char *fixture = CLMIX_TEST_DATA "/cifar10/data_batch_1.bin";

    expect_refusal(fixture, 5000, SIZE_MAX, 0, "data_batch_3.bin", "cifar10", "data_batch_3.bin': 30,730,000 bytes expected");
    expect_refusal(fixture, 0, SIZE_MAX, 0, "test_batch.bin", "cifar10", "0 found; the download stopped early");
    expect_refusal(fixture, SIZE_MAX, 3073 * 4, 10, "data_batch_1.bin", "cifar10", "picture 4 has the label 10 where 0 to 9");
    expect_refusal(fixture, SIZE_MAX, SIZE_MAX, 0, "train.bin", "cifar100", "61,460 found");
    expect_refusal(CLMIX_TEST_DATA "/cifar100/train.bin", SIZE_MAX, 1, 100, "train.bin", "cifar100", "label 100 where 0 to 99");
}
END_TEST

START_TEST(mnist_pictures)
{
    clmix_dataset *plain = must_open("mnist:" CLMIX_TEST_DATA "/mnist", 0, 0, 0),
                  *padded = must_open("mnist:" CLMIX_TEST_DATA "/mnist", 32, 32, 3);
    unsigned char picture[28 * 28], large[32 * 32 * 3];
    size_t height, width, channels;
    int label, other;

    clmix_dataset_size(plain, &height, &width, &channels);
    ck_assert(height == 28 && width == 28 && channels == 1);
    ck_assert(clmix_dataset_count(plain, CLMIX_TRAIN) == 12 && clmix_dataset_count(plain, CLMIX_TEST) == 8); /* plain and .gz */
    for (int split = 0; split < 2; split++) {
        unsigned brightest = 0;

        must_get(plain, (clmix_split)split, 5, picture, &label);
        must_get(padded, (clmix_split)split, 5, large, &other);
        ck_assert(label == other && label >= 0 && label < 10);
        for (size_t i = 0; i < 32 * 32; i++) {
            size_t y = i / 32, x = i % 32;
            unsigned wanted = y < 2 || y >= 30 || x < 2 || x >= 30 ? 0 : picture[(y - 2) * 28 + x - 2];

            ck_assert(large[3 * i] == wanted && large[3 * i + 1] == wanted && large[3 * i + 2] == wanted);
            brightest = wanted > brightest ? wanted : brightest;
        }
        ck_assert_uint_gt(brightest, 200);
    }
    clmix_dataset_close(plain);
    clmix_dataset_close(padded);
    padded = must_open("mnist:" CLMIX_TEST_DATA "/mnist", 14, 14, 1);
    must_get(padded, CLMIX_TEST, 0, picture, NULL);
    clmix_dataset_close(padded);
}
END_TEST

START_TEST(mnist_refusals)
{
    const char *images = CLMIX_TEST_DATA "/mnist/train-images-idx3-ubyte", *gz = CLMIX_TEST_DATA "/mnist/t10k-images-idx3-ubyte.gz";
    char *path = clmix_path_join(folder, "train-images-idx3-ubyte"), spec[300];
    clmix_dataset *dataset = NULL;
    void *content;
    size_t bytes;

    expect_refusal(images, 5000, SIZE_MAX, 0, "train-images-idx3-ubyte", "mnist", "9,424 bytes expected, 5,000 found");
    expect_refusal(images, 10, SIZE_MAX, 0, "train-images-idx3-ubyte", "mnist", "does not begin as an IDX file");
    expect_refusal(images, SIZE_MAX, 2, 9, "train-images-idx3-ubyte", "mnist", "does not begin as an IDX file");
    expect_refusal(images, SIZE_MAX, 4, 0xFF, "train-images-idx3-ubyte", "mnist", "bytes expected, 9,424 found");
    expect_refusal(images, SIZE_MAX, 8, 0xFF, "train-images-idx3-ubyte", "mnist", "axis 1 has the size");
    expect_refusal(images, SIZE_MAX, 11, 0, "train-images-idx3-ubyte", "mnist", "axis 1 has the size 0");
    expect_refusal(gz, 700, SIZE_MAX, 0, "t10k-images-idx3-ubyte.gz", "mnist", "damaged or unfinished gzip file");
    expect_refusal(gz, SIZE_MAX, 600, 0x55, "t10k-images-idx3-ubyte.gz", "mnist", "t10k-images-idx3-ubyte.gz'");
    ck_assert_int_eq(clmix_file_read(images, 1 << 20, &content, &bytes), CLMIX_OK);
    ck_assert_int_eq(clmix_file_write(path, content, bytes), CLMIX_OK);
    snprintf(spec, sizeof spec, "mnist:%s", folder);
    expect_error(clmix_dataset_open(&dataset, spec, 0, 0, 0), CLMIX_ERROR_FILE, "and not train-labels-idx1-ubyte");
    expect_refusal(CLMIX_TEST_DATA "/mnist/train-labels-idx1-ubyte", SIZE_MAX, 10, 77, "train-labels-idx1-ubyte", "mnist",
                   "train label 2 is 77");
    expect_refusal(CLMIX_TEST_DATA "/mnist/t10k-labels-idx1-ubyte.gz", SIZE_MAX, SIZE_MAX, 0, "train-labels-idx1-ubyte", "mnist",
                   "12 train pictures and 8 labels");
    ck_assert_int_eq(unlink(path), 0);
    free(content);
    free(path);
}
END_TEST

START_TEST(folder_with_splits)
{
    clmix_dataset *dataset = must_open("folder:" CLMIX_TEST_DATA "/folder", 0, 0, 0), *small;
    unsigned char picture[3072], tiny[16 * 16];
    size_t height, width, channels;
    int label;

    clmix_dataset_size(dataset, &height, &width, &channels);
    ck_assert(height == 32 && width == 32 && channels == 3);
    ck_assert(clmix_dataset_count(dataset, CLMIX_TRAIN) == 15 && clmix_dataset_count(dataset, CLMIX_TEST) == 6 &&
              clmix_dataset_classes(dataset) == 3);
    ck_assert_str_eq(clmix_dataset_class_name(dataset, 1), "frog");
    must_get(dataset, CLMIX_TRAIN, 14, picture, &label);
    ck_assert_int_eq(label, 2);
    small = must_open("folder:" CLMIX_TEST_DATA "/folder", 16, 16, 1);
    must_get(small, CLMIX_TEST, 2, tiny, &label);
    ck_assert_int_eq(label, 1);
    clmix_dataset_close(small);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(folder_without_splits)
{
    clmix_dataset *dataset = must_open("folder:" CLMIX_TEST_DATA "/folder/train", 0, 0, 0),
                  *again = must_open("folder:" CLMIX_TEST_DATA "/folder/train", 0, 0, 0);
    unsigned char all[15][3072], other[3072];
    int labels[15], held[3] = { 0 };

    ck_assert(clmix_dataset_count(dataset, CLMIX_TRAIN) == 12 && clmix_dataset_count(dataset, CLMIX_TEST) == 3);
    for (size_t i = 0; i < 15; i++) {
        clmix_split split = i < 12 ? CLMIX_TRAIN : CLMIX_TEST;

        must_get(dataset, split, i % 12, all[i], &labels[i]);
        must_get(again, split, i % 12, other, NULL);
        ck_assert_mem_eq(all[i], other, 3072);
        held[labels[i]] += split == CLMIX_TEST;
        for (size_t k = 0; k < i; k++)
            ck_assert(memcmp(all[k], all[i], 3072) != 0);
    }
    ck_assert(held[0] == 1 && held[1] == 1 && held[2] == 1);
    clmix_dataset_close(dataset);
    clmix_dataset_close(again);
}
END_TEST

START_TEST(folder_refusals)
{
    char *class_folder = clmix_path_join(folder, "a"), *path = clmix_path_join(class_folder, "x.PNG"), spec[300];
    clmix_dataset *dataset = NULL;
    clmix_loader *loader = NULL;
    clmix_batch batch;
    unsigned char picture[8 * 8 * 3];

    snprintf(spec, sizeof spec, "folder:%s", folder);
    expect_error(clmix_dataset_open(&dataset, spec, 8, 8, 3), CLMIX_ERROR_FORMAT, "holds 0 folders");
    ck_assert_int_eq(clmix_folder_make(class_folder), CLMIX_OK);
    expect_error(clmix_dataset_open(&dataset, spec, 8, 8, 3), CLMIX_ERROR_FORMAT, "/a' holds no .png, .jpg or .jpeg file");
    ck_assert_int_eq(clmix_file_write(path, "no picture", 10), CLMIX_OK);
    expect_error(clmix_dataset_open(&dataset, spec, 0, 8, 3), CLMIX_ERROR_FORMAT, "x.PNG");
    dataset = must_open(spec, 8, 8, 3);
    expect_error(clmix_dataset_get(dataset, CLMIX_TRAIN, 0, picture, NULL), CLMIX_ERROR_FORMAT,
                 "/a/x.PNG' (10 bytes) is neither PNG nor JPEG");
    expect_error(clmix_loader_open(&loader, dataset, CLMIX_TEST, 4, NULL), CLMIX_ERROR_ARGUMENT, "test split of this data set is empty");
    /* what a thread meets arrives at next, and stays */
    for (int threads = 1; threads <= 3; threads++) {
        clmix_loader_options options = { .threads = threads };

        ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 4, &options), CLMIX_OK);
        for (int i = 0; i < 3; i++)
            expect_error(clmix_loader_next(loader, &batch), CLMIX_ERROR_FORMAT, "/a/x.PNG' (10 bytes) is neither PNG nor JPEG");
        clmix_loader_close(loader);
    }
    clmix_dataset_close(dataset);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(class_folder), 0);
    free(path);
    free(class_folder);
}
END_TEST

/* A 6 x 5 x 3 picture whose bytes tell their place. */
static void number_bytes(unsigned char *picture)
{
    for (int i = 0; i < 90; i++)
        picture[i] = (unsigned char)(i + 1);
}

START_TEST(crops_and_flips)
{
    clmix_augment crop = { .crop_padding = 2 }, flip = { .flip = true };
    unsigned char source[90], picture[90], scratch[90];
    int flipped = 0, places[25] = { 0 }, seen = 0;

    number_bytes(source);
    for (size_t index = 0; index < 400; index++) {
        int matches = 0;

        memcpy(picture, source, 90);
        clmix_augment_picture(&crop, 1, 0, index, 6, 5, 3, picture, scratch);
        for (int place = 0; place < 25; place++) {
            bool same = true;

            for (int i = 0; i < 90; i++) {
                int y = i / 15 + place / 5 - 2, x = i / 3 % 5 + place % 5 - 2;
                unsigned char wanted = y < 0 || y >= 6 || x < 0 || x >= 5 ? 0 : source[y * 15 + x * 3 + i % 3];

                same = same && picture[i] == wanted;
            }
            matches += same;
            places[place] += same;
        }
        ck_assert_int_eq(matches, 1);
        memcpy(picture, source, 90);
        clmix_augment_picture(&flip, 1, 3, index, 6, 5, 3, picture, scratch);
        if (memcmp(picture, source, 90) != 0) {
            flipped++;
            for (int i = 0; i < 90; i++)
                ck_assert_uint_eq(picture[i], source[i / 15 * 15 + (4 - i / 3 % 5) * 3 + i % 3]);
        }
    }
    for (int place = 0; place < 25; place++)
        seen += places[place] > 0;
    ck_assert_int_eq(seen, 25);
    ck_assert(flipped > 150 && flipped < 250);
}
END_TEST

START_TEST(cuts_out)
{
    clmix_augment augment = { .cutout = 3 };
    unsigned char source[90], picture[90], scratch[90];

    number_bytes(source);
    for (size_t index = 0; index < 200; index++) {
        int changed = 0;

        memcpy(picture, source, 90);
        clmix_augment_picture(&augment, 1, 0, index, 6, 5, 3, picture, scratch);
        for (int i = 0; i < 90; i++) {
            ck_assert(picture[i] == source[i] || picture[i] == 128);
            changed += picture[i] != source[i];
        }
        ck_assert(changed >= 4 * 3 && changed <= 9 * 3); /* a quarter at a corner, or all of it */
    }
}
END_TEST

START_TEST(draws_depend_on_seed_epoch_and_picture)
{
    clmix_augment augment = { .crop_padding = 2, .flip = true, .cutout = 2 };
    unsigned char reference[90], picture[90], scratch[90];
    int differing = 0;

    for (size_t index = 0; index < 50; index++) {
        number_bytes(reference);
        clmix_augment_picture(&augment, 9, 4, index, 6, 5, 3, reference, scratch);
        for (int variant = 0; variant < 4; variant++) {
            number_bytes(picture);
            clmix_augment_picture(&augment, variant == 1 ? 8 : 9, variant == 2 ? 5 : 4, variant == 3 ? index + 50 : index, 6, 5, 3, picture,
                                  scratch);
            if (variant == 0)
                ck_assert_mem_eq(picture, reference, 90);
            else
                differing += memcmp(picture, reference, 90) != 0;
        }
    }
    ck_assert_int_gt(differing, 135);
}
END_TEST

START_TEST(mixes_up)
{
    static const float alphas[] = { 0.2f, 1, 8 };
    clmix_augment augment = { .mixup = alphas[_i] };
    double sum = 0, square = 0;
    unsigned char a[4] = { 0, 255, 100, 7 };
    int draws = 20000;

    for (int i = 0; i < draws; i++) {
        double share = clmix_augment_share(&augment, 5, 2, (size_t)i) / 256.0;

        ck_assert(share >= 0 && share <= 1);
        sum += share;
        square += share * share;
    }
    /* Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)) */
    sum /= draws;
    ck_assert_double_lt(fabs(sum - 0.5), 0.02);
    ck_assert_double_lt(fabs(square / draws - sum * sum - 0.25 / (2.0 * (double)alphas[_i] + 1)), 0.01);
    augment.mixup = 0;
    ck_assert_uint_eq(clmix_augment_share(&augment, 5, 2, 3), 256);
    clmix_augment_blend(a, (const unsigned char[]){ 255, 255, 0, 9 }, 128, 4);
    ck_assert_mem_eq(a, ((const unsigned char[]){ 128, 255, 50, 8 }), 4);
    clmix_augment_blend(a, (const unsigned char[]){ 1, 2, 3, 4 }, 256, 4);
    ck_assert_mem_eq(a, ((const unsigned char[]){ 128, 255, 50, 8 }), 4);
    clmix_augment_blend(a, (const unsigned char[]){ 1, 2, 3, 4 }, 0, 4);
    ck_assert_mem_eq(a, ((const unsigned char[]){ 1, 2, 3, 4 }), 4);
}
END_TEST

/* A hash over everything a batch says. */
static uint64_t hash_batch(const clmix_batch *batch, size_t full, size_t picture_bytes)
{
    uint64_t hash = 0xCBF29CE484222325u;
    const struct {
        const void *data;
        size_t bytes;
    } parts[] = {
        { &batch->count, sizeof batch->count },
        { &batch->epoch, sizeof batch->epoch },
        { &batch->index, sizeof batch->index },
        { batch->pictures, full * picture_bytes },
        { batch->labels, full * 4 },
        { batch->second_labels, full * 4 },
        { batch->weights, full * 4 },
    };

    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++)
        for (size_t i = 0; i < parts[part].bytes; i++)
            hash = (hash ^ ((const unsigned char *)parts[part].data)[i]) * 0x100000001B3u;
    return hash;
}

#define RUN 23 /* batches: three epochs of 7 and a bit */

static void run_loader(const clmix_dataset *dataset, const clmix_loader_options *options, size_t batches, uint64_t *hashes)
{
    clmix_loader *loader = NULL;
    clmix_batch batch;

    ck_assert_msg(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 16, options) == CLMIX_OK, "%s", clmix_error());
    ck_assert_uint_eq(clmix_loader_batches(loader), 7);
    for (size_t i = 0; i < batches; i++) {
        size_t at = options->first_epoch * 7 + options->first_batch + i;

        ck_assert_msg(clmix_loader_next(loader, &batch) == CLMIX_OK, "%s", clmix_error());
        ck_assert(batch.epoch == at / 7 && batch.index == at % 7 && batch.batches == 7);
        ck_assert_uint_eq(batch.count, batch.index == 6 ? 4 : 16);
        hashes[i] = hash_batch(&batch, 16, 16 * 16 * 3);
    }
    clmix_loader_close(loader);
}

START_TEST(a_run_can_begin_anywhere)
{
    clmix_dataset *dataset = must_open("shapes:size=16,train=100,test=10", 0, 0, 0);
    clmix_loader_options options = { .seed = 42,
                                     .shuffle = true,
                                     .augment = { .crop_padding = 2, .flip = true, .cutout = 4, .mixup = 0.4f } };
    uint64_t whole[RUN], part[RUN];

    run_loader(dataset, &options, RUN, whole);
    for (size_t i = 0; i < RUN; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert(whole[i] != whole[k]);
    for (size_t begin = 0; begin < RUN; begin += 3) {
        options.first_epoch = begin / 7;
        options.first_batch = begin % 7;
        options.threads = (int)(begin % 4);
        run_loader(dataset, &options, RUN - begin, part);
        ck_assert_mem_eq(part, whole + begin, (RUN - begin) * sizeof *whole);
    }
    options = (clmix_loader_options){ .seed = 43, .shuffle = true, .augment = options.augment };
    run_loader(dataset, &options, 1, part);
    ck_assert(part[0] != whole[0]);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(an_epoch_has_every_picture_once)
{
    clmix_dataset *dataset = must_open("shapes:size=8,train=50,test=30", 0, 0, 0);
    clmix_loader_options options = { .seed = 7, .shuffle = true, .threads = 2 };
    clmix_loader *loader = NULL;
    unsigned char pictures[50][192];
    clmix_batch batch;
    int moved = 0;

    for (size_t i = 0; i < 50; i++)
        must_get(dataset, CLMIX_TRAIN, i, pictures[i], NULL);
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 12, &options), CLMIX_OK);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[50] = { 0 };

        for (size_t k = 0; k < 5; k++) {
            ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
            for (size_t i = 0; i < batch.count; i++)
                for (size_t p = 0; p < 50; p++)
                    if (memcmp(pictures[p], batch.pictures + i * 192, 192) == 0) {
                        seen[p]++;
                        moved += p != k * 12 + i;
                        ck_assert(batch.labels[i] == (int)(p % 10) && batch.second_labels[i] == batch.labels[i] && batch.weights[i] == 1);
                    }
        }
        for (size_t p = 0; p < 50; p++)
            ck_assert_int_eq(seen[p], 1);
        for (size_t i = batch.count * 192; i < 12 * 192; i++) /* behind the last, smaller batch */
            ck_assert_uint_eq(batch.pictures[i], 0);
        ck_assert(batch.count == 2 && batch.labels[2] == -100 && batch.second_labels[11] == -100 && batch.weights[11] == 1);
    }
    ck_assert_int_gt(moved, 100);
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(test_split_comes_as_stored)
{
    clmix_dataset *dataset = must_open("shapes:size=8,train=50,test=30", 0, 0, 0);
    clmix_loader *loader = NULL;
    unsigned char picture[192];
    clmix_batch batch;

    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TEST, 100, NULL), CLMIX_OK);
    ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
    ck_assert(batch.count == 30 && batch.batches == 1);
    for (size_t i = 0; i < 30; i++) {
        must_get(dataset, CLMIX_TEST, i, picture, NULL);
        ck_assert_mem_eq(picture, batch.pictures + i * 192, 192);
    }
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(mixup_in_a_batch)
{
    clmix_dataset *dataset = must_open("shapes:size=8,train=5", 0, 0, 0);
    clmix_loader_options options = { .seed = 3, .augment = { .mixup = 1 } };
    clmix_loader *loader = NULL;
    unsigned char pictures[5][192];
    clmix_batch batch;

    for (size_t i = 0; i < 5; i++)
        must_get(dataset, CLMIX_TRAIN, i, pictures[i], NULL);
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 8, &options), CLMIX_OK);
    ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
    for (size_t i = 0; i < 5; i++) {
        unsigned share = (unsigned)(256 * batch.weights[i]);

        ck_assert(batch.labels[i] == (int)i && batch.second_labels[i] == (int)(i + 1) % 5);
        for (size_t k = 0; k < 192; k++)
            ck_assert_uint_eq(batch.pictures[i * 192 + k], (share * pictures[i][k] + (256 - share) * pictures[(i + 1) % 5][k] + 128) / 256);
    }
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(loader_refusals)
{
    clmix_dataset *dataset = must_open("shapes:size=8,train=50,test=30", 0, 0, 0);
    clmix_loader *loader = NULL;
    const struct {
        clmix_loader_options options;
        clmix_split split;
        size_t batch;
        const char *part;
    } rows[] = {
        { .batch = 0, .part = "batches of 0 of 50" },
        { .batch = 60, .options = { .drop_last = true }, .part = "too few for one batch of 60" },
        { .batch = 10, .options = { .first_batch = 5 }, .part = "an epoch has 5 batches" },
        { .batch = 10, .options = { .threads = 17 }, .part = "17 loader threads" },
        { .batch = 10, .options = { .augment = { .crop_padding = 9 } }, .part = "crop padding of 9" },
        { .batch = 10, .options = { .augment = { .cutout = -1 } }, .part = "cutout of -1" },
        { .batch = 10, .options = { .augment = { .mixup = NAN } }, .part = "mixup alpha" },
        { .batch = 10, .split = CLMIX_TEST, .options = { .augment = { .flip = true } }, .part = "train split only" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_error(clmix_loader_open(&loader, dataset, rows[i].split, rows[i].batch, &rows[i].options), CLMIX_ERROR_ARGUMENT,
                     rows[i].part);
        ck_assert_ptr_null(loader);
    }
    clmix_loader_close(NULL);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(closes_at_any_time)
{
    clmix_dataset *dataset = must_open("shapes:size=32,train=5000", 0, 0, 0);
    clmix_batch batch;

    for (int round = 0; round < 60; round++) {
        clmix_loader_options options = { .shuffle = true, .threads = 1 + round % 3, .drop_last = true };
        clmix_loader *loader = NULL;

        ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, round % 2 == 0 ? 2000 : 4, &options), CLMIX_OK);
        for (int i = 0; round % 2 == 1 && i < round % 7; i++)
            ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
        clmix_loader_close(loader);
    }
    clmix_dataset_close(dataset);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("data");
    TCase *sets = tcase_create("sets"), *augment = tcase_create("augment"), *loader = tcase_create("loader");

    tcase_add_checked_fixture(sets, make_folder, remove_folder);
    tcase_set_timeout(loader, 120);
    tcase_add_test(sets, specs);
    tcase_add_test(sets, shapes_are_reproducible_and_balanced);
    tcase_add_test(sets, shapes_are_the_same_everywhere);
    tcase_add_test(sets, shapes_in_any_size);
    tcase_add_test(sets, cifar10_pictures);
    tcase_add_test(sets, cifar100_pictures);
    tcase_add_test(sets, cifar_refusals);
    tcase_add_test(sets, mnist_pictures);
    tcase_add_test(sets, mnist_refusals);
    tcase_add_test(sets, folder_with_splits);
    tcase_add_test(sets, folder_without_splits);
    tcase_add_test(sets, folder_refusals);
    tcase_add_test(augment, crops_and_flips);
    tcase_add_test(augment, cuts_out);
    tcase_add_test(augment, draws_depend_on_seed_epoch_and_picture);
    tcase_add_loop_test(augment, mixes_up, 0, 3);
    tcase_add_test(loader, a_run_can_begin_anywhere);
    tcase_add_test(loader, an_epoch_has_every_picture_once);
    tcase_add_test(loader, test_split_comes_as_stored);
    tcase_add_test(loader, mixup_in_a_batch);
    tcase_add_test(loader, loader_refusals);
    tcase_add_test(loader, closes_at_any_time);
    suite_add_tcase(all, sets);
    suite_add_tcase(all, augment);
    suite_add_tcase(all, loader);
    return all;
}

int main(void)
{
    return support_run(suite());
}
