/* Models of tokens: the papers' counts of weights, stored and used; ports and answers; how they begin; what is refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "network/config.h"
#include "network/front.h"
#include "network/initial.h"
#include "support_suite.h"

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* `sets` has overrides with blanks between them. */
static clmix_config *open_config(const char *name, const char *sets)
{
    clmix_config *config;
    char copy[256], *rest = copy, *set;

    ok(clmix_config_open(&config, name));
    snprintf(copy, sizeof copy, "%s", sets);
    while ((set = strtok_r(rest, " ", &rest)) != NULL)
        ok(clmix_config_set(config, set));
    ok(clmix_config_check(config));
    return config;
}

static clmix_graph *outline(const clmix_config *config, size_t length)
{
    clmix_graph *graph = clmix_front_outline(config, (struct clmix_extent){ .batch = 2, .length = length });

    ok(clmix_graph_check(graph));
    return graph;
}

/* ---- counts ---------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *sets;
    size_t stored, used;
} counts[] = {
    { "bert-small", "", 32988986, 30598656 },
    { "bert-small-dct-16", "", 32988986, 30598656 },
    { "bert-small-ideal-32", "", 32988986, 30598656 },
    { "bert-small-nystrom-32", "", 32988986, 30598656 },
    { "bert-small-performer", "", 32988986, 30598656 },
    { "bert-small", "head=classify classes=1", 32695297, 30598145 },
    { "bert-small-linformer-16", "max_len=4096", 33054522 + 4 * 8 * 16 * (4096 - 128), 30664192 + 4 * 8 * 16 * (4096 - 128) },
    { "bert-small-linformer-16", "", 33054522 - 2 * 512 * (4096 - 128), 30664192 - 512 * (4096 - 128) },
    { "bert-small-linformer-32", "", 33120058 - 2 * 512 * (4096 - 128), 30729728 - 512 * (4096 - 128) },
    { "bert-small-linformer-48", "", 33185594 - 2 * 512 * (4096 - 128), 30795264 - 512 * (4096 - 128) },
    { "bert-small", "max_len=128", 28925754, 30598656 - 512 * (4096 - 128) },
    { "bert-small", "max_len=512", 29318970, 30598656 - 512 * (4096 - 512) },
    { "bert-small", "max_len=1024", 29843258, 30598656 - 512 * (4096 - 1024) },
    { "bert-small", "max_len=128 vocab=8192", 17470464, 17470464 - 512 * 128 - 262656 - 8192 },
    { "bert-small", "max_len=128 mixer.kind=kerformer", 28925754 + 4 * 900, 30598656 - 512 * (4096 - 128) + 4 * 900 },
    { "bert-mini", "", 5659136, 5659136 - 256 * 512 - 65792 - 8192 },
    { "roberta-base", "", 163300953, 163300953 },
    { "roberta-base", "max_len=4096", 166053465, 166053465 },
    { "roberta-small", "", 46098777, 46098777 },
    { "roberta-base-mra2", "", 163300953, 163300953 },
    { "roberta-base-4096-mra2s", "", 166053465, 166053465 },
    { "roberta-small-mra2s", "", 46098777, 46098777 },
    { "lra-listops", "", 209802, 209802 },
    { "lra-listops-mra2", "", 209802, 209802 },
    { "lra-image-mra2s", "", 174986, 174986 },
    { "lra-text", "", 370562, 370562 },
    { "lra-retrieval", "", 395138, 395138 },
    { "lra-image", "", 174986, 174986 },
    { "lra-pathfinder", "", 173954, 173954 },
    { "lra-listops-performer", "", 209802, 209802 },
    { "lra-listops-nystrom", "", 209802, 209802 },
    { "lra-listops-dct", "", 209802, 209802 },
    { "lra-listops-linformer", "", 209802 + 2097152, 209802 + 2097152 },
    { "lra-text-linformer", "", 370562 + 4194304, 370562 + 4194304 },
    { "lra-retrieval-linformer", "", 395138 + 4194304, 395138 + 4194304 },
    { "lra-image-linformer", "", 174986 + 1048576, 174986 + 1048576 },
    { "lra-pathfinder-linformer", "", 173954 + 1048576, 173954 + 1048576 },
    { "lra-listops-nystrom", "mixer.residual=true", 209802 + 132, 209802 + 132 },
    { "lra-listops-kerformer", "", 209802 + 2 * (66 + 3 * 2048), 209802 + 2 * (66 + 3 * 2048) },
    { "mra-imagenet", "", 1578856, 1578856 },
    { "vit-b16", "", 86540008, 86540008 },
    { "vit-b16", "classes=5", 85774853, 85774853 },
    { "vit-b16-efficient", "classes=10", 85778698, 85778698 },
    { "vit-b16-linear-elu", "classes=100", 85847908, 85847908 },
    { "vit-b16-cosformer", "", 86540008, 86540008 },
    { "vit-b16-kerformer", "", 86554948, 86554948 },
    { "vit-b16-kerformer", "classes=10", 85793638, 85793638 },
    { "vit-rope", "", 661770, 530570 },
};

START_TEST(weights_are_as_many_as_the_papers)
{
    clmix_config *config = open_config(counts[_i].name, counts[_i].sets);
    clmix_graph *graph = outline(config, clmix_config_longest(config) > 1024 ? 32 : 0);

    ck_assert_uint_eq(clmix_trained_values(graph), counts[_i].stored);
    ck_assert_uint_eq(clmix_used_values(graph), counts[_i].used);
    clmix_graph_free(graph);
    clmix_config_free(config);
}
END_TEST

/* ---- ports and answers ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *sets, *port; /* the last one */
    int ports;
    clmix_answer answer;
    size_t classes, vocabulary, longest;
    clmix_shape output; /* of two sequences of 24 tokens */
} answers[] = {
    { "bert-mini", "", "mask", 2, CLMIX_ANSWER_TOKENS, 0, 8192, 512, { 3, { 2, 24, 8192 } } },
    { "bert-mini", "head=classify classes=45", "mask", 2, CLMIX_ANSWER_CLASSES, 45, 8192, 512, { 2, { 2, 45 } } },
    { "bert-mini", "head=classify classes=1", "mask", 2, CLMIX_ANSWER_LOGIT, 2, 8192, 512, { 2, { 2, 1 } } },
    { "roberta-small", "", "mask", 2, CLMIX_ANSWER_TOKENS, 0, 50265, 512, { 3, { 2, 24, 50265 } } },
    { "lra-text", "pool=cls", "mask", 2, CLMIX_ANSWER_CLASSES, 2, 512, 4096, { 2, { 2, 2 } } },
    { "lra-retrieval", "", "second_mask", 4, CLMIX_ANSWER_CLASSES, 2, 512, 4096, { 2, { 2, 2 } } },
};

