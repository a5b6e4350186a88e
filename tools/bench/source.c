#include "bench/source.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- names that people know -------------------------------------------------------------------------------------------------------- */

/* Platforms that call themselves otherwise than their users do. */
static const struct {
    const char *platform, *name;
} products[] = {
    { "Portable Computing Language", "PoCL" },
    { "AMD Accelerated Parallel Processing", "AMD" },
    { "NVIDIA CUDA", "NVIDIA" },
};

/* What processors call their makers, and what firms add to their names. */
static const struct {
    const char *vendor, *name;
} makers[] = {
    { "AuthenticAMD", "AMD" },
    { "GenuineIntel", "Intel" },
    { "Advanced Micro Devices, Inc.", "AMD" },
};
static const char *const firms[] = { " Corporation", ", Inc.", " Inc.", " Ltd." };

/* Copies without (R) and (TM), and without spaces that they leave. */
static void copy_plain(char *to, size_t bytes, const char *from)
{
    size_t used = 0;

    while (*from != '\0' && used + 1 < bytes) {
        const size_t mark = strncmp(from, "(R)", 3) == 0 ? 3 : strncmp(from, "(TM)", 4) == 0 ? 4 : 0;

        if (mark > 0)
            from += mark;
        else if (*from == ' ' && (used == 0 || to[used - 1] == ' '))
            from++;
        else
            to[used++] = *from++;
    }
    to[used] = '\0';
}

/* Two numbers of a version are what people know: of "2026.22.10.0.01_160000" 2026.22, of "3.1+debian" 3.1. */
static int version_length(const char *driver)
{
    int length = 0, dots = 0;

    while (isdigit((unsigned char)driver[length]) || (driver[length] == '.' && dots == 0 && isdigit((unsigned char)driver[length + 1])))
        dots += driver[length++] == '.';
    return length;
}

static void name_product(struct bench_source *source)
{
    const char *name = source->platform;
    size_t used;

    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        if (strcmp(source->platform, products[i].platform) == 0)
            name = products[i].name;
    copy_plain(source->product, sizeof source->product, name);
    used = strlen(source->product);
    if (used > 0 && version_length(source->driver) > 0)
        snprintf(source->product + used, sizeof source->product - used, " %.*s", version_length(source->driver), source->driver);
}

/* PoCL puts its driver and LLVM's name of the processor, both in small letters, before the product's: "pthread-skylake-avx512-AMD EPYC". */
static void name_processor(struct bench_source *source)
{
    const char *name = source->device;

    if (strcmp(source->platform, "Portable Computing Language") == 0)
        for (const char *at = strchr(name, '-'); at != NULL; at = strchr(at + 1, '-'))
            if (isupper((unsigned char)at[1])) {
                name = at + 1;
                break;
            }
    copy_plain(source->processor, sizeof source->processor, name);
}

void bench_source_maker(const struct bench_source *source, char *name, size_t bytes)
{
    copy_plain(name, bytes, source->vendor);
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (strcmp(source->vendor, makers[i].vendor) == 0)
            snprintf(name, bytes, "%s", makers[i].name);
    for (size_t i = 0; i < sizeof firms / sizeof *firms; i++) {
        const size_t length = strlen(name), end = strlen(firms[i]);

        if (length > end && strcmp(name + length - end, firms[i]) == 0)
            name[length - end] = '\0';
    }
}

/* ---- sources ---------------------------------------------------------------------------------------------------------------------- */

struct bench_source bench_source_of(const cJSON *object)
{
    struct bench_source source = { .peer = bench_text(object, "peer"),
                                   .device = bench_text(object, "device"),
                                   .driver = bench_text(object, "driver"),
                                   .platform = bench_text(object, "platform"),
                                   .kernels = bench_text(object, "kernels"),
                                   .vendor = bench_text(object, "vendor"),
                                   .place = bench_text(object, "place"),
                                   .host = bench_text(object, "host"),
                                   .since = bench_text(object, "date"),
                                   .until = bench_text(object, "date") };

    name_product(&source);
    name_processor(&source);
    return source;
}

