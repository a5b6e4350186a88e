/* Every public function with NULL in each place of a pointer: refused with a sentence that names it, or harmless, as the headers say. test/lint/null.sh
 * sees to it that none is forgotten here. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clmix/clmix.h>

#include "support_ops.h"
#include "support_suite.h"

#define TINY "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1}"

static void expect_refusal(clmix_status status, const char *sentence)
{
    ck_assert_msg(status == CLMIX_ERROR_ARGUMENT && strcmp(clmix_error(), sentence) == 0, "status %d, '%s' instead of '%s'", (int)status,
                  clmix_error(), sentence);
}

/* The function called with these arguments says that this parameter is NULL. */
#define REFUSED(parameter, function, ...) expect_refusal(function(__VA_ARGS__), #function ": '" #parameter "' is NULL and must not be")

/* The same for a function that builds: the graph keeps the sentence. */
#define POISONED(parameter, function, ...)                                                                         \
    do {                                                                                                           \
        clmix_graph *graph = clmix_graph_new();                                                                    \
        clmix_value x = clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 1, 4, 4, 3 });                           \
        (void)x;                                                                                                   \
        (void)function(__VA_ARGS__);                                                                               \
        ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);                                          \
        ck_assert_msg(strstr(clmix_error(), #function ": '" #parameter "' is NULL") != NULL, "%s", clmix_error()); \
        clmix_graph_free(graph);                                                                                   \
    } while (0)

static const clmix_value none; /* of no graph */
static const clmix_scope nowhere;

static void expect_poisoned(clmix_value value)
{
    ck_assert_int_eq(clmix_shape_of(value).rank, -1);
}

/* ---- status.h, clmix.h, device.h ---------------------------------------------------------------------------------------------------- */

START_TEST(devices)
{
    clmix_device *device = NULL;
    clmix_device_info *list = NULL;
    const clmix_timing *timings;
    clmix_ceilings ceilings;
    clmix_traffic traffic = { .uploads = 1 };
    size_t count = 1, other = 1;
    char *path = NULL;

    clmix_free(NULL);
    ck_assert_int_eq(clmix_error_set(CLMIX_ERROR_FILE, NULL), CLMIX_ERROR_FILE);
    ck_assert_str_eq(clmix_error(), "");
    ck_assert(clmix_error() != NULL && clmix_status_name(CLMIX_OK) != NULL && clmix_version() != NULL && clmix_cache_folder() != NULL &&
              clmix_cache_refusal() != NULL && clmix_version_check(CLMIX_VERSION_NUMBER) == CLMIX_OK);
    REFUSED(list, clmix_device_list, NULL, &count, NULL);
    REFUSED(count, clmix_device_list, &list, NULL, NULL);
    REFUSED(device, clmix_device_open, NULL, NULL);
    REFUSED(device, clmix_device_adopt, NULL, clmix_device_context(ops_device), NULL, clmix_device_queue(ops_device));
    REFUSED(context, clmix_device_adopt, &device, NULL, NULL, clmix_device_queue(ops_device));
    REFUSED(id, clmix_device_adopt, &device, clmix_device_context(ops_device), NULL, clmix_device_queue(ops_device));
    REFUSED(device, clmix_device_generic, NULL);
    clmix_device_close(NULL);
    ck_assert_str_eq(clmix_device_describe(NULL)->name, "");
    ck_assert_ptr_null(clmix_device_quirk(NULL, 0));
    ck_assert(clmix_device_context(NULL) == NULL && clmix_device_queue(NULL) == NULL);
    REFUSED(device, clmix_device_check, NULL);
    clmix_device_memory(NULL, &count, &other, NULL);
    ck_assert(count == 0 && other == 0);
    clmix_device_memory(ops_device, NULL, NULL, NULL);
    count = 1;
    clmix_device_programs(NULL, &count, NULL);
    ck_assert_uint_eq(count, 0);
    clmix_device_programs(ops_device, NULL, NULL);
    clmix_device_traffic(NULL, &traffic);
    ck_assert_uint_eq(traffic.uploads, 0);
    clmix_device_traffic(ops_device, NULL);
    clmix_device_watch_compiler(NULL, NULL, NULL);
    REFUSED(info, clmix_cache_describe, NULL);
    REFUSED(device, clmix_device_tuning, NULL, &path, &count);
    REFUSED(path, clmix_device_tuning, ops_device, NULL, &count);
    REFUSED(results, clmix_device_tuning, ops_device, &path, NULL);
    REFUSED(device, clmix_device_ceilings, NULL, &ceilings);
    REFUSED(ceilings, clmix_device_ceilings, ops_device, NULL);
    REFUSED(device, clmix_profile_start, NULL);
    REFUSED(device, clmix_profile_stop, NULL, &timings, &count);
    REFUSED(timings, clmix_profile_stop, ops_device, NULL, &count);
    REFUSED(count, clmix_profile_stop, ops_device, &timings, NULL);
    REFUSED(device, clmix_profile_write_trace, NULL, "trace.json");
    REFUSED(path, clmix_profile_write_trace, ops_device, NULL);
}
END_TEST

START_TEST(a_cache_is_cleared_without_places)
{
    const char *base = getenv("CLMIX_CACHE_DIR");
    char kept[1024];

    snprintf(kept, sizeof kept, "%s", base != NULL ? base : "");
    setenv("CLMIX_CACHE_DIR", "", 1);
    clmix_cache_clear(NULL, NULL);
    if (base != NULL)
        setenv("CLMIX_CACHE_DIR", kept, 1);
    else
        unsetenv("CLMIX_CACHE_DIR");
}
END_TEST

static clmix_status fill_nothing(void *values, clmix_shape shape, const void *data)
{
    (void)values;
    (void)shape;
    (void)data;
    return CLMIX_OK;
}

/* ---- graph.h, ops.h, mixing.h, sequence.h ----------------------------------------------------------------------------------------------------------------- */

START_TEST(graphs)
{
    const size_t size[4] = { 1, 4, 4, 3 };
    clmix_tensor_info info;
    clmix_input_info input;
    clmix_node_info node;
    clmix_graph *some = clmix_graph_new();

    clmix_graph_free(NULL);
    ck_assert_int_eq(clmix_graph_check(NULL), CLMIX_ERROR_HOST_MEMORY);
    ck_assert_ptr_null(clmix_root(NULL).graph);
    ck_assert_ptr_null(clmix_in(nowhere, "a").graph);
    ck_assert_ptr_null(clmix_shared(nowhere).graph);
    clmix_at(nowhere);
    expect_poisoned(clmix_input(NULL, "x", CLMIX_F32, 4, size));
    expect_poisoned(clmix_batch_input(NULL, "x", CLMIX_F32, 4, size));
    clmix_output(NULL, "y", none);
    expect_poisoned(clmix_parameter(nowhere, "w", 4, size, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS }));
    expect_poisoned(clmix_state(nowhere, "s", 4, size, (clmix_initializer){ .kind = CLMIX_ZEROS }));
    ck_assert_uint_eq(clmix_shape_count(clmix_shape_of(none)), 0);
    ck_assert_uint_eq(clmix_port_count(NULL), 0);
    ck_assert_uint_eq(clmix_port_bytes(NULL), 0);
    ck_assert_ptr_null(clmix_port_find(NULL, 1, "labels"));
    ck_assert_ptr_null(clmix_port_find(&(clmix_port){ "labels", CLMIX_I32, 0, { 0 } }, 1, NULL));
    ck_assert_uint_eq(clmix_type_bytes(CLMIX_U8), 1);
    expect_poisoned(clmix_constant(NULL, CLMIX_F32, 4, size, fill_nothing, NULL, 0));
    clmix_want_gradient(none);
    clmix_backward(NULL, 1, NULL, NULL);
    expect_poisoned(clmix_gradient_of(none));
    ck_assert(clmix_graph_tensor_count(NULL) == 0 && clmix_graph_weight_count(NULL) == 0 && clmix_graph_state_count(NULL) == 0);
    ck_assert(!clmix_graph_has_gradient(NULL, 0));
    ck_assert(clmix_freeze(NULL, "*") == 0 && clmix_freeze(some, NULL) == 0);
    ck_assert(clmix_initialize(nowhere, "*", 1, (clmix_initializer){ .kind = CLMIX_ZEROS }) == 0 &&
              clmix_initialize(clmix_root(some), NULL, 1, (clmix_initializer){ .kind = CLMIX_ZEROS }) == 0);
    ck_assert_int_eq(clmix_graph_tensor(NULL, 0, &info), CLMIX_ERROR_ARGUMENT);
    REFUSED(info, clmix_graph_tensor, some, 0, NULL);
    ck_assert_str_eq(clmix_shape_text(clmix_shape_of(none), NULL), "");
    ck_assert(clmix_graph_input_count(NULL) == 0 && clmix_graph_node_count(NULL) == 0);
    ck_assert_int_eq(clmix_graph_input(NULL, 0, &input), CLMIX_ERROR_ARGUMENT);
    REFUSED(info, clmix_graph_input, some, 0, NULL);
    ck_assert_int_eq(clmix_graph_node(NULL, 0, &node), CLMIX_ERROR_ARGUMENT);
    REFUSED(info, clmix_graph_node, some, 0, NULL);
    ck_assert_ptr_null(clmix_graph_isolate(NULL, 0));
    clmix_graph_free(some);

    POISONED(format, clmix_in, clmix_root(graph), NULL);
    POISONED(name, clmix_input, graph, NULL, CLMIX_F32, 4, size);
    POISONED(size, clmix_input, graph, "y", CLMIX_F32, 4, NULL);
    POISONED(name, clmix_batch_input, graph, NULL, CLMIX_F32, 4, size);
    POISONED(size, clmix_batch_input, graph, "y", CLMIX_F32, 4, NULL);
    POISONED(name, clmix_output, graph, NULL, x);
    POISONED(name, clmix_parameter, clmix_root(graph), NULL, 4, size, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    POISONED(file_size, clmix_parameter, clmix_root(graph), "w", 4, NULL, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    POISONED(name, clmix_state, clmix_root(graph), NULL, 4, size, (clmix_initializer){ .kind = CLMIX_ZEROS });
    POISONED(size, clmix_state, clmix_root(graph), "s", 4, NULL, (clmix_initializer){ .kind = CLMIX_ZEROS });
    POISONED(size, clmix_constant, graph, CLMIX_F32, 4, NULL, fill_nothing, NULL, 0);
    POISONED(fill, clmix_constant, graph, CLMIX_F32, 4, size, NULL, NULL, 0);
    POISONED(data, clmix_constant, graph, CLMIX_F32, 4, size, fill_nothing, NULL, 1);
    POISONED(of, clmix_backward, graph, 1, NULL, &x);
    POISONED(gradient, clmix_backward, graph, 1, &x, NULL);
}
END_TEST

START_TEST(ops)
{
    const float one[4] = { 1.0f, 1.0f, 1.0f, 1.0f };
    const size_t size[2] = { 1, 48 };
    const clmix_window window = clmix_square(3, 1, 1);
    const int k = 1;

    expect_poisoned(clmix_linear_with(nowhere, none, none, none));
    expect_poisoned(clmix_conv2d_with(nowhere, none, none, none, window));
    expect_poisoned(clmix_conv_transpose2d_with(nowhere, none, none, none, window));
    expect_poisoned(clmix_batch_norm_with(nowhere, none, none, none, none, none, 1e-5f, 0.1f));
    expect_poisoned(clmix_layer_norm_with(nowhere, none, none, none, 1e-5f));
    expect_poisoned(clmix_channel_norm_with(nowhere, none, none, none, 1e-5f));
    expect_poisoned(clmix_sequence_pool_with(nowhere, none, none, none));
    expect_poisoned(clmix_linear(nowhere, none, 4, true));
    expect_poisoned(clmix_conv2d(nowhere, none, 4, window, true));
    expect_poisoned(clmix_conv_transpose2d(nowhere, none, 4, window, true));
    expect_poisoned(clmix_haar_bands(none, 1));
    expect_poisoned(clmix_haar_level(none, none, 1));
    expect_poisoned(clmix_haar_dwt(none, 1, NULL));
    expect_poisoned(clmix_haar_idwt(none, 1, &none, 4, 4));
    expect_poisoned(clmix_batch_norm(nowhere, none, 1e-5f, 0.1f));
    expect_poisoned(clmix_layer_norm(nowhere, none, 1e-5f));
    expect_poisoned(clmix_channel_norm(nowhere, none, 1e-5f));
    expect_poisoned(clmix_sequence_pool(nowhere, none));
    expect_poisoned(clmix_elu(none));
    expect_poisoned(clmix_exp(none));
    expect_poisoned(clmix_gelu(none));
    expect_poisoned(clmix_hard_swish(none));
    expect_poisoned(clmix_relu(none));
    expect_poisoned(clmix_sigmoid(none));
    expect_poisoned(clmix_tanh(none));
    expect_poisoned(clmix_softmax(none, -1));
    expect_poisoned(clmix_dropout(none, 0.5f));
    expect_poisoned(clmix_drop_path(none, 0.5f));
    expect_poisoned(clmix_add(none, none));
    expect_poisoned(clmix_scale(none, 2.0f));
    expect_poisoned(clmix_matmul(none, none, (clmix_product){ 0 }));
    expect_poisoned(clmix_gather(none, none));
    expect_poisoned(clmix_attention(none, none, none, none, (clmix_attention_options){ .heads = 1 }));
    expect_poisoned(clmix_rotary(none, none, 1, CLMIX_ROTARY_PAIRS));
    expect_poisoned(clmix_dct(none, 2));
    expect_poisoned(clmix_dct_inverse(none, 2));
    expect_poisoned(clmix_dct2(none, 2, 2));
    expect_poisoned(clmix_dct2_inverse(none, 2, 2));
    expect_poisoned(clmix_dct_matrix(NULL, 2, 2));
    expect_poisoned(clmix_fourier_mix(none));
    expect_poisoned(clmix_pseudo_inverse(none, 1, 6, CLMIX_INVERSE_BATCH));
    expect_poisoned(clmix_segment_means(none, 4));
    expect_poisoned(clmix_segment_means_behind(none, 4));
    expect_poisoned(clmix_token_conv_with(nowhere, none, none, 1));
    expect_poisoned(clmix_token_conv(nowhere, none, 1, 3));
    expect_poisoned(clmix_conv1d_with(nowhere, none, none, none, clmix_line(3, 1, 1)));
    expect_poisoned(clmix_conv1d(nowhere, none, 4, clmix_line(3, 1, 1), true));
    expect_poisoned(clmix_performer_features(none, none, 1, (clmix_performer_options){ 0 }));
    expect_poisoned(clmix_linear_attention(none, none, none, 1));
    expect_poisoned(clmix_kernel_attention(none, none, none, none, (clmix_kernel_options){ .heads = 1 }));
    expect_poisoned(clmix_feature_map(none, none, 1, CLMIX_MAP_ELU, false));
    expect_poisoned(clmix_feature_means(none, none, 1, CLMIX_MAP_ELU));
    expect_poisoned(clmix_mask_tokens(none, none));
    expect_poisoned(clmix_multiresolution_attention(none, none, none, none, (clmix_multiresolution_options){ .blocks = 1 }));
    expect_poisoned(clmix_patch_order(none, size, size, false));
    expect_poisoned(clmix_patch_order(none, NULL, size, false));
    expect_poisoned(clmix_patch_order(none, size, NULL, false));
    expect_poisoned(clmix_scale_channels(none, none));
    expect_poisoned(clmix_running_means(none, none));
    expect_poisoned(clmix_token_dots(none, none, 1));
    expect_poisoned(clmix_embed(NULL, 1));
    expect_poisoned(clmix_embed(&(clmix_lookup){ none, none }, 1));
    expect_poisoned(clmix_push_id(none, 1));
    expect_poisoned(clmix_token_numbers(none, 0));
    expect_poisoned(clmix_labelled_places(none, 1, NULL));
    expect_poisoned(clmix_take_tokens(none, none));
    expect_poisoned(clmix_rotary_table(NULL, 4, 4));
    REFUSED(values, clmix_rotary_fill, NULL, (clmix_shape){ 2, { 1, 2 } }, NULL);
    expect_poisoned(clmix_concat(NULL, 2, 0));
    expect_poisoned(clmix_concat(&none, 1, 0));
    expect_poisoned(clmix_slice(none, 0, 0, 1));
    expect_poisoned(clmix_reshape(none, 2, size));
    expect_poisoned(clmix_global_average_pool(none));
    expect_poisoned(clmix_max_pool2d(none, window));
    expect_poisoned(clmix_normalize(none, one, one));
    expect_poisoned(clmix_cross_entropy(none, none, 0.0f, none, none));
    expect_poisoned(clmix_counted(none));
    expect_poisoned(clmix_top_k(none, none, 1, &k));

    POISONED(details, clmix_haar_idwt, x, 1, NULL, 0, 0);
    POISONED(size, clmix_reshape, x, 2, NULL);
    POISONED(mean, clmix_normalize, x, NULL, one);
    POISONED(std, clmix_normalize, x, one, NULL);
    POISONED(k, clmix_top_k, x, x, 1, NULL);
}
END_TEST

/* ---- plan.h ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(plans)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_plan_value value;
    clmix_plan_cost cost;
    clmix_plan *plan = NULL, *other = NULL;
    float data[4];
    const clmix_plan_array array = { "x", data, sizeof data };

    clmix_output(graph, "y", clmix_gelu(clmix_input(graph, "x", CLMIX_F32, 1, (size_t[]){ 4 })));
    REFUSED(plan, clmix_plan_compile, NULL, graph, ops_device, CLMIX_INFERENCE);
    REFUSED(device, clmix_plan_compile, &other, graph, NULL, CLMIX_INFERENCE);
    ck_assert_int_eq(clmix_plan_compile(&other, NULL, ops_device, CLMIX_INFERENCE), CLMIX_ERROR_HOST_MEMORY);
    ck_assert_ptr_null(other);
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_INFERENCE));
    clmix_plan_free(NULL);
    memset(&cost, 1, sizeof cost);
    clmix_plan_costs(NULL, &cost);
    ck_assert_uint_eq(cost.peak_bytes, 0);
    clmix_plan_costs(plan, NULL);
    ck_assert_uint_eq(clmix_plan_value_count(NULL), 0);
    REFUSED(plan, clmix_plan_value_at, NULL, 0, &value);
    REFUSED(value, clmix_plan_value_at, plan, 0, NULL);
    REFUSED(plan, clmix_plan_bind, NULL, "x", NULL, 0);
    REFUSED(name, clmix_plan_bind, plan, NULL, NULL, 0);
    REFUSED(memory, clmix_plan_bind, plan, "x", NULL, 0);
    REFUSED(plan, clmix_plan_bind_arena, NULL, CLMIX_WEIGHTS, NULL);
    ck_assert_int_eq(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, NULL), CLMIX_OK); /* this plan has none */
    REFUSED(plan, clmix_plan_share, NULL, plan);
    REFUSED(other, clmix_plan_share, plan, NULL);
    REFUSED(plan, clmix_plan_prepare, NULL);
    REFUSED(plan, clmix_plan_write, NULL, "x", data, sizeof data);
    REFUSED(name, clmix_plan_write, plan, NULL, data, sizeof data);
    REFUSED(data, clmix_plan_write, plan, "x", NULL, sizeof data);
    REFUSED(plan, clmix_plan_feed, NULL, &array, 1);
    REFUSED(arrays, clmix_plan_feed, plan, NULL, 1);
    REFUSED(name, clmix_plan_feed, plan, &(clmix_plan_array){ NULL, data, sizeof data }, 1);
    REFUSED(data, clmix_plan_feed, plan, &(clmix_plan_array){ "x", NULL, sizeof data }, 1);
    REFUSED(plan, clmix_plan_read, NULL, "y", data, sizeof data);
    REFUSED(name, clmix_plan_read, plan, NULL, data, sizeof data);
    REFUSED(data, clmix_plan_read, plan, "y", NULL, sizeof data);
    REFUSED(plan, clmix_plan_set_step, NULL, 1, 1);
    REFUSED(plan, clmix_plan_set_place, NULL, 0, 1);
    REFUSED(plan, clmix_plan_run, NULL);
    REFUSED(plan, clmix_plan_wait, NULL);
    REFUSED(plan, clmix_plan_find_not_finite, NULL);
    clmix_plan_free(plan);
    clmix_graph_free(graph);
}
END_TEST

/* ---- network.h ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(configurations)
{
    clmix_config *config = NULL;
    clmix_port port;
    size_t count = 1, width = 1;
    double megabytes;
    char *text, table[CLMIX_PRESET_TABLE_BYTES];

    REFUSED(config, clmix_config_open, NULL, TINY);
    ck_assert_int_eq(clmix_config_open(&config, NULL), CLMIX_ERROR_ARGUMENT);
    ops_ok(clmix_config_open(&config, TINY));
    clmix_config_free(NULL);
    REFUSED(config, clmix_config_set, NULL, "dim=8");
    REFUSED(key_and_value, clmix_config_set, config, NULL);
    REFUSED(config, clmix_config_text, NULL, &text);
    REFUSED(json, clmix_config_text, config, NULL);
    ck_assert_str_eq(clmix_config_name(NULL), "");
    ck_assert_ptr_null(clmix_config_weights(NULL));
    clmix_config_picture(NULL, &count, &width, NULL);
    ck_assert(count == 0 && width == 0);
    clmix_config_picture(config, NULL, NULL, NULL);
    ck_assert_uint_eq(clmix_config_classes(NULL), 0);
    ck_assert_uint_eq(clmix_config_vocabulary(NULL), 0);
    ck_assert_uint_eq(clmix_config_longest(NULL), 0);
    ck_assert_int_eq(clmix_config_answer(NULL), CLMIX_ANSWER_CLASSES);
    ck_assert(clmix_preset_name(0) != NULL && clmix_preset_name((size_t)-1) == NULL);
    REFUSED(name, clmix_preset_table, NULL, table);
    REFUSED(text, clmix_preset_table, "wavemix-32", NULL);
    ck_assert_int_eq(clmix_config_port_count(NULL), 0);
    ck_assert(!clmix_config_across(NULL));
    REFUSED(config, clmix_config_port, NULL, 0, &port);
    REFUSED(port, clmix_config_port, config, 0, NULL);
    expect_poisoned(clmix_model(nowhere, &none, NULL));
    expect_poisoned(clmix_model(nowhere, &none, config));
    expect_poisoned(clmix_model(nowhere, NULL, config));
    REFUSED(config, clmix_config_paper_count, NULL, &count, &megabytes);
    REFUSED(parameters, clmix_config_paper_count, config, NULL, &megabytes);
    REFUSED(megabytes, clmix_config_paper_count, config, &count, NULL);
    clmix_config_free(config);
}
END_TEST

START_TEST(networks)
{
    clmix_network *network = NULL, *other = NULL;
    clmix_config *config = NULL;
    clmix_tensor_info info;
    clmix_prediction prediction;
    const float half[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
    unsigned char pictures[16 * 16 * 3] = { 0 };
    const char *const text = "the [MASK] barks";
    clmix_tokenizer *tokenizer = NULL;
    clmix_fill *fills = NULL;
    size_t count;
    float values[16], mean[4], std[4];

    ops_ok(clmix_config_open(&config, TINY));
    REFUSED(network, clmix_network_create, NULL, ops_device, config, 1);
    REFUSED(device, clmix_network_create, &other, NULL, config, 1);
    REFUSED(config, clmix_network_create, &other, ops_device, NULL, 1);
    ops_ok(clmix_network_create(&network, ops_device, config, 1));
    REFUSED(network, clmix_network_load, NULL, ops_device, "model.safetensors");
    REFUSED(device, clmix_network_load, &other, NULL, "model.safetensors");
    REFUSED(path, clmix_network_load, &other, ops_device, NULL);
    clmix_network_free(NULL);
    REFUSED(network, clmix_network_load_weights, NULL, "model.safetensors");
    REFUSED(path, clmix_network_load_weights, network, NULL);
    REFUSED(network, clmix_network_init, NULL, "model.safetensors", NULL);
    REFUSED(path, clmix_network_init, network, NULL, NULL);
    clmix_init_report_clear(NULL);
    REFUSED(network, clmix_network_save, NULL, "model.safetensors");
    REFUSED(path, clmix_network_save, network, NULL);
    ck_assert(clmix_network_config(NULL) == NULL && clmix_network_device(NULL) == NULL);
    REFUSED(network, clmix_network_describe_data, NULL, NULL, half, half);
    REFUSED(mean, clmix_network_describe_data, network, NULL, NULL, half);
    REFUSED(std, clmix_network_describe_data, network, NULL, half, NULL);
    ops_ok(clmix_network_describe_data(network, NULL, half, half));
    ck_assert_str_eq(clmix_network_class_name(NULL, 0), "");
    clmix_network_normalization(NULL, mean, std);
    ck_assert(mean[3] == 0.0f && std[3] == 1.0f);
    clmix_network_normalization(network, NULL, NULL);
    ck_assert(clmix_network_tensor_count(NULL) == 0 && clmix_network_parameter_count(NULL) == 0);
    REFUSED(network, clmix_network_tensor, NULL, 0, &info);
    REFUSED(info, clmix_network_tensor, network, 0, NULL);
    REFUSED(network, clmix_network_read, NULL, "w", values, 16);
    REFUSED(name, clmix_network_read, network, NULL, values, 16);
    REFUSED(values, clmix_network_read, network, "w", NULL, 16);
    REFUSED(network, clmix_network_write, NULL, "w", values, 16);
    REFUSED(name, clmix_network_write, network, NULL, values, 16);
    REFUSED(values, clmix_network_write, network, "w", NULL, 16);
    ck_assert(clmix_network_weights(NULL) == NULL && clmix_network_states(NULL) == NULL);
    REFUSED(network, clmix_network_classify, NULL, pictures, 1, values);
    REFUSED(pictures, clmix_network_classify, network, NULL, 1, values);
    REFUSED(probabilities, clmix_network_classify, network, pictures, 1, NULL);
    REFUSED(network, clmix_network_classify_file, NULL, "a.png", &prediction);
    REFUSED(path, clmix_network_classify_file, network, NULL, &prediction);
    REFUSED(prediction, clmix_network_classify_file, network, "a.png", NULL);
    ops_ok(clmix_tokenizer_open(&tokenizer, "bytes"));
    REFUSED(network, clmix_network_describe_text, NULL, tokenizer);
    REFUSED(tokenizer, clmix_network_describe_text, network, NULL);
    clmix_tokenizer_close(tokenizer);
    ck_assert_ptr_null(clmix_network_tokenizer(NULL));
    REFUSED(network, clmix_network_classify_texts, NULL, &text, NULL, 1, values);
    REFUSED(texts, clmix_network_classify_texts, network, NULL, NULL, 1, values);
    REFUSED(probabilities, clmix_network_classify_texts, network, &text, NULL, 1, NULL);
    REFUSED(network, clmix_network_classify_text, NULL, text, NULL, &prediction);
    REFUSED(text, clmix_network_classify_text, network, NULL, NULL, &prediction);
    REFUSED(prediction, clmix_network_classify_text, network, text, NULL, NULL);
    REFUSED(network, clmix_network_fill_mask, NULL, text, 1, &fills, &count);
    REFUSED(text, clmix_network_fill_mask, network, NULL, 1, &fills, &count);
    REFUSED(fills, clmix_network_fill_mask, network, text, 1, NULL, &count);
    REFUSED(masks, clmix_network_fill_mask, network, text, 1, &fills, NULL);
    ck_assert_ptr_null(other);
    clmix_network_free(network);
    clmix_config_free(config);
}
END_TEST

/* ---- text.h ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(texts)
{
    const char *const vocabulary = "wordpiece\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";
    clmix_tokenizer *tokenizer = NULL, *other = NULL;
    clmix_tokens tokens = { 0 };
    clmix_words *words = NULL;
    char *text = NULL;

    REFUSED(tokenizer, clmix_tokenizer_open, NULL, "bytes");
    REFUSED(spec, clmix_tokenizer_open, &other, NULL);
    REFUSED(tokenizer, clmix_tokenizer_read, NULL, vocabulary);
    REFUSED(text, clmix_tokenizer_read, &other, NULL);
    ops_ok(clmix_tokenizer_read(&tokenizer, vocabulary));
    REFUSED(tokenizer, clmix_tokenizer_write, NULL, &text);
    REFUSED(text, clmix_tokenizer_write, tokenizer, NULL);
    ck_assert_str_eq(clmix_tokenizer_kind_name(NULL), "");
    ck_assert_uint_eq(clmix_tokenizer_size(NULL), 0);
    ck_assert_int_eq(clmix_tokenizer_special(NULL, CLMIX_MASK), CLMIX_NO_TOKEN);
    ck_assert_ptr_null(clmix_tokenizer_token(NULL, 0));
    ck_assert_int_eq(clmix_tokenizer_find(NULL, "a"), CLMIX_NO_TOKEN);
    ck_assert_int_eq(clmix_tokenizer_find(tokenizer, NULL), CLMIX_NO_TOKEN);
    REFUSED(tokenizer, clmix_tokenizer_encode, NULL, "a", 1, NULL, 0, NULL, &tokens);
    REFUSED(text, clmix_tokenizer_encode, tokenizer, NULL, 1, NULL, 0, NULL, &tokens);
    REFUSED(tokens, clmix_tokenizer_encode, tokenizer, "a", 1, NULL, 0, NULL, NULL);
    ops_ok(clmix_tokenizer_encode(tokenizer, NULL, 0, NULL, 0, NULL, &tokens));
    REFUSED(tokenizer, clmix_tokenizer_decode, NULL, tokens.ids, 2, false, &text, NULL);
    REFUSED(ids, clmix_tokenizer_decode, tokenizer, NULL, 2, false, &text, NULL);
    REFUSED(text, clmix_tokenizer_decode, tokenizer, tokens.ids, 2, false, NULL, NULL);
    ops_ok(clmix_tokenizer_decode(tokenizer, NULL, 0, false, &text, NULL));
    clmix_free(text);
    clmix_tokens_clear(&tokens);
    clmix_tokens_clear(NULL);
    clmix_tokenizer_close(tokenizer);
    clmix_tokenizer_close(NULL);
    ck_assert_uint_eq(clmix_skips_count(NULL), 0);
    REFUSED(words, clmix_words_new, NULL, false);
    ops_ok(clmix_words_new(&words, false));
    REFUSED(words, clmix_words_add, NULL, "a", 1);
    REFUSED(text, clmix_words_add, words, NULL, 1);
    ops_ok(clmix_words_add(words, NULL, 0));
    REFUSED(words, clmix_words_add_file, NULL, "x", NULL);
    REFUSED(path, clmix_words_add_file, words, NULL, NULL);
    ck_assert_uint_eq(clmix_words_count(NULL), 0);
    REFUSED(words, clmix_words_vocabulary, NULL, NULL, &text);
    REFUSED(text, clmix_words_vocabulary, words, NULL, NULL);
    clmix_words_free(words);
    clmix_words_free(NULL);
}
END_TEST

/* ---- data.h ------------------------------------------------------------------------------------------------------------------------- */

START_TEST(data)
{
    clmix_dataset *dataset = NULL, *other = NULL;
    clmix_loader *loader = NULL;
    const clmix_samples samples = { 0 };
    const clmix_sample_source source = { 0 };
    clmix_data_check check;
    clmix_batch batch;
    unsigned char picture[16 * 16 * 3];
    size_t count = 1;
    float mean[4];
    int32_t label;
    void *arrays[] = { picture, &label };

    REFUSED(dataset, clmix_dataset_open, NULL, "shapes", NULL, 0);
    REFUSED(spec, clmix_dataset_open, &other, NULL, NULL, 0);
    ck_assert_int_eq(clmix_dataset_open(&other, "shapes", NULL, 1), CLMIX_ERROR_ARGUMENT);
    REFUSED(dataset, clmix_dataset_open_text, NULL, "shapes", NULL, 0, NULL);
    REFUSED(spec, clmix_dataset_open_text, &other, NULL, NULL, 0, NULL);
    ck_assert(clmix_dataset_tokenizer(NULL) == NULL && clmix_dataset_reading(NULL, CLMIX_TRAIN) == NULL && clmix_dataset_ids(NULL) == 0);
    ops_ok(clmix_dataset_open(&dataset, "shapes:size=16,train=4,test=4", NULL, 0));
    clmix_dataset_close(NULL);
    ck_assert(clmix_dataset_count(NULL, CLMIX_TRAIN) == 0 && clmix_dataset_classes(NULL) == 0);
    ck_assert_ptr_null(clmix_dataset_class_name(NULL, 0));
    ck_assert(clmix_dataset_ports(NULL, &count) == NULL && count == 0);
    ck_assert_ptr_nonnull(clmix_dataset_ports(dataset, NULL));
    clmix_dataset_normalization(NULL, mean, NULL);
    ck_assert_float_eq(mean[0], 0.5f);
    clmix_dataset_normalization(dataset, NULL, NULL);
    REFUSED(dataset, clmix_dataset_normalize, NULL, mean, mean);
    REFUSED(mean, clmix_dataset_normalize, dataset, NULL, mean);
    REFUSED(std, clmix_dataset_normalize, dataset, mean, NULL);
    REFUSED(dataset, clmix_dataset_get, NULL, CLMIX_TRAIN, 0, arrays);
    REFUSED(arrays, clmix_dataset_get, dataset, CLMIX_TRAIN, 0, NULL);
    for (int i = 0; i < 2; i++) {
        void *some[2] = { arrays[0], arrays[1] };

        some[i] = NULL;
        ck_assert_int_eq(clmix_dataset_get(dataset, CLMIX_TRAIN, 0, some), CLMIX_ERROR_ARGUMENT);
        ck_assert_msg(strstr(clmix_error(), i == 0 ? "'pictures' is NULL" : "'labels' is NULL") != NULL, "%s", clmix_error());
    }
    ops_ok(clmix_dataset_get(dataset, CLMIX_TRAIN, 0, arrays));
    REFUSED(dataset, clmix_dataset_check, NULL, CLMIX_TRAIN, 1.0, NULL, NULL, &check);
    REFUSED(check, clmix_dataset_check, dataset, CLMIX_TRAIN, 1.0, NULL, NULL, NULL);
    REFUSED(dataset, clmix_dataset_from_arrays, NULL, &samples, NULL, NULL);
    REFUSED(samples, clmix_dataset_from_arrays, &other, NULL, NULL, NULL);
    REFUSED(dataset, clmix_dataset_from_source, NULL, &samples, &source);
    REFUSED(samples, clmix_dataset_from_source, &other, NULL, &source);
    REFUSED(source, clmix_dataset_from_source, &other, &samples, NULL);
    ck_assert_int_eq(clmix_dataset_from_source(&other, &samples, &source), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "without a function `get`") != NULL, "%s", clmix_error());
    ck_assert_ptr_null(other);
    REFUSED(loader, clmix_loader_open, NULL, dataset, CLMIX_TRAIN, 2, NULL);
    REFUSED(dataset, clmix_loader_open, &loader, NULL, CLMIX_TRAIN, 2, NULL);
    ops_ok(clmix_loader_open(&loader, dataset, CLMIX_TRAIN, 2, NULL));
    REFUSED(loader, clmix_loader_next, NULL, &batch);
    REFUSED(batch, clmix_loader_next, loader, NULL);
    ck_assert(clmix_loader_ready(NULL, 1.0));
    ck_assert_uint_eq(clmix_loader_batches(NULL), 0);
    ck_assert(clmix_loader_ports(NULL, &count) == NULL && count == 0);
    ck_assert_ptr_nonnull(clmix_loader_ports(loader, NULL));
    ops_ok(clmix_loader_next(loader, &batch));
    ck_assert_ptr_null(clmix_batch_array(NULL, "labels"));
    ck_assert_ptr_null(clmix_batch_array(&batch, NULL));
    ck_assert_ptr_nonnull(clmix_batch_array(&batch, "labels"));
    clmix_loader_close(NULL);
    clmix_loader_close(loader);
    clmix_dataset_close(dataset);
}
END_TEST

