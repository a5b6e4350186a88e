/* What people hand over as a model's weights: values that are no numbers, files of other programs, folders, other numbers of classes. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_tool.h"

#define TINY                                                                                                                          \
    "{\"model\":\"wavemix\",\"image_size\":[16,16],\"channels\":3,\"classes\":10,\"dim\":8,\"depth\":2,\"mult_dim\":10,\"ff_dim\":6," \
    "\"levels\":3,\"level_channels\":[4,3,1]}"
#define PIXELS   (16 * 16 * 3)
#define CLASSES  10
#define PICTURES CLMIX_TEST_DATA "/pictures"

static clmix_device *device;
static char folder[512];

static void begin(void)
{
    ck_assert_msg(clmix_device_open(&device, NULL) == CLMIX_OK, "%s", clmix_error());
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void end(void)
{
    remove_folder(folder);
    clmix_device_close(device);
    device = NULL;
}

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* The call failed with this status, and its sentence has this part. */
static void fails(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "%s instead of %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' lacks '%s'", clmix_error(), part);
}

static clmix_network *network_from(const char *model, const char *setting, uint64_t seed)
{
    clmix_config *config;
    clmix_network *network;

    ok(clmix_config_open(&config, model));
    if (setting)
        ok(clmix_config_set(config, setting));
    ok(clmix_network_create(&network, device, config, seed));
    clmix_config_free(config);
    return network;
}

static clmix_network *network_of(const char *setting, uint64_t seed)
{
    return network_from(TINY, setting, seed);
}

/* ---- values that are no numbers ------------------------------------------------------------------------------------------------------ */

/* What a value of one tensor does to everything that predictions. */
static const struct {
    const char *tensor;
    float value;
    const char *sentence;
} damages[] = {
    { "layers.0.0.ff2.bias", NAN, "layers.0.0.ff2.bias was NaN before the run (element 1)" },
    { "layers.1.0.feedforward.0.bias", INFINITY, "layers.1.0.feedforward.0.bias was infinite before the run (element 1)" },
    { "mlp_head.bias", -INFINITY, "mlp_head.bias was infinite before the run (element 1)" }, /* would be a probability of 0 */
    { "conv.1.bias", 3e38f, "from finite values" },
};

START_TEST(no_answer_comes_of_weights_that_are_no_numbers)
{
    clmix_network *network = network_of(NULL, 1);
    clmix_dataset *data;
    clmix_prediction prediction;
    clmix_score score;
    clmix_tensor_info info = { .name = "" };
    uint8_t pictures[2 * PIXELS];
    float good[16], bad[16], before[2 * CLASSES], after[2 * CLASSES];
    size_t count = 0;

    for (size_t i = 0; i < sizeof pictures; i++)
        pictures[i] = (uint8_t)(i * 37 % 251);
    for (size_t i = 0; strcmp(info.name, damages[_i].tensor) != 0; i++)
        ok(clmix_network_tensor(network, i, &info));
    count = clmix_shape_count(info.file_shape);
    ck_assert_uint_le(count, 16);
    ok(clmix_network_read(network, info.name, good, count));
    memcpy(bad, good, sizeof good);
    for (size_t i = 0; i < count; i++)
        bad[i] = i == 1 || damages[_i].value == 3e38f ? damages[_i].value : bad[i];
    ok(open_pictures(&data, "shapes:size=16,train=4,test=7", 16, 16, 3));

    ok(clmix_network_classify(network, pictures, 2, before));
    ok(clmix_network_write(network, info.name, bad, count));
    fails(clmix_network_classify(network, pictures, 2, after), CLMIX_ERROR_NOT_FINITE, damages[_i].sentence);
    fails(clmix_network_classify_file(network, PICTURES "/rgb.png", &prediction), CLMIX_ERROR_NOT_FINITE, damages[_i].sentence);
    fails(clmix_evaluate(network, data, CLMIX_TEST, 4, &score), CLMIX_ERROR_NOT_FINITE, damages[_i].sentence);
    ok(clmix_network_write(network, info.name, good, count));
    ok(clmix_network_classify(network, pictures, 2, after));
    ck_assert_mem_eq(before, after, sizeof before);
    ok(clmix_evaluate(network, data, CLMIX_TEST, 4, &score));
    clmix_dataset_close(data);
    clmix_network_free(network);
}
END_TEST

/* ---- files of others ----------------------------------------------------------------------------------------------------------------- */

static void path_in(char path[600], const char *name)
{
    snprintf(path, 600, "%s/%s", folder, name);
}

