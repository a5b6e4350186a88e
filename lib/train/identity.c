#include "train/identity.h"

#include "base/hash.h"
#include "base/port.h"
#include "base/random.h"
#include "base/status.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES      4 /* of a split, at places that its number of samples decides */
#define PORTS_TEXT   1024
#define NUMBERS_TEXT 256

static const char *const split_names[2] = { [CLMIX_TRAIN] = "train", [CLMIX_TEST] = "test" };

/* ---- taking ------------------------------------------------------------------------------------------------------------------------- */

static void list_ports(const clmix_dataset *data, char text[PORTS_TEXT])
{
    size_t count, used = 0;
    const clmix_port *ports = clmix_dataset_ports(data, &count);
    char port[CLMIX_PORT_TEXT];

    text[0] = '\0';
    for (size_t i = 0; i < count && used < PORTS_TEXT; i++)
        used += (size_t)snprintf(text + used, PORTS_TEXT - used, "%s%s", i == 0 ? "" : ", ", clmix_port_text(&ports[i], port));
}

static void hash_classes(const clmix_dataset *data, char hex[2 * CLMIX_HASH_BYTES + 1])
{
    unsigned char digest[CLMIX_HASH_BYTES];
    clmix_hash hash;

    clmix_hash_start(&hash);
    for (int i = 0; i < clmix_dataset_classes(data); i++) {
        const char *name = clmix_dataset_class_name(data, i);

        clmix_hash_add(&hash, name, strlen(name) + 1);
    }
    clmix_hash_finish(&hash, digest);
    clmix_hash_hex(digest, hex);
}

static double value_at(clmix_type type, const void *array, size_t index)
{
    if (type == CLMIX_U8)
        return (double)((const unsigned char *)array)[index];
    return type == CLMIX_I32 ? (double)((const int32_t *)array)[index] : (double)((const float *)array)[index];
}

static double mean_of(const clmix_port *port, const void *array, size_t sample)
{
    const size_t count = clmix_port_count(port);
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += value_at(port->type, array, sample * count + i);
    return sum / (double)count;
}

/* Sample by sample, port by port. */
static clmix_status add_means(cJSON *list, const clmix_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        for (size_t p = 0; p < batch->port_count; p++) {
            cJSON *number = cJSON_CreateNumber(mean_of(&batch->ports[p], batch->arrays[p], i));

            if (number == NULL || !cJSON_AddItemToArray(list, number)) {
                cJSON_Delete(number);
                return clmix_fail_memory("the identity of a data set");
            }
        }
    return CLMIX_OK;
}

/* A loader's batch: it can be waited for, and left. */
static clmix_status add_samples(cJSON *list, const clmix_dataset *data, clmix_split split, const clmix_train_events *events)
{
    const clmix_loader_options options = { .seed = clmix_hash_text("identity"), .shuffle = true };
    const size_t count = clmix_dataset_count(data, split);
    clmix_loader *loader = NULL;
    clmix_batch batch;
    clmix_status status;

    CLMIX_TRY(clmix_loader_open(&loader, data, split, count < SAMPLES ? count : SAMPLES, &options));
    status = clmix_next_batch(loader, events, &batch);
    if (status == CLMIX_OK)
        status = add_means(list, &batch);
    clmix_loader_close(loader);
    return status;
}

static clmix_status add_split(cJSON *identity, const clmix_dataset *data, clmix_split split, const clmix_train_events *events)
{
    cJSON *list = cJSON_AddArrayToObject(identity, split_names[split]);
    clmix_status status;

    if (list == NULL)
        return clmix_fail_memory("the identity of a data set");
    if (clmix_dataset_count(data, split) == 0)
        return CLMIX_OK;
    status = add_samples(list, data, split, events);
    if (status == CLMIX_OK || status == CLMIX_ERROR_INTERRUPTED || status == CLMIX_ERROR_HOST_MEMORY)
        return status;
    cJSON_DeleteItemFromObject(identity, split_names[split]); /* the run will come to what cannot be read */
    return CLMIX_OK;
}

/* How pictures are normalised; "" for 0.5 and 0.5, which a set of an older checkpoint has, that says nothing of it. */
static void describe_normalization(const clmix_dataset *data, char text[NUMBERS_TEXT])
{
    float mean[4], std[4];
    size_t used = 0;
    bool usual = true;

    clmix_dataset_normalization(data, mean, std);
    for (int c = 0; c < 4; c++) {
        usual = usual && mean[c] == 0.5f && std[c] == 0.5f;
        used += (size_t)snprintf(text + used, NUMBERS_TEXT - used, "%s%.9g %.9g", c == 0 ? "" : ", ", (double)mean[c], (double)std[c]);
    }
    if (usual)
        text[0] = '\0';
}

