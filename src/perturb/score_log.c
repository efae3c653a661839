#include "perturb/score_log.h"

#include "core/alloc.h"
#include "core/json.h"
#include "core/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "path,label,perturbation,severity,score,p_fake,status,reason,detector\r\n";
enum { PATH, LABEL, NAME, SEVERITY, SCORE, P_FAKE, STATUS, REASON, DETECTOR };

static const char *const statuses[] = {[FAL_SCORE_UNKNOWN] = "",
                                       [FAL_SCORE_JUDGED] = "judged",
                                       [FAL_SCORE_CANNOT_JUDGE] = "cannot-judge",
                                       [FAL_SCORE_FAILED] = "failed"};

/* ---- writing ---- */

static void put_number(fal_buf *line, bool known, double value)
{
    char text[32] = "";
    if (known)
        fal_format_double(text, value);
    fal_csv_put(line, text);
}

fal_status fal_score_log_add(const fal_score_log *log, const fal_score_grid *grid, size_t clip, size_t cell,
                             fal_error *err)
{
    fal_buf line = {0};
    const fal_grid_score *score = fal_grid_at(grid, clip, cell);
    bool judged = score->status == FAL_SCORE_JUDGED;
    fal_csv_put(&line, fal_grid_path(grid, clip));
    fal_csv_put(&line, grid->labels[clip] ? "1" : "0");
    fal_csv_put(&line, grid->columns[cell].name);
    put_number(&line, cell > 0, grid->columns[cell].severity);
    put_number(&line, judged, score->logit);
    put_number(&line, judged, score->p_fake);
    fal_csv_put(&line, statuses[score->status]);
    fal_csv_put(&line, score->reason ? score->reason : "");
    fal_csv_put(&line, log->detector);
    fal_buf_puts(&line, "\r\n");
    fal_status st = fal_csv_log_add(log->rows, &line, err);
    fal_buf_free(&line);
    return st;
}

/* ---- reading ---- */

typedef struct reading {
    fal_score_grid *grid;
    size_t *order; /* clips by path */
} reading;

static int by_path(const void *a, const void *b, void *grid)
{
    return strcmp(fal_grid_path(grid, *(const size_t *)a), fal_grid_path(grid, *(const size_t *)b));
}

/* The grid's row for a path, its number of clips when there is none. */
static size_t find_clip(const reading *r, const char *path)
{
    size_t low = 0, high = r->grid->clips;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(fal_grid_path(r->grid, r->order[middle]), path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < r->grid->clips && !strcmp(fal_grid_path(r->grid, r->order[low]), path);
    return found ? r->order[low] : r->grid->clips;
}

static size_t find_cell(const fal_score_grid *grid, const char *name, const char *severity)
{
    size_t cell = 0;
    double value = NAN;
    (void)fal_parse_real(severity, &value);
    while (cell < grid->cells &&
           (strcmp(grid->columns[cell].name, name) || (cell > 0 && value != grid->columns[cell].severity)))
        cell++;
    return cell;
}

static fal_score_status read_status(const char *text)
{
    for (int s = FAL_SCORE_JUDGED; s <= FAL_SCORE_FAILED; s++)
        if (!strcmp(statuses[s], text))
            return (fal_score_status)s;
    return FAL_SCORE_UNKNOWN;
}

/* Lines of other clips and cells are left alone. */
static fal_status take_line(const reading *r, const char *const *cells, fal_error *err)
{
    size_t clip = find_clip(r, cells[PATH]), cell = find_cell(r->grid, cells[NAME], cells[SEVERITY]);
    fal_score_status status = read_status(cells[STATUS]);
    double logit, p_fake;
    if (clip == r->grid->clips || cell == r->grid->cells)
        return FAL_OK;
    fal_grid_score *score = fal_grid_at(r->grid, clip, cell);
    fal_release(&score->reason);
    *score = (fal_grid_score){0};
    if (status == FAL_SCORE_JUDGED && fal_parse_real(cells[SCORE], &logit) && fal_parse_real(cells[P_FAKE], &p_fake))
        *score = (fal_grid_score){.status = status, .logit = logit, .p_fake = p_fake};
    if (status == FAL_SCORE_CANNOT_JUDGE) {
        score->reason = fal_strdup(cells[REASON]);
        if (!score->reason)
            return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", __func__);
        score->status = status;
    }
    return FAL_OK;
}

static fal_status take_table(const char *path, const char *detector, const fal_csv *table, fal_score_grid *grid,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    reading r = {.grid = grid};
    FAL_ALLOC(r.order, fal_malloc_array(grid->clips, sizeof *r.order));
    for (size_t i = 0; i < grid->clips; i++)
        r.order[i] = i;
    qsort_r(r.order, grid->clips, sizeof *r.order, by_path, grid);
    for (size_t row = 0; row < table->rows; row++) {
        const char *const *cells = table->cells + row * table->columns;
        if (strcmp(cells[DETECTOR], detector))
            FAL_FAIL(FAL_ERR_ARGUMENT,
                     "%s holds scores of another detector (%s; now %s): name another file, or remove it", path,
                     cells[DETECTOR], detector);
        FAL_TRY(take_line(&r, cells, err));
    }
done:
    fal_free(r.order);
    return st;
}

static size_t count_known(const fal_score_grid *grid)
{
    size_t count = 0;
    for (size_t i = 0; i < grid->clips * grid->cells; i++)
        count += grid->scores[i].status != FAL_SCORE_UNKNOWN;
    return count;
}

fal_status fal_score_log_open(const char *path, const char *detector, fal_score_grid *grid, size_t *reused,
                              fal_score_log *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_log log = {.detector = detector};
    fal_csv known = {0};
    FAL_TRY(fal_csv_log_open(path, header, "list of scores that this command wrote", &known, &log.rows, err));
    FAL_TRY(take_table(path, detector, &known, grid, err));
    *reused = count_known(grid);
    *out = log;
    log.rows = NULL;
done:
    fal_csv_free(&known);
    fal_score_log_close(&log);
    return st;
}

void fal_score_log_close(fal_score_log *log)
{
    fal_csv_log_close(&log->rows);
}
