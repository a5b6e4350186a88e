/* Shared by the tests of clmix-bench: a folder for files of results, JSON, pages. */
#ifndef CLMIX_TEST_SUPPORT_BENCH_H
#define CLMIX_TEST_SUPPORT_BENCH_H

#include <cjson/cJSON.h>

/* Checked fixtures; every test has a folder of its own. */
extern char bench_folder[256];
void make_bench_folder(void);
void remove_bench_folder(void);

/* A whole file of that folder, as text; *content is for free(). */
void read_bench_file(const char *name, char **content);
void write_bench_file(const char *name, const char *content);

/* The number or text under a key, which must be there. */
double json_number(const cJSON *object, const char *key);
const char *json_text(const cJSON *object, const char *key);

/* The objects in the lines that a command prints, one after another, as run_tool runs it; for cJSON_Delete. */
cJSON *tool_rows(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line says who measured where and when. */
void check_signed(const cJSON *json);

/* Elements are closed in order, attributes are quoted, nothing is fetched or run, and & < > stand for themselves nowhere. */
void check_page(const char *page);

#endif
