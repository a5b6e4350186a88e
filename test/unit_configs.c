/* Configurations: presets and the papers' counting rule, what is refused, defaults, overrides, ports. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "network/mixing.h"
#include "network/presets.h"
#include "support_suite.h"

#define TINY                                                                                                                         \
    "{\"model\":\"wavemix\",\"image_size\":[24,16],\"channels\":3,\"classes\":5,\"dim\":8,\"depth\":2,\"mult_dim\":10,\"ff_dim\":6," \
    "\"levels\":3,\"level_channels\":[4,3,1]}"

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* ---- presets ------------------------------------------------------------------------------------------------------------------------ */

/* A row over those that it is like. */
static const struct {
    const char *name, *config;
} presets[] = {
    { "wavemix-16",
      "{\"model\":\"wavemix\",\"image_size\":[32,32],\"channels\":3,\"classes\":10,\"dim\":16,\"depth\":4,\"mult_dim\":32,\"ff_dim\":16,"
      "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[4,4,4,4],\"stem_stride\":1,\"dropout\":0}" },
    { "wavemix-32",
      "{\"model\":\"wavemix\",\"image_size\":[32,32],\"channels\":3,\"classes\":10,\"dim\":32,\"depth\":4,\"mult_dim\":32,\"ff_dim\":32,"
      "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[8,8,8,8],\"stem_stride\":1,\"dropout\":0}" },
    { "wavemix-64",
      "{\"model\":\"wavemix\",\"image_size\":[32,32],\"channels\":3,\"classes\":10,\"dim\":64,\"depth\":4,\"mult_dim\":64,\"ff_dim\":64,"
      "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[16,16,16,16],\"stem_stride\":1,\"dropout\":0}" },
    { "wavemix-128",
      "{\"model\":\"wavemix\",\"image_size\":[32,32],\"channels\":3,\"classes\":10,\"dim\":128,\"depth\":4,\"mult_dim\":128,\"ff_dim\":128,"
      "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[32,32,32,32],\"stem_stride\":1,\"dropout\":0}" },
    { "wavemix-convstride2",
      "{\"model\":\"wavemix\",\"image_size\":[64,64],\"channels\":3,\"classes\":200,\"dim\":32,\"depth\":4,\"mult_dim\":32,\"ff_dim\":32,"
      "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[8,8,8,8],\"stem_stride\":2,\"dropout\":0}" },
    { "wavemix-top4",
      "{\"model\":\"wavemix\",\"image_size\":[64,64],\"channels\":3,\"classes\":200,\"dim\":32,\"depth\":4,\"mult_dim\":32,\"ff_dim\":32,"
      "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[8,8,8,8],\"stem_stride\":1,\"dropout\":0}" },
    { "wavemix-all5",
      "{\"model\":\"wavemix\",\"image_size\":[64,64],\"channels\":3,\"classes\":200,\"dim\":32,\"depth\":4,\"mult_dim\":32,\"ff_dim\":32,"
      "\"feedforward\":\"conv\",\"levels\":5,\"level_channels\":[7,7,7,7,4],\"stem_stride\":2,\"dropout\":0}" },
};

START_TEST(preset_is_written_with_every_key)
{
    clmix_config *config;
    char *text;

    ok(clmix_config_open(&config, presets[_i].name));
    ok(clmix_config_text(config, &text));
    ck_assert_str_eq(text, presets[_i].config);
    clmix_free(text);
    clmix_config_free(config);
}
END_TEST

