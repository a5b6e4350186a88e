/* Versions: of these headers, and of the library that a program runs with, since a shared library may be another one than was compiled against. */
#ifndef CLMIX_VERSION_H
#define CLMIX_VERSION_H

#include <clmix/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CMake reads the project's version here. While MAJOR is 0, another MINOR may be another interface; PATCH never is. */
#define CLMIX_VERSION_MAJOR 0
#define CLMIX_VERSION_MINOR 4 /* another interface, as long as MAJOR is 0 */
#define CLMIX_VERSION_PATCH 0 /* the same interface, repaired */

/* A version as one number, for #if: CLMIX_VERSION_NUMBER >= CLMIX_MAKE_VERSION(0, 2, 0). */
#define CLMIX_MAKE_VERSION(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
/* That of these headers. */
#define CLMIX_VERSION_NUMBER CLMIX_MAKE_VERSION(CLMIX_VERSION_MAJOR, CLMIX_VERSION_MINOR, CLMIX_VERSION_PATCH)

/* The same as text, such as "0.1.0". */
#define CLMIX_VERSION CLMIX_VERSION_TEXT_(CLMIX_VERSION_MAJOR, CLMIX_VERSION_MINOR, CLMIX_VERSION_PATCH)
/* Turns numbers into that text. */
#define CLMIX_VERSION_TEXT_(major, minor, patch) CLMIX_VERSION_TEXT_OF_VALUES_(major, minor, patch)
/* Its second half. */
#define CLMIX_VERSION_TEXT_OF_VALUES_(major, minor, patch) #major "." #minor "." #patch

/* The library's version, such as "0.1.0"; static, never NULL. From any thread. */
CLMIX_API const char *clmix_version(void);

/* Can a program that was compiled with headers of version `number` (a CLMIX_VERSION_NUMBER) run with this library? That takes the same major version,
 * and a minor version that is not older; of versions 0, the same minor version. CLMIX_ERROR_UNSUPPORTED where not: clmix_error() names both versions.
 * Call it by the macro, first of all: CLMIX_CHECK_VERSION() passes the number of the headers that the caller sees. From any thread. */
CLMIX_API clmix_status clmix_version_check(int number);
/* That call, with the number of the headers that the caller sees. */
#define CLMIX_CHECK_VERSION() clmix_version_check(CLMIX_VERSION_NUMBER)

#ifdef __cplusplus
}
#endif
#endif