static clmix_status fill(cJSON *identity, const clmix_dataset *data, const clmix_train_events *events)
{
    char ports[PORTS_TEXT], classes[2 * CLMIX_HASH_BYTES + 1], numbers[NUMBERS_TEXT];

    list_ports(data, ports);
    hash_classes(data, classes);
    describe_normalization(data, numbers);
    if (cJSON_AddStringToObject(identity, "ports", ports) == NULL || cJSON_AddStringToObject(identity, "classes", classes) == NULL)
        return clmix_fail_memory("the identity of a data set");
    if (numbers[0] != '\0' && cJSON_AddStringToObject(identity, "normalization", numbers) == NULL)
        return clmix_fail_memory("the identity of a data set");
    CLMIX_TRY(add_split(identity, data, CLMIX_TRAIN, events));
    return add_split(identity, data, CLMIX_TEST, events);
}

clmix_status clmix_identity_take(const clmix_dataset *data, const clmix_train_events *events, cJSON **identity)
{
    clmix_status status;

    *identity = cJSON_CreateObject();
    status = *identity == NULL ? clmix_fail_memory("the identity of a data set") : fill(*identity, data, events);
    if (status != CLMIX_OK) {
        cJSON_Delete(*identity);
        *identity = NULL;
    }
    return status;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------------------- */

static const char *text_of(const cJSON *json, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

/* Whether both have a text, and another. */
static bool texts_differ(const cJSON *stored, const cJSON *found, const char *key)
{
    const char *one = text_of(stored, key), *other = text_of(found, key);

    return one != NULL && other != NULL && strcmp(one, other) != 0;
}

static const char *normalization_of(const cJSON *identity)
{
    const char *text = text_of(identity, "normalization");

    return text != NULL ? text : "0.5 0.5";
}

/* Integers are exact, but not their mean as it is written; bytes may be a level off on average, and floats by what their sum rounds to. */
static double tolerance(const clmix_port *port, double mean)
{
    if (port->type == CLMIX_U8)
        return 1.0;
    return port->type == CLMIX_I32 ? 0.5 / (double)clmix_port_count(port) : 1e-4 * fmax(1.0, fabs(mean));
}

/* Places of another mean; a list of another length is not compared. */
static bool means_differ(const cJSON *stored, const cJSON *found, const clmix_port *ports, size_t port_count)
{
    const cJSON *one = stored == NULL ? NULL : stored->child, *other = found == NULL ? NULL : found->child;

    if (cJSON_GetArraySize(stored) != cJSON_GetArraySize(found))
        return false;
    for (size_t i = 0; one != NULL && other != NULL; i++, one = one->next, other = other->next)
        if (cJSON_IsNumber(one) && cJSON_IsNumber(other) &&
            fabs(one->valuedouble - other->valuedouble) > tolerance(&ports[i % port_count], one->valuedouble))
            return true;
    return false;
}

clmix_status clmix_identity_agree(const cJSON *stored, const cJSON *found, const clmix_dataset *data)
{
    size_t port_count;
    const clmix_port *ports = clmix_dataset_ports(data, &port_count);

    if (texts_differ(stored, found, "ports"))
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "the run was begun with data of %.400s and the data set now has %.400s; it must be the same",
                          text_of(stored, "ports"), text_of(found, "ports"));
    if (texts_differ(stored, found, "classes"))
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "the run was begun with data whose classes have other names or another order than those of the data set now; it must "
            "be the same");
    if (strcmp(normalization_of(stored), normalization_of(found)) != 0)
        return clmix_fail(
            CLMIX_ERROR_ARGUMENT,
            "the run was begun with pictures of another normalisation (mean and std: %s) than the data set has now (%s); it must be "
            "the same",
            normalization_of(stored), normalization_of(found));
    for (int split = 0; split < 2; split++)
        if (means_differ(cJSON_GetObjectItemCaseSensitive(stored, split_names[split]),
                         cJSON_GetObjectItemCaseSensitive(found, split_names[split]), ports, port_count))
            return clmix_fail(
                CLMIX_ERROR_ARGUMENT,
                "the run was begun with other data: of the %s samples %d were looked at, and the data set now has others in their "
                "places; it must be the same",
                split_names[split], SAMPLES);
    return CLMIX_OK;
}
