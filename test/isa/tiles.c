/* Compiles, on the device at hand, a matrix product with every tile of the simt form that measuring may choose there, and attention for heads of
 * many widths, with its gradients: for record.sh. A tile that is not right, as nothing is on the recorder, has been compiled all the same. */
#include "ops/gemm_internal.h"

#include <clmix/mixing.h>
#include <stdio.h>
#include <string.h>

#define MOST_NAMES 64

/* The transposes that linear layers need, and the longest epilogues. */
static const struct clmix_gemm products[] = {
    { .bias = CLMIX_NONE, .residual.value = CLMIX_NONE },
    { .transpose_b = true, .bias = CLMIX_NONE, .residual.value = CLMIX_NONE },
    { .transpose_a = true, .bias = CLMIX_NONE, .residual.value = CLMIX_NONE },
    { .activation = CLMIX_ACTIVATION_GELU },
    { .transpose_b = true, .bias = CLMIX_NONE, .residual_use = CLMIX_RESIDUAL_GELU_INPUT },
};

static bool add(char names[MOST_NAMES][64], int *count, const struct clmix_gemm_tile *tile)
{
    char name[64];

    clmix_gemm_name_kernel(tile, name, sizeof name);
    for (int i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0)
            return false;
    if (*count == MOST_NAMES)
        return false;
    strcpy(names[(*count)++], name);
    return true;
}

/* Each tile once, whatever the sizes it is for. Returns how many there were. */
static int compile_tiles(clmix_device *device, struct clmix_gemm product)
{
    static const size_t sizes[] = { 8, 16, 32, 64, 128, 4096 };
    const size_t count = sizeof sizes / sizeof *sizes;
    char names[MOST_NAMES][64];
    int found = 0;

    product.depth = 64;
    for (size_t i = 0; i < count * count; i++) {
        struct clmix_gemm_tile tile;

        product.rows = sizes[i / count];
        product.columns = sizes[i % count];
        for (int variant = 0; clmix_gemm_choose_tile(clmix_device_describe(device), false, &product, variant, &tile); variant++)
            if (add(names, &found, &tile)) {
                double error, seconds;

                clmix_gemm_probe(device, &product, CLMIX_GEMM_OWN, &tile, true, &error, &seconds);
            }
    }
    return found;
}

/* Training plans of attention, with nothing and with everything that it may have beside. */
static bool compile_attention(clmix_device *device, size_t width, size_t value_width, clmix_attention_options options, bool masked)
{
    const size_t q_size[3] = { 1, 8, width }, v_size[3] = { 1, 8, value_width };
    clmix_graph *graph = clmix_graph_new();
    clmix_value q = clmix_input(graph, "q", CLMIX_F32, 3, q_size), k = clmix_input(graph, "k", CLMIX_F32, 3, q_size),
                v = clmix_input(graph, "v", CLMIX_F32, 3, v_size), mask = { 0 }, dy = clmix_input(graph, "dy", CLMIX_F32, 3, v_size), y;
    clmix_plan *plan = NULL;
    bool ok;

    options.heads = 1;
    if (masked)
        mask = clmix_input(graph, "mask", CLMIX_I32, 2, (const size_t[]){ 1, 8 });
    clmix_want_gradient(q);
    clmix_want_gradient(k);
    clmix_want_gradient(v);
    y = clmix_attention(q, k, v, mask, options);
    clmix_backward(graph, 1, &y, &dy);
    clmix_output(graph, "y", y);
    clmix_output(graph, "dq", clmix_gradient_of(q));
    clmix_output(graph, "dk", clmix_gradient_of(k));
    clmix_output(graph, "dv", clmix_gradient_of(v));
    ok = clmix_plan_compile(&plan, graph, device, CLMIX_TRAINING) == CLMIX_OK && clmix_plan_prepare(plan) == CLMIX_OK;
    if (!ok)
        fprintf(stderr, "isa_tiles: attention, %zu wide: %s\n", width, clmix_error());
    clmix_plan_free(plan);
    clmix_graph_free(graph);
    return ok;
}

static bool compile_attentions(clmix_device *device)
{
    static const size_t widths[] = { 16, 32, 48, 64, 80, 96, 128, 192 };
    const clmix_attention_options plain = { .heads = 1 }, dropping = { .heads = 1, .dropout = 0.5f },
                                  ranged = { .heads = 1, .causal = true, .window = 4 };
    bool ok = true;

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        ok = compile_attention(device, widths[i], widths[i], plain, false) && ok;
    ok = compile_attention(device, 32, 64, plain, false) && ok;
    ok = compile_attention(device, 64, 64, dropping, false) && ok;
    ok = compile_attention(device, 64, 64, ranged, true) && ok;
    return ok;
}

int main(void)
{
    clmix_device *device;
    int found = 0;
    bool ok;

    if (clmix_device_open(&device, NULL) != CLMIX_OK) {
        fprintf(stderr, "isa_tiles: %s\n", clmix_error());
        return 1;
    }
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        found += compile_tiles(device, products[i]);
    printf("%d products\n", found);
    ok = compile_attentions(device);
    clmix_device_close(device);
    return ok ? 0 : 1;
}
