/* Models of the catalogue. Knows encoders by the public interface alone. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/log.h"
#include "core/suggest.h"
#include "fetch/pull.h"

#include <falsetto/models.h>

#include <string.h>

#define FAL_LOG_COMPONENT "fetch"

/* Fails with the first problem that verifying finds. In the model folder the model is asked for by its name: then it is
 * also compared with what the catalogue says of it. */
static fal_status check_model(const fal_pull_job *job, const char *path, const fal_pull_options *options,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_model_entry *model = job->user;
    const fal_log *log = options->fetch.log;
    const fal_encoder_options how = {.family = model->family, .progress = options->fetch.progress, .log = log};
    char *text = NULL;
    fal_json *report = NULL;
    bool ok = false;
    fal_log_info(log, "checking that %s opens", path);
    FAL_TRY(fal_model_verify_json(options->folder ? path : model->name, &how, &ok, &text, err));
    if (ok)
        goto done;
    FAL_TRY(fal_json_parse(text, strlen(text), path, &report, err));
    FAL_FAIL(FAL_ERR_FORMAT,
             "%s is there, but not in order: %.600s; it is left where it is, `%s --force %s` fetches it again",
             model->name, fal_json_string(fal_json_at(fal_json_get(report, "problems"), 0), "it does not open"),
             job->command, model->name);
done:
    fal_json_free(&report);
    fal_text_free(&text);
    return st;
}

static const char *model_name(size_t index)
{
    return fal_model_at(index)->name;
}

static fal_status find(const char *name, const fal_model_entry **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_model_entry *model = fal_model_find(name);
    fal_buf near = {0};
    if (!model)
        fal_suggest(name, fal_model_count(), model_name, &near);
    if (!model)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "there is no model called \"%s\"%s", name,
                 near.data ? near.data : "; `falsetto models list` shows the names");
    if (!model->files[0].name)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s has no files to fetch: its weights are drawn from a seed when it is opened",
                 name);
    *out = model;
done:
    fal_buf_free(&near);
    return st;
}

fal_status fal_model_pull(const char *name, const fal_pull_options *options, fal_pull_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_model_entry *model;
    FAL_TRY(find(name, &model, err));
    fal_pull_job job = {.kind = "model",
                        .name = model->name,
                        .licence = model->licence,
                        .source = model->source,
                        .page = model->page,
                        .non_commercial = model->non_commercial,
                        .files = model->files,
                        .command = "falsetto models pull",
                        .check = check_model,
                        .user = model};
    while (job.file_count < FAL_MODEL_FILES && model->files[job.file_count].name)
        job.file_count++;
    FAL_TRY(fal_pull_folder(options, "models", model->name, &job.folder, err));
    FAL_TRY(fal_pull_run(&job, options, report, err));
done:
    return st;
}
