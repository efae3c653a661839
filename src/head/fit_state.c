#include "head/fit_state.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "weights/safetensors_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_KEY "falsetto.training"

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const void *bytes, size_t count)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < count; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t hash_set(uint64_t h, const fal_feature_set *set)
{
    enum { SEEN = 32 }; /* bytes of a clip's first row */
    h = hash(h, &set->dim, sizeof set->dim);
    for (size_t i = 0; i < set->count; i++) {
        const fal_clip_features *clip = &set->clips[i];
        const size_t width = (size_t)set->dim * (clip->rows ? sizeof *clip->rows : sizeof *clip->half);
        h = hash(h, clip->path, strlen(clip->path) + 1);
        h = hash(h, &clip->label, sizeof clip->label);
        h = hash(h, &clip->frames, sizeof clip->frames);
        if (clip->frames > 0)
            h = hash(h, clip->rows ? (const void *)clip->rows : (const void *)clip->half, width < SEEN ? width : SEEN);
    }
    return h;
}

uint64_t fal_fit_fingerprint(const fal_trainable *kind, const void *config, const fal_feature_set *train,
                             const fal_feature_set *validation, const fal_params *params, const fal_fit_options *o)
{
    uint64_t h = hash(UINT64_C(14695981039346656037), params->values, params->count * sizeof *params->values);
    h = hash(h, kind->kind, strlen(kind->kind) + 1);
    h = hash(h, config, o->config_size);
    h = hash(h, &o->batch, sizeof o->batch);
    h = hash(h, &o->learning_rate, sizeof o->learning_rate);
    h = hash(h, &o->seed, sizeof o->seed);
    return hash_set(hash_set(h, train), validation);
}

fal_status fal_fit_state_init(fal_fit_state *state, const fal_params *params, double learning_rate, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_fit_state s = {.best_loss = INFINITY, .plateau_best = INFINITY};
    FAL_TRY(fal_adam_init(&s.adam, params->count, learning_rate, err));
    FAL_ALLOC(s.best, fal_malloc_array(params->count, sizeof *s.best));
    memcpy(s.best, params->values, params->count * sizeof *s.best);
    *state = s;
    s = (fal_fit_state){0};
done:
    fal_fit_state_free(&s);
    return st;
}

void fal_fit_state_free(fal_fit_state *state)
{
    fal_adam_free(&state->adam);
    fal_free(state->best);
    fal_free(state->curve);
    *state = (fal_fit_state){0};
}

fal_status fal_fit_state_add(fal_fit_state *s, const fal_fit_epoch *epoch, fal_error *err)
{
    fal_status st = FAL_OK;
    if (s->epochs == s->curve_capacity) {
        const int capacity = s->curve_capacity ? 2 * s->curve_capacity : 32;
        fal_fit_epoch *grown;
        FAL_ALLOC(grown,
                  fal_realloc(s->curve, (size_t)s->curve_capacity * sizeof *grown, (size_t)capacity * sizeof *grown));
        s->curve = grown;
        s->curve_capacity = capacity;
    }
    s->curve[s->epochs++] = *epoch;
done:
    return st;
}

/* ---- the file ---- */

static void put_curve(const fal_fit_state *s, fal_jw *w)
{
    fal_jw_key(w, "curve");
    fal_jw_array(w);
    for (int i = 0; i < s->epochs; i++) {
        const fal_fit_epoch *e = &s->curve[i];
        fal_jw_array(w);
        fal_jw_double(w, e->train_loss); /* null: not finite */
        fal_jw_double(w, e->validation_loss);
        fal_jw_double(w, e->learning_rate);
        fal_jw_double(w, e->seconds);
        fal_jw_bool(w, e->best);
        fal_jw_end_array(w);
    }
    fal_jw_end_array(w);
}

static void put_state(const fal_fit_state *s, fal_buf *out)
{
    char mark[24];
    fal_jw w = fal_jw_start(out, true);
    snprintf(mark, sizeof mark, "%016" PRIx64, s->fingerprint);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "run", mark);
    fal_jw_put_int(&w, "steps", s->adam.step);
    fal_jw_put_double(&w, "learning_rate", s->adam.learning_rate);
    fal_jw_put_double(&w, "best_loss", s->best_loss); /* null: infinite */
    fal_jw_put_int(&w, "best_epoch", s->best_epoch);
    fal_jw_put_int(&w, "wait", s->wait);
    fal_jw_put_double(&w, "plateau_best", s->plateau_best);
    fal_jw_put_int(&w, "plateau_wait", s->plateau_wait);
    fal_jw_put_double(&w, "train_loss", s->train_loss);
    fal_jw_put_bool(&w, "stopped", s->stopped);
    put_curve(s, &w);
    fal_jw_end_object(&w);
}

