#include "train/labels.h"

#include "base/status.h"

clmix_status clmix_check_classes(const clmix_config *config, const clmix_dataset *data)
{
    const size_t classes = clmix_config_classes(config);
    const int found = clmix_dataset_classes(data);

    if ((size_t)found == classes)
        return CLMIX_OK;
    if (clmix_config_weights(config) != NULL)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' is trained for %zu classes and the data set has %d; begin a network of %d from it, with a fresh head "
                          "(clmix_network_init; clmix-train --init %s)",
                          clmix_config_name(config), classes, found, found, clmix_config_weights(config));
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' tells %zu classes apart and the data set has %d; set the configuration's classes to %d",
                      clmix_config_name(config), classes, found, found);
}

/* A label that is none would only show as a loss that is NaN. */
clmix_status clmix_check_labels(const int32_t *labels, size_t count, size_t choices, const char *name, const char *whole)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i] != CLMIX_NO_LABEL && (labels[i] < 0 || (size_t)labels[i] >= choices))
            return clmix_fail(CLMIX_ERROR_ARGUMENT,
                              "label %d (number %zu of the batch) is none of the model's %zu %s, which are 0 to %zu; %d leaves a %s out",
                              (int)labels[i], i, choices, name, choices - 1, CLMIX_NO_LABEL, whole);
    return CLMIX_OK;
}

clmix_status clmix_check_counted(const int32_t *labels, size_t count)
{
    size_t i = 0;

    while (i < count && labels[i] == CLMIX_NO_LABEL)
        i++;
    return i < count
               ? CLMIX_OK
               : clmix_fail(CLMIX_ERROR_ARGUMENT, "all %zu labels of the batch are %d, which counts for nothing; nothing is left to learn",
                            count, CLMIX_NO_LABEL);
}
