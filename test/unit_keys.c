/* Keys of configurations: tables read and written, objects with keys of their own, one configuration over another, and that models/README.md
 * shows the tables as they are. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "io/json.h"
#include "models/mixers/mixer.h"
#include "models/model.h"
#include "models/parts/stem.h"
#include "models/sequence.h"
#include "network/overlay.h"
#include "support_suite.h"

/* ---- a model that has one of everything ------------------------------------------------------------------------------------------------ */

struct soft_keys {
    bool causal;
};

struct low_rank_keys {
    size_t features, landmarks;
};

struct toy_keys {
    struct clmix_picture_keys picture;
    size_t dim;
    float dropout, ratio;
    int pool;
    struct clmix_key_list widths;
    struct clmix_key_object mixer;
};

static clmix_status check_low_rank(void *given, const char *where)
{
    struct low_rank_keys *keys = given;

    if (keys->landmarks == 0)
        keys->landmarks = keys->features / 2;
    if (keys->landmarks > keys->features)
        return clmix_fail(CLMIX_ERROR_FORMAT, "%s: more 'landmarks' than 'features'", where);
    return CLMIX_OK;
}

static const struct clmix_key soft_rows[] = {
    { .name = "causal", .type = CLMIX_KEY_FLAG, .offset = offsetof(struct soft_keys, causal), .usual = "false" },
};

static const struct clmix_key low_rank_rows[] = {
    { .name = "features", .type = CLMIX_KEY_SIZE, .offset = offsetof(struct low_rank_keys, features), .usual = "64", .most = 256 },
    { .name = "landmarks", .type = CLMIX_KEY_SIZE, .offset = offsetof(struct low_rank_keys, landmarks), .derived = "half of them" },
};

static const struct clmix_key_table soft = { "soft", sizeof(struct soft_keys), NULL, soft_rows, 1, NULL };
static const struct clmix_key_table low_rank = { "low-rank", sizeof(struct low_rank_keys), NULL, low_rank_rows, 2, check_low_rank };
static const struct clmix_key_table *const mixers[] = { &soft, &low_rank, NULL };
static const char *const pools[] = { "cls", "mean", NULL };

#define AT(member) offsetof(struct toy_keys, member)
static const struct clmix_key toy_rows[] = {
    { .name = "dim", .type = CLMIX_KEY_SIZE, .offset = AT(dim) },
    { .name = "dropout", .type = CLMIX_KEY_RATE, .offset = AT(dropout), .usual = "0.1" },
    { .name = "ratio", .type = CLMIX_KEY_NUMBER, .offset = AT(ratio), .usual = "4", .most = 64 },
    { .name = "pool", .type = CLMIX_KEY_CHOICE, .offset = AT(pool), .choices = pools, .usual = "mean" },
    { .name = "widths", .type = CLMIX_KEY_LIST, .offset = AT(widths), .usual = "[32, 64]" },
    { .name = "mixer", .type = CLMIX_KEY_OBJECT, .offset = AT(mixer), .kinds = mixers, .usual = "soft" },
};
static const struct clmix_key_table toy = { "toy", sizeof(struct toy_keys), &clmix_picture_table, toy_rows, 6, NULL };
static const struct clmix_key_table *const models[] = { &toy, NULL };

static cJSON *parse(const char *text)
{
    cJSON *json = NULL;

    ck_assert_msg(clmix_json_parse(&json, "text", text, strlen(text)) == CLMIX_OK, "%s: %s", text, clmix_error());
    return json;
}

static clmix_status read_toy(struct clmix_key_object *object, const char *text)
{
    cJSON *json = parse(text);
    clmix_status status = clmix_keys_read(object, json, "toy.json", "model", NULL, models);

    cJSON_Delete(json);
    return status;
}

/* ---- reading and writing ------------------------------------------------------------------------------------------------------------- */

#define GIVEN "\"model\":\"toy\",\"image_size\":8,\"classes\":2,\"dim\":4"

