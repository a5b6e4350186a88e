/* Shared by the tests of the runtime: the device that CLMIX_DEVICE names, and made-up ones. */
#ifndef CLMIX_TEST_SUPPORT_DEVICE_H
#define CLMIX_TEST_SUPPORT_DEVICE_H

#include "runtime/internal.h"

extern clmix_device *test_device;
/* Checked fixtures. */
void open_test_device(void);
void close_test_device(void);

void check_ok(clmix_status status);

/* The sentence of the last failure has this part. */
bool error_mentions(const char *part);

/* A device without a driver: what is chosen must not depend on the machine that runs the test. */
struct clmix_candidate made_up_device(int index, const char *platform, const char *name, cl_device_type type, unsigned units, bool unified);

#endif
