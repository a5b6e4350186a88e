#include "common/model_options.h"
#include "base/lines.h"
#include "base/size.h"
#include "base/status.h"
#include "network/config.h"
#include "network/mixing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS         8                  /* more than a model has */
#define CLASSES_BYTES ((size_t)16 << 20) /* of a file of names */

void model_options_start(struct model_options *options, unsigned asked_for)
{
    size_t count = 0;

    memset(options, 0, sizeof *options);
    if (asked_for & MODEL_BY_OPTION)
        options->table[count++] = (struct poptOption){ "model",         'm', POPT_ARG_STRING,
                                                       &options->model, 0,   "preset, JSON file, .safetensors file or a run's folder",
                                                       "MODEL" };
    options->table[count++] = (struct poptOption){
        "weights", '\0', POPT_ARG_STRING, &options->weights, 0, "the model's weights, a state_dict saved as safetensors", "FILE"
    };
    if (asked_for & MODEL_CLASSES)
        options->table[count++] =
            (struct poptOption){ "classes", '\0', POPT_ARG_STRING, &options->classes, 0, "names of the classes, one a line", "FILE" };
    options->table[count++] = (struct poptOption){
        "mixer", 'x', POPT_ARG_STRING, &options->mixer, 0, "another token mixer, such as nystrom:landmarks=32", "KIND[:KEY=...]"
    };
    options->table[count++] =
        (struct poptOption){ "set",      's', POPT_ARG_ARGV, &options->settings, 0, "override a key of the configuration; may be repeated",
                             "KEY=VALUE" };
}

void model_options_end(struct model_options *options)
{
    for (size_t i = 0; options->settings != NULL && options->settings[i] != NULL; i++)
        free((char *)options->settings[i]);
    free(options->settings);
    free(options->model);
    free(options->weights);
    free(options->classes);
    free(options->mixer);
    memset(options, 0, sizeof *options);
}

bool model_sets_classes(const struct model_options *options)
{
    const char **settings = options->settings;

    for (; settings != NULL && *settings != NULL; settings++)
        if (strncmp(*settings, "classes=", 8) == 0)
            return true;
    return false;
}

/* ---- names of the classes ------------------------------------------------------------------------------------------------------------ */

static clmix_status read_names(struct clmix_lines *names, const char *path)
{
    return clmix_lines_read(names, path, CLASSES_BYTES, "names of classes are, one a line");
}

/* As many classes as there are names, unless the weights or a setting say how many. */
static clmix_status count_classes(const struct model_options *options, clmix_config *config)
{
    struct clmix_lines names;
    char setting[48];
    clmix_status status = read_names(&names, options->classes);

    snprintf(setting, sizeof setting, "classes=%zu", names.count);
    if (status == CLMIX_OK && !model_sets_classes(options) && (clmix_config_weights(config) == NULL || options->weights != NULL))
        status = clmix_config_set(config, setting);
    clmix_lines_free(&names);
    return status;
}

clmix_status model_options_name(const struct model_options *options, clmix_network *network)
{
    const size_t classes = clmix_config_classes(clmix_network_config(network));
    float mean[4], std[4];
    struct clmix_lines names;
    clmix_status status;

    if (options->classes == NULL)
        return CLMIX_OK;
    status = read_names(&names, options->classes);
    clmix_network_normalization(network, mean, std);
    if (status == CLMIX_OK && names.count != classes)
        status = clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' has %zu names and '%s' tells %zu classes apart", options->classes, names.count,
                            clmix_config_name(clmix_network_config(network)), classes);
    if (status == CLMIX_OK)
        status = clmix_network_describe_data(network, (const char *const *)names.items, mean, std);
    clmix_lines_free(&names);
    return status;
}

/* ---- the model ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status adjust(const struct model_options *options, clmix_config *config)
{
    const char **settings = options->settings;

    if (options->classes != NULL)
        CLMIX_TRY(count_classes(options, config));
    if (options->mixer != NULL)
        CLMIX_TRY(clmix_config_set_mixer(config, options->mixer));
    for (; settings != NULL && *settings != NULL; settings++)
        CLMIX_TRY(clmix_config_set(config, *settings));
    return options->weights != NULL ? clmix_config_take_weights(config, options->weights) : CLMIX_OK;
}

clmix_status model_options_config(const struct model_options *options, const char *model, clmix_config **config)
{
    clmix_status status;

    if (model == NULL)
        model = options->model != NULL ? options->model : options->weights;
    CLMIX_TRY(clmix_config_open(config, model));
    status = adjust(options, *config);
    if (status != CLMIX_OK) {
        clmix_config_free(*config);
        *config = NULL;
    }
    return status;
}

clmix_status model_network(clmix_device *device, const clmix_config *config, uint64_t seed, clmix_network **network)
{
    const char *weights = clmix_config_weights(config);
    clmix_status status;

    CLMIX_TRY(clmix_network_create(network, device, config, seed));
    status = weights != NULL ? clmix_network_load_weights(*network, weights) : CLMIX_OK;
    if (status != CLMIX_OK) {
        clmix_network_free(*network);
        *network = NULL;
    }
    return status;
}

clmix_status model_options_network(const struct model_options *options, clmix_device *device, const clmix_config *config, uint64_t seed,
                                   clmix_network **network)
{
    clmix_status status;

    CLMIX_TRY(model_network(device, config, seed, network));
    status = model_options_name(options, *network);
    if (status != CLMIX_OK) {
        clmix_network_free(*network);
        *network = NULL;
    }
    return status;
}

clmix_status model_extent(const clmix_config *config, int batch, int length, struct clmix_extent *extent)
{
    const size_t longest = clmix_config_longest(config), wanted = (size_t)length;

    *extent = (struct clmix_extent){ (size_t)batch, length > 0 ? wanted : longest };
    if (batch == MODEL_USUAL_BATCH)
        extent->batch = clmix_smaller(MODEL_PICTURES, clmix_larger(MODEL_TOKENS / clmix_at_least_one(extent->length), 1));
    if (length > 0 && longest == 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "--length is %zu, and '%s' reads pictures, which have none", wanted,
                          clmix_config_name(config));
    if (wanted > longest)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "--length is %zu, and '%s' takes sequences of up to %zu tokens; --set max_len=%zu makes a model of longer ones",
                          wanted, clmix_config_name(config), longest, wanted);
    return CLMIX_OK;
}

/* ---- devices --------------------------------------------------------------------------------------------------------------------------- */

clmix_status model_device_for_plans(const char *selector, clmix_device **device)
{
    clmix_status status;

    if (selector != NULL && strcmp(selector, "generic") == 0)
        return clmix_device_generic(device);
    status = clmix_device_open(device, selector);
    if (status == CLMIX_ERROR_NO_DEVICE && selector == NULL && getenv("CLMIX_DEVICE") == NULL)
        return clmix_device_generic(device);
    return status;
}

/* ---- data ------------------------------------------------------------------------------------------------------------------------------ */

clmix_status model_open_data(const clmix_config *config, const clmix_tokenizer *tokenizer, const char *spec, clmix_dataset **data)
{
    clmix_port ports[PORTS];
    const int count = clmix_config_port_count(config) < PORTS ? clmix_config_port_count(config) : PORTS;

    for (int i = 0; i < count; i++)
        CLMIX_TRY(clmix_config_port(config, i, &ports[i]));
    return clmix_dataset_open_text(data, spec, ports, (size_t)count, tokenizer);
}
