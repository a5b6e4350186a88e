/* The end of every test program. */
#ifndef CLMIX_TEST_SUPPORT_SUITE_H
#define CLMIX_TEST_SUPPORT_SUITE_H

#include <check.h>

/* Runs the suite in this process and frees it; the exit status. */
int support_run(Suite *suite);

#endif
