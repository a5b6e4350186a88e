#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/utf8.h"
#include "io/json.h"
#include "io/safetensors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct clmix_safetensors_writer {
    cJSON *header;
    cJSON *metadata; /* member of the header */
    size_t declared_bytes;
    size_t put_bytes;
    bool begun, sealed;
    size_t seal_offset;     /* of the checksum's digits in the file */
    clmix_hash hash;        /* of what has been put, if sealed */
    clmix_file_writer file; /* all zero while no file is open */
};

clmix_status clmix_safetensors_writer_new(clmix_safetensors_writer **writer)
{
    clmix_safetensors_writer *made = calloc(1, sizeof *made);

    *writer = NULL;
    if (made == NULL)
        return clmix_fail_memory("a safetensors header");
    made->header = cJSON_CreateObject();
    made->metadata = cJSON_AddObjectToObject(made->header, "__metadata__");
    if (made->metadata == NULL) {
        clmix_safetensors_writer_free(made);
        return clmix_fail_memory("a safetensors header");
    }
    *writer = made;
    return CLMIX_OK;
}

/* Appends a list of sizes as `key`; false when out of memory. */
static bool add_sizes(cJSON *entry, const char *key, const size_t *size, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(entry, key);
    bool added = list != NULL;

    for (size_t i = 0; added && i < count; i++) {
        cJSON *number = cJSON_CreateNumber((double)size[i]);

        added = number != NULL && cJSON_AddItemToArray(list, number);
        if (!added)
            cJSON_Delete(number);
    }
    return added;
}

static clmix_status tensor_bytes(const char *name, clmix_stored_type type, int rank, const size_t *size, size_t *bytes)
{
    if (name == NULL || !clmix_utf8_valid(name, strlen(name)) || strcmp(name, "__metadata__") == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the tensor name '%.200s' cannot be stored; use UTF-8 text other than __metadata__",
                          name == NULL ? "" : name);
    if ((unsigned)type >= CLMIX_STORED_TYPES || rank < 0 || rank > CLMIX_STORED_MAX_RANK)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "tensor '%.200s' has type %d and rank %d; a file takes the types of clmix_stored_type and 0 to %d axes", name,
                          (int)type, rank, CLMIX_STORED_MAX_RANK);
    *bytes = clmix_stored_bytes(type);
    for (int i = 0; i < rank; i++) {
        if (size[i] != 0 && *bytes > ((size_t)1 << 48) / size[i])
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "the shape of tensor '%.200s' overflows (axis %d is %zu)", name, i, size[i]);
        *bytes *= size[i];
    }
    return CLMIX_OK;
}

clmix_status clmix_safetensors_declare(clmix_safetensors_writer *writer, const char *name, clmix_stored_type type, int rank,
                                       const size_t *size)
{
    size_t bytes, offsets[2];
    cJSON *entry;

    if (writer->begun)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "tensor '%.200s' is declared after the file was begun; declare all before", name);
    CLMIX_TRY(tensor_bytes(name, type, rank, size, &bytes));
    if (writer->declared_bytes % clmix_stored_bytes(type) != 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "tensor '%.200s' (%s) would lie at byte %zu, not aligned to its elements; declare wider types first", name,
                          clmix_stored_name(type), writer->declared_bytes);
    offsets[0] = writer->declared_bytes;
    offsets[1] = writer->declared_bytes + bytes;
    entry = cJSON_AddObjectToObject(writer->header, name);
    if (entry == NULL || cJSON_AddStringToObject(entry, "dtype", clmix_stored_name(type)) == NULL ||
        !add_sizes(entry, "shape", size, (size_t)rank) || !add_sizes(entry, "data_offsets", offsets, 2))
        return clmix_fail_memory("a safetensors header");
    writer->declared_bytes = offsets[1];
    return CLMIX_OK;
}

clmix_status clmix_safetensors_describe(clmix_safetensors_writer *writer, const char *key, const char *value)
{
    if (writer->begun)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "metadata '%.200s' is given after the file was begun; give all before", key);
    if (!clmix_utf8_valid(key, strlen(key)) || !clmix_utf8_valid(value, strlen(value)))
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "metadata '%.200s' is not UTF-8 text and cannot be stored", key);
    if (cJSON_GetObjectItemCaseSensitive(writer->metadata, key) != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "metadata '%.200s' is given twice; give it once", key);
    if (cJSON_AddStringToObject(writer->metadata, key, value) == NULL)
        return clmix_fail_memory("a safetensors header");
    return CLMIX_OK;
}

clmix_status clmix_safetensors_seal(clmix_safetensors_writer *writer)
{
    static const unsigned char nothing[CLMIX_HASH_BYTES] = { 0 };
    char zeros[2 * CLMIX_HASH_BYTES + 1];

    clmix_hash_hex(nothing, zeros);
    CLMIX_TRY(clmix_safetensors_describe(writer, "sha256", zeros));
    writer->sealed = true;
    clmix_hash_start(&writer->hash);
    return CLMIX_OK;
}

static clmix_status put(clmix_safetensors_writer *writer, const void *data, size_t bytes)
{
    if (writer->sealed)
        clmix_hash_add(&writer->hash, data, bytes);
    return clmix_file_put(&writer->file, data, bytes);
}

