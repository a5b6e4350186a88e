/* lib/data: augmentation, and the loader's batches. unit_data.c has the data sets. */
#include <clmix/data.h>

#include "base/part.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/mixup.h"
#include "support_data.h"
#include "support_suite.h"

#include <check.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
        double share = clmix_mixup_share(&augment, 5, 2, (size_t)i) / 256.0;

        ck_assert(share >= 0 && share <= 1);
        sum += share;
        square += share * share;
    }
    /* Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)) */
    sum /= draws;
    ck_assert_double_lt(fabs(sum - 0.5), 0.02);
    ck_assert_double_lt(fabs(square / draws - sum * sum - 0.25 / (2.0 * (double)alphas[_i] + 1)), 0.01);
    augment.mixup = 0;
    ck_assert_uint_eq(clmix_mixup_share(&augment, 5, 2, 3), 256);
    clmix_mixup_blend(a, (const unsigned char[]){ 255, 255, 0, 9 }, 128, 4);
    ck_assert_mem_eq(a, ((const unsigned char[]){ 128, 255, 50, 8 }), 4);
    clmix_mixup_blend(a, (const unsigned char[]){ 1, 2, 3, 4 }, 256, 4);
    ck_assert_mem_eq(a, ((const unsigned char[]){ 128, 255, 50, 8 }), 4);
    clmix_mixup_blend(a, (const unsigned char[]){ 1, 2, 3, 4 }, 0, 4);
    ck_assert_mem_eq(a, ((const unsigned char[]){ 1, 2, 3, 4 }), 4);
}
END_TEST

/* The arrays of a batch that has room for `full` samples. */
static uint64_t hash_arrays(uint64_t hash, const clmix_batch *batch, size_t full)
{
    for (size_t i = 0; i < batch->port_count; i++)
        hash = hash_more(hash, batch->arrays[i], full * clmix_port_bytes(&batch->ports[i]));
    return hash;
}

/* Everything a batch says. */
static uint64_t hash_batch(const clmix_batch *batch, size_t full)
{
    const size_t place[] = { batch->count, batch->epoch, batch->index };

    return hash_arrays(hash_more(HASH_START, place, sizeof place), batch, full);
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
        hashes[i] = hash_batch(&batch, 16);
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

/* What a run is trained on: these sums must be the same on every host and in every version. */
START_TEST(batches_are_the_same_everywhere)
{
    static const struct {
        float mixup;
        size_t ports;
        uint64_t hash;
    } rows[] = { { 0, 2, 0x54FE304AD9730F83u }, { 0.4f, 4, 0x748A47B0CE732B61u } };
    clmix_dataset *dataset = must_open("shapes:size=16,train=100,test=10", 0, 0, 0);
    const clmix_loader_options options = { .seed = 42,
                                           .shuffle = true,
                                           .augment = { .crop_padding = 2, .flip = true, .cutout = 4, .mixup = rows[_i].mixup } };
    clmix_loader *loader = NULL;
    uint64_t hash = HASH_START;
    clmix_batch batch;

    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 16, &options), CLMIX_OK);
    for (int i = 0; i < RUN; i++) {
        ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
        ck_assert_uint_eq(batch.port_count, rows[_i].ports);
        hash = hash_arrays(hash, &batch, 16);
    }
    ck_assert_msg(hash == rows[_i].hash, "0x%llXu", (unsigned long long)hash);
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

