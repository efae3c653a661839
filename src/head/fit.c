#include "head/fit.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/progress.h"
#include "core/rng.h"
#include "head/adam.h"
#include "head/fit_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FAL_LOG_COMPONENT "train"

typedef struct fit {
    const fal_trainable *kind;
    const void *config;
    const fal_feature_set *train, *validation;
    const fal_fit_options *opt;
    fal_params *params;
    fal_run *run;
    float *gradient;
    size_t *order;
    fal_samples *parts; /* of one batch */
    fal_fit_state s;    /* what a resumed run needs: optimiser, best numbers, counters */
} fit;

static int64_t samples_of(const fit *f, const fal_clip_features *clip)
{
    return clip->frames > 0 ? f->kind->samples(f->config, clip->frames) : 0;
}

/* ---- one step ---- */

static fal_status loss_of(fit *f, size_t parts, double scale, float *gradient, double *sum, fal_error *err)
{
    fal_step step = {.values = f->params->values,
                     .run = f->run,
                     .parts = f->parts,
                     .part_count = parts,
                     .scale = scale,
                     .gradient = gradient};
    fal_run_begin(f->run);
    return f->kind->loss(f->config, &step, sum, err);
}

static fal_status update(fit *f, size_t parts, int64_t samples, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    double share = f->opt->sum_loss ? 1 : 1 / (double)samples;
    memset(f->gradient, 0, f->params->count * sizeof *f->gradient);
    FAL_TRY(loss_of(f, parts, share, f->gradient, sum, err));
    if (f->opt->step)
        f->opt->step(f->opt->hook_user, *sum * share, f->gradient, f->params->values);
    fal_adam_update(&f->s.adam, f->gradient, f->params->values);
done:
    return st;
}

/* ---- one pass over a set ---- */

/* Walks the samples of a set in an order, handing out batches. */
typedef struct walk {
    const fal_feature_set *set;
    const size_t *order; /* NULL: as they are */
    size_t clip;
    int64_t sample;
} walk;

/* The next batch into f->parts; returns how many parts, 0 at the end. */
static size_t next_batch(const fit *f, walk *w, int64_t most, int64_t *samples)
{
    size_t parts = 0;
    *samples = 0;
    while (w->clip < w->set->count && *samples < most) {
        const fal_clip_features *clip = &w->set->clips[w->order ? w->order[w->clip] : w->clip];
        int64_t left = samples_of(f, clip) - w->sample, take = left < most - *samples ? left : most - *samples;
        if (take > 0) {
            f->parts[parts++] = (fal_samples){clip, w->sample, take};
            *samples += take;
            w->sample += take;
        }
        if (take >= left) {
            w->clip++;
            w->sample = 0;
        }
    }
    return parts;
}

/* Mini-batches count clips, missing ones too, when a sample is a clip: an epoch's batches are then those of the list.
 */
static size_t next_clips(const fit *f, walk *w, int64_t most, int64_t *samples)
{
    size_t parts = 0, last = w->set->count - w->clip < (size_t)most ? w->set->count : w->clip + (size_t)most;
    for (*samples = 0; w->clip < last; w->clip++) {
        const fal_clip_features *clip = &w->set->clips[w->order ? w->order[w->clip] : w->clip];
        if (samples_of(f, clip) > 0)
            f->parts[parts++] = (fal_samples){clip, 0, 1};
    }
    *samples = (int64_t)parts;
    return parts;
}

/* "training: epoch 3, loss 0.3512, validation 0.3611": the loss of the epoch so far, and of the last validation. */
static void report_progress(const fit *f, size_t clips_done, double loss)
{
    char what[96], validation[48] = "";
    const fal_progress *progress = f->opt->progress;
    const double share = (double)clips_done / (double)(f->train->count + f->validation->count);
    if (!progress || !progress->report)
        return;
    if (f->s.epochs)
        snprintf(validation, sizeof validation, ", validation %.4f", f->s.curve[f->s.epochs - 1].validation_loss);
    snprintf(what, sizeof what, "training: epoch %d, loss %.4f%s", f->s.epochs, loss, validation);
    fal_progress_report(progress, what, f->s.epochs + share, f->opt->max_epochs);
}

static fal_status say_cancelled(const fit *f, fal_error *err)
{
    return fal_fail(err, FAL_ERR_CANCELLED, "training stopped in epoch %d%s", f->s.epochs,
                    f->opt->state ? "; the same command goes on from its start" : "");
}

