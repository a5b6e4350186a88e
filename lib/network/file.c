#include "network/file.h"
#include "base/file.h"
#include "base/status.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool clmix_has_ending(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);

    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

/* ---- where it is -------------------------------------------------------------------------------------------------------------------- */

static bool is_there(const char *folder, const char *name)
{
    struct stat info;
    char *path = clmix_path_join(folder, name);
    bool there = path != NULL && stat(path, &info) == 0;

    free(path);
    return there;
}

clmix_status clmix_weights_path(char **resolved, const char *path)
{
    struct stat info;
    bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);

    *resolved = NULL;
    if (folder && !is_there(path, "model.safetensors"))
        return clmix_fail(CLMIX_ERROR_FILE, "the folder '%s' has no model.safetensors%s", path,
                          is_there(path, "checkpoint.safetensors")
                              ? " yet: its run has a checkpoint to go on with, and a model once its first epoch is done"
                              : "; a model is a preset, a .json file, a .safetensors file, or the folder of a training run");
    *resolved = folder ? clmix_path_join(path, "model.safetensors") : strdup(path);
    return *resolved != NULL ? CLMIX_OK : clmix_fail_memory(path);
}

/* ---- what it is --------------------------------------------------------------------------------------------------------------------- */

static clmix_status check_model(const clmix_safetensors *file, const char *path)
{
    const char *format = clmix_safetensors_metadata(file, "format"), *slash = strrchr(path, '/');

    if (format == NULL || strncmp(format, CLMIX_CHECKPOINT_MARK, strlen(CLMIX_CHECKPOINT_MARK)) != 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "'%s' is the checkpoint of a training run, to resume it; the model of that run is '%.*smodel.safetensors', which is "
                      "there once its first epoch is done",
                      path, slash != NULL ? (int)(slash - path) + 1 : 0, path);
}

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

/* What a module counts with: batches that its normalisation has seen, or the places of a sequence, 0, 1, 2, ... */
static bool is_counter(const char *name)
{
    return clmix_has_ending(name, "num_batches_tracked") || clmix_has_ending(name, "position_ids");
}

static const char *without_wrappers(const char *name)
{
    static const char *const wrappers[] = { "module.", "_orig_mod." };

    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strncmp(name, wrappers[i], strlen(wrappers[i])) == 0)
            return without_wrappers(name + strlen(wrappers[i]));
    return name;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct clmix_named_weight *)left)->name, ((const struct clmix_named_weight *)right)->name);
}

static void sort(const struct clmix_weights *weights)
{
    qsort(weights->named, weights->count, sizeof *weights->named, compare);
}

static clmix_status list_names(struct clmix_weights *weights)
{
    size_t stored = clmix_safetensors_count(weights->file);

    weights->named = calloc(stored + 1, sizeof *weights->named);
    if (weights->named == NULL)
        return clmix_fail_memory(weights->path);
    for (size_t i = 0; i < stored; i++) {
        const clmix_stored_tensor *tensor = clmix_safetensors_at(weights->file, i);

        if (!is_counter(tensor->name))
            weights->named[weights->count++] = (struct clmix_named_weight){ .name = without_wrappers(tensor->name), .stored = tensor };
    }
    sort(weights);
    for (size_t i = 1; i < weights->count; i++)
        if (strcmp(weights->named[i - 1].name, weights->named[i].name) == 0)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has the tensor '%.200s' twice, as '%.200s' and as '%.200s'", weights->path,
                              weights->named[i].name, weights->named[i - 1].stored->name, weights->named[i].stored->name);
    return CLMIX_OK;
}

struct clmix_named_weight *clmix_weights_find(const struct clmix_weights *weights, const char *name)
{
    const struct clmix_named_weight wanted = { .name = name };

    return bsearch(&wanted, weights->named, weights->count, sizeof *weights->named, compare);
}

/* ---- what is there twice -------------------------------------------------------------------------------------------------------------- */

static bool same_tensor(const clmix_stored_tensor *left, const clmix_stored_tensor *right)
{
    return left->type == right->type && left->rank == right->rank && left->bytes == right->bytes &&
           memcmp(left->size, right->size, (size_t)left->rank * sizeof *left->size) == 0 &&
           (left->bytes == 0 || memcmp(left->data, right->data, left->bytes) == 0);
}

clmix_status clmix_weights_tie(const struct clmix_weights *weights, const struct clmix_tie *ties)
{
    for (; ties != NULL && ties->name != NULL; ties++) {
        struct clmix_named_weight *one = clmix_weights_find(weights, ties->name), *again = clmix_weights_find(weights, ties->again);

        if (again == NULL)
            continue;
        if (one == NULL) {
            again->name = ties->name;
            sort(weights);
        } else if (same_tensor(one->stored, again->stored))
            again->taken = true;
        else
            return clmix_fail(
                CLMIX_ERROR_FORMAT,
                "'%s': '%.200s' and '%.200s' are one tensor in the model and differ in the file; it was made by another model",
                weights->path, one->stored->name, again->stored->name);
    }
    return CLMIX_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_weights_open(struct clmix_weights *weights, const char *path)
{
    memset(weights, 0, sizeof *weights);
    CLMIX_TRY(clmix_weights_path(&weights->path, path));
    CLMIX_TRY(clmix_safetensors_open(&weights->file, weights->path));
    CLMIX_TRY(check_model(weights->file, weights->path));
    return list_names(weights);
}

void clmix_weights_close(struct clmix_weights *weights)
{
    clmix_safetensors_close(weights->file);
    free(weights->named);
    free(weights->path);
    memset(weights, 0, sizeof *weights);
}
