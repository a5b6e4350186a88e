/* What sources set of a data set when they open. */
#include "base/status.h"
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

clmix_status clmix_dataset_new(clmix_dataset **dataset, const clmix_data_source *source)
{
    clmix_dataset *made = calloc(1, sizeof *made);
    atomic_int *others = malloc(sizeof *others);

    *dataset = NULL;
    if (made == NULL || others == NULL) {
        free(made);
        free(others);
        return clmix_fail_memory("a data set");
    }
    atomic_init(others, 0);
    made->others = others;
    made->source = source;
    made->on_demand = source->on_demand;
    for (int c = 0; c < 4; c++)
        made->mean[c] = made->std[c] = 0.5f; /* the authors' normalisation for all sets but Tiny ImageNet */
    *dataset = made;
    return CLMIX_OK;
}

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
