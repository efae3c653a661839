#include "study/plan.h"

#include "core/alloc.h"
#include "core/str.h"
#include "study/plan_datasets.h"
#include "study/plan_tables.h"

#include <string.h>

#define FORMAT "falsetto-study-1"

/* ---- encoders and pairs ---- */

static fal_status read_stream(const fal_place_in_plan *at, fal_stream *out, fal_error *err)
{
    const char *text = NULL;
    fal_status st = fal_plan_need_text(at, "stream", &text, err);
    if (st != FAL_OK)
        return st;
    for (int s = FAL_STREAM_AUDIO; s <= FAL_STREAM_AV; s++)
        if (!strcmp(text, fal_stream_name((fal_stream)s))) {
            *out = (fal_stream)s;
            return FAL_OK;
        }
    return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: stream \"%s\" is none of audio, video, av", at->origin, at->name,
                    text);
}

static fal_status read_encoder(const fal_place_in_plan *at, fal_study_encoder *e, fal_error *err)
{
    static const char *const names[] = {"title", "modality", "model", "draw", "seed", "stream", "feature", NULL};
    static const char *const modalities[] = {NULL, "audio", "visual", "audio-visual"};
    fal_status st = FAL_OK;
    const char *draw = NULL;
    FAL_TRY(fal_plan_check_id(at, e->id, err));
    FAL_TRY(fal_plan_known(at, names, err));
    e->title = e->id;
    e->seed = 1;
    FAL_TRY(fal_plan_text(at, "title", &e->title, err));
    FAL_TRY(fal_plan_text(at, "model", &e->model, err));
    FAL_TRY(fal_plan_text(at, "draw", &draw, err));
    FAL_TRY(fal_plan_int(at, "seed", 0, INT64_MAX - 1, &e->seed, err));
    FAL_TRY(fal_plan_text(at, "feature", &e->feature, err));
    FAL_TRY(read_stream(at, &e->stream, err));
    e->modality = modalities[e->stream];
    FAL_TRY(fal_plan_text(at, "modality", &e->modality, err));
    if (!e->model == !draw)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s needs either \"model\" or \"draw\"", at->origin, at->name);
    e->drawn = draw != NULL;
    e->model = draw ? draw : e->model;
done:
    return st;
}

static fal_status find_encoder(const fal_study_plan *plan, const fal_place_in_plan *at, const char *key, size_t *out,
                               fal_error *err)
{
    const char *id = NULL;
    fal_status st = fal_plan_need_text(at, key, &id, err);
    for (size_t i = 0; st == FAL_OK && i < plan->encoder_count; i++)
        if (!strcmp(plan->encoders[i].id, id)) {
            *out = i;
            return FAL_OK;
        }
    return st != FAL_OK ? st
                        : fal_fail(err, FAL_ERR_FORMAT, "%s: %s: there is no encoder \"%s\"", at->origin, at->name, id);
}

static fal_status read_pair(const fal_place_in_plan *at, const fal_study_plan *plan, fal_study_pair *p, fal_error *err)
{
    static const char *const names[] = {"title", "visual", "audio", NULL};
    fal_status st = FAL_OK;
    FAL_TRY(fal_plan_check_id(at, p->id, err));
    FAL_TRY(fal_plan_known(at, names, err));
    p->title = p->id;
    FAL_TRY(fal_plan_text(at, "title", &p->title, err));
    FAL_TRY(find_encoder(plan, at, "visual", &p->visual, err));
    FAL_TRY(find_encoder(plan, at, "audio", &p->audio, err));
    for (size_t i = 0; i < plan->encoder_count; i++)
        if (!strcmp(plan->encoders[i].id, p->id))
            FAL_FAIL(FAL_ERR_FORMAT, "%s: %s is called like an encoder", at->origin, at->name);
done:
    return st;
}

/* ---- heads ---- */

static fal_status read_head(const fal_place_in_plan *at, fal_study_head *h, fal_error *err)
{
    static const char *const names[] = {"epochs", "patience", "batch", "learning_rate", "width", "layers",
                                        "heads",  "ffn",      "tau",   "pooling",       NULL};
    fal_status st = FAL_OK;
    if (!at->object)
        return FAL_OK;
    FAL_TRY(fal_plan_known(at, names, err));
    FAL_TRY(fal_plan_int(at, "epochs", 1, 100000, &h->epochs, err));
    FAL_TRY(fal_plan_int(at, "patience", 1, 100000, &h->patience, err));
    FAL_TRY(fal_plan_int(at, "batch", 1, 1 << 20, &h->batch, err));
    FAL_TRY(fal_plan_int(at, "width", 1, 1 << 14, &h->width, err));
    FAL_TRY(fal_plan_int(at, "layers", 1, 1 << 10, &h->layers, err));
    FAL_TRY(fal_plan_int(at, "heads", 1, 1 << 10, &h->heads, err));
    FAL_TRY(fal_plan_int(at, "ffn", 1, 1 << 16, &h->ffn, err));
    FAL_TRY(fal_plan_int(at, "tau", 1, 10000, &h->tau, err));
    FAL_TRY(fal_plan_real(at, "learning_rate", 1e-12, 1e3, &h->learning_rate, err));
    FAL_TRY(fal_plan_text(at, "pooling", &h->pooling, err));
done:
    return st;
}

