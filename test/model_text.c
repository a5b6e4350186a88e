/* Texts and networks of tokens: classes, masks that are filled, tokenizers that travel with weights, what is refused. */
#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "network/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_tool.h"

#define WORDS      "the\ndog\ncat\nbarks\nsleeps\n##s\na\nand\n.\nloud"
#define VOCABULARY "wordpiece\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" WORDS "\n"
#define TOKENS     15 /* of it */
#define BERT \
    "\"model\":\"bert\",\"vocab\":15,\"max_len\":40,\"dim\":8,\"depth\":2,\"heads\":2,\"mlp_dim\":12,\"mixer\":{\"kind\":\"softmax\"}"
#define CLASSIFY  "{" BERT ",\"head\":\"classify\",\"classes\":3}"
#define ONE_LOGIT "{" BERT ",\"head\":\"classify\",\"classes\":1}"
#define MASKED    "{" BERT ",\"head\":\"mlm\"}"
#define DUAL                                                                                                                           \
    "{\"model\":\"lra\",\"vocab\":258,\"max_len\":24,\"dim\":8,\"depth\":1,\"heads\":2,\"mlp_dim\":12,\"classes\":2,\"pool\":\"cls\"," \
    "\"dual\":true,\"mixer\":{\"kind\":\"softmax\"}}"
#define MEAN                                                                                                                            \
    "{\"model\":\"lra\",\"vocab\":257,\"max_len\":48,\"dim\":8,\"depth\":1,\"heads\":2,\"mlp_dim\":12,\"classes\":2,\"pool\":\"mean\"," \
    "\"mixer\":{\"kind\":\"softmax\"}}"
#define PICTURES "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1}"

static char folder[512];

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void end(void)
{
    remove_folder(folder);
}

/* The call failed with this status, and its sentence has this part. */
static void fails(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "%s instead of %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' lacks '%s'", clmix_error(), part);
}

/* A network whose weights are large enough for its answers to differ. */
static clmix_network *network_of(const char *description, const char *tokenizer_text)
{
    clmix_config *config;
    clmix_network *network;
    clmix_tokenizer *tokenizer = NULL;

    ops_ok(clmix_config_open(&config, description));
    ops_ok(clmix_network_create(&network, ops_device, config, 5));
    clmix_config_free(config);
    for (size_t i = 0; i < clmix_network_tensor_count(network); i++) {
        clmix_tensor_info info;
        float *values;
        size_t count;

        ops_ok(clmix_network_tensor(network, i, &info));
        count = clmix_shape_count(info.file_shape);
        values = ops_floats(count, i, -2.0f, 2.0f);
        ops_ok(clmix_network_write(network, info.name, values, count));
        free(values);
    }
    if (tokenizer_text != NULL) {
        ops_ok(clmix_tokenizer_read(&tokenizer, tokenizer_text));
        ops_ok(clmix_network_describe_text(network, tokenizer));
        clmix_tokenizer_close(tokenizer);
    }
    return network;
}

/* ---- the same without any of it: the model's graph on the ids of one text --------------------------------------------------------------- */

struct sequence {
    const int32_t *ids;
    size_t count;
};

static void write_sequence(clmix_plan *plan, const char *tokens, const char *mask, const struct sequence *sequence, size_t length)
{
    int32_t ids[64] = { 0 }, ones[64] = { 0 };

    for (size_t i = 0; i < sequence->count; i++) {
        ids[i] = sequence->ids[i];
        ones[i] = 1;
    }
    ops_ok(clmix_plan_write(plan, tokens, ids, length * sizeof *ids));
    ops_ok(clmix_plan_write(plan, mask, ones, length * sizeof *ones));
}

