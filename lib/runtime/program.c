/* The programs of a device: one for each (file, options), from memory, from the disk cache, or compiled. */
#include "base/array.h"
#include "base/status.h"
#include "runtime/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
    char *file;
    char *full_options; /* with the file, the name in memory */
    cl_program program;
    bool loaded;                         /* from the disk cache, not compiled */
    unsigned char key[CLMIX_HASH_BYTES]; /* the name on disk */
    char *kernels;                       /* every kernel created so far or when the stored file was written, each followed by a newline */
    bool pending;                        /* has kernels that the stored file may lack final code for */
    bool tried;                          /* used for nothing but trying so far */
    size_t stored_bytes;                 /* of the binary on disk, 0 for none */
};

struct clmix_programs {
    struct program *items;
    size_t count, capacity;
    size_t compiled, loaded;
};

clmix_status clmix_programs_new(struct clmix_programs **programs)
{
    *programs = calloc(1, sizeof **programs);
    return *programs == NULL ? clmix_fail_memory("the program table") : CLMIX_OK;
}

static void program_clear(struct program *program)
{
    if (program->program != NULL)
        clReleaseProgram(program->program);
    free(program->file);
    free(program->full_options);
    free(program->kernels);
}

void clmix_programs_free(struct clmix_programs *programs)
{
    if (programs == NULL)
        return;
    for (size_t i = 0; i < programs->count; i++)
        program_clear(&programs->items[i]);
    free(programs->items);
    free(programs);
}

void clmix_device_programs(const clmix_device *device, size_t *compiled, size_t *loaded)
{
    const bool any = device != NULL && device->programs != NULL;

    if (compiled != NULL)
        *compiled = any ? device->programs->compiled : 0;
    if (loaded != NULL)
        *loaded = any ? device->programs->loaded : 0;
}

void clmix_device_watch_compiler(clmix_device *device, clmix_compiler_watch watch, void *user)
{
    if (device == NULL)
        return;
    device->watch = watch;
    device->watch_user = user;
}

/* NULL, the end, only after a file. */
static void tell_watch(clmix_device *device, const char *file)
{
    if (device->watch != NULL && (file != NULL || device->watching))
        device->watch(device->watch_user, file, device->programs->compiled);
    device->watching = file != NULL;
}

/* --- options ------------------------------------------------------------------------------------------------------------------------ */

/* The caller's options with those every build gets; what the caller defines wins. */
static char *full_options(const clmix_device_info *info, const char *options)
{
    size_t bytes = strlen(options) + 160;
    char *full = malloc(bytes), wide[24] = "", width[24] = "", prefetching[24] = "", fused[24] = "", half[24] = "";

    if (full == NULL)
        return NULL;
    if (strstr(options, "-DCLMIX_WIDE=") == NULL)
        snprintf(wide, sizeof wide, " -DCLMIX_WIDE=%d", info->form == CLMIX_WIDE);
    if (strstr(options, "-DVW=") == NULL)
        snprintf(width, sizeof width, " -DVW=%u", clmix_vector_width(info));
    if (strstr(options, "-DPREFETCHING=") == NULL)
        snprintf(prefetching, sizeof prefetching, " -DPREFETCHING=%d", clmix_is_processor(info));
    if (strstr(options, "-DCLMIX_FMA=") == NULL)
        snprintf(fused, sizeof fused, " -DCLMIX_FMA=%d", info->fused_multiply_add);
    if (clmix_device_half_waves(info))
        snprintf(half, sizeof half, " -DSUB_GROUP=16");
    snprintf(full, bytes, "-cl-std=CL1.2 -cl-mad-enable%s%s%s%s%s%s%s", wide, width, prefetching, fused, half,
             options[0] != '\0' ? " " : "", options);
    return full;
}

