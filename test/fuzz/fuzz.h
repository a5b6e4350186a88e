/* Fuzzers: each fuzz_*.c of this folder is a program that hands any bytes to a reader. Built for libFuzzer (preset "fuzz") they go by coverage; in any
 * other build run.c brings bytes, its seeds with faults. */
#ifndef CLMIX_TEST_FUZZ_H
#define CLMIX_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What faults are put into, texts that end with NULL. */
extern const char *const fuzz_seeds[];

/* Ends the process, with the condition, where it does not hold. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_stop(#condition, __FILE__, __LINE__))
void fuzz_stop(const char *condition, const char *file, int line);

/* A file with this content in a folder of the process, "NAME" or "FOLDER/NAME"; its path belongs to the caller's next call. The folder is removed when the
 * process ends. */
const char *fuzz_file(const char *name, const uint8_t *data, size_t bytes);

/* Reads both splits of the texts that `spec` names, twice, and checks what every reader promises. */
void fuzz_read(const char *spec);

#endif
