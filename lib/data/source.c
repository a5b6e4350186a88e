/* What sources set of a data set when they open. */
#include "base/status.h"
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_dataset_name_classes(clmix_dataset *dataset, const char *const *names, int count)
{
    dataset->class_names = calloc((size_t)count, sizeof *dataset->class_names);
    if (dataset->class_names == NULL)
        return clmix_fail_memory("class names");
    for (dataset->classes = 0; dataset->classes < count; dataset->classes++) {
        dataset->class_names[dataset->classes] = strdup(names[dataset->classes]);
        if (dataset->class_names[dataset->classes] == NULL)
            return clmix_fail_memory("class names");
    }
    return CLMIX_OK;
}
