/* All operators of the cases. */
#include "base/status.h"
#include "verify/case_op.h"
#include <string.h>

static const struct case_operator *const tables[] = { clmix_case_ops,     clmix_case_mixers, clmix_case_attention, clmix_case_positions,
                                                      clmix_case_nystrom, clmix_case_dct,    clmix_case_data };

clmix_status clmix_case_build(struct op_case *op)
{
    const char *name = "";

    CLMIX_TRY(clmix_json_text(op->of->config, "config", "op", &name));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct case_operator *row = tables[i]; row->name != NULL; row++)
            if (strcmp(row->name, name) == 0)
                return row->build(op);
    return clmix_fail(CLMIX_ERROR_UNSUPPORTED, "unsupported: this version has no operator '%.80s'", name);
}
