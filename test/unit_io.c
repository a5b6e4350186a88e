/* lib/io: safetensors, JSON, pictures. */
#include <clmix/status.h>

#include "base/file.h"
#include "io/json.h"
#include "io/picture.h"
#include "io/safetensors.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static void open_folder(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void close_folder(void)
{
    ck_assert_int_eq(rmdir(folder), 0); /* fails when a test or the library left a file behind */
}

static char *in_folder(const char *name)
{
    char *path = clmix_path_join(folder, name);

    ck_assert_ptr_nonnull(path);
    return path;
}

static void expect_error(clmix_status found, clmix_status wanted, const char *part)
{
    ck_assert_msg(found == wanted, "status %s, not %s: %s", clmix_status_name(found), clmix_status_name(wanted), clmix_error());
    ck_assert_msg(strstr(clmix_error(), part) != NULL, "'%s' is not in: %s", part, clmix_error());
}

/* A safetensors file from a header text and `bytes` data bytes that count up. */
static clmix_status open_text(clmix_safetensors **file, const char *header, size_t bytes)
{
    size_t length = strlen(header);
    unsigned char *content = malloc(8 + length + bytes + 1);

    for (int i = 0; i < 8; i++)
        content[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(content + 8, header, length);
    for (size_t i = 0; i < bytes; i++)
        content[8 + length + i] = (unsigned char)i;
    return clmix_safetensors_adopt(file, "made.safetensors", content, 8 + length + bytes);
}

START_TEST(reads_what_pytorch_writes)
{
    clmix_safetensors *file = NULL;
    const clmix_stored_tensor *tensor;
    float values[12];
    int64_t steps;

    ck_assert_int_eq(clmix_safetensors_open(&file, CLMIX_TEST_DATA "/torch.safetensors"), CLMIX_OK);
    ck_assert_uint_eq(clmix_safetensors_count(file), 9);
    ck_assert_str_eq(clmix_safetensors_metadata(file, "config"), "{\"model\":\"wavemix\",\"dim\":16}");
    ck_assert_str_eq(clmix_safetensors_metadata(file, "umlaut"), "Gr\xc3\xb6\xc3\x9f"
                                                                 "e \"x\"");
    ck_assert_uint_eq(clmix_safetensors_metadata_count(file), 3);
    ck_assert_ptr_null(clmix_safetensors_metadata(file, "absent"));
    tensor = clmix_safetensors_find(file, "layers.0.weight");
    ck_assert_ptr_nonnull(tensor);
    ck_assert(tensor->rank == 2 && tensor->size[0] == 3 && tensor->size[1] == 4 && tensor->count == 12 && tensor->bytes == 48);
    ck_assert_int_eq(clmix_stored_to_float(tensor, values), CLMIX_OK);
    for (int i = 0; i < 12; i++)
        ck_assert(values[i] == (float)i / 4 - 1);
    tensor = clmix_safetensors_find(file, "half");
    ck_assert_int_eq(clmix_stored_to_float(tensor, values), CLMIX_OK);
    ck_assert(values[0] == 0 && values[1] == 1 && values[2] == -2.5f && values[3] == 65504 && values[4] == 0x1p-24f && isinf(values[5]));
    tensor = clmix_safetensors_find(file, "brain");
    ck_assert_int_eq(clmix_stored_to_float(tensor, values), CLMIX_OK);
    ck_assert(values[0] == 1 && values[1] == -0.15625f && fabsf(values[2] - 3e38f) < 2e36f);
    tensor = clmix_safetensors_find(file, "double");
    ck_assert_int_eq(clmix_stored_to_float(tensor, values), CLMIX_OK);
    ck_assert(values[0] == 0.1f && values[1] == -1e10f);
    tensor = clmix_safetensors_find(file, "steps");
    ck_assert(tensor->type == CLMIX_STORED_I64 && tensor->rank == 0 && tensor->count == 1);
    memcpy(&steps, tensor->data, 8);
    ck_assert(steps == 1234567890123);
    expect_error(clmix_stored_to_float(tensor, values), CLMIX_ERROR_FORMAT, "'steps' has the dtype I64");
    ck_assert(clmix_safetensors_find(file, "ints")->type == CLMIX_STORED_I32 &&
              clmix_safetensors_find(file, "flags")->type == CLMIX_STORED_BOOL);
    ck_assert(((const unsigned char *)clmix_safetensors_find(file, "bytes")->data)[2] == 255);
    tensor = clmix_safetensors_find(file, "empty");
    ck_assert(tensor->count == 0 && tensor->rank == 2);
    ck_assert_int_eq(clmix_stored_to_float(tensor, values), CLMIX_OK);
    ck_assert_ptr_null(clmix_safetensors_find(file, "layers"));
    for (size_t i = 1; i < clmix_safetensors_count(file); i++)
        ck_assert((const char *)clmix_safetensors_at(file, i)->data >= (const char *)clmix_safetensors_at(file, i - 1)->data);
    ck_assert_ptr_null(clmix_safetensors_at(file, 9));
    clmix_safetensors_close(file);
}
END_TEST

static const struct malformed {
    const char *header;
    size_t bytes;
    const char *part;
} malformed[] = {
    { "[]", 0, "not a JSON object" },
    { "{\"a\":", 0, "line 1, column" },
    { "{} x", 0, "follows the end" },
    { "{\"a\xff\":1}", 0, "not UTF-8" },
    { "{\"a\\u0000b\":1}", 0, "\\u0000" },
    { "{\"a\":1}", 0, "is not {dtype, shape, data_offsets}" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "is not {dtype, shape, data_offsets}" },
    { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets of tensor 'a'" },
    { "{\"a\":{\"dtype\":\"F13\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype 'F13'" },
    { "{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no dtype" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", 4, "no shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "axis 0 of tensor 'a'" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "axis 0 of tensor 'a'" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,4]}}", 4, "axis 0 of tensor 'a'" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4, "overflows" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483648,4294967296],\"data_offsets\":[0,0]}}", 0, "overflows" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "more than 8 axes" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "are not two whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "are not two whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "bytes 4 to 0" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "bytes 0 to 8 of the 4" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "4 bytes by its data_offsets and 8" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[2,5]}}", 5,
      "overlaps" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}", 5,
      "leaves a hole" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3, "leaves a hole" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 5, "end at byte 2 of the data but the file has 5" },
    { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2,
      "two tensors have the name 'a'" },
    { "{\"__metadata__\":[]}", 0, "__metadata__ is not an object" },
    { "{\"__metadata__\":{\"a\":1}}", 0, "metadata entry 'a' is not a text" },
    { "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "'a' is there twice" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is there twice" },
};

