/* clmix-info: what clmix sees of the machine. */
#include "base/size.h"
#include "common/cli.h"
#include "common/terminal.h"

#include <clmix/train.h>
#include <clmix/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 16 /* of what belongs to a word */

static const struct cli_help help = {
    .program = "clmix-info",
    .arguments = "[OPTION...]",
    .purpose = "Lists the OpenCL devices that clmix can use: drivers, limits, features found by probing, workarounds in force,\n"
               "the form of kernels each gets and where that comes from, what was measured on it, and the cache of compiled\n"
               "kernels. Says which platforms are left out, and why.",
    .examples = "  clmix-info                          all devices\n"
                "  clmix-info --check --device gpu     test the GPU's driver against known answers\n"
                "  clmix-info --tune --device 0        measure now what is otherwise measured on first use\n"
                "  clmix-info --ceilings --json        what the devices can do at most, for a program to read\n"
                "  RUSTICL_ENABLE=radeonsi clmix-info  with Mesa's rusticl switched on",
};

static const char hint_at_loader[] = "'clinfo -l' shows what the OpenCL loader sees; OCL_ICD_VENDORS names another folder of drivers";
static const char hint_at_list[] = "clmix-info without --device lists the devices and why others are left out";

struct wishes {
    int check, ceilings, clear, tune;
};

/* One device with what was asked of it. */
struct report {
    clmix_device_info info;
    clmix_status opened, checked, measured, tuned;
    char open_error[1024], check_error[1024], measure_error[1024], tune_error[1024];
    clmix_ceilings ceilings;
    char *tuning; /* file of what was measured, NULL for none */
    size_t results;
};

/* --- asking ------------------------------------------------------------------------------------------------------------------------- */

static void keep_error(char text[1024])
{
    snprintf(text, 1024, "%s", clmix_error());
}

/* What is measured of sequences: as many tokens in a batch, in sequences of at most so many. */
#define BATCH_TOKENS  4096
#define LONGEST_TUNED 512

/* The usual batch of a preset. */
static clmix_train_options usual_batch(const clmix_config *config)
{
    clmix_train_options options = clmix_train_defaults();

    options.length = clmix_smaller(clmix_config_longest(config), LONGEST_TUNED);
    if (options.length > 0)
        options.batch = clmix_smaller(options.batch, BATCH_TOKENS / options.length);
    return options;
}

/* Measures what the presets need, for training and evaluation at the usual batch: all of it is asked while plans are made. */
static clmix_status tune(clmix_device *device)
{
    for (size_t i = 0; clmix_preset_name(i) != NULL; i++) {
        clmix_train_options options;
        clmix_config *config;
        clmix_plan_cost step;
        size_t peak_bytes;
        clmix_status status = clmix_config_open(&config, clmix_preset_name(i));

        if (status != CLMIX_OK)
            return status;
        options = usual_batch(config);
        status = clmix_train_cost(device, config, options.batch, options.batch, &options, &step, &peak_bytes);
        clmix_config_free(config);
        if (status != CLMIX_OK)
            return status;
    }
    return CLMIX_OK;
}

static void examine(struct report *report, const struct wishes *wishes)
{
    char selector[48];
    clmix_device *device;

    snprintf(selector, sizeof selector, "%d:%d", report->info.platform_index, report->info.device_index);
    report->opened = clmix_device_open(&device, selector);
    if (report->opened != CLMIX_OK) {
        keep_error(report->open_error);
        return;
    }
    if (wishes->tune && (report->tuned = tune(device)) != CLMIX_OK)
        keep_error(report->tune_error);
    report->info = *clmix_device_describe(device);
    if (clmix_device_tuning(device, &report->tuning, &report->results) != CLMIX_OK)
        report->results = 0;
    if (wishes->check && (report->checked = clmix_device_check(device)) != CLMIX_OK)
        keep_error(report->check_error);
    if (wishes->ceilings && (report->measured = clmix_device_ceilings(device, &report->ceilings)) != CLMIX_OK)
        keep_error(report->measure_error);
    clmix_device_close(device);
}

