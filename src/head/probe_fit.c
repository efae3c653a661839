#include "head/probe_fit.h"

#include "core/alloc.h"
#include "core/progress.h"
#include "core/rng.h"
#include "head/adam.h"

#include <math.h>
#include <string.h>

#define FAL_LOG_COMPONENT "train"

/* Everything one training run holds; weights are [dim] followed by the bias, as Adam sees them. */
typedef struct fit {
    const fal_feature_set *train, *validation;
    fal_probe_fit_options opt;
    fal_probe probe;      /* weight points into `weights` */
    float *weights, *gradient, *best;
    float *f;             /* scratch for the longest clip */
    size_t *order;
    fal_adam adam;
} fit;

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* dL/ds = 2 (sigmoid(2s) - y); ds/df_t = softmax(f)_t; df_t/dw = x_t, df_t/db = 1. */
double fal_probe_loss(const fal_probe *probe, const fal_clip_features *clip, float weight, float *f, float *gradient)
{
    fal_probe_logits(probe, clip->rows, clip->frames, f);
    double s = fal_log_sum_exp(f, clip->frames);
    if (gradient) {
        double ds = 2 * (fal_head_probability(&(fal_calibration){.slope = 2}, s, 1) - clip->label);
        for (int64_t t = 0; t < clip->frames; t++) {
            float df = (float)(weight * ds * exp(f[t] - s));
            const float *x = clip->rows + t * probe->dim;
            for (int64_t d = 0; d < probe->dim; d++)
                gradient[d] += df * x[d];
            gradient[probe->dim] += df;
        }
    }
    return softplus(clip->label ? -2 * s : 2 * s);
}

static fal_status check_set(const fal_feature_set *set, const char *what, fal_error *err)
{
    size_t usable = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->clips[i].label != 0 && set->clips[i].label != 1)
            return fal_fail(err, FAL_ERR_ARGUMENT, "%s: %s has no label, expected 0 (real) or 1 (fake)", what,
                            set->clips[i].path);
        usable += set->clips[i].frames > 0;
    }
    if (!usable)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: no clip with features (%zu listed, %zu without a file)", what,
                        set->count + set->missing, set->missing);
    return FAL_OK;
}

static int64_t longest(const fal_feature_set *set, int64_t least)
{
    for (size_t i = 0; i < set->count; i++)
        least = set->clips[i].frames > least ? set->clips[i].frames : least;
    return least;
}

static fal_status fit_init(fit *run, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t n = (size_t)run->train->dim + 1;
    FAL_ALLOC(run->weights, fal_calloc(n, sizeof *run->weights));
    FAL_ALLOC(run->gradient, fal_calloc(n, sizeof *run->gradient));
    FAL_ALLOC(run->best, fal_calloc(n, sizeof *run->best));
    FAL_ALLOC(run->f, fal_malloc_array((size_t)longest(run->validation, longest(run->train, 1)), sizeof *run->f));
    FAL_ALLOC(run->order, fal_malloc_array(run->train->count, sizeof *run->order));
    FAL_TRY(fal_adam_init(&run->adam, n, run->opt.learning_rate, err));
    if (run->opt.initial) {
        memcpy(run->weights, run->opt.initial, n * sizeof *run->weights);
    } else {
        float bound = (float)(1 / sqrt((double)run->train->dim));
        fal_rng_fill_uniform(run->opt.seed, fal_rng_stream("probe.initial"), 0, -bound, bound, run->weights, n);
    }
    run->probe = (fal_probe){.dim = run->train->dim, .weight = run->weights};
done:
    return st;
}

static void fit_free(fit *run)
{
    fal_free(run->weights);
    fal_free(run->gradient);
    fal_free(run->best);
    fal_free(run->f);
    fal_free(run->order);
    fal_adam_free(&run->adam);
}

static void make_order(fit *run, int epoch, fal_rng *rng)
{
    size_t n = run->train->count;
    for (size_t i = 0; i < n; i++)
        run->order[i] = run->opt.orders ? (size_t)run->opt.orders[(size_t)epoch * n + i] : i;
    if (!run->opt.orders)
        fal_rng_shuffle(rng, run->order, n);
}

/* One optimiser step over clips order[first .. first+size). A batch without frames makes no update at all. Returns the
 * summed loss of the clips used. */
static double train_step(fit *run, size_t first, size_t size, size_t *used)
{
    size_t n = 0, width = (size_t)run->probe.dim + 1;
    for (size_t i = 0; i < size; i++)
        n += run->train->clips[run->order[first + i]].frames > 0;
    if (!n)
        return 0;
    double loss = 0;
    memset(run->gradient, 0, width * sizeof *run->gradient);
    run->probe.bias = run->weights[run->probe.dim];
    for (size_t i = 0; i < size; i++) {
        const fal_clip_features *clip = &run->train->clips[run->order[first + i]];
        if (clip->frames > 0)
            loss += fal_probe_loss(&run->probe, clip, 1.0f / (float)n, run->f, run->gradient);
    }
    if (run->opt.step)
        run->opt.step(run->opt.hook_user, loss / (double)n, run->gradient, run->weights);
    fal_adam_update(&run->adam, run->gradient, run->weights);
    *used += n;
    return loss;
}