static const struct {
    const char *given, *written; /* behind GIVEN, and behind "dim" */
} readings[] = {
    { "", ",\"dropout\":0.1,\"ratio\":4,\"pool\":\"mean\",\"widths\":[32,64],\"mixer\":{\"kind\":\"soft\",\"causal\":false}" },
    { ",\"pool\":\"cls\",\"ratio\":2.5,\"widths\":7,\"dropout\":0.25,\"mixer\":{\"kind\":\"soft\",\"causal\":true}",
      ",\"dropout\":0.25,\"ratio\":2.5,\"pool\":\"cls\",\"widths\":[7],\"mixer\":{\"kind\":\"soft\",\"causal\":true}" },
    { ",\"mixer\":{\"causal\":true}", /* the usual kind, where none is named */
      ",\"dropout\":0.1,\"ratio\":4,\"pool\":\"mean\",\"widths\":[32,64],\"mixer\":{\"kind\":\"soft\",\"causal\":true}" },
    { ",\"mixer\":{\"kind\":\"low-rank\",\"features\":10}", ",\"dropout\":0.1,\"ratio\":4,\"pool\":\"mean\",\"widths\":[32,64],\"mixer\":{"
                                                            "\"kind\":\"low-rank\",\"features\":10,\"landmarks\":5}" },
};

START_TEST(what_is_read_is_written_with_every_key)
{
    struct clmix_key_object object;
    cJSON *json = cJSON_CreateObject();
    char given[512], expected[512], *written;

    snprintf(given, sizeof given, "{" GIVEN "%s}", readings[_i].given);
    snprintf(expected, sizeof expected, "{\"model\":\"toy\",\"image_size\":[8,8],\"channels\":3,\"classes\":2,\"dim\":4%s}",
             readings[_i].written);
    ck_assert_msg(read_toy(&object, given) == CLMIX_OK, "%s", clmix_error());
    ck_assert(clmix_keys_write(json, "model", &object));
    ck_assert_int_eq(clmix_json_print(json, &written), CLMIX_OK);
    ck_assert_str_eq(written, expected);

    clmix_keys_free(&object);
    ck_assert_ptr_null(object.keys);
    ck_assert_int_eq(read_toy(&object, written), CLMIX_OK); /* and read again */
    clmix_keys_free(&object);
    free(written);
    cJSON_Delete(json);
}
END_TEST

static const struct {
    const char *given, *sentence;
    clmix_status status;
} refused[] = {
    { "{" GIVEN ",\"dorpout\":0}", "toy.json: unknown key 'dorpout'; known here: model, image_size, channels, classes, dim, dropout",
      CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"dorpout\":0}", "did you mean 'dropout'?", CLMIX_ERROR_FORMAT },
    { "{\"model\":\"toy\",\"image_size\":8,\"classes\":2}", "toy.json: the key 'dim' is missing", CLMIX_ERROR_FORMAT },
    { "{\"image_size\":8}", "toy.json: the key 'model' is missing", CLMIX_ERROR_FORMAT },
    { "{\"model\":\"tyo\"}", "no model 'tyo'; it has: toy; did you mean 'toy'?", CLMIX_ERROR_UNSUPPORTED },
    { "3", "one JSON object is needed", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"widths\":[]}", "'widths' is an empty list", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"widths\":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8]}", "a list of at most 16", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"channels\":65537}", "'channels' is 65537 and must be a whole number from 1 to 65536", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"ratio\":0}", "'ratio' is 0 and must be above it", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"ratio\":65}", "'ratio' is 65 and must be a number from 0 to 64", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"pool\":\"mena\"}", "one of: cls, mean; did you mean 'mean'?", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"mixer\":\"soft\"}", "toy.json: mixer: one JSON object is needed here, { \"kind\"", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"mixer\":{\"kind\":\"sotf\"}}", "toy.json: mixer: this version has no kind 'sotf'; it has: soft, low-rank; did you mean",
      CLMIX_ERROR_UNSUPPORTED },
    { "{" GIVEN ",\"mixer\":{\"features\":3}}", "toy.json: mixer: unknown key 'features'; known here: kind, causal", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"mixer\":{\"causal\":1}}", "toy.json: mixer: 'causal' is 1 and must be true or false", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"mixer\":{\"kind\":\"low-rank\",\"features\":257}}", "a whole number from 1 to 256", CLMIX_ERROR_FORMAT },
    { "{" GIVEN ",\"mixer\":{\"kind\":\"low-rank\",\"features\":4,\"landmarks\":5}}", "toy.json: mixer: more 'landmarks'",
      CLMIX_ERROR_FORMAT },
};

START_TEST(what_a_table_does_not_allow_is_refused_by_name)
{
    struct clmix_key_object object;

    ck_assert_int_eq(read_toy(&object, refused[_i].given), refused[_i].status);
    ck_assert_msg(strstr(clmix_error(), refused[_i].sentence) != NULL, "%s", clmix_error());
    ck_assert_ptr_null(object.keys);
}
END_TEST