START_TEST(ports_and_answers)
{
    clmix_config *config = open_config(answers[_i].name, answers[_i].sets);
    clmix_graph *graph = clmix_graph_new();
    struct clmix_front front = { .extent = { .batch = 2, .length = 24 } };
    clmix_port port;

    ck_assert_int_eq(clmix_config_port_count(config), answers[_i].ports);
    ok(clmix_config_port(config, 0, &port));
    ck_assert(strcmp(port.name, CLMIX_TOKENS) == 0 && port.type == CLMIX_I32 && port.rank == 1 && port.size[0] == answers[_i].longest);
    ok(clmix_config_port(config, answers[_i].ports - 1, &port));
    ck_assert_str_eq(port.name, answers[_i].port);
    ck_assert_int_eq(clmix_config_answer(config), answers[_i].answer);
    ck_assert_uint_eq(clmix_config_classes(config), answers[_i].classes);
    ck_assert_uint_eq(clmix_config_vocabulary(config), answers[_i].vocabulary);
    ck_assert_uint_eq(clmix_config_longest(config), answers[_i].longest);
    ck_assert(clmix_shape_equal(clmix_shape_of(clmix_front_build(&front, graph, config)), answers[_i].output));
    clmix_graph_free(graph);
    clmix_config_free(config);
}
END_TEST

