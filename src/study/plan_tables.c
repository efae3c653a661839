#include "study/plan_tables.h"

#include "study/plan_datasets.h"

#include <string.h>

/* ---- rows: an encoder or a pair by name, or {"use": name, "title": as the paper writes it} ---- */

static fal_status find_subject(const fal_study_plan *plan, const fal_place_in_plan *at, const char *id,
                               fal_study_subject *out, fal_error *err)
{
    for (size_t i = 0; i < plan->encoder_count; i++)
        if (!strcmp(plan->encoders[i].id, id)) {
            *out = (fal_study_subject){false, i};
            return FAL_OK;
        }
    for (size_t i = 0; i < plan->pair_count; i++)
        if (!strcmp(plan->pairs[i].id, id)) {
            *out = (fal_study_subject){true, i};
            return FAL_OK;
        }
    return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: there is no encoder or pair \"%s\"", at->origin, at->name, id);
}

static fal_status read_row(const fal_place_in_plan *table, const fal_json *value, const fal_study_plan *plan,
                           bool pairs_too, fal_study_row *row, fal_error *err)
{
    static const char *const names[] = {"use", "title", NULL};
    fal_status st = FAL_OK;
    const fal_place_in_plan at = {value, table->origin, table->name, table->arena};
    const char *id = fal_json_string(value, NULL);
    *row = (fal_study_row){0};
    if (!id) {
        FAL_TRY(fal_plan_known(&at, names, err));
        FAL_TRY(fal_plan_need_text(&at, "use", &id, err));
        FAL_TRY(fal_plan_text(&at, "title", &row->title, err));
    }
    FAL_TRY(find_subject(plan, &at, id, &row->subject, err));
    if (row->subject.is_pair && !pairs_too)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s: \"%s\" is a pair, and its rows are single encoders", at.origin, at.name, id);
    row->title = row->title ? row->title : fal_study_title(plan, row->subject);
done:
    return st;
}

static fal_status read_rows(const fal_place_in_plan *at, const fal_study_plan *plan, fal_study_table *t, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_json *list = fal_json_get(at->object, "rows");
    size_t count = fal_json_count(list);
    if (fal_json_kind(list) != FAL_JSON_ARRAY || !count)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s has no list of \"rows\"", at->origin, at->name);
    FAL_ALLOC(t->rows, fal_arena_alloc(plan->arena, count, sizeof *t->rows));
    for (; t->row_count < count; t->row_count++)
        FAL_TRY(read_row(at, fal_json_at(list, t->row_count), plan, t->kind == FAL_STUDY_ANOMALIES,
                         &t->rows[t->row_count], err));
done:
    return st;
}

/* ---- columns: {"train": A, "test": B}, for anomalies also {"real": C} ---- */

static fal_status check_split(const fal_study_plan *plan, const fal_place_in_plan *at, size_t dataset,
                              fal_study_split split, fal_error *err)
{
    const fal_study_dataset *d = &plan->datasets[dataset];
    if (!d->lists[split])
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: dataset %s has no \"%s\" list", at->origin, at->name, d->id,
                        fal_split_names[split]);
    return FAL_OK;
}

static fal_status read_column(const fal_place_in_plan *table, const fal_json *value, const fal_study_plan *plan,
                              fal_study_table_kind kind, fal_study_column *c, fal_error *err)
{
    static const char *const names[] = {"train", "test", "real", NULL};
    fal_status st = FAL_OK;
    const fal_place_in_plan at = {value, table->origin, table->name, table->arena};
    const char *train = NULL, *test = NULL, *real = NULL;
    FAL_TRY(fal_plan_known(&at, names, err));
    FAL_TRY(fal_plan_need_text(&at, "train", &train, err));
    FAL_TRY(fal_plan_need_text(&at, "test", &test, err));
    FAL_TRY(fal_plan_text(&at, "real", &real, err));
    if (real && kind != FAL_STUDY_ANOMALIES)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s: only columns of anomaly detectors have \"real\"", at.origin, at.name);
    FAL_TRY(fal_study_find_dataset(plan, &at, train, &c->train, err));
    FAL_TRY(fal_study_find_dataset(plan, &at, test, &c->test, err));
    FAL_TRY(fal_study_find_dataset(plan, &at, real ? real : train, &c->real, err));
    FAL_TRY(check_split(plan, &at, c->train, FAL_SPLIT_TRAIN, err));
    FAL_TRY(check_split(plan, &at, c->train, FAL_SPLIT_VAL, err));
    FAL_TRY(check_split(plan, &at, c->real, FAL_SPLIT_TRAIN, err));
    FAL_TRY(check_split(plan, &at, c->real, FAL_SPLIT_VAL, err));
    FAL_TRY(check_split(plan, &at, c->test, FAL_SPLIT_TEST, err));
