/* Which ops are timed: those of the usual models, taken out of their training graphs one by one, and a fixed list. */
#include "base/array.h"
#include "base/status.h"
#include "bench/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list --------------------------------------------------------------------------------------------------------------------- */

static bool is_listed(const struct bench_op_list *list, const char *name, const char *size, const char *pass)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->ops[i].name, name) == 0 && strcmp(list->ops[i].size, size) == 0 && strcmp(list->ops[i].pass, pass) == 0)
            return true;
    return false;
}

/* Takes the graph over. */
static clmix_status add_op(struct bench_op_list *list, const char *name, const char *size, const char *pass, clmix_graph *graph)
{
    struct bench_op op = { .name = strdup(name), .size = strdup(size), .pass = pass, .graph = graph };

    if (op.name != NULL && op.size != NULL && graph != NULL && CLMIX_PUSH(list->ops, list->count, list->capacity, op))
        return CLMIX_OK;
    free(op.name);
    free(op.size);
    clmix_graph_free(graph);
    return clmix_fail_memory("the list of ops");
}

void bench_op_list_free(struct bench_op_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->ops[i].name);
        free(list->ops[i].size);
        clmix_graph_free(list->ops[i].graph);
    }
    free(list->ops);
}

/* ---- ops of a model --------------------------------------------------------------------------------------------------------------- */

/* "64x32x32x16 by 32x3x3x16 to 64x32x32x32": the first two inputs and the result. */
static void write_size(const clmix_node_info *node, char *size, size_t bytes)
{
    char shape[64];
    size_t used = 0;

    for (int i = 0; i < 2; i++)
        if (node->operands[i].rank >= 0)
            used += (size_t)snprintf(size + used, bytes - used, "%s%s", used > 0 ? " by " : "", clmix_shape_text(node->operands[i], shape));
    snprintf(size + used, bytes - used, " to %s", clmix_shape_text(node->result, shape));
}

clmix_status bench_op_list_add(struct bench_op_list *list, const clmix_graph *model)
{
    CLMIX_TRY(clmix_graph_check(model));
    for (size_t i = 0; i < clmix_graph_node_count(model); i++) {
        clmix_node_info node;
        const char *pass;
        char size[256];

        CLMIX_TRY(clmix_graph_node(model, i, &node));
        if (node.view)
            continue;
        pass = node.backward ? "gradient" : "forward";
        write_size(&node, size, sizeof size);
        /* what is rebuilt for the backward pass is an op of the forward pass again */
        if (!is_listed(list, node.op, size, "forward") && !is_listed(list, node.op, size, pass))
            CLMIX_TRY(add_op(list, node.op, size, pass, clmix_graph_isolate(model, i)));
    }
    return CLMIX_OK;
}

static clmix_status add_models(struct bench_op_list *list, size_t batch)
{
    const char *name;

    for (size_t i = 0; (name = bench_usual_model(i)) != NULL; i++) {
        clmix_config *config = NULL;
        clmix_graph *model = clmix_graph_new();
        clmix_status status = clmix_config_open(&config, name);

        if (status == CLMIX_OK) {
            bench_build_pass(model, config, (struct clmix_extent){ .batch = batch }, true);
            status = bench_op_list_add(list, model);
        }
        clmix_graph_free(model);
        clmix_config_free(config);
        CLMIX_TRY(status);
    }
    return CLMIX_OK;
}

/* ---- the fixed list --------------------------------------------------------------------------------------------------------------- */

struct fixed_op {
    const char *name;
    bool large; /* left out where it must be quick */
    int rank;
    size_t size[4];
    clmix_value (*build)(clmix_scope at, clmix_value x);
};

static clmix_value linear_wide(clmix_scope at, clmix_value x)
{
    return clmix_linear(at, x, 4 * clmix_shape_of(x).size[2], true);
}

static clmix_value linear_narrow(clmix_scope at, clmix_value x)
{
    return clmix_linear(at, x, clmix_shape_of(x).size[2] / 4, true);
}

static clmix_value linear_gelu(clmix_scope at, clmix_value x)
{
    return clmix_gelu(clmix_linear(at, x, clmix_shape_of(x).size[2], true));
}

static clmix_value conv_stride2(clmix_scope at, clmix_value x)
{
    return clmix_conv2d(at, x, clmix_shape_of(x).size[3], clmix_square(3, 2, 1), true);
}

static clmix_value depthwise(clmix_scope at, clmix_value x)
{
    clmix_window window = clmix_square(3, 1, 1);

    window.groups = clmix_shape_of(x).size[3];
    return clmix_conv2d(at, x, window.groups, window, true);
}

static clmix_value haar(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_haar_bands(x, 3);
}

static clmix_value batch_norm(clmix_scope at, clmix_value x)
{
    return clmix_batch_norm(at, x, 1e-5f, 0.1f);
}

static clmix_value layer_norm(clmix_scope at, clmix_value x)
{
    return clmix_layer_norm(at, x, 1e-5f);
}

static clmix_value gelu(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_gelu(x);
}

