/* Weights from files: safetensors with the authors' names and PyTorch's shapes. Where the metadata carries class names, normalisation and
 * tokenizer they come along. */
#include "base/array.h"
#include "base/size.h"
#include "base/status.h"
#include "base/utf8.h"
#include "graph/op.h"
#include "io/metadata.h"
#include "network/config.h"
#include "network/file.h"
#include "network/network.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors ------------------------------------------------------------------------------------------------------------------------ */

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
static clmix_status check_all_taken(const clmix_network *network, const struct clmix_weights *weights)
{
    char list[400] = "";
    size_t unknown = 0;

    for (size_t i = 0; i < weights->count; i++)
        if (!weights->named[i].taken)
            append_name(list, sizeof list, unknown++, weights->named[i].stored->name);
    if (unknown == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "'%s' has %zu tensors that '%s' does not know (%s); it was made by another model or configuration", weights->path,
                      unknown, clmix_config_name(network->config), list);
}

clmix_status clmix_weights_take(const clmix_tensor_info *info, const clmix_stored_tensor *stored, const char *path, float *device)
{
    float *file;
    clmix_status status;

    if (!same_shape(stored, info->file_shape)) {
        clmix_shape found = { .rank = stored->rank < CLMIX_MAX_RANK ? stored->rank : CLMIX_MAX_RANK };
        char want_text[64], found_text[64];

        memcpy(found.size, stored->size, (size_t)found.rank * sizeof *found.size);
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s': '%s' is %s in the file and %s in the model; it was made by another configuration",
                          path, stored->name, clmix_shape_text(found, found_text), clmix_shape_text(info->file_shape, want_text));
    }
    file = malloc((stored->count + 1) * sizeof *file);
    if (file == NULL)
        return clmix_fail_memory(info->name);
    status = clmix_stored_to_float(stored, file);
    if (status != CLMIX_OK)
        status = clmix_fail_at(status, "'%s'", path);
    else
        clmix_layout_to_device(info, file, device);
    free(file);
    return status;
}

static clmix_status tie(const clmix_network *network, const struct clmix_weights *weights)
{
    return clmix_weights_tie(weights, clmix_model_of(network->config->model.table)->ties);
}

/* Every tensor of the model from the file into `arenas`. */
static clmix_status take_all(const clmix_network *network, const struct clmix_weights *weights, struct clmix_arenas *arenas)
{
    char list[400] = "";
    size_t missing = 0;

    CLMIX_TRY(tie(network, weights));
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;
        struct clmix_named_weight *weight;

        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        weight = clmix_weights_find(weights, info.name);
        if (weight != NULL) {
            CLMIX_TRY(clmix_weights_take(&info, weight->stored, weights->path, clmix_arenas_at(arenas, &info)));
            weight->taken = true;
        } else
            append_name(list, sizeof list, missing++, info.name);
    }
    if (missing == 0)
        return check_all_taken(network, weights);
    return clmix_fail(CLMIX_ERROR_FORMAT,
                      "'%s' lacks %zu of the tensors that '%s' needs (%s); it was made by another model or configuration", weights->path,
                      missing, clmix_config_name(network->config), list);
}

/* ---- metadata ----------------------------------------------------------------------------------------------------------------------- */

/* One number a channel from metadata `key`; keeps `values` where the file has none. */
static clmix_status take_numbers(const struct clmix_weights *weights, const char *key, size_t channels, float values[4])
{
    cJSON *json = NULL;
    bool fine;

    CLMIX_TRY(clmix_metadata_get(weights->file, weights->path, key, &json));
    if (json == NULL || channels > 4) {
        cJSON_Delete(json);
        return CLMIX_OK;
    }

    fine = cJSON_IsArray(json) && cJSON_GetArraySize(json) == (int)channels;
    for (size_t c = 0; fine && c < channels; c++) {
        const cJSON *item = cJSON_GetArrayItem(json, (int)c);

        fine = cJSON_IsNumber(item);
        values[c] = fine ? (float)item->valuedouble : 0.0f;
    }
    cJSON_Delete(json);
    return fine ? CLMIX_OK
                : clmix_fail(CLMIX_ERROR_FORMAT, "'%s': metadata '%s' must be a list of %zu numbers, one a channel", weights->path, key,
                             channels);
}

