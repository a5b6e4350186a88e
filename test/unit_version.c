/* The version of the headers against that of the library, and of CMake's project. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include <clmix/clmix.h>

#include "support_suite.h"

START_TEST(one_version_everywhere)
{
    char text[64];

    snprintf(text, sizeof text, "%d.%d.%d", CLMIX_VERSION_MAJOR, CLMIX_VERSION_MINOR, CLMIX_VERSION_PATCH);
    ck_assert_str_eq(clmix_version(), text);
    ck_assert_str_eq(CLMIX_VERSION, text);
    ck_assert_str_eq(CLMIX_TEST_VERSION, text);
}
END_TEST

START_TEST(numbers_are_ordered)
{
    ck_assert_int_lt(CLMIX_MAKE_VERSION(0, 1, 999), CLMIX_MAKE_VERSION(0, 2, 0));
    ck_assert_int_lt(CLMIX_MAKE_VERSION(0, 999, 999), CLMIX_MAKE_VERSION(1, 0, 0));
#if CLMIX_VERSION_NUMBER < CLMIX_MAKE_VERSION(0, 1, 0)
    ck_abort_msg("the preprocessor orders them otherwise");
#endif
}
END_TEST

START_TEST(own_headers_and_patches_pass)
{
    ck_assert_int_eq(CLMIX_CHECK_VERSION(), CLMIX_OK);
    ck_assert_int_eq(clmix_version_check(CLMIX_MAKE_VERSION(CLMIX_VERSION_MAJOR, CLMIX_VERSION_MINOR, 999)), CLMIX_OK);
}
END_TEST

static const int others[] = {
    CLMIX_MAKE_VERSION(CLMIX_VERSION_MAJOR, CLMIX_VERSION_MINOR + 1, 0),
    CLMIX_MAKE_VERSION(CLMIX_VERSION_MAJOR + 1, CLMIX_VERSION_MINOR, 0),
    -1,
};

START_TEST(other_headers_are_refused_and_both_are_named)
{
    ck_assert_int_eq(clmix_version_check(others[_i]), CLMIX_ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(clmix_error(), clmix_version()) != NULL, "%s", clmix_error());
}
END_TEST

START_TEST(the_headers_version_is_named)
{
    ck_assert_int_eq(clmix_version_check(CLMIX_MAKE_VERSION(7, 12, 3)), CLMIX_ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(clmix_error(), "7.12.3") != NULL, "%s", clmix_error());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("version");
    TCase *tests = tcase_create("version");

    tcase_add_test(tests, one_version_everywhere);
    tcase_add_test(tests, numbers_are_ordered);
    tcase_add_test(tests, own_headers_and_patches_pass);
    tcase_add_loop_test(tests, other_headers_are_refused_and_both_are_named, 0, sizeof others / sizeof *others);
    tcase_add_test(tests, the_headers_version_is_named);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
