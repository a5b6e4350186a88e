/* What clmix-train trains: model, data, options and device, from the command line or from a run that is resumed. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "base/status.h"
#include "base/text.h"
#include "common/watch.h"
#include "network/config.h"
#include "train/run.h"
#include "training/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    size_t height, width, channels;

    clmix_config_picture(session->config, &height, &width, &channels);
    if (request->resume != NULL) {
        session->options = session->stored.options;
    } else {
        session->options = clmix_train_defaults();
        train_options_suit(&session->options, session->data_name != NULL ? session->data_name : "", height);
    }
    if (train_init_freeze(&request->init, &session->options) != CLMIX_OK)
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

clmix_status session_open_data(struct session *session)
{
    const struct request *request = session->request;
    char setting[48];

    if (session->data_name == NULL)
        return CLMIX_OK;
    CLMIX_TRY(model_open_data(session->config, session->data_name, &session->data));
    if ((size_t)clmix_dataset_classes(session->data) != clmix_config_classes(session->config) &&
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

/* The spec with its folder from the root, so that the run can be resumed from anywhere. */
static clmix_status name_data(struct session *session)
{
    const char *colon = strchr(session->data_name, ':');
    char *folder = colon == NULL ? NULL : realpath(colon + 1, NULL), *spec = NULL;
    clmix_status status;

    if (folder != NULL) {
        const size_t length = (size_t)(colon + 1 - session->data_name) + strlen(folder) + 1;

        spec = malloc(length);
        if (spec != NULL)
            snprintf(spec, length, "%.*s%s", (int)(colon + 1 - session->data_name), session->data_name, folder);
    }
    status = clmix_trainer_name_data(session->trainer, spec != NULL ? spec : session->data_name);
    free(folder);
    free(spec);
    return status;
}

clmix_status session_open_model(struct session *session)
{
    CLMIX_TRY(model_network(session->device, session->config, session->options.seed, &session->network));
    if (session->request->init.init != NULL)
        CLMIX_TRY(train_init_network(&session->request->init, session->network, &session->progress));
    CLMIX_TRY(clmix_trainer_create(&session->trainer, session->network, session->data, &session->options));
    CLMIX_TRY(model_options_name(&session->request->what, session->network));
    return name_data(session);
}

/* A line of progress until the driver is done, or for as long as it takes. */
static void on_compile(void *user, const char *file, size_t compiled)
{
    struct session *session = user;
    char text[160];

    if (file != NULL)
        progress_note(&session->progress, watch_text(text, file, compiled));
    else
        progress_end(&session->progress);
}

clmix_status session_open_device(struct session *session)
{
    const char *selector = session->cli->device;

    CLMIX_TRY(session->request->dry_run ? model_device_for_plans(selector, &session->device)
                                        : clmix_device_open(&session->device, selector));
    if (session->progress.live)
        clmix_device_watch_compiler(session->device, on_compile, session);
    else
        watch_compiler(session->device);
    return CLMIX_OK;
}

void session_clear(struct session *session)
{
    clmix_trainer_free(session->trainer);
    clmix_network_free(session->network);
    clmix_dataset_close(session->data);
    clmix_config_free(session->config);
    clmix_device_close(session->device);
    clmix_run_info_clear(&session->stored);
}
