#include "bench/turns.h"
#include "base/array.h"
#include "base/status.h"
#include "bench/child.h"
#include "common/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pieces of work ------------------------------------------------------------------------------------------------------------------- */

enum piece_kind { CEILINGS, INFER, TRAIN, CASES, PROFILE };

/* The cases once their form of the kernels is known, and the profiles when all kernels are compiled: both once, in the last round. */
struct piece {
    enum piece_kind kind;
    const char *model;
    bool once;
};

/* Whether there is a piece of this number. */
static bool piece_at(const struct bench_turns *turns, size_t index, struct piece *piece)
{
    size_t models = 0;

    while (turns->models[models] != NULL)
        models++;
    if (index == 0)
        *piece = (struct piece){ .kind = CEILINGS };
    else if (index <= 2 * models)
        *piece = (struct piece){ .kind = index % 2 == 1 ? INFER : TRAIN, .model = turns->models[(index - 1) / 2] };
    else if (index <= 3 * models)
        *piece = (struct piece){ .kind = PROFILE, .model = turns->models[index - 2 * models - 1], .once = true };
    else
        *piece = (struct piece){ .kind = CASES, .once = true };
    return index <= 3 * models + (turns->request->quick ? 0 : 1);
}

static void name_piece(const struct piece *piece, char *text, size_t bytes)
{
    switch (piece->kind) {
    case CEILINGS: snprintf(text, bytes, "ceilings"); break;
    case CASES: snprintf(text, bytes, "reference cases"); break;
    case INFER: snprintf(text, bytes, "%s, infer", piece->model); break;
    case TRAIN: snprintf(text, bytes, "%s, train", piece->model); break;
    case PROFILE: snprintf(text, bytes, "%s, profile", piece->model); break;
    }
}

/* ---- the command line of a piece ------------------------------------------------------------------------------------------------------ */

#define NUMBER 32
struct command {
    const char **arguments;
    size_t count, capacity;
    char batch[NUMBER], length[NUMBER], seconds[NUMBER];
    bool failed;
    char program[1024];
};

static void add(struct command *command, const char *argument)
{
    command->failed = command->failed || !CLMIX_PUSH(command->arguments, command->count, command->capacity, argument);
}

static void add_option(struct command *command, const char *option, const char *value)
{
    add(command, option);
    add(command, value);
}

static void add_model(struct command *command, const struct bench_request *request)
{
    const char **settings = request->what.settings;

    if (request->batch != MODEL_USUAL_BATCH) {
        snprintf(command->batch, NUMBER, "%d", request->batch);
        add_option(command, "--batch", command->batch);
    }
    if (request->length > 0) {
        snprintf(command->length, NUMBER, "%d", request->length);
        add_option(command, "--length", command->length);
    }
    if (request->what.classes != NULL)
        add_option(command, "--classes", request->what.classes);
    if (request->what.mixer != NULL)
        add_option(command, "--mixer", request->what.mixer);
    for (; settings != NULL && *settings != NULL; settings++)
        add_option(command, "--set", *settings);
}

/* clmix-verify stands beside this program. */
static void name_verify(const struct bench_request *request, char *program, size_t bytes)
{
    const char *slash = strrchr(request->self, '/');
    const int folder = slash != NULL ? (int)(slash - request->self) + 1 : 0;

    snprintf(program, bytes, "%.*sclmix-verify", folder, request->self);
}

static void write_command(struct command *command, const struct bench_turns *turns, const struct bench_contender *contender,
                          const struct piece *piece)
{
    static const char *const names[] = {
        [CEILINGS] = "ceilings", [INFER] = "model", [TRAIN] = "model", [CASES] = "--self", [PROFILE] = "profile"
    };
    const struct bench_request *request = turns->request;

    if (piece->kind == CASES)
        name_verify(request, command->program, sizeof command->program);
    else
        snprintf(command->program, sizeof command->program, "%s", request->self);
    add(command, command->program);
    add(command, names[piece->kind]);
    if (piece->model != NULL) {
        add(command, piece->model);
        add_model(command, request);
    }
    if (piece->kind == INFER || piece->kind == TRAIN) {
        snprintf(command->seconds, NUMBER, "%g", request->seconds);
        add_option(command, "--mode", piece->kind == INFER ? "infer" : "train");
        add_option(command, "--seconds", command->seconds);
    }
    if (piece->kind == INFER || piece->kind == TRAIN || (request->quick && piece->kind != CASES))
        add(command, "--quick"); /* of models the ceilings alone, which are measured as a piece of their own */
    if (piece->kind == CASES)
        add_option(command, "--kernels", contender->kernels);
    add_option(command, "--device", contender->selector);
    add(command, "--json");
    add(command, NULL);
}

