/* Classifying pictures: u8 -> normalised -> the model -> softmax. */
#include "base/status.h"
#include "io/picture.h"
#include "network/config.h"
#include "network/network.h"
#include <stdlib.h>

static clmix_status check_pictures(const clmix_network *network)
{
    if (clmix_config_vocabulary(network->config) == 0)
        return CLMIX_OK;
    return clmix_fail(CLMIX_ERROR_ARGUMENT,
                      "'%s' reads tokens, and a picture was given; clmix_network_classify_text and _fill_mask take texts",
                      clmix_config_name(network->config));
}

clmix_status clmix_network_classify(clmix_network *network, const uint8_t *pictures, size_t count, float *probabilities)
{
    CLMIX_NEED(network);
    CLMIX_NEED(pictures);
    CLMIX_NEED(probabilities);

    CLMIX_TRY(check_pictures(network));
    if (count == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "clmix_network_classify needs pictures, and got none");
    return clmix_network_answer(network, (struct clmix_extent){ .batch = count }, (const void *const[]){ pictures }, count, probabilities);
}

/* The file's picture at the model's size. */
static clmix_status read_picture(const clmix_network *network, const char *path, uint8_t **pixels)
{
    const struct clmix_picture_keys *size = clmix_config_picture_keys(network->config);
    clmix_status status;
    clmix_picture picture = { 0 };

    if (size->channels != 1 && size->channels != 3)
        return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "'%s' takes pictures of %zu channels; picture files give 1 or 3",
                          clmix_config_name(network->config), size->channels);

    CLMIX_TRY(clmix_picture_read(&picture, path, size->channels));
    *pixels = malloc(size->height * size->width * size->channels);
    status = *pixels != NULL ? clmix_picture_fit(&picture, *pixels, size->height, size->width, size->channels) : clmix_fail_memory(path);
    clmix_picture_free(&picture);
    if (status != CLMIX_OK) {
        free(*pixels);
        *pixels = NULL;
    }
    return status;
}

clmix_status clmix_network_probabilities_of_file(clmix_network *network, const char *path, float *probabilities)
{
    uint8_t *pixels = NULL;
    clmix_status status;

    CLMIX_TRY(check_pictures(network));
    CLMIX_TRY(read_picture(network, path, &pixels));
    status = clmix_network_classify(network, pixels, 1, probabilities);
    free(pixels);
    return status;
}

clmix_status clmix_network_classify_file(clmix_network *network, const char *path, clmix_prediction *prediction)
{
    CLMIX_NEED(network);
    CLMIX_NEED(path);
    CLMIX_NEED(prediction);

    size_t classes = clmix_config_classes(network->config);
    float *probabilities = malloc(classes * sizeof *probabilities);
    clmix_status status;

    if (probabilities == NULL)
        return clmix_fail_memory("the probabilities");

    status = clmix_network_probabilities_of_file(network, path, probabilities);
    if (status == CLMIX_OK)
        *prediction = clmix_network_best(network, probabilities);
    free(probabilities);
    return status;
}
