/* Tables of results with the published numbers beside them, as text, CSV, Markdown, LaTeX and HTML; matrices as
 * pictures too. */
#ifndef FAL_REPORT_TABLES_H
#define FAL_REPORT_TABLES_H

#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct fal_sheet_cell {
    const char *text; /* a name; NULL: the cell is a number */
    double own;       /* NaN: none, see `why` */
    double spread;    /* standard deviation behind `own`; NaN: none */
    double paper;     /* the published number; NaN: none */
    const char *why;  /* why there is no own number; NULL: none belongs here */
    bool grey;        /* printed in grey: not comparable with the rest of its column */
} fal_sheet_cell;

/* A sheet's first columns after the rows' names, drawn as a heat map. */
typedef struct fal_sheet_matrix {
    size_t columns;    /* 0: the sheet is no matrix */
    const char *title; /* short, above the map */
    bool diverging;    /* as fal_heat_map's */
} fal_sheet_matrix;

typedef struct fal_sheet {
    const char *id;           /* "table-2" */
    const char *title, *note; /* note: NULL for none */
    size_t rows, columns, header_rows;
    const char *const *header;   /* [header_rows, columns] */
    const fal_sheet_cell *cells; /* [rows, columns] */
    bool with_paper;             /* numbers come as "own (paper)" */
    int decimals;
    fal_sheet_matrix matrix;
} fal_sheet;

typedef enum fal_sheet_format {
    FAL_SHEET_TEXT,
    FAL_SHEET_CSV,
    FAL_SHEET_MARKDOWN,
    FAL_SHEET_LATEX,
    FAL_SHEET_HTML,
    FAL_SHEET_FORMATS
} fal_sheet_format;

/* Ending of the format's files: ".txt", ".csv", ".md", ".tex", ".html". */
const char *fal_sheet_ending(fal_sheet_format format);

/* Appends the sheet. Reasons for missing numbers become numbered footnotes, each once; in CSV a column of their own,
 * where numbers keep all their digits. What goes wrong is seen in out->failed. */
void fal_sheet_write(const fal_sheet *sheet, fal_sheet_format format, fal_buf *out);

/* Draws the matrix of a sheet that has one, and beside it, with_paper, the published one. path: .svg, .pdf or .png. */
fal_status fal_sheet_draw(const fal_sheet *sheet, const char *path, fal_error *err);

#endif