/* The text that is built: the file's, behind what quirks put in front. */
static clmix_status program_text(const clmix_device_info *info, const char *file, char **text)
{
    static const char any_group[] = "#define reqd_work_group_size(x, y, z)\n";
    size_t bytes;
    char *longer;

    CLMIX_TRY(clmix_source_read(file, text));
    if (!clmix_quirk_in_force(info, CLMIX_EFFECT_ANY_GROUP))
        return CLMIX_OK;
    bytes = strlen(*text) + 1;
    longer = malloc(sizeof any_group - 1 + bytes);
    if (longer != NULL) {
        memcpy(longer, any_group, sizeof any_group - 1);
        memcpy(longer + sizeof any_group - 1, *text, bytes);
    }
    free(*text);
    *text = longer;
    return longer == NULL ? clmix_fail_memory("a kernel source") : CLMIX_OK;
}

/* --- building ----------------------------------------------------------------------------------------------------------------------- */

/* The first lines of the log on one line; logs of some compilers are long and their first message is the one that matters. */
static void first_of_log(cl_program program, cl_device_id id, char *text, size_t bytes)
{
    size_t length = 0;
    char *log = NULL, *end;

    snprintf(text, bytes, "the driver gives no log");
    if (clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &length) != CL_SUCCESS || length < 2 ||
        (log = calloc(length + 1, 1)) == NULL)
        return;
    if (clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, length, log, NULL) == CL_SUCCESS && log[0] != '\0') {
        snprintf(text, bytes, "%s", log);
        end = text + strlen(text);
        while (end > text && (end[-1] == '\n' || end[-1] == ' '))
            *--end = '\0';
    }
    free(log);
}

static clmix_status compile(clmix_device *device, struct program *program, const char *text)
{
    char log[640];
    cl_int code;

    program->program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);
    if (program->program == NULL)
        return clmix_fail_cl(device, code, "making a program of '%s'", program->file);
    tell_watch(device, program->file);
    code = clBuildProgram(program->program, 1, &device->id, program->full_options, NULL, NULL);
    if (code == CL_SUCCESS) {
        program->loaded = false;
        program->pending = true;
        device->programs->compiled++;
        return CLMIX_OK;
    }
    first_of_log(program->program, device->id, log, sizeof log);
    clReleaseProgram(program->program);
    program->program = NULL;
    return clmix_fail(CLMIX_ERROR_BUILD, "%s does not compile on %s with '%s' (%s): %s", program->file, device->info.name,
                      program->full_options, clmix_cl_error_name(code), log);
}

/* From the disk; false for any reason, and the source serves. */
static bool load(clmix_device *device, struct program *program)
{
    struct clmix_cached cached;
    cl_int code, status = CL_SUCCESS;
    const unsigned char *binary;

    if (!clmix_cache_load(program->key, &cached))
        return false;
    binary = cached.binary;
    program->program = clCreateProgramWithBinary(device->context, 1, &device->id, &cached.binary_bytes, &binary, &status, &code);
    if (program->program != NULL && (code != CL_SUCCESS || status != CL_SUCCESS ||
                                     clBuildProgram(program->program, 1, &device->id, program->full_options, NULL, NULL) != CL_SUCCESS)) {
        clReleaseProgram(program->program);
        program->program = NULL;
    }
    if (program->program != NULL) {
        program->loaded = true;
        program->stored_bytes = cached.binary_bytes;
        program->kernels = strdup(cached.kernels);
        device->programs->loaded++;
    }
    free(cached.file);
    return program->program != NULL;
}

static clmix_status build(clmix_device *device, struct program *program, bool allow_cache)
{
    char *text = NULL;
    clmix_status status = program_text(&device->info, program->file, &text);

    if (status == CLMIX_OK) {
        clmix_cache_key(&device->info, text, program->full_options, program->key);
        if (!allow_cache || !load(device, program))
            status = compile(device, program, text);
    }
    free(text);
    return status;
}

static clmix_status add_program(clmix_device *device, struct program *program, struct program **added)
{
    struct clmix_programs *programs = device->programs;
    clmix_status status = program->file == NULL ? clmix_fail_memory("a program") : build(device, program, true);

    if (status == CLMIX_OK && !CLMIX_PUSH(programs->items, programs->count, programs->capacity, *program))
        status = clmix_fail_memory("the program table");
    if (status == CLMIX_OK)
        *added = &programs->items[programs->count - 1];
    else
        program_clear(program);
    return status;
}

