#include "study/sheets.h"

#include "core/alloc.h"
#include "study/paper.h"
#include "study/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A sheet being filled. */
typedef struct builder {
    fal_study_work *work;
    const fal_study_table *table;
    const fal_json *paper; /* the published table, NULL: none */
    fal_arena *arena;
    const char **header;
    fal_sheet_cell *cells;
    fal_sheet sheet;
} builder;

static const fal_study_dataset *dataset(const builder *b, size_t index)
{
    return &b->work->plan.datasets[index];
}

/* ---- room and text ---- */

static fal_status make_room(builder *b, size_t rows, size_t columns, size_t header_rows, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(b->header, fal_arena_alloc(b->arena, columns * header_rows, sizeof *b->header));
    FAL_ALLOC(b->cells, fal_arena_alloc(b->arena, rows * columns, sizeof *b->cells));
    for (size_t i = 0; i < columns * header_rows; i++)
        b->header[i] = "";
    for (size_t i = 0; i < rows * columns; i++)
        b->cells[i] = (fal_sheet_cell){.own = NAN, .spread = NAN, .paper = NAN};
    b->sheet = (fal_sheet){.id = b->table->id,
                           .title = b->table->title,
                           .note = b->table->note,
                           .rows = rows,
                           .columns = columns,
                           .header_rows = header_rows,
                           .header = b->header,
                           .cells = b->cells,
                           .with_paper = b->paper != NULL,
                           .decimals = 1};
done:
    return st;
}

static fal_sheet_cell *cell(const builder *b, size_t row, size_t column)
{
    return &b->cells[row * b->sheet.columns + column];
}

static void head(const builder *b, size_t row, size_t column, const char *text)
{
    b->header[row * b->sheet.columns + column] = text;
}

static fal_status keep_text(const builder *b, const char *text, const char **out, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(*out, fal_arena_strdup(b->arena, text));
done:
    return st;
}

/* A result into its cell: the number, or why there is none. */
static fal_status settle(const builder *b, fal_status result, const fal_error *why, fal_sheet_cell *c, fal_error *err)
{
    if (fal_study_fatal(result))
        return fal_fail(err, result, "%s", why->text);
    return result == FAL_OK ? FAL_OK : keep_text(b, why->text, &c->why, err);
}

static fal_status put_auc(const builder *b, const fal_study_trial *trial, fal_sheet_cell *c, fal_error *err)
{
    fal_study_value value;
    fal_error why;
    fal_status result = fal_study_auc(b->work, trial, &value, &why);
    if (result == FAL_OK) {
        c->own = value.mean;
        c->spread = value.spread;
    }
    return settle(b, result, &why, c, err);
}

/* Mean of the row's own numbers in columns [first, first + count) that `take` lets through; NaN unless all are there.
 */
typedef bool take_column(const fal_study_column *column);
static double mean_of(const builder *b, size_t row, size_t first, take_column *take)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < b->table->column_count; i++)
        if (!take || take(&b->table->columns[i])) {
            sum += cell(b, row, first + i)->own;
            count++;
        }
    return count ? sum / (double)count : NAN;
}

static bool across(const fal_study_column *column)
{
    return column->train != column->test;
}

/* ---- Table 2: probes in and out of domain ---- */

enum { PROBES_FIRST = 2 };

/* With the paper's letters over its columns. */
static void probes_header(const builder *b)
{
    const fal_study_table *t = b->table;
    size_t train_row = b->paper != NULL, test_row = train_row + 1;
    head(b, train_row, 0, "train");
    head(b, test_row, 0, "test");
    head(b, test_row, 1, "modality");
    for (size_t i = 0; i < t->column_count; i++) {
        const char *train = dataset(b, t->columns[i].train)->id, *test = dataset(b, t->columns[i].test)->id;
        if (b->paper)
            head(b, 0, PROBES_FIRST + i, fal_paper_probe_letter(b->paper, train, test));
        head(b, train_row, PROBES_FIRST + i, train);
        head(b, test_row, PROBES_FIRST + i, test);
    }
    head(b, train_row, PROBES_FIRST + t->column_count, "mean");
    head(b, test_row, PROBES_FIRST + t->column_count, "out of domain");
}