/* ---- one over another ----------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *object, *over, *result;
} layers[] = {
    { "{\"dim\":1,\"depth\":2}", "{\"dim\":3}", "{\"depth\":2,\"dim\":3}" },
    { "{\"list\":[1,2]}", "{\"list\":[3]}", "{\"list\":[3]}" },
    { "{\"mixer\":{\"kind\":\"a\",\"x\":1}}", "{\"mixer\":{\"y\":2}}", "{\"mixer\":{\"kind\":\"a\",\"x\":1,\"y\":2}}" },
    { "{\"mixer\":{\"kind\":\"a\",\"x\":1}}", "{\"mixer\":{\"kind\":\"a\",\"x\":2}}", "{\"mixer\":{\"kind\":\"a\",\"x\":2}}" },
    { "{\"mixer\":{\"kind\":\"a\",\"x\":1}}", "{\"mixer\":{\"kind\":\"b\"}}", "{\"mixer\":{\"kind\":\"b\"}}" },
    { "{\"mixer\":{\"x\":1}}", "{\"mixer\":{\"kind\":\"b\"}}", "{\"mixer\":{\"x\":1,\"kind\":\"b\"}}" },
    { "{\"mixer\":7}", "{\"mixer\":{\"x\":1}}", "{\"mixer\":{\"x\":1}}" },
    { "{}", "{\"mixer\":{\"x\":1}}", "{\"mixer\":{\"x\":1}}" },
};

START_TEST(objects_are_laid_over_one_another_unless_the_kind_is_another)
{
    cJSON *object = parse(layers[_i].object), *over = parse(layers[_i].over), *result = parse(layers[_i].result);
    char *text;

    ck_assert(clmix_overlay(object, over));
    text = cJSON_PrintUnformatted(object);
    ck_assert_msg(cJSON_Compare(object, result, 1), "%s over %s is %s", layers[_i].over, layers[_i].object, text);
    cJSON_free(text);
    cJSON_Delete(object);
    cJSON_Delete(over);
    cJSON_Delete(result);
}
END_TEST

/* ---- models/README.md ------------------------------------------------------------------------------------------------------------------ */

static char *read_readme(void)
{
    FILE *file = fopen(CLMIX_TEST_SOURCE "/models/README.md", "rb");
    char *text = calloc(1, 1 << 16);

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, (1 << 16) - 1, file), 0);
    fclose(file);
    return text;
}

/* What may be given, in words. */
static void say_type(const struct clmix_key *key, char text[256])
{
    const size_t most = key->most == 0 ? CLMIX_KEY_MOST : key->most;
    size_t used = 0;

    switch (key->type) {
    case CLMIX_KEY_SIZE: used = (size_t)snprintf(text, 256, "number"); break;
    case CLMIX_KEY_NUMBER: used = (size_t)snprintf(text, 256, "number above 0"); break;
    case CLMIX_KEY_RATE: snprintf(text, 256, "number below 1"); break;
    case CLMIX_KEY_FLAG: snprintf(text, 256, "`true` or `false`"); break;
    case CLMIX_KEY_PAIR: used = (size_t)snprintf(text, 256, "[height, width], or one number"); break;
    case CLMIX_KEY_LIST: snprintf(text, 256, "list"); break;
    case CLMIX_KEY_OBJECT: snprintf(text, 256, "object"); break;
    case CLMIX_KEY_CHOICE:
        for (size_t i = 0; key->choices[i] != NULL; i++)
            used += (size_t)snprintf(text + used, 256 - used, "%s`%s`",
                                     i == 0                        ? ""
                                     : key->choices[i + 1] == NULL ? " or "
                                                                   : ", ",
                                     key->choices[i]);
        return;
    }
    if (key->zero)
        used += (size_t)snprintf(text + used, 256 - used, ", or 0");
    if (key->type == CLMIX_KEY_SIZE && key->least > 1)
        used += (size_t)snprintf(text + used, 256 - used, ", at least %zu", key->least);
    if ((key->type == CLMIX_KEY_SIZE || key->type == CLMIX_KEY_NUMBER) && most != CLMIX_KEY_MOST)
        snprintf(text + used, 256 - used, ", up to %zu", most);
}

