#include "ops/attention_tile.h"

#include "base/size.h"

#define MOST_SUMS 8 /* columns of a sum that a work-item has room for */

/* Columns of a sum: `parts` groups make some each, every work-item `item` of them. */
struct columns {
    size_t parts, item;
};

static struct columns cut_columns(const struct clmix_attention_tile *tile, size_t width)
{
    const size_t parts = clmix_ceil_div(width, MOST_SUMS * tile->lanes), item = clmix_ceil_div(clmix_ceil_div(width, parts), tile->lanes);

    return (struct columns){ parts, item > 1 ? clmix_round_up(item, 2) : 1 }; /* pairs, to be read as vectors */
}

size_t clmix_attention_column_parts(const struct clmix_attention_tile *tile, size_t width)
{
    return cut_columns(tile, width).parts;
}

bool clmix_attention_sums_fit(const struct clmix_attention_tile *tile, size_t width, size_t value_width)
{
    const struct columns head = cut_columns(tile, width), value = cut_columns(tile, value_width);

    return head.item + value.item <= MOST_SUMS && head.parts == 1 && value.parts == 1;
}

void clmix_attention_define_tile(struct clmix_record *record, const struct clmix_attention_tile *tile, size_t width, size_t value_width)
{
    const size_t columns = CLMIX_ATTENTION_ITEM * tile->lanes;

    clmix_record_define(record, "TM", (long)(CLMIX_ATTENTION_ITEM * tile->rows));
    clmix_record_define(record, "TN", (long)columns);
    clmix_record_define(record, "TK", (long)clmix_smaller(32, columns));
    clmix_record_define(record, "RUNS", tile->runs);
    clmix_record_define(record, "HEAD", (long)width);
    clmix_record_define(record, "VALUE", (long)value_width);
    clmix_record_define(record, "PH", (long)cut_columns(tile, width).item);
    clmix_record_define(record, "PV", (long)cut_columns(tile, value_width).item);
}

void clmix_attention_define_gradients(struct clmix_record *record, bool of_k, bool of_v)
{
    clmix_record_define(record, "GRAD_K", of_k);
    clmix_record_define(record, "GRAD_V", of_v);
}

void clmix_attention_claim_fifths(struct clmix_planner *planner, const struct clmix_node *node, struct clmix_record *record,
                                  uint64_t fifths)
{
    uint64_t flops, bytes;

    node->op->cost(clmix_planner_graph(planner), node, &flops, &bytes);
    clmix_record_flops(record, flops * fifths / 5);
}
