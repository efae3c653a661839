#include "perturb/grid.h"

#include "core/alloc.h"
#include "core/number.h"
#include "core/str.h"
#include "perturb/recipes.h"

/* ---- the list ---- */

static fal_status read_label(const fal_score_grid *grid, const char *csv, size_t row, int column, fal_error *err)
{
    const char *text = fal_csv_cell(&grid->csv, row, column);
    int label;
    if (!fal_parse_label(text, &label))
        return fal_fail(err, FAL_ERR_FORMAT, "%s:%zu: label '%s' of %s is neither 0 (real) nor 1 (fake)", csv,
                        grid->csv.lines[row], text, fal_grid_path(grid, row));
    grid->labels[row] = (uint8_t)label;
    return FAL_OK;
}

static fal_status read_list(const fal_robustness_options *options, fal_score_grid *grid, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_csv_read(options->csv, &grid->csv, err));
    int label = fal_csv_column(&grid->csv, "label");
    grid->path_column = fal_csv_column(&grid->csv, "path");
    grid->clips = grid->csv.rows;
    if (grid->path_column < 0 || label < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column '%s'", options->csv, label < 0 ? "label" : "path");
    if (!grid->clips)
        FAL_FAIL(FAL_ERR_FORMAT, "%s lists no clips", options->csv);
    FAL_ALLOC(grid->labels, fal_calloc(grid->clips, sizeof *grid->labels));
    for (size_t row = 0; row < grid->clips; row++)
        FAL_TRY(read_label(grid, options->csv, row, label, err));
    FAL_ALLOC(grid->root, options->root ? fal_strdup(options->root) : fal_path_dir(options->csv));
done:
    return st;
}

/* ---- the cells ---- */

static void add_cells(fal_score_grid *grid, size_t index)
{
    fal_perturbation p = fal_perturbation_at(index);
    for (size_t i = 0; i < p.severity_count; i++)
        grid->columns[grid->cells++] = (fal_grid_cell){p.name, p.unit, index, p.severities[i]};
}

static fal_status add_named(const char *name, fal_score_grid *grid, fal_error *err)
{
    size_t index;
    fal_status st = fal_perturbation_find(name, &index, err);
    if (st != FAL_OK)
        return st;
    fal_perturbation p = fal_perturbation_at(index);
    if (p.missing)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "perturbation '%s' wants the encoder %s, which this FFmpeg lacks",
                        name, p.missing);
    add_cells(grid, index);
    return FAL_OK;
}

static fal_status lay_out_cells(const fal_robustness_options *options, fal_score_grid *grid, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t rows = options->names ? options->name_count : fal_perturbation_count();
    FAL_ALLOC(grid->columns, fal_calloc(1 + rows * FAL_PERTURBATION_SEVERITIES, sizeof *grid->columns));
    grid->columns[grid->cells++] = (fal_grid_cell){.name = "clean", .unit = ""};
    for (size_t i = 0; i < rows; i++)
        if (options->names)
            FAL_TRY(add_named(options->names[i], grid, err));
        else if (!fal_perturbation_at(i).missing)
            add_cells(grid, i);
done:
    return st;
}

fal_status fal_score_grid_create(const fal_robustness_options *options, fal_score_grid *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_grid grid = {0};
    size_t count;
    FAL_TRY(read_list(options, &grid, err));
    FAL_TRY(lay_out_cells(options, &grid, err));
    if (!fal_mul_ok(grid.clips, grid.cells, &count))
        FAL_FAIL(FAL_ERR_MEMORY, "%s: too many clips", options->csv);
    FAL_ALLOC(grid.scores, fal_calloc(count, sizeof *grid.scores));
    *out = grid;
    grid = (fal_score_grid){0};
done:
    fal_score_grid_free(&grid);
    return st;
}

void fal_score_grid_free(fal_score_grid *grid)
{
    for (size_t i = 0; grid->scores && i < grid->clips * grid->cells; i++)
        fal_free(grid->scores[i].reason);
    fal_csv_free(&grid->csv);
    fal_free(grid->root);
    fal_free(grid->labels);
    fal_free(grid->columns);
    fal_free(grid->scores);
    *grid = (fal_score_grid){0};
}

const char *fal_grid_path(const fal_score_grid *grid, size_t clip)
{
    return fal_csv_cell(&grid->csv, clip, grid->path_column);
}

fal_grid_score *fal_grid_at(const fal_score_grid *grid, size_t clip, size_t cell)
{
    return &grid->scores[clip * grid->cells + cell];
}
