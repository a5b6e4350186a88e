/* clmix-bench attention: the operators on heads of all token mixers, alone: time, planned memory and error against softmax attention over the length of
 * sequences, forward and in training. Which mixers there are is what the table of token models' mixers says. */
#include "bench/attention.h"

#include "base/status.h"
#include "base/text.h"
#include "common/terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ENTRIES 32
#define LONG_TOKENS  1000000
#define MOST_TEXT    256

/* ---- what is asked for ------------------------------------------------------------------------------------------------------------------------ */

/* Keys of the kinds that have to be given some, or whose own defaults are small for long sequences: those of the Long Range Arena's presets. */
static const struct {
    const char *kind, *keys;
} usual[] = {
    { "dct", "where=qkv,ratio=0.25" }, { "linformer", "projection=256" },     { "performer", "features=256" },
    { "mra2", "blocks_per_row=8" },    { "mra2_sparse", "blocks_per_row=8" },
};

struct plan {
    size_t tokens[MOST_ENTRIES + 1], token_count;
    size_t with_long; /* the last length is only for what is linear */
    double ranges[MOST_ENTRIES];
    size_t range_count;
    char mixers[MOST_ENTRIES][MOST_TEXT];
    size_t mixer_count;
};

/* Numbers from `least` to `most` with commas between them. */
static clmix_status read_list(const char *text, const char *option, double least, double most, double *values, size_t *count)
{
    for (*count = 0; *count < MOST_ENTRIES; text++) {
        char *end;

        values[*count] = strtod(text, &end);
        if (end == text || (*end != '\0' && *end != ',') || !(values[*count] >= least && values[*count] <= most))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s takes numbers from %g to %g with commas between them, and '%.40s' begins with none",
                              option, least, most, text);
        ++*count;
        text = end;
        if (*text == '\0')
            return CLMIX_OK;
    }
    return clmix_fail(CLMIX_ERROR_ARGUMENT, "%s has more than %d numbers", option, MOST_ENTRIES);
}

static const char *usual_keys(const char *kind)
{
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i].kind, kind) == 0)
            return usual[i].keys;
    return NULL;
}

static clmix_status add_mixer(struct plan *plan, const char *text)
{
    const char *keys = strchr(text, ':') == NULL ? usual_keys(text) : NULL;

    if (plan->mixer_count == MOST_ENTRIES)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "more than %d mixers", MOST_ENTRIES);
    if (strlen(text) + 64 > MOST_TEXT)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the mixer '%.40s...' has too many keys", text);
    snprintf(plan->mixers[plan->mixer_count++], MOST_TEXT, "%s%s%s", text, keys != NULL ? ":" : "", keys != NULL ? keys : "");
    return CLMIX_OK;
}

static clmix_status make_plan(struct plan *plan, const struct bench_request *request, const char *const *mixers)
{
    double tokens[MOST_ENTRIES];

    CLMIX_TRY(read_list(request->tokens, "--tokens", 1, 1 << 24, tokens, &plan->token_count));
    CLMIX_TRY(read_list(request->range, "--range", 1e-3, 1e3, plan->ranges, &plan->range_count));
    for (size_t i = 0; i < plan->token_count; i++) {
        plan->tokens[i] = (size_t)tokens[i];
        if (floor(tokens[i]) != tokens[i])
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "--tokens has %g, which is no whole number", tokens[i]);
    }
    plan->with_long = request->with_long ? 1 : 0;
    if (request->with_long)
        plan->tokens[plan->token_count] = LONG_TOKENS;
    for (size_t i = 0; mixers[i] != NULL; i++)
        CLMIX_TRY(add_mixer(plan, mixers[i]));
    for (size_t i = 0; mixers[0] == NULL && clmix_operator_kind(i) != NULL; i++)
        CLMIX_TRY(add_mixer(plan, clmix_operator_kind(i)));
    return CLMIX_OK;
}

/* "landmarks=N/8" with the number of tokens in N's place, divided and rounded down, but not below 1. */
static void settle_shares(const char *text, size_t tokens, char settled[MOST_TEXT])
{
    size_t used = 0;

    while (*text != '\0' && used + 24 < MOST_TEXT)
        if (strncmp(text, "=N/", 3) == 0 && text[3] >= '1' && text[3] <= '9') {
            char *end;
            const size_t share = tokens / strtoul(text + 3, &end, 10);

            used += (size_t)snprintf(settled + used, MOST_TEXT - used, "=%zu", share > 0 ? share : 1);
            text = end;
        } else {
            settled[used++] = *text++;
        }
    settled[used] = '\0';
}