static int compare_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Sorted at the end instead of looked up at every declaration, which would be quadratic in cJSON's lists. */
static clmix_status check_unique(const cJSON *header)
{
    size_t count = (size_t)cJSON_GetArraySize(header), filled = 0;
    const char **names = malloc((count + 1) * sizeof *names);
    clmix_status status = CLMIX_OK;

    if (names == NULL)
        return clmix_fail_memory("a safetensors header");
    for (const cJSON *entry = header->child; entry != NULL; entry = entry->next)
        names[filled++] = entry->string;
    qsort(names, count, sizeof *names, compare_text);
    for (size_t i = 1; status == CLMIX_OK && i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = clmix_fail(CLMIX_ERROR_ARGUMENT, "the tensor name '%.200s' is declared twice; names must differ", names[i]);
    free(names);
    return status;
}

/* Length and header text, padded with spaces so that the data begins at a multiple of 8. */
static clmix_status put_header(clmix_safetensors_writer *writer, const char *text)
{
    size_t length = strlen(text), padding = (8 - length % 8) % 8;
    uint64_t total = length + padding;
    unsigned char prefix[8];

    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(total >> (8 * i));
    if (writer->sealed)
        writer->seal_offset = sizeof prefix + (size_t)(strstr(text, CLMIX_STORED_SEAL) - text) + strlen(CLMIX_STORED_SEAL);
    CLMIX_TRY(put(writer, prefix, sizeof prefix));
    CLMIX_TRY(put(writer, text, length));
    return put(writer, "        ", padding);
}

clmix_status clmix_safetensors_begin(clmix_safetensors_writer *writer, const char *path)
{
    char *text = NULL;
    clmix_status status;

    if (writer->begun)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' is begun on a writer that is already in use; make a new one", path);
    CLMIX_TRY(check_unique(writer->header));
    if (writer->metadata != NULL && writer->metadata->child == NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(writer->header, "__metadata__");
        writer->metadata = NULL;
    }
    writer->begun = true;
    CLMIX_TRY(clmix_json_print(writer->header, &text));
    status = clmix_file_begin(&writer->file, path);
    if (status == CLMIX_OK)
        status = put_header(writer, text);
    free(text);
    return status;
}

clmix_status clmix_safetensors_put(clmix_safetensors_writer *writer, const void *data, size_t bytes)
{
    if (writer->file.stream == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "%zu bytes are put into a safetensors file that is not open; begin it first", bytes);
    if (bytes > writer->declared_bytes - writer->put_bytes)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s': %zu bytes are put where %zu were declared; declare every tensor with its right shape", writer->file.path,
                          writer->put_bytes + bytes, writer->declared_bytes);
    CLMIX_TRY(put(writer, data, bytes));
    writer->put_bytes += bytes;
    return CLMIX_OK;
}

static clmix_status put_seal(clmix_safetensors_writer *writer)
{
    unsigned char digest[CLMIX_HASH_BYTES];
    char digits[2 * CLMIX_HASH_BYTES + 1];

    clmix_hash_finish(&writer->hash, digest);
    clmix_hash_hex(digest, digits);
    return clmix_file_put_again(&writer->file, writer->seal_offset, digits, 2 * CLMIX_HASH_BYTES);
}

clmix_status clmix_safetensors_finish(clmix_safetensors_writer *writer)
{
    if (writer->file.stream == NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a safetensors file is finished that is not open; begin it first");
    if (writer->put_bytes != writer->declared_bytes)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s': %zu bytes were put where %zu were declared; put every tensor", writer->file.path,
                          writer->put_bytes, writer->declared_bytes);
    if (writer->sealed)
        CLMIX_TRY(put_seal(writer));
    return clmix_file_finish(&writer->file);
}

void clmix_safetensors_writer_free(clmix_safetensors_writer *writer)
{
    if (writer == NULL)
        return;
    clmix_file_abandon(&writer->file);
    cJSON_Delete(writer->header);
    free(writer);
}

static clmix_status write_all(clmix_safetensors_writer *writer, const char *path, const clmix_stored_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CLMIX_TRY(clmix_safetensors_declare(writer, tensors[i].name, tensors[i].type, tensors[i].rank, tensors[i].size));
    CLMIX_TRY(clmix_safetensors_begin(writer, path));
    for (size_t i = 0; i < count; i++) {
        size_t bytes;

        CLMIX_TRY(tensor_bytes(tensors[i].name, tensors[i].type, tensors[i].rank, tensors[i].size, &bytes));
        CLMIX_TRY(clmix_safetensors_put(writer, tensors[i].data, bytes));
    }
    return clmix_safetensors_finish(writer);
}

clmix_status clmix_safetensors_write(const char *path, const clmix_stored_tensor *tensors, size_t count, const char *const *metadata,
                                     size_t pairs)
{
    clmix_safetensors_writer *writer;
    clmix_status status;

    CLMIX_TRY(clmix_safetensors_writer_new(&writer));
    status = CLMIX_OK;
    for (size_t i = 0; status == CLMIX_OK && i < pairs; i++)
        status = clmix_safetensors_describe(writer, metadata[2 * i], metadata[2 * i + 1]);
    if (status == CLMIX_OK)
        status = write_all(writer, path, tensors, count);
    clmix_safetensors_writer_free(writer);
    return status;
}