/* Logits of one sample of one sequence or two, padded to `length`. */
static void run_model(clmix_network *network, const struct sequence *sequences, int count, size_t length, float *logits, size_t values)
{
    static const char *const ports[] = { CLMIX_TOKENS, CLMIX_TOKEN_MASK, CLMIX_SECOND_TOKENS, CLMIX_SECOND_MASK };
    clmix_graph *graph = clmix_graph_new();
    clmix_value inputs[4];
    clmix_plan *plan;

    for (int i = 0; i < 2 * count; i++)
        inputs[i] = clmix_input(graph, ports[i], CLMIX_I32, 2, (size_t[]){ 1, length });
    clmix_output(graph, "logits", clmix_model(clmix_root(graph), inputs, clmix_network_config(network)));
    ops_ok(clmix_plan_compile(&plan, graph, ops_device, CLMIX_INFERENCE));
    clmix_graph_free(graph);
    ops_ok(clmix_plan_bind_arena(plan, CLMIX_WEIGHTS, clmix_network_weights(network)));
    ops_ok(clmix_plan_prepare(plan));
    for (int i = 0; i < count; i++)
        write_sequence(plan, ports[2 * i], ports[2 * i + 1], &sequences[i], length);
    ops_ok(clmix_plan_run(plan));
    ops_ok(clmix_plan_read(plan, "logits", logits, values * sizeof *logits));
    clmix_plan_free(plan);
}

static void softmax(const float *logits, size_t count, double *probabilities)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += probabilities[i] = exp((double)logits[i]);
    for (size_t i = 0; i < count; i++)
        probabilities[i] /= sum;
}

static void check_probabilities(const float *found, const double *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs((double)found[i] - wanted[i]) < 2e-5, "value %zu is %g, not %g", i, (double)found[i], wanted[i]);
}

/* ---- classes ---------------------------------------------------------------------------------------------------------------------------- */

#define TEN_TIMES_A "a a a a a a a a a a "
#define TEN_11      11, 11, 11, 11, 11, 11, 11, 11, 11, 11
/* Texts with the ids that the vocabulary makes of them, by hand: [CLS] 2, [SEP] 3. */
#define IDS(...)                                                                 \
    {                                                                            \
        (const int32_t[]){ __VA_ARGS__ }, sizeof((int32_t[]){ __VA_ARGS__ }) / 4 \
    }
static const struct {
    const char *text, *second;
    struct sequence sequence;
} texts[] = {
    { "The dog barks.", NULL, IDS(2, 5, 6, 8, 13, 3) },
    { "cats", NULL, IDS(2, 7, 10, 3) },
    { "", NULL, IDS(2, 3) },
    { "a loud Zebra", NULL, IDS(2, 11, 14, 1, 3) },
    { "the dog", "sleeps", IDS(2, 5, 6, 3, 9, 3) },
    { "the dog and the cat and the dog and the cat and the dog barks .", NULL,
      IDS(2, 5, 6, 12, 5, 7, 12, 5, 6, 12, 5, 7, 12, 5, 6, 8, 13, 3) },
    { TEN_TIMES_A TEN_TIMES_A TEN_TIMES_A TEN_TIMES_A "dog", NULL,
      IDS(2, TEN_11, TEN_11, TEN_11, 11, 11, 11, 11, 11, 11, 11, 11, 3) }, /* is cut */
    { "[MASK]", NULL, IDS(2, 1, 1, 1, 3) },                                /* is text as any other, where classes are asked for */
};
#define TEXTS (sizeof texts / sizeof *texts)

START_TEST(texts_have_the_models_classes)
{
    clmix_network *network = network_of(CLASSIFY, VOCABULARY);
    const char *firsts[TEXTS], *seconds[TEXTS];
    float together[TEXTS * 3], alone[3], logits[3];
    double wanted[3];
    clmix_prediction prediction;

    for (size_t i = 0; i < TEXTS; i++) {
        firsts[i] = texts[i].text;
        seconds[i] = texts[i].second;
    }
    ops_ok(clmix_network_classify_texts(network, firsts, seconds, TEXTS, together));
    for (size_t i = 0; i < TEXTS; i++) {
        run_model(network, &texts[i].sequence, 1, texts[i].sequence.count, logits, 3); /* padding changes nothing */
        softmax(logits, 3, wanted);
        check_probabilities(together + 3 * i, wanted, 3);
        ops_ok(clmix_network_classify_texts(network, &firsts[i], &seconds[i], 1, alone));
        check_probabilities(alone, wanted, 3);
        ops_ok(clmix_network_classify_text(network, texts[i].text, texts[i].second, &prediction));
        for (int c = 0; c < 3; c++)
            ck_assert(alone[c] <= prediction.probability);
        ck_assert(alone[prediction.label] == prediction.probability);
        ck_assert_str_eq(prediction.name, clmix_network_class_name(network, (size_t)prediction.label));
    }
    ck_assert(fabsf(together[1] - together[3 * 3 + 1]) > 1e-2f); /* answers differ */
    clmix_network_free(network);
}
END_TEST