START_TEST(refuses_malformed_headers)
{
    const struct malformed *row = &malformed[_i];
    clmix_safetensors *file = (clmix_safetensors *)&folder;

    expect_error(open_text(&file, row->header, row->bytes), CLMIX_ERROR_FORMAT, row->part);
    ck_assert_ptr_null(file);
}
END_TEST

START_TEST(refuses_cut_off_files)
{
    void *whole = NULL;
    size_t bytes = 0;
    clmix_safetensors *file;
    unsigned char *huge = malloc(16);

    ck_assert_int_eq(clmix_file_read(CLMIX_TEST_DATA "/torch.safetensors", 1 << 20, &whole, &bytes), CLMIX_OK);
    for (size_t cut = 0; cut < bytes; cut++) {
        void *part = malloc(cut + 1);

        memcpy(part, whole, cut);
        ck_assert_int_eq(clmix_safetensors_adopt(&file, "cut", part, cut), CLMIX_ERROR_FORMAT);
    }
    free(whole);
    memset(huge, 0xFF, 16);
    expect_error(clmix_safetensors_adopt(&file, "huge", huge, 16), CLMIX_ERROR_FORMAT, "18446744073709551615 bytes");
    expect_error(clmix_safetensors_open(&file, "/nonexistent/x"), CLMIX_ERROR_FILE, "/nonexistent/x");
    expect_error(clmix_safetensors_open(&file, "/tmp"), CLMIX_ERROR_FILE, "not a regular file");
}
END_TEST

