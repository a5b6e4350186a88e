/* Operators of positions: rotary embedding and its table. */
#include "base/status.h"
#include "verify/case_op.h"
#include <clmix/mixing.h>

static clmix_status build_rope(struct op_case *op)
{
    static const char *const names[] = { "q", "k" };
    clmix_shape heads, table;
    clmix_value angles;

    CLMIX_TRY(clmix_case_shape(op, "in.q", &heads));
    CLMIX_TRY(clmix_case_shape(op, "buffer.emb", &table));
    if (heads.rank != 4)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'in.q' has %d axes and must have 4", heads.rank);
    angles = clmix_state(clmix_root(op->graph), "emb", table.rank, table.size, (clmix_initializer){ .kind = CLMIX_ZEROS });
    for (int i = 0; i < 2; i++)
        clmix_case_output(op, names[i], clmix_rotary(clmix_case_input(op, names[i], CASE_HEADS), angles, heads.size[1], CLMIX_ROTARY_PAIRS),
                          CASE_HEADS);
    return CLMIX_OK;
}

static clmix_status build_rope_table(struct op_case *op)
{
    int rows = 0, width = 0;

    CLMIX_TRY(clmix_json_require(op->of->config, "config", "rows"));
    CLMIX_TRY(clmix_json_require(op->of->config, "config", "head_dim"));
    CLMIX_TRY(clmix_case_integer(op, "rows", 1, &rows));
    CLMIX_TRY(clmix_case_integer(op, "head_dim", 2, &width));
    clmix_case_output(op, "emb", clmix_rotary_table(op->graph, (size_t)rows, (size_t)width), CASE_PLAIN);
    return CLMIX_OK;
}

const struct case_operator clmix_case_positions[] = {
    { "rope", build_rope },
    { "rope_table", build_rope_table },
    { NULL, NULL },
};
