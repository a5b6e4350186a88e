#include "predict/predict.h"

#include "base/text.h"
#include "common/terminal.h"

void predict_largest(float *values, size_t value_count, size_t *places, float *largest, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        size_t best = 0;

        for (size_t i = 1; i < value_count; i++)
            if (values[i] > values[best])
                best = i;
        places[k] = best;
        largest[k] = values[best];
        values[best] = -1.0f;
    }
}

void predict_print_classes(const clmix_network *network, const size_t *places, const float *values, size_t count)
{
    char percent[32];

    for (size_t k = 0; k < count; k++)
        terminal_say(11, "  %5s %%  %s", clmix_percent(percent, (double)values[k], 1), clmix_network_class_name(network, places[k]));
}

void predict_add_classes(cJSON *object, const clmix_network *network, const size_t *places, const float *values, size_t count)
{
    cJSON *classes = cJSON_AddArrayToObject(object, "classes");

    for (size_t k = 0; k < count; k++) {
        cJSON *row = cJSON_CreateObject();

        cJSON_AddNumberToObject(row, "label", (double)places[k]);
        cJSON_AddStringToObject(row, "name", clmix_network_class_name(network, places[k]));
        cJSON_AddNumberToObject(row, "probability", (double)values[k]);
        cJSON_AddItemToArray(classes, row);
    }
}