START_TEST(survives_any_flipped_byte)
{
    void *whole = NULL;
    size_t bytes = 0;

    ck_assert_int_eq(clmix_file_read(CLMIX_TEST_DATA "/torch.safetensors", 1 << 20, &whole, &bytes), CLMIX_OK);
    for (size_t i = 0; i < bytes; i++) {
        clmix_safetensors *file;
        unsigned char *copy = malloc(bytes);
        float values[64];

        memcpy(copy, whole, bytes);
        copy[i] ^= (unsigned char)(1u << (i % 8));
        if (clmix_safetensors_adopt(&file, "flipped", copy, bytes) == CLMIX_OK) {
            for (size_t t = 0; t < clmix_safetensors_count(file); t++)
                if (clmix_safetensors_at(file, t)->count <= 64)
                    (void)clmix_stored_to_float(clmix_safetensors_at(file, t), values);
            clmix_safetensors_close(file);
        }
    }
    free(whole);
}
END_TEST

START_TEST(safetensors_round_trip)
{
    const double wide[2] = { 0.25, -3 };
    const float values[6] = { 1, 2, 3, -4, 5e-9f, NAN };
    const unsigned char bytes[3] = { 7, 8, 9 };
    const clmix_stored_tensor tensors[] = {
        { .name = "wide", .type = CLMIX_STORED_F64, .rank = 1, .size = { 2 }, .data = wide },
        { .name = "w\xc3\xa4hle \"a\\b\"", .type = CLMIX_STORED_F32, .rank = 2, .size = { 2, 3 }, .data = values },
        { .name = "scalar", .type = CLMIX_STORED_F32, .rank = 0, .data = values },
        { .name = "none", .type = CLMIX_STORED_F32, .rank = 1, .size = { 0 } },
        { .name = "bytes", .type = CLMIX_STORED_U8, .rank = 1, .size = { 3 }, .data = bytes },
    };
    const char *metadata[] = { "format", "clmix", "config", "{\n\t\"a\": 1 }" };
    clmix_safetensors *file = NULL;
    const char *key, *value;
    char *path = in_folder("round.safetensors");

    ck_assert_msg(clmix_safetensors_write(path, tensors, 5, metadata, 2) == CLMIX_OK, "%s", clmix_error());
    ck_assert_msg(clmix_safetensors_open(&file, path) == CLMIX_OK, "%s", clmix_error());
    ck_assert_uint_eq(clmix_safetensors_count(file), 5);
    ck_assert_str_eq(clmix_safetensors_metadata(file, "config"), metadata[3]);
    clmix_safetensors_metadata_at(file, 0, &key, &value);
    ck_assert(strcmp(key, "format") == 0 && strcmp(value, "clmix") == 0);
    clmix_safetensors_metadata_at(file, 2, &key, &value);
    ck_assert(key == NULL && value == NULL);
    for (size_t i = 0; i < 5; i++) {
        const clmix_stored_tensor *found = clmix_safetensors_find(file, tensors[i].name);

        ck_assert_ptr_nonnull(found);
        ck_assert(found->type == tensors[i].type && found->rank == tensors[i].rank);
        ck_assert(found->bytes == 0 || memcmp(found->data, tensors[i].data, found->bytes) == 0);
        ck_assert_uint_eq((uintptr_t)found->data % clmix_stored_bytes(found->type), 0);
    }
    clmix_safetensors_close(file);
    ck_assert_int_eq(clmix_safetensors_write(path, NULL, 0, NULL, 0), CLMIX_OK);
    ck_assert_int_eq(clmix_safetensors_open(&file, path), CLMIX_OK);
    ck_assert_uint_eq(clmix_safetensors_count(file), 0);
    ck_assert_uint_eq(clmix_safetensors_metadata_count(file), 0);
    clmix_safetensors_close(file);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
}
END_TEST

