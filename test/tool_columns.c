/* Lines of the programs fit the terminal, however narrow it is and becomes. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support_ops.h"
#include "support_suite.h"
#include "support_terminal.h"
#include "support_tool.h"

#define TINY   "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":10,\"dim\":8,\"depth\":1}"
#define SHAPES "shapes:size=16,train=32,test=16"
#define LONG   "shapes:size=16,train=3200,test=16"

static char folder[512];

static void setup(void)
{
    char path[600];

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(path, sizeof path, "%s/tiny.json", folder);
    ops_ok(clmix_file_write(path, TINY, strlen(TINY)));
    ck_assert_int_eq(run_tool(NULL,
                              "cd %s && cp '" CLMIX_TEST_DATA "/pictures/rgb.png' a.png && cp '" CLMIX_TEST_CASES
                              "/ops/conv2d_1x1.safetensors' . && printf 'rain falls\\n\\377\\nrain fell\\n' >words.txt && "
                              "clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 1 --out run --json 2>&1",
                              folder),
                     0);
}

static void teardown(void)
{
    remove_folder(folder);
}

/* ---- a terminal --------------------------------------------------------------------------------------------------------------------- */

/* What a terminal shows at the end, row by row: it wraps at its last column, and knows a carriage return, a newline and "erase what follows". */
struct screen {
    size_t columns, column, row;
    char rows[400][256];
    size_t wrapped; /* how often a line did not fit */
};

static void put(struct screen *screen, char letter)
{
    if (screen->column == screen->columns) {
        screen->wrapped++;
        screen->column = 0;
        screen->row++;
    }
    screen->rows[screen->row][screen->column++] = letter;
}

static void show(struct screen *screen, const char *text)
{
    for (; *text != '\0' && screen->row < 399; text++) {
        const unsigned char letter = (unsigned char)*text;

        if (letter == '\r') {
            screen->column = 0;
        } else if (letter == '\n') {
            screen->column = 0;
            screen->row++;
        } else if (letter == '\033') {
            text += strcspn(text, "ABCDHJKhlm");
            if (*text == 'J' || *text == 'K')
                memset(&screen->rows[screen->row][screen->column], 0, sizeof screen->rows[0] - screen->column);
        } else if ((letter & 0xC0) != 0x80) { /* a character is one letter wide here */
            put(screen, (char)letter);
        }
    }
}

/* ---- tests -------------------------------------------------------------------------------------------------------------------------- */

static const unsigned short widths[] = { 50, 60, 80, 120 };
static const char *const commands[] = {
    "CLMIX_CACHE_DIR= clmix-info",
    "clmix-summary wavemix-16",
    "clmix-predict run/model.safetensors a.png",
    "clmix-predict run/model.safetensors --data " SHAPES,
    "clmix-verify conv2d_1x1.safetensors --verbose",
    "clmix-train --model tiny.json --data " SHAPES " --dry-run",
    "clmix-train --resume run",
    "rm -rf other; clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 120 --steps 5 --out other",
    "clmix-info --help",
    "clmix-summary --help",
    "clmix-predict --help",
    "clmix-verify --help",
    "clmix-train --help",
    "clmix-bench --help",
    "clmix-vocab --help",
    "clmix-vocab words.txt --out vocab.txt",
};

static struct screen *run_at(unsigned short columns, const struct tool_resize *resize, const char *command)
{
    struct screen *screen = calloc(1, sizeof *screen);
    char line[1024], *output;

    ck_assert_ptr_nonnull(screen);
    screen->columns = columns;
    snprintf(line, sizeof line, "cd %s; %s", folder, command);
    ck_assert_msg(run_tool_on_columns(&output, columns, resize, line) == 0, "%s: %.3000s", command, output);
    show(screen, output);
    ck_assert_msg(resize != NULL || screen->wrapped == 0, "%u columns, %s: %zu lines are too long: %.3000s", columns, command, screen->wrapped,
                  output);
    ck_assert_msg(screen->row > 0, "%s printed nothing", command);
    free(output);
    return screen;
}

/* Rows that a finished run leaves: none of the bar, and one an epoch. */
static size_t count_epochs(const struct screen *screen)
{
    size_t epochs = 0;

    for (size_t i = 0; i <= screen->row; i++) {
        ck_assert_msg(strstr(screen->rows[i], "loss") == NULL && strstr(screen->rows[i], "==") == NULL, "remains of the bar: %s",
                      screen->rows[i]);
        epochs += strncmp(screen->rows[i], "epoch ", 6) == 0;
    }
    return epochs;
}

START_TEST(lines_fit)
{
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        free(run_at(widths[i], NULL, commands[_i]));
}
END_TEST

START_TEST(an_epoch_is_a_row)
{
    struct screen *screen =
        run_at(widths[_i], NULL, "rm -rf other; clmix-train --model tiny.json --data " LONG " --batch 16 --epochs 2 --out other");

    ck_assert_uint_eq(count_epochs(screen), 2);
    free(screen);
}
END_TEST

/* The width is asked for each line: after the first ones all are as short as the terminal has become. */
START_TEST(lines_fit_after_a_resize)
{
    const struct tool_resize resize = { "epoch  1/4", 50 };
    char line[1024], *output, *last;
    struct screen *screen = calloc(1, sizeof *screen);

    snprintf(line, sizeof line, "cd %s; rm -rf other; clmix-train --model tiny.json --data " LONG " --batch 16 --epochs 4 --out other",
             folder);
    ck_assert_int_eq(run_tool_on_columns(&output, 120, &resize, line), 0);
    last = strstr(output, "epoch  4/4");
    ck_assert_ptr_nonnull(last);
    screen->columns = 50;
    show(screen, last);
    ck_assert_msg(screen->wrapped == 0, "%s", last);
    ck_assert_uint_eq(count_epochs(screen), 1);
    free(screen);
    free(output);
}
END_TEST

/* Elsewhere lines are whole. */
START_TEST(files_get_whole_lines)
{
    char *output;

    ck_assert_int_eq(run_tool(&output,
                              "cd %s && rm -rf other; COLUMNS=50 clmix-train --model tiny.json --data " SHAPES " --batch 16 --epochs 1 "
                              "--out other | grep 'epoch.*train.*test.*top-5.*img/s' && clmix-summary wavemix-16 | grep 'layer.*MB$'",
                              folder),
                     0);
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("columns");
    TCase *tests = tcase_create("columns");

    require_terminal();
    tcase_set_timeout(tests, 300);
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, lines_fit, 0, sizeof commands / sizeof *commands);
    tcase_add_loop_test(tests, an_epoch_is_a_row, 0, sizeof widths / sizeof *widths);
    tcase_add_test(tests, lines_fit_after_a_resize);
    tcase_add_test(tests, files_get_whole_lines);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
