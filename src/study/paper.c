#include "study/paper.h"

#include "core/str.h"

#include <math.h>

#include "paper_tables.inc" /* generated: static const uint8_t paper_tables[] */

fal_status fal_paper_open(fal_json **out, fal_error *err)
{
    return fal_json_parse((const char *)paper_tables, sizeof paper_tables, "the published tables", out, err);
}

static const fal_json *find_row(const fal_json *table, const char *key, const char *name)
{
    const fal_json *rows = fal_json_get(table, "rows");
    for (size_t i = 0; i < fal_json_count(rows); i++)
        if (fal_str_eq(fal_json_string(fal_json_get(fal_json_at(rows, i), key), NULL), name))
            return fal_json_at(rows, i);
    return NULL;
}

static double number(const fal_json *value)
{
    return fal_json_real(value, NAN);
}

/* ---- Table 2 ---- */

static const fal_json *find_column(const fal_json *table, const char *train, const char *test, size_t *index)
{
    const fal_json *columns = fal_json_get(table, "columns");
    for (*index = 0; *index < fal_json_count(columns); ++*index) {
        const fal_json *c = fal_json_at(columns, *index);
        if (fal_str_eq(fal_json_string(fal_json_get(c, "train"), NULL), train) &&
            fal_str_eq(fal_json_string(fal_json_get(c, "test"), NULL), test))
            return c;
    }
    return NULL;
}

fal_paper_number fal_paper_probe(const fal_json *table, const char *model, const char *train, const char *test)
{
    size_t index;
    const fal_json *row = find_row(table, "model", model), *column = find_column(table, train, test, &index);
    const char *letter = fal_json_string(fal_json_get(column, "id"), "");
    const fal_json *greys = fal_json_get(row, "grey_columns");
    fal_paper_number n = {column ? number(fal_json_at(fal_json_get(row, "auc"), index)) : NAN, false};
    for (size_t i = 0; i < fal_json_count(greys); i++)
        n.grey |= fal_str_eq(fal_json_string(fal_json_at(greys, i), NULL), letter);
    return n;
}

double fal_paper_probe_mean(const fal_json *table, const char *model)
{
    return number(fal_json_get(find_row(table, "model", model), "mean_ood"));
}

const char *fal_paper_probe_letter(const fal_json *table, const char *train, const char *test)
{
    size_t index;
    return fal_json_string(fal_json_get(find_column(table, train, test, &index), "id"), "");
}

/* ---- Tables 3 and 4 ---- */

double fal_paper_method(const fal_json *table, const char *method, const char *test)
{
    return number(fal_json_get(fal_json_get(find_row(table, "method", method), "auc"), test));
}

double fal_paper_method_average(const fal_json *table, const char *method, const char *average)
{
    return number(fal_json_get(fal_json_get(find_row(table, "method", method), "average"), average));
}

double fal_paper_anomaly(const fal_json *table, const char *model, const char *test, const char *how)
{
    return number(fal_json_get(fal_json_get(find_row(table, "model", model), test), how));
}

/* ---- Figure 5 ---- */

/* Place of a model in the figure; one past the last for others, which no array has. */
static size_t model_index(const fal_json *figure, const char *model)
{
    const fal_json *models = fal_json_get(figure, "models");
    size_t i = 0;
    while (i < fal_json_count(models) && !fal_str_eq(fal_json_string(fal_json_at(models, i), NULL), model))
        i++;
    return i;
}

static double matrix_at(const fal_json *figure, const char *matrix, const char *a, const char *b)
{
    const fal_json *row = fal_json_at(fal_json_get(figure, matrix), model_index(figure, a));
    return number(fal_json_at(row, model_index(figure, b)));
}

double fal_paper_correlation(const fal_json *figure, const char *a, const char *b)
{
    return matrix_at(figure, "correlation_percent", a, b);
}

double fal_paper_improvement(const fal_json *figure, const char *alone, const char *with)
{
    return matrix_at(figure, "relative_improvement_percent", alone, with);
}

double fal_paper_single(const fal_json *figure, const char *model)
{
    return number(fal_json_at(fal_json_get(figure, "auc"), model_index(figure, model)));
}