START_TEST(writer_refuses_misuse)
{
    const size_t three = 3, one = 1, huge[2] = { (size_t)1 << 40, (size_t)1 << 40 };
    clmix_safetensors_writer *writer = NULL;
    char *path = in_folder("misuse.safetensors");

    ck_assert_int_eq(clmix_safetensors_writer_new(&writer), CLMIX_OK);
    ck_assert_int_eq(clmix_safetensors_declare(writer, "a", CLMIX_STORED_U8, 1, &three), CLMIX_OK);
    expect_error(clmix_safetensors_declare(writer, "b", CLMIX_STORED_F32, 1, &one), CLMIX_ERROR_ARGUMENT, "wider types first");
    expect_error(clmix_safetensors_declare(writer, "b", CLMIX_STORED_U8, 2, huge), CLMIX_ERROR_ARGUMENT, "overflows");
    expect_error(clmix_safetensors_declare(writer, "b", CLMIX_STORED_U8, 9, huge), CLMIX_ERROR_ARGUMENT, "rank 9");
    expect_error(clmix_safetensors_declare(writer, "__metadata__", CLMIX_STORED_U8, 1, &one), CLMIX_ERROR_ARGUMENT, "cannot be stored");
    expect_error(clmix_safetensors_declare(writer, "\xff", CLMIX_STORED_U8, 1, &one), CLMIX_ERROR_ARGUMENT, "cannot be stored");
    ck_assert_int_eq(clmix_safetensors_describe(writer, "k", "v"), CLMIX_OK);
    expect_error(clmix_safetensors_describe(writer, "k", "w"), CLMIX_ERROR_ARGUMENT, "twice");
    expect_error(clmix_safetensors_put(writer, "x", 1), CLMIX_ERROR_ARGUMENT, "begin it first");
    expect_error(clmix_safetensors_finish(writer), CLMIX_ERROR_ARGUMENT, "not open");
    ck_assert_int_eq(clmix_safetensors_begin(writer, path), CLMIX_OK);
    expect_error(clmix_safetensors_begin(writer, path), CLMIX_ERROR_ARGUMENT, "already in use");
    expect_error(clmix_safetensors_declare(writer, "c", CLMIX_STORED_U8, 1, &one), CLMIX_ERROR_ARGUMENT, "declare all before");
    expect_error(clmix_safetensors_put(writer, "wxyz", 4), CLMIX_ERROR_ARGUMENT, "4 bytes are put where 3");
    ck_assert_int_eq(clmix_safetensors_put(writer, "xy", 2), CLMIX_OK);
    expect_error(clmix_safetensors_finish(writer), CLMIX_ERROR_ARGUMENT, "2 bytes were put where 3");
    clmix_safetensors_writer_free(writer);
    ck_assert_int_ne(access(path, F_OK), 0);

    ck_assert_int_eq(clmix_safetensors_writer_new(&writer), CLMIX_OK);
    ck_assert_int_eq(clmix_safetensors_declare(writer, "a", CLMIX_STORED_U8, 1, &one), CLMIX_OK);
    ck_assert_int_eq(clmix_safetensors_declare(writer, "a", CLMIX_STORED_U8, 1, &one), CLMIX_OK);
    expect_error(clmix_safetensors_begin(writer, path), CLMIX_ERROR_ARGUMENT, "declared twice");
    clmix_safetensors_writer_free(writer);
    clmix_safetensors_writer_free(NULL);
    free(path);
}
END_TEST