static void say_usual(const struct clmix_key *key, char text[128])
{
    if (key->derived != NULL)
        snprintf(text, 128, "%s", key->derived);
    else if (key->usual == NULL)
        snprintf(text, 128, "required");
    else
        snprintf(text, 128, key->type == CLMIX_KEY_CHOICE || key->type == CLMIX_KEY_OBJECT ? "`%s`" : "%s", key->usual);
}

/* That the table under `heading` has these rows and no others. */
static void expect_table(const char *readme, const char *heading, const struct clmix_key_table *table)
{
    const char *at = strstr(readme, heading);
    char type[256], usual[128], row[1024];

    ck_assert_msg(at != NULL, "models/README.md has no heading '%s'", heading);
    if (table->count == 0) {
        const char *rows = strstr(at + strlen(heading), "\n| "), *next = strstr(at + strlen(heading), "\n#");

        ck_assert_msg(rows == NULL || (next != NULL && next < rows), "models/README.md: a table under '%s', which has no keys", heading);
        return;
    }
    at = strstr(at, "| --- | --- | --- | --- |\n");
    ck_assert_msg(at != NULL, "models/README.md: no table under '%s'", heading);
    at = strchr(at, '\n') + 1;
    for (size_t i = 0; i < table->count; i++) {
        const struct clmix_key *key = &table->keys[i];

        ck_assert_msg(key->meaning != NULL && (key->usual == NULL || key->derived == NULL), "%s: %s", table->name, key->name);
        say_type(key, type);
        say_usual(key, usual);
        snprintf(row, sizeof row, "| `%s` | %s | %s | %s |\n", key->name, type, usual, key->meaning);
        ck_assert_msg(strncmp(at, row, strlen(row)) == 0, "models/README.md, '%s': the table of the sources has\n%swhere there is\n%.*s",
                      heading, row, (int)strcspn(at, "\n"), at);
        at += strlen(row);
    }
    ck_assert_msg(*at != '|', "models/README.md, '%s': a key that the sources do not have: %.*s", heading, (int)strcspn(at, "\n"), at);
}

START_TEST(readme_shows_the_tables_of_all_models_and_mixers)
{
    char *readme = read_readme(), heading[80];

    expect_table(readme, "\n## Keys of every image model\n", &clmix_picture_table);
    expect_table(readme, "\n## Keys of models with a stem\n", &clmix_stem_table);
    expect_table(readme, "\n## Keys of every model of tokens\n", &clmix_sequence_table);
    for (size_t i = 0; clmix_model_tables[i] != NULL; i++) {
        snprintf(heading, sizeof heading, "\n## `%s`\n", clmix_model_tables[i]->name);
        expect_table(readme, heading, clmix_model_tables[i]);
    }
    for (size_t i = 0; clmix_mixer_tables[i] != NULL; i++) {
        snprintf(heading, sizeof heading, "\n### `%s`\n", clmix_mixer_tables[i]->name);
        expect_table(readme, heading, clmix_mixer_tables[i]);
    }
    expect_table(readme, "\n### `linformer` of token models\n", &clmix_mixer_token_linformer.table);
    expect_table(readme, "\n### `nystrom` of token models\n", &clmix_mixer_token_nystrom.table);
    expect_table(readme, "\n### `performer` of token models\n", &clmix_mixer_token_performer.table);
    expect_table(readme, "\n### `softmax` of token models\n", &clmix_mixer_token_softmax.table);
    expect_table(readme, "\n### `softmax` of `levit`\n", &clmix_mixer_levit.table);
    expect_table(readme, "\n### `softmax` of `cvt`\n", &clmix_mixer_cvt.table);
    free(readme);
}
END_TEST

int main(void)
{
    TCase *tables = tcase_create("tables"), *overlays = tcase_create("overlays"), *readme = tcase_create("readme");
    Suite *suite = suite_create("keys");

    tcase_add_loop_test(tables, what_is_read_is_written_with_every_key, 0, (int)(sizeof readings / sizeof *readings));
    tcase_add_loop_test(tables, what_a_table_does_not_allow_is_refused_by_name, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_loop_test(overlays, objects_are_laid_over_one_another_unless_the_kind_is_another, 0, (int)(sizeof layers / sizeof *layers));
    tcase_add_test(readme, readme_shows_the_tables_of_all_models_and_mixers);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, overlays);
    suite_add_tcase(suite, readme);
    return support_run(suite);
}