/* The caller frees the mixer, on failure too. */
static clmix_status make_attention(struct bench_attention *of, const struct bench_request *request, const char *text, size_t tokens)
{
    char settled[MOST_TEXT];

    *of = (struct bench_attention){ .batch = (size_t)request->batch, .tokens = tokens };
    settle_shares(text, tokens, settled);
    return clmix_operator_read(&of->mixer, settled, (size_t)request->heads, (size_t)request->head_dim, tokens);
}

/* Every mixer at every length can be made: told before anything is measured. */
static clmix_status check_mixers(const struct plan *plan, const struct bench_request *request)
{
    clmix_status status = CLMIX_OK;

    for (size_t i = 0; i < plan->token_count && status == CLMIX_OK; i++)
        for (size_t k = 0; k < plan->mixer_count && status == CLMIX_OK; k++) {
            struct bench_attention of;

            status = make_attention(&of, request, plan->mixers[k], plan->tokens[i]);
            clmix_operator_free(&of.mixer);
        }
    return status;
}

/* ---- results ------------------------------------------------------------------------------------------------------------------------------- */

static void add_pass(cJSON *json, const char *name, const struct bench_pass *pass)
{
    static const char *const keys[] = { "ms", "ms_min", "ms_q1", "ms_q3" };
    const double values[] = { pass->seconds.median, pass->seconds.least, pass->seconds.q1, pass->seconds.q3 };
    char key[64];

    for (size_t i = 0; i < 4 && pass->skipped == NULL; i++) {
        snprintf(key, sizeof key, "%s_%s", name, keys[i]);
        bench_add(json, key, 1e3 * values[i]);
    }
    snprintf(key, sizeof key, pass->skipped == NULL ? "%s_runs" : "%s_skipped", name);
    if (pass->skipped == NULL)
        cJSON_AddNumberToObject(json, key, (double)pass->seconds.count);
    else
        cJSON_AddStringToObject(json, key, pass->skipped);
    if (pass->cost.peak_bytes == 0)
        return;
    snprintf(key, sizeof key, "%s_bytes", name);
    cJSON_AddNumberToObject(json, key, (double)pass->cost.peak_bytes);
    snprintf(key, sizeof key, "%s_flops", name);
    cJSON_AddNumberToObject(json, key, (double)pass->cost.flops);
}

static const char *write_number(char text[32], const cJSON *row, const char *key, double factor, const char *format)
{
    const double value = factor * bench_number(row, key);

    snprintf(text, 32, format, value); /* NOLINT: the formats are this file's */
    return isfinite(value) ? text : "-";
}

static void print_row(const cJSON *row)
{
    const char *mixer = bench_text(row, "mixer");
    char name[MOST_TEXT], count[32], range[32], ms[2][32], mb[2][32], error[32], entropy[32];

    snprintf(name, sizeof name, "%s", mixer);
    printf("%-28s %9s %6s  %10s %10s  %9s %9s  %9s %7s\n", terminal_cut(name, 28),
           clmix_grouped(count, (size_t)bench_number(row, "tokens")), write_number(range, row, "range", 1.0, "%g"),
           write_number(ms[0], row, "forward_ms", 1.0, "%.3f"), write_number(ms[1], row, "training_ms", 1.0, "%.3f"),
           write_number(mb[0], row, "forward_bytes", 1e-6, "%.1f"), write_number(mb[1], row, "training_bytes", 1e-6, "%.1f"),
           write_number(error, row, "error", 1.0, "%.2e"), write_number(entropy, row, "entropy", 1.0, "%.2f"));
}

static void print_head(const struct bench_request *request, const clmix_device *device)
{
    terminal_say(2,
                 "attention of %d sequence%s, %d head%s of %d, on %s: ms forward, and forward with gradients; MB planned, with operands "
                 "and results; error "
                 "of the result against softmax attention, and the entropy of its weights",
                 request->batch, request->batch == 1 ? "" : "s", request->heads, request->heads == 1 ? "" : "s", request->head_dim,
                 clmix_device_describe(device)->name);
    printf("%-28s %9s %6s  %10s %10s  %9s %9s  %9s %7s\n", "mixer", "tokens", "range", "forward", "training", "MB", "training", "error",
           "entropy");
}

/* ---- measuring ------------------------------------------------------------------------------------------------------------------------------- */

/* What all mixers at one length and range share. */
struct stage {
    struct bench_sink *sink;
    const struct bench_request *request;
    clmix_device *device;
    double range;
    struct bench_operands operands;
    struct bench_reference reference;
    float *result;
};