static void write_bytes(const char *path, const void *data, size_t bytes)
{
    FILE *stream = fopen(path, "wb");

    ck_assert(stream && fwrite(data, 1, bytes, stream) == bytes && fclose(stream) == 0);
}

enum { MOST = 64 };

/* The network's tensors as PyTorch has them, every name behind `wrapper`: how many. */
static size_t collect(clmix_network *network, const char *wrapper, clmix_stored_tensor *tensors)
{
    size_t count = clmix_network_tensor_count(network);

    ck_assert_uint_lt(count + 2, MOST); /* room for two more */
    for (size_t i = 0; i < count; i++) {
        clmix_tensor_info info;
        char *name = malloc(200);
        ok(clmix_network_tensor(network, i, &info));
        size_t values = clmix_shape_count(info.file_shape);
        float *data = malloc(values * sizeof *data);
        ck_assert(name && data);
        ok(clmix_network_read(network, info.name, data, values));
        snprintf(name, 200, "%s%s", wrapper, info.name);
        tensors[i] = (clmix_stored_tensor){ .name = name, .type = CLMIX_STORED_F32, .rank = info.file_shape.rank, .data = data };
        memcpy(tensors[i].size, info.file_shape.size, (size_t)info.file_shape.rank * sizeof *tensors[i].size);
    }
    return count;
}

static void release(clmix_stored_tensor *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)tensors[i].name);
        free((void *)tensors[i].data);
    }
}

/* With `pairs` of metadata. */
static void save_as_torch(clmix_network *network, const char *path, const char *wrapper, const char *const *metadata, size_t pairs)
{
    clmix_stored_tensor tensors[MOST];
    size_t count = collect(network, wrapper, tensors);

    ok(clmix_safetensors_write(path, tensors, count, metadata, pairs));
    release(tensors, count);
}

static void classify(clmix_network *network, float predictions[CLASSES])
{
    uint8_t picture[PIXELS];

    for (size_t i = 0; i < sizeof picture; i++)
        picture[i] = (uint8_t)(i * 37 % 251);
    ok(clmix_network_classify(network, picture, 1, predictions));
}

