/* What clmix-train trains: model, data, options and device, from the command line or from a run that is resumed. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "base/status.h"
#include "base/text.h"
#include "network/config.h"
#include "network/file.h"
#include "train/run.h"
#include "training/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static clmix_status open_config(struct session *session)
{
    const struct request *request = session->request;
    const bool by_init = request->what.model == NULL && request->what.weights == NULL && request->init.init != NULL;

    if (request->resume != NULL)
        return model_options_config(&request->what, session->stored.config, &session->config);
    CLMIX_TRY(model_options_config(&request->what, by_init ? request->init.init : NULL, &session->config));
    return by_init ? clmix_config_take_weights(session->config, NULL) : CLMIX_OK; /* of which only what fits is taken */
}

clmix_status session_start(struct session *session)
{
    const struct request *request = session->request;

    session->folder = request->resume != NULL ? request->resume : request->out != NULL ? request->out : USUAL_FOLDER;
    if (request->resume != NULL)
        CLMIX_TRY(clmix_run_inspect(request->resume, &session->stored));
    session->best.epoch = session->stored.best_epoch;
    session->best.metrics[0].value = session->stored.best;
    session->data_name = request->data != NULL ? request->data : session->stored.data;
    return open_config(session);
}

int session_choose_options(struct session *session)
{
    const struct request *request = session->request;

    if (request->resume != NULL) {
        session->options = session->stored.options;
    } else {
        session->options = clmix_train_defaults();
        train_options_suit(&session->options, session->config, session->data_name != NULL ? session->data_name : "");
    }
    if (train_init_patterns(&request->init, &session->options) != CLMIX_OK)
        return cli_bad_usage(session->cli, "%s", clmix_error());
    return train_flags_apply(&request->flags, session->cli, &session->options) ? 0 : 2;
}

clmix_status session_check_resumed(const struct session *session)
{
    const clmix_run_info *stored = &session->stored;

    if (session->request->resume == NULL)
        return CLMIX_OK;
    CLMIX_TRY(clmix_options_agree(&stored->options, &session->options));
    if (session->options.epochs < stored->epoch)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "the run has done %zu epochs already and cannot be resumed with %zu", stored->epoch,
                          session->options.epochs);
    return CLMIX_OK;
}

/* Whether it answers with classes; also where it would, and lacks nothing but their number. */
static bool wants_classes(const clmix_config *config)
{
    return clmix_config_answer(config) != CLMIX_ANSWER_TOKENS || clmix_config_check(config) != CLMIX_OK;
}

/* Opens the data set, its texts by the tokenizer that there is: the run's, that of the weights that go on, or of those that are taken over. */
static clmix_status open_set(struct session *session)
{
    const struct request *request = session->request;
    const char *weights = clmix_config_weights(session->config) != NULL ? clmix_config_weights(session->config) : request->init.init;
    clmix_tokenizer *tokenizer = NULL;
    clmix_status status = CLMIX_OK;

    if (request->resume == NULL && weights != NULL && clmix_config_vocabulary(session->config) > 0)
        status = clmix_weights_tokenizer(&tokenizer, weights);
    if (status == CLMIX_OK)
        status = model_open_data(session->config, request->resume != NULL ? session->stored.tokenizer : tokenizer, session->data_name,
                                 &session->data);
    clmix_tokenizer_close(tokenizer);
    return status;
}

clmix_status session_open_data(struct session *session)
{
    const struct request *request = session->request;
    char setting[48];

    if (session->data_name == NULL)
        return CLMIX_OK;
    CLMIX_TRY(open_set(session));
    if (clmix_config_vocabulary(session->config) > 0)
        session->progress.unit = "seq";
    if (clmix_dataset_classes(session->data) > 0 && wants_classes(session->config) &&
        (size_t)clmix_dataset_classes(session->data) != clmix_config_classes(session->config) &&
        clmix_config_weights(session->config) == NULL && request->resume == NULL && !model_sets_classes(&request->what)) {
        snprintf(setting, sizeof setting, "classes=%d", clmix_dataset_classes(session->data));
        CLMIX_TRY(clmix_config_set(session->config, setting));
    }
    return clmix_check_data(session->config, session->data);
}

/* ---- broken pictures ------------------------------------------------------------------------------------------------------------------ */

#define CHECK_SECONDS 5.0 /* for each split */

struct findings {
    struct session *session;
    size_t named;
};

static void on_broken(void *user, const char *sentence)
{
    struct findings *findings = user;

    if (findings->named++ < TRAIN_SENTENCES)
        progress_say(&findings->session->progress, "broken: %s", sentence);
}

