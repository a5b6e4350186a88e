/* Cases of kind "op": one operator, its outputs, and the gradients of <outputs, gout>. */
#include "verify/case_op.h"
#include "base/status.h"
#include "graph/op.h"
#include "network/network.h"
#include "runtime/runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the graph ---------------------------------------------------------------------------------------------------------------------- */

/* Outputs to be read, and the backward pass where the case feeds gradients in. */
static clmix_status finish_graph(struct op_case *op)
{
    clmix_value of[CASE_MOST_PORTS], gradient[CASE_MOST_PORTS];
    int count = 0;
    char name[80];

    CLMIX_TRY(clmix_graph_check(op->graph));
    for (size_t i = 0; i < op->output_count; i++) {
        const struct case_port *port = &op->outputs[i];
        const clmix_stored_tensor *fed = clmix_case_find(op->of, "g", port->name);
        clmix_shape shape = clmix_shape_of(port->value);

        if (fed == NULL)
            continue;
        if (fed->count != clmix_shape_count(shape))
            return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %zu values, and the operator gives %zu", fed->name, fed->count,
                              clmix_shape_count(shape));
        snprintf(name, sizeof name, "g%s", port->name);
        of[count] = port->value;
        gradient[count++] = clmix_input(op->graph, name, CLMIX_F32, shape.rank, shape.size);
    }
    if (count > 0)
        clmix_backward(op->graph, count, of, gradient);
    for (size_t i = 0; i < op->output_count; i++)
        clmix_output(op->graph, op->outputs[i].name, op->outputs[i].value);
    for (size_t i = 0; count > 0 && i < op->input_count; i++) {
        snprintf(name, sizeof name, "g%s", op->inputs[i].name);
        if (clmix_safetensors_find(op->of->file, name) != NULL)
            clmix_output(op->graph, name, clmix_gradient_of(op->inputs[i].value));
    }
    return clmix_graph_check(op->graph);
}

static clmix_status bind_arena(struct op_case *op, clmix_arena arena, size_t count, cl_mem *memory)
{
    if (count == 0)
        return CLMIX_OK;
    CLMIX_TRY(clmix_buffer_create(op->of->device, count * sizeof(float), "the case's tensors", memory));
    CLMIX_TRY(clmix_buffer_zero(op->of->device, *memory, 0, count * sizeof(float)));
    return clmix_plan_bind_arena(op->plan, arena, *memory);
}

static clmix_status compile(struct op_case *op)
{
    size_t weights = clmix_graph_weight_count(op->graph);

    CLMIX_TRY(clmix_plan_compile(&op->plan, op->graph, op->of->device, op->training ? CLMIX_TRAINING : CLMIX_INFERENCE));
    CLMIX_TRY(bind_arena(op, CLMIX_WEIGHTS, weights, &op->weights));
    CLMIX_TRY(bind_arena(op, CLMIX_STATES, clmix_graph_state_count(op->graph), &op->states));
    return bind_arena(op, CLMIX_GRADIENTS, weights, &op->gradients);
}

/* ---- feeding ------------------------------------------------------------------------------------------------------------------------ */

static clmix_status feed(struct op_case *op, const char *name, enum case_layout layout, clmix_type type)
{
    const clmix_stored_tensor *stored;
    clmix_tensor_info info;
    clmix_shape shape;
    int32_t *integers = NULL;
    float *file = NULL;
    float *device;
    clmix_status status;

    CLMIX_TRY(clmix_case_tensor(op->of, name, &stored));
    CLMIX_TRY(clmix_case_lay_out(stored, layout, &info, &shape));
    if (type == CLMIX_U8)
        return clmix_plan_write(op->plan, name, stored->data, stored->bytes);
    if (type == CLMIX_I32) {
        CLMIX_TRY(clmix_case_integers(stored, &integers));
        status = clmix_plan_write(op->plan, name, integers, stored->count * sizeof *integers);
        free(integers);
        return status;
    }
    CLMIX_TRY(clmix_case_floats(stored, &file));
    device = malloc((stored->count + 1) * sizeof *device);
    status = device != NULL ? CLMIX_OK : clmix_fail_memory(name);
    if (status == CLMIX_OK) {
        clmix_layout_to_device(&info, file, device);
        status = clmix_plan_write(op->plan, name, device, stored->count * sizeof *device);
    }
    free(file);
    free(device);
    return status;
}

/* What a weight or state is called in the case. */
static const char *name_of(const struct op_case *op, const clmix_tensor_info *info)
{
    const size_t length = op->own == NULL ? 0 : strlen(op->own);

    return length > 0 && strncmp(info->name, op->own, length) == 0 ? info->name + length : info->name;
}

static clmix_status feed_tensor(struct op_case *op, const clmix_tensor_info *info)
{
    const clmix_stored_tensor *stored = clmix_case_find(op->of, info->trainable ? "param." : "buffer.", name_of(op, info));
    size_t count = clmix_shape_count(info->file_shape);
    float *file = NULL;
    float *device;
    clmix_status status;

    if (stored == NULL || stored->count != count)
        return clmix_fail(CLMIX_ERROR_FORMAT, "the operator needs '%s%s' with %zu values, and the case %s",
                          info->trainable ? "param." : "buffer.", info->name, count, stored != NULL ? "has another number" : "has none");
    CLMIX_TRY(clmix_case_floats(stored, &file));
    device = malloc((count + 1) * sizeof *device);
    status = device != NULL ? CLMIX_OK : clmix_fail_memory(info->name);
    if (status == CLMIX_OK) {
        clmix_layout_to_device(info, file, device);
        status = clmix_buffer_write(op->of->device, info->trainable ? op->weights : op->states, info->offset * sizeof(float), device,
                                    count * sizeof(float));
    }
    free(file);
    free(device);
    return status;
}

