/* Element by element: add, scale, constants; and what all ops over elements or rows share. Kernels: cl/elementwise.cl. */
#include "ops/elementwise.h"

#include "base/status.h"
#include "ops/table.h"

#include <clmix/ops.h>

#define STREAM_BYTES ((size_t)32 << 20) /* the last cache of most processors, or a core's share of it */
#define FEW_WIDE     48                 /* three of the widest vectors: beyond, rows one by one are faster */
#define FEW_SIMT     32                 /* 17 KiB of local memory for two blocks */

/* ---- launches ------------------------------------------------------------------------------------------------------------------------ */

size_t clmix_group_size(const struct clmix_planner *planner, size_t most)
{
    size_t limit = clmix_planner_device(planner)->max_work_group, size = 1;

    if (clmix_planner_wide(planner))
        return 1;
    if (limit == 0 || limit > most)
        limit = most;
    while (2 * size <= limit)
        size *= 2;
    return size;
}

struct clmix_chunks clmix_chunks_of(const struct clmix_planner *planner, size_t count, size_t multiple, size_t least, size_t group)
{
    size_t units = clmix_planner_device(planner)->compute_units, most = 4 * units < 64 ? 64 : 4 * units, chunk;

    if (!clmix_planner_wide(planner)) {
        least = group * 16 < least ? least : group * 16;
        most = 4096;
    }
    chunk = (count + most - 1) / most;
    chunk = chunk < least ? least : chunk;
    chunk = (chunk + multiple - 1) / multiple * multiple;
    return (struct clmix_chunks){ .groups = (count + chunk - 1) / chunk, .chunk = chunk };
}

struct clmix_record *clmix_record_elements(struct clmix_planner *planner, const struct clmix_node *node, const char *file,
                                           const char *kernel, size_t count, size_t multiple)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);
    size_t group = clmix_group_size(planner, 128);
    struct clmix_chunks cut = clmix_chunks_of(planner, count, multiple, clmix_planner_wide(planner) ? 4096 : 1, group);

    clmix_record_define(record, "WG", (long)group);
    if (node->input_count == 0 || !clmix_planner_in_place(planner, node, 0))
        clmix_record_stream(planner, record, count);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, count);
    clmix_record_uint(record, cut.chunk);
    return record;
}

static struct clmix_chunks cut_rows(const struct clmix_planner *planner, size_t rows, size_t columns, size_t multiple, bool together)
{
    size_t least = 1;

    if (clmix_planner_wide(planner))
        least = 4096 / columns + 1;
    else if (!together)
        least = 16 * clmix_group_size(planner, 64) / columns + 1;
    return clmix_chunks_of(planner, rows, multiple, least, 0);
}

static struct clmix_record *launch_rows(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                        struct clmix_chunks cut, size_t rows, size_t columns)
{
    struct clmix_record *record = clmix_record_kernel(planner, node, file, kernel);
    size_t group = clmix_group_size(planner, 64);

    clmix_record_define(record, "WG", (long)group);
    clmix_record_grid(record, cut.groups, 1, 1, group);
    clmix_record_uint(record, rows);
    clmix_record_uint(record, cut.chunk);
    clmix_record_uint(record, columns);
    return record;
}

struct clmix_record *clmix_record_rows(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                       size_t rows, size_t columns, bool together)
{
    return launch_rows(planner, node, file, kernel, cut_rows(planner, rows, columns, 1, together), rows, columns);
}

static size_t most_few(const struct clmix_planner *planner)
{
    return clmix_planner_wide(planner) ? FEW_WIDE : FEW_SIMT;
}

/* Chunks are whole blocks. */
struct clmix_chunks clmix_chunks_of_few(const struct clmix_planner *planner, size_t rows, size_t columns)
{
    return cut_rows(planner, rows, columns, columns <= most_few(planner) ? 64 : 1, true);
}

struct clmix_record *clmix_record_few(struct clmix_planner *planner, const struct clmix_node *node, const char *file, const char *kernel,
                                      const char *few, size_t rows, size_t columns)
{
    bool is_few = columns <= most_few(planner);
    struct clmix_record *record =
        launch_rows(planner, node, file, is_few ? few : kernel, clmix_chunks_of_few(planner, rows, columns), rows, columns);

    clmix_record_define(record, "FEW", (long)most_few(planner));
    return record;
}

void clmix_record_stream(const struct clmix_planner *planner, struct clmix_record *record, size_t count)
{
    if (clmix_planner_wide(planner) && count * sizeof(float) >= STREAM_BYTES)
        clmix_record_define(record, "STREAM", 1);
}

/* ---- shapes and costs ---------------------------------------------------------------------------------------------------------------- */

clmix_status clmix_expect_f32(const clmix_graph *graph, const struct clmix_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input != NULL && input->type != CLMIX_F32)
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "f32 values are needed, and input %d holds %s", i,
                              input->type == CLMIX_I32 ? "i32" : "u8");
    }
    return CLMIX_OK;
}

