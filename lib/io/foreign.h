/* Files that are given as something else: what they look like by their first bytes. */
#ifndef CLMIX_IO_FOREIGN_H
#define CLMIX_IO_FOREIGN_H

#include <stddef.h>

/* What a file of other software looks like and what to do with it, as the end of "this is not ...: it looks like"; NULL where nothing is
 * recognised. */
const char *clmix_foreign(const void *content, size_t bytes);

#endif
