/* The matrix in a sheet as a heat map, the published one beside it. */
#include "core/alloc.h"
#include "report/tables.h"

#include <falsetto/plots.h>

typedef struct drawing {
    const fal_sheet *sheet;
    const char **rows, **columns; /* names */
    double *own, *paper;          /* [rows, matrix.columns] */
} drawing;

static fal_status make_room(drawing *d, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t rows = d->sheet->rows, columns = d->sheet->matrix.columns;
    FAL_ALLOC(d->rows, fal_malloc_array(rows, sizeof *d->rows));
    FAL_ALLOC(d->columns, fal_malloc_array(columns, sizeof *d->columns));
    FAL_ALLOC(d->own, fal_malloc_array(rows * columns, sizeof *d->own));
    FAL_ALLOC(d->paper, fal_malloc_array(rows * columns, sizeof *d->paper));
done:
    return st;
}

static void take_numbers(const drawing *d)
{
    const fal_sheet *s = d->sheet;
    for (size_t c = 0; c < s->matrix.columns; c++)
        d->columns[c] = s->header[(s->header_rows - 1) * s->columns + 1 + c];
    for (size_t r = 0; r < s->rows; r++) {
        const fal_sheet_cell *row = s->cells + r * s->columns;
        d->rows[r] = row[0].text;
        for (size_t c = 0; c < s->matrix.columns; c++) {
            d->own[r * s->matrix.columns + c] = row[1 + c].own;
            d->paper[r * s->matrix.columns + c] = row[1 + c].paper;
        }
    }
}

static fal_heat_map map_of(const drawing *d, const char *title, const double *values)
{
    const fal_sheet *s = d->sheet;
    return (fal_heat_map){.title = title,
                          .row_names = d->rows,
                          .column_names = d->columns,
                          .rows = s->rows,
                          .columns = s->matrix.columns,
                          .values = values,
                          .decimals = s->decimals,
                          .diverging = s->matrix.diverging};
}

fal_status fal_sheet_draw(const fal_sheet *sheet, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    drawing d = {.sheet = sheet};
    FAL_TRY(make_room(&d, err));
    take_numbers(&d);
    const fal_heat_map maps[] = {map_of(&d, sheet->matrix.title, d.own), map_of(&d, "The paper's", d.paper)};
    FAL_TRY(fal_plot_heat_maps(maps, sheet->with_paper ? 2 : 1, path, err));
done:
    fal_free(d.rows);
    fal_free(d.columns);
    fal_free(d.own);
    fal_free(d.paper);
    return st;
}
