/* Weights in files: safetensors with the authors' names and PyTorch's shapes. The metadata carries the configuration, the class names and
 * the normalisation, so that a file is all an application needs. */
#include "base/status.h"
#include "graph/op.h"
#include "io/json.h"
#include "models/config.h"
#include "models/network.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

/* A batch normalisation's counter, which nothing here needs. */
static bool is_counter(const char *name)
{
    static const char counter[] = "num_batches_tracked";
    size_t length = strlen(name);
    return length >= sizeof counter - 1 && strcmp(name + length - (sizeof counter - 1), counter) == 0;
}

static bool same_shape(const clmix_stored_tensor *stored, clmix_shape shape)
{
    if (stored->rank != shape.rank)
        return false;
    for (int axis = 0; axis < shape.rank; axis++)
        if (stored->size[axis] != shape.size[axis])
            return false;
    return true;
}

static void append_name(char *list, size_t bytes, size_t number, const char *name)
{
    if (number < 3)
        snprintf(list + strlen(list), bytes - strlen(list), "%s%.100s", number ? ", " : "", name);
    else if (number == 3)
        snprintf(list + strlen(list), bytes - strlen(list), ", ...");
}

/* That the model needs every tensor of the file. */
static clmix_status check_names(const clmix_network *network, const clmix_safetensors *file, const char *path)
{
    char list[400] = "";
    size_t unknown = 0;

    for (size_t i = 0; i < clmix_safetensors_count(file); i++) {
        const char *name = clmix_safetensors_at(file, i)->name;
        size_t index;
        if (!is_counter(name) && !clmix_graph_find(network->graph, name, &index))
            append_name(list, sizeof list, unknown++, name);
    }
    if (unknown == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "'%s' has %zu tensors that '%s' does not know (%s); it was made by another model or configuration", path, unknown,
                      clmix_config_name(network->config), list);
}

static clmix_status take_tensor(const clmix_tensor_info *info, const clmix_stored_tensor *stored, const char *path, float *device)
{
    if (!same_shape(stored, info->file_shape)) {
        clmix_shape found = { .rank = stored->rank < CLMIX_MAX_RANK ? stored->rank : CLMIX_MAX_RANK };
        char want_text[64], found_text[64];
        memcpy(found.size, stored->size, (size_t)found.rank * sizeof *found.size);
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': '%s' is %s in the file and %s in the model; it was made by another configuration",
                          path, info->name, clmix_shape_text(found, found_text), clmix_shape_text(info->file_shape, want_text));
    }
    float *file = malloc((stored->count + 1) * sizeof *file);
    if (!file)
        return clmix_fail_memory(info->name);
    clmix_status status = clmix_stored_to_float(stored, file);
    if (status)
        status = clmix_fail_at(status, "'%s'", path);
    else
        clmix_layout_to_device(info, file, device);
    free(file);
    return status;
}

/* Every tensor of the model from the file into `arenas`. */
static clmix_status take_all(const clmix_network *network, const clmix_safetensors *file, const char *path, struct clmix_arenas *arenas)
{
    char list[400] = "";
    size_t missing = 0;

    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;
        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        const clmix_stored_tensor *stored = clmix_safetensors_find(file, info.name);
        if (stored)
            CLMIX_TRY(take_tensor(&info, stored, path, clmix_arenas_at(arenas, &info)));
        else
            append_name(list, sizeof list, missing++, info.name);
    }
    if (missing == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "'%s' lacks %zu of the tensors that '%s' needs (%s); it was made by another model or configuration", path, missing,
                      clmix_config_name(network->config), list);
}

/* Both arenas or neither: where the second cannot be written the first gets its old values back. */
static clmix_status replace(clmix_network *network, const struct clmix_arenas *arenas)
{
    struct clmix_arenas old;
    CLMIX_TRY(clmix_arenas_new(&old, network));
    clmix_status status = clmix_arenas_download(&old, network);
    if (!status && (status = clmix_arenas_upload(arenas, network))) {
        char sentence[1024];
        snprintf(sentence, sizeof sentence, "%s", clmix_error());
        if (clmix_arenas_upload(&old, network) == CLMIX_OK)
            clmix_fail(status, "%s", sentence);
    }
    clmix_arenas_free(&old);
    return status;
}

clmix_status clmix_network_take(clmix_network *network, const clmix_safetensors *file, const char *path)
{
    struct clmix_arenas arenas;
    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    clmix_status status = take_all(network, file, path, &arenas);
    if (!status)
        status = check_names(network, file, path);
    if (!status)
        status = replace(network, &arenas);
    clmix_arenas_free(&arenas);
    return status;
}

clmix_status clmix_network_load_weights(clmix_network *network, const char *path)
{
    clmix_safetensors *file = NULL;
    CLMIX_TRY(clmix_safetensors_open(&file, path));
    clmix_status status = clmix_network_take(network, file, path);
    clmix_safetensors_close(file);
    return status;
}

/* ---- metadata ----------------------------------------------------------------------------------------------------------------------- */

/* One number a channel from metadata `key`; keeps `values` where the file has none. */
static clmix_status take_numbers(const clmix_safetensors *file, const char *path, const char *key, size_t channels, float values[4])
{
    const char *text = clmix_safetensors_metadata(file, key);
    cJSON *json = NULL;
    if (!text || channels > 4)
        return CLMIX_OK;
    CLMIX_TRY(clmix_json_parse(&json, path, text, strlen(text)));

    bool fine = cJSON_IsArray(json) && cJSON_GetArraySize(json) == (int)channels;
    for (size_t c = 0; fine && c < channels; c++) {
        const cJSON *item = cJSON_GetArrayItem(json, (int)c);
        fine = cJSON_IsNumber(item);
        values[c] = fine ? (float)item->valuedouble : 0.0f;
    }
    cJSON_Delete(json);
    return fine ? CLMIX_OK
                : clmix_fail(CLMIX_ERROR_FORMAT, "'%s': metadata '%s' must be a list of %zu numbers, one a channel", path, key, channels);
}