bool bench_source_same(const struct bench_source *a, const struct bench_source *b)
{
    return a->file == b->file && strcmp(a->peer, b->peer) == 0 && strcmp(a->device, b->device) == 0 && strcmp(a->driver, b->driver) == 0 &&
           strcmp(a->platform, b->platform) == 0 && strcmp(a->kernels, b->kernels) == 0 && strcmp(a->host, b->host) == 0 &&
           strcmp(a->place, b->place) == 0;
}

void bench_source_program(const struct bench_source *source, char *name, size_t bytes)
{
    const char *peer = source->peer;
    size_t used = 0;

    while (*peer != '\0') {
        const size_t length = strcspn(peer, " ");

        if (!isdigit((unsigned char)*peer) && used + length + 2 < bytes) {
            memcpy(name + used, peer, length);
            used += length;
            name[used++] = ' ';
        }
        peer += length + (peer[length] == ' ');
    }
    name[used] = '\0';
}

const char *bench_source_file(const struct bench_source *source)
{
    const char *slash = strrchr(source->path, '/');

    return slash != NULL ? slash + 1 : source->path;
}

void bench_source_when(const struct bench_source *source, char *text, size_t bytes)
{
    size_t used;

    snprintf(text, bytes, "%s", source->host);
    used = strlen(text);
    if (source->since[0] == '\0')
        return;
    snprintf(text + used, bytes - used, "%s%.10s %.5s UTC", used > 0 ? ", " : "", source->since,
             strlen(source->since) > 11 ? source->since + 11 : "");
    used = strlen(text);
    if (strncmp(source->since, source->until, 10) != 0)
        snprintf(text + used, bytes - used, " to %.10s", source->until);
}

/* ---- labels ------------------------------------------------------------------------------------------------------------------------ */

/* What a label may consist of, in its order. */
enum part { PEER, PRODUCT, PROCESSOR, KERNELS, HOST, PARTS };

static const char *part_of(const struct bench_source *source, enum part part)
{
    switch (part) {
    case PEER: return source->peer;
    case PRODUCT: return source->product;
    case PROCESSOR: return source->processor;
    case KERNELS: return source->kernels;
    default: return source->host;
    }
}

/* A peer that does not tell its device has no other one. */
static bool differ(const struct bench_source *a, const struct bench_source *b, enum part part)
{
    const char *x = part_of(a, part), *y = part_of(b, part);

    return strcmp(x, y) != 0 && (part == PEER || (x[0] != '\0' && y[0] != '\0'));
}

static void append(char *label, size_t bytes, const char *text)
{
    const size_t used = strlen(label);

    if (text[0] != '\0' && used < bytes)
        snprintf(label + used, bytes - used, "%s%s", used > 0 ? ", " : "", text);
}

static bool any_differs(const struct bench_source *sources, size_t count, enum part part)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (differ(&sources[i], &sources[k], part))
                return true;
    return false;
}

static bool is_told_apart(const struct bench_source *a, const struct bench_source *b)
{
    for (int part = 0; part < PARTS; part++)
        if (differ(a, b, (enum part)part))
            return true;
    return false;
}

/* Of one file, and told apart by nothing but their numbers: two devices of one make. */
static bool are_twins(const struct bench_source *a, const struct bench_source *b)
{
    return a->file == b->file && strcmp(a->place, b->place) != 0;
}

void bench_source_label(struct bench_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bench_source *source = &sources[i];
        bool with_place = false, with_file = false;

        source->label[0] = '\0';
        for (int part = 0; part < PARTS; part++)
            if (any_differs(sources, count, (enum part)part))
                append(source->label, sizeof source->label, part_of(source, (enum part)part));
        for (size_t k = 0; k < count; k++) {
            const bool alike = k != i && !is_told_apart(source, &sources[k]);

            with_place = with_place || (alike && are_twins(source, &sources[k]));
            with_file = with_file || (alike && !are_twins(source, &sources[k]));
        }
        if (source->label[0] == '\0' && !with_file)
            append(source->label, sizeof source->label, source->product[0] != '\0' ? source->product : source->peer);
        if (with_place)
            append(source->label, sizeof source->label, source->place);
        if (with_file || source->label[0] == '\0')
            append(source->label, sizeof source->label, bench_source_file(source));
    }
}
