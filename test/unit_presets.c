/* Presets: each row of the papers' tables has the paper's figures, parameters and size by the counting rule of the papers' tool. No device. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "network/presets.h"
#include "support_suite.h"

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* Figures of the papers' tables, and where a paper's own figure does not follow from its model, those of the model. */
static const struct figures {
    const char *name, *table;
    size_t parameters, paper; /* trained, and by the papers' counting rule */
    double megabytes;         /* 0: no figure */
} presets[] = {
    { "vit", "ViX 1", 661770, 530442, 209.39 },
    { "vip", "ViX 1", 663306, 531978, 85.15 },
    { "vil", "ViX 1", 809482, 415754, 77.70 },
    { "vin", "ViX 1", 662298, 530970, 86.62 },
    { "fnet", "ViX 1", 399114, 267786, 60.12 },
    { "mlp-mixer", "ViX 1", 8533002, 8533002, 90.59 },
    { "hybrid-vit", "ViX 1", 754506, 623178, 211.47 },
    { "hybrid-vip", "ViX 1", 756042, 624714, 87.23 },
    { "hybrid-vil", "ViX 1", 902218, 508490, 79.78 },
    { "hybrid-vin", "ViX 1", 755034, 623706, 88.70 },
    { "hybrid-fnet", "ViX 1", 491850, 360522, 62.20 },
    { "hybrid-mlp-mixer", "ViX 1", 8625738, 8625738, 92.67 },
    { "levit", "ViX 3", 624970, 624970, 213.15 },
    { "levip", "ViX 3", 622410, 622410, 77.14 },
    { "levil", "ViX 3", 768330, 506186, 69.69 },
    { "levin", "ViX 3", 621402, 621402, 77.13 },
    { "cct", "ViX 3", 1036619, 905547, 225.47 },
    { "ccp", "ViX 3", 1038155, 907083, 101.48 },
    { "ccl", "ViX 3", 1184075, 790859, 94.04 },
    { "ccn", "ViX 3", 1037147, 906075, 101.48 },
    { "cvt", "ViX 3", 1102602, 1099786, 173.21 },
    { "cvp", "ViX 3", 830730, 827914, 100.17 },
    { "cvl", "ViX 3", 976650, 711690, 92.73 },
    { "cvn", "ViX 3", 829722, 826906, 100.17 },
    { "pit", "ViX 5", 1028362, 897034, 129.74 },
    { "pin", "ViX 5", 1028890, 897562, 65.81 },
    { "pip", "ViX 5", 1029898, 898570, 64.09 },
    { "hybrid-pit", "ViX 5", 1121098, 989770, 131.80 },
    { "hybrid-pin", "ViX 5", 1121626, 990298, 67.87 },
    { "hybrid-pip", "ViX 5", 1122634, 991306, 66.15 },
    { "vit-rope", "ViX 6", 661770, 530442, 0.0 },
    { "vip-rope", "ViX 6", 532106, 531978, 0.0 },
    { "vil-rope", "ViX 6", 858634, 464906, 0.0 },
    { "vin-rope", "ViX 6", 531098, 530970, 0.0 },
    { "hybrid-vit-rope", "ViX 6", 754506, 623178, 0.0 },
    { "hybrid-vip-rope", "ViX 6", 624842, 624714, 0.0 },
    { "hybrid-vil-rope", "ViX 6", 951370, 557642, 0.0 },
    { "hybrid-vin-rope", "ViX 6", 623834, 623706, 0.0 },
    { "hybrid-vin-2conv", "WaveMix 1", 737434, 606106, 88.38 },
    { "wavemix-16", "WaveMix 2", 133914, 165210, 3.16 },
    { "wavemix-32", "WaveMix 1, 2", 513706, 575914, 6.24 },
    { "wavemix-64", "WaveMix 2", 2052426, 2299722, 16.86 },
    { "wavemix-128", "WaveMix 2", 8204938, 9191050, 51.22 },
    { "wavemix-convstride2", "WaveMix 3", 519976, 582184, 6.30 },
    { "wavemix-top4", "WaveMix 3", 519976, 582184, 18.41 },
    { "wavemix-all5", "WaveMix 3", 1050920, 1133864, 8.41 },
};

