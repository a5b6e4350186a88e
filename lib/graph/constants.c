/* Constants of a graph: tables that a function of the host fills. What is asked for twice is one value. */
#include "graph/graph.h"

#include "base/array.h"
#include "base/hash.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* A name for all that a constant is made by. */
static void name_constant(const struct clmix_constant *wanted, const void *data, char hex[2 * CLMIX_HASH_BYTES + 1])
{
    unsigned char digest[CLMIX_HASH_BYTES];
    clmix_hash hash;

    clmix_hash_start(&hash);
    clmix_hash_add(&hash, &wanted->fill, sizeof wanted->fill);
    clmix_hash_add(&hash, &wanted->type, sizeof wanted->type);
    clmix_hash_add(&hash, &wanted->shape.rank, sizeof wanted->shape.rank);
    clmix_hash_add(&hash, wanted->shape.size, (size_t)wanted->shape.rank * sizeof *wanted->shape.size);
    clmix_hash_add(&hash, data, wanted->data_bytes);
    clmix_hash_finish(&hash, digest);
    clmix_hash_hex(digest, hex);
}

/* `wanted` with a copy of the data that were given, as a value. */
static clmix_value add_constant(clmix_graph *graph, struct clmix_constant wanted, const void *given, const char *hex)
{
    const char *name = clmix_graph_string(graph, hex);
    void *data = wanted.data_bytes > 0 ? malloc(wanted.data_bytes) : NULL; /* nothing: NULL for the function too */

    if (name != NULL && (data != NULL || wanted.data_bytes == 0)) {
        if (data != NULL)
            memcpy(data, given, wanted.data_bytes);
        wanted.data = data;
        wanted.value = clmix_graph_add_tensor(graph, CLMIX_VALUE_CONSTANT, wanted.type, wanted.shape, -1);
        if (wanted.value >= 0 && clmix_names_add(&graph->constant_names, name, graph->constant_count) &&
            CLMIX_PUSH(graph->constants, graph->constant_count, graph->constant_capacity, wanted))
            return (clmix_value){ .graph = graph, .id = wanted.value };
    }
    free(data);
    return clmix_poison(clmix_here(graph), clmix_fail_memory("a graph's constants"), "%s", clmix_error());
}

clmix_value clmix_constant(clmix_graph *graph, clmix_type type, int rank, const size_t *size, clmix_constant_fill fill, const void *data,
                           size_t data_bytes)
{
    const struct clmix_constant wanted = { .fill = fill, .type = type, .shape = clmix_shape_make(rank, size), .data_bytes = data_bytes };
    const clmix_scope at = clmix_here(graph);
    char hex[2 * CLMIX_HASH_BYTES + 1];
    size_t index;

    if (graph == NULL || graph->status != CLMIX_OK)
        return (clmix_value){ .graph = graph, .id = CLMIX_POISON };
    if ((rank > 0 && size == NULL) || fill == NULL || (data_bytes > 0 && data == NULL))
        return clmix_poison_null(at, "clmix_constant", fill == NULL ? "fill" : rank > 0 && size == NULL ? "size" : "data");
    if (type != CLMIX_F32 && type != CLMIX_I32 && type != CLMIX_U8)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a constant of type %d; there is none", (int)type);
    if (clmix_graph_check_shape(wanted.shape) != CLMIX_OK)
        return clmix_poison(at, CLMIX_ERROR_ARGUMENT, "a constant: %s", clmix_error());
    name_constant(&wanted, data, hex);
    if (clmix_names_find(&graph->constant_names, hex, &index))
        return (clmix_value){ .graph = graph, .id = graph->constants[index].value };
    return add_constant(graph, wanted, data, hex);
}
