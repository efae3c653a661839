/* Training heads and scoring test sets with them. */
#include "core/alloc.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/number.h"
#include "core/str.h"
#include "study/work.h"

#include <falsetto/train.h>

#include <string.h>

#define FAL_LOG_COMPONENT "study"

static const fal_study_head *head_of(const fal_study_work *work, const fal_study_trial *trial)
{
    return &work->plan.heads[trial->head];
}

/* ---- lists ---- */

/* Labels are written 0, 1, 0.0 or 1.0; others are the loader's to complain about, so they are kept. */
static bool is_real(const char *label)
{
    int value;
    return !fal_parse_label(label, &value) || value == 0;
}

static fal_status real_rows(const char *list, fal_buf *text, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv csv = {0};
    FAL_TRY(fal_csv_read(list, &csv, err));
    int path = fal_csv_column(&csv, "path"), label = fal_csv_column(&csv, "label");
    if (path < 0 || label < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no columns path and label", list);
    fal_buf_puts(text, "path,label\r\n");
    for (size_t row = 0; row < csv.rows; row++) {
        fal_buf line = {0};
        if (!is_real(fal_csv_cell(&csv, row, label)))
            continue;
        fal_csv_put(&line, fal_csv_cell(&csv, row, path));
        fal_csv_put(&line, fal_csv_cell(&csv, row, label));
        fal_buf_printf(text, "%s\r\n", line.data ? line.data : "");
        fal_buf_free(&line);
    }
    if (text->failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
done:
    fal_csv_free(&csv);
    return st;
}

/* The list that a head learns from: anomaly detectors get the real clips alone, in a list of their own. */
static fal_status list_for(const fal_study_work *work, const fal_study_trial *trial, fal_study_split split, char **out,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_dataset *d = &work->plan.datasets[trial->train];
    fal_buf text = {0};
    char *path = NULL;
    if (trial->head == FAL_STUDY_PROBE) {
        FAL_ALLOC(path, fal_strdup(d->lists[split]));
    } else {
        FAL_ALLOC(path, fal_study_path(work, "lists/%s-%s-real.csv", d->id, fal_split_names[split]));
        FAL_TRY(real_rows(d->lists[split], &text, err));
        FAL_TRY(fal_file_write(path, text.data, text.length, err));
    }
    *out = path;
    path = NULL;
done:
    fal_buf_free(&text);
    fal_free(path);
    return st;
}

/* ---- training ---- */

typedef struct teaching {
    const fal_study_work *work;
    const fal_study_trial *trial;
    const fal_study_features *features;
    char *train, *validation, *path, *state, *name;
    fal_step step;
} teaching;

static fal_status train_head(void *user, fal_error *err)
{
    const teaching *t = user;
    const fal_study_head *h = head_of(t->work, t->trial);
    const fal_study_options *o = t->work->options;
    fal_training_report report = {0};
    const bool pair = t->trial->subject.is_pair; /* else the features say which encoder made them */
    const fal_head_training training = {
        .kind = h->kind,
        .train = {t->train, t->features->root},
        .validation = {t->validation, t->features->root},
        .stream = pair ? (fal_stream)0 : t->work->plan.encoders[t->trial->subject.index].stream,
        .arrays = pair ? "visual+audio" : NULL,
        .pooling = h->pooling,
        .batch = h->batch,
        .max_epochs = (int)h->epochs,
        .patience = (int)h->patience,
        .learning_rate = h->learning_rate,
        .seed = (uint64_t)t->trial->seed,
        .width = (int)h->width,
        .layers = (int)h->layers,
        .heads = (int)h->heads,
        .ffn = (int)h->ffn,
        .tau = (int)h->tau,
        .threads = o->threads,
        .state = t->state,
        .encoder = pair ? fal_study_id(&t->work->plan, t->trial->subject) : NULL,
        .progress = o->progress,
        .log = o->log,
    };
    fal_status st = fal_head_train(&training, t->path, &report, err);
    if (st == FAL_OK)
        fal_log_info(o->log, "%s: best epoch %d of %d, validation loss %.5f", t->name, report.best_epoch,
                     report.epochs_run, report.best_validation_loss);
    fal_training_report_free(&report);
    return st;
}

static fal_status describe_training(teaching *t, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_head *h = head_of(t->work, t->trial);
    fal_step *s = &t->step;
    s->stage = FAL_STUDY_TRAIN;
    s->name = t->name;
    s->output = t->path;
    fal_step_text(s, "kind", h->kind);
    fal_step_text(s, "pooling", h->pooling);
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"epochs", h->epochs}, {"patience", h->patience}, {"batch", h->batch},
        {"width", h->width},   {"layers", h->layers},     {"heads", h->heads},
        {"ffn", h->ffn},       {"tau", h->tau},           {"seed", t->trial->seed},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        fal_step_int(s, numbers[i].name, numbers[i].value);
    fal_step_real(s, "learning rate", h->learning_rate);
    fal_step_text(s, "features", t->features->key);
    FAL_TRY(fal_step_file(s, "training list", t->train, err));
    FAL_TRY(fal_step_file(s, "validation list", t->validation, err));
done:
    return st;
}

fal_status fal_study_train(fal_study_work *work, const fal_study_trial *trial, char **path, fal_step_key key,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    teaching t = {.work = work, .trial = trial};
    const char *dataset = work->plan.datasets[trial->train].id, *subject = fal_study_id(&work->plan, trial->subject);
    const char *kind = head_of(work, trial)->kind;
    const long long seed = trial->seed;
    FAL_TRY(fal_study_features_of(work, trial->train, trial->subject, &t.features, err));
    FAL_TRY(list_for(work, trial, FAL_SPLIT_TRAIN, &t.train, err));
    FAL_TRY(list_for(work, trial, FAL_SPLIT_VAL, &t.validation, err));
    FAL_ALLOC(t.name, fal_asprintf("train/%s/%s/%s-%lld", dataset, subject, kind, seed));
    FAL_ALLOC(t.path, fal_study_path(work, "heads/%s/%s/%s-%lld.safetensors", dataset, subject, kind, seed));
    FAL_ALLOC(t.state, fal_asprintf("%s.state", t.path));
    FAL_TRY(describe_training(&t, err));
    FAL_TRY(fal_steps_run(work->steps, &t.step, train_head, &t, key, err));
    *path = t.path;
    t.path = NULL;
done:
    fal_buf_free(&t.step.inputs);
    fal_free(t.train);
    fal_free(t.validation);
    fal_free(t.path);
    fal_free(t.state);
    fal_free(t.name);
    return st;
}

/* ---- scoring ---- */

typedef struct scoring {
    const fal_study_work *work;
    const fal_study_trial *trial;
    const fal_study_features *features;
    char *head, *name, *path;
} scoring;

static fal_status score_set(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const scoring *s = user;
    const fal_log *log = s->work->options->log;
    const fal_feature_list list = {s->work->plan.datasets[s->trial->test].lists[FAL_SPLIT_TEST], s->features->root};
    const fal_study_subject subject = s->trial->subject;
    const fal_stream stream = subject.is_pair ? (fal_stream)0 : s->work->plan.encoders[subject.index].stream;
    fal_head *head = NULL;
    fal_scored_list scored = {0};
    FAL_TRY(fal_head_open(s->head, log, &head, err));
    FAL_TRY(fal_head_score_list(head, &list, stream, log, &scored, err));
    FAL_TRY(fal_scored_list_write(&scored, s->path, err));
    if (scored.missing || scored.empty)
        fal_log_warn(log, "%s: %zu clips without features and %zu without frames are left out", s->name, scored.missing,
                     scored.empty);
done:
    fal_scored_list_free(&scored);
    fal_head_free(&head);
    return st;
}

static fal_status run_scoring(fal_study_work *work, scoring *s, const fal_step_key head_key, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_step step = {.stage = FAL_STUDY_EVALUATE, .name = s->name, .output = s->path};
    fal_step_text(&step, "head", head_key);
    fal_step_text(&step, "features", s->features->key);
    FAL_TRY(fal_step_file(&step, "test list", work->plan.datasets[s->trial->test].lists[FAL_SPLIT_TEST], err));
    FAL_TRY(fal_steps_run(work->steps, &step, score_set, s, NULL, err));
done:
    fal_buf_free(&step.inputs);
    return st;
}

fal_status fal_study_scores(fal_study_work *work, const fal_study_trial *trial, char **path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_step_key head_key;
    scoring s = {.work = work, .trial = trial};
    const fal_study_dataset *d = work->plan.datasets;
    const char *subject = fal_study_id(&work->plan, trial->subject), *kind = head_of(work, trial)->kind;
    FAL_TRY(fal_study_features_of(work, trial->test, trial->subject, &s.features, err));
    FAL_TRY(fal_study_train(work, trial, &s.head, head_key, err));
    FAL_ALLOC(s.name, fal_asprintf("evaluate/%s-on-%s/%s/%s-%lld", d[trial->train].id, d[trial->test].id, subject, kind,
                                   (long long)trial->seed));
    FAL_ALLOC(s.path, fal_study_path(work, "scores/%s-on-%s/%s/%s-%lld.csv", d[trial->train].id, d[trial->test].id,
                                     subject, kind, (long long)trial->seed));
    FAL_TRY(run_scoring(work, &s, head_key, err));
    *path = s.path;
    s.path = NULL;
done:
    fal_free(s.head);
    fal_free(s.name);
    fal_free(s.path);
    return st;
}