static size_t count_parameters(const clmix_config *config)
{
    size_t size[4] = { 2, 0, 0, 0 }, sum = 0;
    clmix_graph *graph = clmix_graph_new();
    clmix_shape shape;

    clmix_config_picture(config, &size[1], &size[2], &size[3]);
    shape = clmix_shape_of(clmix_model(clmix_root(graph), (clmix_value[]){ clmix_input(graph, "x", CLMIX_F32, 4, size) }, config));
    ok(clmix_graph_check(graph));
    ck_assert(shape.rank == 2 && shape.size[0] == 2 && shape.size[1] == clmix_config_classes(config));
    for (size_t i = 0; i < clmix_graph_tensor_count(graph); i++) {
        clmix_tensor_info info;

        ok(clmix_graph_tensor(graph, i, &info));
        sum += info.trainable ? clmix_shape_count(info.file_shape) : 0;
    }
    clmix_graph_free(graph);
    return sum;
}

static void check_preset(const struct figures *wanted)
{
    clmix_config *config;
    char table[CLMIX_PRESET_TABLE_BYTES];
    size_t paper;
    double megabytes;

    ok(clmix_preset_table(wanted->name, table));
    ck_assert_str_eq(table, wanted->table);
    ok(clmix_config_open(&config, wanted->name));
    ck_assert_str_eq(clmix_config_name(config), wanted->name);
    ck_assert_uint_eq(count_parameters(config), wanted->parameters);
    ok(clmix_config_paper_count(config, &paper, &megabytes));
    ck_assert_uint_eq(paper, wanted->paper);
    ck_assert_msg(wanted->megabytes == 0.0 || fabs(megabytes - wanted->megabytes) <= 0.005, "%s: %.4f MB", wanted->name, megabytes);
    clmix_config_free(config);
}

START_TEST(preset_has_the_papers_figures)
{
    check_preset(&presets[_i]);
}
END_TEST

/* ---- Tiny ImageNet ------------------------------------------------------------------------------------------------------------------- */

static const struct figures *figures_of(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    ck_abort_msg("no preset '%s'", name);
    return NULL;
}

static double megabytes_of(const char *name)
{
    clmix_config *config;
    size_t paper;
    double megabytes;

    ok(clmix_config_open(&config, name));
    ok(clmix_config_paper_count(config, &paper, &megabytes));
    clmix_config_free(config);
    return megabytes;
}

static const char *const twins[] = {
    "vit",        "vip",        "vil",        "vin",        "fnet",        "mlp-mixer",
    "hybrid-vit", "hybrid-vip", "hybrid-vil", "hybrid-vin", "hybrid-fnet", "hybrid-mlp-mixer",
    "levit",      "levip",      "levil",      "levin",      "cct",         "ccp",
    "ccl",        "ccn",        "cvt",        "cvp",        "cvl",         "cvn",
};

/* Pictures of 64x64, with as many tokens as of 32x32: a patch of 2x2 pixels or a first convolution of stride 2. So a twin has 190 classes more, of 128 features
 * and a bias each, and where there are patches 9 weights more a feature; a picture's values are 9,216 more, which the module that rearranges
 * them into patches puts out too. */
START_TEST(twin_of_64x64_pictures_differs_by_its_ends)
{
    const struct figures *same = figures_of(twins[_i]);
    const bool patches = _i < 6;
    const size_t more = 190 * 129 + (patches ? 9 * 128 : 0);
    const double logits = strncmp(twins[_i], "cc", 2) == 0 ? 2.0 : 1.0; /* CCT's classifier is a module around its last layer */
    const double bytes = 9216.0 * 4 + (patches ? 9216.0 * 8 : 0.0) + logits * 190.0 * 8 + (double)more * 4;
    char name[64];
    struct figures wanted = *same;

    snprintf(name, sizeof name, "%s-tinyimagenet", twins[_i]);
    wanted.name = name;
    wanted.table = _i < 12 ? "ViX 2" : "ViX 4";
    wanted.parameters += more;
    wanted.paper += more;
    wanted.megabytes = 0.0;
    check_preset(&wanted);
    ck_assert_double_eq_tol(megabytes_of(name), megabytes_of(twins[_i]) + bytes / (1 << 20), 1e-6);
}
END_TEST

/* ---- rows ----------------------------------------------------------------------------------------------------------------------------- */

