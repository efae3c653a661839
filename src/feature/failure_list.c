#include "feature/failure_list.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <stdlib.h>
#include <string.h>

#define FAL_LOG_COMPONENT "extract"

static const char header[] = "path,encoder,reason\r\n";
enum { COLUMNS = 3 };

static int by_fields(const void *a, const void *b)
{
    const char *const *x = *(const char *const *const *)a, *const *y = *(const char *const *const *)b;
    int order = 0;
    for (int i = 0; i < COLUMNS && !order; i++)
        order = strcmp(x[i], y[i]);
    return order;
}

static bool is_list(const fal_csv *table)
{
    return table->columns == COLUMNS && fal_csv_column(table, "path") == 0 && fal_csv_column(table, "encoder") == 1 &&
           fal_csv_column(table, "reason") == 2;
}

static fal_status read_old(const char *path, const fal_log *log, fal_csv *old, fal_error *err)
{
    fal_error why = {0};
    fal_status st = fal_csv_read(path, old, &why);
    if (st == FAL_ERR_NOT_FOUND)
        return FAL_OK;
    if (st != FAL_OK && st != FAL_ERR_FORMAT)
        return fal_fail(err, st, "%s", why.text);
    if (st == FAL_ERR_FORMAT || !is_list(old)) {
        fal_log_warn(log, "%s is no list of failures and is replaced", path);
        fal_csv_free(old);
        *old = (fal_csv){0};
    }
    return FAL_OK;
}

/* Cells of the rows to write, sorted; *out is the caller's to fal_free. */
static fal_status choose_rows(const fal_csv *old, const fal_csv *mine, fal_tried_fn *tried, const void *user,
                              const char *const ***out, size_t *count_out, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = 0;
    const char *const **rows = NULL;
    FAL_ALLOC(rows, fal_malloc_array(old->rows + mine->rows + 1, sizeof *rows));
    for (size_t i = 0; i < old->rows; i++) {
        const char *const *cells = old->cells + i * COLUMNS;
        if (!tried(user, cells[0], cells[1]))
            rows[count++] = cells;
    }
    for (size_t i = 0; i < mine->rows; i++)
        rows[count++] = mine->cells + i * COLUMNS;
    qsort(rows, count, sizeof *rows, by_fields);
    *out = rows;
    *count_out = count;
done:
    return st;
}

static void put_row(fal_buf *text, const char *const *cells)
{
    fal_buf line = {0};
    for (int i = 0; i < COLUMNS; i++)
        fal_csv_put(&line, cells[i]);
    fal_buf_append(text, line.data, line.length);
    fal_buf_puts(text, "\r\n");
    text->failed |= line.failed;
    fal_buf_free(&line);
}

fal_status fal_failure_list_update(const char *path, const fal_buf *rows, fal_tried_fn *tried, const void *user,
                                   const fal_log *log, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv old = {0}, mine = {0};
    fal_buf text = {0};
    const char *const **chosen = NULL;
    size_t count = 0;
    fal_buf_puts(&text, header);
    fal_buf_append(&text, rows->data, rows->length);
    if (text.failed || rows->failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_csv_parse(text.data, text.length, path, &mine, err));
    FAL_TRY(read_old(path, log, &old, err));
    FAL_TRY(choose_rows(&old, &mine, tried, user, &chosen, &count, err));
    fal_buf_clear(&text);
    fal_buf_puts(&text, header);
    for (size_t i = 0; i < count; i++)
        put_row(&text, chosen[i]);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
done:
    fal_free(chosen);
    fal_buf_free(&text);
    fal_csv_free(&old);
    fal_csv_free(&mine);
    return st;
}