/* ---- what comes of it ----------------------------------------------------------------------------------------------------------------- */

static void sign(const struct bench_contender *contender, cJSON *line)
{
    bench_sign_device(line, contender->info);
    if (contender->kernels[0] != '\0')
        cJSON_AddStringToObject(line, "kernels", contender->kernels);
    bench_sign_host(line);
}

static void add_failure(struct bench_contender *contender, const struct piece *piece, const char *message)
{
    cJSON *line = cJSON_CreateObject();
    char name[256];

    name_piece(piece, name, sizeof name);
    cJSON_AddStringToObject(line, "failed", name);
    cJSON_AddStringToObject(line, "message", message);
    cJSON_AddStringToObject(line, "vendor", contender->info->vendor);
    sign(contender, line);
    cJSON_AddItemToArray(contender->lines, line);
}

/* Of what clmix-verify says of a case: the error of the tensor that is nearest to its limit, and that limit. */
static cJSON *case_line(const struct bench_contender *contender, const cJSON *said)
{
    const cJSON *tensors = cJSON_GetObjectItemCaseSensitive(said, "tensors"), *ops = cJSON_GetObjectItemCaseSensitive(said, "ops"), *tensor,
                *worst = NULL;
    const char *name = bench_text(said, "case");
    const size_t length = strlen(name), end = strlen(".safetensors");
    char text[256];
    cJSON *line = cJSON_CreateObject();

    cJSON_ArrayForEach(tensor, tensors)
    {
        const double share = bench_number(tensor, "error") / bench_number(tensor, "limit");

        if (worst == NULL || isnan(share) || share > bench_number(worst, "error") / bench_number(worst, "limit"))
            worst = tensor;
    }
    snprintf(text, sizeof text, "%.*s", (int)(length > end && strcmp(name + length - end, ".safetensors") == 0 ? length - end : length),
             name);
    cJSON_AddStringToObject(line, "case", text);
    cJSON_AddBoolToObject(line, "pass", cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(said, "pass")));
    bench_add(line, "error", bench_number(worst, "error"));
    bench_add(line, "limit", bench_number(worst, "limit"));
    cJSON_AddStringToObject(line, "tensor", bench_text(worst, "name"));
    if (cJSON_IsArray(ops))
        cJSON_AddItemToObject(line, "ops", cJSON_Duplicate(ops, true));
    sign(contender, line);
    return line;
}

/* What a process said, and whether that is all of it. */
struct said {
    size_t lines;
    bool concluded; /* clmix-verify came to its last line */
    char message[512];
};

static void take_line(struct bench_contender *contender, const struct piece *piece, cJSON *line, struct said *said)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(line, "error");

    said->concluded = said->concluded || cJSON_HasObjectItem(line, "verdict");
    if (cJSON_IsObject(error) && !cJSON_HasObjectItem(line, "case")) {
        snprintf(said->message, sizeof said->message, "%s", bench_text(error, "message"));
    } else if (piece->kind == CASES && cJSON_HasObjectItem(line, "case")) {
        cJSON_AddItemToArray(contender->lines, case_line(contender, line));
        said->lines++;
    } else if (piece->kind != CASES) {
        if (bench_text(line, "kernels")[0] != '\0')
            snprintf(contender->kernels, sizeof contender->kernels, "%s", bench_text(line, "kernels"));
        cJSON_AddItemToArray(contender->lines, line);
        said->lines++;
        return;
    }
    cJSON_Delete(line);
}

static void take_output(struct bench_contender *contender, const struct piece *piece, const char *output, struct said *said)
{
    for (const char *at = output; *at != '\0';) {
        const size_t length = strcspn(at, "\n");
        cJSON *line = cJSON_ParseWithLength(at, length);

        if (cJSON_IsObject(line))
            take_line(contender, piece, line, said);
        else
            cJSON_Delete(line);
        at += length + (at[length] == '\n');
    }
}

static void conclude(struct bench_contender *contender, size_t index, const struct piece *piece, const struct bench_child *child)
{
    struct said said = { 0 };
    char message[1100];

    take_output(contender, piece, child->output, &said);
    if (said.lines > 0 && (child->good || said.concluded)) /* a verdict against a driver is an exit status too */
        return;
    snprintf(message, sizeof message, "%s", said.message[0] != '\0' ? said.message : child->good ? "it printed no result" : child->end);
    contender->skipped[index] = true;
    contender->gave_up = child->late || piece->kind == CEILINGS;
    if (contender->gave_up)
        snprintf(message + strlen(message), sizeof message - strlen(message), "; it was asked for nothing else");
    add_failure(contender, piece, message);
}