static clmix_status find_or_build(clmix_device *device, const char *file, const char *options, struct program **found)
{
    struct clmix_programs *programs = device->programs;
    struct program program = { .full_options = full_options(&device->info, options), .tried = true };

    if (program.full_options == NULL)
        return clmix_fail_memory("a program");
    for (size_t i = 0; i < programs->count; i++)
        if (strcmp(programs->items[i].file, file) == 0 && strcmp(programs->items[i].full_options, program.full_options) == 0) {
            free(program.full_options);
            *found = &programs->items[i];
            return CLMIX_OK;
        }
    program.file = strdup(file);
    return add_program(device, &program, found);
}

/* --- kernels ------------------------------------------------------------------------------------------------------------------------ */

/* Adds a kernel's name to the program's list; a program whose list grew is to be stored. */
static void note_kernel(struct program *program, const char *name)
{
    size_t length = strlen(name), old = program->kernels == NULL ? 0 : strlen(program->kernels);
    char *longer;

    for (const char *at = program->kernels; at != NULL && *at != '\0'; at += strcspn(at, "\n") + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '\n')
            return;
    program->pending = true;
    longer = realloc(program->kernels, old + length + 2);
    if (longer == NULL)
        return;
    snprintf(longer + old, length + 2, "%s\n", name);
    program->kernels = longer;
}

/* A stored binary that loads and yet lacks a kernel is a bad binary: the source takes its place. Kernels made of the binary hold on to it by
 * themselves; where the source does not build it stays, since an entry of the table always has a program. */
static clmix_status replace_loaded(clmix_device *device, struct program *program)
{
    cl_program loaded = program->program;
    clmix_status status = build(device, program, false);

    if (status != CLMIX_OK) {
        program->program = loaded;
        return status;
    }
    clReleaseProgram(loaded);
    device->programs->loaded--;
    program->stored_bytes = 0;
    return CLMIX_OK;
}

clmix_status clmix_kernel_create(clmix_device *device, const char *file, const char *name, const char *options, cl_kernel *kernel)
{
    struct program *program = NULL;
    cl_int code;

    *kernel = NULL;
    CLMIX_TRY(clmix_device_require(device, "making a kernel"));
    CLMIX_TRY(find_or_build(device, file, options == NULL ? "" : options, &program));
    *kernel = clCreateKernel(program->program, name, &code);
    if (*kernel == NULL && program->loaded) {
        CLMIX_TRY(replace_loaded(device, program));
        *kernel = clCreateKernel(program->program, name, &code);
    }
    if (*kernel == NULL && code == CL_INVALID_KERNEL_NAME)
        return clmix_fail(CLMIX_ERROR_BUILD, "%s: no kernel '%s' in %s built with '%s'", device->info.name, name, file,
                          program->full_options);
    if (*kernel == NULL)
        return clmix_fail_cl(device, code, "making kernel '%s' of %s", name, file);
    note_kernel(program, name);
    program->tried = program->tried && device->trying;
    return CLMIX_OK;
}

/* Whether the program's binary is new to the disk. */
static bool store(struct program *program)
{
    size_t bytes = 0;
    unsigned char *binary;

    if (clGetProgramInfo(program->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0 ||
        bytes == program->stored_bytes)
        return false;
    binary = malloc(bytes);
    if (binary != NULL && clGetProgramInfo(program->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS) {
        clmix_cache_save(program->key, program->kernels == NULL ? "" : program->kernels, binary, bytes);
        program->stored_bytes = bytes;
    }
    free(binary);
    return program->stored_bytes == bytes;
}

/* A program stays pending to the end, since a kernel created now may be launched, and so compiled by the driver, after this call; it is written
 * again only if its binary has grown. */
void clmix_programs_store(clmix_device *device)
{
    bool stored = false;

    if (!device->real || device->programs == NULL)
        return;
    tell_watch(device, NULL);
    if (clmix_cache_folder()[0] == '\0')
        return;
    for (size_t i = 0; i < device->programs->count; i++)
        if (device->programs->items[i].pending && !device->programs->items[i].tried)
            stored = store(&device->programs->items[i]) || stored;
    if (stored)
        clmix_cache_trim();
}
