/* JSON in the metadata of a safetensors file. */
#ifndef CLMIX_IO_METADATA_H
#define CLMIX_IO_METADATA_H

#include "io/json.h"
#include "io/safetensors.h"

/* Prints a value into the metadata, and deletes it in any case. NULL stands for an allocation that failed: HOST_MEMORY. */
clmix_status clmix_metadata_put(clmix_safetensors_writer *writer, const char *key, cJSON *json);

/* The value of a metadata key, for cJSON_Delete(); NULL where the file has none. `path` is for error texts. */
clmix_status clmix_metadata_get(const clmix_safetensors *file, const char *path, const char *key, cJSON **json);

#endif
