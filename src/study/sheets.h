/* The tables of a study: what is wanted is made on the way, see work.h. Inside src/study only. */
#ifndef FAL_STUDY_SHEETS_H
#define FAL_STUDY_SHEETS_H

#include "report/tables.h"
#include "study/work.h"

enum { FAL_SHEETS_OF_A_TABLE = 2 };

/* Makes the sheets of one table, one or two, in the plan's arena. paper: the published numbers. Only fatal errors are
 * errors; the rest stands in the cells. */
fal_status fal_study_make_sheets(fal_study_work *work, const fal_study_table *table, const fal_json *paper,
                                 fal_sheet *sheets, size_t *count, fal_error *err);

#endif
