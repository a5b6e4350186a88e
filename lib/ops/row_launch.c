/* Launches over elements and rows: how their work is cut into chunks, one a group. */
#include "ops/row_launch.h"

#define STREAM_BYTES ((size_t)32 << 20) /* the last cache of most processors, or a core's share of it */
#define FEW_WIDE     48                 /* three of the widest vectors: beyond, rows one by one are faster */
#define FEW_SIMT     32                 /* 17 KiB of local memory for two blocks */

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

void clmix_record_pitched(struct clmix_planner *planner, struct clmix_record *record, int32_t value)
{
    clmix_record_value(record, value);
    clmix_record_uint(record, value == CLMIX_NONE ? 0 : clmix_planner_layout(planner, value).pitch);
}
