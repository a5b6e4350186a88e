#include "support_tool.h"
#include "base/file.h"
#include "support_temporary.h"
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

int run_tool(char **output, const char *format, ...)
{
    char command[8192];
    size_t length = 0, capacity = 4096;
    va_list arguments;

    int used = snprintf(command, sizeof command, "PATH='%s':$PATH; ", CLMIX_BIN_DIR);
    va_start(arguments, format);
    int more = vsnprintf(command + used, sizeof command - (size_t)used, format, arguments);
    va_end(arguments);
    ck_assert_int_lt(used + more, (int)sizeof command);

    FILE *stream = popen(command, "r");
    char *text = malloc(capacity);
    ck_assert(stream != NULL && text != NULL);
    for (size_t got; (got = fread(text + length, 1, capacity - length - 1, stream)) > 0;) {
        length += got;
        if (length + 1 == capacity) {
            text = realloc(text, capacity *= 2);
            ck_assert_ptr_nonnull(text);
        }
    }
    text[length] = '\0';
    int status = pclose(stream);
    ck_assert_msg(WIFEXITED(status), "'%s' was killed by signal %d", command, WTERMSIG(status));
    if (output)
        *output = text;
    else
        free(text);
    return WEXITSTATUS(status);
}

void check_mistakes(const char *tool, const struct tool_mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *output;
        int status = run_tool(&output, "%s %s 2>&1", tool, mistakes[i].arguments);
        ck_assert_msg(status == mistakes[i].status && strstr(output, mistakes[i].sentence) != NULL, "%s: %d, %s", mistakes[i].arguments,
                      status, output);
        free(output);
    }
}

const char *make_folder(void)
{
    static char folder[512];

    snprintf(folder, sizeof folder, "%s/clmix-test-XXXXXX", support_temporary());
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

void remove_folder(const char *folder)
{
    char command[640];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

const char *file_in(const char *folder, const char *name)
{
    static char path[800];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

void write_in(const char *folder, const char *name, const void *content, size_t bytes)
{
    char parent[800], *slash;

    snprintf(parent, sizeof parent, "%s", file_in(folder, name));
    slash = strrchr(parent, '/');
    *slash = '\0';
    ck_assert_int_eq(clmix_folder_make(parent), CLMIX_OK);
    ck_assert_int_eq(clmix_file_write(file_in(folder, name), content, bytes), CLMIX_OK);
}
