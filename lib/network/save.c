/* A network into a file that is all an application needs: weights, configuration, class names, normalisation, tokenizer. */
#include "base/status.h"
#include "base/text.h"
#include "base/utf8.h"
#include "io/metadata.h"
#include "network/config.h"
#include "network/network.h"
#include <stdlib.h>

static clmix_status describe_numbers(clmix_safetensors_writer *writer, const char *key, const float *values, size_t count)
{
    double shortest[4];

    for (size_t i = 0; i < count; i++)
        shortest[i] = clmix_shortest(values[i]);
    return clmix_metadata_put(writer, key, cJSON_CreateDoubleArray(shortest, (int)count));
}

/* The names of the classes as JSON, whatever bytes they are of; NULL when memory does not suffice. */
static cJSON *list_classes(const clmix_network *network)
{
    cJSON *list = cJSON_CreateArray();
    bool done = list != NULL;

    for (size_t i = 0; done && i < clmix_config_classes(network->config); i++) {
        char *name = clmix_utf8_from_bytes(network->class_names[i]);
        cJSON *item = name != NULL ? cJSON_CreateString(name) : NULL;

        done = item != NULL && cJSON_AddItemToArray(list, item);
        free(name);
    }
    if (done)
        return list;
    cJSON_Delete(list);
    return NULL;
}

clmix_status clmix_network_put_classes(const clmix_network *network, clmix_safetensors_writer *writer)
{
    return clmix_metadata_put(writer, "classes", list_classes(network));
}

static clmix_status describe(clmix_safetensors_writer *writer, const clmix_network *network)
{
    char *config = NULL;
    size_t channels = clmix_config_picture_keys(network->config)->channels;
    clmix_status status;

    CLMIX_TRY(clmix_safetensors_describe(writer, "format", "pt")); /* what PyTorch's loader looks for */
    CLMIX_TRY(clmix_config_text(network->config, &config));
    status = clmix_safetensors_describe(writer, "config", config);
    free(config);
    CLMIX_TRY(status);
    CLMIX_TRY(clmix_network_put_classes(network, writer));
    CLMIX_TRY(clmix_network_put_tokenizer(network, writer));
    if (channels > 4)
        return CLMIX_OK;
    CLMIX_TRY(describe_numbers(writer, "mean", network->mean, channels));
    return describe_numbers(writer, "std", network->std, channels);
}

static clmix_status put_tensor(clmix_safetensors_writer *writer, const clmix_tensor_info *info, const float *device)
{
    size_t count = clmix_shape_count(info->file_shape);
    float *file = malloc((count + 1) * sizeof *file);
    clmix_status status;

    if (file == NULL)
        return clmix_fail_memory(info->name);
    clmix_layout_to_file(info, device, file);
    status = clmix_safetensors_put(writer, file, count * sizeof *file);
    free(file);
    return status;
}

static clmix_status write_file(clmix_safetensors_writer *writer, const clmix_network *network, const struct clmix_arenas *arenas,
                               const char *path)
{
    clmix_tensor_info info;

    CLMIX_TRY(describe(writer, network));
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        CLMIX_TRY(clmix_safetensors_declare(writer, info.name, CLMIX_STORED_F32, info.file_shape.rank, info.file_shape.size));
    }
    CLMIX_TRY(clmix_safetensors_begin(writer, path));
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        CLMIX_TRY(put_tensor(writer, &info, clmix_arenas_at(arenas, &info)));
    }
    return clmix_safetensors_finish(writer);
}

clmix_status clmix_network_save(clmix_network *network, const char *path)
{
    CLMIX_NEED(network);
    CLMIX_NEED(path);

    struct clmix_arenas arenas;
    clmix_safetensors_writer *writer = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    status = clmix_arenas_download(&arenas, network);
    if (status == CLMIX_OK)
        status = clmix_safetensors_writer_new(&writer);
    if (status == CLMIX_OK)
        status = write_file(writer, network, &arenas, path);
    clmix_safetensors_writer_free(writer);
    clmix_arenas_free(&arenas);
    return status;
}
