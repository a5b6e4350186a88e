/* clmix-bench's subcommands, and what they share. Every measurement makes JSON objects; a sink prints each as a line of text or of JSON, and
 * may keep it for a file. */
#ifndef CLMIX_TOOLS_BENCH_H
#define CLMIX_TOOLS_BENCH_H

#include "common/cli.h"
#include "common/model_options.h"
#include "train/recipe.h"

#include <clmix/clmix.h>

struct bench_request {
    double begun; /* clmix_seconds() when the program started */
    int batch,
        length;     /* samples at a time, MODEL_USUAL_BATCH where it was not given; tokens of each, 0: as many as the model takes at most */
    double seconds; /* of measuring a model */
    bool quick;
    const char *mode;   /* of a model: a name of bench_modes */
    const char *filter; /* a part of an op's or preset's name, or of what a result is about; or NULL */
    const char *trace;  /* file for a Chrome trace, or NULL */
    const char *out;    /* file for the results, or NULL */
    const char *html;   /* file for the report, or NULL */
    const char *before; /* the first file to compare, or NULL */
    bool whole;         /* of a comparison: every result, with reasons */
    const char *tokens; /* of attention: lengths of sequences, and ranges of values, with commas between them */
    const char *range;
    bool with_long; /* a million tokens too */
    int heads, head_dim;
    const char *plots;    /* folder for plots, or NULL */
    const char *self;     /* this program, as it was called */
    int rounds;           /* of devices: turns of each */
    double limit_seconds; /* that a turn may take */
    struct model_options what;
};

/* Where results go. */
struct bench_sink {
    const struct cli *cli;
    cJSON *kept; /* an array of what was printed, or NULL */
};
/* Takes `object` over. `print` writes it as text. False when memory or the file fails; what standard output met is told when the program ends. */
bool bench_emit(struct bench_sink *sink, cJSON *object, void (*print)(const cJSON *object));

/* Models that are measured where none is named: WaveMix, and of Vision X-formers some of each kind. NULL beyond the last. */
const char *bench_usual_model(size_t index);

/* An open device and its ceilings. */
struct bench_device {
    clmix_device *device;
    const char *selector; /* of --device */
    clmix_ceilings ceilings;
    bool raised;          /* the ceilings were measured again and are higher */
    int vain;             /* how often in a row they were measured again and were not */
    double settled_until; /* clmix_seconds(), while they are not measured again for that */
};

/* ---- subcommands: each gives the exit status ------------------------------------------------------------------------------------------ */

int bench_ceilings(struct bench_sink *sink, const struct bench_device *on);
int bench_model(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on, const char *model);
int bench_start(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const char *model);
int bench_plan(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const char *model);
/* `paper` is a file's name, NULL for all. */
int bench_paper(struct bench_sink *sink, const struct bench_request *request, const char *paper);
/* `mixers` as --mixer has them, NULL at the end; none: all. */
int bench_attention(struct bench_sink *sink, const struct bench_request *request, clmix_device *device, const char *const *mixers);
int bench_ops(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on);
int bench_profile(struct bench_sink *sink, const struct bench_request *request, struct bench_device *on, const char *model);
int bench_all(const struct cli *cli, const struct bench_request *request);
int bench_compare(const struct cli *cli, const struct bench_request *request, const char *after);
int bench_devices(const struct cli *cli, const struct bench_request *request);
int bench_collect(const struct cli *cli, const struct bench_request *request, const char *const *paths, size_t count);

/* The names of a model's modes, NULL at the end. */
extern const char *const bench_modes[];

/* Whether the device can do what is asked, told by plans before anything is measured or memory is drawn: a mode of a model, and the ops. */
clmix_status bench_plan_model(const struct bench_request *request, clmix_device *device, const char *model);
clmix_status bench_plan_ops(const struct bench_request *request);

/* ---- common.c --------------------------------------------------------------------------------------------------------------------- */

/* Times of repeated work, seconds. */
struct bench_times {
    double *values;
    size_t count, capacity;
};
clmix_status bench_times_add(struct bench_times *times, double seconds);
void bench_times_free(struct bench_times *times);

/* A prepared plan's runs for so long, at least `least` figures; short runs several at a time, so that launches are in a batch as in a model. */
clmix_status bench_time_plan(clmix_plan *plan, double seconds, size_t least, struct bench_times *times);
/* Whether a plan may be run without crowding out everything else, and what is said where it may not. */
bool bench_fits(const clmix_device *device, const clmix_plan_cost *cost);
#define BENCH_NO_ROOM "it needs more than half of the device's memory"

/* What is told of them; quartiles between two values are interpolated. */
struct bench_spread {
    double median, least, q1, q3;
    size_t count;
};
struct bench_spread bench_times_spread(struct bench_times *times); /* sorts */

/* `value` to so many significant digits, so that results are readable. */
double bench_rounded(double value, int digits);
void bench_add(cJSON *object, const char *key, double value); /* rounded to 5 */
double bench_number(const cJSON *object, const char *key);    /* NaN when it is none */
const char *bench_text(const cJSON *object, const char *key); /* "" when it is none */

/* Adds "batch" and, where samples have one, "length"; and such a batch as text: "batch of 32", "batch of 32 x 128 tokens". */
void bench_add_extent(cJSON *object, struct clmix_extent extent);
const char *bench_batch(const cJSON *object, char text[64]);

