/* Where tests put files of their own. */
#ifndef CLMIX_TEST_SUPPORT_TEMPORARY_H
#define CLMIX_TEST_SUPPORT_TEMPORARY_H

#include <stdlib.h>

/* TMPDIR's folder; without one, the folder that POSIX says every system has (XBD 10.1). */
static inline const char *support_temporary(void)
{
    const char *folder = getenv("TMPDIR");

    return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

#endif
