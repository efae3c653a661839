/* Scores by what a column of a list says about the clips. */
#include "core/alloc.h"
#include "core/csv.h"
#include "eval/path_index.h"

#include <falsetto/scores.h>

#include <stdlib.h>
#include <string.h>

typedef struct list {
    fal_csv csv;
    const char **paths; /* [rows] */
    int path_column, column;
    fal_path_index index;
} list;

/* A clip of the score table and its cell. */
typedef struct member {
    const char *cell;
    double score;
    uint8_t label;
} member;

typedef struct storage {
    list list; /* holds the names */
    fal_group *groups;
} storage;

typedef struct breaking {
    const fal_score_table *table;
    const fal_evaluation_options *options;
    member *members; /* [count], sorted by cell, then in the table's order */
    size_t count;
    double *scores; /* scratch for one group: its clips, or its fakes with all reals */
    uint8_t *labels;
} breaking;

static void free_storage(storage *s)
{
    if (!s)
        return;
    fal_csv_free(&s->list.csv);
    fal_free(s->list.paths);
    fal_path_index_free(&s->list.index);
    fal_free(s->groups);
    fal_free(s);
}

static fal_status open_list(const char *path, const char *column, list *out, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_csv_read(path, &out->csv, err));
    out->path_column = fal_csv_column(&out->csv, "path");
    if (out->path_column < 0)
        out->path_column = fal_csv_column(&out->csv, "paths");
    out->column = fal_csv_column(&out->csv, column);
    if (out->path_column < 0 || out->column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column '%s'", path, out->column < 0 ? column : "path");
    FAL_ALLOC(out->paths, fal_malloc_array(out->csv.rows, sizeof *out->paths));
    for (size_t row = 0; row < out->csv.rows; row++)
        out->paths[row] = fal_csv_cell(&out->csv, row, out->path_column);
    FAL_TRY(fal_path_index_make(out->paths, out->csv.rows, &out->index, err));
    for (size_t row = 0; row < out->csv.rows; row++)
        if (fal_path_index_put(&out->index, row) != FAL_PATH_NONE)
            FAL_FAIL(FAL_ERR_FORMAT, "%s line %zu: %s is there twice", path, out->csv.lines[row], out->paths[row]);
done:
    return st;
}

static int by_cell(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int order = strcmp(x->cell, y->cell);
    return order ? order : (x->cell > y->cell) - (x->cell < y->cell);
}

static void gather(breaking *b, const list *l, fal_breakdown *out)
{
    const fal_score_table *t = b->table;
    for (size_t i = 0; i < t->count; i++) {
        size_t row = fal_path_index_find(&l->index, t->paths[i]);
        if (row == FAL_PATH_NONE)
            out->first_unlisted = out->unlisted++ ? out->first_unlisted : t->paths[i];
        else
            b->members[b->count++] = (member){fal_csv_cell(&l->csv, row, l->column), t->scores[i], t->labels[i]};
    }
    qsort(b->members, b->count, sizeof *b->members, by_cell);
}

static size_t add_reals(const breaking *b, size_t n)
{
    for (size_t i = 0; i < b->table->count; i++)
        if (!b->table->labels[i]) {
            b->scores[n] = b->table->scores[i];
            b->labels[n++] = 0;
        }
    return n;
}

static fal_status judge(const breaking *b, const member *members, size_t count, fal_group *g, fal_error *err)
{
    fal_error why;
    size_t n = count;
    *g = (fal_group){.name = members[0].cell};
    for (size_t i = 0; i < count; i++) {
        b->scores[i] = members[i].score;
        b->labels[i] = members[i].label;
        g->fakes += members[i].label;
    }
    g->reals = count - g->fakes;
    g->rule = !g->fakes ? FAL_GROUP_REALS_ONLY : g->reals ? FAL_GROUP_BY_ITSELF : FAL_GROUP_AGAINST_ALL_REALS;
    if (g->rule == FAL_GROUP_REALS_ONLY)
        return FAL_OK;
    if (g->rule == FAL_GROUP_AGAINST_ALL_REALS)
        n = add_reals(b, n);
    fal_status st = fal_evaluate_fully(b->scores, b->labels, n, b->options, &g->evaluation, &why);
    return st == FAL_OK ? st : fal_fail(err, st, "group '%s': %s", g->name, why.text);
}

static fal_status judge_groups(const breaking *b, storage *s, size_t *groups, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t end;
    for (size_t first = 0; first < b->count; first = end) {
        for (end = first; end < b->count && !strcmp(b->members[end].cell, b->members[first].cell); end++)
            ;
        ++*groups;
    }
    FAL_ALLOC(s->groups, fal_malloc_array(*groups, sizeof *s->groups));
    *groups = 0;
    for (size_t first = 0; first < b->count; first = end) {
        for (end = first; end < b->count && !strcmp(b->members[end].cell, b->members[first].cell); end++)
            ;
        FAL_TRY(judge(b, b->members + first, end - first, &s->groups[(*groups)++], err));
    }
done:
    return st;
}

fal_status fal_breakdown_make(const fal_score_table *table, const char *csv, const char *column,
                              const fal_evaluation_options *options, fal_breakdown *out, fal_error *err)
{
    fal_status st = FAL_OK;
    breaking b = {.table = table, .options = options};
    fal_breakdown made = {0};
    storage *s = NULL;
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_TRY(open_list(csv, column, &s->list, err));
    FAL_ALLOC(b.members, fal_malloc_array(table->count, sizeof *b.members));
    FAL_ALLOC(b.scores, fal_malloc_array(table->count, sizeof *b.scores));
    FAL_ALLOC(b.labels, fal_malloc(table->count));
    gather(&b, &s->list, &made);
    FAL_TRY(judge_groups(&b, s, &made.count, err));
    made.groups = s->groups;
    made.storage = s;
    s = NULL;
    *out = made;
done:
    fal_free(b.members);
    fal_free(b.scores);
    fal_free(b.labels);
    free_storage(s);
    return st;
}

void fal_breakdown_free(fal_breakdown *breakdown)
{
    if (!breakdown)
        return;
    free_storage(breakdown->storage);
    *breakdown = (fal_breakdown){0};
}