START_TEST(papers_own_figures_of_wavemix_16_and_all5)
{
    clmix_config *config;
    size_t paper;
    double megabytes;

    ok(clmix_config_open(&config, "wavemix-16"));
    ok(clmix_config_set(config, "mult_dim=30"));
    ok(clmix_config_paper_count(config, &paper, &megabytes));
    ck_assert_uint_eq(paper, 162618);
    ck_assert(fabs(megabytes - 3.09) < 0.005);
    ck_assert_uint_eq(count_parameters(config), 133266);
    clmix_config_free(config);

    ok(clmix_config_open(&config, "wavemix-all5"));
    ok(clmix_config_set(config, "stem_stride=1"));
    ok(clmix_config_paper_count(config, &paper, &megabytes));
    ck_assert(fabs(megabytes - 20.53) < 0.005);
    clmix_config_free(config);
}
END_TEST

/* What the papers print stands beside their rows; a row that is like another does not take over what is printed of that. */
START_TEST(rows_know_what_the_papers_print)
{
    static const struct {
        const char *figure; /* JSON */
        double value;
        bool agrees;
    } rows[] = {
        { "530442", 530442, true },     { "530442", 530441, false },    { "6.24", 6.2449, true },
        { "6.24", 6.2461, false },      { "\"0.57 M\"", 575914, true }, { "\"0.57 M\"", 580000, false },
        { "\"0.57 M\"", 565000, true }, { "\"2.3 M\"", 2299722, true }, { "\"2.3 M\"", 2199999, false },
        { "null", 0, false },
    };
    cJSON *printed, *config;
    size_t file;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *figure = cJSON_Parse(rows[i].figure);

        ck_assert_msg(clmix_paper_agrees(figure, rows[i].value) == rows[i].agrees, "%s and %.0f", rows[i].figure, rows[i].value);
        cJSON_Delete(figure);
    }
    ok(clmix_preset_printed(&printed, &file, "wavemix-64"));
    ck_assert_str_eq(clmix_paper_name(file), "wavemix.json");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(printed, "parameters")), "2.3 M");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(printed, "table")), "WaveMix 2");
    cJSON_Delete(printed);
    ok(clmix_preset_config(&config, "wavemix-64"));
    ck_assert_ptr_null(cJSON_GetObjectItem(config, "paper"));
    cJSON_Delete(config);
    ck_assert_int_eq(clmix_preset_printed(&printed, &file, "no-such-preset"), CLMIX_ERROR_ARGUMENT);
    ck_assert_ptr_null(printed);
}
END_TEST

/* Names come from the files' lines, rows from their JSON. */
START_TEST(every_row_of_the_presets_has_a_name)
{
    size_t count = 0;

    for (size_t i = 0; i < clmix_presets_count; i++) {
        cJSON *paper = cJSON_Parse((const char *)clmix_presets_files[i].text);
        const cJSON *row;

        ck_assert_ptr_nonnull(paper);
        cJSON_ArrayForEach(row, paper)
        {
            cJSON *config;
            char table[CLMIX_PRESET_TABLE_BYTES];

            ck_assert_str_eq(clmix_preset_name(count++), row->string);
            ok(clmix_preset_config(&config, row->string));
            ck_assert_ptr_nonnull(config);
            ck_assert(!cJSON_HasObjectItem(config, "like") && !cJSON_HasObjectItem(config, "table"));
            cJSON_Delete(config);
            ok(clmix_preset_table(row->string, table));
            ck_assert(table[0] != '\0' && strlen(table) + 1 < sizeof table);
        }
        cJSON_Delete(paper);
    }
    ck_assert_ptr_null(clmix_preset_name(count));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("presets");
    TCase *rows = tcase_create("rows");

    tcase_add_loop_test(rows, preset_has_the_papers_figures, 0, (int)(sizeof presets / sizeof *presets));
    tcase_add_loop_test(rows, twin_of_64x64_pictures_differs_by_its_ends, 0, (int)(sizeof twins / sizeof *twins));
    tcase_add_test(rows, papers_own_figures_of_wavemix_16_and_all5);
    tcase_add_test(rows, rows_know_what_the_papers_print);
    tcase_add_test(rows, every_row_of_the_presets_has_a_name);
    suite_add_tcase(suite, rows);
    return support_run(suite);
}
