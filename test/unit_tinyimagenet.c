/* lib/data: Tiny ImageNet, on a small set of its layout that the test makes: three classes, four pictures of training, three of validation. */
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

#include <jpeglib.h>

#define SIDE 64

static char folder[256], spec[300];

static const char *path_of(const char *name)
{
    return file_in(folder, name);
}

static void put_text(const char *name, const char *text)
{
    write_in(folder, name, text, strlen(text));
}

/* A picture of one colour as a JPEG file of 3 channels, or of 1, which has the first of the three. */
static void put_jpeg(const char *name, int channels, const unsigned char colour[3])
{
    unsigned char row[SIDE * 3], *rows[1] = { row };
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(path_of(name), "wb");

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < SIDE * channels; i++)
        row[i] = colour[i % channels];
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = jpeg.image_height = SIDE;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height)
        jpeg_write_scanlines(&jpeg, rows, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    ck_assert_int_eq(fclose(file), 0);
}

static const unsigned char red[3] = { 200, 20, 10 }, green[3] = { 10, 180, 40 }, blue[3] = { 30, 40, 220 };

/* wnids.txt is not in the order of the names, and words.txt has more classes than the set. */
static void make_set(void)
{
    static const char *const folders[] = { "train/n01443537/images", "train/n01629819/images", "train/n01443000/images", "val/images",
                                           "test/images" };

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(spec, sizeof spec, "tinyimagenet:%s", folder);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        ck_assert_int_eq(clmix_folder_make(path_of(folders[i])), CLMIX_OK);
    put_text("wnids.txt", "n01629819\nn01443537\nn01443000\n");
    put_text("words.txt", "n00001740\tentity\nn01443537\tgoldfish, Carassius auratus\r\nn01629819\tEuropean fire salamander\n");
    put_text("train/n01443537/n01443537_boxes.txt", "n01443537_0.JPEG\t0\t10\t63\t58\n");
    put_jpeg("train/n01443537/images/n01443537_0.JPEG", 3, red);
    put_jpeg("train/n01443537/images/n01443537_1.JPEG", 1, red);
    put_jpeg("train/n01629819/images/n01629819_0.JPEG", 3, green);
    put_jpeg("train/n01443000/images/n01443000_0.JPEG", 1, blue);
    put_jpeg("val/images/val_0.JPEG", 3, blue);
    put_jpeg("val/images/val_1.JPEG", 1, green);
    put_jpeg("val/images/val_10.JPEG", 3, red);
    put_text("val/val_annotations.txt", "val_0.JPEG\tn01629819\t0\t32\t44\t62\nval_1.JPEG\tn01443537\t52\t55\t57\t59\n"
                                        "val_10.JPEG\tn01443000\t4\t0\t60\t55\n");
    put_jpeg("test/images/test_0.JPEG", 3, red);
}

static void remove_set(void)
{
    remove_folder(folder);
}

/* A sample's label, and its pixels but for what JPEG loses. */
static void must_be(const clmix_dataset *set, clmix_split split, size_t index, int label, const unsigned char colour[3], bool grey)
{
    unsigned char picture[SIDE * SIDE * 3];
    int32_t found;

    must_get(set, split, index, picture, &found);
    ck_assert_int_eq(found, label);
    for (size_t i = 0; i < sizeof picture; i++)
        ck_assert_int_le(abs(picture[i] - colour[grey ? 0 : i % 3]), 3);
}

START_TEST(samples)
{
    clmix_dataset *set = must_open(spec, 0, 0, 0), *small;
    unsigned char picture[8 * 8];

    must_be_sized(set, SIDE, SIDE, 3);
    ck_assert(clmix_dataset_count(set, CLMIX_TRAIN) == 4 && clmix_dataset_count(set, CLMIX_TEST) == 3);
    ck_assert_int_eq(clmix_dataset_classes(set), 3);
    ck_assert_str_eq(clmix_dataset_class_name(set, 0), "n01443000"); /* words.txt does not have it */
    ck_assert_str_eq(clmix_dataset_class_name(set, 1), "goldfish, Carassius auratus");
    ck_assert_str_eq(clmix_dataset_class_name(set, 2), "European fire salamander");
    must_be(set, CLMIX_TRAIN, 0, 0, blue, true);
    must_be(set, CLMIX_TRAIN, 1, 1, red, false);
    must_be(set, CLMIX_TRAIN, 2, 1, red, true);
    must_be(set, CLMIX_TRAIN, 3, 2, green, false);
    must_be(set, CLMIX_TEST, 0, 2, blue, false);
    must_be(set, CLMIX_TEST, 1, 1, green, true);
    must_be(set, CLMIX_TEST, 2, 0, red, false);
    clmix_dataset_close(set);
    small = must_open(spec, 8, 8, 1);
    must_get(small, CLMIX_TRAIN, 2, picture, NULL);
    ck_assert_int_le(abs(picture[0] - red[0]), 3);
    clmix_dataset_close(small);
}
END_TEST

