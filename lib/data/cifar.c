/* CIFAR-10 and CIFAR-100, the "binary version": records of the label byte(s) and 32 x 32 pixels as a red, a green and a blue plane.
 * CIFAR-100 has two label bytes, coarse and fine; the fine one is used.  https://www.cs.toronto.edu/~kriz/cifar.html */
#include "base/file.h"
#include "base/status.h"
#include "base/text.h"
#include "data/held.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define SIDE       ((size_t)32)
#define PLANE      (SIDE * SIDE)
#define FILE_LIMIT ((size_t)1 << 31)

struct layout {
    int classes;
    const char *const *class_names;
    size_t label_bytes;
    const char *const *files; /* ends with NULL; the last is the test split */
    const char *archive;      /* to fetch when files are missing */
    size_t usual_pictures[2]; /* in a file of each split, for error texts */
};

static const char *const names10[] = { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck" };

static const char *const names100[] = {
    "apple",       "aquarium_fish", "baby",         "bear",       "beaver",       "bed",        "bee",         "beetle",   "bicycle",
    "bottle",      "bowl",          "boy",          "bridge",     "bus",          "butterfly",  "camel",       "can",      "castle",
    "caterpillar", "cattle",        "chair",        "chimpanzee", "clock",        "cloud",      "cockroach",   "couch",    "crab",
    "crocodile",   "cup",           "dinosaur",     "dolphin",    "elephant",     "flatfish",   "forest",      "fox",      "girl",
    "hamster",     "house",         "kangaroo",     "keyboard",   "lamp",         "lawn_mower", "leopard",     "lion",     "lizard",
    "lobster",     "man",           "maple_tree",   "motorcycle", "mountain",     "mouse",      "mushroom",    "oak_tree", "orange",
    "orchid",      "otter",         "palm_tree",    "pear",       "pickup_truck", "pine_tree",  "plain",       "plate",    "poppy",
    "porcupine",   "possum",        "rabbit",       "raccoon",    "ray",          "road",       "rocket",      "rose",     "sea",
    "seal",        "shark",         "shrew",        "skunk",      "skyscraper",   "snail",      "snake",       "spider",   "squirrel",
    "streetcar",   "sunflower",     "sweet_pepper", "table",      "tank",         "telephone",  "television",  "tiger",    "tractor",
    "train",       "trout",         "tulip",        "turtle",     "wardrobe",     "whale",      "willow_tree", "wolf",     "woman",
    "worm",
};
_Static_assert(sizeof names100 / sizeof names100[0] == 100, "CIFAR-100 has 100 classes");

static const char *const files10[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin", NULL
};
static const char *const files100[] = { "train.bin", "test.bin", NULL };

static const struct layout cifar10 = { 10, names10, 1, files10, "cifar-10-binary.tar.gz", { 10000, 10000 } };
static const struct layout cifar100 = { 100, names100, 2, files100, "cifar-100-binary.tar.gz", { 50000, 10000 } };

/* Three planes become channels-last pixels. */
static void interleave(const unsigned char *planes, unsigned char *pixels)
{
    for (size_t i = 0; i < PLANE; i++)
        for (size_t c = 0; c < 3; c++)
            pixels[3 * i + c] = planes[c * PLANE + i];
}

static clmix_status add_records(clmix_dataset *dataset, const struct layout *layout, clmix_split split, const char *path,
                                const unsigned char *data, size_t bytes)
{
    size_t record = layout->label_bytes + 3 * PLANE, records = bytes / record;
    clmix_held *held = dataset->state;
    char expected[32], found[32];

    if (records == 0 || bytes % record != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s': %s bytes expected (or another multiple of %zu), %s found; the download stopped early, fetch it again",
                          path, clmix_grouped(expected, layout->usual_pictures[split] * record), record, clmix_grouped(found, bytes));
    CLMIX_TRY(clmix_held_grow(dataset, split, records));
    for (size_t i = 0; i < records; i++) {
        const unsigned char *from = data + i * record;
        size_t to = dataset->count[split] + i;
        int label = from[layout->label_bytes - 1];

        if (label >= layout->classes)
            return clmix_fail(CLMIX_ERROR_FORMAT,
                              "'%s': picture %zu has the label %d where 0 to %d are possible; the file is damaged or of another data set",
                              path, i, label, layout->classes - 1);
        held->split[split].labels[to] = (unsigned char)label;
        interleave(from + layout->label_bytes, held->split[split].pictures + to * 3 * PLANE);
    }
    dataset->count[split] += records;
    return CLMIX_OK;
}

/* Reads one file; one that is not there is left out. */
static clmix_status add_file(clmix_dataset *dataset, const struct layout *layout, clmix_split split, const char *path)
{
    void *data = NULL;
    size_t bytes = 0;
    clmix_status status;

    if (access(path, F_OK) != 0)
        return CLMIX_OK;
    CLMIX_TRY(clmix_file_read(path, FILE_LIMIT, &data, &bytes));
    status = add_records(dataset, layout, split, path, data, bytes);
    free(data);
    return status;
}

static clmix_status open_cifar(clmix_dataset *dataset, const char *folder, const struct layout *layout)
{
    CLMIX_TRY(clmix_held_new(dataset, SIDE, SIDE, 3, 0));
    CLMIX_TRY(clmix_dataset_name_classes(dataset, layout->class_names, layout->classes));
    for (size_t i = 0; layout->files[i] != NULL; i++) {
        clmix_split split = layout->files[i + 1] == NULL ? CLMIX_TEST : CLMIX_TRAIN;
        char *path = clmix_path_join(folder, layout->files[i]);
        clmix_status status = path == NULL ? clmix_fail_memory("a path") : add_file(dataset, layout, split, path);

        free(path);
        CLMIX_TRY(status);
    }
    if (dataset->count[CLMIX_TRAIN] + dataset->count[CLMIX_TEST] == 0)
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' holds no '%s' or the like; unpack %s and name the folder its .bin files are in", folder,
                          layout->files[0], layout->archive);
    return CLMIX_OK;
}

static clmix_status open_cifar10(clmix_dataset *dataset, const char *folder)
{
    return open_cifar(dataset, folder, &cifar10);
}

static clmix_status open_cifar100(clmix_dataset *dataset, const char *folder)
{
    return open_cifar(dataset, folder, &cifar100);
}

const clmix_data_source clmix_source_cifar10 = { "cifar10", "DIR", open_cifar10, clmix_held_close, clmix_held_get, false };
const clmix_data_source clmix_source_cifar100 = { "cifar100", "DIR", open_cifar100, clmix_held_close, clmix_held_get, false };
