/* Numbers and names as text, and the room that they take. */
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "support_suite.h"
#include "tools/common/terminal.h"

static const struct {
    double value;
    int decimals;
    const char *text;
} decimals[] = {
    { 0.0, 0, "0" },         { 2.5, 0, "3" },     { 48.65, 1, "48.7" }, { 6.25, 1, "6.3" },   { 18.75, 1, "18.8" }, { 0.05, 2, "0.05" },
    { 9.9999, 3, "10.000" }, { -0.04, 1, "0.0" }, { -1.25, 1, "-1.3" }, { 1e20, 1, "1e+20" }, { NAN, 1, "nan" },
};

START_TEST(halves_are_rounded_up)
{
    char text[32];

    ck_assert_str_eq(clmix_decimal(text, decimals[_i].value, decimals[_i].decimals), decimals[_i].text);
}
END_TEST

START_TEST(fractions_are_per_cent)
{
    char text[32];

    ck_assert_str_eq(clmix_percent(text, 0.4865, 1), "48.7");
    ck_assert_str_eq(clmix_percent(text, 1.0, 1), "100.0");
    ck_assert_str_eq(clmix_percent(text, 1.0 / 16.0, 2), "6.25");
}
END_TEST

START_TEST(thousands_are_grouped)
{
    char text[32];

    ck_assert_str_eq(clmix_grouped(text, 999), "999");
    ck_assert_str_eq(clmix_grouped(text, 1234567), "1,234,567");
}
END_TEST

static void expect_name(const char *bytes, const char *text)
{
    char *there = clmix_utf8_from_bytes(bytes), *back = clmix_utf8_to_bytes(there);

    ck_assert_str_eq(there, text);
    ck_assert(clmix_utf8_valid(there, strlen(there)));
    ck_assert_str_eq(back, bytes);
    free(there);
    free(back);
}

START_TEST(names_of_any_bytes_come_back)
{
    char bytes[256];

    ck_assert(clmix_utf8_valid("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\n", 11));
    ck_assert(!clmix_utf8_valid("\xed\xa0\x80", 3) && !clmix_utf8_valid("\xc3", 1) && !clmix_utf8_valid("\xf4\x90\x80\x80", 4) &&
              !clmix_utf8_valid("\x01", 1));
    expect_name("", "");
    expect_name("k\xc3\xa4se \xe2\x82\xac \xf0\x9f\x99\x82\t", "k\xc3\xa4se \xe2\x82\xac \xf0\x9f\x99\x82\t");
    expect_name("k\xe4se", "k\xee\xbf\xa4se");                             /* Latin-1 */
    expect_name("\xe2\x82", "\xee\xbf\xa2\xee\xbe\x82");                   /* a character cut short */
    expect_name("\x01\xff", "\xee\xbc\x81\xee\xbf\xbf");                   /* the first and the last byte that need it */
    expect_name("\xee\xbf\xa4", "\xee\xbf\xae\xee\xbe\xbf\xee\xbe\xa4");   /* a name with such a character is no other name */
    expect_name("\xee\xbc\x80 \xef\x80\x80", "\xee\xbc\x80 \xef\x80\x80"); /* its neighbours are as any */
    for (int i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1);
    bytes[255] = '\0';
    for (int from = 0; from < 255; from++) {
        char *text = clmix_utf8_from_bytes(bytes + from), *back = clmix_utf8_to_bytes(text);

        ck_assert(clmix_utf8_valid(text, strlen(text)));
        ck_assert_str_eq(back, bytes + from);
        free(text);
        free(back);
    }
}
END_TEST

static const struct {
    const char *text;
    size_t width;
    const char *cut; /* to eight columns */
} widths[] = {
    { "", 0, "" },
    { "eight ch", 8, "eight ch" },
    { "more than", 9, "more ..." },
    { "k\xc3\xa4se und Brot", 13, "k\xc3\xa4se ..." },
    { "k\xe4se", 4, "k\xe4se" },
    { "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab!", 9, "\xe7\x8c\xab\xe7\x8c\xab..." }, /* each takes two columns */
};

START_TEST(width_is_what_is_seen)
{
    char text[64];

    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    ck_assert_uint_eq(terminal_width(widths[_i].text), widths[_i].width);
    snprintf(text, sizeof text, "%s", widths[_i].text);
    ck_assert_str_eq(terminal_cut(text, 8), widths[_i].cut);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");

    tcase_add_loop_test(tests, halves_are_rounded_up, 0, sizeof decimals / sizeof *decimals);
    tcase_add_test(tests, fractions_are_per_cent);
    tcase_add_test(tests, thousands_are_grouped);
    tcase_add_test(tests, names_of_any_bytes_come_back);
    tcase_add_loop_test(tests, width_is_what_is_seen, 0, sizeof widths / sizeof *widths);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