static fal_status probes_row(const builder *b, size_t row, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_table *t = b->table;
    const fal_study_row *r = &t->rows[row];
    cell(b, row, 0)->text = r->title;
    cell(b, row, 1)->text = b->work->plan.encoders[r->subject.index].modality;
    for (size_t i = 0; i < t->column_count; i++) {
        const fal_study_column *c = &t->columns[i];
        const fal_study_trial trial = {FAL_STUDY_PROBE, r->subject, c->train, c->test, 0};
        fal_sheet_cell *to = cell(b, row, PROBES_FIRST + i);
        fal_paper_number paper = fal_paper_probe(b->paper, r->title, dataset(b, c->train)->id, dataset(b, c->test)->id);
        to->paper = paper.value;
        to->grey = paper.grey;
        FAL_TRY(put_auc(b, &trial, to, err));
    }
    fal_sheet_cell *mean = cell(b, row, PROBES_FIRST + t->column_count);
    mean->own = mean_of(b, row, PROBES_FIRST, across);
    mean->paper = fal_paper_probe_mean(b->paper, r->title);
done:
    return st;
}

static fal_status make_probes(builder *b, fal_sheet *sheets, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(make_room(b, b->table->row_count, PROBES_FIRST + b->table->column_count + 1, b->paper ? 3 : 2, err));
    probes_header(b);
    for (size_t r = 0; r < b->table->row_count; r++)
        FAL_TRY(probes_row(b, r, err));
    sheets[(*count)++] = b->sheet;
done:
    return st;
}

/* ---- Table 3: beside other methods ---- */

static bool is_own(const fal_study_table *t, const char *method)
{
    for (size_t i = 0; i < t->row_count; i++)
        if (!strcmp(t->rows[i].title, method))
            return true;
    return false;
}

static size_t count_others(const builder *b)
{
    size_t others = 0;
    const fal_json *rows = fal_json_get(b->paper, "rows");
    for (size_t i = 0; i < fal_json_count(rows); i++)
        others += !is_own(b->table, fal_json_string(fal_json_get(fal_json_at(rows, i), "method"), ""));
    return others;
}

static fal_status methods_header(const builder *b, fal_error *err)
{
    fal_status st = FAL_OK;
    char text[32];
    const char *all, *rest;
    const fal_study_table *t = b->table;
    size_t outside = 0;
    for (size_t i = 0; i < t->column_count; i++) {
        head(b, 0, 1 + i, dataset(b, t->columns[i].test)->id);
        outside += across(&t->columns[i]);
    }
    snprintf(text, sizeof text, "All%zu", t->column_count);
    FAL_TRY(keep_text(b, text, &all, err));
    snprintf(text, sizeof text, "Last%zu", outside);
    FAL_TRY(keep_text(b, text, &rest, err));
    head(b, 0, 0, "method");
    head(b, 0, 1 + t->column_count, all);
    head(b, 0, 2 + t->column_count, rest);
done:
    return st;
}

static void methods_paper(const builder *b, size_t row, const char *method)
{
    const fal_study_table *t = b->table;
    for (size_t i = 0; i < t->column_count; i++)
        cell(b, row, 1 + i)->paper = fal_paper_method(b->paper, method, dataset(b, t->columns[i].test)->id);
    cell(b, row, 1 + t->column_count)->paper = fal_paper_method_average(b->paper, method, "All4");
    cell(b, row, 2 + t->column_count)->paper = fal_paper_method_average(b->paper, method, "Last3");
}

