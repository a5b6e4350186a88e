#define _XOPEN_SOURCE 700 /* nftw */
#include "fuzz.h"

#include "base/file.h"
#include "base/utf8.h"
#include "data/text_reader.h"
#include "support_temporary.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_stop(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s does not hold; the last sentence is '%s'\n", file, line, condition, clmix_error());
    abort();
}

static char folder[256];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t bytes)
{
    static char path[512];
    char *slash;
    FILE *file;

    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "%.200s/clmix-fuzz-XXXXXX", support_temporary());
        FUZZ_CHECK(mkdtemp(folder) != NULL);
        atexit(remove_folder);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    FUZZ_CHECK(clmix_folder_make(path) == CLMIX_OK);
    *slash = '/';
    file = fopen(path, "wb"); /* not synced, as clmix_file_write is: many times as fast */
    FUZZ_CHECK(file != NULL && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
    return path;
}

static void check_sample(const clmix_text_reader *reader, const clmix_text_sample *sample)
{
    for (int i = 0; i < 2; i++) {
        FUZZ_CHECK((sample->text[i] != NULL) == (i < reader->texts));
        FUZZ_CHECK(sample->text[i] == NULL || sample->bytes[i] > 0);
        FUZZ_CHECK(sample->text[i] == NULL || clmix_utf8_ill_formed(sample->text[i], sample->bytes[i]) == sample->bytes[i]);
    }
    FUZZ_CHECK(reader->class_count > 0 ? sample->label >= 0 && sample->label < reader->class_count : sample->label == CLMIX_NO_LABEL);
}

/* How many samples a split gives; a failure has a sentence. */
static size_t read_split(clmix_text_reader *reader, clmix_split split)
{
    clmix_status status = clmix_text_reader_begin(reader, split);
    clmix_text_sample sample;
    size_t samples = 0;
    bool found = true;

    while (status == CLMIX_OK && found) {
        status = clmix_text_reader_next(reader, &sample, &found);
        if (status == CLMIX_OK && found) {
            check_sample(reader, &sample);
            samples++;
        }
    }
    FUZZ_CHECK(status == CLMIX_OK || (status == CLMIX_ERROR_FORMAT && clmix_error()[0] != '\0'));
    FUZZ_CHECK(reader->skips[split].read >= clmix_skips_count(&reader->skips[split]));
    FUZZ_CHECK((clmix_skips_count(&reader->skips[split]) > 0) == (reader->skips[split].first[0] != '\0'));
    return samples;
}

void fuzz_read(const char *spec)
{
    clmix_text_reader *reader = NULL;
    const clmix_status status = clmix_text_reader_open(&reader, spec);

    FUZZ_CHECK((status == CLMIX_OK) == (reader != NULL));
    FUZZ_CHECK(status == CLMIX_OK || clmix_error()[0] != '\0');
    for (int split = 0; reader != NULL && split < 2; split++) {
        if (!reader->has[split])
            continue;
        const size_t samples = read_split(reader, (clmix_split)split);

        FUZZ_CHECK(read_split(reader, (clmix_split)split) == samples);
    }
    clmix_text_reader_close(reader);
}
