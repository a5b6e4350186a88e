/* Backbones of maps, LeViT, CvT and CCT, without a device: what their weights begin with, whatever the mixer; the papers' counts; what is refused. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support_suite.h"

#define PICTURES "\"image_size\":[32,32],\"classes\":10"
#define LEVIT    "{\"model\":\"levit\"," PICTURES ",\"dim\":128,\"depth\":4,\"heads\":4"
#define CVT                                                                                                     \
    "{\"model\":\"cvt\"," PICTURES                                                                              \
    ",\"dim\":[128,128,128],\"depth\":[1,1,2],\"heads\":[4,4,4],\"mlp_mult\":[2,2,2],\"embed_kernel\":[3,3,3]," \
    "\"embed_stride\":[1,1,1]"
#define FOURIER ",\"mixer\":{\"kind\":\"fourier\"}}"
#define CCT     "{\"model\":\"cct\"," PICTURES ",\"dim\":128,\"depth\":2,\"heads\":4"

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* ---- what weights begin with ---------------------------------------------------------------------------------------------------------- */

static clmix_graph *graph_of(const char *json)
{
    clmix_graph *graph = clmix_graph_new();
    clmix_config *config;

    ok(clmix_config_open(&config, json));
    (void)clmix_model(clmix_root(graph), (clmix_value[]){ clmix_input(graph, "x", CLMIX_F32, 4, (size_t[]){ 1, 32, 32, 3 }) }, config);
    clmix_config_free(config);
    ok(clmix_graph_check(graph));
    return graph;
}

static clmix_tensor_info tensor(const clmix_graph *graph, const char *name)
{
    clmix_tensor_info info = { .name = "" };

    for (size_t i = 0; i < clmix_graph_tensor_count(graph) && strcmp(info.name, name) != 0; i++)
        ok(clmix_graph_tensor(graph, i, &info));
    ck_assert_msg(strcmp(info.name, name) == 0, "no weight '%s'", name);
    return info;
}

static const struct {
    const char *json, *name;
    clmix_initializer begins;
} beginnings[] = {
    { CCT FOURIER, "tokenizer.conv_layers.1.0.weight", { .kind = CLMIX_KAIMING_NORMAL } },
    { CCT FOURIER, "classifier.positional_emb", { .kind = CLMIX_TRUNCATED_NORMAL, .std = 0.2f } },
    { CCT ",\"position\":\"sine\"" FOURIER, "classifier.positional_emb", { .kind = CLMIX_FILLED } },
    { CCT FOURIER, "classifier.blocks.1.linear1.weight", { .kind = CLMIX_TRUNCATED_NORMAL, .std = 0.02f } },
    { CCT FOURIER, "classifier.blocks.1.linear2.bias", { .kind = CLMIX_ZEROS } },
    { CCT FOURIER, "classifier.blocks.0.norm1.weight", { .kind = CLMIX_ONES } },
    { CCT ",\"mixer\":{\"kind\":\"mlp\",\"expansion\":1}}",
      "classifier.blocks.0.self_attn.3.weight",
      { .kind = CLMIX_UNIFORM } }, /* a convolution */
    { CCT ",\"mixer\":{\"kind\":\"mlp\",\"expansion\":1}}", "classifier.blocks.0.self_attn.3.bias", { .kind = CLMIX_ZEROS } },
    { CCT FOURIER, "classifier.attention_pool.weight", { .kind = CLMIX_TRUNCATED_NORMAL, .std = 0.02f } },
    { CCT FOURIER, "classifier.fc.bias", { .kind = CLMIX_ZEROS } },
    { LEVIT "}", "backbone.0.layers.1.0.to_out.2.weight", { .kind = CLMIX_ZEROS } },
    { LEVIT "}", "backbone.0.layers.1.0.to_q.1.weight", { .kind = CLMIX_ONES } },
    { CVT "}", "layers.2.2.layers.1.0.norm.g", { .kind = CLMIX_ONES } },
};

START_TEST(weights_begin_as_the_authors_do)
{
    clmix_graph *graph = graph_of(beginnings[_i].json);
    const clmix_initializer found = tensor(graph, beginnings[_i].name).initializer;

    ck_assert_int_eq(found.kind, beginnings[_i].begins.kind);
    ck_assert(found.kind != CLMIX_TRUNCATED_NORMAL || found.std == beginnings[_i].begins.std);
    clmix_graph_free(graph);
}
END_TEST

