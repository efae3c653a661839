/* Scores of every clip in every cell. */
#ifndef FAL_PERTURB_GRID_H
#define FAL_PERTURB_GRID_H

#include "core/csv.h"

#include <falsetto/perturb.h>

typedef enum fal_score_status {
    FAL_SCORE_UNKNOWN, /* not tried yet */
    FAL_SCORE_JUDGED,
    FAL_SCORE_CANNOT_JUDGE,
    FAL_SCORE_FAILED
} fal_score_status;

typedef struct fal_grid_score {
    fal_score_status status;
    double logit, p_fake; /* when judged */
    char *reason;         /* when not */
} fal_grid_score;

/* Cell 0 is the clip as it is. */
typedef struct fal_grid_cell {
    const char *name, *unit;
    size_t perturbation; /* row of the table; of no meaning for cell 0 */
    double severity;
} fal_grid_cell;

typedef struct fal_score_grid {
    fal_csv csv;
    int path_column;
    char *root;
    uint8_t *labels; /* [clips] */
    size_t clips, cells;
    fal_grid_cell *columns; /* [cells] */
    fal_grid_score *scores; /* [clips, cells] */
} fal_score_grid;

/* Reads the list and lays out the cells asked for. A label that is neither 0 nor 1 is FAL_ERR_FORMAT. */
fal_status fal_score_grid_create(const fal_robustness_options *options, fal_score_grid *out, fal_error *err);
void fal_score_grid_free(fal_score_grid *grid);

const char *fal_grid_path(const fal_score_grid *grid, size_t clip); /* as listed */
fal_grid_score *fal_grid_at(const fal_score_grid *grid, size_t clip, size_t cell);

/* AUC and shifts of one cell. */
fal_status fal_grid_summarise(const fal_score_grid *grid, size_t cell, fal_robustness_cell *out, fal_error *err);

#endif
