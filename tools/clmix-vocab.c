/* clmix-vocab: a WordPiece vocabulary from text. */
#include "base/file.h"
#include "base/text.h"
#include "common/cli.h"
#include "common/progress.h"
#include "common/terminal.h"

#include <clmix/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_help help = {
    .program = "clmix-vocab",
    .arguments = "FILE... --out VOCAB [OPTION...]",
    .purpose = "Makes a WordPiece vocabulary from text files (UTF-8, any number of lines), as BERT's tokenizer reads it: the special\n"
               "tokens, each letter, and then the pieces of words that stand in the text most often. VOCAB, a vocab.txt with a token a\n"
               "line, is what the tokenizer wordpiece:VOCAB reads. Words lose case and accents unless --cased is given; then the\n"
               "tokenizer is wordpiece:VOCAB,cased. The same text gives the same vocabulary, in whatever order its files come. Lines\n"
               "that are no UTF-8 or longer than 16 MiB are passed over, counted and reported.",
    .examples = "  clmix-vocab glosses.txt --out vocab.txt                  30,522 tokens at most, as BERT has\n"
                "  clmix-vocab books/*.txt --size 8000 --out vocab.txt      a small one, for small models\n"
                "  clmix-vocab notes.txt --cased --out vocab.txt --json     case and accents kept; for a program to read",
    .no_device = true,
};

struct wishes {
    char *out;
    int size, letters, least, cased;
};

struct result {
    clmix_skips skips;
    size_t words, tokens;
};

/* ---- counting words ------------------------------------------------------------------------------------------------------------------- */

static clmix_status add_files(const struct cli *cli, struct progress *progress, clmix_words *words, clmix_skips *skips)
{
    char note[256], number[32];
    clmix_status status = CLMIX_OK;

    for (int i = 0; status == CLMIX_OK && i < cli->argument_count; i++) {
        snprintf(note, sizeof note, "file %d/%d  %s different words  %.120s", i + 1, cli->argument_count,
                 clmix_grouped(number, clmix_words_count(words)), cli->arguments[i]);
        progress_note(progress, note);
        status = clmix_words_add_file(words, cli->arguments[i], skips);
    }
    return status;
}

/* ---- making the vocabulary -------------------------------------------------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static clmix_status write_vocabulary(const struct wishes *wishes, struct progress *progress, const clmix_words *words,
                                     struct result *result)
{
    const clmix_vocabulary_options options = { (size_t)wishes->size, (size_t)wishes->letters, (size_t)wishes->least };
    char note[128], number[32], *text = NULL;
    clmix_status status;

    result->words = clmix_words_count(words);
    snprintf(note, sizeof note, "joining pieces of %s different words", clmix_grouped(number, result->words));
    progress_note(progress, note);
    status = clmix_words_vocabulary(words, &options, &text);
    if (status == CLMIX_OK) {
        result->tokens = count_lines(text);
        status = clmix_file_write(wishes->out, text, strlen(text));
    }
    clmix_free(text);
    return status;
}

static clmix_status make(const struct cli *cli, const struct wishes *wishes, struct result *result)
{
    struct progress progress;
    clmix_words *words = NULL;
    clmix_status status = clmix_words_new(&words, wishes->cased);

    progress_start(&progress, cli->json);
    if (status == CLMIX_OK)
        status = add_files(cli, &progress, words, &result->skips);
    if (status == CLMIX_OK)
        status = write_vocabulary(wishes, &progress, words, result);
    progress_end(&progress);
    clmix_words_free(words);
    return status;
}

/* ---- what came of it -------------------------------------------------------------------------------------------------------------------- */