START_TEST(normalization)
{
    static const float means[3] = { 122.4786f, 114.2755f, 101.3963f }, stds[3] = { 70.4924f, 68.5679f, 71.8127f };
    clmix_dataset *set = must_open(spec, 0, 0, 0), *grey = must_open(spec, 16, 16, 1);
    float mean[4], std[4];

    clmix_dataset_normalization(set, mean, std);
    for (int c = 0; c < 3; c++) {
        ck_assert_float_eq_tol(mean[c], means[c] / 255, 1e-7f);
        ck_assert_float_eq_tol(std[c], stds[c] / 255, 1e-7f);
    }
    clmix_dataset_normalization(grey, mean, std);
    ck_assert_float_eq_tol(mean[0], (0.299f * means[0] + 0.587f * means[1] + 0.114f * means[2]) / 255, 1e-6f);
    ck_assert(std[0] > 0.26f && std[0] < 0.29f);
    clmix_dataset_close(set);
    clmix_dataset_close(grey);
}
END_TEST

/* What is not needed, and what is not there of a set that has one split only. */
START_TEST(parts_of_it)
{
    char away[600];
    clmix_dataset *set;

    ck_assert_int_eq(unlink(path_of("words.txt")), 0);
    ck_assert_int_eq(unlink(path_of("wnids.txt")), 0);
    set = must_open(spec, 0, 0, 0);
    ck_assert_int_eq(clmix_dataset_classes(set), 3);
    ck_assert_str_eq(clmix_dataset_class_name(set, 2), "n01629819");
    must_be(set, CLMIX_TEST, 0, 2, blue, false);
    clmix_dataset_close(set);
    snprintf(away, sizeof away, "%s", path_of("other"));
    ck_assert_int_eq(rename(path_of("val"), away), 0);
    set = must_open(spec, 0, 0, 0);
    ck_assert(clmix_dataset_count(set, CLMIX_TRAIN) == 4 && clmix_dataset_count(set, CLMIX_TEST) == 0);
    clmix_dataset_close(set);
}
END_TEST

static void must_refuse(clmix_status status, const char *part)
{
    clmix_dataset *set = NULL;

    expect_error(clmix_dataset_open(&set, spec, NULL, 0), status, part);
    ck_assert_ptr_null(set);
}

START_TEST(refusals)
{
    char away[600];

    put_text("val/val_annotations.txt", "val_0.JPEG\tn01629819\t0\nval_1.JPEG\tn01443537\t52\n");
    must_refuse(CLMIX_ERROR_FORMAT, "/val/images/val_10.JPEG' has no class");
    put_text("val/val_annotations.txt", "val_0.JPEG\tn01629819\t0\nval_2.JPEG\tn01443537\t52\n");
    must_refuse(CLMIX_ERROR_FORMAT, "val_annotations.txt, line 2: there is no picture 'val_2.JPEG'");
    put_text("val/val_annotations.txt", "val_0.JPEG\tn01629819\t0\nval_1.JPEG\tn09\t52\n");
    must_refuse(CLMIX_ERROR_FORMAT, "line 2: 'val_1.JPEG' has the class 'n09', which wnids.txt does not list");
    put_text("val/val_annotations.txt", "val_0.JPEG\tn01629819\nval_0.JPEG\tn01629819\n");
    must_refuse(CLMIX_ERROR_FORMAT, "line 2: a second class for 'val_0.JPEG'");
    ck_assert_int_eq(unlink(path_of("val/val_annotations.txt")), 0);
    must_refuse(CLMIX_ERROR_FILE, "/val/val_annotations.txt' is missing, which says what class");
    put_text("wnids.txt", "n01629819\nn01443537\n");
    must_refuse(CLMIX_ERROR_FORMAT, "/train/n01443000' is of a class that wnids.txt does not list");
    put_text("wnids.txt", "n01629819\nn01443537\nn01443000\nn01443537\n");
    must_refuse(CLMIX_ERROR_FORMAT, "lists the class 'n01443537' twice");
    put_text("wnids.txt", "n01629819\nn01443537\nn01443000\nn01443777\n");
    must_refuse(CLMIX_ERROR_FILE, "/train/n01443777/images' is missing");
    put_text("wnids.txt", "\n");
    must_refuse(CLMIX_ERROR_FORMAT, "has 0 classes");
    put_text("wnids.txt", "\xff\n");
    must_refuse(CLMIX_ERROR_FORMAT, "no text in UTF-8");
    ck_assert_int_eq(unlink(path_of("wnids.txt")), 0);
    ck_assert_int_eq(unlink(path_of("train/n01629819/images/n01629819_0.JPEG")), 0);
    must_refuse(CLMIX_ERROR_FORMAT, "/train/n01629819/images' holds no .png, .jpg or .jpeg file");
    snprintf(away, sizeof away, "%s", path_of("away"));
    ck_assert_int_eq(rename(path_of("train"), away), 0);
    must_refuse(CLMIX_ERROR_FILE, "has neither wnids.txt nor train/");
    ck_assert_int_eq(rename(path_of("val"), strcat(away, "/val")), 0);
    put_text("wnids.txt", "n01443537\n");
    must_refuse(CLMIX_ERROR_FILE, "has pictures neither in train/ nor in val/");
    strcpy(spec, "tinyimagenet:/nonexistent");
    must_refuse(CLMIX_ERROR_FILE, "'/nonexistent' is not a folder");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tinyimagenet");
    TCase *sets = tcase_create("sets");

    tcase_add_checked_fixture(sets, make_set, remove_set);
    tcase_add_test(sets, samples);
    tcase_add_test(sets, normalization);
    tcase_add_test(sets, parts_of_it);
    tcase_add_test(sets, refusals);
    suite_add_tcase(suite, sets);
    return support_run(suite);
}
