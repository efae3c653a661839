/* Features of a dataset by all encoders that are here and needed, from one decoding of every clip. */
#include "core/alloc.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/str.h"
#include "feature/store.h"
#include "study/work.h"

#include <falsetto/extract.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FAL_LOG_COMPONENT "study"

/* One encoder's part of the work. */
typedef struct part {
    bool usable, done;
    char *source, *name, *folder; /* of the model; of the step; of its features, below the dataset's */
    char fingerprint[64];
    fal_step step;
    fal_step_key key;
} part;

typedef struct extraction {
    fal_study_work *work;
    size_t dataset;
    const fal_study_dataset *d;
    fal_study_clips clips;
    char clips_digest[FAL_SHA256_HEX]; /* paths, sizes and times of all clips */
    char *out, *list;
    part *parts; /* [encoders] */
} extraction;

/* ---- clips ---- */

static fal_status digest_clips(extraction *x, fal_error *err)
{
    fal_digest digest = fal_sha256_start();
    for (size_t i = 0; i < x->clips.count; i++) {
        struct stat info = {0};
        char text[96] = "absent", *path = fal_path_join(x->d->root, x->clips.paths[i]);
        if (!path)
            return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
        if (stat(path, &info) == 0)
            snprintf(text, sizeof text, "%lld %lld.%09ld", (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
        fal_free(path);
        fal_sha256_add(&digest, x->clips.paths[i], strlen(x->clips.paths[i]) + 1);
        fal_sha256_add(&digest, text, strlen(text) + 1);
    }
    fal_sha256_text(&digest, x->clips_digest);
    return FAL_OK;
}

static fal_status write_list(const extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    fal_buf_puts(&text, "path\r\n");
    for (size_t i = 0; i < x->clips.count; i++) {
        fal_buf line = {0};
        fal_csv_put(&line, x->clips.paths[i]);
        fal_buf_printf(&text, "%s\r\n", line.data ? line.data : "");
        fal_buf_free(&line);
    }
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    FAL_TRY(fal_file_write(x->list, text.data, text.length, err));
done:
    fal_buf_free(&text);
    return st;
}

/* ---- one encoder ---- */

/* What decides the values in a feature file; the folder's name follows from it, so other options never meet. */
static fal_status describe_part(const extraction *x, const fal_study_encoder *e, part *p, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_step_key options;
    FAL_ALLOC(p->name, fal_asprintf("extract/%s/%s", x->d->id, e->id));
    p->step.stage = FAL_STUDY_EXTRACT;
    p->step.name = p->name;
    fal_step_text(&p->step, "model", e->model);
    fal_step_text(&p->step, "fingerprint", p->fingerprint);
    fal_step_text(&p->step, "stream", fal_stream_name(e->stream));
    fal_step_text(&p->step, "feature", e->feature);
    fal_step_int(&p->step, "trim silence", x->d->trim_silence);
    fal_step_int(&p->step, "float16", x->work->plan.half_precision);
    FAL_TRY(fal_step_make_key(&p->step, options, err));
    FAL_ALLOC(p->folder, fal_asprintf("%s-%.8s", e->id, options));
    fal_step_text(&p->step, "clips", x->clips_digest);
    FAL_TRY(fal_step_make_key(&p->step, p->key, err));
done:
    return st;
}

static size_t count_features(const extraction *x, const part *p)
{
    size_t found = 0;
    char *root = fal_path_join(x->out, p->folder);
    for (size_t i = 0; root && i < x->clips.count; i++) {
        char *path = fal_feature_path(root, x->clips.paths[i], ".npz");
        found += path && fal_path_exists(path);
        fal_free(path);
    }
    fal_free(root);
    return found;
}

/* extract keeps what is there; features of a clip that has changed since must go. */
static void drop_stale(const extraction *x, const part *p)
{
    char *root = fal_path_join(x->out, p->folder);
    for (size_t i = 0; root && i < x->clips.count; i++) {
        struct stat clip, feature;
        char *source = fal_path_join(x->d->root, x->clips.paths[i]);
        char *path = fal_feature_path(root, x->clips.paths[i], ".npz");
        if (source && path && stat(source, &clip) == 0 && stat(path, &feature) == 0 &&
            (clip.st_mtim.tv_sec > feature.st_mtim.tv_sec ||
             (clip.st_mtim.tv_sec == feature.st_mtim.tv_sec && clip.st_mtim.tv_nsec > feature.st_mtim.tv_nsec)))
            remove(path);
        fal_free(source);
        fal_free(path);
    }
    fal_free(root);
}

/* Done: recorded, and as many feature files there as then. */
static bool part_done(const extraction *x, const part *p)
{
    int64_t count = 0;
    return fal_steps_done(x->work->steps, &p->step, p->key, &count) && (size_t)count <= count_features(x, p);
}

static fal_study_features *place(const extraction *x, size_t encoder)
{
    return fal_study_features_at(x->work, x->dataset, (fal_study_subject){false, encoder});
}

static fal_status prepare_part(extraction *x, size_t encoder, fal_error *err)
{
    part *p = &x->parts[encoder];
    fal_study_features *to = place(x, encoder);
    fal_status st = fal_study_model_ready(x->work, encoder, &p->source, p->fingerprint, &to->why);
    if (fal_study_fatal(st))
        return fal_fail(err, st, "%s", to->why.text);
    if (st != FAL_OK) {
        fal_steps_note_absent(x->work->steps);
        return FAL_OK;
    }
    st = describe_part(x, &x->work->plan.encoders[encoder], p, err);
    if (st != FAL_OK)
        return st;
    p->done = part_done(x, p);
    p->usable = p->done || fal_steps_wanted(x->work->steps, FAL_STUDY_EXTRACT);
    if (p->done)
        fal_steps_note_kept(x->work->steps);
    if (!p->usable) {
        fal_steps_note_absent(x->work->steps);
        fal_fail(&to->why, FAL_ERR_NOT_FOUND, "%s has not been done", p->name);
    }
    return FAL_OK;
}

/* ---- all encoders ---- */

static size_t gather(extraction *x, fal_extract_encoder *encoders)
{
    size_t count = 0;
    for (size_t i = 0; i < x->work->plan.encoder_count; i++) {
        const fal_study_encoder *e = &x->work->plan.encoders[i];
        part *p = &x->parts[i];
        if (!p->usable || p->done)
            continue;
        drop_stale(x, p);
        encoders[count++] = (fal_extract_encoder){p->source, e->stream, e->feature, p->folder};
    }
    return count;
}

static fal_status run_extract(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_options *o = x->work->options;
    fal_extract_encoder *encoders = NULL;
    fal_extract_report report;
    FAL_ALLOC(encoders, fal_calloc(x->work->plan.encoder_count, sizeof *encoders));
    fal_extract_options options = {.csv = x->list,
                                   .root = x->d->root,
                                   .out = x->out,
                                   .encoders = encoders,
                                   .encoder_count = gather(x, encoders),
                                   .half_precision = x->work->plan.half_precision,
                                   .trim_silence = x->d->trim_silence,
                                   .jobs = o->jobs,
                                   .threads = o->threads,
                                   .progress = o->progress,
                                   .log = o->log};
    if (!options.encoder_count)
        goto done;
    fal_log_info(o->log, "extract/%s: %zu clips, %zu encoders", x->d->id, x->clips.count, options.encoder_count);
    FAL_TRY(fal_extract(&options, &report, err));
    if (report.failed)
        fal_log_warn(o->log, "extract/%s: %zu feature files are missing, %s/failed.csv tells why", x->d->id,
                     report.failed, x->out);
done:
    fal_free(encoders);
    return st;
}

static fal_status record_parts(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < x->work->plan.encoder_count; i++) {
        part *p = &x->parts[i];
        fal_study_features *to = place(x, i);
        if (!p->usable)
            continue;
        size_t found = count_features(x, p);
        if (!p->done)
            FAL_TRY(fal_steps_record(x->work->steps, &p->step, p->key, (int64_t)found, err));
        if (!found) {
            fal_steps_note_failed(x->work->steps);
            fal_fail(&to->why, FAL_ERR_NOT_FOUND, "%s: no clip gave features by %s (see %s/failed.csv)", x->d->id,
                     x->work->plan.encoders[i].id, x->out);
            continue;
        }
        FAL_ALLOC(to->root, fal_path_join(x->out, p->folder));
        memcpy(to->key, p->key, sizeof to->key);
    }
done:
    return st;
}

static fal_status extract_all(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_study_clips_read(x->d, &x->clips, err));
    FAL_TRY(digest_clips(x, err));
    FAL_ALLOC(x->out, fal_study_path(x->work, "features/%s", x->d->id));
    FAL_ALLOC(x->list, fal_study_path(x->work, "lists/%s.csv", x->d->id));
    FAL_TRY(write_list(x, err));
    for (size_t i = 0; i < x->work->plan.encoder_count; i++)
        if (x->work->needed[x->dataset * x->work->plan.encoder_count + i])
            FAL_TRY(prepare_part(x, i, err));
    FAL_TRY(run_extract(x, err));
    FAL_TRY(record_parts(x, err));
done:
    return st;
}