static const char *const wrappers[] = { "", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module." };

START_TEST(what_pytorch_put_before_the_names_is_taken_off)
{
    clmix_network *network = network_of(NULL, 2), *back = network_of(NULL, 3);
    float before[CLASSES], after[CLASSES];
    char path[600];

    path_in(path, "wrapped.safetensors");
    classify(network, before);
    save_as_torch(network, path, wrappers[_i], NULL, 0);
    ok(clmix_network_load_weights(back, path));
    classify(back, after);
    ck_assert_mem_eq(before, after, sizeof before);
    clmix_network_free(network);
    clmix_network_free(back);
}
END_TEST

START_TEST(a_name_with_and_without_wrapper_is_refused)
{
    static const float one = 1.0f;
    const clmix_stored_tensor tensors[] = { { .name = "conv.0.bias", .rank = 1, .size = { 1 }, .data = &one },
                                            { .name = "module.conv.0.bias", .rank = 1, .size = { 1 }, .data = &one } };
    clmix_network *network = network_of(NULL, 2);
    char path[600];

    path_in(path, "twice.safetensors");
    ok(clmix_safetensors_write(path, tensors, 2, NULL, 0));
    fails(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT, "'conv.0.bias' twice");
    clmix_network_free(network);
}
END_TEST

/* ---- what a state_dict has twice ------------------------------------------------------------------------------------------------------ */

#define TOKENS "\"vocab\":12,\"max_len\":6,\"dim\":8,\"depth\":1,\"heads\":2,\"mlp_dim\":8,\"head\":\"mlm\""

static const struct {
    const char *model, *name, *again;
} ties[] = {
    { "{\"model\":\"bert\"," TOKENS "}", "backbone.embedding_layer.word_embeddings.weight", "mlm_head.mlm_class.weight" },
    { "{\"model\":\"bert\",\"mlm_bias\":true," TOKENS "}", "mlm_head.bias", "mlm_head.mlm_class.bias" },
    { "{\"model\":\"roberta\"," TOKENS "}", "lm_head.bias", "lm_head.decoder.bias" },
};

static size_t place_of(const clmix_stored_tensor *tensors, const char *name)
{
    size_t at = 0;

    while (strcmp(tensors[at].name, name) != 0)
        at++;
    return at;
}

START_TEST(a_tied_tensor_may_be_stored_under_both_names)
{
    clmix_network *network = network_from(ties[_i].model, NULL, 2), *back = network_from(ties[_i].model, NULL, 3);
    static const int64_t positions[6] = { 0, 1, 2, 3, 4, 5 };
    clmix_stored_tensor tensors[MOST] = {
        { .name = "backbone.embedding_layer.position_ids", .type = CLMIX_STORED_I64, .rank = 2, .size = { 1, 6 }, .data = positions }
    };
    float one[12 * 8], other[12 * 8];
    size_t count, first, values = strstr(ties[_i].name, "bias") ? 12 : 12 * 8;
    const char *name;
    clmix_init_report report;
    char path[600];

    for (size_t i = 0; i < 12 * 8; i++)
        one[i] = 0.5f + (float)i;
    path_in(path, "tied.safetensors");
    ok(clmix_network_write(network, ties[_i].name, one, values));
    count = 1 + collect(network, "", tensors + 1);
    first = place_of(tensors, ties[_i].name);
    tensors[count] = tensors[first];
    tensors[count].name = ties[_i].again;

    /* both, as a state_dict has them */
    ok(clmix_safetensors_write(path, tensors, count + 1, NULL, 0));
    ok(clmix_network_load_weights(back, path));
    ok(clmix_network_read(back, ties[_i].name, other, values));
    ck_assert_mem_eq(one, other, values * sizeof *one);
    ok(clmix_network_init(back, path, &report));
    ck_assert(report.unused == 0 && report.fresh == 0);
    clmix_init_report_clear(&report);

    /* the second alone */
    clmix_network_free(back);
    back = network_from(ties[_i].model, NULL, 3);
    name = tensors[first].name;
    tensors[first].name = ties[_i].again;
    ok(clmix_safetensors_write(path, tensors, count, NULL, 0));
    tensors[first].name = name;
    ok(clmix_network_load_weights(back, path));
    ok(clmix_network_read(back, ties[_i].name, other, values));
    ck_assert_mem_eq(one, other, values * sizeof *one);

    /* two that differ are no weights of this model */
    other[values - 1] += 1;
    tensors[count].data = other;
    ok(clmix_safetensors_write(path, tensors, count + 1, NULL, 0));
    fails(clmix_network_load_weights(back, path), CLMIX_ERROR_FORMAT, ties[_i].again);
    fails(clmix_network_init(back, path, NULL), CLMIX_ERROR_FORMAT, "are one tensor");
    release(tensors + 1, count - 1);
    clmix_network_free(network);
    clmix_network_free(back);
}
END_TEST

/* Both ways to a model say the same. */
static void no_model(const char *path, clmix_status status, const char *part)
{
    clmix_config *config;
    clmix_network *network;

    fails(clmix_config_open(&config, path), status, part);
    fails(clmix_network_load(&network, device, path), status, part);
    ck_assert(!config && !network);
}

START_TEST(files_that_are_no_models_are_told_apart)
{
    static const struct {
        const char *name, *content;
        size_t bytes;
        const char *part;
    } files[] = {
        { "model.pt", "PK\003\004\0\0\010\010\0\0\0\0", 12, "PyTorch's .pt and .pth are; convert it with: python3" },
        { "old.pth", "\x80\002\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8", 12, "convert it with: python3" },
        { "README.md", "# A model\n\nWeights are elsewhere.\n", 34, "not a safetensors file: it looks like a text" },
        { "model.safetensors", "# A model\n\nWeights are elsewhere.\n", 34, "not a safetensors file: it looks like a text" },
        { "passwd", "root:x:0:0:root:/root:/bin/bash\n", 32, "it looks like a text" },
    };
    char path[600];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_in(path, files[i].name);
        write_bytes(path, files[i].content, files[i].bytes);
        no_model(path, CLMIX_ERROR_FORMAT, files[i].part);
        remove(path);
    }
}
END_TEST

START_TEST(json_is_known_without_its_ending)
{
    clmix_config *config;
    char path[600];

    path_in(path, "tiny.conf");
    write_bytes(path, "\n " TINY, sizeof TINY + 1);
    ok(clmix_config_open(&config, path));
    ck_assert_uint_eq(clmix_config_classes(config), CLASSES);
    ck_assert_ptr_null(clmix_config_weights(config));
    clmix_config_free(config);
}
END_TEST