/* Of some tokens the head makes as many rows, and the one logit stands for two. */
START_TEST(heads_of_some_tokens_and_of_one_logit)
{
    clmix_config *config = open_config("bert-mini", "");
    clmix_graph *graph = clmix_graph_new();
    struct clmix_front front = { .extent = { .batch = 2, .length = 24 } };

    front.places = clmix_batch_input(graph, "places", CLMIX_I32, 2, (size_t[]){ 2, 3 });
    ck_assert(clmix_shape_equal(clmix_shape_of(clmix_front_build(&front, graph, config)), (clmix_shape){ 3, { 2, 3, 8192 } }));
    ok(clmix_graph_check(graph));
    clmix_graph_free(graph);
    graph = clmix_graph_new();
    ck_assert(
        clmix_shape_equal(clmix_shape_of(clmix_class_logits(clmix_root(graph), clmix_input(graph, "z", CLMIX_F32, 2, (size_t[]){ 5, 1 }))),
                          (clmix_shape){ 2, { 5, 2 } }));
    clmix_graph_free(graph);
    clmix_config_free(config);
    ck_assert_uint_eq(clmix_most_labelled(128), 20);
    ck_assert_uint_eq(clmix_most_labelled(1), 1);
}
END_TEST

/* A mixer's samples that meet are seen through the keys that all models of tokens share; and padding that counts. */
START_TEST(what_mixers_and_means_do_to_others)
{
    static const struct {
        const char *name, *sets;
        bool across, padding;
    } rows[] = { { "bert-mini", "", false, false },
                 { "bert-mini", "mixer.kind=nystrom", true, true },
                 { "bert-mini", "mixer.kind=nystrom mixer.pinv_init=matrix", false, true },
                 { "lra-text", "", false, true },
                 { "lra-text", "pool=cls", false, true },
                 { "bert-mini", "mixer.kind=kerformer", false, false } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clmix_config *config = open_config(rows[i].name, rows[i].sets);

        ck_assert_msg(clmix_config_across(config) == rows[i].across, "%s %s", rows[i].name, rows[i].sets);
        ck_assert_msg(clmix_config_padding_matters(config) == rows[i].padding, "%s %s", rows[i].name, rows[i].sets);
        clmix_config_free(config);
    }
}
END_TEST

/* ---- beginnings ------------------------------------------------------------------------------------------------------------------------- */

/* All matrices of BERT from N(0, 0.02^2), its biases 0; of the other encoder the tables alone. */
START_TEST(weights_begin_as_the_papers_have_them)
{
    static const char *const models[] = { "bert-mini", "roberta-small", "lra-listops" };

    for (size_t m = 0; m < 3; m++) {
        clmix_config *config = open_config(models[m], "");
        clmix_graph *graph = outline(config, 8);

        for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
            clmix_tensor_info info;
            const bool lra = m == 2;

            ok(clmix_graph_tensor(graph, i, &info));
            if (info.file_shape.rank == 2 && (!lra || strncmp(info.name, "embeddings.", 11) == 0))
                ck_assert_msg(info.initializer.kind == CLMIX_NORMAL && info.initializer.std == 0.02f && info.initializer.mean == 0.0f, "%s",
                              info.name);
            else if (info.file_shape.rank == 1 && !lra && strstr(info.name, "bias") != NULL)
                ck_assert_msg(info.initializer.kind == CLMIX_ZEROS, "%s", info.name);
            else if (info.file_shape.rank == 1 && strstr(info.name, "orm") != NULL && strstr(info.name, "weight") != NULL)
                ck_assert_msg(info.initializer.kind == CLMIX_ONES, "%s", info.name);
        }
        clmix_graph_free(graph);
        clmix_config_free(config);
    }
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------------------------------------------------------- */

#define SIZES "\"vocab\":12,\"max_len\":16,\"dim\":16,\"depth\":1,\"heads\":2,\"mlp_dim\":24"