/* The class names as a list of texts that belong to *json; all NULL where the file has none. */
static clmix_status take_names(const clmix_safetensors *file, const char *path, const char **names, size_t count, cJSON **json)
{
    const char *text = clmix_safetensors_metadata(file, "classes");
    if (!text)
        return CLMIX_OK;
    CLMIX_TRY(clmix_json_parse(json, path, text, strlen(text)));

    bool fine = cJSON_IsArray(*json) && cJSON_GetArraySize(*json) == (int)count;
    const cJSON *item = fine ? (*json)->child : NULL;
    for (size_t i = 0; fine && i < count; i++, item = item->next) {
        names[i] = cJSON_GetStringValue(item);
        fine = names[i] != NULL;
    }
    return fine ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "'%s': metadata 'classes' must be a list of %zu names", path, count);
}

static clmix_status take_metadata(clmix_network *network, const clmix_safetensors *file, const char *path)
{
    size_t classes = clmix_config_classes(network->config), channels = network->config->keys.picture.channels;
    float mean[4], deviation[4];
    cJSON *json = NULL;
    const char **names = calloc(classes, sizeof *names);
    if (!names)
        return clmix_fail_memory("the class names");

    clmix_network_normalization(network, mean, deviation);
    clmix_status status = take_names(file, path, names, classes, &json);
    if (!status)
        status = take_numbers(file, path, "mean", channels, mean);
    if (!status)
        status = take_numbers(file, path, "deviation", channels, deviation);
    if (!status && (status = clmix_network_describe_data(network, names, mean, deviation)))
        status = clmix_fail_at(status, "'%s'", path);
    cJSON_Delete(json);
    free(names);
    return status;
}

clmix_status clmix_network_load(clmix_network **network, clmix_device *device, const char *path)
{
    if (!network || !device || !path)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_network_load needs a device, a path and a place for its result, and NULL was given");
    clmix_safetensors *file = NULL;
    clmix_config *config = NULL;
    clmix_network *made = NULL;
    *network = NULL;
    CLMIX_TRY(clmix_safetensors_open(&file, path));

    clmix_status status = clmix_config_of_file(&config, file, path);
    if (!status)
        status = clmix_network_make(&made, device, config);
    if (!status)
        status = clmix_network_take(made, file, path);
    if (!status)
        status = take_metadata(made, file, path);
    clmix_safetensors_close(file);
    if (status) {
        clmix_network_free(made);
        return status;
    }
    *network = made;
    return CLMIX_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------ */

/* Adds a JSON value as the text of a metadata key, and deletes it; NULL stands for a failed allocation. */
static clmix_status describe_json(clmix_safetensors_writer *writer, const char *key, cJSON *json)
{
    char *text = NULL;
    clmix_status status = json ? clmix_json_print(json, &text) : clmix_fail_memory("the metadata");
    if (!status)
        status = clmix_safetensors_describe(writer, key, text);
    free(text);
    cJSON_Delete(json);
    return status;
}

static clmix_status describe_numbers(clmix_safetensors_writer *writer, const char *key, const float *values, size_t count)
{
    double shortest[4];
    for (size_t i = 0; i < count; i++)
        shortest[i] = clmix_shortest(values[i]);
    return describe_json(writer, key, cJSON_CreateDoubleArray(shortest, (int)count));
}

static clmix_status describe(clmix_safetensors_writer *writer, const clmix_network *network)
{
    char *config = NULL;
    size_t channels = network->config->keys.picture.channels;

    CLMIX_TRY(clmix_safetensors_describe(writer, "format", "pt")); /* what PyTorch's loader looks for */
    CLMIX_TRY(clmix_config_text(network->config, &config));
    clmix_status status = clmix_safetensors_describe(writer, "config", config);
    free(config);
    CLMIX_TRY(status);
    CLMIX_TRY(
        describe_json(writer, "classes",
                      cJSON_CreateStringArray((const char *const *)network->class_names, (int)clmix_config_classes(network->config))));
    if (channels > 4)
        return CLMIX_OK;
    CLMIX_TRY(describe_numbers(writer, "mean", network->mean, channels));
    return describe_numbers(writer, "deviation", network->deviation, channels);
}

static clmix_status put_tensor(clmix_safetensors_writer *writer, const clmix_tensor_info *info, const float *device)
{
    size_t count = clmix_shape_count(info->file_shape);
    float *file = malloc((count + 1) * sizeof *file);
    if (!file)
        return clmix_fail_memory(info->name);
    clmix_layout_to_file(info, device, file);
    clmix_status status = clmix_safetensors_put(writer, file, count * sizeof *file);
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
    struct clmix_arenas arenas;
    clmix_safetensors_writer *writer = NULL;

    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    clmix_status status = clmix_arenas_download(&arenas, network);
    if (!status)
        status = clmix_safetensors_writer_new(&writer);
    if (!status)
        status = write_file(writer, network, &arenas, path);
    clmix_safetensors_writer_free(writer);
    clmix_arenas_free(&arenas);
    return status;
}
