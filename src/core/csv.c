#include "core/csv.h"

#include "core/alloc.h"
#include "core/file.h"

#include <stdint.h>
#include <string.h>

enum { MAX_COLUMNS = 1024, MAX_FIELD_BYTES = 1 << 20 };
static const size_t max_rows = (size_t)1 << 31;
static const size_t max_file_bytes = (size_t)8 << 30;

/* An array that grows by doubling. */
typedef struct list {
    void *items;
    size_t count, capacity, size; /* size of one item */
} list;

static bool push(list *l, const void *item)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64, bytes;
        void *grown = fal_mul_ok(capacity, l->size, &bytes) ? fal_realloc(l->items, l->count * l->size, bytes) : NULL;
        if (!grown)
            return false;
        l->items = grown;
        l->capacity = capacity;
    }
    memcpy((char *)l->items + l->count++ * l->size, item, l->size);
    return true;
}

typedef struct parser {
    const char *at, *end;
    const char *origin;
    char *put;    /* where the next field goes; unescaped text is never longer than the file's */
    size_t line;
    list cells, lines;
    size_t columns; /* of the header row; 0 before it */
} parser;

static bool at_line_end(const parser *p)
{
    return p->at == p->end || *p->at == '\n' || (*p->at == '\r' && p->end - p->at > 1 && p->at[1] == '\n') ||
           (*p->at == '\r' && p->end - p->at == 1);
}

static void skip_line_end(parser *p)
{
    if (p->at < p->end && *p->at == '\r')
        p->at++;
    if (p->at < p->end && *p->at == '\n')
        p->at++;
    p->line++;
}

static fal_status take_quoted(parser *p, fal_error *err)
{
    size_t opened = p->line;
    for (p->at++; p->at < p->end; p->at++) {
        if (*p->at == '"' && !(p->end - p->at > 1 && p->at[1] == '"'))
            break;
        if (*p->at == '"')
            p->at++;
        else if (*p->at == '\n')
            p->line++;
        *p->put++ = *p->at;
    }
    if (p->at == p->end)
        return fal_fail(err, FAL_ERR_FORMAT, "%s:%zu: quoted field is never closed", p->origin, opened);
    p->at++;
    if (!at_line_end(p) && *p->at != ',')
        return fal_fail(err, FAL_ERR_FORMAT, "%s:%zu: text after the closing quote of a field", p->origin, p->line);
    return FAL_OK;
}

static fal_status take_field(parser *p, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *field = p->put;
    if (p->at < p->end && *p->at == '"')
        FAL_TRY(take_quoted(p, err));
    else
        while (!at_line_end(p) && *p->at != ',')
            *p->put++ = *p->at++;
    if (p->put - field > MAX_FIELD_BYTES)
        FAL_FAIL(FAL_ERR_FORMAT, "%s:%zu: field of %zu bytes, at most %d are read", p->origin, p->line,
                 (size_t)(p->put - field), MAX_FIELD_BYTES);
    *p->put++ = '\0';
    if (!push(&p->cells, &field))
        FAL_FAIL(FAL_ERR_MEMORY, "%s:%zu: out of memory", p->origin, p->line);
done:
    return st;
}

static fal_status take_row(parser *p, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t first = p->cells.count, start = p->line;
    for (;;) {
        FAL_TRY(take_field(p, err));
        if (at_line_end(p))
            break;
        p->at++; /* the comma */
    }
    skip_line_end(p);
    size_t fields = p->cells.count - first, expected = p->columns ? p->columns : fields;
    if (fields > MAX_COLUMNS)
        FAL_FAIL(FAL_ERR_FORMAT, "%s:%zu: %zu columns, at most %d are read", p->origin, start, fields, MAX_COLUMNS);
    if (fields != expected)
        FAL_FAIL(FAL_ERR_FORMAT, "%s:%zu: %zu fields, the header has %zu", p->origin, start, fields, expected);
    p->columns = expected;
    if (p->lines.count > max_rows)
        FAL_FAIL(FAL_ERR_FORMAT, "%s:%zu: more than 2^31 rows", p->origin, start);
    if (!push(&p->lines, &start))
        FAL_FAIL(FAL_ERR_MEMORY, "%s:%zu: out of memory", p->origin, start);
done:
    return st;
}

static fal_status check_header(const parser *p, fal_error *err)
{
    const char *const *header = p->cells.items;
    for (size_t i = 0; i < p->columns; i++)
        for (size_t k = 0; k < i; k++)
            if (header[i][0] && strcmp(header[i], header[k]) == 0)
                return fal_fail(err, FAL_ERR_FORMAT, "%s: two columns are named \"%s\"", p->origin, header[i]);
    return FAL_OK;
}

static fal_status take_rows(parser *p, fal_error *err)
{
    fal_status st = FAL_OK;
    while (p->at < p->end) {
        if (at_line_end(p)) { /* an empty line is no row */
            skip_line_end(p);
            continue;
        }
        FAL_TRY(take_row(p, err));
        if (p->lines.count == 1)
            FAL_TRY(check_header(p, err));
    }
    if (p->columns == 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: empty; a header row with column names is wanted", p->origin);
done:
    return st;
}

fal_status fal_csv_parse(const char *text, size_t length, const char *origin, fal_csv *out, fal_error *err)
{
    fal_status st = FAL_OK;
    char *storage = NULL;
    parser p = {.at = text, .end = text + length, .origin = origin, .line = 1,
                .cells = {.size = sizeof(const char *)}, .lines = {.size = sizeof(size_t)}};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p.at += 3;
    if (length && memchr(text, '\0', length))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: contains a zero byte, so it is no text", origin);
    FAL_ALLOC(storage, fal_malloc(length + 1));
    p.put = storage;
    FAL_TRY(take_rows(&p, err));
    *out = (fal_csv){.columns = p.columns, .rows = p.lines.count - 1, .storage = storage, .header = p.cells.items,
                     .cells = (const char **)p.cells.items + p.columns, .lines = (size_t *)p.lines.items + 1};
    storage = NULL;
    p.cells.items = p.lines.items = NULL;
done:
    fal_free(storage);
    fal_free(p.cells.items);
    fal_free(p.lines.items);
    return st;
}

fal_status fal_csv_read(const char *path, fal_csv *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    FAL_TRY(fal_file_read(path, max_file_bytes, &text, err));
    FAL_TRY(fal_csv_parse(text.data ? text.data : "", text.length, path, out, err));
done:
    fal_buf_free(&text);
    return st;
}

/* The rows follow the header in one block each of cells and lines. */
void fal_csv_free(fal_csv *table)
{
    fal_free(table->storage);
    fal_free(table->header);
    if (table->lines)
        fal_free(table->lines - 1);
    *table = (fal_csv){0};
}

int fal_csv_column(const fal_csv *table, const char *name)
{
    for (size_t i = 0; i < table->columns; i++)
        if (strcmp(table->header[i], name) == 0)
            return (int)i;
    return -1;
}

const char *fal_csv_cell(const fal_csv *table, size_t row, int column)
{
    return table->cells[row * table->columns + (size_t)column];
}

void fal_csv_put(fal_buf *line, const char *field)
{
    bool starts = line->length == 0 || line->data[line->length - 1] == '\n';
    if (!starts)
        fal_buf_puts(line, ",");
    /* An empty field alone would be an empty line, which is no row. */
    if (field[strcspn(field, ",\"\r\n")] == '\0' && (field[0] || !starts)) {
        fal_buf_puts(line, field);
        return;
    }
    fal_buf_puts(line, "\"");
    for (const char *c = field; *c; c++)
        fal_buf_append(line, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    fal_buf_puts(line, "\"");
}