static clmix_value relu(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_relu(x);
}

static clmix_value softmax(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_softmax(x, -1);
}

/* Of 4 heads; x has queries, keys and values side by side. */
static clmix_value attention(clmix_scope at, clmix_value x)
{
    const size_t width = clmix_shape_of(x).size[2] / 3;

    (void)at;
    return clmix_attention(clmix_slice(x, -1, 0, width), clmix_slice(x, -1, width, width), clmix_slice(x, -1, 2 * width, width),
                           (clmix_value){ 0 }, (clmix_attention_options){ .heads = 4 });
}

/* Of 4 heads of Nystrom attention. */
static clmix_value pseudo_inverse(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_pseudo_inverse(x, 4, 6, false);
}

static clmix_value token_conv(clmix_scope at, clmix_value x)
{
    return clmix_token_conv(at, x, 4, 33);
}

static clmix_value dropout(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_dropout(x, 0.5f);
}

static clmix_value relu_add(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_add(x, clmix_relu(x));
}

static clmix_value average_pool(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_global_average_pool(x);
}

static clmix_value max_pool(clmix_scope at, clmix_value x)
{
    (void)at;
    return clmix_max_pool2d(x, clmix_square(3, 2, 1));
}

static const struct fixed_op fixed_ops[] = {
    { "linear 128 to 512", false, 3, { 64, 256, 128 }, linear_wide },
    { "linear 256 to 64", false, 3, { 256, 340, 256 }, linear_narrow },
    { "linear 128 and gelu", false, 3, { 64, 256, 128 }, linear_gelu },
    { "conv 3x3 stride 2 64 to 64", false, 4, { 64, 32, 32, 64 }, conv_stride2 },
    { "conv 3x3 depthwise", false, 4, { 64, 32, 32, 64 }, depthwise },
    { "batch norm", false, 4, { 64, 32, 32, 32 }, batch_norm },
    { "layer norm", false, 3, { 64, 256, 128 }, layer_norm },
    { "softmax", false, 4, { 64, 4, 256, 256 }, softmax },
    { "attention 4 heads", false, 3, { 8, 256, 384 }, attention },
    { "dropout", false, 3, { 64, 256, 512 }, dropout },
    { "max pool 3x3 stride 2", false, 4, { 64, 32, 32, 64 }, max_pool },
    { "haar bands 3 levels", true, 4, { 64, 128, 128, 64 }, haar },
    { "batch norm", true, 4, { 64, 128, 128, 64 }, batch_norm },
    { "layer norm", true, 3, { 64, 8192, 128 }, layer_norm },
    { "gelu", true, 3, { 64, 2048, 512 }, gelu },
    { "relu", true, 3, { 64, 2048, 512 }, relu },
    { "softmax", true, 3, { 64, 1024, 1024 }, softmax },
    { "attention 4 heads", true, 3, { 64, 1025, 384 }, attention },
    { "pseudo-inverse 4 heads", true, 3, { 64, 64, 256 }, pseudo_inverse },
    { "token conv 33, 4 heads", true, 3, { 64, 1025, 128 }, token_conv },
    { "dropout", true, 3, { 64, 2048, 512 }, dropout },
    { "relu and add", true, 3, { 64, 2048, 512 }, relu_add },
    { "global average pool", true, 4, { 64, 128, 128, 64 }, average_pool },
    { "max pool 3x3 stride 2", true, 4, { 64, 128, 128, 64 }, max_pool },
};

static clmix_graph *build_fixed(const struct fixed_op *op, bool backward)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, op->rank, op->size), y, gradient;
    clmix_shape shape;

    if (backward)
        clmix_want_gradient(x);
    y = op->build(clmix_root(graph), x);
    if (!backward) {
        clmix_output(graph, "y", y);
        return graph;
    }
    shape = clmix_shape_of(y);
    gradient = clmix_input(graph, "gradient", CLMIX_F32, shape.rank < 0 ? 0 : shape.rank, shape.size);
    clmix_backward(graph, 1, &y, &gradient);
    clmix_output(graph, "x_gradient", clmix_gradient_of(x));
    return graph;
}

static clmix_status add_fixed(struct bench_op_list *list, bool quick)
{
    for (size_t i = 0; i < sizeof fixed_ops / sizeof *fixed_ops; i++) {
        const struct fixed_op *op = &fixed_ops[i];
        clmix_shape shape = { .rank = op->rank };
        char size[64];

        if (quick && op->large)
            continue;
        memcpy(shape.size, op->size, sizeof op->size);
        clmix_shape_text(shape, size);
        CLMIX_TRY(add_op(list, op->name, size, "forward", build_fixed(op, false)));
        CLMIX_TRY(add_op(list, op->name, size, "backward", build_fixed(op, true)));
    }
    return CLMIX_OK;
}

clmix_status bench_op_list_make(struct bench_op_list *list, const struct bench_request *request)
{
    memset(list, 0, sizeof *list);
    CLMIX_TRY(add_models(list, (size_t)bench_pictures(request)));
    return add_fixed(list, request->quick);
}
