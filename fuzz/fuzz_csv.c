#include "invariant.h"

#include "core/csv.h"

#include <string.h>

static void write_row(fal_buf *text, const char *const *cells, size_t columns)
{
    for (size_t c = 0; c < columns; c++)
        fal_csv_put(text, cells[c]);
    fal_buf_puts(text, "\n");
}

/* A table that was read must come back the same after writing. */
static void check_round_trip(const fal_csv *table)
{
    fal_csv again = {0};
    fal_buf text = {0};
    write_row(&text, table->header, table->columns);
    for (size_t r = 0; r < table->rows; r++)
        write_row(&text, table->cells + r * table->columns, table->columns);
    fal_status st = text.failed ? FAL_ERR_MEMORY : fal_csv_parse(text.data, text.length, "again", &again, NULL);
    FAL_INVARIANT(st == FAL_OK || st == FAL_ERR_MEMORY);
    if (st == FAL_OK) {
        FAL_INVARIANT(again.columns == table->columns && again.rows == table->rows);
        for (size_t i = 0; i < table->rows * table->columns; i++)
            FAL_INVARIANT(strcmp(again.cells[i], table->cells[i]) == 0);
    }
    fal_csv_free(&again);
    fal_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_csv table = {0};
    fal_error err = {0};
    if (fal_csv_parse((const char *)data, size, "fuzz", &table, &err) != FAL_OK) {
        FAL_INVARIANT(table.storage == NULL && err.text[0] != '\0');
        return 0;
    }
    FAL_INVARIANT(table.columns >= 1);
    for (size_t r = 0; r < table.rows; r++)
        FAL_INVARIANT(table.lines[r] > (r ? table.lines[r - 1] : 1));
    for (size_t c = 0; c < table.columns; c++)
        FAL_INVARIANT(!table.header[c][0] || fal_csv_column(&table, table.header[c]) == (int)c);
    /* A first name that begins with a second byte-order mark loses it on the way. */
    if (strncmp(table.header[0], "\xef\xbb\xbf", 3) != 0)
        check_round_trip(&table);
    fal_csv_free(&table);
    return 0;
}
