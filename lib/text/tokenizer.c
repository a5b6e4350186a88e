/* Tokenizers: from a spec, or from what one wrote, to a kind with its vocabulary. */
#include "text/tokenizer.h"

#include "base/file.h"
#include "base/spec.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

#define VOCABULARY_BYTES ((size_t)64 << 20)

static const clmix_tokenizer_kind *const kinds[] = { &clmix_tokenizer_wordpiece, &clmix_tokenizer_bytes, &clmix_tokenizer_listops };

#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- specs ------------------------------------------------------------------------------------------------------------------------------ */

/* The kind whose name is the part of `spec` before the first colon, comma or line's end. */
static clmix_status find_kind(const char *spec, const clmix_tokenizer_kind **found, size_t *length)
{
    struct clmix_spec_kinds names = { .what = "tokenizer", .count = KINDS };
    size_t kind = 0;

    for (size_t i = 0; i < KINDS; i++) {
        names.names[i] = kinds[i]->name;
        names.arguments[i] = kinds[i]->argument;
    }
    *length = strcspn(spec, ":,\n");
    CLMIX_TRY(clmix_spec_find(&names, spec, *length, &kind));
    *found = kinds[kind];
    return CLMIX_OK;
}

/* Takes the kind's option off the end of what is behind its name, where it stands there behind a comma; true when it did. */
static bool take_option(const clmix_tokenizer_kind *kind, const char *rest, size_t *length)
{
    const size_t option = kind->option == NULL ? 0 : strlen(kind->option);

    if (option == 0 || *length < option + 1 || rest[*length - option - 1] != ',' ||
        strncmp(rest + *length - option, kind->option, option) != 0)
        return false;
    *length -= option + 1;
    return true;
}

/* Makes it from the vocabulary's content. */
static clmix_status make(clmix_tokenizer **tokenizer, const clmix_tokenizer_kind *kind, bool cased, const char *vocabulary, size_t bytes,
                         const char *origin)
{
    clmix_tokenizer *made = calloc(1, sizeof *made);
    clmix_status status;

    if (made == NULL)
        return clmix_fail_memory("a tokenizer");
    made->kind = kind;
    made->cased = cased;
    for (int i = 0; i < CLMIX_SPECIALS; i++)
        made->special[i] = CLMIX_NO_TOKEN;
    status = kind->make(made, vocabulary, bytes, origin);
    if (status != CLMIX_OK)
        clmix_tokenizer_close(made);
    else
        *tokenizer = made;
    return status;
}

static clmix_status open_file(clmix_tokenizer **tokenizer, const clmix_tokenizer_kind *kind, const char *path, bool cased)
{
    void *content = NULL;
    size_t bytes = 0;
    clmix_status status = clmix_file_read(path, VOCABULARY_BYTES, &content, &bytes);

    if (status == CLMIX_OK)
        status = make(tokenizer, kind, cased, content, bytes, path);
    free(content);
    return status;
}

clmix_status clmix_tokenizer_open(clmix_tokenizer **tokenizer, const char *spec)
{
    CLMIX_NEED(tokenizer);
    CLMIX_NEED(spec);

    const clmix_tokenizer_kind *kind = NULL;
    clmix_status status;
    size_t name, length;
    bool cased;
    char *path;

    *tokenizer = NULL;
    CLMIX_TRY(find_kind(spec, &kind, &name));
    length = strlen(spec + name);
    cased = take_option(kind, spec + name, &length);
    if (kind->argument == NULL && length > 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the tokenizer '%.200s': nothing stands behind '%s'", spec, kind->name);
    if (kind->argument == NULL)
        return make(tokenizer, kind, cased, NULL, 0, spec);
    if (length < 2 || spec[name] != ':')
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the tokenizer '%.200s' does not say where its vocabulary is; write %s:%s", spec,
                          kind->name, kind->argument);
    path = strndup(spec + name + 1, length - 1);
    if (path == NULL)
        return clmix_fail_memory("a tokenizer");
    status = open_file(tokenizer, kind, path, cased);
    free(path);
    return status;
}