/* The first thing that failed, CLMIX_OK when nothing did. */
static clmix_status failure(const struct report *report, const char **sentence)
{
    const clmix_status all[] = { report->opened, report->tuned, report->checked, report->measured };
    const char *const sentences[] = { report->open_error, report->tune_error, report->check_error, report->measure_error };
    size_t i = 0;

    while (i < sizeof all / sizeof *all - 1 && all[i] == CLMIX_OK)
        i++;
    *sentence = sentences[i];
    return all[i];
}

/* The place in the list of the device that --device names. */
static clmix_status find_selected(const char *selector, const clmix_device_info *list, size_t count, size_t *found)
{
    clmix_device *device;
    clmix_status status = clmix_device_open(&device, selector);

    if (status != CLMIX_OK)
        return status;
    for (*found = 0; *found + 1 < count && list[*found].index != clmix_device_describe(device)->index; (*found)++)
        ;
    clmix_device_close(device);
    return CLMIX_OK;
}

/* --- text --------------------------------------------------------------------------------------------------------------------------- */

static const char *type_name(cl_device_type type)
{
    if ((type & CL_DEVICE_TYPE_GPU) != 0)
        return (type & CL_DEVICE_TYPE_CPU) != 0 ? "simulator" : "GPU";
    if ((type & CL_DEVICE_TYPE_ACCELERATOR) != 0)
        return "accelerator";
    return (type & CL_DEVICE_TYPE_CPU) != 0 ? "CPU" : "other";
}

static const char *form_name(clmix_kernel_form form)
{
    return form == CLMIX_WIDE ? "wide" : "simt";
}

static const char *origin_name(clmix_form_origin origin)
{
    return origin == CLMIX_FORM_MEASURED ? "measured" : origin == CLMIX_FORM_FORCED ? "forced" : "usual";
}

static void print_kernels(const struct report *report)
{
    static const char *const origins[] = { "usual for such a device", "measured here", "forced by CLMIX_KERNELS" };
    const char *form = form_name(report->info.form), *origin = origins[report->info.form_origin];

    if (report->results > 0)
        terminal_say(INDENT, "    kernels     %s, %s; %zu tuning results in %s", form, origin, report->results, report->tuning);
    else
        terminal_say(INDENT, "    kernels     %s, %s%s", form, origin, report->tuning != NULL ? "; more is measured on first use" : "");
}

static void print_memory(const clmix_device_info *info)
{
    terminal_say(INDENT, "    memory      %.1f GB, at most %.1f GB in one piece, %s the host's; local %zu KiB, %s",
                 (double)info->global_bytes / 1e9, (double)info->max_allocation_bytes / 1e9,
                 info->unified_memory ? "shared with" : "apart from", info->local_bytes >> 10,
                 info->local_is_dedicated ? "dedicated" : "cached memory");
}

static void print_report(const struct report *report, const struct wishes *wishes)
{
    const clmix_device_info *info = &report->info;
    char clock[32] = "";

    terminal_say(3, "%d  %s", info->index, info->name);
    terminal_say(INDENT, "    selector    %d, or %d:%d", info->index, info->platform_index, info->device_index);
    terminal_say(INDENT, "    platform    %s, %s", info->platform, info->platform_version);
    terminal_say(INDENT, "    driver      %s, %s, %s", info->vendor, info->driver, info->opencl_c);
    if (info->clock_mhz > 0)
        snprintf(clock, sizeof clock, " at %u MHz", info->clock_mhz);
    terminal_say(INDENT, "    processor   %s, %u compute units%s, vectors of %u, work-groups up to %zu", type_name(info->type),
                 info->compute_units, clock, info->vector_width, info->max_work_group);
    print_memory(info);
    terminal_say(INDENT, "    features    half arithmetic %s, double %s, sub-groups %s, fused multiply-add %s",
                 info->half_arithmetic ? "yes" : "no", info->double_arithmetic ? "yes" : "no", info->subgroups ? "yes" : "no",
                 info->fused_multiply_add ? "yes" : "no");
    print_kernels(report);
    for (unsigned bit = 0; bit < 64; bit++)
        if (clmix_device_quirk(info, bit) != NULL)
            terminal_say(INDENT, "    quirk       %s", clmix_device_quirk(info, bit));
    if (report->opened != CLMIX_OK) {
        terminal_say(INDENT, "    FAILED      %s", report->open_error);
        return;
    }
    if (report->tuned != CLMIX_OK)
        terminal_say(INDENT, "    FAILED      %s", report->tune_error);
    if (wishes->check)
        terminal_say(INDENT, "    check       %s", report->checked == CLMIX_OK ? "passed" : report->check_error);
    if (wishes->ceilings && report->measured != CLMIX_OK)
        terminal_say(INDENT, "    ceilings    %s", report->measure_error);
    else if (wishes->ceilings)
        terminal_say(INDENT, "    ceilings    %.4g GFLOP/s, copy %.3g GB/s, launch %.3g us, with a wait %.3g us",
                     report->ceilings.fma_gflops, report->ceilings.copy_gbs, report->ceilings.launch_us, report->ceilings.sync_launch_us);
}