/* ---- configurations ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *json, *sentence;
} refused[] = {
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"widht\":3}",
      "unknown key 'widht'; known here: model, image_size" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"depth\":1}", "'dim' is missing" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"dim\":8,\"depth\":1}", "'classes' is missing" },
    { "{\"model\":\"wavemix\",\"classes\":10,\"dim\":8,\"depth\":1}", "'image_size' is missing" },
    { "{\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1}", "'model' is missing" },
    { "{\"model\":\"vgg\",\"image_size\":[32,32]}", "no model 'vgg'; it has: wavemix" },
    { "{\"model\":\"wavemix\",\"image_size\":[40,32],\"classes\":10,\"dim\":8,\"depth\":1}", "the map is 40x32" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"stem_stride\":3}", "divisible by 16" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"level_channels\":[2,2,2,3]}",
      "adds up to 9 and 'dim' is 8" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"level_channels\":[4,4]}",
      "has 2 entries and 'levels' is 4" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"levels\":3}", "adds up to 6 and 'dim' is 8" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":6,\"depth\":1}", "adds up to 4 and 'dim' is 6" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":0}", "'depth' is 0" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":0,\"dim\":8,\"depth\":1}", "'classes' is 0" },
    { "{\"model\":\"wavemix\",\"image_size\":[],\"classes\":10,\"dim\":8,\"depth\":1}", "'image_size'" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32,3],\"classes\":10,\"dim\":8,\"depth\":1}", "'image_size'" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8.5,\"depth\":1}", "'dim' is 8.5" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"levels\":0}", "'levels' is 0" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"feedforward\":\"mlp\"}",
      "one of: conv, linear" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1,\"dropout\":1}", "'dropout' is 1" },
    { "{\"model\":\"wavemix\",\"image_size\":[32,32],\"classes\":10,\"dim\":8,\"depth\":1", "not JSON" },
    { "no-such-model", "there is no preset and no file 'no-such-model'" },
    { "no-such-file.json", "no-such-file.json" },
    { "", "no model was named" },
};

START_TEST(impossible_configuration_is_refused_by_name)
{
    clmix_config *config;

    ck_assert_int_ne(clmix_config_open(&config, refused[_i].json), CLMIX_OK);
    ck_assert_ptr_null(config);
    ck_assert_msg(strstr(clmix_error(), refused[_i].sentence) != NULL, "%s: %s", refused[_i].json, clmix_error());
}
END_TEST

START_TEST(keys_left_out_have_the_documented_defaults)
{
    clmix_config *config;
    char *text;

    ok(clmix_config_open(&config, "{\"model\":\"wavemix\",\"image_size\":16,\"classes\":7,\"dim\":12,\"depth\":1}"));
    ok(clmix_config_text(config, &text));
    ck_assert_str_eq(
        text,
        "{\"model\":\"wavemix\",\"image_size\":[16,16],\"channels\":3,\"classes\":7,\"dim\":12,\"depth\":1,\"mult_dim\":32,\"ff_dim\":16,"
        "\"feedforward\":\"conv\",\"levels\":4,\"level_channels\":[3,3,3,3],\"stem_stride\":1,\"dropout\":0}");
    clmix_free(text);
    clmix_config_free(config);
}
END_TEST

START_TEST(overrides_are_checked_as_a_whole_by_the_next_use)
{
    clmix_config *config;
    char *text;

    ok(clmix_config_open(&config, "wavemix-32"));
    ok(clmix_config_set(config, "levels=3"));
    ck_assert_int_eq(clmix_config_text(config, &text), CLMIX_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "level_channels"));
    ok(clmix_config_set(config, "level_channels=[16,8,8]"));
    ok(clmix_config_set(config, "feedforward=linear"));
    ok(clmix_config_set(config, "dropout=0.1"));
    ok(clmix_config_text(config, &text));
    ck_assert_ptr_nonnull(
        strstr(text, "\"feedforward\":\"linear\",\"levels\":3,\"level_channels\":[16,8,8],\"stem_stride\":1,\"dropout\":0.1}"));
    clmix_free(text);

    ck_assert_int_eq(clmix_config_set(config, "dim"), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_config_set(config, "=3"), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_config_set(config, "level_channels=[1,"), CLMIX_ERROR_FORMAT);
    ok(clmix_config_text(config, &text));
    clmix_free(text);
    ok(clmix_config_set(config, "wings=2"));
    ck_assert_int_eq(clmix_config_text(config, &text), CLMIX_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "unknown key 'wings'"));
    clmix_config_free(config);

    ok(clmix_config_open(&config, "wavemix-32"));
    ok(clmix_config_set(config, "dim.width.more=3"));
    ck_assert_int_eq(clmix_config_text(config, &text), CLMIX_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "'dim' is {\"width\":{\"more\":3}} and must be"));
    clmix_config_free(config);
}
END_TEST

/* A short way to write overrides of "mixer". */
START_TEST(a_mixer_is_told_in_a_word)
{
#define VIT "{\"model\":\"vit\",\"image_size\":8,\"classes\":3,\"dim\":8,\"depth\":1,\"heads\":2,\"head_dim\":4,\"mlp_dim\":16,"
    static const struct {
        const char *config, *mixer, *part; /* of the configuration; or of the sentence of a failure */
        clmix_status set, use;
    } rows[] = {
        { VIT "\"mixer\":{\"kind\":\"mlp\",\"expansion\":7}}", "mlp", "{\"kind\":\"mlp\",\"expansion\":7}", CLMIX_OK, CLMIX_OK },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:expansion=2", "{\"kind\":\"mlp\",\"expansion\":2}", CLMIX_OK, CLMIX_OK },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mpl", "no kind 'mpl'", CLMIX_OK, CLMIX_ERROR_UNSUPPORTED },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:expansion=x", "'expansion'", CLMIX_OK, CLMIX_ERROR_FORMAT },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:expansoin=2", "did you mean 'expansion'?", CLMIX_OK, CLMIX_ERROR_FORMAT },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:expansion=[1,\"],\"],a={\"b\":1},c=2", "unknown key 'a'", CLMIX_OK,
          CLMIX_ERROR_FORMAT },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:expansion", "'expansion' of the mixer", CLMIX_ERROR_ARGUMENT, CLMIX_OK },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:expansion=2,", "'' of the mixer", CLMIX_ERROR_ARGUMENT, CLMIX_OK },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "expansion=2", "KIND or KIND:key=value", CLMIX_ERROR_ARGUMENT, CLMIX_OK },
        { VIT "\"mixer\":{\"kind\":\"mlp\"}}", "mlp:", "KIND or KIND:key=value", CLMIX_ERROR_ARGUMENT, CLMIX_OK },
        { TINY, "mlp", "takes no other mixer: the model wavemix mixes tokens in its own way; models that take one: vit",
          CLMIX_ERROR_ARGUMENT, CLMIX_OK },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clmix_config *config = NULL;
        clmix_status status = clmix_config_open(&config, rows[i].config);
        char *text = NULL;

        ok(status);
        status = clmix_config_set_mixer(config, rows[i].mixer);
        ck_assert_msg(status == rows[i].set, "%s: %s", rows[i].mixer, clmix_error());
        if (status == CLMIX_OK)
            ck_assert_int_eq(clmix_config_text(config, &text), rows[i].use);
        ck_assert_msg(strstr(text != NULL ? text : clmix_error(), rows[i].part) != NULL, "%s: %s", rows[i].mixer,
                      text != NULL ? text : clmix_error());
        clmix_free(text);
        clmix_config_free(config);
    }
}
END_TEST

