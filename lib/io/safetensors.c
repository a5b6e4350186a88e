#include "io/safetensors.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "io/foreign.h"
#include "io/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT   100000000u /* bytes; the format's own limit */
#define METADATA_LIMIT 4096       /* entries; duplicates are looked for pair by pair */
#define DAMAGED        "the file is damaged or was written by a broken program, fetch or write it again"

struct clmix_safetensors {
    char *path;
    unsigned char *content;
    size_t bytes, header_bytes;
    cJSON *header;                /* owns all names and metadata */
    const cJSON *metadata;        /* NULL when there is none */
    clmix_stored_tensor *tensors; /* in the order of their bytes */
    const clmix_stored_tensor **by_name;
    size_t count;
};

static const struct stored_type {
    const char *name;
    size_t bytes;
} stored_types[CLMIX_STORED_TYPES] = {
    [CLMIX_STORED_F32] = { "F32", 4 },   [CLMIX_STORED_F64] = { "F64", 8 }, [CLMIX_STORED_F16] = { "F16", 2 },
    [CLMIX_STORED_BF16] = { "BF16", 2 }, [CLMIX_STORED_I64] = { "I64", 8 }, [CLMIX_STORED_I32] = { "I32", 4 },
    [CLMIX_STORED_I16] = { "I16", 2 },   [CLMIX_STORED_I8] = { "I8", 1 },   [CLMIX_STORED_U64] = { "U64", 8 },
    [CLMIX_STORED_U32] = { "U32", 4 },   [CLMIX_STORED_U16] = { "U16", 2 }, [CLMIX_STORED_U8] = { "U8", 1 },
    [CLMIX_STORED_BOOL] = { "BOOL", 1 },
};

const char *clmix_stored_name(clmix_stored_type type)
{
    return stored_types[type].name;
}

size_t clmix_stored_bytes(clmix_stored_type type)
{
    return stored_types[type].bytes;
}

/* A JSON number as a size. Beyond 2^53 the parser has already rounded, and no file is that large. */
static bool read_size(const cJSON *item, size_t *size)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 0x1p53) || floor(item->valuedouble) != item->valuedouble)
        return false;
    *size = (size_t)item->valuedouble;
    return true;
}

static clmix_status read_type(const clmix_safetensors *file, const cJSON *item, clmix_stored_tensor *tensor)
{
    if (!cJSON_IsString(item))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': tensor '%.200s' has no dtype; " DAMAGED, file->path, tensor->name);
    for (int type = 0; type < CLMIX_STORED_TYPES; type++)
        if (strcmp(stored_types[type].name, item->valuestring) == 0) {
            tensor->type = (clmix_stored_type)type;
            return CLMIX_OK;
        }
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "'%s': tensor '%.200s' has the dtype '%.20s', which clmix does not know; convert it to F32 before saving", file->path,
                      tensor->name, item->valuestring);
}

/* Fills rank, size, count and bytes; refuses a shape whose size does not fit in a size_t. */
static clmix_status read_shape(const clmix_safetensors *file, const cJSON *item, clmix_stored_tensor *tensor)
{
    size_t bytes = stored_types[tensor->type].bytes;

    if (!cJSON_IsArray(item))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': tensor '%.200s' has no shape; " DAMAGED, file->path, tensor->name);
    tensor->rank = 0;
    tensor->count = 1;
    for (const cJSON *axis = item->child; axis != NULL; axis = axis->next) {
        size_t size;

        if (tensor->rank == CLMIX_STORED_MAX_RANK)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': tensor '%.200s' has more than %d axes; reshape it before saving", file->path,
                              tensor->name, CLMIX_STORED_MAX_RANK);
        if (!read_size(axis, &size))
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': axis %d of tensor '%.200s' is not a size (a whole number from 0); " DAMAGED,
                              file->path, tensor->rank, tensor->name);
        if (size != 0 && tensor->count > SIZE_MAX / bytes / size)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': the shape of tensor '%.200s' overflows (axis %d is %zu); " DAMAGED, file->path,
                              tensor->name, tensor->rank, size);
        tensor->size[tensor->rank++] = size;
        tensor->count *= size;
    }
    tensor->bytes = tensor->count * bytes;
    return CLMIX_OK;
}