/* Files may grow to 64 KiB only: what a full disk does, without one. */
START_TEST(full_disk_leaves_the_old_file)
{
    struct rlimit old, small;
    float *values = calloc(1 << 16, sizeof *values);
    clmix_stored_tensor tensor = { .name = "a", .type = CLMIX_STORED_F32, .rank = 1, .size = { 4 }, .data = values };
    clmix_safetensors *file = NULL;
    char *path = in_folder("full.safetensors");
    clmix_status status;

    ck_assert_int_eq(clmix_safetensors_write(path, &tensor, 1, NULL, 0), CLMIX_OK);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1 << 16;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    tensor.size[0] = 1 << 16;
    status = clmix_safetensors_write(path, &tensor, 1, NULL, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    expect_error(status, CLMIX_ERROR_FILE, "full.safetensors");
    ck_assert_int_eq(clmix_safetensors_open(&file, path), CLMIX_OK);
    ck_assert_uint_eq(clmix_safetensors_find(file, "a")->count, 4);
    clmix_safetensors_close(file);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
    path = in_folder("absent/x.safetensors");
    expect_error(clmix_safetensors_write(path, &tensor, 1, NULL, 0), CLMIX_ERROR_FILE, "absent/x.safetensors");
    free(path);
    free(values);
}
END_TEST

static clmix_status parse(cJSON **json, const char *text)
{
    return clmix_json_parse(json, "model.json", text, strlen(text));
}

START_TEST(json_errors_have_a_place)
{
    cJSON *json;

    expect_error(parse(&json, "{\n  \"dim\": 16,\n  \"depth\" 7\n}"), CLMIX_ERROR_FORMAT, "'model.json', line 3, column 11");
    expect_error(parse(&json, "{\"dim\": 16} {}"), CLMIX_ERROR_FORMAT, "line 1, column 13");
    expect_error(parse(&json, "\n\xc0\x80"), CLMIX_ERROR_FORMAT, "line 2, column 1");
    expect_error(parse(&json, ""), CLMIX_ERROR_FORMAT, "not JSON");
    expect_error(parse(&json, "[1,2"), CLMIX_ERROR_FORMAT, "not JSON");
    expect_error(clmix_json_read(&json, "/nonexistent.json"), CLMIX_ERROR_FILE, "/nonexistent.json");
}
END_TEST

START_TEST(json_getters)
{
    static const char *const keys[] = { "dim", "rate", "on", "mixer", "sizes", "pair" };
    static const char *const kinds[] = { "softmax", "nystrom" };
    cJSON *json = NULL;
    int64_t dim = 3, depth = 5, sizes[3];
    double rate = 0;
    bool on = false;
    int kind = -1;
    size_t count = 0;
    const char *text = NULL;

    ck_assert_int_eq(parse(&json, " {\"dim\":16,\"rate\":0.5,\"on\":true,\"mixer\":\"nystrom\",\"sizes\":[1,2,3],\"pair\":4} "), CLMIX_OK);
    ck_assert_int_eq(clmix_json_keys(json, "model.json", keys, 6), CLMIX_OK);
    expect_error(clmix_json_keys(json, "model.json", keys, 5), CLMIX_ERROR_FORMAT,
                 "unknown key 'pair'; known here: dim, rate, on, mixer, sizes");
    ck_assert_int_eq(clmix_json_integer(json, "m", "dim", 1, 99, &dim), CLMIX_OK);
    ck_assert_int_eq(clmix_json_integer(json, "m", "depth", 1, 99, &depth), CLMIX_OK);
    ck_assert(dim == 16 && depth == 5);
    expect_error(clmix_json_integer(json, "m", "dim", 1, 9, &dim), CLMIX_ERROR_FORMAT,
                 "m: 'dim' is 16 and must be a whole number from 1 to 9");
    expect_error(clmix_json_integer(json, "m", "rate", 0, 9, &dim), CLMIX_ERROR_FORMAT, "'rate' is 0.5");
    ck_assert_int_eq(clmix_json_number(json, "m", "rate", 0, 1, &rate), CLMIX_OK);
    expect_error(clmix_json_number(json, "m", "mixer", 0, 1, &rate), CLMIX_ERROR_FORMAT, "\"nystrom\"");
    ck_assert_int_eq(clmix_json_boolean(json, "m", "on", &on), CLMIX_OK);
    expect_error(clmix_json_boolean(json, "m", "dim", &on), CLMIX_ERROR_FORMAT, "true or false");
    ck_assert_int_eq(clmix_json_text(json, "m", "mixer", &text), CLMIX_OK);
    expect_error(clmix_json_text(json, "m", "dim", &text), CLMIX_ERROR_FORMAT, "a text in quotes");
    ck_assert_int_eq(clmix_json_choice(json, "m", "mixer", kinds, 2, &kind), CLMIX_OK);
    ck_assert(rate == 0.5 && on && strcmp(text, "nystrom") == 0 && kind == 1);
    expect_error(clmix_json_choice(json, "m", "mixer", kinds, 1, &kind), CLMIX_ERROR_FORMAT, "one of: softmax");
    ck_assert_int_eq(clmix_json_integers(json, "m", "sizes", 1, 9, 3, sizes, &count), CLMIX_OK);
    ck_assert(count == 3 && sizes[2] == 3);
    ck_assert_int_eq(clmix_json_integers(json, "m", "pair", 1, 9, 3, sizes, &count), CLMIX_OK);
    ck_assert(count == 1 && sizes[0] == 4);
    expect_error(clmix_json_integers(json, "m", "sizes", 1, 9, 2, sizes, &count), CLMIX_ERROR_FORMAT, "a list of at most 2");
    expect_error(clmix_json_require(json, "m", "depth"), CLMIX_ERROR_FORMAT, "'depth' is missing");
    ck_assert_int_eq(clmix_json_require(json, "m", "dim"), CLMIX_OK);
    cJSON_Delete(json);
    ck_assert_int_eq(parse(&json, "{\"dim\":1,\"dim\":2}"), CLMIX_OK);
    expect_error(clmix_json_keys(json, "m", keys, 6), CLMIX_ERROR_FORMAT, "there twice");
    cJSON_Delete(json);
    ck_assert_int_eq(parse(&json, "[1]"), CLMIX_OK);
    expect_error(clmix_json_keys(json, "m", keys, 6), CLMIX_ERROR_FORMAT, "an object");
    cJSON_Delete(json);
}
END_TEST

START_TEST(json_round_trip)
{
    cJSON *json = NULL, *again = NULL;
    char *path = in_folder("a.json");

    ck_assert_int_eq(parse(&json, "{\"a\":[1,2.5,\"\\u00e4\\n\"],\"b\":null}"), CLMIX_OK);
    ck_assert_int_eq(clmix_json_write(json, path), CLMIX_OK);
    ck_assert_int_eq(clmix_json_read(&again, path), CLMIX_OK);
    ck_assert(cJSON_Compare(json, again, 1));
    cJSON_Delete(json);
    cJSON_Delete(again);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
}
END_TEST

static void expect_pixels(const char *name, size_t channels, size_t height, size_t width, size_t found_channels,
                          const unsigned char *pixels)
{
    clmix_picture picture;

    ck_assert_msg(clmix_picture_read(&picture, name, channels) == CLMIX_OK, "%s", clmix_error());
    ck_assert(picture.height == height && picture.width == width && picture.channels == found_channels);
    ck_assert_mem_eq(picture.pixels, pixels, height * width * found_channels);
    clmix_picture_free(&picture);
}

START_TEST(reads_png)
{
    const unsigned char rgb[18] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90 };

    expect_pixels(CLMIX_TEST_DATA "/pictures/rgb.png", 0, 2, 3, 3, rgb);
    expect_pixels(CLMIX_TEST_DATA "/pictures/rgba.png", 3, 1, 2, 3, (const unsigned char[]){ 200, 100, 50, 1, 2, 3 });
    expect_pixels(CLMIX_TEST_DATA "/pictures/grey16.png", 0, 1, 2, 1, (const unsigned char[]){ 0x12, 0xFF });
    expect_pixels(CLMIX_TEST_DATA "/pictures/grey16.png", 3, 1, 2, 3, (const unsigned char[]){ 0x12, 0x12, 0x12, 0xFF, 0xFF, 0xFF });
}
END_TEST

