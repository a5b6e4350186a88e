/* A folder a class. Names are sorted by their bytes, so classes and pictures have the same numbers on every host. Paths are kept,
 * pictures are read when asked for. Hidden files and files that are not named .png, .jpg or .jpeg are passed over. */
#include "base/file.h"
#include "base/random.h"
#include "base/status.h"
#include "data/files.h"

#include <stdlib.h>

/* The pictures of one class into `split`; or, where the splits are to be made here, into the training split, and into the test split the fifth
 * of them that an order drawn from the class's name puts last. */
static clmix_status add_class(clmix_dataset *dataset, clmix_split split, bool divide, const char *folder, const char *class_name, int label)
{
    struct clmix_listing names = { 0 };
    clmix_status status = clmix_listing_of_class(&names, folder);
    uint32_t *order = status == CLMIX_OK ? malloc(names.count * sizeof *order) : NULL;
    size_t last = divide ? names.count - names.count / 5 : names.count;

    if (status == CLMIX_OK && order == NULL)
        status = clmix_fail_memory(folder);
    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++)
        order[i] = (uint32_t)i;
    if (status == CLMIX_OK && divide) {
        clmix_random random = clmix_random_stream(clmix_hash_text(class_name), clmix_hash_text("split"));
        clmix_random_shuffle(&random, order, names.count);
    }
    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++)
        status = clmix_files_add(dataset, i < last ? split : CLMIX_TEST, folder, names.items[order[i]], label);
    free(order);
    clmix_listing_free(&names);
    return status;
}

/* Every class folder of `root`, whose name must be among the data set's classes. */
static clmix_status add_classes(clmix_dataset *dataset, clmix_split split, bool divide, const char *root)
{
    struct clmix_listing names = { 0 };
    clmix_status status = clmix_listing_of(&names, root, NULL);

    for (size_t i = 0; status == CLMIX_OK && i < names.count; i++) {
        char *folder = clmix_path_join(root, names.items[i]);
        char **known =
            bsearch(&names.items[i], dataset->class_names, (size_t)dataset->classes, sizeof *dataset->class_names, clmix_listing_compare);

        if (folder == NULL)
            status = clmix_fail_memory(root);
        else if (known == NULL)
            status = clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is a class that the train folder does not have; remove it or rename it", folder);
        else
            status = add_class(dataset, split, divide, folder, names.items[i], (int)(known - dataset->class_names));
        free(folder);
    }
    clmix_listing_free(&names);
    return status;
}

/* The folders of `root` are the classes. */
static clmix_status name_classes(clmix_dataset *dataset, const char *root)
{
    struct clmix_listing names = { 0 };
    clmix_status status = clmix_listing_of(&names, root, NULL);

    if (status == CLMIX_OK && (names.count == 0 || names.count > 1000000))
        status =
            clmix_fail(CLMIX_ERROR_FORMAT, "'%s' holds %zu folders where one for each class is needed; arrange it as CLASS/picture.jpg",
                       root, names.count);
    if (status == CLMIX_OK)
        status = clmix_dataset_name_classes(dataset, (const char *const *)names.items, (int)names.count);
    clmix_listing_free(&names);
    return status;
}

/* ROOT/train with ROOT/val or ROOT/test beside it, or classes straight in ROOT. */
static clmix_status open_layout(clmix_dataset *dataset, const char *root, const char *train, const char *val, const char *test)
{
    if (!clmix_is_folder(root))
        return clmix_fail(CLMIX_ERROR_FILE, "'%s' is not a folder; name the one that holds train/ and val/, or a folder for each class",
                          root);
    if (!clmix_is_folder(train)) {
        CLMIX_TRY(name_classes(dataset, root));
        return add_classes(dataset, CLMIX_TRAIN, true, root);
    }
    CLMIX_TRY(name_classes(dataset, train));
    CLMIX_TRY(add_classes(dataset, CLMIX_TRAIN, false, train));
    if (clmix_is_folder(val))
        return add_classes(dataset, CLMIX_TEST, false, val);
    return clmix_is_folder(test) ? add_classes(dataset, CLMIX_TEST, false, test) : CLMIX_OK;
}

static clmix_status open_folder(clmix_dataset *dataset, const char *root)
{
    char *train = clmix_path_join(root, "train"), *val = clmix_path_join(root, "val"), *test = clmix_path_join(root, "test");
    clmix_status status = clmix_files_new(dataset);

    if (status == CLMIX_OK && (train == NULL || val == NULL || test == NULL))
        status = clmix_fail_memory(root);
    if (status == CLMIX_OK)
        status = open_layout(dataset, root, train, val, test);
    free(train);
    free(val);
    free(test);
    return status == CLMIX_OK ? clmix_files_end(dataset) : status;
}

const clmix_data_source clmix_source_folder = { "folder", "DIR", open_folder, clmix_files_close, clmix_files_get, true };