static void print_cache(const clmix_cache_info *cache)
{
    terminal_say(7, "cache: %s, %zu programs, %.1f MB of %.4g MB", clmix_cache_folder(), cache->programs, (double)cache->bytes / 1e6,
                 (double)cache->limit_bytes / 1e6);
    if (cache->refused > 0)
        terminal_say(7, "       %zu files there are not used, since others own them or may write to them", cache->refused);
}

static void print_all(const struct report *reports, size_t count, const char *skipped, const struct wishes *wishes)
{
    clmix_cache_info cache;

    for (size_t i = 0; i < count; i++)
        print_report(&reports[i], wishes);
    for (const char *line = skipped; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");

        terminal_say(3, "-  left out: %.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    if (clmix_cache_folder()[0] == '\0')
        terminal_say(7, "cache: off");
    else if (clmix_cache_refusal()[0] != '\0')
        terminal_say(7, "cache: not used because %s; CLMIX_CACHE_DIR can name a folder of your own", clmix_cache_refusal());
    else if (clmix_cache_describe(&cache) != CLMIX_OK)
        terminal_say(3, "cache: %s; %s", clmix_cache_folder(), clmix_error());
    else
        print_cache(&cache);
}

/* --- JSON --------------------------------------------------------------------------------------------------------------------------- */

static void add_status(cJSON *object, const char *name, clmix_status status, const char *error)
{
    if (status == CLMIX_OK)
        cJSON_AddTrueToObject(object, name);
    else
        cJSON_AddStringToObject(object, name, error);
}

static void add_limits(cJSON *object, const clmix_device_info *info)
{
    cJSON_AddStringToObject(object, "type", type_name(info->type));
    cJSON_AddNumberToObject(object, "compute_units", info->compute_units);
    cJSON_AddNumberToObject(object, "clock_mhz", info->clock_mhz);
    cJSON_AddNumberToObject(object, "vector_width", info->vector_width);
    cJSON_AddNumberToObject(object, "max_work_group", (double)info->max_work_group);
    cJSON_AddNumberToObject(object, "global_bytes", (double)info->global_bytes);
    cJSON_AddNumberToObject(object, "max_allocation_bytes", (double)info->max_allocation_bytes);
    cJSON_AddNumberToObject(object, "local_bytes", (double)info->local_bytes);
    cJSON_AddNumberToObject(object, "alignment_bytes", (double)info->alignment_bytes);
    cJSON_AddBoolToObject(object, "local_is_dedicated", info->local_is_dedicated);
    cJSON_AddBoolToObject(object, "unified_memory", info->unified_memory);
    cJSON_AddBoolToObject(object, "half_arithmetic", info->half_arithmetic);
    cJSON_AddBoolToObject(object, "double_arithmetic", info->double_arithmetic);
    cJSON_AddBoolToObject(object, "subgroups", info->subgroups);
    cJSON_AddBoolToObject(object, "fused_multiply_add", info->fused_multiply_add);
}

static cJSON *report_json(const struct report *report, const struct wishes *wishes)
{
    const clmix_device_info *info = &report->info;
    cJSON *object = cJSON_CreateObject(), *quirks, *ceilings;
    const char *sentence;

    cJSON_AddNumberToObject(object, "index", info->index);
    cJSON_AddNumberToObject(object, "platform_index", info->platform_index);
    cJSON_AddNumberToObject(object, "device_index", info->device_index);
    cJSON_AddStringToObject(object, "device", info->name);
    cJSON_AddStringToObject(object, "vendor", info->vendor);
    cJSON_AddStringToObject(object, "driver", info->driver);
    cJSON_AddStringToObject(object, "platform", info->platform);
    cJSON_AddStringToObject(object, "platform_version", info->platform_version);
    cJSON_AddStringToObject(object, "opencl_c", info->opencl_c);
    add_limits(object, info);
    cJSON_AddStringToObject(object, "kernels", form_name(info->form));
    cJSON_AddStringToObject(object, "kernels_origin", origin_name(info->form_origin));
    if (report->tuning != NULL)
        cJSON_AddStringToObject(object, "tuning", report->tuning);
    cJSON_AddNumberToObject(object, "tuning_results", (double)report->results);
    quirks = cJSON_AddArrayToObject(object, "quirks");
    for (unsigned bit = 0; bit < 64; bit++)
        if (clmix_device_quirk(info, bit) != NULL)
            cJSON_AddItemToArray(quirks, cJSON_CreateString(clmix_device_quirk(info, bit)));
    add_status(object, "opened", report->opened, report->open_error);
    if (wishes->tune && report->opened == CLMIX_OK)
        add_status(object, "tune", report->tuned, report->tune_error);
    if (wishes->check && report->opened == CLMIX_OK)
        add_status(object, "check", report->checked, report->check_error);
    if (wishes->ceilings && report->opened == CLMIX_OK && report->measured == CLMIX_OK) {
        ceilings = cJSON_AddObjectToObject(object, "ceilings");
        cJSON_AddNumberToObject(ceilings, "fma_gflops", report->ceilings.fma_gflops);
        cJSON_AddNumberToObject(ceilings, "copy_gbs", report->ceilings.copy_gbs);
        cJSON_AddNumberToObject(ceilings, "launch_us", report->ceilings.launch_us);
        cJSON_AddNumberToObject(ceilings, "sync_launch_us", report->ceilings.sync_launch_us);
    } else if (wishes->ceilings && report->opened == CLMIX_OK) {
        cJSON_AddStringToObject(object, "ceilings", report->measure_error);
    }
    if (failure(report, &sentence) != CLMIX_OK)
        cli_add_error(object, failure(report, &sentence), sentence);
    return object;
}

static cJSON *all_json(const struct report *reports, size_t count, const char *skipped, const struct wishes *wishes)
{
    cJSON *object = cJSON_CreateObject(), *list, *cache;
    clmix_cache_info stored;

    cJSON_AddStringToObject(object, "version", CLMIX_VERSION);
    list = cJSON_AddArrayToObject(object, "devices");
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, report_json(&reports[i], wishes));
    list = cJSON_AddArrayToObject(object, "skipped");
    for (const char *line = skipped; line != NULL && *line != '\0';) {
        char sentence[512];
        size_t length = strcspn(line, "\n");

        snprintf(sentence, sizeof sentence, "%.*s", (int)length, line);
        cJSON_AddItemToArray(list, cJSON_CreateString(sentence));
        line += length + (line[length] == '\n');
    }
    cache = cJSON_AddObjectToObject(object, "cache");
    cJSON_AddStringToObject(cache, "folder", clmix_cache_folder());
    if (clmix_cache_refusal()[0] != '\0')
        cJSON_AddStringToObject(cache, "not_used", clmix_cache_refusal());
    if (clmix_cache_describe(&stored) == CLMIX_OK) {
        cJSON_AddNumberToObject(cache, "programs", (double)stored.programs);
        cJSON_AddNumberToObject(cache, "bytes", (double)stored.bytes);
        cJSON_AddNumberToObject(cache, "limit_bytes", (double)stored.limit_bytes);
        cJSON_AddNumberToObject(cache, "refused", (double)stored.refused);
    }
    return object;
}

/* --- program ------------------------------------------------------------------------------------------------------------------------ */

/* No device at all: what was left out, and why, is all the more of interest. */
static int fail_list(const struct cli *cli, clmix_status status, const char *skipped, const struct wishes *wishes)
{
    char sentence[1024];
    cJSON *object;

    keep_error(sentence);
    (void)cli_tell(cli, hint_at_loader, sentence);
    if (cli->json) {
        object = all_json(NULL, 0, skipped, wishes);
        cli_add_error(object, status, sentence);
        (void)cli_print_json(cli, object);
    }
    return 1;
}

/* 1 when something failed on one of them, which their reports say; beside JSON a person is told too. */
static int report_all(const struct cli *cli, struct report *reports, size_t count, const char *skipped, const struct wishes *wishes)
{
    int status = 0;

    if (!cli->json)
        print_all(reports, count, skipped, wishes);
    else if (!cli_print_json(cli, all_json(reports, count, skipped, wishes)))
        status = 1;
    for (size_t i = 0; i < count; i++) {
        const char *sentence;

        if (failure(&reports[i], &sentence) != CLMIX_OK)
            status = cli->json ? cli_tell(cli, NULL, sentence) : 1;
    }
    return status;
}

static int report_devices(const struct cli *cli, const struct wishes *wishes)
{
    clmix_device_info *list;
    struct report *reports = NULL;
    size_t count, first = 0;
    char *skipped;
    clmix_status listed = clmix_device_list(&list, &count, &skipped);
    int status = listed == CLMIX_OK ? 0 : fail_list(cli, listed, skipped, wishes);

    if (status == 0 && cli->device != NULL) {
        clmix_status found = find_selected(cli->device, list, count, &first);

        status = found == CLMIX_OK ? 0 : cli_error(cli, found, hint_at_list, "%s", clmix_error());
        count = 1;
    }
    if (status == 0 && (reports = calloc(count, sizeof *reports)) == NULL)
        status = cli_error(cli, CLMIX_ERROR_HOST_MEMORY, NULL, "out of memory");
    for (size_t i = 0; status == 0 && i < count; i++) {
        reports[i].info = list[first + i];
        examine(&reports[i], wishes);
    }
    if (status == 0)
        status = report_all(cli, reports, count, cli->device == NULL ? skipped : NULL, wishes);
    for (size_t i = 0; reports != NULL && i < count; i++)
        clmix_free(reports[i].tuning);
    free(reports);
    clmix_free(list);
    clmix_free(skipped);
    return status;
}

int main(int argc, char **argv)
{
    struct wishes wishes = { 0 };
    struct poptOption options[] = {
        { "check", 'c', POPT_ARG_NONE, &wishes.check, 0, "run the self-test: tiny kernels against known answers", NULL },
        { "ceilings", '\0', POPT_ARG_NONE, &wishes.ceilings, 0,
          "measure multiply-add rate, copy bandwidth and launch times, which takes seconds", NULL },
        { "tune", '\0', POPT_ARG_NONE, &wishes.tune, 0,
          "measure all that the presets need, however long it takes; what is known is not measured again", NULL },
        { "clear-cache", '\0', POPT_ARG_NONE, &wishes.clear, 0, "remove the stored kernels first", NULL },
        POPT_TABLEEND
    };
    struct cli cli;
    int status = cli_start(&cli, &help, options, argc, argv);

    if (status != CLI_GO_ON)
        return status;
    if (cli.argument_count > 0) {
        status = cli_bad_usage(&cli, "'%s' is not expected: clmix-info takes options only", cli.arguments[0]);
    } else {
        size_t programs = 0, bytes = 0;

        if (wishes.tune)
            setenv("CLMIX_TUNE", "full", 1);
        if (wishes.clear)
            clmix_cache_clear(&programs, &bytes);
        if (wishes.clear && !cli.json)
            terminal_say(4, "%zu stored programs (%.1f MB) removed from '%s'", programs, (double)bytes / 1e6, clmix_cache_folder());
        status = report_devices(&cli, &wishes);
    }
    return cli_end(&cli, status);
}
