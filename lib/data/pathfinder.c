/* Pathfinder of the long-range arena (Linsley et al. 2018): pictures of dashed curves, and whether two dots are on the same one. FOLDER/metadata/ has text files,
 * whatever they are called, of lines "FOLDER FILE NUMBER LABEL ..." between blanks; the pictures are FOLDER/FOLDER/FILE. */
#include "base/file.h"
#include "base/status.h"
#include "data/files.h"
#include "data/sequences.h"
#include "text/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OF_TEN 10 /* parts, the last is of the test split */

static const char *const class_names[] = { "apart", "connected" }, *const endings[] = { ".npy", ".txt", NULL };

enum { FOLDER, FILE_NAME, NUMBER, LABEL, FIELDS };

/* ---- lines ------------------------------------------------------------------------------------------------------------------------------ */

/* The fields of a line, in its place: how many, FIELDS at most. */
static int split_line(char *line, char *fields[FIELDS])
{
    int count = 0;
    char *rest = line, *field;

    while (count < FIELDS && (field = strtok_r(rest, " \t\r", &rest)) != NULL)
        fields[count++] = field;
    return count;
}

/* A path that stays within the folder. */
static bool is_inside(const char *path)
{
    return path[0] != '/' && strstr(path, "..") == NULL;
}

/* Adds the picture of a line, or counts the line. Lines that are good are dealt out in turn. */
static clmix_status add_line(clmix_dataset *dataset, const char *root, const struct clmix_text_file *file, char *line, size_t *good)
{
    clmix_skips *skips = file->skips;
    char *fields[FIELDS], *folder;
    clmix_status status;

    if (split_line(line, fields) < FIELDS || !is_inside(fields[FOLDER]) || !is_inside(fields[FILE_NAME])) {
        clmix_skip(skips, CLMIX_SKIP_FORM, "'%s', line %zu: it does not begin with a folder, a file, a number and a label", file->path,
                   file->line);
        return CLMIX_OK;
    }
    if (strcmp(fields[LABEL], "0") != 0 && strcmp(fields[LABEL], "1") != 0) {
        clmix_skip(skips, CLMIX_SKIP_LABEL, "'%s', line %zu: its label '%.20s' is neither 0 nor 1", file->path, file->line, fields[LABEL]);
        return CLMIX_OK;
    }
    folder = clmix_path_join(root, fields[FOLDER]);
    if (folder == NULL)
        return clmix_fail_memory(root);
    status = clmix_files_add(dataset, ++*good % OF_TEN == 0 ? CLMIX_TEST : CLMIX_TRAIN, folder, fields[FILE_NAME], fields[LABEL][0] - '0');
    free(folder);
    return status;
}

static clmix_status add_file(clmix_dataset *dataset, const char *root, const char *path, size_t *good)
{
    struct clmix_text_file file;
    clmix_status status;
    char *line = NULL;
    size_t bytes;

    CLMIX_TRY(clmix_text_file_open(&file, path, false, &dataset->reading[CLMIX_TRAIN].skips));
    while ((status = clmix_text_file_next(&file, &line, &bytes)) == CLMIX_OK && line != NULL)
        if (line[strspn(line, " \t\r")] == '\0')
            file.skips->read--; /* an empty line is no sample */
        else if ((status = add_line(dataset, root, &file, line, good)) != CLMIX_OK)
            break;
    clmix_text_file_close(&file);
    return status;
}

/* ---- the source ------------------------------------------------------------------------------------------------------------------------- */

static clmix_status add_all(clmix_dataset *dataset, const char *root, const char *metadata)
{
    struct clmix_listing paths = { 0 };
    clmix_status status = clmix_listing_add_files(&paths, metadata, endings);
    size_t good = 0;

    for (size_t i = 0; status == CLMIX_OK && i < paths.count; i++)
        status = add_file(dataset, root, paths.items[i], &good);
    clmix_listing_free(&paths);
    CLMIX_TRY(status);
    CLMIX_TRY(clmix_skips_check(&dataset->reading[CLMIX_TRAIN].skips, "no line of '%s'", metadata));
    return dataset->count[CLMIX_TRAIN] > 0
               ? CLMIX_OK
               : clmix_fail(CLMIX_ERROR_FORMAT, "'%s' holds no file named .npy or .txt with a line that names a picture", metadata);
}

/* ROOT, or the one folder of the arena's hard task in it. */
static clmix_status open_folder(clmix_dataset *dataset, const char *root)
{
    static const char hard[] = "curv_contour_length_14";
    char *metadata = clmix_path_join(root, "metadata"), *within = NULL;
    clmix_status status = metadata == NULL ? clmix_fail_memory(root) : CLMIX_OK;

    if (status == CLMIX_OK && !clmix_is_folder(metadata)) {
        free(metadata);
        within = clmix_path_join(root, hard);
        metadata = within == NULL ? NULL : clmix_path_join(within, "metadata");
        if (metadata == NULL)
            status = clmix_fail_memory(root);
        else if (!clmix_is_folder(metadata))
            status = clmix_fail(CLMIX_ERROR_FILE, "'%s' holds neither metadata/ and imgs/ nor %s/; name the folder that does", root, hard);
    }
    if (status == CLMIX_OK)
        status = add_all(dataset, within != NULL ? within : root, metadata);
    free(metadata);
    free(within);
    return status;
}

static clmix_status open_pathfinder(clmix_dataset *dataset, const char *root)
{
    CLMIX_TRY(clmix_files_new(dataset));
    CLMIX_TRY(clmix_dataset_name_classes(dataset, class_names, 2));
    CLMIX_TRY(open_folder(dataset, root));
    return clmix_files_end(dataset);
}

/* A model of tokens reads the pixels. */
static clmix_status open_either(clmix_dataset *dataset, const char *root)
{
    const size_t room = strlen(root) + sizeof "pathfinder:";
    clmix_status status;
    char *spec;

    if (!clmix_dataset_wants_tokens(dataset))
        return open_pathfinder(dataset, root);
    spec = malloc(room);
    if (spec == NULL)
        return clmix_fail_memory(root);
    snprintf(spec, room, "pathfinder:%s", root);
    dataset->source = &clmix_source_pixels;
    status = dataset->source->open(dataset, spec);
    free(spec);
    return status;
}

const clmix_data_source clmix_source_pathfinder = { "pathfinder", "DIR", open_either, clmix_files_close, clmix_files_get, true };