/* More than a batch takes, of all lengths. */
START_TEST(many_texts_at_once_are_as_each_alone)
{
    enum { MANY = 150 };
    clmix_network *network = network_of(CLASSIFY, VOCABULARY);
    const char *given[MANY];
    float *together = malloc(MANY * 3 * sizeof *together), alone[3];

    for (size_t i = 0; i < MANY; i++)
        given[i] = texts[i % TEXTS].text;
    ops_ok(clmix_network_classify_texts(network, given, NULL, MANY, together));
    for (size_t i = 0; i < MANY; i += 7) {
        ops_ok(clmix_network_classify_texts(network, &given[i], NULL, 1, alone));
        for (int c = 0; c < 3; c++)
            ck_assert(fabsf(alone[c] - together[3 * i + (size_t)c]) < 2e-5f);
    }
    free(together);
    clmix_network_free(network);
}
END_TEST

START_TEST(one_logit_is_two_classes)
{
    clmix_network *network = network_of(ONE_LOGIT, VOCABULARY);
    float probabilities[2], logit;
    clmix_prediction prediction;

    ck_assert_uint_eq(clmix_config_classes(clmix_network_config(network)), 2);
    run_model(network, &texts[0].sequence, 1, texts[0].sequence.count, &logit, 1);
    ops_ok(clmix_network_classify_texts(network, &(const char *){ texts[0].text }, NULL, 1, probabilities));
    check_probabilities(probabilities, (const double[]){ 1.0 / (1.0 + exp((double)logit)), 1.0 / (1.0 + exp(-(double)logit)) }, 2);
    ops_ok(clmix_network_classify_text(network, texts[0].text, NULL, &prediction));
    ck_assert_int_eq(prediction.label, logit > 0.0f);
    clmix_network_free(network);
}
END_TEST

/* A mean over all places, those that fill it up too: such a network is always asked at its longest. */
START_TEST(padding_that_matters_is_always_as_long)
{
    const struct sequence sequence = IDS(1 + 'a', 1 + 'b', 1 + 'c');
    clmix_network *network = network_of(MEAN, "bytes\n");
    float logits[2], probabilities[4];
    double wanted[2];

    run_model(network, &sequence, 1, 48, logits, 2);
    softmax(logits, 2, wanted);
    ops_ok(clmix_network_classify_texts(network, (const char *const[]){ "abc", "a long text that needs more places" }, NULL, 2,
                                        probabilities));
    check_probabilities(probabilities, wanted, 2);
    fails(clmix_network_classify_texts(network, &(const char *){ "" }, NULL, 1, probabilities), CLMIX_ERROR_FORMAT, "is empty");
    clmix_network_free(network);
}
END_TEST

START_TEST(two_sequences_are_compared)
{
    const struct sequence sequences[] = { IDS(1 + 'a', 1 + 'b', 1 + 'c'), IDS(1 + 'x', 1 + ' ', 1 + 'y') };
    clmix_network *network = network_of(DUAL, "bytes\n");
    float logits[2], probabilities[2];
    double wanted[2];
    clmix_prediction prediction;

    run_model(network, sequences, 2, 16, logits, 2); /* the last token is dropped for a class token: here it is padding */
    softmax(logits, 2, wanted);
    ops_ok(clmix_network_classify_texts(network, &(const char *){ "abc" }, &(const char *){ "x y" }, 1, probabilities));
    check_probabilities(probabilities, wanted, 2);
    fails(clmix_network_classify_text(network, "abc", NULL, &prediction), CLMIX_ERROR_ARGUMENT, "compares two texts");
    clmix_network_free(network);
}
END_TEST