/* A name as the bytes it was, in its own place: they are never more. */
static clmix_status take_name(cJSON *item, const char **name)
{
    char *bytes = clmix_utf8_to_bytes(item->valuestring);

    if (bytes == NULL)
        return clmix_fail_memory("the class names");
    memcpy(item->valuestring, bytes, strlen(bytes) + 1);
    free(bytes);
    *name = item->valuestring;
    return CLMIX_OK;
}

/* The class names as a list of texts that belong to *json; as they were where the file has none. */
static clmix_status take_names(const clmix_safetensors *file, const char *path, const char **names, size_t count, cJSON **json)
{
    bool fine;
    cJSON *item;

    CLMIX_TRY(clmix_metadata_get(file, path, "classes", json));
    if (*json == NULL)
        return CLMIX_OK;

    fine = cJSON_IsArray(*json) && cJSON_GetArraySize(*json) == (int)count;
    item = fine ? (*json)->child : NULL;
    for (size_t i = 0; fine && i < count; i++, item = item->next) {
        fine = cJSON_IsString(item);
        if (fine)
            CLMIX_TRY(take_name(item, &names[i]));
    }
    return fine ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FORMAT, "'%s': metadata 'classes' must be a list of %zu names", path, count);
}

/* The tokenizer that the file has, which must be one for the model; NULL where it has none. */
static clmix_status take_tokenizer(const clmix_network *network, const struct clmix_weights *weights, clmix_tokenizer **tokenizer)
{
    CLMIX_TRY(clmix_tokenizer_of_file(tokenizer, weights->file, weights->path));
    return *tokenizer == NULL || clmix_config_check_tokenizer(network->config, *tokenizer) == CLMIX_OK
               ? CLMIX_OK
               : clmix_fail_at(CLMIX_ERROR_FORMAT, "'%s'", weights->path);
}

/* What a file says of the classes and, with `weights`, of the tokenizer and of the normalisation, whose std was called deviation until version 0.1. */
static clmix_status describe(clmix_network *network, const clmix_safetensors *file, const char *path, const struct clmix_weights *weights)
{
    size_t classes = clmix_config_classes(network->config), channels = clmix_config_picture_keys(network->config)->channels;
    float mean[4], std[4];
    cJSON *json = NULL;
    clmix_tokenizer *tokenizer = NULL;
    const char **names = calloc(clmix_at_least_one(classes), sizeof *names);
    clmix_status status;

    if (names == NULL)
        return clmix_fail_memory("the class names");

    for (size_t i = 0; i < classes; i++)
        names[i] = network->class_names[i];
    clmix_network_normalization(network, mean, std);
    status = take_names(file, path, names, classes, &json);
    if (status == CLMIX_OK && weights != NULL)
        status = take_numbers(weights, "mean", channels, mean);
    if (status == CLMIX_OK && weights != NULL)
        status = take_numbers(weights, clmix_safetensors_metadata(weights->file, "std") != NULL ? "std" : "deviation", channels, std);
    if (status == CLMIX_OK && weights != NULL)
        status = take_tokenizer(network, weights, &tokenizer);
    if (status == CLMIX_OK && (status = clmix_network_describe_data(network, names, mean, std)) != CLMIX_OK)
        status = clmix_fail_at(status, "'%s'", path);
    if (status != CLMIX_OK)
        clmix_tokenizer_close(tokenizer);
    else if (tokenizer != NULL)
        clmix_network_adopt_tokenizer(network, tokenizer);
    cJSON_Delete(json);
    free(names);
    return status;
}