START_TEST(a_runs_folder_stands_for_its_model)
{
    clmix_network *network = network_of(NULL, 4), *back;
    clmix_config *config;
    float before[CLASSES], after[CLASSES];
    char path[600];

    no_model(folder, CLMIX_ERROR_FILE, "has no model.safetensors;");
    path_in(path, "checkpoint.safetensors");
    write_bytes(path, "", 0);
    no_model(folder, CLMIX_ERROR_FILE, "has no model.safetensors yet: its run has a checkpoint");
    remove(path);
    path_in(path, "model.safetensors");
    ok(clmix_network_save(network, path));
    classify(network, before);
    ok(clmix_network_load(&back, device, folder));
    classify(back, after);
    ck_assert_mem_eq(before, after, sizeof before);
    ok(clmix_config_open(&config, folder));
    ck_assert_str_eq(clmix_config_weights(config), path);
    ok(clmix_network_load_weights(back, folder));
    remove(path);
    clmix_config_free(config);
    clmix_network_free(network);
    clmix_network_free(back);
}
END_TEST

START_TEST(a_checkpoint_names_its_model)
{
    clmix_train_options options = clmix_train_defaults();
    clmix_network *network = network_of(NULL, 5), *back;
    clmix_trainer *trainer;
    clmix_dataset *data;
    char path[600], part[700];

    options.batch = options.steps = 2;
    options.epochs = 1;
    ok(open_pictures(&data, "shapes:size=16,train=4,test=2", 16, 16, 3));
    ok(clmix_trainer_create(&trainer, network, data, &options));
    path_in(path, "run");
    ok(clmix_train(trainer, path, false, NULL));
    path_in(path, "run/checkpoint.safetensors");
    snprintf(part, sizeof part, "is the checkpoint of a training run, to resume it; the model of that run is '%s/run/model.safetensors'",
             folder);
    fails(clmix_network_load(&back, device, path), CLMIX_ERROR_FORMAT, part);
    fails(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT, part);
    path_in(path, "run");
    ok(clmix_network_load(&back, device, path));
    clmix_network_free(back);
    clmix_trainer_free(trainer);
    clmix_dataset_close(data);
    clmix_network_free(network);
}
END_TEST

START_TEST(metadata_that_is_no_json_is_named)
{
    static const char *const metadata[] = { "config", TINY, "classes", "[\"ant\"," };
    clmix_network *network = network_of(NULL, 6);
    float before[CLASSES], after[CLASSES];
    char path[600];

    path_in(path, "metadata.safetensors");
    save_as_torch(network, path, "", metadata, 2);
    clmix_network_free(network);
    fails(clmix_network_load(&network, device, path), CLMIX_ERROR_FORMAT, "metadata.safetensors (metadata classes)', line 1, column");
    network = network_of(NULL, 7);
    classify(network, before);
    fails(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT, "(metadata classes)");
    classify(network, after);
    ck_assert_mem_eq(before, after, sizeof before);
    clmix_network_free(network);
}
END_TEST

/* ---- beginnings ---------------------------------------------------------------------------------------------------------------------- */

