/* Token mixers alone, and in a backbone written down by hand: Hybrid MLP-Mixer, whose numbers are those of the authors' code. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/modules.h"
#include "graph/op.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "models/mixers/mixer.h"
#include "models/parts/feed_forward.h"
#include "network/network.h"
#include "runtime/runtime.h"
#include "support_ops.h"
#include "support_suite.h"

/* `text` is what a configuration has under "mixer". */
static struct clmix_mixer read_mixer(const char *text)
{
    struct clmix_mixer mixer = { .dropout = 0.0f };
    cJSON *json = cJSON_Parse(text);

    ops_ok(clmix_keys_read(&mixer.mixer, json, "mixer", "kind", NULL, clmix_mixer_tables));
    cJSON_Delete(json);
    return mixer;
}

/* ---- against their equations ----------------------------------------------------------------------------------------------------------- */

static clmix_value build_alone(clmix_scope at, const clmix_value *inputs, const void *mixer)
{
    struct clmix_tokens tokens = { .value = inputs[0] };

    return clmix_mix(at, &tokens, mixer);
}

static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2)));
}

/* y = W2 gelu(W1 x + b1) + b2 along the tokens: x, W1, b1, W2, b2. */
static void mlp_reference(const double *const *inputs, const clmix_shape *shapes, double *output, const void *attributes)
{
    size_t tokens = shapes[0].size[1], columns = shapes[0].size[2], hidden = shapes[2].size[0];
    double *active = malloc(hidden * sizeof *active);

    (void)attributes;
    for (size_t b = 0; b < shapes[0].size[0]; b++)
        for (size_t c = 0; c < columns; c++) {
            const double *x = inputs[0] + b * tokens * columns + c;
            double *y = output + b * tokens * columns + c;

            for (size_t h = 0; h < hidden; h++) {
                double sum = inputs[2][h];

                for (size_t i = 0; i < tokens; i++)
                    sum += inputs[1][h * tokens + i] * x[i * columns];
                active[h] = gelu(sum);
            }
            for (size_t j = 0; j < tokens; j++) {
                double sum = inputs[4][j];

                for (size_t h = 0; h < hidden; h++)
                    sum += inputs[3][j * hidden + h] * active[h];
                y[j * columns] = sum;
            }
        }
    free(active);
}

static const struct {
    const char *mixer;
    size_t batch, tokens, channels;
} mlps[] = {
    { "{\"kind\":\"mlp\"}", 2, 5, 3 },
    { "{\"kind\":\"mlp\",\"expansion\":1}", 3, 13, 8 },
    { "{\"kind\":\"mlp\",\"expansion\":2}", 1, 1, 7 },
    { "{\"kind\":\"mlp\",\"expansion\":3}", 2, 4, 1 },
};

START_TEST(mlp_mixes_tokens_as_its_equation_says)
{
    struct clmix_mixer mixer = read_mixer(mlps[_i].mixer);
    struct ops_check check = {
        .what = mlps[_i].mixer,
        .build = build_alone,
        .reference = mlp_reference,
        .attributes = &mixer,
        .input_count = 1,
        .shapes = { { .rank = 3, .size = { mlps[_i].batch, mlps[_i].tokens, mlps[_i].channels } } },
        .parameters = { "0.weight", "0.bias", "3.weight", "3.bias" },
    };

    ops_run_check(&check);
    clmix_keys_free(&mixer.mixer);
}
END_TEST

START_TEST(what_a_mixer_cannot_take_is_refused)
{
    struct clmix_mixer mixer = read_mixer("{\"kind\":\"mlp\"}");

    for (int what = 0; what < 3; what++) {
        static const char *const sentences[] = { "mix: the mixer 'mlp' takes no mask", "mix: the mixer 'mlp' has no queries",
                                                 "mix: a mixer takes tokens (batch, tokens, channels), and this is 2x6" };
        clmix_graph *graph = clmix_graph_new();
        struct clmix_tokens tokens = { .value = clmix_input(graph, "x", CLMIX_F32, what == 2 ? 2 : 3, (size_t[]){ 2, 6, 4 }) };

        if (what == 0)
            tokens.mask = clmix_input(graph, "mask", CLMIX_I32, 2, (size_t[]){ 2, 6 });
        if (what == 1)
            tokens.position = clmix_input(graph, "position", CLMIX_F32, 2, (size_t[]){ 6, 4 });
        ck_assert(!clmix_is_value(clmix_mix(clmix_in(clmix_root(graph), "mix"), &tokens, &mixer)));
        ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), sentences[what]) != NULL, "%s", clmix_error());
        clmix_graph_free(graph);
    }
    clmix_keys_free(&mixer.mixer);
}
END_TEST

