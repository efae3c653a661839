#include "core/alloc.h"
#include "core/csv.h"
#include "core/number.h"
#include "eval/path_index.h"

#include <falsetto/scores.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a table's pointers point into. */
typedef struct storage {
    char *origin;
    fal_csv csv; /* when read from a file: holds the paths */
    char *text;  /* when made from memory: holds the paths */
    const char **paths;
    double *scores;
    uint8_t *labels;
    size_t *lines; /* of each clip in the file; only while reading */
    size_t count, unlabelled, not_numbers;
    const char *first_unlabelled, *first_not_number;
    size_t first_not_number_line;
} storage;

static void free_storage(storage *s)
{
    if (!s)
        return;
    fal_csv_free(&s->csv);
    fal_free(s->origin);
    fal_free(s->text);
    fal_free(s->paths);
    fal_free(s->scores);
    fal_free(s->labels);
    fal_free(s->lines);
    fal_free(s);
}

static fal_status make_storage(const char *origin, size_t rows, storage **out, fal_error *err)
{
    fal_status st = FAL_OK;
    storage *s = NULL;
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_ALLOC(s->origin, fal_strdup(origin));
    FAL_ALLOC(s->paths, fal_malloc_array(rows, sizeof *s->paths));
    FAL_ALLOC(s->scores, fal_malloc_array(rows, sizeof *s->scores));
    FAL_ALLOC(s->labels, fal_malloc_array(rows, sizeof *s->labels));
    FAL_ALLOC(s->lines, fal_malloc_array(rows, sizeof *s->lines));
    *out = s, s = NULL;
done:
    free_storage(s);
    return st;
}

/* label -1: none. line 0: not from a file. */
static void keep_row(storage *s, const char *path, double score, int label, size_t line)
{
    if (label < 0) {
        s->first_unlabelled = s->unlabelled++ ? s->first_unlabelled : path;
        return;
    }
    if (isnan(score) && s->not_numbers++ == 0) {
        s->first_not_number = path;
        s->first_not_number_line = line;
    }
    s->paths[s->count] = path;
    s->scores[s->count] = score;
    s->labels[s->count] = (uint8_t)label;
    s->lines[s->count++] = line;
}

/* " line 12", or nothing for what is not from a file. */
static const char *place(char out[32], size_t line)
{
    out[0] = '\0';
    if (line)
        snprintf(out, 32, " line %zu", line);
    return out;
}

static fal_status check_rows(storage *s, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_path_index index = {0};
    char here[32], there[32];
    if (s->not_numbers)
        FAL_FAIL(FAL_ERR_FORMAT, "%s%s: the score of %s is not a number (%zu such of %zu)", s->origin,
                 place(here, s->first_not_number_line), s->first_not_number, s->not_numbers, s->count);
    FAL_TRY(fal_path_index_make(s->paths, s->count, &index, err));
    for (size_t i = 0; i < s->count; i++) {
        size_t twin = fal_path_index_put(&index, i);
        if (twin != FAL_PATH_NONE)
            FAL_FAIL(FAL_ERR_FORMAT, "%s%s: %s is there twice (first%s)", s->origin, place(here, s->lines[i]),
                     s->paths[i], s->lines[i] ? place(there, s->lines[twin]) : "");
    }
    fal_release(&s->lines);
done:
    fal_path_index_free(&index);
    return st;
}

static fal_score_table as_table(storage *s)
{
    return (fal_score_table){.origin = s->origin,
                             .count = s->count,
                             .paths = s->paths,
                             .scores = s->scores,
                             .labels = s->labels,
                             .unlabelled = s->unlabelled,
                             .first_unlabelled = s->first_unlabelled,
                             .storage = s};
}

/* ---- from a file ---- */

static fal_status find_column(const fal_csv *csv, const char *origin, const char *one, const char *many, int *column,
                              fal_error *err)
{
    int found = fal_csv_column(csv, one);
    *column = found >= 0 ? found : fal_csv_column(csv, many);
    if (*column >= 0)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_FORMAT,
                    "%s has no column '%s'; a score file needs path, score and label (or paths, "
                    "scores and labels)",
                    origin, one);
}

static fal_status take_rows(storage *s, const int column[3], fal_error *err)
{
    for (size_t row = 0; row < s->csv.rows; row++) {
        const char *path = fal_csv_cell(&s->csv, row, column[0]), *score = fal_csv_cell(&s->csv, row, column[1]);
        const char *label = fal_csv_cell(&s->csv, row, column[2]);
        double value = NAN;
        int side = -1;
        if (label[0] && !fal_parse_label(label, &side))
            return fal_fail(err, FAL_ERR_FORMAT, "%s line %zu: label is '%s', expected 0 (real) or 1 (fake)", s->origin,
                            s->csv.lines[row], label);
        (void)fal_parse_real(score, &value);
        keep_row(s, path, value, side, s->csv.lines[row]);
    }
    return FAL_OK;
}

/* Takes the rows out of `csv` whatever the outcome. */
static fal_status from_csv(fal_csv *csv, const char *origin, fal_score_table *out, fal_error *err)
{
    fal_status st = FAL_OK;
    storage *s = NULL;
    int column[3];
    FAL_TRY(find_column(csv, origin, "path", "paths", &column[0], err));
    FAL_TRY(find_column(csv, origin, "score", "scores", &column[1], err));
    FAL_TRY(find_column(csv, origin, "label", "labels", &column[2], err));
    FAL_TRY(make_storage(origin, csv->rows, &s, err));
    s->csv = *csv;
    *csv = (fal_csv){0};
    FAL_TRY(take_rows(s, column, err));
    FAL_TRY(check_rows(s, err));
    *out = as_table(s);
    s = NULL;
done:
    fal_csv_free(csv);
    free_storage(s);
    return st;
}

fal_status fal_scores_read(const char *path, fal_score_table *out, fal_error *err)
{
    fal_csv csv = {0};
    fal_status st = fal_csv_read(path, &csv, err);
    return st == FAL_OK ? from_csv(&csv, path, out, err) : st;
}

fal_status fal_scores_parse(const char *text, size_t length, const char *origin, fal_score_table *out, fal_error *err)
{
    fal_csv csv = {0};
    fal_status st = fal_csv_parse(text, length, origin, &csv, err);
    return st == FAL_OK ? from_csv(&csv, origin, out, err) : st;
}

/* ---- from memory ---- */

static fal_status copy_paths(storage *s, const char *const *paths, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(paths[i]) + 1;
    FAL_ALLOC(s->text, fal_malloc(bytes));
    char *at = s->text;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(paths[i]) + 1;
        s->paths[i] = memcpy(at, paths[i], size);
        at += size;
    }
done:
    return st;
}

fal_status fal_scores_make(const char *origin, const char *const *paths, const double *scores, const int *labels,
                           size_t count, fal_score_table *out, fal_error *err)
{
    fal_status st = FAL_OK;
    storage *s = NULL;
    FAL_TRY(make_storage(origin, count, &s, err));
    FAL_TRY(copy_paths(s, paths, count, err));
    for (size_t i = 0; i < count; i++)
        keep_row(s, s->paths[i], scores[i], labels[i], 0);
    FAL_TRY(check_rows(s, err));
    *out = as_table(s);
    s = NULL;
done:
    free_storage(s);
    return st;
}

void fal_scores_free(fal_score_table *table)
{
    if (!table)
        return;
    free_storage(table->storage);
    *table = (fal_score_table){0};
}