clmix_status clmix_shape_like_inputs(clmix_graph *graph, struct clmix_node *node)
{
    clmix_shape shape = clmix_node_input(graph, node, 0)->shape;

    CLMIX_TRY(clmix_expect_f32(graph, node));
    for (int i = 1; i < node->input_count; i++) {
        char first[64], other[64];
        clmix_shape found = clmix_node_input(graph, node, i)->shape;

        if (!clmix_shape_equal(shape, found))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "values of one shape are needed, and input 0 is %s and input %d is %s",
                              clmix_shape_text(shape, first), i, clmix_shape_text(found, other));
    }
    return clmix_node_declare(graph, node, CLMIX_F32, shape);
}

size_t clmix_result_count(const clmix_graph *graph, const struct clmix_node *node, int index)
{
    return clmix_shape_count(clmix_node_result(graph, node, index)->shape);
}

void clmix_cost_moved(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = clmix_result_count(graph, node, 0);
    *bytes = 0;
    for (int i = 0; i < node->input_count; i++) {
        const struct clmix_tensor *input = clmix_node_input(graph, node, i);

        if (input != NULL)
            *bytes += clmix_shape_count(input->shape) * (input->type == CLMIX_U8 ? 1 : 4);
    }
    for (int i = 0; i < node->output_count; i++)
        *bytes += clmix_result_count(graph, node, i) * 4;
}

/* ---- backward ------------------------------------------------------------------------------------------------------------------------ */

clmix_status clmix_give_through(struct clmix_backward *backward, const struct clmix_node *node, const struct clmix_op *op,
                                const void *attributes, size_t attributes_bytes, clmix_value kept)
{
    clmix_value inputs[2] = { clmix_backward_gradient(backward, node, 0), kept };
    clmix_value gradient;

    if (!clmix_is_value(inputs[0]) || !clmix_backward_wants(backward, node, 0))
        return CLMIX_OK;
    gradient = clmix_node_add(clmix_backward_scope(backward, node), op, attributes, attributes_bytes, inputs, clmix_is_value(kept) ? 2 : 1);
    return clmix_backward_give(backward, node, 0, gradient);
}

/* ---- zeros and ones ------------------------------------------------------------------------------------------------------------------ */

static clmix_status fill_shape(clmix_graph *graph, struct clmix_node *node)
{
    const struct clmix_fill_attributes *attributes = node->attributes;

    return clmix_node_declare(graph, node, CLMIX_F32, attributes->shape);
}

static clmix_status fill_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "elementwise.cl", "fill_values", count, 64);

    clmix_record_value(record, node->outputs[0]);
    clmix_record_float(record, node->op == &clmix_op_ones ? 1.0f : 0.0f);
    return CLMIX_OK;
}

static void fill_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    *flops = 0;
    *bytes = clmix_result_count(graph, node, 0) * 4;
}

const struct clmix_op clmix_op_zeros = { .name = "zeros", .shape = fill_shape, .launch = fill_launch, .cost = fill_cost };
const struct clmix_op clmix_op_ones = { .name = "ones", .shape = fill_shape, .launch = fill_launch, .cost = fill_cost };

/* ---- add ----------------------------------------------------------------------------------------------------------------------------- */

/* Every term has the gradient of the sum. */
static clmix_status sum_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    clmix_value dy = clmix_backward_gradient(backward, node, 0);

    for (int i = 0; i < node->input_count && clmix_is_value(dy); i++)
        CLMIX_TRY(clmix_backward_give(backward, node, i, dy));
    return CLMIX_OK;
}

static clmix_status add_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "elementwise.cl", "add", count, 64);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->inputs[1]);
    clmix_record_value(record, node->outputs[0]);
    return CLMIX_OK;
}

const struct clmix_op clmix_op_add = {
    .name = "add",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = sum_backward,
    .launch = add_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};

clmix_value clmix_add(clmix_value a, clmix_value b)
{
    clmix_value inputs[2] = { a, b };

    return clmix_node_add(clmix_here(a.graph), &clmix_op_add, NULL, 0, inputs, 2);
}

/* ---- scale --------------------------------------------------------------------------------------------------------------------------- */

struct scale_attributes {
    float factor;
};

float clmix_scale_factor(const struct clmix_node *node)
{
    return ((const struct scale_attributes *)node->attributes)->factor;
}

static clmix_status scale_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    struct scale_attributes attributes = *(const struct scale_attributes *)node->attributes;

    return clmix_give_through(backward, node, &clmix_op_scale, &attributes, sizeof attributes, clmix_no_value());
}

static clmix_status scale_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    size_t count = clmix_result_count(clmix_planner_graph(planner), node, 0);
    struct clmix_record *record = clmix_record_elements(planner, node, "elementwise.cl", "scale", count, 64);

    clmix_record_value(record, node->inputs[0]);
    clmix_record_value(record, node->outputs[0]);
    clmix_record_float(record, clmix_scale_factor(node));
    return CLMIX_OK;
}

const struct clmix_op clmix_op_scale = {
    .name = "scale",
    .flags = CLMIX_OP_IN_PLACE,
    .shape = clmix_shape_like_inputs,
    .backward = scale_backward,
    .launch = scale_launch,
    .cost = clmix_cost_moved,
    .parts = clmix_parts_by_row,
};

clmix_value clmix_scale(clmix_value x, float factor)
{
    struct scale_attributes attributes = { .factor = factor };

    return clmix_node_add(clmix_here(x.graph), &clmix_op_scale, &attributes, sizeof attributes, &x, 1);
}