/* ---- Hybrid MLP-Mixer ------------------------------------------------------------------------------------------------------------------- */

struct backbone {
    size_t batch, pixels, stem[3], depth, expansion;
    struct clmix_mixer mixer;
};

/* x + part(LN(x)), the authors' module around a part. */
static clmix_value block(clmix_scope at, clmix_value x, const struct backbone *keys)
{
    clmix_scope mix = clmix_in(at, "0"), feed = clmix_in(at, "1");
    struct clmix_tokens tokens = { .value = clmix_layer_norm(clmix_in(mix, "norm"), x, 1e-5f) };
    size_t dim = keys->stem[2];

    x = clmix_module(clmix_add(clmix_mix(clmix_in(mix, "fn"), &tokens, &keys->mixer), x));
    return clmix_module(
        clmix_add(clmix_feed_forward(clmix_in(feed, "fn.0"), clmix_in(feed, "fn.3"), clmix_layer_norm(clmix_in(feed, "norm"), x, 1e-5f),
                                     clmix_channel_linear, keys->expansion * dim, dim, 0.0f),
                  x));
}

static clmix_value build_backbone(clmix_scope at, clmix_value x, const struct backbone *keys)
{
    clmix_scope norm = clmix_in(at, "%zu", keys->depth + 4), head = clmix_in(at, "%zu", keys->depth + 6);

    for (size_t i = 0; i < 3; i++)
        x = clmix_conv2d(clmix_in(at, "%zu", i), x, keys->stem[i], clmix_square(3, 1, 1), true);
    x = clmix_module(clmix_reshape(x, 3, (size_t[]){ keys->batch, keys->pixels * keys->pixels, keys->stem[2] }));
    for (size_t i = 0; i < keys->depth; i++)
        x = block(clmix_in(at, "%zu", i + 4), x, keys);
    return clmix_linear(head, clmix_module(clmix_global_average_pool(clmix_layer_norm(norm, x, 1e-5f))), 10, true);
}

/* The paper's figures of its table 1. */
START_TEST(hybrid_mlp_mixer_is_counted_as_in_the_paper)
{
    struct backbone keys = { .batch = 1,
                             .pixels = 32,
                             .stem = { 32, 64, 128 },
                             .depth = 4,
                             .expansion = 1,
                             .mixer = read_mixer("{\"kind\":\"mlp\",\"expansion\":1}") };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 1, 32, 32, 3 });
    struct clmix_module_count count;

    build_backbone(clmix_root(graph), x, &keys);
    ops_ok(clmix_graph_check(graph));
    count = clmix_graph_modules(graph);
    ck_assert_uint_eq(count.parameters, 8625738);
    ck_assert(fabs((4.0 * 32 * 32 * 3 + 8.0 * (double)count.outputs + 4.0 * (double)count.parameters) / 0x1p20 - 92.67) < 0.005);
    clmix_graph_free(graph);
    clmix_keys_free(&keys.mixer.mixer);
}
END_TEST

/* Values of a tensor of the case in the device's order; the caller frees. */
static float *case_values(const clmix_safetensors *file, const char *prefix, const clmix_tensor_info *info)
{
    char name[80];
    const clmix_stored_tensor *stored;
    float *values, *laid;

    snprintf(name, sizeof name, "%s%s", prefix, info->name);
    stored = clmix_safetensors_find(file, name);
    ck_assert_msg(stored != NULL && stored->count == clmix_shape_count(info->file_shape), "%s", name);
    values = malloc(stored->count * sizeof *values);
    laid = malloc(stored->count * sizeof *laid);
    ck_assert(values != NULL && laid != NULL);
    ops_ok(clmix_stored_to_float(stored, values));
    clmix_layout_to_device(info, values, laid);
    free(values);
    return laid;
}

/* A picture batch or a plain tensor by its full name: pictures are (B, C, H, W) in the file. */
static float *case_input(const clmix_safetensors *file, const char *name, bool pictures)
{
    const clmix_stored_tensor *stored = clmix_safetensors_find(file, name);
    clmix_tensor_info info = { .name = name, .order = { 0, 2, 3, 1 } };

    ck_assert_ptr_nonnull(stored);
    info.file_shape.rank = stored->rank;
    memcpy(info.file_shape.size, stored->size, (size_t)stored->rank * sizeof *stored->size);
    for (int i = 0; i < stored->rank; i++) {
        if (!pictures)
            info.order[i] = i;
        info.device_shape.size[i] = info.file_shape.size[info.order[i]];
    }
    info.device_shape.rank = stored->rank;
    return case_values(file, "", &info);
}

struct arenas {
    cl_mem weights, gradients;
};

