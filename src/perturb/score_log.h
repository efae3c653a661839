/* Scores on disk, a row per judgement, so that a run stopped in any way goes on where it was (csv_log.h).
 *
 * Columns: path,label,perturbation,severity,score,p_fake,status,reason,detector. `status` is judged, cannot-judge or
 * failed; what failed is tried again, and the last row of a clip and cell counts. */
#ifndef FAL_PERTURB_SCORE_LOG_H
#define FAL_PERTURB_SCORE_LOG_H

#include "core/csv_log.h"
#include "perturb/grid.h"

typedef struct fal_score_log {
    fal_csv_log *rows;    /* NULL: none is kept */
    const char *detector; /* borrowed */
} fal_score_log;

/* Takes the scores of `detector` into the grid and opens the file for appending; *reused counts them.
 * FAL_ERR_ARGUMENT when the file holds another detector's. */
fal_status fal_score_log_open(const char *path, const char *detector, fal_score_grid *grid, size_t *reused,
                              fal_score_log *out, fal_error *err);
/* One thread at a time. */
fal_status fal_score_log_add(const fal_score_log *log, const fal_score_grid *grid, size_t clip, size_t cell,
                             fal_error *err);
void fal_score_log_close(fal_score_log *log);

#endif
