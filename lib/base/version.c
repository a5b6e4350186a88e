#include <clmix/clmix.h>

#ifndef CLMIX_VERSION
#define CLMIX_VERSION "unknown"
#endif

const char *clmix_version(void)
{
    return CLMIX_VERSION;
}