static clmix_status take_turn(struct bench_turns *turns, struct bench_contender *contender, size_t index, const struct piece *piece)
{
    struct command command = { .arguments = NULL };
    struct bench_child child = { 0 };
    clmix_status status;

    write_command(&command, turns, contender, piece);
    status = command.failed ? clmix_fail_memory("a command")
                            : bench_child_run(command.arguments, contender->form, turns->request->limit_seconds, &child);
    if (status == CLMIX_OK)
        conclude(contender, index, piece, &child);
    bench_child_free(&child);
    free(command.arguments);
    return status;
}

/* ---- the rounds ----------------------------------------------------------------------------------------------------------------------- */

/* The form of the kernels that the first contender does not take, once that is known. */
static void choose_form(struct bench_turns *turns, struct bench_contender *contender)
{
    if (contender->other_form && turns->contenders[0].kernels[0] != '\0')
        contender->form = strcmp(turns->contenders[0].kernels, "wide") == 0 ? "simt" : "wide";
}

static bool is_due(const struct bench_turns *turns, const struct bench_contender *contender, size_t index, const struct piece *piece,
                   int round)
{
    if (contender->gave_up || contender->skipped[index] || (piece->once && round + 1 < turns->request->rounds))
        return false;
    if (piece->kind == CASES && contender->kernels[0] == '\0')
        return false;
    return !contender->other_form || contender->form != NULL;
}

/* Every round begins with the next contender, so that none always comes after the same one. */
static clmix_status take_round(struct bench_turns *turns, int round, struct progress *progress)
{
    struct piece piece;
    char name[256], note[600];

    for (size_t index = 0; piece_at(turns, index, &piece); index++)
        for (size_t i = 0; i < turns->count; i++) {
            struct bench_contender *contender = &turns->contenders[(i + (size_t)round) % turns->count];

            choose_form(turns, contender);
            if (!is_due(turns, contender, index, &piece, round))
                continue;
            name_piece(&piece, name, sizeof name);
            snprintf(note, sizeof note, "round %d of %d: %s on %s", round + 1, turns->request->rounds, name, contender->info->name);
            progress_note(progress, note);
            CLMIX_TRY(take_turn(turns, contender, index, &piece));
        }
    return CLMIX_OK;
}

/* ---- the end of it -------------------------------------------------------------------------------------------------------------------- */

static void take_best(clmix_ceilings *best, const cJSON *line)
{
    best->fma_gflops = fmax(best->fma_gflops, bench_number(line, "fma_gflops"));
    best->copy_gbs = fmax(best->copy_gbs, bench_number(line, "copy_gbs"));
    best->launch_us = fmin(best->launch_us, bench_number(line, "launch_us"));
    best->sync_launch_us = fmin(best->sync_launch_us, bench_number(line, "sync_launch_us"));
}

/* What else the machine does only lowers a ceiling, so the best of all rounds counts for all results. The form of kernels is measured when the first
 * plan is compiled, so that the very first lines may tell another one. */
static void settle(struct bench_contender *contender)
{
    clmix_ceilings best = { .launch_us = INFINITY, .sync_launch_us = INFINITY };
    cJSON *line;

    cJSON_ArrayForEach(line, contender->lines)
    {
        if (cJSON_HasObjectItem(line, "fma_gflops"))
            take_best(&best, line);
        if (contender->kernels[0] != '\0') {
            cJSON_DeleteItemFromObjectCaseSensitive(line, "kernels");
            cJSON_AddStringToObject(line, "kernels", contender->kernels);
        }
    }
    if (best.fma_gflops > 0.0)
        bench_settle_shares(contender->lines, &best);
}

static clmix_status prepare(struct bench_turns *turns)
{
    struct piece piece;
    size_t pieces = 0;

    while (piece_at(turns, pieces, &piece))
        pieces++;
    for (size_t i = 0; i < turns->count; i++) {
        turns->contenders[i].lines = cJSON_CreateArray();
        turns->contenders[i].skipped = calloc(pieces, sizeof(bool));
        if (turns->contenders[i].skipped == NULL)
            return clmix_fail_memory("the devices");
    }
    return CLMIX_OK;
}

clmix_status bench_take_turns(struct bench_turns *turns)
{
    struct progress progress;
    clmix_status status = prepare(turns);

    progress_start(&progress, turns->cli->json != 0);
    for (int round = 0; status == CLMIX_OK && round < turns->request->rounds; round++)
        status = take_round(turns, round, &progress);
    progress_end(&progress);
    for (size_t i = 0; i < turns->count; i++)
        settle(&turns->contenders[i]);
    return status;
}

void bench_turns_free(struct bench_turns *turns)
{
    for (size_t i = 0; i < turns->count; i++) {
        cJSON_Delete(turns->contenders[i].lines);
        free(turns->contenders[i].skipped);
    }
    free(turns->contenders);
}