START_TEST(dim_of_a_preset_can_be_overridden_alone)
{
    clmix_config *config;
    char *text;

    ok(clmix_config_open(&config, "wavemix-32"));
    ok(clmix_config_set(config, "dim=48"));
    ok(clmix_config_text(config, &text));
    ck_assert_ptr_nonnull(strstr(text, "\"level_channels\":[12,12,12,12]"));
    clmix_free(text);
    clmix_config_free(config);
}
END_TEST

START_TEST(a_model_of_pictures_has_one_port)
{
    clmix_config *config;
    clmix_port port;

    ok(clmix_config_open(&config, TINY));
    ck_assert_int_eq(clmix_config_port_count(config), 1);
    ok(clmix_config_port(config, 0, &port));
    ck_assert_str_eq(port.name, "pictures");
    ck_assert(port.type == CLMIX_U8 && port.rank == 3 && port.size[0] == 24 && port.size[1] == 16 && port.size[2] == 3);
    ck_assert_int_eq(clmix_config_port(config, 1, &port), CLMIX_ERROR_ARGUMENT);
    ck_assert_int_eq(clmix_config_answer(config), CLMIX_ANSWER_CLASSES);
    ck_assert(clmix_config_vocabulary(config) == 0 && clmix_config_longest(config) == 0);
    clmix_config_free(config);
}
END_TEST

START_TEST(model_refuses_pictures_of_another_size)
{
    clmix_config *config;
    clmix_graph *graph = clmix_graph_new();

    ok(clmix_config_open(&config, TINY));
    clmix_value pictures = clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 1, 16, 24, 3 });
    clmix_model(clmix_root(graph), &pictures, config);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(clmix_error(), "takes pictures of 24x16x3 in a batch, and 1x16x24x3"));
    clmix_graph_free(graph);
    clmix_config_free(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("configurations");
    TCase *configs = tcase_create("configurations");

    tcase_add_loop_test(configs, preset_is_written_with_every_key, 0, (int)(sizeof presets / sizeof *presets));
    tcase_add_loop_test(configs, impossible_configuration_is_refused_by_name, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(configs, keys_left_out_have_the_documented_defaults);
    tcase_add_test(configs, overrides_are_checked_as_a_whole_by_the_next_use);
    tcase_add_test(configs, a_mixer_is_told_in_a_word);
    tcase_add_test(configs, dim_of_a_preset_can_be_overridden_alone);
    tcase_add_test(configs, model_refuses_pictures_of_another_size);
    tcase_add_test(configs, a_model_of_pictures_has_one_port);
    suite_add_tcase(suite, configs);
    return support_run(suite);
}
