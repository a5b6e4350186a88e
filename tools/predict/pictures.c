/* Classes of pictures. */
#include "network/network.h"
#include "predict/predict.h"

#include <stdio.h>
#include <stdlib.h>

/* The line of a picture that has no classes. */
static int fail_picture(const struct cli *cli, clmix_status status, const char *path)
{
    cJSON *object;

    (void)cli_tell(cli, cli_hint(status), clmix_error());
    if (cli->json) {
        object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "picture", path);
        cli_add_error(object, status, clmix_error());
        (void)cli_print_json(cli, object);
    }
    return 1;
}

static int print(const struct cli *cli, const clmix_network *network, const char *path, const size_t *places, const float *values,
                 size_t count)
{
    cJSON *object;

    if (!cli->json) {
        printf("%s\n", path);
        predict_print_classes(network, places, values, count);
        return 0;
    }
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "picture", path);
    predict_add_classes(object, network, places, values, count);
    return cli_print_json(cli, object) ? 0 : 1;
}

static int classify(const struct cli *cli, clmix_network *network, const char *path, size_t top)
{
    size_t classes = clmix_config_classes(clmix_network_config(network));
    float *probabilities = malloc(2 * classes * sizeof *probabilities);
    size_t *places = malloc(classes * sizeof *places), count = top < classes ? top : classes;
    clmix_status status;
    int exit_status;

    if (probabilities == NULL || places == NULL) {
        exit_status = cli_error(cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory");
    } else if ((status = clmix_network_probabilities_of_file(network, path, probabilities)) != CLMIX_OK) {
        exit_status = fail_picture(cli, status, path);
    } else {
        predict_largest(probabilities, classes, places, probabilities + classes, count);
        exit_status = print(cli, network, path, places, probabilities + classes, count);
    }
    free(probabilities);
    free(places);
    return exit_status;
}

/* Every picture is tried, even after one that cannot be read. */
int predict_pictures(const struct cli *cli, clmix_network *network, const struct wishes *wishes)
{
    int exit_status = 0;

    for (size_t i = 0; i < wishes->given_count; i++)
        if (classify(cli, network, wishes->given[i], (size_t)wishes->top))
            exit_status = 1;
    return exit_status;
}