static void load_weights(struct arenas *arenas, const clmix_graph *graph, const clmix_safetensors *file)
{
    const size_t bytes = clmix_graph_weight_count(graph) * sizeof(float);

    ops_ok(clmix_buffer_create(ops_device, bytes, "weights", &arenas->weights));
    ops_ok(clmix_buffer_create(ops_device, bytes, "gradients", &arenas->gradients));
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;
        float *values;

        ops_ok(clmix_graph_tensor(graph, i, &info));
        values = case_values(file, "param.", &info);
        ops_ok(clmix_buffer_write(ops_device, arenas->weights, info.offset * sizeof(float), values,
                                  clmix_shape_count(info.file_shape) * sizeof(float)));
        free(values);
    }
}

static void compare_gradients(const struct arenas *arenas, const clmix_graph *graph, const clmix_safetensors *file)
{
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;
        float *expected, *got;
        size_t count;

        ops_ok(clmix_graph_tensor(graph, i, &info));
        count = clmix_shape_count(info.file_shape);
        expected = case_values(file, "grad.", &info);
        got = malloc(count * sizeof *got);
        ck_assert_ptr_nonnull(got);
        ops_ok(clmix_buffer_read(ops_device, arenas->gradients, info.offset * sizeof(float), got, count * sizeof *got));
        ops_compare_floats(info.name, got, expected, count, 1e-3);
        free(expected);
        free(got);
    }
}

static void run_case(clmix_graph *graph, const clmix_safetensors *file, const int32_t *labels)
{
    float *pictures = case_input(file, "input", true), *logits = case_input(file, "train.output", false), *got;
    struct arenas arenas;
    clmix_plan *plan;

    load_weights(&arenas, graph, file);
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_TRAINING));
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, arenas.weights));
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_GRADIENTS, arenas.gradients));
    ops_write(plan, "x", pictures, 3 * 6 * 6 * 3);
    ops_ok(clmix_plan_write(plan, "label", labels, 3 * sizeof *labels));
    ops_ok(clmix_plan_run(plan));
    got = ops_read(plan, "logits", 30);
    ops_compare_floats("logits", got, logits, 30, 1e-4);
    compare_gradients(&arenas, graph, file);

    clmix_plan_free(plan);
    clmix_buffer_release(ops_device, arenas.weights);
    clmix_buffer_release(ops_device, arenas.gradients);
    free(pictures);
    free(logits);
    free(got);
}

START_TEST(hybrid_mlp_mixer_agrees_with_the_authors)
{
    struct backbone keys = { .batch = 3,
                             .pixels = 6,
                             .stem = { 6, 10, 12 },
                             .depth = 2,
                             .expansion = 1,
                             .mixer = read_mixer("{\"kind\":\"mlp\",\"expansion\":1}") };
    clmix_graph *graph = clmix_graph_new();
    clmix_value x = clmix_batch_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 3, 6, 6, 3 }),
                label = clmix_batch_input(graph, "label", CLMIX_I32, 1, (size_t[]){ 3 }), logits, loss;
    clmix_safetensors *file;
    int32_t labels[3];

    ops_ok(clmix_safetensors_open(&file, CLMIX_TEST_DATA "/hybrid_mlp_mixer.safetensors"));
    memcpy(labels, clmix_safetensors_find(file, "label")->data, sizeof labels);
    logits = build_backbone(clmix_root(graph), x, &keys);
    loss = clmix_cross_entropy(logits, label, 0.0f, clmix_no_value(), clmix_no_value());
    clmix_output(graph, "logits", logits);
    clmix_backward(graph, 1, &loss, (clmix_value[]){ clmix_no_value() });
    ops_ok(clmix_graph_check(graph));
    run_case(graph, file, labels);

    clmix_graph_free(graph);
    clmix_safetensors_close(file);
    clmix_keys_free(&keys.mixer.mixer);
}
END_TEST

int main(void)
{
    TCase *alone = tcase_create("alone"), *backbone = tcase_create("backbone");
    Suite *suite = suite_create("mixers");

    tcase_add_unchecked_fixture(alone, ops_open, ops_close);
    tcase_add_loop_test(alone, mlp_mixes_tokens_as_its_equation_says, 0, (int)(sizeof mlps / sizeof *mlps));
    tcase_add_test(alone, what_a_mixer_cannot_take_is_refused);
    suite_add_tcase(suite, alone);
    tcase_add_unchecked_fixture(backbone, ops_open, ops_close);
    tcase_add_test(backbone, hybrid_mlp_mixer_is_counted_as_in_the_paper);
    tcase_add_test(backbone, hybrid_mlp_mixer_agrees_with_the_authors);
    suite_add_tcase(suite, backbone);
    return support_run(suite);
}