static fal_status methods_row(const builder *b, size_t row, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_table *t = b->table;
    const fal_study_row *r = &t->rows[row];
    cell(b, row, 0)->text = r->title;
    for (size_t i = 0; i < t->column_count; i++) {
        const fal_study_trial trial = {FAL_STUDY_PROBE, r->subject, t->columns[i].train, t->columns[i].test, 0};
        FAL_TRY(put_auc(b, &trial, cell(b, row, 1 + i), err));
    }
    cell(b, row, 1 + t->column_count)->own = mean_of(b, row, 1, NULL);
    cell(b, row, 2 + t->column_count)->own = mean_of(b, row, 1, across);
    methods_paper(b, row, r->title);
done:
    return st;
}

/* Methods that only the paper has numbers of. */
static void other_methods(const builder *b)
{
    size_t row = b->table->row_count;
    const fal_json *rows = fal_json_get(b->paper, "rows");
    for (size_t i = 0; i < fal_json_count(rows); i++) {
        const char *method = fal_json_string(fal_json_get(fal_json_at(rows, i), "method"), "");
        if (is_own(b->table, method))
            continue;
        cell(b, row, 0)->text = method;
        methods_paper(b, row++, method);
    }
}

static fal_status make_methods(builder *b, fal_sheet *sheets, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(make_room(b, b->table->row_count + count_others(b), b->table->column_count + 3, 1, err));
    FAL_TRY(methods_header(b, err));
    for (size_t r = 0; r < b->table->row_count; r++)
        FAL_TRY(methods_row(b, r, err));
    other_methods(b);
    sheets[(*count)++] = b->sheet;
done:
    return st;
}

/* ---- Table 4: supervised, and learnt from real clips only ---- */

static const char *const hows[FAL_STUDY_HEADS] = {"supervised", "ntp", "sync"};

static fal_status anomalies_row(const builder *b, size_t row, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_table *t = b->table;
    const fal_study_row *r = &t->rows[row];
    cell(b, row, 0)->text = r->title;
    for (size_t i = 0; i < t->column_count; i++)
        for (size_t how = 0; how < FAL_STUDY_HEADS; how++) {
            const fal_study_column *c = &t->columns[i];
            size_t train = how == FAL_STUDY_PROBE ? c->train : c->real;
            const fal_study_trial trial = {how, r->subject, train, c->test, 0};
            fal_sheet_cell *to = cell(b, row, 1 + i * FAL_STUDY_HEADS + how);
            to->paper = fal_paper_anomaly(b->paper, r->title, dataset(b, c->test)->id, hows[how]);
            if (how != FAL_STUDY_SYNC || r->subject.is_pair) /* sync compares two */
                FAL_TRY(put_auc(b, &trial, to, err));
        }
done:
    return st;
}

static fal_status make_anomalies(builder *b, fal_sheet *sheets, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_table *t = b->table;
    FAL_TRY(make_room(b, t->row_count, 1 + FAL_STUDY_HEADS * t->column_count, 2, err));
    head(b, 0, 0, "test");
    for (size_t i = 0; i < t->column_count; i++)
        for (size_t how = 0; how < FAL_STUDY_HEADS; how++) {
            head(b, 0, 1 + i * FAL_STUDY_HEADS + how, dataset(b, t->columns[i].test)->id);
            head(b, 1, 1 + i * FAL_STUDY_HEADS + how, hows[how]);
        }
    for (size_t r = 0; r < t->row_count; r++)
        FAL_TRY(anomalies_row(b, r, err));
    sheets[(*count)++] = b->sheet;
done:
    return st;
}

/* ---- Figure 5: correlation, and what a second encoder adds ---- */

static void complements_header(const builder *b, const char *last)
{
    for (size_t i = 0; i < b->table->row_count; i++) {
        head(b, 0, 1 + i, b->table->rows[i].title);
        cell(b, i, 0)->text = b->table->rows[i].title;
    }
    if (last)
        head(b, 0, 1 + b->table->row_count, last);
}

