/* CSV after RFC 4180: quoted fields, doubled quotes, embedded commas and newlines, CRLF or LF, optional UTF-8
 * byte-order mark; a header row names the columns. Rows with another number of fields than the header are an error that
 * names the line. At most 2^31 rows, 1024 columns, 1 MiB per field. */
#ifndef FAL_CORE_CSV_H
#define FAL_CORE_CSV_H

#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct fal_csv {
    size_t columns, rows;
    const char **header; /* [columns] */
    const char **cells;  /* [rows * columns], row-major, NUL-terminated, owned by the table */
    size_t *lines;       /* [rows]: line in the file where the row starts, from 1 */
    void *storage;
} fal_csv;

fal_status fal_csv_parse(const char *text, size_t length, const char *origin, fal_csv *out, fal_error *err);
fal_status fal_csv_read(const char *path, fal_csv *out, fal_error *err);
void fal_csv_free(fal_csv *table);

int fal_csv_column(const fal_csv *table, const char *name); /* index or -1; exact match */
const char *fal_csv_cell(const fal_csv *table, size_t row, int column);

/* Appends one field, quoted when it needs to be, with a comma before it unless it starts the line. */
void fal_csv_put(fal_buf *line, const char *field);

#endif