static fal_status train_epoch(fit *f, double *mean, fal_error *err)
{
    fal_status st = FAL_OK;
    walk w = {.set = f->train, .order = f->order};
    double total = 0, sum = 0;
    int64_t used = 0, samples;
    while (w.clip < f->train->count) {
        if (fal_progress_cancelled(f->opt->progress)) {
            st = say_cancelled(f, err);
            goto done;
        }
        size_t parts = f->opt->keep_order ? next_batch(f, &w, f->opt->batch, &samples)
                                          : next_clips(f, &w, f->opt->batch, &samples);
        if (!parts)
            continue;
        FAL_TRY(update(f, parts, samples, &sum, err));
        total += sum;
        used += samples;
        report_progress(f, w.clip, total / (double)used);
    }
    *mean = total / (double)used;
done:
    return st;
}

static fal_status validation_loss(fit *f, double *mean, fal_error *err)
{
    fal_status st = FAL_OK;
    walk w = {.set = f->validation};
    double total = 0, sum = 0;
    int64_t used = 0, samples;
    size_t parts;
    while ((parts = next_batch(f, &w, f->opt->batch, &samples))) {
        FAL_TRY(loss_of(f, parts, 1, NULL, &sum, err));
        total += sum;
        used += samples;
    }
    *mean = total / (double)used;
    if (f->opt->rules == FAL_FIT_LIGHTNING) /* compares float32: two losses that differ in double may tie */
        *mean = (float)*mean;
done:
    return st;
}

/* ---- the schedule ---- */

static void follow_plateau(fit *f, double loss)
{
    const fal_plateau *p = &f->opt->plateau;
    if (p->factor <= 0)
        return;
    if (loss < f->s.plateau_best * (1 - p->threshold)) {
        f->s.plateau_best = loss;
        f->s.plateau_wait = 0;
    } else if (++f->s.plateau_wait > p->patience) {
        double rate = f->s.adam.learning_rate * p->factor;
        if (f->s.adam.learning_rate - rate > p->least_change)
            f->s.adam.learning_rate = rate;
        f->s.plateau_wait = 0;
    }
}

/* Keeps the epoch if it is the best; true when training should stop. */
static bool judge_epoch(fit *f, fal_fit_epoch *epoch)
{
    bool finite = isfinite(epoch->validation_loss);
    double loss = finite ? epoch->validation_loss : INFINITY;
    epoch->best = epoch->epoch == 0 || loss < f->s.best_loss;
    if (epoch->best) {
        f->s.best_epoch = epoch->epoch;
        memcpy(f->s.best, f->params->values, f->params->count * sizeof *f->s.best);
    }
    f->s.wait = loss < f->s.best_loss ? 0 : f->s.wait + 1;
    f->s.best_loss = fmin(f->s.best_loss, loss);
    follow_plateau(f, loss);
    return f->s.wait >= f->opt->patience || (!finite && f->opt->rules == FAL_FIT_LIGHTNING);
}

static void make_order(fit *f, int epoch)
{
    size_t n = f->train->count;
    for (size_t i = 0; i < n; i++)
        f->order[i] = f->opt->orders ? (size_t)f->opt->orders[(size_t)epoch * n + i] : i;
    if (!f->opt->orders && !f->opt->keep_order) { /* every epoch its own stream: a resumed run shuffles alike */
        fal_rng rng = fal_rng_make(f->opt->seed, fal_rng_stream("train.order") + (uint64_t)epoch);
        fal_rng_shuffle(&rng, f->order, n);
    }
}

static fal_status run_epoch(fit *f, int number, bool *stop, fal_error *err)
{
    fal_status st = FAL_OK;
    double start = fal_now_s();
    fal_fit_epoch epoch = {.epoch = number, .learning_rate = f->s.adam.learning_rate};
    make_order(f, number);
    FAL_TRY(train_epoch(f, &epoch.train_loss, err));
    FAL_TRY(validation_loss(f, &epoch.validation_loss, err));
    epoch.seconds = fal_now_s() - start;
    *stop = judge_epoch(f, &epoch);
    f->s.train_loss = epoch.train_loss;
    FAL_TRY(fal_fit_state_add(&f->s, &epoch, err));
    f->s.stopped = *stop;
    if (f->opt->epoch)
        f->opt->epoch(f->opt->hook_user, &epoch, f->params->values);
    if (f->opt->state)
        FAL_TRY(fal_fit_state_write(f->opt->state, &f->s, f->params, err));
    fal_log_info(f->opt->log, "epoch %d: train loss %.5f, validation loss %.5f%s", number, epoch.train_loss,
                 epoch.validation_loss, epoch.best ? ", best so far" : "");
    report_progress(f, 0, epoch.train_loss);
done:
    return st;
}

