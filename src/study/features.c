/* Where the features of a dataset by an encoder or a pair are. */
#include "core/alloc.h"
#include "core/str.h"
#include "core/log.h"
#include "core/progress.h"
#include "feature/store.h"
#include "study/work.h"

#include <string.h>

#define FAL_LOG_COMPONENT "study"

fal_study_features *fal_study_features_at(const fal_study_work *work, size_t dataset, fal_study_subject subject)
{
    size_t wide = work->plan.encoder_count + work->plan.pair_count;
    return &work->features[dataset * wide + (subject.is_pair ? work->plan.encoder_count : 0) + subject.index];
}

fal_status fal_study_features_of(fal_study_work *work, size_t dataset, fal_study_subject subject,
                                 const fal_study_features **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_study_features *f = fal_study_features_at(work, dataset, subject);
    if (!f->looked_for) {
        if (subject.is_pair)
            FAL_TRY(fal_study_join(work, dataset, subject.index, f, err));
        else
            FAL_TRY(fal_study_extract(work, dataset, err));
        f->looked_for = true;
    }
    if (!f->root)
        FAL_FAIL(f->why.code, "%s", f->why.text);
    *out = f;
done:
    return st;
}

/* ---- two encoders side by side ---- */

typedef struct joining {
    const fal_study_work *work;
    size_t dataset;
    const fal_study_pair *pair;
    const fal_study_features *visual, *audio;
    const char *root; /* of what is written */
} joining;

static fal_npz_member member(const char *name, const fal_feature_rows *rows, bool half)
{
    return (fal_npz_member){.name = name,
                            .type = FAL_NPY_F32,
                            .store = half ? FAL_NPY_F16 : FAL_NPY_F32,
                            .rank = 2,
                            .shape = {(size_t)rows->frames, (size_t)rows->dim},
                            .data = rows->rows};
}

static fal_status read_rows(const joining *j, const char *clip, size_t encoder, const fal_study_features *from,
                            fal_feature_rows *out, fal_error *err)
{
    return fal_features_read(from->root, clip, j->work->plan.encoders[encoder].stream, out, err);
}

/* A clip that one of the two has no features of is passed over: it is missing from the joined ones as well. */
static fal_status join_clip(const joining *j, const char *clip, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error why;
    fal_feature_rows visual = {0}, audio = {0};
    char *path = NULL;
    FAL_ALLOC(path, fal_feature_path(j->root, clip, ".npz"));
    fal_status read = read_rows(j, clip, j->pair->visual, j->visual, &visual, &why);
    if (read == FAL_OK)
        read = read_rows(j, clip, j->pair->audio, j->audio, &audio, &why);
    if (read == FAL_ERR_NOT_FOUND) {
        fal_log_info(j->work->options->log, "join: %s", why.text);
        goto done;
    }
    if (read != FAL_OK)
        FAL_FAIL(read, "%s", why.text);
    bool half = j->work->plan.half_precision;
    const fal_npz_member members[] = {member("visual", &visual, half), member("audio", &audio, half)};
    FAL_TRY(fal_npz_write(path, members, 2, err));
done:
    fal_free(visual.rows);
    fal_free(audio.rows);
    fal_free(path);
    return st;
}

static fal_status join_clips(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const joining *j = user;
    const fal_progress *progress = j->work->options->progress;
    fal_study_clips clips = {0};
    FAL_TRY(fal_study_clips_read(&j->work->plan.datasets[j->dataset], &clips, err));
    for (size_t i = 0; i < clips.count; i++) {
        if (fal_progress_cancelled(progress))
            FAL_FAIL(FAL_ERR_CANCELLED, "stopped on request");
        fal_progress_report(progress, "joining features", (double)i, (double)clips.count);
        if (strlen(clips.paths[i]) > FAL_FEATURE_CUT)
            FAL_TRY(join_clip(j, clips.paths[i], err));
    }
done:
    fal_study_clips_free(&clips);
    return st;
}

static fal_status run_join(fal_study_work *work, joining *j, fal_study_features *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *dataset = work->plan.datasets[j->dataset].id;
    char *name = NULL, *root = NULL;
    fal_step step = {.stage = FAL_STUDY_EXTRACT};
    FAL_ALLOC(name, fal_asprintf("join/%s/%s", dataset, j->pair->id));
    step.name = name;
    fal_step_text(&step, "visual", j->visual->key);
    fal_step_text(&step, "audio", j->audio->key);
    fal_step_key key;
    FAL_TRY(fal_step_make_key(&step, key, err));
    FAL_ALLOC(root, fal_study_path(work, "features/%s/%s-%.8s", dataset, j->pair->id, key));
    j->root = root;
    FAL_TRY(fal_steps_run(work->steps, &step, join_clips, j, out->key, err));
    out->root = root;
    root = NULL;
done:
    fal_buf_free(&step.inputs);
    fal_free(name);
    fal_free(root);
    return st;
}

fal_status fal_study_join(fal_study_work *work, size_t dataset, size_t pair, fal_study_features *out, fal_error *err)
{
    joining j = {.work = work, .dataset = dataset, .pair = &work->plan.pairs[pair]};
    fal_study_subject visual = {false, j.pair->visual}, audio = {false, j.pair->audio};
    fal_status st = fal_study_features_of(work, dataset, visual, &j.visual, &out->why);
    if (st == FAL_OK)
        st = fal_study_features_of(work, dataset, audio, &j.audio, &out->why);
    if (st == FAL_OK)
        st = run_join(work, &j, out, &out->why);
    return fal_study_fatal(st) ? fal_fail(err, st, "%s", out->why.text) : FAL_OK;
}