START_TEST(reads_jpeg)
{
    clmix_picture picture;

    ck_assert_int_eq(clmix_picture_read(&picture, CLMIX_TEST_DATA "/folder/train/cat/0000.jpg", 0), CLMIX_OK);
    ck_assert(picture.height == 32 && picture.width == 32 && picture.channels == 3);
    clmix_picture_free(&picture);
    ck_assert_int_eq(clmix_picture_read(&picture, CLMIX_TEST_DATA "/pictures/grey.jpg", 0), CLMIX_OK);
    ck_assert(picture.channels == 1 && picture.height == 12 && picture.width == 16);
    ck_assert(picture.pixels[0] < 12 && picture.pixels[11 * 16] > 243);
    clmix_picture_free(&picture);
    for (size_t channels = 1; channels <= 3; channels += 2) { /* rgb(200, 40, 90), luma 93.5 */
        ck_assert_msg(clmix_picture_read(&picture, CLMIX_TEST_DATA "/pictures/cmyk.jpg", channels) == CLMIX_OK, "%s", clmix_error());
        ck_assert_uint_eq(picture.channels, channels);
        if (channels == 3)
            ck_assert(abs(picture.pixels[0] - 200) < 5 && abs(picture.pixels[1] - 40) < 5 && abs(picture.pixels[2] - 90) < 5);
        else
            ck_assert(abs(picture.pixels[0] - 94) < 5);
        clmix_picture_free(&picture);
    }
}
END_TEST

