/* MNIST and what has its form: IDX files, plain or gzip. A big-endian header (two zero bytes, type 8 = u8, number of axes, the axes'
 * sizes), then the bytes, row-major.  http://yann.lecun.com/exdb/mnist/ */
#include "base/file.h"
#include "base/status.h"
#include "base/text.h"
#include "data/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define FILE_LIMIT ((size_t)1 << 31)
#define SIDE_LIMIT 4096u
#define CLASSES    10
#define CHUNK      ((size_t)1 << 20)

static const char *const names[CLASSES] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
static const char *const prefixes[2] = { [CLMIX_TRAIN] = "train", [CLMIX_TEST] = "t10k" };

/* An IDX file in memory: `values` points into `content`. */
struct idx {
    unsigned char *content;
    const unsigned char *values;
    size_t axis[3];
};

/* The whole uncompressed content; zlib also reads files that are not compressed. */
static clmix_status read_all(const char *path, unsigned char **content, size_t *bytes)
{
    clmix_status status = CLMIX_OK;
    int descriptor, got, zlib_status;
    gzFile file;

    CLMIX_TRY(clmix_file_open(path, &descriptor));
    file = gzdopen(descriptor, "rb");
    if (file == NULL) {
        close(descriptor);
        return clmix_fail_memory(path);
    }
    do {
        unsigned char *larger = *bytes > FILE_LIMIT ? NULL : realloc(*content, *bytes + CHUNK);

        if (larger == NULL) {
            status = *bytes > FILE_LIMIT
                         ? clmix_fail(CLMIX_ERROR_FORMAT, "'%s' holds more than 2 GiB; this is not a file of MNIST's kind", path)
                         : clmix_fail_memory(path);
            break;
        }
        *content = larger;
        got = gzread(file, *content + *bytes, (unsigned)CHUNK);
        *bytes += got > 0 ? (size_t)got : 0;
    } while (got == (int)CHUNK);
    /* a compressed file that ends early is only told by the error state, after the bytes there were */
    gzerror(file, &zlib_status);
    if (status == CLMIX_OK && zlib_status != Z_OK && zlib_status != Z_STREAM_END)
        status = clmix_fail(CLMIX_ERROR_FORMAT,
                            "'%s' is a damaged or unfinished gzip file after %zu bytes; the download stopped early, fetch it again", path,
                            *bytes);
    gzclose(file);
    return status;
}

/* Checks a header for u8 values along `axes` axes, and that the file has exactly the bytes it announces. */
static clmix_status check_header(struct idx *idx, size_t axes, const char *path, size_t bytes)
{
    const unsigned char magic[4] = { 0, 0, 8, (unsigned char)axes };
    size_t expected = 1, header = 4 + 4 * axes;
    char wanted[32], found[32];

    if (bytes < header || memcmp(idx->content, magic, 4) != 0)
        return clmix_fail(
            CLMIX_ERROR_FORMAT,
            "'%s' does not begin as an IDX file of bytes along %zu axes; this is another file, or a web page saved in its place", path,
            axes);
    for (size_t i = 0; i < axes; i++) {
        const unsigned char *size = idx->content + 4 + 4 * i;

        idx->axis[i] = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
        if (idx->axis[i] == 0 || (i > 0 && idx->axis[i] > SIDE_LIMIT))
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': axis %zu has the size %zu, which no picture set has; the file is damaged", path, i,
                              idx->axis[i]);
        expected *= idx->axis[i]; /* below 2^32 x 2^24 */
    }
    if (bytes - header != expected)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': %s bytes expected, %s found; the download stopped early, fetch it again", path,
                          clmix_grouped(wanted, expected + header), clmix_grouped(found, bytes));
    idx->values = idx->content + header;
    return CLMIX_OK;
}