/* Sets tensor->data to a place within the `data_bytes` bytes at `data`. */
static clmix_status read_offsets(const clmix_safetensors *file, const cJSON *item, clmix_stored_tensor *tensor, const unsigned char *data,
                                 size_t data_bytes)
{
    size_t begin, end;

    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 || !read_size(item->child, &begin) || !read_size(item->child->next, &end))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': data_offsets of tensor '%.200s' are not two whole numbers from 0; " DAMAGED,
                          file->path, tensor->name);
    if (begin > end || end > data_bytes)
        return clmix_fail(
            CLMIX_ERROR_FORMAT,
            "'%s': tensor '%.200s' should lie at bytes %zu to %zu of the %zu there are; the file was cut off or damaged, fetch it again",
            file->path, tensor->name, begin, end, data_bytes);
    if (end - begin != tensor->bytes)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s': tensor '%.200s' has %zu bytes by its data_offsets and %zu by its shape and dtype; " DAMAGED, file->path,
                          tensor->name, end - begin, tensor->bytes);
    tensor->data = data + begin;
    return CLMIX_OK;
}

static clmix_status read_tensor(const clmix_safetensors *file, const cJSON *entry, clmix_stored_tensor *tensor, const unsigned char *data,
                                size_t data_bytes)
{
    tensor->name = entry->string;
    /* three members of which all three are found: none is missing, doubled or unknown */
    if (!cJSON_IsObject(entry) || cJSON_GetArraySize(entry) != 3)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': the entry of tensor '%.200s' is not {dtype, shape, data_offsets}; " DAMAGED,
                          file->path, tensor->name);
    CLMIX_TRY(read_type(file, cJSON_GetObjectItemCaseSensitive(entry, "dtype"), tensor));
    CLMIX_TRY(read_shape(file, cJSON_GetObjectItemCaseSensitive(entry, "shape"), tensor));
    return read_offsets(file, cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), tensor, data, data_bytes);
}

static int compare_place(const void *left, const void *right)
{
    const clmix_stored_tensor *a = left, *b = right;

    if (a->data != b->data)
        return (const unsigned char *)a->data < (const unsigned char *)b->data ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1; /* an empty tensor before the one that begins at the same place */
    return strcmp(a->name, b->name);
}

static int compare_name(const void *left, const void *right)
{
    const clmix_stored_tensor *const *a = left, *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

/* The tensors must tile the data without a gap or an overlap. */
static clmix_status check_tiling(const clmix_safetensors *file, const unsigned char *data, size_t data_bytes)
{
    size_t place = 0;

    for (size_t i = 0; i < file->count; i++) {
        const clmix_stored_tensor *tensor = &file->tensors[i];
        size_t begin = (size_t)((const unsigned char *)tensor->data - data);

        if (begin != place)
            return clmix_fail(CLMIX_ERROR_FORMAT,
                              "'%s': tensor '%.200s' begins at byte %zu of the data, which %s (the tensor before ends at %zu); " DAMAGED,
                              file->path, tensor->name, begin, begin < place ? "overlaps another tensor" : "leaves a hole", place);
        place += tensor->bytes;
    }
    if (place != data_bytes)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': the tensors end at byte %zu of the data but the file has %zu; " DAMAGED, file->path,
                          place, data_bytes);
    return CLMIX_OK;
}

static clmix_status check_names(const clmix_safetensors *file)
{
    for (size_t i = 1; i < file->count; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': two tensors have the name '%.200s'; " DAMAGED, file->path, file->by_name[i]->name);
    return CLMIX_OK;
}

static clmix_status read_metadata(clmix_safetensors *file, const cJSON *item)
{
    if (file->metadata != NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': __metadata__ is there twice; " DAMAGED, file->path);
    if (!cJSON_IsObject(item))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': __metadata__ is not an object; " DAMAGED, file->path);
    if (cJSON_GetArraySize(item) > METADATA_LIMIT)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': %d metadata entries found where %d are allowed; save it with fewer", file->path,
                          cJSON_GetArraySize(item), METADATA_LIMIT);
    for (const cJSON *pair = item->child; pair != NULL; pair = pair->next) {
        if (!cJSON_IsString(pair))
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': the metadata entry '%.200s' is not a text; save it as one", file->path,
                              pair->string);
        if (cJSON_GetObjectItemCaseSensitive(item, pair->string) != pair)
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': the metadata entry '%.200s' is there twice; " DAMAGED, file->path, pair->string);
    }
    file->metadata = item;
    return CLMIX_OK;
}