int session_check_pictures(struct session *session)
{
    static const clmix_split splits[] = { CLMIX_TRAIN, CLMIX_TEST };
    struct findings findings = { .session = session };
    char checked_text[32], all_text[32];
    size_t checked = 0, broken = 0, all = 0;

    for (int i = 0; i < 2; i++) {
        clmix_data_check check;
        const clmix_status status = clmix_dataset_check(session->data, splits[i], CHECK_SECONDS, on_broken, &findings, &check);

        if (status != CLMIX_OK)
            return cli_fail(session->cli, status);
        checked += check.checked;
        broken += check.broken;
        all += clmix_dataset_count(session->data, splits[i]);
    }
    if (checked == 0) /* none that could be broken */
        return 0;
    clmix_grouped(checked_text, checked);
    clmix_grouped(all_text, all);
    if (broken > 0 && !session->options.skip_broken)
        return cli_error(session->cli, CLMIX_ERROR_FORMAT, "repair or remove them, or go past them with --skip-broken=yes",
                         "%zu of %s pictures looked at cannot be decoded: %s", broken, checked_text, clmix_error());
    progress_say(&session->progress, "looked at %s of %s pictures: %zu cannot be decoded%s", checked_text, all_text, broken,
                 broken > 0 ? " and will be skipped" : "");
    return 0;
}

/* Appends to a text in fresh memory, which is gone (NULL) where the host is out of memory, now or before. */
static char *append(char *text, const char *more, size_t bytes)
{
    const size_t used = text == NULL ? 0 : strlen(text);
    char *longer = text == NULL ? NULL : realloc(text, used + bytes + 1);

    if (longer == NULL) {
        free(text);
        return NULL;
    }
    memcpy(longer + used, more, bytes);
    longer[used + bytes] = '\0';
    return longer;
}

/* A path from the root, where there is one; else what was given. */
static char *append_path(char *text, const char *path, size_t bytes)
{
    char *given = strndup(path, bytes), *whole = given == NULL ? NULL : realpath(given, NULL);

    text = whole != NULL ? append(text, whole, strlen(whole)) : append(text, path, bytes);
    free(given);
    free(whole);
    return text;
}

/* What stands behind the kind: a path, or one with options behind commas, of which some are paths too. */
static char *append_places(char *text, const char *places)
{
    static const char *const paths[] = { "vocab=", "test=" };

    if (access(places, F_OK) == 0)
        return append_path(text, places, strlen(places));
    for (const char *piece = places; piece != NULL;) {
        const size_t bytes = strcspn(piece, ",");
        size_t name = 0;
        bool is_path = piece == places;

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            if (strncmp(piece, paths[i], strlen(paths[i])) == 0) {
                name = strlen(paths[i]);
                is_path = true;
            }
        text = append(text, piece, name);
        text = is_path ? append_path(text, piece + name, bytes - name) : append(text, piece, bytes);
        piece = piece[bytes] == ',' ? piece + bytes + 1 : NULL;
        text = piece != NULL ? append(text, ",", 1) : text;
    }
    return text;
}

/* The spec with its paths from the root, so that the run can be resumed from anywhere. */
static clmix_status name_data(struct session *session)
{
    const char *places = session->data_name;
    char *spec = strdup("");
    clmix_status status;

    if (strncmp(places, "pixels:", 7) == 0)
        places += 7;
    places = strchr(places, ':') == NULL ? places + strlen(places) : strchr(places, ':') + 1;
    spec = append(spec, session->data_name, (size_t)(places - session->data_name));
    spec = append_places(spec, places);
    status = spec == NULL ? clmix_fail_memory("the data's name") : clmix_trainer_name_data(session->trainer, spec);
    free(spec);
    return status;
}

clmix_status session_open_model(struct session *session)
{
    CLMIX_TRY(model_network(session->devices[0], session->config, session->options.seed, &session->network));
    if (session->request->init.init != NULL)
        CLMIX_TRY(train_init_network(&session->request->init, session->network, &session->progress));
    CLMIX_TRY(clmix_trainer_create(&session->trainer, session->network, session->data, &session->options));
    CLMIX_TRY(model_options_name(&session->request->what, session->network));
    return name_data(session);
}

void session_clear(struct session *session)
{
    clmix_trainer_free(session->trainer);
    clmix_network_free(session->network);
    clmix_dataset_close(session->data);
    clmix_config_free(session->config);
    for (size_t i = 0; i < session->device_count; i++)
        clmix_device_close(session->devices[i]);
    clmix_run_info_clear(&session->stored);
}