/* ---- masks ------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(masks_are_filled_with_the_most_probable_tokens)
{
    static const char text[] = "the [MASK] barks and [MASK] [MASK][MASK] ."; /* more than the head takes at once */
    const struct sequence sequence = IDS(2, 5, 4, 8, 12, 4, 4, 4, 13, 3);
    static const size_t places[] = { 2, 5, 6, 7 };
    clmix_network *network = network_of(MASKED, VOCABULARY);
    float logits[10 * TOKENS];
    double wanted[TOKENS];
    clmix_fill *fills;
    size_t masks;

    run_model(network, &sequence, 1, 10, logits, 10 * TOKENS);
    ops_ok(clmix_network_fill_mask(network, text, TOKENS, &fills, &masks));
    ck_assert_uint_eq(masks, 4);
    for (size_t i = 0; i < 4; i++) {
        const clmix_fill *of = fills + i * TOKENS;
        bool seen[TOKENS] = { false };

        softmax(logits + places[i] * TOKENS, TOKENS, wanted);
        for (size_t k = 0; k < TOKENS; k++) {
            ck_assert(of[k].id >= 0 && of[k].id < TOKENS && !seen[of[k].id]);
            seen[of[k].id] = true;
            ck_assert(fabs((double)of[k].probability - wanted[of[k].id]) < 2e-5);
            ck_assert(k == 0 || of[k].probability <= of[k - 1].probability);
            ck_assert_str_eq(of[k].token, clmix_tokenizer_token(clmix_network_tokenizer(network), of[k].id));
        }
    }
    clmix_free(fills);

    ops_ok(clmix_network_fill_mask(network, "[MASK]", 1, &fills, &masks));
    ck_assert_uint_eq(masks, 1);
    clmix_free(fills);
    fails(clmix_network_fill_mask(network, "the dog", 1, &fills, &masks), CLMIX_ERROR_ARGUMENT, "no [MASK] in the text");
    fails(clmix_network_fill_mask(network, TEN_TIMES_A TEN_TIMES_A TEN_TIMES_A TEN_TIMES_A "[MASK]", 1, &fills, &masks),
          CLMIX_ERROR_ARGUMENT, "first 40 tokens");
    fails(clmix_network_fill_mask(network, "[MASK]", 0, &fills, &masks), CLMIX_ERROR_ARGUMENT, "from 1 to 15");
    fails(clmix_network_fill_mask(network, "[MASK]", TOKENS + 1, &fills, &masks), CLMIX_ERROR_ARGUMENT, "from 1 to 15");
    ck_assert(fills == NULL && masks == 0);
    clmix_network_free(network);
}
END_TEST

/* ---- tokenizers and files --------------------------------------------------------------------------------------------------------------- */

static void path_in(char path[600], const char *name)
{
    snprintf(path, 600, "%s/%s", folder, name);
}

