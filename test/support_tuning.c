#include "support_tuning.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support_tool.h"

#define VARIABLES 3

static const char *const variables[VARIABLES] = { "CLMIX_CACHE_DIR", "CLMIX_TUNE", "CLMIX_KERNELS" };
static char *saved[VARIABLES];
static const char *folder;

const char *begin_own_tuning(void)
{
    for (int i = 0; i < VARIABLES; i++)
        saved[i] = getenv(variables[i]) == NULL ? NULL : strdup(getenv(variables[i]));
    folder = make_folder();
    setenv("CLMIX_CACHE_DIR", folder, 1);
    unsetenv("CLMIX_TUNE");
    return folder;
}

void end_own_tuning(void)
{
    for (int i = 0; i < VARIABLES; i++) {
        if (saved[i] == NULL)
            unsetenv(variables[i]);
        else
            setenv(variables[i], saved[i], 1);
        free(saved[i]);
    }
    remove_folder(folder);
}

void write_tuning(clmix_device *device, const char *text)
{
    char *path = clmix_tuning_path(device);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

void read_tuning(clmix_device *device, char text[4096])
{
    char *path = clmix_tuning_path(device);
    FILE *file = fopen(path, "r");

    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, 4095, file)] = '\0';
    fclose(file);
    free(path);
}