void clmix_tokenizer_close(clmix_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    clmix_names_clear(&tokenizer->names);
    clmix_names_clear(&tokenizer->inside);
    free(tokenizer->tokens);
    free(tokenizer->content);
    free(tokenizer);
}

/* ---- as a text -------------------------------------------------------------------------------------------------------------------------- */

static clmix_status put_line(struct clmix_made_text *text, const char *line, const char *end)
{
    CLMIX_TRY(clmix_made_text_add(text, line, strlen(line)));
    return clmix_made_text_add(text, end, strlen(end));
}

static clmix_status write_all(const clmix_tokenizer *tokenizer, struct clmix_made_text *text)
{
    const clmix_tokenizer_kind *kind = tokenizer->kind;

    CLMIX_TRY(put_line(text, kind->name, tokenizer->cased ? "," : "\n"));
    if (tokenizer->cased)
        CLMIX_TRY(put_line(text, kind->option, "\n"));
    for (size_t i = 0; kind->argument != NULL && i < tokenizer->size; i++)
        CLMIX_TRY(put_line(text, tokenizer->tokens[i], "\n"));
    return CLMIX_OK;
}

clmix_status clmix_tokenizer_write(const clmix_tokenizer *tokenizer, char **text)
{
    CLMIX_NEED(tokenizer);
    CLMIX_NEED(text);

    struct clmix_made_text made = { 0 };
    const clmix_status status = write_all(tokenizer, &made);

    *text = NULL;
    if (status != CLMIX_OK)
        free(made.content);
    else
        *text = made.content;
    return status;
}

clmix_status clmix_tokenizer_read(clmix_tokenizer **tokenizer, const char *text)
{
    CLMIX_NEED(tokenizer);
    CLMIX_NEED(text);

    const clmix_tokenizer_kind *kind = NULL;
    size_t name, line = strcspn(text, "\n"), length;
    const char *vocabulary = text + line + (text[line] != '\0');
    bool cased;

    *tokenizer = NULL;
    CLMIX_TRY(find_kind(text, &kind, &name));
    length = line - name;
    cased = take_option(kind, text + name, &length);
    if (length > 0)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "a tokenizer's first line is '%.*s'; '%s' is as much as it may say",
                          (int)(line < 100 ? line : 100), text, kind->name);
    return make(tokenizer, kind, cased, vocabulary, strlen(vocabulary), "the vocabulary within a text");
}

clmix_status clmix_tokenizer_copy(clmix_tokenizer **copy, const clmix_tokenizer *tokenizer)
{
    char *text = NULL;
    clmix_status status;

    CLMIX_TRY(clmix_tokenizer_write(tokenizer, &text));
    status = clmix_tokenizer_read(copy, text);
    clmix_free(text);
    return status;
}

/* ---- what it has ------------------------------------------------------------------------------------------------------------------------ */

const char *clmix_tokenizer_kind_name(const clmix_tokenizer *tokenizer)
{
    return tokenizer == NULL ? "" : tokenizer->kind->name;
}

size_t clmix_tokenizer_size(const clmix_tokenizer *tokenizer)
{
    return tokenizer == NULL ? 0 : tokenizer->size;
}

int32_t clmix_tokenizer_special(const clmix_tokenizer *tokenizer, clmix_special special)
{
    return tokenizer == NULL || (unsigned)special >= CLMIX_SPECIALS ? CLMIX_NO_TOKEN : tokenizer->special[special];
}

const char *clmix_tokenizer_token(const clmix_tokenizer *tokenizer, int32_t id)
{
    return tokenizer == NULL || id < 0 || (size_t)id >= tokenizer->size ? NULL : tokenizer->tokens[id];
}

int32_t clmix_tokenizer_find(const clmix_tokenizer *tokenizer, const char *token)
{
    size_t number = 0;

    return tokenizer != NULL && token != NULL && clmix_names_find(&tokenizer->names, token, &number) ? (int32_t)number : CLMIX_NO_TOKEN;
}