static const struct {
    const char *config, *sentence;
} refused[] = {
    { "{\"model\":\"bert\"," SIZES "}", "the key 'head' is missing" },
    { "{\"model\":\"bert\"," SIZES ",\"head\":\"classify\"}", "'head' is classify and 'classes' is missing" },
    { "{\"model\":\"bert\"," SIZES ",\"head\":\"mlm\",\"classes\":3}", "'classes' is 3 and 'head' is mlm, which has none" },
    { "{\"model\":\"bert\",\"vocab\":12,\"max_len\":16,\"dim\":16,\"depth\":1,\"heads\":3,\"mlp_dim\":24,\"head\":\"mlm\"}",
      "'heads' is 3 and does not divide 'dim', 16" },
    { "{\"model\":\"roberta\"," SIZES ",\"pad_token\":2}", "'pad_token' is 2, and the table has 2 positions more" },
    { "{\"model\":\"lra\"," SIZES ",\"classes\":2}", "the key 'pool' is missing" },
    { "{\"model\":\"lra\"," SIZES ",\"classes\":2,\"pool\":\"mean\",\"mixer\":{\"kind\":\"fourier\"}}", "no kind 'fourier'" },
    { "{\"model\":\"mra_imagenet\",\"image_size\":2,\"classes\":2,\"dim\":8,\"depth\":1,\"heads\":2,\"mlp_dim\":8}",
      "patches of 14 pixels do not fit into pictures of 2x2 with 5 zeros around" },
};

START_TEST(configurations_that_cannot_be)
{
    clmix_config *config = NULL;

    ck_assert_int_ne(clmix_config_open(&config, refused[_i].config), CLMIX_OK);
    ck_assert_msg(strstr(clmix_error(), refused[_i].sentence) != NULL, "'%s' instead of '%s'", clmix_error(), refused[_i].sentence);
}
END_TEST

/* Names that no reference case has. */
static const char *const image_names[] = {
    "embeddings.conv.weight",   "embeddings.position_embeddings.weight", "model.backbone.encoders.3.mha.W_q.weight",
    "model.backbone.norm.bias", "seq_classifer.mlpblock.0.weight",       "seq_classifer.mlpblock.2.bias"
};

START_TEST(weights_have_the_authors_names)
{
    clmix_config *config = open_config("mra-imagenet", "");
    clmix_graph *graph = outline(config, 0);
    clmix_tensor_info info;
    bool found = false;

    for (size_t i = 0; !found && clmix_graph_tensor(graph, i, &info) == CLMIX_OK; i++)
        found = strcmp(info.name, image_names[_i]) == 0;
    ck_assert_msg(found, "%s", image_names[_i]);
    clmix_graph_free(graph);
    clmix_config_free(config);
}
END_TEST

START_TEST(sequences_that_are_too_long)
{
    clmix_config *config = open_config("bert-mini", "max_len=16");
    clmix_graph *graph = clmix_front_outline(config, (struct clmix_extent){ .batch = 1, .length = 17 });

    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "takes sequences of up to 16 tokens, and these have 17") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
    clmix_config_free(config);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *suite = suite_create("sequences");
    TCase *models = tcase_create("models");

    tcase_set_timeout(models, 120);
    tcase_add_loop_test(models, weights_are_as_many_as_the_papers, 0, ROWS(counts));
    tcase_add_loop_test(models, ports_and_answers, 0, ROWS(answers));
    tcase_add_test(models, heads_of_some_tokens_and_of_one_logit);
    tcase_add_test(models, what_mixers_and_means_do_to_others);
    tcase_add_test(models, weights_begin_as_the_papers_have_them);
    tcase_add_loop_test(models, configurations_that_cannot_be, 0, ROWS(refused));
    tcase_add_loop_test(models, weights_have_the_authors_names, 0, ROWS(image_names));
    tcase_add_test(models, sequences_that_are_too_long);
    suite_add_tcase(suite, models);
    return support_run(suite);
}
