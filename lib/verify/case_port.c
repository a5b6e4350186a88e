/* Inputs and outputs of an op of a case. */
#include "base/status.h"
#include "graph/op.h"
#include "verify/case_op.h"
#include <stdio.h>

clmix_status clmix_case_lay_out(const clmix_stored_tensor *stored, enum case_layout layout, clmix_tensor_info *info, clmix_shape *seen)
{
    static const struct {
        int rank;
        int order[CLMIX_MAX_RANK];
    } layouts[] = {
        [CASE_MAP] = { 4, { 0, 2, 3, 1 } },
        [CASE_DETAILS] = { 5, { 0, 3, 4, 1, 2 } },
        [CASE_HEADS] = { 4, { 0, 2, 1, 3 } },
    };
    const size_t *size = stored->size;

    *info = (clmix_tensor_info){ 0 };
    if (layout == CASE_FLAT) {
        info->file_shape = *seen = clmix_shape_make(1, &stored->count);
        return CLMIX_OK;
    }
    if (layout == CASE_PLAIN ? stored->rank > CLMIX_MAX_RANK : stored->rank != layouts[layout].rank)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %d axes, which is not what the operator takes", stored->name, stored->rank);
    info->file_shape = *seen = clmix_shape_make(stored->rank, size);
    for (int axis = 0; axis < stored->rank; axis++)
        info->order[axis] = layout == CASE_PLAIN ? axis : layouts[layout].order[axis];
    if (layout == CASE_MAP)
        *seen = clmix_shape_make(4, (size_t[]){ size[0], size[2], size[3], size[1] });
    else if (layout == CASE_DETAILS)
        *seen = clmix_shape_make(4, (size_t[]){ size[0], size[3], size[4], size[1] * size[2] });
    else if (layout == CASE_HEADS)
        *seen = clmix_shape_make(3, (size_t[]){ size[0], size[2], size[1] * size[3] });
    return CLMIX_OK;
}

clmix_status clmix_case_shape(const struct op_case *op, const char *name, clmix_shape *shape)
{
    const clmix_stored_tensor *stored;

    CLMIX_TRY(clmix_case_tensor(op->of, name, &stored));
    if (stored->rank > CLMIX_MAX_RANK)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'%s' has %d axes, more than any operator takes", name, stored->rank);
    *shape = clmix_shape_make(stored->rank, stored->size);
    return CLMIX_OK;
}

static clmix_value fail_port(struct op_case *op)
{
    return clmix_poison(clmix_root(op->graph), CLMIX_ERROR_FORMAT, "%s", clmix_error());
}

static clmix_type type_of(const clmix_stored_tensor *stored)
{
    switch (stored->type) {
    case CLMIX_STORED_I32:
    case CLMIX_STORED_I64: return CLMIX_I32;
    case CLMIX_STORED_U8: return CLMIX_U8;
    default: return CLMIX_F32;
    }
}

clmix_value clmix_case_input(struct op_case *op, const char *name, enum case_layout layout)
{
    struct case_port *port = &op->inputs[op->input_count];
    const clmix_stored_tensor *stored;
    clmix_tensor_info info;
    clmix_shape shape;

    if (op->input_count == CASE_MOST_PORTS)
        return clmix_poison(clmix_root(op->graph), CLMIX_ERROR_UNSUPPORTED, "more than %d inputs", CASE_MOST_PORTS);
    snprintf(port->name, sizeof port->name, "in.%s", name);
    port->layout = layout;
    if (clmix_case_tensor(op->of, port->name, &stored) != CLMIX_OK || clmix_case_lay_out(stored, layout, &info, &shape) != CLMIX_OK)
        return fail_port(op);

    port->value = clmix_input(op->graph, port->name, type_of(stored), shape.rank, shape.size);
    if (clmix_case_find(op->of, "gin.", name) != NULL)
        clmix_want_gradient(port->value);
    op->input_count++;
    return port->value;
}

void clmix_case_output(struct op_case *op, const char *name, clmix_value value, enum case_layout layout)
{
    struct case_port *port = &op->outputs[op->output_count];

    if (op->output_count == CASE_MOST_PORTS) {
        clmix_poison(clmix_root(op->graph), CLMIX_ERROR_UNSUPPORTED, "more than %d outputs", CASE_MOST_PORTS);
        return;
    }
    snprintf(port->name, sizeof port->name, "out.%s", name);
    port->layout = layout;
    port->value = value;
    op->output_count++;
}
