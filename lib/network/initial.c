/* Fresh weights. Each tensor has a random stream of its own, named by the seed and the tensor's name, drawn in file order: the same
 * values on every device, and the same for a tensor whatever else the model has. */
#include "base/random.h"
#include "base/status.h"
#include "network/network.h"
#include <stdlib.h>

static void draw(const clmix_tensor_info *info, uint64_t seed, float *file)
{
    clmix_random random = clmix_random_stream(seed, clmix_hash_text(info->name));

    for (size_t i = 0, count = clmix_shape_count(info->file_shape); i < count; i++)
        switch (info->initializer) {
        case CLMIX_ZEROS: file[i] = 0.0f; break;
        case CLMIX_ONES: file[i] = 1.0f; break;
        case CLMIX_UNIFORM: file[i] = info->bound * (2.0f * clmix_random_uniform(&random) - 1.0f); break;
        case CLMIX_NORMAL: file[i] = info->bound * clmix_random_normal(&random); break;
        }
}

static clmix_status draw_all(const clmix_network *network, uint64_t seed, struct clmix_arenas *arenas)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(network->graph); i++) {
        clmix_tensor_info info;
        CLMIX_TRY(clmix_graph_tensor(network->graph, i, &info));
        float *file = malloc((clmix_shape_count(info.file_shape) + 1) * sizeof *file);
        if (!file)
            return clmix_fail_memory(info.name);
        draw(&info, seed, file);
        clmix_layout_to_device(&info, file, clmix_arenas_at(arenas, &info));
        free(file);
    }
    return CLMIX_OK;
}

clmix_status clmix_network_draw(clmix_network *network, uint64_t seed)
{
    struct clmix_arenas arenas;
    CLMIX_TRY(clmix_arenas_new(&arenas, network));
    clmix_status status = draw_all(network, seed, &arenas);
    if (!status)
        status = clmix_arenas_upload(&arenas, network);
    clmix_arenas_free(&arenas);
    return status;
}