static fal_status read_heads(const fal_place_in_plan *top, fal_study_plan *plan, fal_error *err)
{
    static const char *const names[] = {"probe", "ntp", "sync", NULL};
    fal_status st = FAL_OK;
    fal_place_in_plan at = {fal_json_get(top->object, "heads"), top->origin, "heads", top->arena};
    if (at.object)
        FAL_TRY(fal_plan_known(&at, names, err));
    for (size_t i = 0; i < FAL_STUDY_HEADS; i++) {
        const fal_place_in_plan one = {fal_json_get(at.object, names[i]), top->origin, names[i], top->arena};
        plan->heads[i].kind = names[i];
        FAL_TRY(read_head(&one, &plan->heads[i], err));
    }
done:
    return st;
}

/* ---- everything ---- */

static fal_status read_encoders(const fal_place_in_plan *top, fal_study_plan *plan, fal_error *err)
{
    fal_status st = FAL_OK;
    void *iter = NULL;
    fal_place_in_plan at = *top;
    const fal_json *list = fal_json_get(top->object, "encoders");
    FAL_ALLOC(plan->encoders, fal_arena_alloc(plan->arena, fal_json_count(list) + 1, sizeof *plan->encoders));
    while (fal_json_next(list, &iter, &at.name, &at.object)) {
        fal_study_encoder *e = &plan->encoders[plan->encoder_count];
        *e = (fal_study_encoder){0};
        FAL_ALLOC(e->id, fal_arena_strdup(plan->arena, at.name));
        FAL_TRY(read_encoder(&at, e, err));
        plan->encoder_count++;
    }
    if (!plan->encoder_count)
        FAL_FAIL(FAL_ERR_FORMAT, "%s names no encoders", top->origin);
done:
    return st;
}

static fal_status read_pairs(const fal_place_in_plan *top, fal_study_plan *plan, fal_error *err)
{
    fal_status st = FAL_OK;
    void *iter = NULL;
    fal_place_in_plan at = *top;
    const fal_json *list = fal_json_get(top->object, "pairs");
    FAL_ALLOC(plan->pairs, fal_arena_alloc(plan->arena, fal_json_count(list) + 1, sizeof *plan->pairs));
    while (fal_json_next(list, &iter, &at.name, &at.object)) {
        fal_study_pair *p = &plan->pairs[plan->pair_count];
        *p = (fal_study_pair){0};
        FAL_ALLOC(p->id, fal_arena_strdup(plan->arena, at.name));
        FAL_TRY(read_pair(&at, plan, p, err));
        plan->pair_count++;
    }
done:
    return st;
}

static fal_status read_seeds(const fal_place_in_plan *top, fal_study_plan *plan, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_json *list = fal_json_get(top->object, "seeds");
    size_t count = fal_json_count(list);
    FAL_ALLOC(plan->seeds, fal_arena_alloc(plan->arena, count + 1, sizeof *plan->seeds));
    plan->seeds[0] = 43; /* as official */
    plan->seed_count = count ? count : 1;
    for (size_t i = 0; i < count; i++) {
        plan->seeds[i] = fal_json_int(fal_json_at(list, i), 0);
        if (plan->seeds[i] < 1)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: seeds are whole numbers from 1", top->origin);
    }
done:
    return st;
}

static fal_status read_top(const fal_place_in_plan *top, const fal_study_folders *folders, fal_study_plan *plan,
                           fal_error *err)
{
    static const char *const names[] = {"format", "title", "store",  "seeds",   "datasets", "encoders",
                                        "pairs",  "heads", "tables", "comment", NULL};
    fal_status st = FAL_OK;
    const char *store = "f32";
    if (!fal_str_eq(fal_json_string(fal_json_get(top->object, "format"), NULL), FORMAT))
        FAL_FAIL(FAL_ERR_FORMAT, "%s is no study: it does not say \"format\": \"" FORMAT "\"", top->origin);
    FAL_TRY(fal_plan_known(top, names, err));
    FAL_TRY(fal_plan_text(top, "title", &plan->title, err));
    FAL_TRY(fal_plan_text(top, "store", &store, err));
    if (strcmp(store, "f16") && strcmp(store, "f32"))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: \"store\" is neither f32 nor f16", top->origin);
    plan->half_precision = !strcmp(store, "f16");
    FAL_TRY(read_seeds(top, plan, err));
    FAL_TRY(fal_study_read_datasets(top, folders, plan, err));
    FAL_TRY(read_encoders(top, plan, err));
    FAL_TRY(read_pairs(top, plan, err));
    FAL_TRY(read_heads(top, plan, err));
    FAL_TRY(fal_study_read_tables(top, plan, err));
done:
    return st;
}

fal_status fal_study_plan_read(const char *path, const fal_study_folders *folders, fal_study_plan *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *json = NULL;
    fal_study_plan plan = {0};
    FAL_TRY(fal_json_read(path, &json, err));
    FAL_ALLOC(plan.arena, fal_arena_create());
    FAL_ALLOC(plan.origin, fal_arena_strdup(plan.arena, path));
    plan.title = fal_path_base(plan.origin);
    const fal_place_in_plan top = {json, plan.origin, "the configuration", plan.arena};
    FAL_TRY(read_top(&top, folders, &plan, err));
    *out = plan;
    plan = (fal_study_plan){0};
done:
    fal_study_plan_free(&plan);
    fal_json_free(&json);
    return st;
}

void fal_study_plan_free(fal_study_plan *plan)
{
    fal_arena_free(&plan->arena);
    *plan = (fal_study_plan){0};
}

const char *fal_study_title(const fal_study_plan *plan, fal_study_subject subject)
{
    return subject.is_pair ? plan->pairs[subject.index].title : plan->encoders[subject.index].title;
}

const char *fal_study_id(const fal_study_plan *plan, fal_study_subject subject)
{
    return subject.is_pair ? plan->pairs[subject.index].id : plan->encoders[subject.index].id;
}
