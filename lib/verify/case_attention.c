/* Mixers of token models: the operator on queries, keys and values by itself, and with the projections of a BERT's block around it. */
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "verify/case_op.h"

static const struct clmix_frame bert = { .q = "fc_q", .k = "fc_k", .v = "fc_v", .out = "fc_o", .out_always = true };

/* What is in "config" for the case and the backbone, not for the mixer. */
static const char *const others[] = { "op", "dim", "heads", "max_len" };

static clmix_status read_mixer(const struct op_case *op, size_t width, struct clmix_mixer *mixer)
{
    cJSON *keys = cJSON_Duplicate(op->of->config, 1);
    int heads = 1, longest = 0;
    clmix_status status;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(keys, others[i]);
    if (keys == NULL)
        return clmix_fail_memory("the case");
    status = clmix_keys_read(&mixer->mixer, keys, "config", "kind", NULL, clmix_token_mixer_tables);
    cJSON_Delete(keys);
    CLMIX_TRY(status);
    CLMIX_TRY(clmix_case_integer(op, "heads", 1, &heads));
    CLMIX_TRY(clmix_case_integer(op, "max_len", 1, &longest));
    mixer->heads = (size_t)heads;
    mixer->head_dim = width / (size_t)heads;
    mixer->longest = (size_t)longest;
    return clmix_mixer_settle(mixer, "config");
}

static clmix_value mask_of(struct op_case *op)
{
    return clmix_case_has(op, "in.mask") ? clmix_case_input(op, "mask", CASE_PLAIN) : clmix_no_value();
}

static clmix_status build_attention(struct op_case *op)
{
    struct clmix_heads heads = { .q = clmix_case_input(op, "q", CASE_HEADS),
                                 .k = clmix_case_input(op, "k", CASE_HEADS),
                                 .v = clmix_case_input(op, "v", CASE_HEADS) };
    struct clmix_mixer mixer = { .dropout = 0.0f };
    clmix_status status;

    heads.mask = mask_of(op);
    CLMIX_TRY(clmix_graph_check(op->graph));
    op->own = "attn_fn.";
    status = read_mixer(op, clmix_shape_of(heads.q).size[2], &mixer);
    if (status == CLMIX_OK)
        clmix_case_output(op, "y", clmix_attend(clmix_root(op->graph), &heads, &mixer), CASE_HEADS);
    clmix_keys_free(&mixer.mixer);
    return status;
}

static clmix_status build_mixer(struct op_case *op)
{
    struct clmix_sequence tokens = { .value = clmix_case_input(op, "x", CASE_PLAIN) };
    struct clmix_mixer mixer = { .frame = &bert };
    clmix_status status;

    tokens.mask = mask_of(op);
    CLMIX_TRY(clmix_graph_check(op->graph));
    status = read_mixer(op, clmix_shape_columns(clmix_shape_of(tokens.value)), &mixer);
    if (status == CLMIX_OK)
        clmix_case_output(op, "y", clmix_mix(clmix_root(op->graph), &tokens, &mixer), CASE_PLAIN);
    clmix_keys_free(&mixer.mixer);
    return status;
}

const struct case_operator clmix_case_attention[] = {
    { "attention", build_attention },
    { "mixer", build_mixer },
    { NULL, NULL },
};