/* The dataset's own trouble is that of every encoder. */
static void blame_all(const extraction *x, const fal_error *why)
{
    for (size_t i = 0; i < x->work->plan.encoder_count; i++)
        if (!place(x, i)->root)
            place(x, i)->why = *why;
}

static void extraction_free(extraction *x)
{
    for (size_t i = 0; x->parts && i < x->work->plan.encoder_count; i++) {
        fal_free(x->parts[i].source);
        fal_free(x->parts[i].name);
        fal_free(x->parts[i].folder);
        fal_buf_free(&x->parts[i].step.inputs);
    }
    fal_free(x->parts);
    fal_free(x->out);
    fal_free(x->list);
    fal_study_clips_free(&x->clips);
}

fal_status fal_study_extract(fal_study_work *work, size_t dataset, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error why = {0};
    extraction x = {.work = work, .dataset = dataset, .d = &work->plan.datasets[dataset]};
    if (work->extracted[dataset])
        return FAL_OK;
    work->extracted[dataset] = true;
    FAL_ALLOC(x.parts, fal_calloc(work->plan.encoder_count, sizeof *x.parts));
    fal_status ready = fal_study_dataset_ready(work, dataset, &why);
    if (ready == FAL_OK)
        ready = extract_all(&x, &why);
    if (fal_study_fatal(ready))
        FAL_FAIL(ready, "%s", why.text);
    if (ready == FAL_ERR_NOT_FOUND)
        fal_steps_note_absent(work->steps);
    else if (ready != FAL_OK)
        fal_steps_note_failed(work->steps);
    if (ready != FAL_OK)
        blame_all(&x, &why);
done:
    extraction_free(&x);
    return st;
}
