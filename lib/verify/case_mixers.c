/* The token mixers of the cases: a mixer by itself, its keys among the attributes, its weights at the root. */
#include "base/status.h"
#include "graph/op.h"
#include "models/mixers/mixer.h"
#include "verify/case_op.h"

/* What is in "config" for the case and the backbone, not for the mixer. */
static const char *const others[] = { "op", "dim", "heads", "head_dim", "value_dim", "training" };

/* The attributes without those of others, to be freed by the caller. */
static cJSON *keys_of(const struct op_case *op)
{
    cJSON *keys = cJSON_Duplicate(op->of->config, 1);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(keys, others[i]);
    return keys;
}

static clmix_status read_mixer(const struct op_case *op, const char *kind, const struct clmix_key_table *const *kinds,
                               struct clmix_mixer *mixer)
{
    int dim = 0, heads = 0, head_dim = 0, value_dim = 0;
    cJSON *keys = keys_of(op);
    clmix_status status = CLMIX_OK;

    if (keys == NULL)
        return clmix_fail_memory("the case");
    status = clmix_keys_read(&mixer->mixer, keys, "config", "kind", kind, kinds);
    cJSON_Delete(keys);
    CLMIX_TRY(status);
    CLMIX_TRY(clmix_case_integer(op, "dim", 1, &dim));
    CLMIX_TRY(clmix_case_integer(op, "heads", 1, &heads));
    head_dim = heads > 0 ? dim / heads : 0; /* unless given */
    CLMIX_TRY(clmix_case_integer(op, "head_dim", 1, &head_dim));
    CLMIX_TRY(clmix_case_integer(op, "value_dim", 1, &value_dim));
    mixer->heads = (size_t)heads;
    mixer->head_dim = (size_t)head_dim;
    mixer->value_dim = (size_t)value_dim;
    return clmix_mixer_settle(mixer, "config");
}

/* `mixer` has what the backbone says beside the attributes. */
static clmix_status build_of(struct op_case *op, const char *kind, struct clmix_mixer mixer)
{
    struct clmix_sequence tokens = { .value = clmix_no_value() };
    clmix_status status = read_mixer(op, kind, clmix_mixer_tables, &mixer);

    if (status == CLMIX_OK) {
        tokens.value = clmix_case_input(op, "x", CASE_PLAIN);
        clmix_case_output(op, "y", clmix_mix(clmix_root(op->graph), &tokens, &mixer), CASE_PLAIN);
    }
    clmix_keys_free(&mixer.mixer);
    return status;
}

static clmix_status build_tokens(struct op_case *op, const char *kind)
{
    return build_of(op, kind, (struct clmix_mixer){ .dropout = 0.0f });
}

static clmix_status build_cct_attention(struct op_case *op)
{
    return build_of(op, "softmax", (struct clmix_mixer){ .qkv = "qkv", .out = "proj" });
}

/* Mixers of maps, (B, C, H, W) in and out, whose batch norms are in training or not. */
static clmix_status build_map(struct op_case *op, const struct clmix_key_table *const *kinds)
{
    struct clmix_mixer mixer = { .dropout = 0.0f };
    struct clmix_sequence tokens;
    clmix_status status = read_mixer(op, "softmax", kinds, &mixer);

    if (status == CLMIX_OK)
        status = clmix_json_boolean(op->of->config, "config", "training", &op->training);
    if (status == CLMIX_OK) {
        tokens = clmix_sequence_of(clmix_case_input(op, "x", CASE_MAP));
        tokens.value = clmix_mix(clmix_root(op->graph), &tokens, &mixer);
        clmix_case_output(op, "y", clmix_map_of(&tokens), CASE_MAP);
    }
    clmix_keys_free(&mixer.mixer);
    return status;
}

static clmix_status build_levit_attention(struct op_case *op)
{
    return build_map(op, clmix_levit_mixer_tables);
}

static clmix_status build_cvt_attention(struct op_case *op)
{
    return build_map(op, clmix_cvt_mixer_tables);
}

static clmix_status build_fourier_mix(struct op_case *op)
{
    return build_tokens(op, "fourier");
}

static clmix_status build_linformer(struct op_case *op)
{
    return build_tokens(op, "linformer");
}

static clmix_status build_mlp_mix(struct op_case *op)
{
    return build_tokens(op, "mlp");
}

static clmix_status build_performer(struct op_case *op)
{
    return build_tokens(op, "performer");
}

static clmix_status build_nystrom(struct op_case *op)
{
    return build_tokens(op, "nystrom");
}

static clmix_status build_softmax_attention(struct op_case *op)
{
    return build_tokens(op, "softmax");
}

const struct case_operator clmix_case_mixers[] = {
    { "cct_attention", build_cct_attention },
    { "cvt_attention", build_cvt_attention },
    { "fourier_mix", build_fourier_mix },
    { "levit_attention", build_levit_attention },
    { "linformer_attention", build_linformer },
    { "mlp_mix", build_mlp_mix },
    { "nystrom_attention", build_nystrom },
    { "performer_attention", build_performer },
    { "softmax_attention", build_softmax_attention },
    { NULL, NULL },
};