START_TEST(an_epoch_has_every_picture_once)
{
    clmix_dataset *dataset = must_open("shapes:size=8,train=50,test=30", 0, 0, 0);
    clmix_loader_options options = { .seed = 7, .shuffle = true, .threads = 2 };
    clmix_loader *loader = NULL;
    unsigned char pictures[50][192];
    const unsigned char *given;
    const int32_t *labels;
    clmix_batch batch;
    int moved = 0;

    for (size_t i = 0; i < 50; i++)
        must_get(dataset, CLMIX_TRAIN, i, pictures[i], NULL);
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 12, &options), CLMIX_OK);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[50] = { 0 };

        for (size_t k = 0; k < 5; k++) {
            ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
            given = clmix_batch_array(&batch, "pictures");
            labels = clmix_batch_array(&batch, "labels");
            for (size_t i = 0; i < batch.count; i++)
                for (size_t p = 0; p < 50; p++)
                    if (memcmp(pictures[p], given + i * 192, 192) == 0) {
                        seen[p]++;
                        moved += p != k * 12 + i;
                        ck_assert_int_eq(labels[i], (int)(p % 10));
                    }
        }
        for (size_t p = 0; p < 50; p++)
            ck_assert_int_eq(seen[p], 1);
        for (size_t i = batch.count * 192; i < 12 * 192; i++) /* behind the last, smaller batch */
            ck_assert_uint_eq(given[i], 0);
        ck_assert(batch.count == 2 && labels[2] == -100 && labels[11] == -100);
        ck_assert_ptr_null(clmix_batch_array(&batch, "second_labels")); /* mixup's */
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
        ck_assert_mem_eq(picture, (const unsigned char *)clmix_batch_array(&batch, "pictures") + i * 192, 192);
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
    const unsigned char *given;
    const int32_t *labels, *second;
    const float *weights;
    clmix_batch batch;

    for (size_t i = 0; i < 5; i++)
        must_get(dataset, CLMIX_TRAIN, i, pictures[i], NULL);
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 8, &options), CLMIX_OK);
    ck_assert_int_eq(clmix_loader_next(loader, &batch), CLMIX_OK);
    given = clmix_batch_array(&batch, "pictures");
    labels = clmix_batch_array(&batch, "labels");
    second = clmix_batch_array(&batch, "second_labels");
    weights = clmix_batch_array(&batch, "label_weights");
    for (size_t i = 0; i < 5; i++) {
        unsigned share = (unsigned)(256 * weights[i]);

        ck_assert(labels[i] == (int)i && second[i] == (int)(i + 1) % 5);
        for (size_t k = 0; k < 192; k++)
            ck_assert_uint_eq(given[i * 192 + k], (share * pictures[i][k] + (256 - share) * pictures[(i + 1) % 5][k] + 128) / 256);
    }
    for (size_t i = 5; i < 8; i++)
        ck_assert(labels[i] == -100 && second[i] == -100 && weights[i] == 1 && given[i * 192] == 0);
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

/* Bytes of a batch from sample `first` of it on. */
static bool is_there(const clmix_batch *batch, size_t port, const void *samples, size_t first, size_t count)
{
    const size_t bytes = clmix_port_bytes(&batch->ports[port]);

    return memcmp((const unsigned char *)batch->arrays[port] + first * bytes, samples, count * bytes) == 0;
}

/* A part is those samples of the whole batch, whatever is drawn for them and blended with; behind it is nothing that counts. */
static void check_part(const clmix_batch *part, const clmix_batch *whole)
{
    ck_assert_uint_eq(part->port_count, whole->port_count);
    ck_assert(part->index == whole->index && part->epoch == whole->epoch && part->batches == whole->batches);
    ck_assert(part->whole == whole->count && whole->first == 0 && whole->whole == whole->count);
    ck_assert(part->count <= part->room && (part->count != 1 || whole->count == 1));
    for (size_t i = 0; i < part->port_count; i++)
        ck_assert(is_there(whole, i, part->arrays[i], part->first, part->count));
    for (size_t i = part->count; i < part->room; i++)
        ck_assert_int_eq(((const int32_t *)clmix_batch_array(part, "labels"))[i], CLMIX_NO_LABEL);
}

static void check_parts(const clmix_dataset *dataset, clmix_split split, clmix_loader_options options, size_t batch, size_t parts)
{
    clmix_loader *whole = NULL, *shared[7];
    const size_t epochs = 2;
    clmix_batch all, part;

    ck_assert_int_eq(clmix_loader_open(&whole, dataset, split, batch, &options), CLMIX_OK);
    options.parts = parts;
    for (options.part = 0; options.part < parts; options.part++)
        ck_assert_int_eq(clmix_loader_open(&shared[options.part], dataset, split, batch, &options), CLMIX_OK);
    for (size_t i = 0; i < epochs * clmix_loader_batches(whole); i++) {
        size_t found = 0;

        ck_assert_int_eq(clmix_loader_next(whole, &all), CLMIX_OK);
        for (size_t p = 0; p < parts; p++) {
            ck_assert_int_eq(clmix_loader_next(shared[p], &part), CLMIX_OK);
            ck_assert(part.count == 0 || part.first == found);
            check_part(&part, &all);
            found += part.count;
        }
        ck_assert_uint_eq(found, all.count);
    }
    for (size_t p = 0; p < parts; p++)
        clmix_loader_close(shared[p]);
    clmix_loader_close(whole);
}

