/* clmix-verify --self: the embedded cases in both forms of the kernels, and a verdict on the driver. */
#ifndef CLMIX_TOOLS_VERIFY_SELF_H
#define CLMIX_TOOLS_VERIFY_SELF_H

#include "common/cli.h"

/* Runs the embedded cases that the command line names, "gelu", or all of them; in `form` alone, unless it is NULL. Gives the exit status: 0 where the form
 * that clmix takes by itself, or `form`, is right. */
int verify_self(const struct cli *cli, const char *form, bool verbose);

#endif
