/* lib/data: data sets. unit_loader.c has augmentation and the loader. */
#include <clmix/data.h>

#include "base/file.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHAPES_HASH 0x192A59B6E8D56A9Du

static char folder[256];

static void open_folder(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void close_folder(void)
{
    ck_assert_int_eq(rmdir(folder), 0);
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
    expect_error(clmix_dataset_open(&dataset, spec, NULL, 0), CLMIX_ERROR_FORMAT, part);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(unlink(path), 0);
    free(content);
    free(path);
}

START_TEST(specs)
{
    clmix_dataset *dataset = NULL;

    expect_error(clmix_dataset_open(&dataset, "svhn:/x", NULL, 0), CLMIX_ERROR_ARGUMENT,
                 "'svhn:/x' is of no known kind; use shapes, cifar10:DIR, cifar100:DIR, mnist:DIR, folder:DIR, tinyimagenet:DIR, "
                 "pixels:SPEC, pathfinder:DIR, text:FILE-or-DIR, tsv:FILE, csv:FILE, imdb:DIR, listops or retrieval:FILE");
    expect_error(clmix_dataset_open(&dataset, "cifar10", NULL, 0), CLMIX_ERROR_ARGUMENT, "cifar10:DIR");
    expect_error(clmix_dataset_open(&dataset, "shapes", &(clmix_port){ "pictures", CLMIX_F32, 3, { 8, 8, 3 } }, 1), CLMIX_ERROR_ARGUMENT,
                 "in another form than u8");
    expect_error(open_pictures(&dataset, "shapes", 0, 0, 2), CLMIX_ERROR_ARGUMENT, "channels are 1 or 3");
    expect_error(open_pictures(&dataset, "shapes", 99999, 0, 0), CLMIX_ERROR_ARGUMENT, "99999");
    expect_error(clmix_dataset_open(&dataset, "shapes:sise=3", NULL, 0), CLMIX_ERROR_ARGUMENT, "'sise=3' is no option");
    expect_error(clmix_dataset_open(&dataset, "shapes:size=", NULL, 0), CLMIX_ERROR_ARGUMENT, "'size='");
    expect_error(clmix_dataset_open(&dataset, "shapes:size=64x", NULL, 0), CLMIX_ERROR_ARGUMENT, "'size=64x'");
    expect_error(clmix_dataset_open(&dataset, "shapes:size=-3", NULL, 0), CLMIX_ERROR_ARGUMENT, "8 to 4096");
    expect_error(clmix_dataset_open(&dataset, "shapes:train=0", NULL, 0), CLMIX_ERROR_ARGUMENT, "'train=0'");
    expect_error(clmix_dataset_open(&dataset, "cifar10:/nonexistent", NULL, 0), CLMIX_ERROR_FILE,
                 "'/nonexistent' holds no 'data_batch_1.bin'");
    expect_error(clmix_dataset_open(&dataset, "cifar100:/nonexistent", NULL, 0), CLMIX_ERROR_FILE, "cifar-100-binary.tar.gz");
    expect_error(clmix_dataset_open(&dataset, "mnist:/nonexistent", NULL, 0), CLMIX_ERROR_FILE, "train-images-idx3-ubyte");
    expect_error(clmix_dataset_open(&dataset, "folder:/nonexistent", NULL, 0), CLMIX_ERROR_FILE, "'/nonexistent' is not a folder");
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

    must_be_sized(a, 32, 32, 3);
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
    expect_error(clmix_dataset_get(a, CLMIX_TEST, 2000, (void *[]){ first, &label }), CLMIX_ERROR_ARGUMENT,
                 "sample 2000 of the test split");
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
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < 20; i++) {
        must_get(shapes, CLMIX_TRAIN, i, picture, NULL);
        hash = hash_more(hash, picture, sizeof picture);
    }
    ck_assert_msg(hash == SHAPES_HASH, "0x%llXu", (unsigned long long)hash);
    clmix_dataset_close(shapes);
}
END_TEST