START_TEST(parts_are_the_whole_batch)
{
    const clmix_loader_options plain = { .seed = 5 },
                               rich = { .seed = 5, .shuffle = true, .augment = { .crop_padding = 1, .flip = true, .mixup = 1 } };
    clmix_dataset *dataset = must_open("shapes:size=8,train=21,test=9", 0, 0, 0); /* a rest of 5, and of 1 */

    for (size_t parts = 1; parts <= 7; parts++) {
        check_parts(dataset, CLMIX_TRAIN, rich, 8, parts);
        check_parts(dataset, CLMIX_TEST, plain, 4, parts);
    }
    clmix_dataset_close(dataset);
}
END_TEST

/* Parts of any batch are runs of it, none of one sample, and none larger than is said. */
START_TEST(parts_cover_a_batch)
{
    for (size_t parts = 1; parts < 20; parts++)
        for (size_t batch = 1; batch < 100; batch++) {
            size_t found = 0;

            for (size_t i = 0; i < parts; i++) {
                const struct clmix_part part = clmix_part_of(NULL, parts, i, batch);

                if (part.first == part.end)
                    continue;
                ck_assert(part.first == found && part.end > found && (part.end - found > 1 || batch == 1));
                for (size_t larger = batch; larger < 100; larger++)
                    ck_assert_uint_le(part.end - found, clmix_part_most(parts, i, larger));
                found = part.end;
            }
            ck_assert_uint_eq(found, batch);
        }
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
        { .batch = 10, .options = { .part = 3, .parts = 3 }, .part = "part 3 of batches in 3 parts" },
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

/* A source in memory that takes longer than a loader waits for files. */
static atomic_int inside, entered;

static clmix_status get_slowly(const clmix_dataset *dataset, clmix_split split, size_t index, void *const *arrays)
{
    (void)dataset, (void)split, (void)index, (void)arrays;
    atomic_fetch_add(&inside, 1);
    atomic_store(&entered, 1);
    nanosleep(&(struct timespec){ .tv_nsec = 800000000 }, NULL);
    atomic_fetch_sub(&inside, 1);
    return CLMIX_OK;
}

static void close_nothing(clmix_dataset *dataset)
{
    (void)dataset;
}

/* Who has closed a loader may take the memory away that it read. */
START_TEST(nothing_is_read_from_memory_after_closing)
{
    static const clmix_data_source slow = { "slow", NULL, NULL, close_nothing, get_slowly, false };
    clmix_dataset *dataset = NULL;
    clmix_loader *loader = NULL;

    ck_assert_int_eq(clmix_dataset_new(&dataset, &slow), CLMIX_OK);
    dataset->ports = (clmix_ports){ .list = { { .name = "x", .type = CLMIX_U8 } }, .count = 1 };
    dataset->count[CLMIX_TRAIN] = 4;
    ck_assert_int_eq(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 2, NULL), CLMIX_OK);
    while (atomic_load(&entered) == 0)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    clmix_loader_close(loader);
    ck_assert_int_eq(atomic_load(&inside), 0);
    clmix_dataset_close(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader");
    TCase *augment = tcase_create("augment"), *loader = tcase_create("loader");

    tcase_set_timeout(loader, 120);
    tcase_add_test(augment, crops_and_flips);
    tcase_add_test(augment, cuts_out);
    tcase_add_test(augment, draws_depend_on_seed_epoch_and_picture);
    tcase_add_loop_test(augment, mixes_up, 0, 3);
    tcase_add_test(loader, a_run_can_begin_anywhere);
    tcase_add_loop_test(loader, batches_are_the_same_everywhere, 0, 2);
    tcase_add_test(loader, an_epoch_has_every_picture_once);
    tcase_add_test(loader, test_split_comes_as_stored);
    tcase_add_test(loader, mixup_in_a_batch);
    tcase_add_test(loader, parts_cover_a_batch);
    tcase_add_test(loader, parts_are_the_whole_batch);
    tcase_add_test(loader, loader_refusals);
    tcase_add_test(loader, closes_at_any_time);
    tcase_add_test(loader, nothing_is_read_from_memory_after_closing);
    suite_add_tcase(suite, augment);
    suite_add_tcase(suite, loader);
    return support_run(suite);
}