START_TEST(the_tokenizer_is_saved_with_the_weights)
{
    clmix_network *network = network_of(CLASSIFY, VOCABULARY), *loaded, *bare = network_of(CLASSIFY, NULL);
    clmix_tokenizer *alone;
    float before[3], after[3];
    char path[600], without[600], *text;

    path_in(path, "with.safetensors");
    path_in(without, "without.safetensors");
    ops_ok(clmix_network_classify_texts(network, &(const char *){ "the dog" }, NULL, 1, before));
    ops_ok(clmix_network_save(network, path));
    ops_ok(clmix_network_save(bare, without));
    ck_assert_ptr_null(clmix_network_tokenizer(bare));

    ops_ok(clmix_network_load(&loaded, ops_device, path));
    ops_ok(clmix_tokenizer_write(clmix_network_tokenizer(loaded), &text));
    ck_assert_str_eq(text, VOCABULARY);
    clmix_free(text);
    ops_ok(clmix_network_classify_texts(loaded, &(const char *){ "the dog" }, NULL, 1, after));
    ck_assert_mem_eq(before, after, sizeof before);
    ops_ok(clmix_network_load_weights(loaded, without)); /* what the file does not say stays */
    ck_assert_ptr_nonnull(clmix_network_tokenizer(loaded));
    ops_ok(clmix_network_load_weights(bare, path));
    ck_assert_uint_eq(clmix_tokenizer_size(clmix_network_tokenizer(bare)), TOKENS);

    ops_ok(clmix_weights_tokenizer(&alone, path));
    ck_assert_uint_eq(clmix_tokenizer_size(alone), TOKENS);
    clmix_tokenizer_close(alone);
    ops_ok(clmix_weights_tokenizer(&alone, without));
    ck_assert_ptr_null(alone);
    clmix_network_free(bare);
    clmix_network_free(loaded);
    clmix_network_free(network);
}
END_TEST

/* What is in the metadata in the place of what was, as long; a line's end is two bytes there. */
static const struct {
    const char *was, *is, *sentence;
} lies[] = {
    { "wordpiece\\n", "wordpeice\\n", "wordpeice" },
    { "wordpiece\\n", "bytesbytes ", "bytesbytes" },
    { "[MASK]", "[MUSK]", "[MASK]" },
    { "\\ncat\\n", "\\ndog\\n", "dog" },
    { "barks", "b\\nks", "has 16 tokens" },
};

START_TEST(files_that_lie_about_their_tokenizer_are_refused)
{
    clmix_network *network = network_of(CLASSIFY, VOCABULARY), *loaded = NULL;
    char path[600], sentence[1024];
    void *content;
    size_t bytes;

    path_in(path, "lying.safetensors");
    ops_ok(clmix_network_save(network, path));
    ops_ok(clmix_file_read(path, 1 << 20, &content, &bytes));
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const size_t length = strlen(lies[i].was);
        char *copy = malloc(bytes), *at = NULL;

        ck_assert_uint_eq(length, strlen(lies[i].is));
        memcpy(copy, content, bytes);
        for (size_t k = 0; at == NULL && k + length < bytes; k++)
            if (memcmp(copy + k, lies[i].was, length) == 0)
                at = copy + k;
        ck_assert_ptr_nonnull(at);
        memcpy(at, lies[i].is, length);
        ops_ok(clmix_file_write(path, copy, bytes));
        fails(clmix_network_load(&loaded, ops_device, path), CLMIX_ERROR_FORMAT, lies[i].sentence);
        snprintf(sentence, sizeof sentence, "%s", clmix_error());
        ck_assert_msg(strstr(sentence, "lying.safetensors") != NULL, "%s", sentence);
        fails(clmix_network_load_weights(network, path), CLMIX_ERROR_FORMAT, lies[i].sentence);
        ck_assert_uint_eq(clmix_tokenizer_size(clmix_network_tokenizer(network)), TOKENS); /* the old one stays */
        free(copy);
    }
    free(content);
    clmix_network_free(network);
}
END_TEST

/* ---- what is refused -------------------------------------------------------------------------------------------------------------------- */