/* Places, patterns and ranks pick; what a tensor cannot begin with is refused. */
START_TEST(other_beginnings)
{
    const clmix_initializer half = { .kind = CLMIX_UNIFORM, .bound = 0.5f }, wrong = { .kind = CLMIX_NORMAL, .std = -1.0f };
    clmix_graph *graph = clmix_graph_new();
    clmix_scope a = clmix_in(clmix_root(graph), "a"), ab = clmix_in(clmix_root(graph), "ab");
    clmix_value x = clmix_input(graph, "x", CLMIX_F32, 2, (size_t[]){ 2, 3 });

    x = clmix_linear(clmix_in(a, "deep"), clmix_linear(a, x, 3, true), 3, true);
    (void)clmix_linear(ab, x, 3, true);
    ck_assert_uint_eq(clmix_initialize(a, "weight", 2, half), 1);
    ck_assert(tensor(graph, "a.weight").initializer.bound == 0.5f && tensor(graph, "ab.weight").initializer.bound != 0.5f);
    ck_assert_uint_eq(clmix_initialize(a, "*weight", 2, half), 2);
    ck_assert(tensor(graph, "a.deep.weight").initializer.bound == 0.5f && tensor(graph, "a.bias").initializer.bound != 0.5f);
    ck_assert_uint_eq(clmix_initialize(a, "*", 3, half), 0);
    ck_assert_uint_eq(clmix_initialize(clmix_root(graph), "*bias", 1, half), 3);
    ck_assert_uint_eq(clmix_initialize(a, NULL, 2, half), 0);
    ck_assert_uint_eq(clmix_initialize((clmix_scope){ 0 }, "*", 2, half), 0);
    ok(clmix_graph_check(graph));
    ck_assert_uint_eq(clmix_initialize(ab, "weight", 2, wrong), 0);
    ck_assert_int_eq(clmix_graph_check(graph), CLMIX_ERROR_ARGUMENT);
    ck_assert_msg(strstr(clmix_error(), "ab: an initialiser with std -1") != NULL, "%s", clmix_error());
    clmix_graph_free(graph);
}
END_TEST

/* ---- the papers' counting rule ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *json;
    size_t paper;
    double megabytes;
} counts[] = {
    { LEVIT "}", 624970, 213.15 },
    { CVT "}", 1099786, 173.21 },
    { "{\"model\":\"cct\"," PICTURES ",\"dim\":128,\"depth\":4,\"heads\":4}", 905547, 225.47 },
};

START_TEST(the_papers_counts)
{
    clmix_config *config;
    size_t paper;
    double megabytes;

    ok(clmix_config_open(&config, counts[_i].json));
    ok(clmix_config_paper_count(config, &paper, &megabytes));
    ck_assert_uint_eq(paper, counts[_i].paper);
    ck_assert_msg(fabs(megabytes - counts[_i].megabytes) < 0.005, "%.4f MB", megabytes);
    clmix_config_free(config);
}
END_TEST

/* ---- what is refused -------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *json, *sentence;
} refused[] = {
    { CCT ",\"conv_stride\":[1,2]" FOURIER, "'conv_stride' has 2 entries and 'conv_layers' is 3" },
    { CCT ",\"head_dim\":16}", "'head_dim' is 16, and softmax attention shares out 'dim', 128, among 4 heads: 32 each" },
    { "{\"model\":\"cct\"," PICTURES ",\"dim\":10,\"depth\":2,\"heads\":4" FOURIER, "'dim' is 10, which 'heads', 4, does not divide" },
    { CCT ",\"mlp_ratio\":0.001" FOURIER, "leaves no hidden width" },
    { CCT ",\"mlp_ratio\":0" FOURIER, "'mlp_ratio'" },
    { CCT ",\"pool\":\"cls\"" FOURIER, "one of: seq" },
    { CCT ",\"pool_stride\":0" FOURIER, "'pool_stride' is 0" },
    { "{\"model\":\"cvt\"," PICTURES
      ",\"dim\":[8,8],\"depth\":[1,1],\"heads\":[1],\"mlp_mult\":[2,2],\"embed_kernel\":[3,3],\"embed_stride\":[1,1]}",
      "'heads' has 1 entries and 'dim' has 2" },
    { CVT ",\"mixer\":{\"kind\":\"softmax\",\"projection_kernel\":4}}", "'projection_kernel' is 4" },
    { LEVIT ",\"mixer\":{\"kind\":\"softmax\",\"kv_stride\":2}}", "kv_stride" },
};

START_TEST(impossible_backbones_are_refused_by_name)
{
    clmix_config *config;

    ck_assert_int_ne(clmix_config_open(&config, refused[_i].json), CLMIX_OK);
    ck_assert_msg(strstr(clmix_error(), refused[_i].sentence) != NULL, "%s: %s", refused[_i].json, clmix_error());
}
END_TEST

START_TEST(keys_that_follow_from_others)
{
    clmix_config *config;
    char *text;

    ok(clmix_config_open(&config, CVT FOURIER));
    ok(clmix_config_text(config, &text));
    ck_assert_msg(strstr(text, "\"head_dim\":32,") != NULL, "%s", text);
    clmix_free(text);
    clmix_config_free(config);
    ok(clmix_config_open(&config, CVT "}"));
    ok(clmix_config_text(config, &text));
    ck_assert_msg(strstr(text, "\"head_dim\":64,") != NULL, "%s", text);
    clmix_free(text);
    clmix_config_free(config);
    ok(clmix_config_open(&config, CCT ",\"conv_padding\":0,\"pool_padding\":0" FOURIER));
    ok(clmix_config_text(config, &text));
    ck_assert_msg(strstr(text, "\"conv_stride\":[1,1,1],\"conv_padding\":0,") != NULL && strstr(text, "\"head_dim\":32,") != NULL, "%s",
                  text);
    clmix_free(text);
    clmix_config_free(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backbones");
    TCase *all = tcase_create("backbones");

    tcase_add_loop_test(all, weights_begin_as_the_authors_do, 0, (int)(sizeof beginnings / sizeof *beginnings));
    tcase_add_test(all, other_beginnings);
    tcase_add_loop_test(all, the_papers_counts, 0, (int)(sizeof counts / sizeof *counts));
    tcase_add_loop_test(all, impossible_backbones_are_refused_by_name, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(all, keys_that_follow_from_others);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