/* Every proper beginning of a picture file is refused, and every flipped byte is survived. */
START_TEST(survives_damaged_pictures)
{
    static const char *const files[] = { CLMIX_TEST_DATA "/pictures/rgb.png", CLMIX_TEST_DATA "/folder/train/cat/0000.jpg",
                                         CLMIX_TEST_DATA "/pictures/cmyk.jpg" };
    void *content = NULL;
    size_t bytes = 0;
    clmix_picture picture;

    ck_assert_int_eq(clmix_file_read(files[_i], 1 << 20, &content, &bytes), CLMIX_OK);
    for (size_t cut = 0; cut + 2 < bytes; cut++) { /* a JPEG without its last two bytes, the end marker, has all its pixels */
        unsigned char *part = malloc(cut + 1);

        memcpy(part, content, cut);
        ck_assert_msg(clmix_picture_decode(&picture, "cut", part, cut, 3) == CLMIX_ERROR_FORMAT, "%zu of %zu bytes", cut, bytes);
        ck_assert_ptr_null(picture.pixels);
        free(part);
    }
    for (size_t i = 0; i < bytes; i++) {
        unsigned char *byte = (unsigned char *)content + i, held = *byte;

        *byte ^= (unsigned char)(1u << (i % 8));
        (void)clmix_picture_decode(&picture, "flipped", content, bytes, 3);
        clmix_picture_free(&picture);
        *byte = held;
    }
    free(content);
}
END_TEST

START_TEST(refuses_absurd_pictures)
{
    /* 30000 x 1 and 2^31 - 1 squared, CRCs right, no pixels */
    static const unsigned char wide_png[] = { 0x89, 'P',  'N',  'G',  13,   10, 26, 10,  0,   0,   0,   13,   'I',  'H',  'D',
                                              'R',  0,    0,    0x75, 0x30, 0,  0,  0,   1,   8,   2,   0,    0,    0,    0x98,
                                              0x33, 0x44, 0x69, 0,    0,    0,  0,  'I', 'D', 'A', 'T', 0x35, 0xaf, 0x06, 0x1e };
    static const unsigned char huge_jpeg[] = { 0xff, 0xd8, 0xff, 0xc0, 0,    17, 8,  0xff, 0xdc, 0xff, 0xdc, 3, 1, 0x11, 0, 2,  0x11, 0,
                                               3,    0x11, 0,    0xff, 0xda, 0,  12, 3,    1,    0,    2,    0, 3, 0,    0, 63, 0,    0 };
    clmix_picture picture;

    expect_error(clmix_picture_decode(&picture, "wide.png", wide_png, sizeof wide_png, 3), CLMIX_ERROR_FORMAT, "30000x1");
    expect_error(clmix_picture_decode(&picture, "huge.jpg", huge_jpeg, sizeof huge_jpeg, 3), CLMIX_ERROR_FORMAT, "65500x65500");
    expect_error(clmix_picture_decode(&picture, "x", "GIF89a", 6, 3), CLMIX_ERROR_FORMAT, "neither PNG nor JPEG");
    expect_error(clmix_picture_decode(&picture, "x", "GIF89a", 6, 2), CLMIX_ERROR_ARGUMENT, "2 channels");
    expect_error(clmix_picture_read(&picture, "/nonexistent.png", 3), CLMIX_ERROR_FILE, "/nonexistent.png");
}
END_TEST