/* Reads FOLDER/PREFIX-KIND or the same with .gz; *present says whether there was one. idx->content is the caller's to free in any case. */
static clmix_status read_idx(struct idx *idx, const char *folder, const char *prefix, const char *kind, size_t axes, bool *present)
{
    size_t length = strlen(folder) + 64, bytes = 0;
    char *path = malloc(length);
    clmix_status status = CLMIX_OK;

    if (path == NULL)
        return clmix_fail_memory("a path");
    snprintf(path, length, "%s/%s-%s", folder, prefix, kind);
    if (access(path, F_OK) != 0)
        snprintf(path, length, "%s/%s-%s.gz", folder, prefix, kind);
    *present = access(path, F_OK) == 0;
    if (*present) {
        status = read_all(path, &idx->content, &bytes);
        if (status == CLMIX_OK)
            status = check_header(idx, axes, path, bytes);
    }
    free(path);
    return status;
}

/* Copies a split in; the first split read settles the pictures' size. */
static clmix_status hold(clmix_dataset *dataset, clmix_split split, const char *folder, const struct idx *pictures,
                         const struct idx *labels)
{
    clmix_held *held = dataset->state;
    size_t count = pictures->axis[0];

    if (labels->axis[0] != count)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu %s pictures and %zu labels; the files are not of one set", folder, count,
                          prefixes[split], labels->axis[0]);
    for (size_t i = 0; i < count; i++)
        if (labels->values[i] >= CLASSES)
            return clmix_fail(CLMIX_ERROR_FORMAT,
                              "'%s': %s label %zu is %d where 0 to 9 are possible; the file is damaged or of another data set", folder,
                              prefixes[split], i, labels->values[i]);
    if (held == NULL) {
        CLMIX_TRY(clmix_held_new(dataset, pictures->axis[1], pictures->axis[2], 1, 8));
        held = dataset->state;
    }
    if (held->height != pictures->axis[1] || held->width != pictures->axis[2])
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s' has train pictures of %zux%zu and test pictures of %zux%zu; the files are not of one set", folder,
                          held->height, held->width, pictures->axis[1], pictures->axis[2]);
    CLMIX_TRY(clmix_held_grow(dataset, split, count));
    memcpy(held->split[split].pictures, pictures->values, count * held->height * held->width);
    memcpy(held->split[split].labels, labels->values, count);
    dataset->count[split] = count;
    return CLMIX_OK;
}

static clmix_status open_split(clmix_dataset *dataset, clmix_split split, const char *folder)
{
    struct idx pictures = { 0 }, labels = { 0 };
    bool has_pictures = false, has_labels = false;
    clmix_status status = read_idx(&pictures, folder, prefixes[split], "images-idx3-ubyte", 3, &has_pictures);

    if (status == CLMIX_OK)
        status = read_idx(&labels, folder, prefixes[split], "labels-idx1-ubyte", 1, &has_labels);
    if (status == CLMIX_OK && has_pictures != has_labels)
        status = clmix_fail(CLMIX_ERROR_FILE, "'%s' has %s-%s and not %s-%s (nor either with .gz); fetch it too", folder, prefixes[split],
                            has_pictures ? "images-idx3-ubyte" : "labels-idx1-ubyte", prefixes[split],
                            has_pictures ? "labels-idx1-ubyte" : "images-idx3-ubyte");
    if (status == CLMIX_OK && has_pictures)
        status = hold(dataset, split, folder, &pictures, &labels);
    free(pictures.content);
    free(labels.content);
    return status;
}

static clmix_status open_mnist(clmix_dataset *dataset, const char *folder)
{
    CLMIX_TRY(clmix_dataset_name_classes(dataset, names, CLASSES));
    CLMIX_TRY(open_split(dataset, CLMIX_TRAIN, folder));
    CLMIX_TRY(open_split(dataset, CLMIX_TEST, folder));
    if (dataset->state == NULL)
        return clmix_fail(
            CLMIX_ERROR_FILE,
            "'%s' holds no 'train-images-idx3-ubyte' or 't10k-images-idx3-ubyte', plain or with .gz; name the folder they are in", folder);
    return CLMIX_OK;
}

const clmix_data_source clmix_source_mnist = { "mnist", "DIR", open_mnist, clmix_held_close, clmix_held_get, false };