static fal_status run_epochs(fit *f, fal_error *err)
{
    fal_status st = FAL_OK;
    bool stop = f->s.stopped;
    while (f->s.epochs < f->opt->max_epochs && !stop)
        FAL_TRY(run_epoch(f, f->s.epochs, &stop, err));
    if (!isfinite(f->s.best_loss))
        FAL_FAIL(FAL_ERR_ARGUMENT,
                 "the validation loss was not finite in any of %d epochs: the learning rate %g may be "
                 "too large, or the features hold huge values",
                 f->s.epochs, f->opt->learning_rate);
done:
    return st;
}

/* ---- the whole run ---- */

static fal_status check_set(const fit *f, const fal_feature_set *set, const char *what, size_t *usable, fal_error *err)
{
    *usable = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->clips[i].label != 0 && set->clips[i].label != 1)
            return fal_fail(err, FAL_ERR_ARGUMENT, "%s: %s has no label, expected 0 (real) or 1 (fake)", what,
                            set->clips[i].path);
        const bool fits = samples_of(f, &set->clips[i]) > 0;
        *usable += fits;
        if (!fits)
            fal_log_warn(f->opt->log, "%s: %s is too short with %lld frames and is left out", what, set->clips[i].path,
                         (long long)set->clips[i].frames);
    }
    if (!*usable)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: no clip with features (%zu listed, %zu without a file)", what,
                        set->count + set->missing, set->missing);
    return FAL_OK;
}

static fal_status prepare(fit *f, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t clips = f->train->count > f->validation->count ? f->train->count : f->validation->count;
    fal_run_options run = {.threads = f->opt->threads, .cancel = f->opt->progress ? f->opt->progress->cancel : NULL};
    FAL_TRY(fal_run_create(&run, &f->run, err));
    FAL_ALLOC(f->gradient, fal_calloc(f->params->count, sizeof *f->gradient));
    FAL_ALLOC(f->order, fal_malloc_array(f->train->count, sizeof *f->order));
    FAL_ALLOC(f->parts, fal_malloc_array(clips, sizeof *f->parts));
    FAL_TRY(fal_fit_state_init(&f->s, f->params, f->opt->learning_rate, err));
    if (f->opt->state)
        f->s.fingerprint = fal_fit_fingerprint(f->kind, f->config, f->train, f->validation, f->params, f->opt);
    f->s.adam.threads = fal_run_threads(f->run);
    if (f->opt->state)
        FAL_TRY(fal_fit_state_read(f->opt->state, &f->s, f->params, err));
done:
    return st;
}

fal_status fal_fit(const fal_trainable *kind, const void *config, const fal_feature_set *train,
                   const fal_feature_set *validation, const fal_fit_options *options, fal_params *params,
                   fal_fit_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    fit f = {
        .kind = kind, .config = config, .train = train, .validation = validation, .opt = options, .params = params};
    fal_fit_report facts = {0};
    FAL_TRY(check_set(&f, train, "training list", &facts.train_clips, err));
    FAL_TRY(check_set(&f, validation, "validation list", &facts.validation_clips, err));
    if (train->dim != validation->dim)
        FAL_FAIL(FAL_ERR_ARGUMENT, "training features have %lld channels, validation features %lld",
                 (long long)train->dim, (long long)validation->dim);
    FAL_TRY(prepare(&f, err));
    facts.resumed_from = f.s.epochs;
    FAL_TRY(run_epochs(&f, err));
    memcpy(params->values, f.s.best, params->count * sizeof *params->values);
    facts.epochs_run = f.s.epochs;
    facts.best_epoch = f.s.best_epoch;
    facts.best_validation_loss = f.s.best_loss;
    facts.train_loss = f.s.train_loss;
    if (options->epochs) {
        *options->epochs = f.s.curve;
        f.s.curve = NULL;
    }
    *report = facts;
done:
    fal_fit_state_free(&f.s);
    fal_run_free(&f.run);
    fal_free(f.gradient);
    fal_free(f.order);
    fal_free(f.parts);
    return st;
}
