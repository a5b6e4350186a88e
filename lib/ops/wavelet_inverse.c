/* The inverse Haar transform: approximation and the details of each level -> map. Kernel: haar_backward_level of cl/wavelet.cl, the
 * step that the transform's adjoint takes too. */
#include "base/status.h"
#include "ops/rules.h"
#include "ops/table.h"
#include "ops/wavelet.h"

#include <clmix/ops.h>

struct inverse_attributes {
    int levels;
    clmix_shape shape; /* of the map; height and width 0: twice the finest details */
};

/* Inputs: the approximation, then details of levels 1 .. L. Each map must be the one that the transform of the result would have: so an
 * intermediate approximation is either twice the coarser map or one less, and what would be beyond it is dropped. */
static clmix_status inverse_shape(clmix_graph *graph, struct clmix_node *node)
{
    struct inverse_attributes *attributes = node->attributes;
    clmix_shape low = clmix_node_input(graph, node, 0)->shape, finest = clmix_node_input(graph, node, 1)->shape,
                *whole = &attributes->shape;
    char text[64];

    CLMIX_TRY(clmix_expect_f32(graph, node));
    if (low.rank != 4 || finest.rank != 4)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "an inverse wavelet transform of %s; it takes maps (batch, height, width, channels)",
                          clmix_shape_text(low.rank != 4 ? low : finest, text));
    for (int i = 1; i <= 2; i++)
        whole->size[i] = whole->size[i] == 0 ? 2 * finest.size[i] : whole->size[i];
    whole->rank = 4;
    whole->size[0] = low.size[0];
    whole->size[3] = low.size[3];
    for (int j = 0; j <= attributes->levels; j++) {
        struct clmix_haar_map map = clmix_haar_map_of(*whole, j == 0 ? attributes->levels : j);
        clmix_shape found = clmix_node_input(graph, node, j)->shape;
        clmix_shape wanted = { .rank = 4, .size = { low.size[0], map.height, map.width, j == 0 ? low.size[3] : 3 * low.size[3] } };
        char other[64];

        if (!clmix_shape_equal(found, wanted))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "an inverse wavelet transform to %zux%zu pixels takes %s %d of %s; they are %s",
                              whole->size[1], whole->size[2], j == 0 ? "approximations of level" : "details of level",
                              j == 0 ? attributes->levels : j, clmix_shape_text(wanted, text), clmix_shape_text(found, other));
    }
    return clmix_node_declare(graph, node, CLMIX_F32, *whole);
}

/* Orthonormal: the gradients of approximation and details are the transform of dy. */
static clmix_status inverse_backward(struct clmix_backward *backward, const struct clmix_node *node)
{
    const struct inverse_attributes *attributes = node->attributes;
    clmix_value dy = clmix_backward_gradient(backward, node, 0), details[CLMIX_MOST_LEVELS], low;

    if (!clmix_is_value(dy))
        return CLMIX_OK;
    low = clmix_haar_dwt(dy, attributes->levels, details);
    CLMIX_TRY(clmix_backward_give(backward, node, 0, low));
    for (int j = 1; j <= attributes->levels; j++)
        CLMIX_TRY(clmix_backward_give(backward, node, j, details[j - 1]));
    return CLMIX_OK;
}

static clmix_status inverse_launch(struct clmix_planner *planner, const struct clmix_node *node)
{
    const struct inverse_attributes *attributes = node->attributes;
    clmix_shape whole = attributes->shape;
    int32_t from = node->inputs[0];
    size_t from_pitch = clmix_planner_layout(planner, node->inputs[0]).pitch;

    for (int j = attributes->levels; j >= 1; j--) {
        struct clmix_haar_map fine = clmix_haar_map_of(whole, j - 1);
        size_t bytes = whole.size[0] * fine.height * fine.width * whole.size[3] * sizeof(float);
        int32_t to = j == 1 ? node->outputs[0] : clmix_planner_scratch(planner, node, bytes);
        struct clmix_record *record = clmix_record_haar_level(planner, node, "haar_backward_level", whole, fine, false);

        clmix_record_haar_place(record, from, 0, from_pitch);
        clmix_record_haar_place(record, node->inputs[j], 0, clmix_planner_layout(planner, node->inputs[j]).pitch);
        clmix_record_haar_place(record, CLMIX_NONE, 0, whole.size[3]);
        clmix_record_int(record, 0);
        clmix_record_value(record, to);
        clmix_record_uint(record, 0);
        from = to;
        from_pitch = whole.size[3];
    }
    return CLMIX_OK;
}

static void inverse_cost(const clmix_graph *graph, const struct clmix_node *node, uint64_t *flops, uint64_t *bytes)
{
    const struct inverse_attributes *attributes = node->attributes;
    uint64_t ignored;

    clmix_haar_cost(attributes->shape, attributes->levels, false, flops, &ignored);
    clmix_cost_moved(graph, node, &ignored, bytes);
}

static void inverse_cut(void *attributes, size_t batch, size_t samples)
{
    struct inverse_attributes *inverse = attributes;

    clmix_shape_cut(&inverse->shape, batch, samples);
}

const struct clmix_op clmix_op_haar_idwt = {
    .name = "haar_idwt",
    .flags = CLMIX_OP_STRIDED,
    .shape = inverse_shape,
    .backward = inverse_backward,
    .launch = inverse_launch,
    .cost = inverse_cost,
    .parts = clmix_parts_by_sample,
    .cut = inverse_cut,
};

clmix_value clmix_haar_idwt(clmix_value approximation, int levels, const clmix_value *details, size_t height, size_t width)
{
    struct inverse_attributes attributes = { .levels = levels, .shape = { .size = { 0, height, width } } };
    clmix_value inputs[CLMIX_MOST_LEVELS + 1] = { approximation };

    if (levels < 1 || levels > CLMIX_MOST_LEVELS)
        return clmix_poison(clmix_here(approximation.graph), CLMIX_ERROR_ARGUMENT,
                            "an inverse wavelet transform of %d levels; it takes 1 to %d", levels, CLMIX_MOST_LEVELS);
    if (details == NULL)
        return clmix_poison_null(clmix_here(approximation.graph), "clmix_haar_idwt", "details");
    for (int j = 1; j <= levels; j++)
        inputs[j] = details[j - 1];
    return clmix_node_add(clmix_here(approximation.graph), &clmix_op_haar_idwt, &attributes, sizeof attributes, inputs, levels + 1);
}
