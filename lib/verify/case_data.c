/* What stands before a model and behind it: pictures of bytes, rows of a table, and labels among the largest logits. */
#include "base/status.h"
#include "verify/case_op.h"

#define MOST_CHANNELS 4

/* As many numbers as there are channels. */
static clmix_status channel_numbers(const struct op_case *op, const char *key, size_t channels, float *values)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(op->of->config, key), *number;
    size_t count = 0;

    cJSON_ArrayForEach(number, list)
    {
        if (cJSON_IsNumber(number) && count < channels)
            values[count++] = (float)number->valuedouble;
    }
    return count == channels && (size_t)cJSON_GetArraySize(list) == channels
               ? CLMIX_OK
               : clmix_fail(CLMIX_ERROR_FORMAT, "'%s' must be %zu numbers, one a channel", key, channels);
}

static clmix_status build_normalize(struct op_case *op)
{
    float mean[MOST_CHANNELS], std[MOST_CHANNELS];
    clmix_shape pixels;

    CLMIX_TRY(clmix_case_shape(op, "in.pixels", &pixels));
    if (pixels.rank != 4 || pixels.size[3] > MOST_CHANNELS)
        return clmix_fail(CLMIX_ERROR_FORMAT, "'in.pixels' must be (B, H, W, C) with at most %d channels", MOST_CHANNELS);
    CLMIX_TRY(channel_numbers(op, "mean", pixels.size[3], mean));
    CLMIX_TRY(channel_numbers(op, "std", pixels.size[3], std));
    clmix_case_output(op, "y", clmix_normalize(clmix_case_input(op, "pixels", CASE_PLAIN), mean, std), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_gather(struct op_case *op)
{
    clmix_value table = clmix_case_input(op, "table", CASE_PLAIN), index = clmix_case_input(op, "index", CASE_PLAIN);

    clmix_case_output(op, "y", clmix_gather(table, index), CASE_PLAIN);
    return CLMIX_OK;
}

static clmix_status build_top_k(struct op_case *op)
{
    int64_t wanted[4];
    int k[4];
    size_t count = 0;
    clmix_value logits, label;

    CLMIX_TRY(clmix_json_integers(op->of->config, "config", "k", 1, 1 << 20, 4, wanted, &count));
    for (size_t i = 0; i < count; i++)
        k[i] = (int)wanted[i];
    logits = clmix_case_input(op, "logits", CASE_PLAIN);
    label = clmix_case_input(op, "label", CASE_PLAIN);
    clmix_case_output(op, "count", clmix_top_k(logits, label, (int)count, k), CASE_PLAIN);
    return CLMIX_OK;
}

const struct case_operator clmix_case_data[] = {
    { "gather", build_gather },
    { "normalize", build_normalize },
    { "top_k", build_top_k },
    { NULL, NULL },
};
