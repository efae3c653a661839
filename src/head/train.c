/* Fitting a head and making its probabilities mean something. */
#include "core/alloc.h"
#include "head/head.h"

#include <string.h>

uint64_t fal_training_seed(const fal_head_training *training)
{
    return training->seed ? training->seed : 43;
}

static fal_fit_options fit_options(const fal_head_recipe *recipe, const fal_head_training *t)
{
    const int64_t batch = t->fast && recipe->fast.batch ? recipe->fast.batch : recipe->batch;
    const double rate = t->fast && recipe->fast.batch ? recipe->fast.learning_rate : recipe->learning_rate;
    return (fal_fit_options){
        .batch = t->batch > 0 ? t->batch : batch,
        .sum_loss = recipe->sum_loss,
        .keep_order = recipe->keep_order,
        .max_epochs = t->max_epochs > 0 ? t->max_epochs : recipe->max_epochs,
        .patience = t->patience > 0 ? t->patience : recipe->patience,
        .learning_rate = t->learning_rate > 0 ? t->learning_rate : rate,
        .plateau = recipe->plateau,
        .rules = recipe->rules,
        .seed = fal_training_seed(t),
        .threads = t->threads,
        .state = t->state,
        .progress = t->progress,
        .log = t->log,
    };
}

/* Scores of the clips that can be scored, with their lengths and labels. */
typedef struct scored {
    double *scores;
    int64_t *frames;
    uint8_t *labels;
    size_t count;
} scored;

static fal_status score_clip(const fal_head *head, fal_run *run, const fal_clip_features *clip, double *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    float *logits;
    const float *rows;
    fal_run_begin(run);
    FAL_ALLOC(logits, fal_run_floats(run, clip->frames));
    FAL_TRY(fal_step_rows(run, clip, head->shape.dim, 0, clip->frames, &rows, err));
    fal_head_pass pass = {.values = head->params.values,
                          .run = run,
                          .rows = rows,
                          .frames = clip->frames,
                          .frame_logits = logits,
                          .clip_logit = out};
    FAL_TRY(head->kind->score(head->config.bytes, &pass, err));
done:
    return st;
}

static fal_status score_set(const fal_head *head, int threads, const fal_feature_set *set, scored *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = NULL;
    FAL_ALLOC(out->scores, fal_malloc_array(set->count, sizeof *out->scores));
    FAL_ALLOC(out->frames, fal_malloc_array(set->count, sizeof *out->frames));
    FAL_ALLOC(out->labels, fal_malloc_array(set->count, sizeof *out->labels));
    FAL_TRY(fal_run_create(&(fal_run_options){.threads = threads}, &run, err));
    for (size_t i = 0; i < set->count; i++) {
        const fal_clip_features *clip = &set->clips[i];
        if (clip->label < 0 || clip->frames < 1 || head->kind->trainable.samples(head->config.bytes, clip->frames) < 1)
            continue;
        FAL_TRY(score_clip(head, run, clip, &out->scores[out->count], err));
        out->frames[out->count] = clip->frames;
        out->labels[out->count++] = (uint8_t)clip->label;
    }
done:
    fal_run_free(&run);
    return st;
}

static fal_status calibrate(fal_head *head, const fal_head_training *t, const fal_feature_set *validation,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    scored s = {0};
    FAL_TRY(score_set(head, t->threads, validation, &s, err));
    const fal_labelled_scores clips = {s.scores, s.frames, s.labels, s.count};
    FAL_TRY(fal_calibrate(&clips, t->calibration, &head->about.calibration, err));
done:
    fal_free(s.scores);
    fal_free(s.frames);
    fal_free(s.labels);
    return st;
}

static fal_status summarise(const fal_head *head, char **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    if (!head->kind->summarise)
        return FAL_OK;
    head->kind->summarise(head->config.bytes, head->params.values, head->parts, &text);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    FAL_ALLOC(*out, fal_strdup(text.data));
done:
    fal_buf_free(&text);
    return st;
}

static fal_status copy_curve(const fal_fit_epoch *epochs, int count, fal_training_epoch **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_training_epoch *curve;
    FAL_ALLOC(curve, fal_malloc_array((size_t)count, sizeof *curve));
    for (int i = 0; i < count; i++) {
        const fal_fit_epoch *e = &epochs[i];
        curve[i] = (fal_training_epoch){e->train_loss, e->validation_loss, e->learning_rate, e->seconds, e->best};
    }
    *out = curve;
done:
    return st;
}

fal_status fal_head_fit(fal_head *head, const fal_head_training *training, const fal_feature_set *train,
                        const fal_feature_set *validation, fal_training_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_fit_report facts = {0};
    fal_training_report made = {0};
    fal_fit_epoch *epochs = NULL;
    fal_fit_options options = fit_options(&head->kind->recipe, training);
    options.config_size = head->kind->config_size;
    options.epochs = &epochs;
    fal_params_draw(&head->params, options.seed);
    FAL_TRY(
        fal_fit(&head->kind->trainable, head->config.bytes, train, validation, &options, &head->params, &facts, err));
    FAL_TRY(calibrate(head, training, validation, err));
    FAL_TRY(summarise(head, &made.summary, err));
    FAL_TRY(copy_curve(epochs, facts.epochs_run, &made.curve, err));
    made.curve_count = (size_t)facts.epochs_run;
    made.epochs_run = facts.epochs_run;
    made.best_epoch = facts.best_epoch;
    made.best_validation_loss = facts.best_validation_loss;
    made.train_loss = facts.train_loss;
    made.resumed_from = facts.resumed_from;
    made.train_clips = facts.train_clips;
    made.validation_clips = facts.validation_clips;
    made.skipped_clips = train->count + train->missing - facts.train_clips + validation->count + validation->missing -
                         facts.validation_clips;
    made.zero_rows = train->zero_rows + validation->zero_rows;
    made.calibration = head->about.calibration;
    *report = made;
    made = (fal_training_report){0};
done:
    fal_training_report_free(&made);
    fal_free(epochs);
    return st;
}

void fal_training_report_free(fal_training_report *report)
{
    if (report)
        fal_release(&report->curve), fal_release(&report->summary);
}