START_TEST(resizes)
{
    unsigned char source[4 * 6 * 3], result[9 * 7 * 3], tiny[3];

    memset(source, 77, sizeof source);
    ck_assert_int_eq(clmix_picture_resize(source, 4, 6, 3, result, 9, 7), CLMIX_OK);
    for (size_t i = 0; i < sizeof result; i++)
        ck_assert_uint_eq(result[i], 77);
    for (size_t i = 0; i < sizeof source; i++)
        source[i] = (unsigned char)(3 * i);
    ck_assert_int_eq(clmix_picture_resize(source, 4, 6, 3, result, 4, 6), CLMIX_OK);
    ck_assert_mem_eq(result, source, sizeof source);
    /* a ramp stays a ramp: (0, 30) doubled is 0, 7.5, 22.5, 30 */
    ck_assert_int_eq(clmix_picture_resize((const unsigned char[]){ 0, 30 }, 1, 2, 1, result, 1, 4), CLMIX_OK);
    ck_assert_mem_eq(result, ((const unsigned char[]){ 0, 8, 23, 30 }), 4);
    /* halved, every pixel counts: the weights are 1/8, 3/8, 3/8, 1/8, at the edge 3/7, 3/7, 1/7 */
    ck_assert_int_eq(clmix_picture_resize((const unsigned char[]){ 0, 0, 70, 0, 0, 0 }, 1, 6, 1, result, 1, 3), CLMIX_OK);
    ck_assert_mem_eq(result, ((const unsigned char[]){ 10, 26, 0 }), 3);
    ck_assert_int_eq(clmix_picture_resize(source, 4, 6, 3, tiny, 1, 1), CLMIX_OK);
    ck_assert(tiny[0] > 90 && tiny[0] < 120);
}
END_TEST

START_TEST(fits)
{
    unsigned char pixels[2 * 8], result[3 * 4 * 4];
    clmix_picture picture = { 2, 8, 1, pixels };

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(10 * (i % 8));
    ck_assert_int_eq(clmix_picture_fit(&picture, result, 2, 2, 3), CLMIX_OK); /* the middle two columns, untouched, thrice */
    for (size_t i = 0; i < 4; i++)
        for (size_t c = 0; c < 3; c++)
            ck_assert_uint_eq(result[3 * i + c], i % 2 == 0 ? 30 : 40);
    ck_assert_int_eq(clmix_picture_fit(&picture, result, 4, 4, 1), CLMIX_OK);
    ck_assert(result[0] == 30 && result[3] == 40);
    picture = (clmix_picture){ 8, 2, 1, pixels };
    ck_assert_int_eq(clmix_picture_fit(&picture, result, 3, 1, 1), CLMIX_OK);
    clmix_picture_convert((const unsigned char[]){ 255, 255, 255, 0, 100, 0 }, 3, result, 1, 2);
    ck_assert(result[0] == 255 && result[1] == 59);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("io");
    TCase *cases[3] = { tcase_create("safetensors"), tcase_create("json"), tcase_create("picture") };

    for (int i = 0; i < 3; i++) {
        tcase_add_checked_fixture(cases[i], open_folder, close_folder);
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(all, cases[i]);
    }
    tcase_add_test(cases[0], reads_what_pytorch_writes);
    tcase_add_loop_test(cases[0], refuses_malformed_headers, 0, (int)(sizeof malformed / sizeof malformed[0]));
    tcase_add_test(cases[0], refuses_cut_off_files);
    tcase_add_test(cases[0], survives_any_flipped_byte);
    tcase_add_test(cases[0], safetensors_round_trip);
    tcase_add_test(cases[0], writer_refuses_misuse);
    tcase_add_test(cases[0], full_disk_leaves_the_old_file);
    tcase_add_test(cases[1], json_errors_have_a_place);
    tcase_add_test(cases[1], json_getters);
    tcase_add_test(cases[1], json_round_trip);
    tcase_add_test(cases[2], reads_png);
    tcase_add_test(cases[2], reads_jpeg);
    tcase_add_loop_test(cases[2], survives_damaged_pictures, 0, 3);
    tcase_add_test(cases[2], refuses_absurd_pictures);
    tcase_add_test(cases[2], resizes);
    tcase_add_test(cases[2], fits);
    return all;
}

int main(void)
{
    return support_run(suite());
}