done:
    return st;
}

static fal_status read_columns(const fal_place_in_plan *at, const fal_study_plan *plan, fal_study_table *t,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_json *list = fal_json_get(at->object, "columns");
    size_t count = fal_json_count(list);
    if (fal_json_kind(list) != FAL_JSON_ARRAY || !count)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s has no list of \"columns\"", at->origin, at->name);
    if (t->kind == FAL_STUDY_COMPLEMENTS && count != 1)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s takes one column", at->origin, at->name);
    FAL_ALLOC(t->columns, fal_arena_alloc(plan->arena, count, sizeof *t->columns));
    for (; t->column_count < count; t->column_count++)
        FAL_TRY(read_column(at, fal_json_at(list, t->column_count), plan, t->kind, &t->columns[t->column_count], err));
done:
    return st;
}

/* ---- tables ---- */

static fal_status read_kind(const fal_place_in_plan *at, fal_study_table_kind *out, fal_error *err)
{
    static const char *const kinds[] = {"probes", "methods", "anomalies", "complements"};
    const char *kind = NULL;
    fal_status st = fal_plan_need_text(at, "kind", &kind, err);
    for (size_t i = 0; st == FAL_OK && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i], kind)) {
            *out = (fal_study_table_kind)i;
            return FAL_OK;
        }
    return st != FAL_OK ? st
                        : fal_fail(err, FAL_ERR_FORMAT,
                                   "%s: %s: kind \"%s\" is none of probes, methods, anomalies, "
                                   "complements",
                                   at->origin, at->name, kind);
}

static fal_status read_table(const fal_place_in_plan *at, const fal_study_plan *plan, fal_study_table *t,
                             fal_error *err)
{
    static const char *const names[] = {"kind", "title", "note", "paper", "rows", "columns", NULL};
    fal_status st = FAL_OK;
    FAL_TRY(fal_plan_check_id(at, t->id, err));
    FAL_TRY(fal_plan_known(at, names, err));
    FAL_TRY(read_kind(at, &t->kind, err));
    t->title = t->id;
    FAL_TRY(fal_plan_text(at, "title", &t->title, err));
    FAL_TRY(fal_plan_text(at, "note", &t->note, err));
    FAL_TRY(fal_plan_text(at, "paper", &t->paper, err));
    FAL_TRY(read_rows(at, plan, t, err));
    FAL_TRY(read_columns(at, plan, t, err));
done:
    return st;
}

fal_status fal_study_read_tables(const fal_place_in_plan *top, fal_study_plan *plan, fal_error *err)
{
    fal_status st = FAL_OK;
    void *iter = NULL;
    fal_place_in_plan at = *top;
    const fal_json *list = fal_json_get(top->object, "tables");
    FAL_ALLOC(plan->tables, fal_arena_alloc(plan->arena, fal_json_count(list) + 1, sizeof *plan->tables));
    while (fal_json_next(list, &iter, &at.name, &at.object)) {
        fal_study_table *t = &plan->tables[plan->table_count];
        *t = (fal_study_table){0};
        FAL_ALLOC(t->id, fal_arena_strdup(plan->arena, at.name));
        FAL_TRY(read_table(&at, plan, t, err));
        plan->table_count++;
    }
    if (!plan->table_count)
        FAL_FAIL(FAL_ERR_FORMAT, "%s asks for no tables", top->origin);
done:
    return st;
}