static clmix_status emit(const struct stage *stage, const struct bench_attention *of, const char *text, const struct bench_pass passes[2])
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "mixer", text);
    cJSON_AddItemToObject(json, "keys", clmix_operator_keys(&of->mixer));
    cJSON_AddNumberToObject(json, "tokens", (double)of->tokens);
    cJSON_AddNumberToObject(json, "heads", (double)of->mixer.heads);
    cJSON_AddNumberToObject(json, "head_dim", (double)of->mixer.head_dim);
    cJSON_AddNumberToObject(json, "batch", (double)of->batch);
    cJSON_AddNumberToObject(json, "range", stage->range);
    add_pass(json, "forward", &passes[0]);
    add_pass(json, "training", &passes[1]);
    if (passes[0].skipped == NULL)
        bench_add(json, "error", bench_reference_error(&stage->reference, of, stage->result));
    bench_add(json, "entropy", stage->reference.entropy);
    cJSON_AddNumberToObject(json, "queries", (double)stage->reference.queries);
    bench_sign(json, stage->device);
    return bench_emit(stage->sink, json, print_row) ? CLMIX_OK : clmix_fail(CLMIX_ERROR_FILE, "cannot write the result");
}

static clmix_status measure_mixer(struct stage *stage, const char *text, size_t tokens, bool only_linear)
{
    struct bench_attention of;
    struct bench_pass passes[2];
    clmix_status status = make_attention(&of, stage->request, text, tokens);

    if (status == CLMIX_OK && (!only_linear || bench_attention_is_linear(&of))) {
        status = bench_attention_measure(stage->device, &of, &stage->operands, false, stage->request, &passes[0], stage->result);
        if (status == CLMIX_OK)
            status = bench_attention_measure(stage->device, &of, &stage->operands, true, stage->request, &passes[1], NULL);
        if (status == CLMIX_OK)
            status = emit(stage, &of, text, passes);
    }
    clmix_operator_free(&of.mixer);
    return status == CLMIX_OK ? CLMIX_OK : clmix_fail_at(status, "%s, %zu tokens", text, tokens);
}

static clmix_status set_up(struct stage *stage, size_t tokens)
{
    const struct bench_attention of = { .batch = (size_t)stage->request->batch,
                                        .tokens = tokens,
                                        .mixer = { .heads = (size_t)stage->request->heads, .head_dim = (size_t)stage->request->head_dim } };

    CLMIX_TRY(bench_operands_make(&stage->operands, &of, (float)stage->range));
    CLMIX_TRY(bench_reference_make(&stage->reference, &of, &stage->operands));
    stage->result = malloc(stage->operands.count * sizeof *stage->result);
    return stage->result != NULL ? CLMIX_OK : clmix_fail_memory("a result");
}

static clmix_status measure_length(struct stage *stage, const struct plan *plan, size_t index)
{
    const bool is_long = index >= plan->token_count;
    clmix_status status = set_up(stage, plan->tokens[index]);

    for (size_t i = 0; status == CLMIX_OK && i < plan->mixer_count; i++)
        status = measure_mixer(stage, plan->mixers[i], plan->tokens[index], is_long);
    bench_operands_free(&stage->operands);
    bench_reference_free(&stage->reference);
    free(stage->result);
    stage->result = NULL;
    return status;
}

static clmix_status measure_all(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const struct plan *plan)
{
    struct stage stage = { .sink = sink, .request = request, .device = device };

    for (size_t range = 0; range < plan->range_count; range++)
        for (size_t i = 0; i < plan->token_count + plan->with_long; i++) {
            stage.range = plan->ranges[range];
            CLMIX_TRY(measure_length(&stage, plan, i));
        }
    return CLMIX_OK;
}

int bench_attention(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const char *const *mixers)
{
    struct plan *plan = calloc(1, sizeof *plan);
    clmix_status status = plan == NULL ? clmix_fail_memory("the mixers") : make_plan(plan, request, mixers);

    sink->kept = cJSON_CreateArray();
    if (status == CLMIX_OK)
        status = check_mixers(plan, request);
    if (status == CLMIX_OK && !sink->cli->json)
        print_head(request, device);
    if (status == CLMIX_OK)
        status = measure_all(sink, request, device, plan);
    if (status == CLMIX_OK && request->plots != NULL)
        status = bench_attention_plots(sink->kept, request->plots);
    cJSON_Delete(sink->kept);
    sink->kept = NULL;
    free(plan);
    return status == CLMIX_OK ? 0 : bench_fail(sink->cli, status);
}