/* What is wanted is found by its name, and what the set has not is passed over. */
START_TEST(wanted_ports)
{
    const clmix_port wanted[] = { { "sounds", CLMIX_I32, 1, { 7 } }, { "pictures", CLMIX_U8, 3, { 12, 0, 1 } } };
    clmix_dataset *dataset = NULL;

    ck_assert_int_eq(clmix_dataset_open(&dataset, "shapes:size=24", wanted, 2), CLMIX_OK);
    must_be_sized(dataset, 12, 24, 1);
    clmix_dataset_close(dataset);
    ck_assert_int_eq(clmix_dataset_open(&dataset, "shapes:size=24", wanted, 1), CLMIX_OK);
    must_be_sized(dataset, 24, 24, 3);
    clmix_dataset_close(dataset);
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
    float mean[4], std[4];

    ck_assert_uint_eq(clmix_dataset_count(dataset, CLMIX_TRAIN), 20);
    ck_assert_uint_eq(clmix_dataset_count(dataset, CLMIX_TEST), 6);
    ck_assert_str_eq(clmix_dataset_class_name(dataset, 3), "cat");
    ck_assert_int_eq(clmix_file_read(CLMIX_TEST_DATA "/cifar10/data_batch_1.bin", 1 << 20, &content, &bytes), CLMIX_OK);
    file = (unsigned char *)content + 7 * 3073;
    must_get(dataset, CLMIX_TRAIN, 7, picture, &label);
    ck_assert_int_eq(label, file[0]);
    for (size_t i = 0; i < 1024; i++)
        ck_assert(picture[3 * i] == file[1 + i] && picture[3 * i + 1] == file[1025 + i] && picture[3 * i + 2] == file[2049 + i]);
    clmix_dataset_normalization(dataset, mean, std);
    ck_assert(mean[2] == 0.5f && std[0] == 0.5f);
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
    int label, other;

    must_be_sized(plain, 28, 28, 1);
    must_be_sized(padded, 32, 32, 3);
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
    expect_error(clmix_dataset_open(&dataset, spec, NULL, 0), CLMIX_ERROR_FILE, "and not train-labels-idx1-ubyte");
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
    int label;

    must_be_sized(dataset, 32, 32, 3);
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
    int32_t label;

    snprintf(spec, sizeof spec, "folder:%s", folder);
    expect_error(open_pictures(&dataset, spec, 8, 8, 3), CLMIX_ERROR_FORMAT, "holds 0 folders");
    ck_assert_int_eq(clmix_folder_make(class_folder), CLMIX_OK);
    expect_error(open_pictures(&dataset, spec, 8, 8, 3), CLMIX_ERROR_FORMAT, "/a' holds no .png, .jpg or .jpeg file");
    ck_assert_int_eq(clmix_file_write(path, "no picture", 10), CLMIX_OK);
    expect_error(open_pictures(&dataset, spec, 0, 8, 3), CLMIX_ERROR_FORMAT, "x.PNG");
    dataset = must_open(spec, 8, 8, 3);
    expect_error(clmix_dataset_get(dataset, CLMIX_TRAIN, 0, (void *[]){ picture, &label }), CLMIX_ERROR_FORMAT,
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

int main(void)
{
    Suite *suite = suite_create("data");
    TCase *sets = tcase_create("sets");

    tcase_add_checked_fixture(sets, open_folder, close_folder);
    tcase_add_test(sets, specs);
    tcase_add_test(sets, shapes_are_reproducible_and_balanced);
    tcase_add_test(sets, shapes_are_the_same_everywhere);
    tcase_add_test(sets, wanted_ports);
    tcase_add_test(sets, shapes_in_any_size);
    tcase_add_test(sets, cifar10_pictures);
    tcase_add_test(sets, cifar100_pictures);
    tcase_add_test(sets, cifar_refusals);
    tcase_add_test(sets, mnist_pictures);
    tcase_add_test(sets, mnist_refusals);
    tcase_add_test(sets, folder_with_splits);
    tcase_add_test(sets, folder_without_splits);
    tcase_add_test(sets, folder_refusals);
    suite_add_tcase(suite, sets);
    return support_run(suite);
}
