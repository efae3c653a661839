#include <falsetto/files.h>
#include <falsetto/scores.h>

fal_status fal_scores_write(const char *path, const char *const *paths, const double *scores, const uint8_t *labels,
                            size_t count, fal_error *err)
{
    static const char *const columns[] = {"path", "score", "label"};
    fal_table *table = NULL;
    fal_status st = fal_table_create(&table, err);
    if (st != FAL_OK)
        return st;
    fal_table_header(table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        fal_table_text(table, paths[i]);
        fal_table_float(table, scores[i]);
        fal_table_float(table, labels[i]);
        fal_table_end_row(table);
    }
    st = fal_table_write(table, path, err);
    fal_table_free(&table);
    return st;
}
