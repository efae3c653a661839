/* Datasets and models: those that are here, and those that can be drawn. */
#include "study/work.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"
#include "feature/fingerprint.h"
#include "study/puppets.h"

#include <falsetto/models.h>

#include <stdio.h>

/* ---- datasets ---- */

typedef struct drawing {
    const fal_study_work *work;
    const fal_study_dataset *dataset;
} drawing;

static fal_status draw_dataset(void *user, fal_error *err)
{
    const drawing *d = user;
    const fal_study_options *o = d->work->options;
    const fal_puppet_call call = {.program = o->puppet,
                                  .out = d->dataset->root,
                                  .puppets = &d->dataset->puppets,
                                  .jobs = o->jobs,
                                  .progress = o->progress};
    return fal_puppets_draw(&call, err);
}

static fal_status dataset_drawn(fal_study_work *work, const fal_study_dataset *dataset, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_puppets *p = &dataset->puppets;
    char *name = NULL, *labels = NULL;
    drawing d = {work, dataset};
    fal_step step = {.stage = FAL_STUDY_GENERATE};
    FAL_ALLOC(name, fal_asprintf("generate/%s", fal_path_base(dataset->root)));
    FAL_ALLOC(labels, fal_path_join(dataset->root, "labels.csv")); /* written last */
    step.name = name;
    step.output = labels;
    fal_step_int(&step, "clips", p->clips);
    fal_step_int(&step, "seed", p->seed);
    fal_step_real(&step, "seconds", p->seconds);
    fal_step_real(&step, "fake fraction", p->fake_fraction);
    fal_step_text(&step, "methods", p->methods);
    fal_step_text(&step, "leading silence", p->leading_silence);
    fal_step_text(&step, "splits", p->splits);
    FAL_TRY(fal_steps_run(work->steps, &step, draw_dataset, &d, NULL, err));
done:
    fal_buf_free(&step.inputs);
    fal_free(name);
    fal_free(labels);
    return st;
}

fal_status fal_study_dataset_ready(fal_study_work *work, size_t dataset, fal_error *err)
{
    const fal_study_dataset *d = &work->plan.datasets[dataset];
    if (d->drawn)
        return dataset_drawn(work, d, err);
    if (!fal_path_is_dir(d->root))
        return fal_fail(err, FAL_ERR_NOT_FOUND, "%s: dataset not here (no folder %s)", d->id, d->root);
    for (int i = 0; i < FAL_SPLITS; i++)
        if (d->lists[i] && !fal_path_exists(d->lists[i]))
            return fal_fail(err, FAL_ERR_NOT_FOUND, "%s: dataset not here (no list %s)", d->id, d->lists[i]);
    return FAL_OK;
}

/* ---- models ---- */

typedef struct model_drawing {
    const fal_study_work *work;
    const fal_study_encoder *encoder;
    const char *path;
} model_drawing;

static fal_status draw_model(void *user, fal_error *err)
{
    const model_drawing *d = user;
    return fal_model_init(d->encoder->model, (uint64_t)d->encoder->seed, FAL_NUMBERS_F32, d->path,
                          d->work->options->log, err);
}

static fal_status model_drawn(fal_study_work *work, const fal_study_encoder *e, char **source, fal_error *err)
{
    fal_status st = FAL_OK;
    char *name = NULL, *path = NULL;
    fal_step step = {.stage = FAL_STUDY_GENERATE};
    FAL_ALLOC(name, fal_asprintf("generate/model-%s-%lld", e->model, (long long)e->seed));
    FAL_ALLOC(path, fal_study_path(work, "models/%s-%lld.safetensors", e->model, (long long)e->seed));
    model_drawing d = {work, e, path};
    step.name = name;
    step.output = path;
    fal_step_text(&step, "model", e->model);
    fal_step_int(&step, "seed", e->seed);
    FAL_TRY(fal_steps_run(work->steps, &step, draw_model, &d, NULL, err));
    *source = path;
    path = NULL;
done:
    fal_buf_free(&step.inputs);
    fal_free(name);
    fal_free(path);
    return st;
}

/* A name of the catalogue: *path is its file, or NULL when it is drawn whenever it is opened. */
static fal_status model_installed(const fal_study_encoder *e, char **path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_model_state state;
    FAL_TRY(fal_model_look(e->model, &state, err));
    if (state == FAL_MODEL_ABSENT || state == FAL_MODEL_UNFINISHED)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "model not installed: falsetto models pull %s", e->model);
    if (state == FAL_MODEL_INSTALLED)
        FAL_TRY(fal_model_path(e->model, path, err));
done:
    return st;
}

fal_status fal_study_model_ready(fal_study_work *work, size_t encoder, char **source, char fingerprint[64],
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_encoder *e = &work->plan.encoders[encoder];
    char *path = NULL, *opened = NULL;
    if (e->drawn) {
        FAL_TRY(model_drawn(work, e, &path, err));
    } else if (fal_model_find(e->model)) {
        FAL_TRY(model_installed(e, &path, err));
        FAL_ALLOC(opened, fal_strdup(e->model));
    } else {
        FAL_ALLOC(path, fal_path_join(work->data, e->model));
        if (!fal_path_exists(path))
            FAL_FAIL(FAL_ERR_NOT_FOUND, "model not here: neither a name of the catalogue nor a file: %s", path);
    }
    snprintf(fingerprint, 64, "drawn");
    if (path)
        FAL_TRY(fal_fingerprint(path, fingerprint, err));
    *source = opened ? opened : path;
    path = opened ? path : NULL;
    opened = NULL;
done:
    fal_free(path);
    fal_free(opened);
    return st;
}
