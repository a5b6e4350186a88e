/* Attention of queries, keys and values by itself. */
#include "base/status.h"
#include "graph/op.h"
#include "verify/case_op.h"
#include <clmix/mixing.h>

static clmix_status build_attention(struct op_case *op)
{
    static const char *const kinds[] = { "softmax" };
    clmix_value mask = clmix_no_value(), q, k, v;
    int heads = 1, kind = 0;
    bool causal = false;

    CLMIX_TRY(clmix_json_choice(op->of->config, "config", "kind", kinds, 1, &kind));
    CLMIX_TRY(clmix_json_boolean(op->of->config, "config", "causal", &causal));
    CLMIX_TRY(clmix_case_integer(op, "heads", 1, &heads));
    q = clmix_case_input(op, "q", CASE_HEADS);
    k = clmix_case_input(op, "k", CASE_HEADS);
    v = clmix_case_input(op, "v", CASE_HEADS);
    if (clmix_case_has(op, "in.mask"))
        mask = clmix_case_input(op, "mask", CASE_PLAIN);
    clmix_case_output(op, "y", clmix_attention(q, k, v, mask, (clmix_attention_options){ .heads = (size_t)heads, .causal = causal }),
                      CASE_HEADS);
    return CLMIX_OK;
}

const struct case_operator clmix_case_attention[] = {
    { "attention", build_attention },
    { NULL, NULL },
};
