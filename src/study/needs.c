/* Which features the tables ask for: nothing else is extracted. */
#include "study/work.h"

static void mark(fal_study_work *work, size_t dataset, fal_study_subject subject)
{
    const fal_study_pair *pair = subject.is_pair ? &work->plan.pairs[subject.index] : NULL;
    bool *encoders = work->needed + dataset * work->plan.encoder_count;
    encoders[pair ? pair->visual : subject.index] = true;
    encoders[pair ? pair->audio : subject.index] = true;
}

static void mark_table(fal_study_work *work, const fal_study_table *table)
{
    for (size_t r = 0; r < table->row_count; r++)
        for (size_t c = 0; c < table->column_count; c++) {
            mark(work, table->columns[c].train, table->rows[r].subject);
            mark(work, table->columns[c].test, table->rows[r].subject);
            mark(work, table->columns[c].real, table->rows[r].subject);
        }
}

void fal_study_mark_needs(fal_study_work *work)
{
    for (size_t i = 0; i < work->plan.table_count; i++)
        mark_table(work, &work->plan.tables[i]);
}