static clmix_status feed_all(struct op_case *op)
{
    char name[80];

    for (size_t i = 0; i < clmix_graph_tensor_count(op->graph); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_graph_tensor(op->graph, i, &info));
        CLMIX_TRY(feed_tensor(op, &info));
    }
    for (size_t i = 0; i < op->input_count; i++)
        CLMIX_TRY(feed(op, op->inputs[i].name, op->inputs[i].layout, clmix_tensor_at(op->graph, op->inputs[i].value.id)->type));
    for (size_t i = 0; i < op->output_count; i++) {
        snprintf(name, sizeof name, "g%s", op->outputs[i].name);
        if (clmix_safetensors_find(op->of->file, name) != NULL)
            CLMIX_TRY(feed(op, name, op->outputs[i].layout, CLMIX_F32));
    }
    return CLMIX_OK;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------------------- */

/* An output of the plan against the tensor of the same name. */
static clmix_status compare_port(struct op_case *op, const char *name, enum case_layout layout, enum case_kind kind)
{
    const clmix_stored_tensor *expected = clmix_safetensors_find(op->of->file, name);
    clmix_tensor_info info;
    clmix_shape shape;
    float *device, *file;
    clmix_status status;

    if (expected == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_case_lay_out(expected, layout, &info, &shape));
    device = malloc((2 * expected->count + 1) * sizeof *device);
    if (device == NULL)
        return clmix_fail_memory(name);
    file = device + expected->count;
    status = clmix_plan_read(op->plan, name, device, expected->count * sizeof *device);
    if (status == CLMIX_OK) {
        clmix_layout_to_file(&info, device, file);
        status = clmix_case_compare(op->of, expected, kind, file, expected->count);
    }
    free(device);
    return status;
}

/* A weight's gradient (grad.NAME), or a state after the pass (out.NAME). */
static clmix_status compare_tensor(struct op_case *op, const clmix_tensor_info *info)
{
    const clmix_stored_tensor *expected = clmix_case_find(op->of, info->trainable ? "grad." : "out.", name_of(op, info));
    size_t count = clmix_shape_count(info->file_shape);
    float *device, *file;
    clmix_status status;

    if (expected == NULL)
        return CLMIX_OK;
    device = malloc((2 * count + 1) * sizeof *device);
    if (device == NULL)
        return clmix_fail_memory(info->name);
    file = device + count;
    status = clmix_buffer_read(op->of->device, info->trainable ? op->gradients : op->states, info->offset * sizeof(float), device,
                               count * sizeof *device);
    if (status == CLMIX_OK) {
        clmix_layout_to_file(info, device, file);
        status = clmix_case_compare(op->of, expected, info->trainable ? CASE_GRADIENT : CASE_FORWARD, file, count);
    }
    free(device);
    return status;
}

static clmix_status compare_all(struct op_case *op)
{
    char name[80];

    for (size_t i = 0; i < op->output_count; i++)
        CLMIX_TRY(compare_port(op, op->outputs[i].name, op->outputs[i].layout, CASE_FORWARD));
    for (size_t i = 0; i < op->input_count; i++) {
        snprintf(name, sizeof name, "g%s", op->inputs[i].name);
        CLMIX_TRY(compare_port(op, name, op->inputs[i].layout, CASE_GRADIENT));
    }
    for (size_t i = 0; i < clmix_graph_tensor_count(op->graph); i++) {
        clmix_tensor_info info;

        CLMIX_TRY(clmix_graph_tensor(op->graph, i, &info));
        CLMIX_TRY(compare_tensor(op, &info));
    }
    return CLMIX_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------------- */

static clmix_status run(struct op_case *op)
{
    op->graph = clmix_graph_new();
    if (op->graph == NULL)
        return clmix_fail_memory("a graph");
    op->training = true;
    CLMIX_TRY(clmix_case_build(op));
    CLMIX_TRY(finish_graph(op));
    CLMIX_TRY(compile(op));
    CLMIX_TRY(feed_all(op));
    CLMIX_TRY(clmix_plan_run(op->plan));
    return compare_all(op);
}

clmix_status clmix_case_run_op(struct reference_case *of)
{
    const char *name = "";
    struct op_case *op;
    clmix_status status;

    CLMIX_TRY(clmix_json_require(of->config, "config", "op"));
    CLMIX_TRY(clmix_json_text(of->config, "config", "op", &name));
    if (strcmp(name, "adamw") == 0)
        return clmix_case_run_adamw(of);

    op = calloc(1, sizeof *op);
    if (op == NULL)
        return clmix_fail_memory("the case");
    op->of = of;
    status = run(op);
    clmix_plan_free(op->plan);
    clmix_graph_free(op->graph);
    clmix_buffer_release(of->device, op->weights);
    clmix_buffer_release(of->device, op->states);
    clmix_buffer_release(of->device, op->gradients);
    free(op);
    return status;
}