fal_status fal_fit_state_write(const char *path, const fal_fit_state *s, const fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    int64_t n = (int64_t)params->count;
    const fal_named_tensor tensors[] = {
        {"values", fal_tensor_f32(params->values, 1, &n)},
        {"best", fal_tensor_f32(s->best, 1, &n)},
        {"adam.m", fal_tensor_f32(s->adam.m, 1, &n)},
        {"adam.v", fal_tensor_f32(s->adam.v, 1, &n)},
    };
    put_state(s, &text);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    const fal_metadata note = {STATE_KEY, text.data};
    FAL_TRY(fal_safetensors_write(path, tensors, sizeof tensors / sizeof *tensors, FAL_F32, &note, 1, err));
done:
    fal_buf_free(&text);
    return st;
}

static fal_status check_run(const char *path, const fal_json *json, const fal_fit_state *s, fal_error *err)
{
    uint64_t mark = strtoull(fal_json_string(fal_json_get(json, "run"), "0"), NULL, 16);
    if (mark != s->fingerprint)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "%s is the state of another training run (other clips or features, head, rate, batch or seed): "
                        "delete it to start anew, or name another file",
                        path);
    return FAL_OK;
}

static fal_status take_curve(const fal_json *curve, fal_fit_state *s, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < fal_json_count(curve); i++) {
        const fal_json *e = fal_json_at(curve, i);
        const fal_fit_epoch epoch = {.epoch = s->epochs,
                                     .train_loss = fal_json_real(fal_json_at(e, 0), NAN),
                                     .validation_loss = fal_json_real(fal_json_at(e, 1), NAN),
                                     .learning_rate = fal_json_real(fal_json_at(e, 2), NAN),
                                     .seconds = fal_json_real(fal_json_at(e, 3), NAN),
                                     .best = fal_json_bool(fal_json_at(e, 4), false)};
        FAL_TRY(fal_fit_state_add(s, &epoch, err));
    }
done:
    return st;
}

/* A counter from 0 to `most`. */
static bool take_count(const fal_json *json, const char *key, int64_t most, int64_t *out)
{
    *out = fal_json_int(fal_json_get(json, key), -1);
    return *out >= 0 && *out <= most;
}

static fal_status take_state(const char *path, const fal_json *json, fal_fit_state *s, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t steps, best, wait, plateau_wait;
    FAL_TRY(take_curve(fal_json_get(json, "curve"), s, err));
    if (!take_count(json, "steps", INT64_C(1) << 53, &steps) || !take_count(json, "best_epoch", s->epochs, &best) ||
        !take_count(json, "wait", s->epochs, &wait) || !take_count(json, "plateau_wait", s->epochs, &plateau_wait))
        FAL_FAIL(FAL_ERR_FORMAT, "%s is damaged: its counters disagree with its %d epochs", path, s->epochs);
    s->adam.step = steps;
    s->best_epoch = (int)best;
    s->wait = (int)wait;
    s->plateau_wait = (int)plateau_wait;
    s->adam.learning_rate = fal_json_real(fal_json_get(json, "learning_rate"), s->adam.learning_rate);
    s->best_loss = fal_json_real(fal_json_get(json, "best_loss"), INFINITY);
    s->plateau_best = fal_json_real(fal_json_get(json, "plateau_best"), INFINITY);
    s->train_loss = fal_json_real(fal_json_get(json, "train_loss"), NAN);
    s->stopped = fal_json_bool(fal_json_get(json, "stopped"), false);
done:
    return st;
}

static fal_status take_array(const fal_checkpoint *ckpt, const char *name, size_t count, float *to, fal_error *err)
{
    const fal_named_tensor *t = fal_checkpoint_find(ckpt, name);
    if (!t || fal_tensor_count(&t->tensor) != (int64_t)count)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s is missing or does not hold %zu numbers",
                        fal_checkpoint_path(ckpt), name, count);
    fal_tensor_copy_f32(&t->tensor, to);
    return FAL_OK;
}

fal_status fal_fit_state_read(const char *path, fal_fit_state *s, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    fal_json *json = NULL;
    if (!fal_path_exists(path))
        return FAL_OK;
    FAL_TRY(fal_checkpoint_open(path, NULL, &ckpt, err));
    const char *text = fal_checkpoint_metadata(ckpt, STATE_KEY);
    if (!text)
        FAL_FAIL(FAL_ERR_FORMAT, "%s is not the state of a training run", path);
    FAL_TRY(fal_json_parse(text, strlen(text), path, &json, err));
    FAL_TRY(check_run(path, json, s, err));
    FAL_TRY(take_array(ckpt, "values", params->count, params->values, err));
    FAL_TRY(take_array(ckpt, "best", params->count, s->best, err));
    FAL_TRY(take_array(ckpt, "adam.m", params->count, s->adam.m, err));
    FAL_TRY(take_array(ckpt, "adam.v", params->count, s->adam.v, err));
    FAL_TRY(take_state(path, json, s, err));
done:
    fal_json_free(&json);
    fal_checkpoint_free(&ckpt);
    return st;
}