static void print_text(const struct wishes *wishes, const struct result *result)
{
    const size_t passed = clmix_skips_count(&result->skips);
    char tokens[32], words[32], lines[32];

    terminal_say(4, "%s: %s tokens, from %s different words in %s lines; the tokenizer is wordpiece:%s%s", wishes->out,
                 clmix_grouped(tokens, result->tokens), clmix_grouped(words, result->words), clmix_grouped(lines, result->skips.read),
                 wishes->out, wishes->cased ? ",cased" : "");
    if (passed > 0)
        terminal_say(4, "%s %s passed over; the first: %s", clmix_grouped(lines, passed), passed == 1 ? "line was" : "lines were",
                     result->skips.first);
}

static bool print_json(const struct cli *cli, const struct wishes *wishes, const struct result *result)
{
    const size_t passed = clmix_skips_count(&result->skips);
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "vocabulary", wishes->out);
    cJSON_AddNumberToObject(object, "tokens", (double)result->tokens);
    cJSON_AddNumberToObject(object, "words", (double)result->words);
    cJSON_AddNumberToObject(object, "lines", (double)result->skips.read);
    cJSON_AddNumberToObject(object, "passed_over", (double)passed);
    if (passed > 0)
        cJSON_AddStringToObject(object, "first_passed_over", result->skips.first);
    return cli_print_json(cli, object);
}

/* ---- program ---------------------------------------------------------------------------------------------------------------------------- */

/* Whether the file is there and is something else than a vocabulary: a text, say, where "--out *.txt" was typed. */
static bool would_be_lost(const char *path)
{
    const size_t room = strlen(path) + sizeof "wordpiece:";
    char *spec = access(path, F_OK) == 0 ? malloc(room) : NULL;
    clmix_tokenizer *tokenizer = NULL;
    bool lost = false;

    if (spec != NULL) {
        snprintf(spec, room, "wordpiece:%s", path);
        lost = clmix_tokenizer_open(&tokenizer, spec) != CLMIX_OK;
    }
    clmix_tokenizer_close(tokenizer);
    free(spec);
    return lost;
}

static int check_and_make(const struct cli *cli, const struct wishes *wishes)
{
    struct result result = { 0 };
    clmix_status status;

    if (cli->argument_count == 0)
        return cli_bad_usage(cli, "no text file was named");
    if (wishes->out == NULL)
        return cli_bad_usage(cli, "where is the vocabulary to go? --out vocab.txt");
    if (wishes->size < 1 || wishes->letters < 1 || wishes->least < 1)
        return cli_bad_usage(cli, "--size is %d, --letters %d and --least %d; each must be at least 1", wishes->size, wishes->letters,
                             wishes->least);
    if (would_be_lost(wishes->out))
        return cli_bad_usage(cli, "'%s' is there and is no vocabulary, so that it is not replaced; name another file with --out",
                             wishes->out);
    status = make(cli, wishes, &result);
    if (status == CLMIX_ERROR_ARGUMENT)
        return cli_bad_usage(cli, "%s", clmix_error());
    if (status != CLMIX_OK)
        return cli_fail(cli, status);
    if (cli->json)
        return print_json(cli, wishes, &result) ? 0 : 1;
    print_text(wishes, &result);
    return 0;
}

int main(int argc, char **argv)
{
    struct wishes wishes = { .size = 30522, .letters = 1000, .least = 2 };
    struct poptOption options[] = {
        { "out", 'o', POPT_ARG_STRING, &wishes.out, 0, "the vocabulary's file; one that is there is replaced", "VOCAB" },
        { "size", 'n', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.size, 0, "tokens at most, special ones among them", "N" },
        { "letters", 'l', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.letters, 0, "different letters at most, the most frequent",
          "N" },
        { "least", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &wishes.least, 0,
          "pieces that stand side by side less often are not joined", "N" },
        { "cased", 'c', POPT_ARG_NONE, &wishes.cased, 0, "keep case and accents", NULL },
        POPT_TABLEEND,
    };
    struct cli cli;
    int status = cli_start(&cli, &help, options, argc, argv);

    if (status == CLI_GO_ON)
        status = cli_end(&cli, check_and_make(&cli, &wishes));
    free(wishes.out);
    return status;
}
