/* Compiles, on the device at hand, a matrix product with every tile of the simt form that measuring may choose there: for record.sh. A tile
 * that is not right, as nothing is on the recorder, has been compiled all the same. */
#include "ops/gemm_internal.h"

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

int main(void)
{
    clmix_device *device;
    int found = 0;

    if (clmix_device_open(&device, NULL) != CLMIX_OK) {
        fprintf(stderr, "isa_tiles: %s\n", clmix_error());
        return 1;
    }
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        found += compile_tiles(device, products[i]);
    printf("%d products\n", found);
    clmix_device_close(device);
    return 0;
}
