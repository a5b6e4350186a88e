/* Failing host allocations: the linker sends the calls of clmix, a static library here, to the functions below (CMakeLists.txt), and none
 * of the driver's. cJSON, which clmix works with, is given the same ones. */
#include "base/file.h"
#include "base/status.h"
#include "data/packing.h"
#include "support_faults.h"
#include "support_suite.h"
#include "verify/case.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long blocks; /* allocated and not freed, by all threads */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t bytes);
void __real_free(void *memory);

static void *counted(void *memory)
{
    if (memory != NULL)
        blocks++;
    return memory;
}

void *__wrap_malloc(size_t bytes)
{
    return fault_strikes() ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fault_strikes() ? NULL : counted(__real_calloc(count, bytes));
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    void *larger;

    if (fault_strikes())
        return NULL;
    larger = __real_realloc(memory, bytes);
    return memory == NULL ? counted(larger) : larger;
}

char *__wrap_strdup(const char *text)
{
    return fault_strikes() ? NULL : counted(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t bytes)
{
    return fault_strikes() ? NULL : counted(__real_strndup(text, bytes));
}

void __wrap_free(void *memory)
{
    if (memory != NULL)
        blocks--;
    __real_free(memory);
}

static long held(void)
{
    return blocks;
}

/* cJSON does not tell a lack of memory from bad syntax. */
static bool may_give(clmix_status status)
{
    return status == CLMIX_ERROR_HOST_MEMORY || status == CLMIX_ERROR_FORMAT;
}

static const struct fault no_memory = { held, may_give };

START_TEST(every_scenario_survives_a_lack_of_memory)
{
    fail_each_call(&no_memory, &tiny_scenarios[_i], 120);
}
END_TEST

/* A case's failures are in its report. */
static const char *case_path;

static clmix_status run_case(void)
{
    struct clmix_case_report report;
    clmix_status status = CLMIX_OK;

    clmix_case_run(&report, tiny.device, case_path);
    if (!report.pass) {
        status = CLMIX_ERROR_HOST_MEMORY;
        clmix_fail(status, "%s", report.sentence);
    }
    clmix_case_report_free(&report);
    return status;
}

START_TEST(cases_survive_a_lack_of_memory)
{
    static const char *const paths[] = { CLMIX_TEST_CASES "/ops/adamw.safetensors", CLMIX_TEST_CASES "/ops/conv2d_1x1.safetensors",
                                         CLMIX_TEST_CASES "/models/wavemix.safetensors" };
    const struct scenario scenario = { "a reference case", NULL, run_case, NULL };

    case_path = paths[_i];
    fail_each_call(&no_memory, &scenario, _i < 2 ? 40 : 12);
}
END_TEST

/* ---- text ------------------------------------------------------------------------------------------------------------------------------- */

#define VOCABULARY "wordpiece\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nc\n"

static clmix_status encode(const clmix_tokenizer *tokenizer)
{
    const clmix_encoding encoding = { .longest = 7, .read_specials = true };
    clmix_tokens tokens = { 0 };
    char *text = NULL, *written = NULL;
    clmix_status status = clmix_tokenizer_encode(tokenizer, "ab c ab[MASK]c", 14, "c ab", 4, &encoding, &tokens);

    if (status == CLMIX_OK)
        status = clmix_tokenizer_decode(tokenizer, tokens.ids, tokens.count, true, &text, NULL);
    if (status == CLMIX_OK && strcmp(text, "[CLS] ab [SEP] c a [SEP]") != 0)
        tiny_give_up(text);
    if (status == CLMIX_OK)
        status = clmix_tokenizer_write(tokenizer, &written);
    if (status == CLMIX_OK && strcmp(written, VOCABULARY) != 0)
        tiny_give_up("a tokenizer is written in another way than it was read");
    clmix_free(text);
    clmix_free(written);
    clmix_tokens_clear(&tokens);
    return status;
}

static clmix_status run_tokenizer(void)
{
    clmix_tokenizer *tokenizer = NULL;
    clmix_status status = clmix_tokenizer_read(&tokenizer, VOCABULARY);

    if (status == CLMIX_OK)
        status = encode(tokenizer);
    clmix_tokenizer_close(tokenizer);
    return status;
}

static clmix_status run_vocabulary(void)
{
    const clmix_vocabulary_options options = { .least = 1 };
    clmix_words *words = NULL;
    char *vocabulary = NULL;
    clmix_status status = clmix_words_new(&words, false);

    if (status == CLMIX_OK)
        status = clmix_words_add(words, "low lower lowest newer wider abababab aaaa", 42);
    if (status == CLMIX_OK)
        status = clmix_words_vocabulary(words, &options, &vocabulary);
    if (status == CLMIX_OK && strstr(vocabulary, "\nlowest\n") == NULL)
        tiny_give_up("a vocabulary lacks a word that it was made from");
    clmix_words_free(words);
    clmix_free(vocabulary);
    return status;
}

static char text_spec[400];

static clmix_status read_samples(clmix_text_reader *reader, const clmix_tokenizer *tokenizer)
{
    const struct clmix_token_set_options options = { .encoding = { .bare = true } };
    const struct clmix_packing_options packing = { .room = 3 };
    struct clmix_packed packed = { 0 };
    struct clmix_token_set set;
    clmix_status status = clmix_token_set_read(&set, reader, CLMIX_TRAIN, tokenizer, &options);

    if (status == CLMIX_OK)
        status = clmix_pack(&packed, &set, &packing);
    if (status == CLMIX_OK && (set.count == 0 || packed.count == 0))
        tiny_give_up("a set of text has no samples");
    clmix_packed_free(&packed);
    clmix_token_set_free(&set);
    return status;
}

static clmix_status run_reader(void)
{
    clmix_tokenizer *tokenizer = NULL;
    clmix_text_reader *reader = NULL;
    clmix_status status = clmix_tokenizer_open(&tokenizer, strncmp(text_spec, "listops", 7) == 0 ? "listops" : "bytes");

    if (status == CLMIX_OK)
        status = clmix_text_reader_open(&reader, text_spec);
    if (status == CLMIX_OK)
        status = read_samples(reader, tokenizer);
    clmix_text_reader_close(reader);
    clmix_tokenizer_close(tokenizer);
    return status;
}

/* The set of it, as words of its own vocabulary where it is for masked language, and as a batch. */
static clmix_status run_set(void)
{
    const clmix_loader_options options = { .seed = 1 };
    const bool words = strncmp(text_spec, "text", 4) == 0;
    clmix_tokenizer *tokenizer = NULL;
    clmix_dataset *data = NULL;
    clmix_loader *loader = NULL;
    clmix_batch batch;
    clmix_status status = words ? clmix_tokenizer_read(&tokenizer, VOCABULARY) : CLMIX_OK;

    if (status == CLMIX_OK)
        status = clmix_dataset_open_text(&data, text_spec, NULL, 0, tokenizer);
    clmix_tokenizer_close(tokenizer);
    if (status == CLMIX_OK)
        status = clmix_loader_open(&loader, data, CLMIX_TRAIN, 1, &options);
    if (status == CLMIX_OK)
        status = clmix_loader_next(loader, &batch);
    clmix_loader_close(loader);
    clmix_dataset_close(data);
    return status;
}

/* ---- networks of text --------------------------------------------------------------------------------------------------------------------- */

#define TOKENS \
    "{\"model\":\"bert\",\"vocab\":8,\"max_len\":16,\"dim\":4,\"depth\":1,\"heads\":1,\"mlp_dim\":4,\"mixer\":{\"kind\":\"softmax\"},"

static const char *of_text[] = { TOKENS "\"head\":\"classify\",\"classes\":2}", TOKENS "\"head\":\"mlm\"}" };

static clmix_status ask(clmix_network *network, bool masks)
{
    static const char *const texts[] = { "a c", "ab", "c" };
    float probabilities[6];
    clmix_fill *fills = NULL;
    size_t count;
    clmix_status status;

    if (!masks)
        return clmix_network_classify_texts(network, texts, NULL, 3, probabilities);
    status = clmix_network_fill_mask(network, "a [MASK] [MASK] [MASK]", 2, &fills, &count);
    clmix_free(fills);
    return status;
}

/* Made, given a tokenizer, saved, loaded and asked. */
static clmix_status run_network_of(const char *description, bool masks)
{
    char path[400];
    clmix_config *config = NULL;
    clmix_network *network = NULL, *loaded = NULL;
    clmix_tokenizer *tokenizer = NULL;
    clmix_status status = clmix_config_open(&config, description);

    snprintf(path, sizeof path, "%s/text.safetensors", tiny.folder);
    if (status == CLMIX_OK)
        status = clmix_tokenizer_read(&tokenizer, VOCABULARY);
    if (status == CLMIX_OK)
        status = clmix_network_create(&network, tiny.device, config, 3);
    if (status == CLMIX_OK)
        status = clmix_network_describe_text(network, tokenizer);
    if (status == CLMIX_OK)
        status = clmix_network_save(network, path);
    if (status == CLMIX_OK)
        status = clmix_network_load(&loaded, tiny.device, path);
    if (status == CLMIX_OK)
        status = ask(loaded, masks);
    clmix_network_free(loaded);
    clmix_network_free(network);
    clmix_tokenizer_close(tokenizer);
    clmix_config_free(config);
    return status;
}

static clmix_status run_classes(void)
{
    return run_network_of(of_text[0], false);
}

static clmix_status run_masks(void)
{
    return run_network_of(of_text[1], true);
}

/* ---- trainers on text -------------------------------------------------------------------------------------------------------------------- */

#define BERT                                                                                                                              \
    "{\"model\":\"bert\",\"vocab\":257,\"max_len\":64,\"dim\":8,\"depth\":1,\"heads\":1,\"mlp_dim\":8,\"head\":\"classify\",\"classes\":" \
    "2,"                                                                                                                                  \
    "\"mixer\":{\"kind\":\"softmax\"}}"

static clmix_status open_trainer(const clmix_config *config, clmix_dataset **data, clmix_network **network, clmix_trainer **trainer)
{
    const clmix_port wanted[] = { { "tokens", CLMIX_I32, 1, { 64 } }, { "mask", CLMIX_I32, 1, { 64 } } };
    clmix_train_options options = clmix_train_defaults();

    options.lengths = CLMIX_LENGTHS_FEW;
    options.batch_tokens = 64;
    strcpy(options.no_decay, "*bias*");
    CLMIX_TRY(clmix_dataset_open(data, text_spec, wanted, 2));
    CLMIX_TRY(clmix_network_create(network, tiny.device, config, 1));
    CLMIX_TRY(clmix_trainer_create(trainer, *network, *data, &options));
    return clmix_train_cost_of_data(tiny.device, config, *data, &options, NULL, NULL, NULL);
}

/* Plans of several lengths, ranges without decay. */
static clmix_status run_trainer(void)
{
    clmix_trainer *trainer = NULL;
    clmix_network *network = NULL;
    clmix_config *config = NULL;
    clmix_dataset *data = NULL;
    clmix_status status = clmix_config_open(&config, BERT);

    if (status == CLMIX_OK)
        status = open_trainer(config, &data, &network, &trainer);
    clmix_trainer_free(trainer);
    clmix_network_free(network);
    clmix_dataset_close(data);
    clmix_config_free(config);
    return status;
}

/* ---- readers ------------------------------------------------------------------------------------------------------------------------------ */

/* A file or an option a kind of reader, in the folder of the tiny world. */
static const struct {
    const char *spec, *name, *content;
} readers[] = {
    { "tsv:%s/train.tsv,text=1", "train.tsv", "text\tlabel\na b\t1\nc\t0\n" },
    { "csv:%s/rows.csv", "rows.csv", "\"a\"\"b\",1\nc,0\n" },
    { "text:%s", "one.txt", "a\nb\n\nc\n" },
    { "imdb:%s/imdb,tags=drop", "imdb/train/neg/0_1.txt", "a<br />b" },
    { "retrieval:%s/pairs.tsv", "pairs.tsv", "1\tx\ty\ta\tb\n" },
    { "listops:%s/basic_train.tsv", "basic_train.tsv", "Source\tTarget\n[MIN 1 2 ]\t1\n" },
    { "listops:min=2,max=30,train=4,test=2", "unused", "" },
};

static void put_file(const char *name, const char *content)
{
    char path[600], *slash;

    snprintf(path, sizeof path, "%s/%s", tiny.run_folder, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    tiny_ok(clmix_folder_make(path));
    *slash = '/';
    tiny_write(path, content, strlen(content));
}

START_TEST(text_survives_a_lack_of_memory)
{
    const struct scenario scenarios[] = { { "a tokenizer", NULL, run_tokenizer, NULL },
                                          { "a vocabulary", NULL, run_vocabulary, NULL },
                                          { "classes of texts", NULL, run_classes, NULL },
                                          { "masks that are filled", NULL, run_masks, NULL } };

    fail_each_call(&no_memory, &scenarios[_i], 120);
}
END_TEST

START_TEST(readers_of_text_survive_a_lack_of_memory)
{
    const struct scenario scenario = { readers[_i].spec, NULL, run_reader, NULL }, as_set = { readers[_i].spec, NULL, run_set, NULL };
    char command[400];

    tiny_empty_run_folder();
    put_file(readers[_i].name, readers[_i].content);
    put_file("imdb/train/pos/0_9.txt", "c");
    snprintf(text_spec, sizeof text_spec, readers[_i].spec, tiny.run_folder);
    fail_each_call(&no_memory, &scenario, 120);
    fail_each_call(&no_memory, &as_set, 120);
    snprintf(command, sizeof command, "rm -rf '%s'", tiny.run_folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(trainers_on_text_survive_a_lack_of_memory)
{
    const struct scenario scenario = { "a trainer on text", NULL, run_trainer, NULL };
    char command[400];

    tiny_empty_run_folder();
    put_file("train.tsv", "a short one\t0\na text of some more letters, for another length\t1\nand one\t0\n");
    snprintf(text_spec, sizeof text_spec, "tsv:%s/train.tsv", tiny.run_folder);
    fail_each_call(&no_memory, &scenario, 120);
    snprintf(command, sizeof command, "rm -rf '%s'", tiny.run_folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *scenarios = tcase_create("scenarios"), *text = tcase_create("text");
    cJSON_Hooks hooks = { __wrap_malloc, __wrap_free };

    cJSON_InitHooks(&hooks);
    tcase_add_unchecked_fixture(scenarios, open_tiny_world, close_tiny_world);
    tcase_add_loop_test(scenarios, every_scenario_survives_a_lack_of_memory, 0, tiny_scenario_count);
    tcase_add_loop_test(scenarios, cases_survive_a_lack_of_memory, 0, 3);
    suite_add_tcase(suite, scenarios);
    tcase_add_unchecked_fixture(text, open_tiny_world, close_tiny_world);
    tcase_add_loop_test(text, text_survives_a_lack_of_memory, 0, 4);
    tcase_add_loop_test(text, readers_of_text_survive_a_lack_of_memory, 0, sizeof readers / sizeof *readers);
    tcase_add_test(text, trainers_on_text_survive_a_lack_of_memory);
    suite_add_tcase(suite, text);
    return support_run(suite);
}