static double train_epoch(fit *run)
{
    double loss = 0;
    size_t used = 0, n = run->train->count, batch = (size_t)run->opt.batch_size;
    for (size_t first = 0; first < n; first += batch)
        loss += train_step(run, first, n - first < batch ? n - first : batch, &used);
    return loss / (double)used;
}

static double validation_loss(fit *run)
{
    double loss = 0;
    size_t used = 0;
    run->probe.bias = run->weights[run->probe.dim];
    for (size_t i = 0; i < run->validation->count; i++) {
        const fal_clip_features *clip = &run->validation->clips[i];
        if (clip->frames > 0) {
            loss += fal_probe_loss(&run->probe, clip, 1, run->f, NULL);
            used++;
        }
    }
    return loss / (double)used;
}

static bool cancelled(const fal_progress *progress)
{
    return progress && progress->cancel && *progress->cancel;
}

static fal_status run_epochs(fit *run, fal_probe_report *report, fal_error *err)
{
    fal_rng rng = fal_rng_make(run->opt.seed, fal_rng_stream("probe.order"));
    double best = INFINITY;
    int wait = 0;
    for (int epoch = 0; epoch < run->opt.max_epochs; epoch++) {
        if (cancelled(run->opt.progress))
            return fal_fail(err, FAL_ERR_CANCELLED, "training stopped in epoch %d", epoch);
        make_order(run, epoch, &rng);
        report->train_loss = train_epoch(run);
        /* Lightning compares float32 values: two losses that differ in double may tie. */
        double loss = (float)validation_loss(run);
        report->epochs_run = epoch + 1;
        if (run->opt.epoch)
            run->opt.epoch(run->opt.hook_user, loss, run->weights);
        if (loss < best || epoch == 0) {
            report->best_epoch = epoch;
            report->best_validation_loss = loss;
            memcpy(run->best, run->weights, ((size_t)run->probe.dim + 1) * sizeof *run->best);
        }
        wait = loss < best ? 0 : wait + 1;
        best = loss < best ? loss : best;
        fal_log_info(run->opt.log, "epoch %d: train loss %.5f, validation loss %.5f", epoch, report->train_loss, loss);
        fal_progress_report(run->opt.progress, "training", epoch + 1, run->opt.max_epochs);
        if (wait >= run->opt.patience || !isfinite(loss))
            break;
    }
    return FAL_OK;
}

static fal_probe_fit_options with_defaults(const fal_probe_fit_options *given)
{
    fal_probe_fit_options o = *given;
    o.batch_size = o.batch_size > 0 ? o.batch_size : 1;
    o.max_epochs = o.max_epochs > 0 ? o.max_epochs : 100;
    o.patience = o.patience > 0 ? o.patience : 10;
    o.learning_rate = o.learning_rate > 0 ? o.learning_rate : 1e-3;
    o.seed = o.seed ? o.seed : 43;
    return o;
}

fal_status fal_probe_fit(const fal_feature_set *train, const fal_feature_set *validation,
                         const fal_probe_fit_options *options, fal_probe *probe, fal_probe_report *report,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    fit run = {.train = train, .validation = validation, .opt = with_defaults(options)};
    fal_probe_report facts = {.train_clips = train->count - train->empty,
                              .validation_clips = validation->count - validation->empty,
                              .skipped_clips = train->empty + train->missing + validation->empty + validation->missing,
                              .zero_rows = train->zero_rows + validation->zero_rows};
    FAL_TRY(check_set(train, "training list", err));
    FAL_TRY(check_set(validation, "validation list", err));
    if (train->dim != validation->dim)
        FAL_FAIL(FAL_ERR_ARGUMENT, "training features have %lld channels, validation features %lld",
                 (long long)train->dim, (long long)validation->dim);
    FAL_TRY(fit_init(&run, err));
    FAL_TRY(run_epochs(&run, &facts, err));
    if (!isfinite(facts.best_validation_loss)) /* one bad epoch later is survived: the best weights are kept */
        FAL_FAIL(FAL_ERR_ARGUMENT, "the validation loss of the first epoch is not a number: the features are too large, "
                                   "or the learning rate %g is", run.opt.learning_rate);
    *probe = (fal_probe){.dim = train->dim, .weight = run.best, .bias = run.best[train->dim]};
    run.best = NULL;
    *report = facts;
done:
    fit_free(&run);
    return st;
}
