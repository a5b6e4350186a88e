/* safetensors files: 8 bytes of header length (little-endian), a JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {text:
 * text}}, then the tensors' bytes without holes.  https://github.com/huggingface/safetensors#format
 *
 * A file is validated completely before anything in it is trusted; after a successful open every pointer and size below is safe to use.
 * The type names are the file's and not clmix_type's: a file may hold types that no device value has. */
#ifndef CLMIX_IO_SAFETENSORS_H
#define CLMIX_IO_SAFETENSORS_H

#include <clmix/status.h>
#include <stddef.h>

#define CLMIX_STORED_MAX_RANK 8
#define CLMIX_STORED_SEAL     "\"sha256\":\"" /* what stands before the digits of a sealed file's checksum, and nowhere else in a header */

typedef enum clmix_stored_type {
    CLMIX_STORED_F32,
    CLMIX_STORED_F64,
    CLMIX_STORED_F16,
    CLMIX_STORED_BF16,
    CLMIX_STORED_I64,
    CLMIX_STORED_I32,
    CLMIX_STORED_I16,
    CLMIX_STORED_I8,
    CLMIX_STORED_U64,
    CLMIX_STORED_U32,
    CLMIX_STORED_U16,
    CLMIX_STORED_U8,
    CLMIX_STORED_BOOL,
    CLMIX_STORED_TYPES
} clmix_stored_type;

/* Name as in the file ("F32"), and bytes of one element. */
const char *clmix_stored_name(clmix_stored_type type);
size_t clmix_stored_bytes(clmix_stored_type type);

/* One tensor of a file, row-major. Read: everything belongs to the file and lives as long; `data` may be unaligned in files of other
 * writers, so copy from it. Written: `count` and `bytes` need not be set, they follow from type and shape. */
typedef struct clmix_stored_tensor {
    const char *name;
    clmix_stored_type type;
    int rank; /* 0 is a scalar */
    size_t size[CLMIX_STORED_MAX_RANK];
    size_t count; /* elements */
    size_t bytes;
    const void *data;
} clmix_stored_tensor;

typedef struct clmix_safetensors clmix_safetensors;

/* Reads and validates a whole file. Fails with FILE, FORMAT (what was found, at which tensor) or HOST_MEMORY. */
clmix_status clmix_safetensors_open(clmix_safetensors **file, const char *path);
/* The same on bytes from malloc, which the call takes over even when it fails; `path` is for error texts. */
clmix_status clmix_safetensors_adopt(clmix_safetensors **file, const char *path, void *content, size_t bytes);
void clmix_safetensors_close(clmix_safetensors *file); /* NULL is allowed */

/* Tensors in the order of their bytes in the file; find gives NULL when there is none of that name. */
size_t clmix_safetensors_count(const clmix_safetensors *file);
const clmix_stored_tensor *clmix_safetensors_at(const clmix_safetensors *file, size_t index);
const clmix_stored_tensor *clmix_safetensors_find(const clmix_safetensors *file, const char *name);

/* The value of a metadata key, or NULL; and all of them in file order. */
const char *clmix_safetensors_metadata(const clmix_safetensors *file, const char *key);
size_t clmix_safetensors_metadata_count(const clmix_safetensors *file);
void clmix_safetensors_metadata_at(const clmix_safetensors *file, size_t index, const char **key, const char **value);

/* Whether the file is as its writer sealed it: FORMAT where the SHA-256 in its metadata is missing or is not that of its content. */
clmix_status clmix_safetensors_check_seal(const clmix_safetensors *file);

/* Converts a tensor of F32, F64, F16 or BF16 to `tensor->count` floats. FORMAT for other types. */
clmix_status clmix_stored_to_float(const clmix_stored_tensor *tensor, float *values);

/* Writing, streamed: declare every tensor, begin, put the bytes in the order of declaration in pieces of any size, finish. The file
 * appears at finish, complete and synced; until then, and after any failure, what stood at the path stays. Declare wider types first: a
 * tensor that would not be aligned to its element is refused (ARGUMENT), because other readers map the file. Names and metadata are
 * UTF-8 and copied. After any failure only clmix_safetensors_writer_free is allowed. */
typedef struct clmix_safetensors_writer clmix_safetensors_writer;
clmix_status clmix_safetensors_writer_new(clmix_safetensors_writer **writer);
clmix_status clmix_safetensors_declare(clmix_safetensors_writer *writer, const char *name, clmix_stored_type type, int rank,
                                       const size_t *size);
clmix_status clmix_safetensors_describe(clmix_safetensors_writer *writer, const char *key, const char *value); /* metadata */
/* A metadata entry "sha256" with the SHA-256 of the whole file, as if these 64 digits were zeros: given before begin. It is only for files that
 * nobody else rewrites, since other programs copy metadata as it is. */
clmix_status clmix_safetensors_seal(clmix_safetensors_writer *writer);
clmix_status clmix_safetensors_begin(clmix_safetensors_writer *writer, const char *path);
clmix_status clmix_safetensors_put(clmix_safetensors_writer *writer, const void *data, size_t bytes);
clmix_status clmix_safetensors_finish(clmix_safetensors_writer *writer); /* ARGUMENT when bytes are missing */
void clmix_safetensors_writer_free(clmix_safetensors_writer *writer);    /* gives up an unfinished file; NULL is allowed */

/* All at once: `count` tensors with their data, `pairs` metadata pairs as key, value, key, value, ... */
clmix_status clmix_safetensors_write(const char *path, const clmix_stored_tensor *tensors, size_t count, const char *const *metadata,
                                     size_t pairs);

#endif