static clmix_status read_header(clmix_safetensors *file, const unsigned char *data, size_t data_bytes)
{
    size_t limit;

    if (!cJSON_IsObject(file->header))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': the header is not a JSON object; this is not a safetensors file", file->path);
    limit = (size_t)cJSON_GetArraySize(file->header);
    file->tensors = calloc(limit + 1, sizeof *file->tensors);
    file->by_name = calloc(limit + 1, sizeof *file->by_name);
    if (file->tensors == NULL || file->by_name == NULL)
        return clmix_fail_memory("the table of a safetensors file");
    for (const cJSON *entry = file->header->child; entry != NULL; entry = entry->next) {
        if (strcmp(entry->string, "__metadata__") == 0)
            CLMIX_TRY(read_metadata(file, entry));
        else
            CLMIX_TRY(read_tensor(file, entry, &file->tensors[file->count++], data, data_bytes));
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_place);
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_name);
    CLMIX_TRY(check_names(file));
    return check_tiling(file, data, data_bytes);
}

static clmix_status read_content(clmix_safetensors *file, size_t bytes)
{
    uint64_t header_bytes = 0;
    const char *foreign;

    for (int i = 7; bytes >= 8 && i >= 0; i--)
        header_bytes = header_bytes << 8 | file->content[i];
    foreign = bytes < 8 || header_bytes > HEADER_LIMIT ? clmix_foreign(file->content, bytes) : NULL;
    if (foreign != NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' is not a safetensors file: it looks like %s", file->path, foreign);
    if (bytes < 8)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s': %zu bytes found where even the length of the header takes 8; the file was cut off, fetch it again",
                          file->path, bytes);
    if (header_bytes > HEADER_LIMIT)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s': the header is said to have %llu bytes, more than the %u allowed; this is not a safetensors file",
                          file->path, (unsigned long long)header_bytes, HEADER_LIMIT);
    if (header_bytes > bytes - 8)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': a header of %llu bytes expected, %zu found; the file was cut off, fetch it again",
                          file->path, (unsigned long long)header_bytes, bytes - 8);
    CLMIX_TRY(clmix_json_parse(&file->header, file->path, (const char *)file->content + 8, (size_t)header_bytes));
    file->bytes = bytes;
    file->header_bytes = (size_t)header_bytes;
    return read_header(file, file->content + 8 + header_bytes, bytes - 8 - (size_t)header_bytes);
}

clmix_status clmix_safetensors_adopt(clmix_safetensors **file, const char *path, void *content, size_t bytes)
{
    clmix_safetensors *opened = calloc(1, sizeof *opened);
    clmix_status status;

    *file = NULL;
    if (opened == NULL) {
        free(content);
        return clmix_fail_memory(path);
    }
    opened->content = content;
    opened->path = strdup(path);
    status = opened->path == NULL ? clmix_fail_memory(path) : read_content(opened, bytes);
    if (status != CLMIX_OK)
        clmix_safetensors_close(opened);
    else
        *file = opened;
    return status;
}

clmix_status clmix_safetensors_open(clmix_safetensors **file, const char *path)
{
    void *content = NULL;
    size_t bytes = 0;

    *file = NULL;
    /* read, not mapped: a mapped file that another program shortens would kill this process */
    CLMIX_TRY(clmix_file_read(path, SIZE_MAX - 1, &content, &bytes));
    return clmix_safetensors_adopt(file, path, content, bytes);
}

/* Where the 64 digits of the checksum stand in the header, or NULL. Quotes inside a text are escaped, so no other text reads like the key. */
static const unsigned char *find_seal(const clmix_safetensors *file)
{
    const size_t before = strlen(CLMIX_STORED_SEAL), whole = before + 2 * CLMIX_HASH_BYTES;
    const unsigned char *header = file->content + 8;

    for (size_t i = 0; i + whole <= file->header_bytes; i++)
        if (header[i] == '"' && memcmp(header + i, CLMIX_STORED_SEAL, before) == 0)
            return header + i + before;
    return NULL;
}