START_TEST(what_does_not_fit_is_refused)
{
    clmix_network *pictures = network_of(PICTURES, NULL), *classify = network_of(CLASSIFY, VOCABULARY), *masked = network_of(MASKED, NULL);
    clmix_tokenizer *large;
    clmix_prediction prediction;
    clmix_fill *fills;
    size_t masks;
    uint8_t picture[16 * 16 * 3] = { 0 };
    float values[10];

    ops_ok(clmix_tokenizer_open(&large, "bytes"));
    fails(clmix_network_describe_text(pictures, large), CLMIX_ERROR_ARGUMENT, "reads pictures");
    fails(clmix_network_describe_text(classify, large), CLMIX_ERROR_ARGUMENT, "has 257 tokens");
    clmix_tokenizer_close(large);
    fails(clmix_network_classify_text(pictures, "a", NULL, &prediction), CLMIX_ERROR_ARGUMENT, "reads pictures");
    fails(clmix_network_fill_mask(pictures, "[MASK]", 1, &fills, &masks), CLMIX_ERROR_ARGUMENT, "reads pictures");
    fails(clmix_network_classify(classify, picture, 1, values), CLMIX_ERROR_ARGUMENT, "reads tokens");
    fails(clmix_network_classify_file(classify, CLMIX_TEST_DATA "/pictures/rgb.png", &prediction), CLMIX_ERROR_ARGUMENT, "reads tokens");
    fails(clmix_network_fill_mask(classify, "[MASK]", 1, &fills, &masks), CLMIX_ERROR_ARGUMENT, "tells classes apart");
    fails(clmix_network_fill_mask(masked, "[MASK]", 1, &fills, &masks), CLMIX_ERROR_ARGUMENT, "clmix_network_describe_text");
    fails(clmix_network_classify_text(classify, "a \xFF", NULL, &prediction), CLMIX_ERROR_FORMAT, "0xFF");
    fails(clmix_network_classify_texts(classify, (const char *const[]){ "a", "b \xFF" }, NULL, 2, values), CLMIX_ERROR_FORMAT, "text 1");
    fails(clmix_network_classify_texts(classify, (const char *const[]){ "a", NULL }, NULL, 2, values), CLMIX_ERROR_ARGUMENT,
          "text 1 is NULL");
    fails(clmix_network_classify_texts(classify, (const char *const[]){ "a" }, NULL, 0, values), CLMIX_ERROR_ARGUMENT, "none was given");
    clmix_network_free(masked);
    clmix_network_free(classify);
    clmix_network_free(pictures);
}
END_TEST

START_TEST(no_answer_comes_of_weights_that_are_no_numbers)
{
    clmix_network *classify = network_of(CLASSIFY, VOCABULARY), *masked = network_of(MASKED, VOCABULARY);
    const float bad[3] = { 0.0f, NAN, 0.0f };
    float dense[8] = { NAN };
    clmix_prediction prediction;
    clmix_fill *fills;
    size_t masks;

    ops_ok(clmix_network_write(classify, "classifier.bias", bad, 3));
    fails(clmix_network_classify_text(classify, "the dog", NULL, &prediction), CLMIX_ERROR_NOT_FINITE, "classifier.bias");
    ops_ok(clmix_network_write(masked, "mlm_head.dense.bias", dense, 8));
    fails(clmix_network_fill_mask(masked, "[MASK]", 1, &fills, &masks), CLMIX_ERROR_NOT_FINITE, "mlm_head.dense.bias");
    clmix_network_free(masked);
    clmix_network_free(classify);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("texts");
    TCase *answers = tcase_create("answers"), *files = tcase_create("files");

    tcase_set_timeout(answers, 300);
    tcase_set_timeout(files, 300);
    tcase_add_unchecked_fixture(answers, ops_open, ops_close);
    tcase_add_unchecked_fixture(files, ops_open, ops_close);

    tcase_add_test(answers, texts_have_the_models_classes);
    tcase_add_test(answers, many_texts_at_once_are_as_each_alone);
    tcase_add_test(answers, one_logit_is_two_classes);
    tcase_add_test(answers, padding_that_matters_is_always_as_long);
    tcase_add_test(answers, two_sequences_are_compared);
    tcase_add_test(answers, masks_are_filled_with_the_most_probable_tokens);
    tcase_add_test(answers, what_does_not_fit_is_refused);
    tcase_add_test(answers, no_answer_comes_of_weights_that_are_no_numbers);
    tcase_add_unchecked_fixture(files, begin, end);
    tcase_add_test(files, the_tokenizer_is_saved_with_the_weights);
    tcase_add_test(files, files_that_lie_about_their_tokenizer_are_refused);
    suite_add_tcase(suite, answers);
    suite_add_tcase(suite, files);
    return support_run(suite);
}
