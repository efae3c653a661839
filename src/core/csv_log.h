/* A CSV that grows by a row at a time, so that a run stopped in any way goes on where it was. One writer at a time. */
#ifndef FAL_CORE_CSV_LOG_H
#define FAL_CORE_CSV_LOG_H

#include "core/csv.h"

typedef struct fal_csv_log fal_csv_log;

/* Reads the rows that are there into `known` (0 rows for a missing or empty file; the caller's to fal_csv_free) and
 * opens the file for appending; one that is not there is begun. `header` is the first line with its line end: a file
 * with another one is FAL_ERR_FORMAT, "PATH is no WHAT ...". What an interruption left of a last row is cut off. */
fal_status fal_csv_log_open(const char *path, const char *header, const char *what, fal_csv *known, fal_csv_log **out,
                            fal_error *err);
/* Appends one row, line end included; a row that ran out of memory is FAL_ERR_MEMORY. The row is with the system when
 * this returns. After a failure nothing more may be added. */
fal_status fal_csv_log_add(const fal_csv_log *log, const fal_buf *row, fal_error *err);
void fal_csv_log_close(fal_csv_log **log);

#endif