clmix_status clmix_network_take_classes(clmix_network *network, const clmix_safetensors *file, const char *path)
{
    return describe(network, file, path, NULL);
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------------ */

/* Both arenas and, with `weights`, what the file says of the data, or nothing: where the rest fails the arenas get their old values back. */
static clmix_status replace(clmix_network *network, const struct clmix_arenas *arenas, const struct clmix_weights *weights)
{
    struct clmix_arenas old;
    clmix_status status;

    CLMIX_TRY(clmix_arenas_new(&old, network));
    status = clmix_arenas_download(&old, network);
    if (status != CLMIX_OK) {
        clmix_arenas_free(&old);
        return status;
    }
    status = clmix_arenas_upload(arenas, network);
    if (status == CLMIX_OK && weights != NULL)
        status = describe(network, weights->file, weights->path, weights);
    if (status != CLMIX_OK) {
        char sentence[1024];

        snprintf(sentence, sizeof sentence, "%s", clmix_error());
        if (clmix_arenas_upload(&old, network) == CLMIX_OK)
            clmix_fail(status, "%s", sentence);
    }
    clmix_arenas_free(&old);
    return status;
}

static clmix_status load(clmix_network *network, const struct clmix_weights *weights)
{
    struct clmix_arenas arenas;
    clmix_status status;

    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    status = take_all(network, weights, &arenas);
    if (status == CLMIX_OK)
        status = replace(network, &arenas, weights);
    clmix_arenas_free(&arenas);
    return status;
}

clmix_status clmix_network_load_weights(clmix_network *network, const char *path)
{
    CLMIX_NEED(network);
    CLMIX_NEED(path);

    struct clmix_weights weights;
    clmix_status status = clmix_weights_open(&weights, path);

    if (status == CLMIX_OK)
        status = load(network, &weights);
    clmix_weights_close(&weights);
    return status;
}

clmix_status clmix_network_load(clmix_network **network, clmix_device *device, const char *path)
{
    CLMIX_NEED(network);
    CLMIX_NEED(device);
    CLMIX_NEED(path);

    struct clmix_weights weights;
    clmix_config *config = NULL;
    clmix_network *made = NULL;
    clmix_status status;

    *network = NULL;

    status = clmix_weights_open(&weights, path);
    if (status == CLMIX_OK)
        status = clmix_config_of_file(&config, weights.file, weights.path);
    if (status == CLMIX_OK)
        status = clmix_network_make(&made, device, config);
    if (status == CLMIX_OK)
        status = load(made, &weights);
    clmix_weights_close(&weights);
    if (status != CLMIX_OK) {
        clmix_network_free(made);
        return status;
    }
    *network = made;
    return CLMIX_OK;
}

/* ---- taking over what fits ---------------------------------------------------------------------------------------------------------- */

/* A list of names, NULL at its end. */
struct names {
    char **names;
    size_t count, capacity;
};

static clmix_status add_name(struct names *list, const char *name)
{
    char *copy = strdup(name);

    if (copy != NULL && clmix_array_reserve((void **)&list->names, &list->capacity, list->count + 2, sizeof *list->names)) {
        list->names[list->count++] = copy;
        list->names[list->count] = NULL;
        return CLMIX_OK;
    }
    free(copy);
    return clmix_fail_memory("a list of names");
}

static void clear_names(char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        free(names[i]);
    free(names);
}

void clmix_init_report_clear(clmix_init_report *report)
{
    if (report == NULL)
        return;
    clear_names(report->taken_names);
    clear_names(report->fresh_names);
    clear_names(report->unused_names);
    clear_names(report->partly_names);
    memset(report, 0, sizeof *report);
}

/* Tensors that have a row for each place of a sequence: of positions (DCT-Former's are in the table of token types), and SE-K's second layer. */
static bool has_rows_of_places(const char *name)
{
    static const char *const endings[] = { "position_embeddings.weight", "token_type_embeddings.weight", "se.fc2.weight", "se.fc2.bias" };
    bool found = false;

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        found = found || clmix_has_ending(name, endings[i]);
    return found;
}

/* Whether only the number of rows is another. */
static bool same_rows(const clmix_stored_tensor *stored, clmix_shape shape)
{
    bool same = stored->rank == shape.rank && shape.rank > 0;

    for (int axis = 1; same && axis < shape.rank; axis++)
        same = stored->size[axis] == shape.size[axis];
    return same;
}

/* The first rows of a table, as many as both have; the others keep their values. */
static clmix_status take_rows(const clmix_tensor_info *info, const clmix_stored_tensor *stored, const char *path, float *device)
{
    const size_t count = clmix_shape_count(info->file_shape), rows = clmix_smaller(stored->size[0], info->file_shape.size[0]);
    float *values = malloc((stored->count + count + 1) * sizeof *values), *file = values + stored->count;
    clmix_status status;

    if (values == NULL)
        return clmix_fail_memory(info->name);
    status = clmix_stored_to_float(stored, values);
    if (status != CLMIX_OK)
        status = clmix_fail_at(status, "'%s'", path);
    else {
        clmix_layout_to_file(info, device, file);
        memcpy(file, values, rows * (count / info->file_shape.size[0]) * sizeof *file);
        clmix_layout_to_device(info, file, device);
    }
    free(values);
    return status;
}

/* What becomes of each tensor. */
struct taking {
    struct names taken, partly, fresh, unused;
};

static clmix_status take_if_fitting(const clmix_tensor_info *info, struct clmix_named_weight *weight, const char *path, float *device,
                                    struct taking *taking)
{
    if (weight != NULL && same_shape(weight->stored, info->file_shape))
        CLMIX_TRY(clmix_weights_take(info, weight->stored, path, device));
    else if (weight != NULL && has_rows_of_places(info->name) && same_rows(weight->stored, info->file_shape)) {
        CLMIX_TRY(take_rows(info, weight->stored, path, device));
        CLMIX_TRY(add_name(&taking->partly, info->name));
    } else
        return add_name(&taking->fresh, info->name);
    weight->taken = true;
    return add_name(&taking->taken, info->name);
}

/* What fits by name and shape goes over the values in `arenas`. */
static clmix_status take_fitting(const clmix_network *network, const struct clmix_weights *weights, struct clmix_arenas *arenas,
                                 struct taking *taking)
{
    CLMIX_TRY(tie(network, weights));
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        CLMIX_TRY(take_if_fitting(&info, clmix_weights_find(weights, info.name), weights->path, clmix_arenas_at(arenas, &info), taking));
    }
    if (taking->taken.count > 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_FORMAT, "nothing in '%s' fits '%s': no tensor has the name and the shape of one of the model's",
                      weights->path, clmix_config_name(network->config));
}