/* Adds who measured where and when: peer, device, driver, platform, place, kernels, host and date (those that are not there yet). */
void bench_sign(cJSON *object, const clmix_device *device);
/* Of these peer, host and date alone; and device, driver, platform and place (platform:device) alone. */
void bench_sign_host(cJSON *object);
void bench_sign_device(cJSON *object, const clmix_device_info *info);
/* Adds what explains a device's figures: vendor, compute_units, vector_width, fused_multiply_add, and quirks, the sentences about those in force. */
void bench_describe(cJSON *object, const clmix_device_info *info);

/* ---- ceilings.c ------------------------------------------------------------------------------------------------------------------------ */

/* Opens what `selector` names; `on` begins zeroed. Opened again, a device's books begin anew: what the ceilings, or the model before, took of its
 * memory does not count to the next one. On failure the device may be open; closing it is the caller's. */
clmix_status bench_open(struct bench_device *on, const char *selector);
/* Measures the ceilings, of which the best of a few counts, or the only one if `quick`, and opens the device again. */
clmix_status bench_measure_ceilings(struct bench_device *on, bool quick);

/* The ceiling that binds work, and the seconds that it needs at least: its multiply-adds, the memory it moves, or its launches. */
struct bench_bound {
    double seconds;
    const char *by; /* "multiply-adds", "memory", "launches" */
};
struct bench_bound bench_bound(const clmix_ceilings *ceilings, double flops, double bytes, double launches);

/* Work below this share of its ceiling is marked. */
#define BENCH_LOW 0.1
/* What measurements differ by: a share that is above 1 by more exceeds its ceiling. Where memory is the ceiling, less data than this many bytes may
 * have stayed in caches, and is no fault of the ceiling. */
#define BENCH_MARGIN        0.05
#define BENCH_BEYOND_CACHES 256e6
enum bench_excess { BENCH_WITHIN, BENCH_CACHED, BENCH_BEYOND };
enum bench_excess bench_excess(double share, const char *bound_by, double bytes);

struct bench_work {
    struct bench_spread seconds;
    uint64_t flops, moved_bytes, least_bytes; /* what launches move, and what the ceiling counts */
    size_t launches;
};
/* Measures the ceilings again as long as `work` exceeds the one that binds it, and that may help. */
void bench_doubt_ceilings(struct bench_device *on, const struct bench_work *work);
/* Measures them again; false when that was done in vain lately. */
bool bench_measure_again(struct bench_device *on);

/* Adds what an op and a line of a profile have in common: ms and its spread, launches, gflops, gbs, least_bytes, and the shares. */
void bench_add_work(cJSON *object, const struct bench_work *work, const clmix_ceilings *ceilings);
/* Sets the shares of the ceilings in a result, by what else it tells: fraction_of_peak and fraction_of_copy of a model; bound_by,
 * fraction_of_ceiling, and `below_tenth` where that is so, of an op; `above_ceiling` where a share exceeds its ceiling: "caches" or "ceiling too
 * low". Nothing in others. */
void bench_set_shares(cJSON *object, const clmix_ceilings *ceilings);
/* The shares and ceilings of all results in an array, and what a step needs at least by its ops', by ceilings that were found later. Gives how many
 * results exceed them still. */
size_t bench_settle_shares(cJSON *results, const clmix_ceilings *ceilings);
/* What a line of text says of that at its end; "" where there is nothing to say. */
const char *bench_remark(const cJSON *object);

/* ---- work.c ------------------------------------------------------------------------------------------------------------------------- */

/* A model by name with the request's mixer and settings, which its name then tells as well ("vit, nystrom, depth=2"). A configuration that cannot
 * be opened is bad usage (bench_fail). */
clmix_status bench_config(const struct bench_request *request, const char *model, clmix_config **config);
/* Pictures at a time, where it is told before a model is open. */
int bench_pictures(const struct bench_request *request);
/* The exit status of a failure: 2 where an argument is at fault. */
int bench_fail(const struct cli *cli, clmix_status status);

/* Appends what a pass of training computes: from what the model and its task take to the loss (CLMIX_LOSS), with the gradients of all weights if
 * `backward`. */
clmix_status bench_build_pass(clmix_graph *graph, const clmix_config *config, struct clmix_extent extent, bool backward);

/* A model in training with random samples, whose every step is the same work. */
struct bench_trainer {
    clmix_network *network;
    clmix_trainer *trainer;
    clmix_port ports[CLMIX_RECIPE_PORTS];
    void *arrays[CLMIX_RECIPE_PORTS]; /* one a port */
    int port_count;
    struct clmix_extent extent;
};
/* Plans it, draws its memory on the device, and last the samples. */
clmix_status bench_trainer_make(struct bench_trainer *bench, clmix_device *device, const clmix_config *config, struct clmix_extent extent);
/* Random samples for its extent: what the model and its task take. Every token is one, none is padding. */
clmix_status bench_feed_make(struct bench_trainer *bench, const clmix_config *config);
clmix_status bench_trainer_step(struct bench_trainer *bench, double *loss); /* *loss (may be NULL) is the one before the step */
void bench_trainer_free(struct bench_trainer *bench);

/* So many random bytes; NULL when out of memory. */
uint8_t *bench_bytes(size_t bytes);

#endif
