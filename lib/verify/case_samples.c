/* What a model case gives for the ports of its model and task: "input", "mask", "input.1" and "mask.1", "label". */
#include "verify/case_samples.h"
#include "base/port.h"
#include "base/status.h"
#include "graph/op.h"
#include "network/config.h"
#include "network/network.h"
#include <stdlib.h>
#include <string.h>

/* Files have pictures as (B, C, H, W), the device as (B, H, W, C). */
static bool is_map(const clmix_port *port)
{
    return port->type == CLMIX_U8 && port->rank == 3;
}

clmix_tensor_info clmix_case_port_layout(const clmix_port *port, const clmix_stored_tensor *stored)
{
    clmix_tensor_info info = { .file_shape = clmix_shape_make(stored->rank, stored->size) };

    for (int axis = 0; axis < stored->rank; axis++)
        info.order[axis] = is_map(port) && axis > 0 ? 1 + axis % 3 : axis;
    return info;
}

static bool fits(const clmix_port *port, const clmix_stored_tensor *stored, size_t batch)
{
    clmix_tensor_info info;

    if (stored->rank != port->rank + 1 || stored->size[0] != batch || batch == 0)
        return false;
    info = clmix_case_port_layout(port, stored);
    for (int axis = 1; axis < stored->rank; axis++)
        if (stored->size[info.order[axis]] != port->size[axis - 1])
            return false;
    return true;
}

/* Bytes are floats in cases: pictures that are normalised already. */
static clmix_status take_floats(const clmix_port *port, const clmix_stored_tensor *stored, void **array)
{
    clmix_tensor_info layout = clmix_case_port_layout(port, stored);
    float *file = NULL;

    CLMIX_TRY(clmix_case_floats(stored, &file));
    *array = malloc((stored->count + 1) * sizeof(float));
    if (*array != NULL)
        clmix_layout_to_device(&layout, file, *array);
    free(file);
    return *array != NULL ? CLMIX_OK : clmix_fail_memory(port->name);
}

/* What cases call a port: the first input and the target alike whatever they are. */
static const char *name_of(const struct case_samples *samples, int index)
{
    const char *name = samples->ports[index].name;

    if (index == samples->inputs)
        return "label";
    if (index == 0)
        return "input";
    return strcmp(name, CLMIX_SECOND_TOKENS) == 0 ? "input.1" : strcmp(name, CLMIX_SECOND_MASK) == 0 ? "mask.1" : name;
}

/* A case without a mask has no padding. */
static clmix_status fill_mask(struct case_samples *samples, int index)
{
    const size_t count = clmix_case_elements(samples, index);
    int32_t *mask = malloc((count + 1) * sizeof *mask);

    if (mask == NULL)
        return clmix_fail_memory("the mask");
    for (size_t i = 0; i < count; i++)
        mask[i] = 1;
    samples->arrays[index] = mask;
    return CLMIX_OK;
}

static clmix_status take_port(const struct reference_case *of, struct case_samples *samples, int index)
{
    const clmix_port *port = &samples->ports[index];
    const char *name = name_of(samples, index);
    const clmix_stored_tensor *stored;
    char text[CLMIX_PORT_TEXT];
    int32_t *integers = NULL;

    if (strncmp(name, "mask", 4) == 0 && clmix_safetensors_find(of->file, name) == NULL)
        return fill_mask(samples, index);
    CLMIX_TRY(clmix_case_tensor(of, name, &stored));
    if (!fits(port, stored, samples->extent.batch))
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' must be %zu samples of %s, as the configuration says", name, samples->extent.batch,
                          clmix_port_text(port, text));
    if (port->type != CLMIX_I32)
        return take_floats(port, stored, &samples->arrays[index]);
    CLMIX_TRY(clmix_case_integers(stored, &integers));
    samples->arrays[index] = integers;
    return CLMIX_OK;
}

clmix_status clmix_case_take_samples(const struct reference_case *of, const clmix_config *config, struct case_samples *samples)
{
    const struct clmix_task_settings settings = { .config = config, .mode = CLMIX_TRAINING };
    const clmix_stored_tensor *input;

    CLMIX_TRY(clmix_case_tensor(of, "input", &input));
    samples->extent = (struct clmix_extent){ input->rank > 0 ? input->size[0] : 0, input->rank == 2 ? input->size[1] : 0 };
    samples->inputs = clmix_config_ports(config, samples->extent.length, samples->ports);
    samples->count = samples->inputs;
    samples->count += clmix_task_of(config)->targets(&settings, samples->extent.length, samples->ports + samples->inputs);
    for (int i = 0; i < samples->inputs; i++)
        CLMIX_TRY(take_port(of, samples, i));
    return CLMIX_OK;
}

/* The most labels of a sample that count, one at least. */
static size_t most_labelled(const struct case_samples *samples)
{
    const int32_t *labels = samples->arrays[samples->inputs];
    const size_t length = clmix_port_count(&samples->ports[samples->inputs]);
    size_t most = 1;

    for (size_t i = 0; i < samples->extent.batch; i++) {
        size_t labelled = 0;

        for (size_t n = 0; n < length; n++)
            labelled += labels[i * length + n] != CLMIX_NO_LABEL;
        most = labelled > most ? labelled : most;
    }
    return most;
}

clmix_status clmix_case_take_targets(const struct reference_case *of, struct case_samples *samples)
{
    for (int i = samples->inputs; i < samples->count; i++)
        CLMIX_TRY(take_port(of, samples, i));
    samples->most = most_labelled(samples);
    return CLMIX_OK;
}

size_t clmix_case_elements(const struct case_samples *samples, int port)
{
    return samples->extent.batch * clmix_port_count(&samples->ports[port]);
}

clmix_status clmix_case_feed(const struct case_samples *samples, clmix_plan *plan, int count)
{
    clmix_plan_array arrays[CLMIX_RECIPE_PORTS];

    for (int i = 0; i < count; i++) /* an element of 4 bytes each: floats or integers */
        arrays[i] = (clmix_plan_array){ samples->ports[i].name, samples->arrays[i], 4 * clmix_case_elements(samples, i) };
    return clmix_plan_feed(plan, arrays, (size_t)count);
}

void clmix_case_drop_samples(struct case_samples *samples)
{
    for (int i = 0; i < samples->count; i++)
        free(samples->arrays[i]);
}