static bool is_listed(char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static void same_tensor(clmix_network *a, clmix_network *b, const char *name, bool same)
{
    float of_a[400], of_b[400];
    clmix_tensor_info info = { .name = "" };

    for (size_t i = 0; strcmp(info.name, name) != 0; i++)
        ok(clmix_network_tensor(a, i, &info));
    size_t count = clmix_shape_count(info.file_shape);
    ck_assert_uint_le(count, 400);
    ok(clmix_network_read(a, name, of_a, count));
    ok(clmix_network_read(b, name, of_b, count));
    ck_assert_msg((memcmp(of_a, of_b, count * sizeof(float)) == 0) == same, "%s is %s", name, same ? "another" : "the same");
}

START_TEST(what_fits_is_taken_over_and_the_head_stays_fresh)
{
    clmix_network *trained = network_of(NULL, 7), *network = network_of("classes=3", 8), *fresh = network_of("classes=3", 8);
    clmix_init_report report;
    char path[600];

    path_in(path, "trained.safetensors");
    ok(clmix_network_save(trained, path));
    ok(clmix_network_init(network, path, &report));
    ck_assert_uint_eq(report.fresh, 2);
    ck_assert_uint_eq(report.unused, 2);
    ck_assert_uint_eq(report.taken, clmix_network_tensor_count(network) - 2);
    ck_assert(is_listed(report.fresh_names, "mlp_head.weight") && is_listed(report.fresh_names, "mlp_head.bias"));
    ck_assert(is_listed(report.unused_names, "mlp_head.weight") && !is_listed(report.taken_names, "mlp_head.weight"));
    ck_assert(is_listed(report.taken_names, "conv.0.weight") && is_listed(report.taken_names, "layers.1.0.ff3.bias"));
    same_tensor(network, trained, "conv.1.weight", true);
    same_tensor(network, trained, "layers.1.0.feedforward.0.weight", true);
    same_tensor(network, fresh, "mlp_head.weight", true);
    same_tensor(network, fresh, "conv.1.weight", false);
    clmix_init_report_clear(&report);
    ok(clmix_network_init(network, path, NULL));

    clmix_network_free(trained);
    trained = network_of(NULL, 9);
    save_as_torch(trained, path, "other.", NULL, 0);
    fails(clmix_network_init(network, path, &report), CLMIX_ERROR_FORMAT, "nothing in '");
    clmix_network_free(trained);
    clmix_network_free(network);
    clmix_network_free(fresh);
}
END_TEST

/* A model for larger pictures has more tokens: of tables with a row each the first are taken, Linformer's projection begins afresh. */
START_TEST(tables_of_another_length)
{
    static const char *const kerformer =
        "{\"model\":\"vit\",\"image_size\":[8,8],\"channels\":3,\"classes\":3,\"stem\":\"patch\",\"patch_size\":4,"
        "\"dim\":8,\"depth\":1,\"heads\":2,\"head_dim\":4,\"mlp_dim\":8,\"mixer\":{\"kind\":\"kerformer\"},"
        "\"position\":\"learned\",\"pool\":\"cls\"}";
    clmix_network *trained = network_from(kerformer, NULL, 7), *network = network_from(kerformer, "image_size=[12,12]", 8),
                  *fresh = network_from(kerformer, "image_size=[12,12]", 8), *smaller;
    const char *table = "transformer.layers.0.0.fn.mixer.se.fc2.bias";
    float rows[10], before[10], taken[10];
    clmix_init_report report;
    char path[600];

    path_in(path, "trained.safetensors");
    ok(clmix_network_save(trained, path));
    ok(clmix_network_init(network, path, &report));
    ck_assert_uint_eq(report.partly, 2);
    ck_assert(is_listed(report.partly_names, table) && is_listed(report.taken_names, table) && !is_listed(report.fresh_names, table));
    ck_assert(!is_listed(report.unused_names, table));
    ok(clmix_network_read(trained, table, rows, 5)); /* four patches and the class token */
    ok(clmix_network_read(fresh, table, before, 10));
    ok(clmix_network_read(network, table, taken, 10));
    ck_assert(memcmp(taken, rows, 5 * sizeof *rows) == 0 && memcmp(taken + 5, before + 5, 5 * sizeof *before) == 0);
    clmix_init_report_clear(&report);
    /* and back: fewer rows than the file has */
    path_in(path, "larger.safetensors");
    ok(clmix_network_save(fresh, path));
    smaller = network_from(kerformer, NULL, 9);
    ok(clmix_network_init(smaller, path, &report));
    ok(clmix_network_read(smaller, table, rows, 5));
    ck_assert(report.partly == 2 && memcmp(rows, before, 5 * sizeof *rows) == 0);
    clmix_init_report_clear(&report);
    clmix_network_free(trained);
    clmix_network_free(network);
    clmix_network_free(fresh);
    clmix_network_free(smaller);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("files of weights");
    TCase *values = tcase_create("values"), *files = tcase_create("files");

    tcase_set_timeout(files, 300);
    tcase_add_unchecked_fixture(files, begin, end);
    tcase_add_loop_test(files, what_pytorch_put_before_the_names_is_taken_off, 0, (int)(sizeof wrappers / sizeof *wrappers));
    tcase_add_test(files, a_name_with_and_without_wrapper_is_refused);
    tcase_add_loop_test(files, a_tied_tensor_may_be_stored_under_both_names, 0, (int)(sizeof ties / sizeof *ties));
    tcase_add_test(files, files_that_are_no_models_are_told_apart);
    tcase_add_test(files, json_is_known_without_its_ending);
    tcase_add_test(files, a_runs_folder_stands_for_its_model);
    tcase_add_test(files, a_checkpoint_names_its_model);
    tcase_add_test(files, metadata_that_is_no_json_is_named);
    tcase_add_test(files, what_fits_is_taken_over_and_the_head_stays_fresh);
    tcase_add_test(files, tables_of_another_length);
    suite_add_tcase(suite, files);

    tcase_set_timeout(values, 300);
    tcase_add_unchecked_fixture(values, begin, end);
    tcase_add_loop_test(values, no_answer_comes_of_weights_that_are_no_numbers, 0, (int)(sizeof damages / sizeof *damages));
    suite_add_tcase(suite, values);
    return support_run(suite);
}