/* ---- train.h ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(training)
{
    const clmix_train_options defaults = clmix_train_defaults();
    clmix_network *network = NULL;
    clmix_trainer *trainer = NULL, *other = NULL;
    clmix_config *config = NULL;
    clmix_dataset *dataset = NULL;
    clmix_run_info info;
    clmix_epoch epoch = { 0 };
    clmix_score score;
    clmix_plan_cost cost;
    unsigned char pictures[16 * 16 * 3] = { 0 };
    int32_t label = 0;
    const void *const arrays[] = { pictures, &label };
    clmix_port port;
    size_t bytes = 1, usual;
    char *line;

    ops_ok(clmix_config_open(&config, TINY));
    ops_ok(clmix_network_create(&network, ops_device, config, 1));
    ops_ok(clmix_dataset_open(&dataset, "shapes:size=16,train=4,test=4", NULL, 0));
    ck_assert_float_eq(clmix_schedule_rate(NULL, 0, 1), 0.0f);
    ck_assert_float_eq(clmix_schedule_beta1(NULL, 0, 1), 0.0f);
    REFUSED(device, clmix_train_cost_of_data, NULL, config, dataset, NULL, &cost, &bytes, NULL);
    REFUSED(config, clmix_train_cost_of_data, ops_device, NULL, dataset, NULL, &cost, &bytes, NULL);
    REFUSED(data, clmix_train_cost_of_data, ops_device, config, NULL, NULL, &cost, &bytes, NULL);
    ck_assert(!clmix_config_padding_matters(NULL));
    REFUSED(trainer, clmix_trainer_create, NULL, network, NULL, NULL);
    REFUSED(network, clmix_trainer_create, &other, NULL, NULL, NULL);
    ops_ok(clmix_trainer_create(&trainer, network, NULL, NULL));
    REFUSED(trainer, clmix_trainer_prepare, NULL);
    clmix_trainer_free(NULL);
    clmix_trainer_cost(NULL, &cost, &bytes);
    ck_assert(bytes == 0 && cost.peak_bytes == 0);
    clmix_trainer_cost(trainer, NULL, NULL);
    REFUSED(device, clmix_train_cost, NULL, config, 0, 0, &defaults, &cost, &bytes);
    REFUSED(config, clmix_train_cost, ops_device, NULL, 0, 0, &defaults, &cost, &bytes);
    ops_ok(clmix_train_cost(ops_device, config, 0, 0, &defaults, NULL, &usual));
    ops_ok(clmix_train_cost(ops_device, config, 0, 0, NULL, NULL, &bytes));
    ck_assert_uint_eq(bytes, usual);
    ops_ok(clmix_train_cost(ops_device, config, 0, 0, NULL, &cost, NULL));
    REFUSED(trainer, clmix_trainer_name_data, NULL, "shapes");
    REFUSED(spec, clmix_trainer_name_data, trainer, NULL);
    ck_assert_int_eq(clmix_trainer_port_count(NULL), 0);
    REFUSED(trainer, clmix_trainer_port, NULL, 0, &port);
    REFUSED(port, clmix_trainer_port, trainer, 0, NULL);
    REFUSED(trainer, clmix_trainer_step_arrays, NULL, 1, arrays, NULL);
    REFUSED(arrays, clmix_trainer_step_arrays, trainer, 1, NULL, NULL);
    REFUSED(trainer, clmix_trainer_step, NULL, pictures, &label, 1, NULL);
    REFUSED(pictures, clmix_trainer_step, trainer, NULL, &label, 1, NULL);
    REFUSED(labels, clmix_trainer_step, trainer, pictures, NULL, 1, NULL);
    REFUSED(epoch, clmix_epoch_line, NULL, &line);
    REFUSED(json, clmix_epoch_line, &epoch, NULL);
    ck_assert(!clmix_epoch_diverged(NULL, 10));
    REFUSED(trainer, clmix_train, NULL, "run", false, NULL);
    REFUSED(folder, clmix_train, trainer, NULL, false, NULL);
    REFUSED(folder, clmix_run_inspect, NULL, &info);
    REFUSED(info, clmix_run_inspect, "run", NULL);
    clmix_run_info_clear(NULL);
    REFUSED(network, clmix_evaluate, NULL, dataset, CLMIX_TEST, 2, &score);
    REFUSED(data, clmix_evaluate, network, NULL, CLMIX_TEST, 2, &score);
    REFUSED(score, clmix_evaluate, network, dataset, CLMIX_TEST, 2, NULL);
    ck_assert_ptr_null(other);
    clmix_trainer_free(trainer);
    clmix_dataset_close(dataset);
    clmix_network_free(network);
    clmix_config_free(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("null");
    TCase *tests = tcase_create("null");

    tcase_set_timeout(tests, 300);
    tcase_add_unchecked_fixture(tests, ops_open, ops_close);
    tcase_add_test(tests, devices);
    tcase_add_test(tests, a_cache_is_cleared_without_places);
    tcase_add_test(tests, graphs);
    tcase_add_test(tests, ops);
    tcase_add_test(tests, plans);
    tcase_add_test(tests, configurations);
    tcase_add_test(tests, networks);
    tcase_add_test(tests, texts);
    tcase_add_test(tests, data);
    tcase_add_test(tests, training);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