static fal_status complements_cell(const builder *correlation, const builder *fusion, size_t row, size_t column,
                                   fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error why;
    fal_study_together both;
    const fal_study_table *t = correlation->table;
    const fal_study_row *a = &t->rows[row], *with = &t->rows[column];
    fal_sheet_cell *c = cell(correlation, row, 1 + column), *f = cell(fusion, row, 1 + column);
    c->paper = fal_paper_correlation(correlation->paper, a->title, with->title);
    f->paper = fal_paper_improvement(fusion->paper, a->title, with->title);
    fal_status result = fal_study_pair_up(correlation->work, &t->columns[0], a->subject, with->subject, &both, &why);
    FAL_TRY(settle(correlation, result, &why, c, err));
    f->why = c->why;
    if (result == FAL_OK) {
        c->own = both.correlation;
        f->own = both.improvement;
    }
done:
    return st;
}

static fal_status complements_row(const builder *correlation, const builder *fusion, size_t row, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_table *t = correlation->table;
    const fal_study_trial trial = {FAL_STUDY_PROBE, t->rows[row].subject, t->columns[0].train, t->columns[0].test, 0};
    fal_sheet_cell *alone = cell(fusion, row, 1 + t->row_count);
    for (size_t i = 0; i < t->row_count; i++)
        FAL_TRY(complements_cell(correlation, fusion, row, i, err));
    FAL_TRY(put_auc(fusion, &trial, alone, err));
    alone->paper = fal_paper_single(fusion->paper, t->rows[row].title);
done:
    return st;
}

static fal_status name_sheet(builder *b, const char *ending, const char *what, fal_error *err)
{
    fal_status st = FAL_OK;
    char text[512];
    snprintf(text, sizeof text, "%s-%s", b->table->id, ending);
    FAL_TRY(keep_text(b, text, &b->sheet.id, err));
    snprintf(text, sizeof text, "%s: %s", b->table->title, what);
    FAL_TRY(keep_text(b, text, &b->sheet.title, err));
done:
    return st;
}

static fal_status make_complements(builder *b, fal_sheet *sheets, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    builder correlation = *b, fusion = *b;
    size_t rows = b->table->row_count;
    FAL_TRY(make_room(&correlation, rows, 1 + rows, 1, err));
    FAL_TRY(make_room(&fusion, rows, 2 + rows, 1, err));
    FAL_TRY(name_sheet(&correlation, "correlation", "Pearson correlation of the scores in percent", err));
    FAL_TRY(name_sheet(&fusion, "fusion", "AUC gained by fusing the row with the column, percent of the row's", err));
    complements_header(&correlation, NULL);
    complements_header(&fusion, "AUC alone");
    correlation.sheet.matrix = (fal_sheet_matrix){rows, "Correlation of scores, %", false};
    fusion.sheet.matrix = (fal_sheet_matrix){rows, "Gain of AUC by fusion with, %", true};
    for (size_t r = 0; r < rows; r++)
        FAL_TRY(complements_row(&correlation, &fusion, r, err));
    sheets[(*count)++] = correlation.sheet;
    sheets[(*count)++] = fusion.sheet;
done:
    return st;
}

/* ---- the kinds ---- */

typedef fal_status sheet_maker(builder *b, fal_sheet *sheets, size_t *count, fal_error *err);
static sheet_maker *const makers[] = {
    [FAL_STUDY_PROBES] = make_probes,
    [FAL_STUDY_METHODS] = make_methods,
    [FAL_STUDY_ANOMALIES] = make_anomalies,
    [FAL_STUDY_COMPLEMENTS] = make_complements,
};

fal_status fal_study_make_sheets(fal_study_work *work, const fal_study_table *table, const fal_json *paper,
                                 fal_sheet *sheets, size_t *count, fal_error *err)
{
    builder b = {.work = work, .table = table, .arena = work->plan.arena};
    b.paper = table->paper ? fal_json_get(paper, table->paper) : NULL;
    if (table->paper && !b.paper)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: the paper has no \"%s\"", work->plan.origin, table->id,
                        table->paper);
    return makers[table->kind](&b, sheets, count, err);
}
