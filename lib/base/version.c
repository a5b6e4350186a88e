#include <clmix/version.h>

#include "base/status.h"

#define PER_MINOR CLMIX_MAKE_VERSION(0, 1, 0)
#define PER_MAJOR CLMIX_MAKE_VERSION(1, 0, 0)

const char *clmix_version(void)
{
    return CLMIX_VERSION;
}

clmix_status clmix_version_check(int number)
{
    const int major = number / PER_MAJOR, minor = number % PER_MAJOR / PER_MINOR;

    if (major == CLMIX_VERSION_MAJOR && (major == 0 ? minor == CLMIX_VERSION_MINOR : minor <= CLMIX_VERSION_MINOR))
        return CLMIX_OK;
    return clmix_fail(
        CLMIX_ERROR_UNSUPPORTED,
        "the program was compiled with headers of clmix %d.%d.%d and runs with the library of clmix %s, whose interface is another; "
        "compile it again, or let it find the library it was compiled with",
        major, minor, number % PER_MINOR, clmix_version());
}