static clmix_status take_over(clmix_network *network, const struct clmix_weights *weights, struct taking *taking)
{
    struct clmix_arenas arenas;
    clmix_status status;

    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    status = clmix_arenas_download(&arenas, network);
    if (status == CLMIX_OK)
        status = take_fitting(network, weights, &arenas, taking);
    if (status == CLMIX_OK)
        status = replace(network, &arenas, NULL);
    clmix_arenas_free(&arenas);
    return status;
}

clmix_status clmix_network_init(clmix_network *network, const char *path, clmix_init_report *report)
{
    CLMIX_NEED(network);
    CLMIX_NEED(path);

    struct taking taking = { 0 };
    struct clmix_weights weights;
    clmix_status status = clmix_weights_open(&weights, path);
    clmix_init_report made;

    if (status == CLMIX_OK)
        status = take_over(network, &weights, &taking);
    for (size_t i = 0; status == CLMIX_OK && i < weights.count; i++)
        if (!weights.named[i].taken)
            status = add_name(&taking.unused, weights.named[i].stored->name);
    clmix_weights_close(&weights);

    made = (clmix_init_report){ taking.taken.count, taking.fresh.count,  taking.unused.count, taking.taken.names,
                                taking.fresh.names, taking.unused.names, taking.partly.count, taking.partly.names };
    if (report != NULL && status == CLMIX_OK)
        *report = made;
    else
        clmix_init_report_clear(&made);
    return status;
}