clmix_status clmix_safetensors_check_seal(const clmix_safetensors *file)
{
    static const unsigned char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    const unsigned char *seal = find_seal(file), *behind;
    char found[2 * CLMIX_HASH_BYTES + 1];
    unsigned char digest[CLMIX_HASH_BYTES];
    clmix_hash hash;

    if (seal == NULL)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' lacks its checksum; " DAMAGED, file->path);
    behind = seal + 2 * CLMIX_HASH_BYTES;
    clmix_hash_start(&hash);
    clmix_hash_add(&hash, file->content, (size_t)(seal - file->content));
    clmix_hash_add(&hash, zeros, 2 * CLMIX_HASH_BYTES);
    clmix_hash_add(&hash, behind, file->bytes - (size_t)(behind - file->content));
    clmix_hash_finish(&hash, digest);
    clmix_hash_hex(digest, found);
    if (memcmp(found, seal, 2 * CLMIX_HASH_BYTES) != 0)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "'%s' is not as it was written: its SHA-256 is %.16s... and it was %.16s...; the disk or a copy has changed it, "
                          "take another copy of it",
                          file->path, found, (const char *)seal);
    return CLMIX_OK;
}

void clmix_safetensors_close(clmix_safetensors *file)
{
    if (file == NULL)
        return;
    cJSON_Delete(file->header);
    free(file->by_name);
    free(file->tensors);
    free(file->content);
    free(file->path);
    free(file);
}

size_t clmix_safetensors_count(const clmix_safetensors *file)
{
    return file->count;
}

const clmix_stored_tensor *clmix_safetensors_at(const clmix_safetensors *file, size_t index)
{
    return index < file->count ? &file->tensors[index] : NULL;
}

const clmix_stored_tensor *clmix_safetensors_find(const clmix_safetensors *file, const char *name)
{
    clmix_stored_tensor wanted = { .name = name };
    const clmix_stored_tensor *key = &wanted;
    const clmix_stored_tensor **found = bsearch(&key, file->by_name, file->count, sizeof *file->by_name, compare_name);

    return found == NULL ? NULL : *found;
}

const char *clmix_safetensors_metadata(const clmix_safetensors *file, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->metadata, key);

    return item == NULL ? NULL : item->valuestring;
}

size_t clmix_safetensors_metadata_count(const clmix_safetensors *file)
{
    return file->metadata == NULL ? 0 : (size_t)cJSON_GetArraySize(file->metadata);
}

void clmix_safetensors_metadata_at(const clmix_safetensors *file, size_t index, const char **key, const char **value)
{
    const cJSON *item = file->metadata == NULL ? NULL : cJSON_GetArrayItem(file->metadata, (int)index);

    *key = item == NULL ? NULL : item->string;
    *value = item == NULL ? NULL : item->valuestring;
}

static float float_from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half to float, exact; subnormals are fractions of 2^-24. */
static float float_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 0x3FFu;

    if (exponent == 0)
        return (sign != 0 ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
    return float_from_bits(sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13);
}

clmix_status clmix_stored_to_float(const clmix_stored_tensor *tensor, float *values)
{
    const unsigned char *data = tensor->data;
    uint16_t narrow;
    double wide;

    if (tensor->type > CLMIX_STORED_BF16)
        return clmix_fail(CLMIX_ERROR_FORMAT,
                          "tensor '%.200s' has the dtype %s where F32, F64, F16 or BF16 is needed; convert it before saving", tensor->name,
                          clmix_stored_name(tensor->type));
    if (tensor->type == CLMIX_STORED_F32) {
        if (tensor->bytes > 0)
            memcpy(values, data, tensor->bytes);
        return CLMIX_OK;
    }
    for (size_t i = 0; i < tensor->count; i++) {
        if (tensor->type == CLMIX_STORED_F64) {
            memcpy(&wide, data + 8 * i, sizeof wide);
            values[i] = (float)wide;
        } else {
            memcpy(&narrow, data + 2 * i, sizeof narrow);
            values[i] = tensor->type == CLMIX_STORED_F16 ? float_from_half(narrow) : float_from_bits((uint32_t)narrow << 16);
        }
    }
    return CLMIX_OK;
}
