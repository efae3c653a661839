#include "audit/matches.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

typedef const char *name_of_entry(const fal_audit_entry *entry);

static const char *identity_of(const fal_audit_entry *entry)
{
    return entry->identity;
}

static const char *source_of(const fal_audit_entry *entry)
{
    return entry->source;
}

typedef struct named_row {
    const char *name;
    size_t list;
} named_row;

static int by_name_and_list(const void *a, const void *b)
{
    const named_row *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->list > y->list) - (x->list < y->list);
}

static size_t sorted_names(const fal_collection *c, name_of_entry *name_of, named_row *rows)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < c->entry_count; i++)
        if (name_of(&c->entries[i]))
            rows[count++] = (named_row){name_of(&c->entries[i]), c->entries[i].list};
    qsort(rows, count, sizeof *rows, by_name_and_list);
    for (size_t i = 0; i < count; i++)
        if (!kept || by_name_and_list(&rows[kept - 1], &rows[i]))
            rows[kept++] = rows[i];
    return kept;
}

/* The row of two lists in the triangle of all pairs of lists. */
static fal_audit_overlap *cell(fal_audit_overlap *table, size_t lists, size_t first, size_t second)
{
    return &table[first * lists + second];
}

static void count_shared(const named_row *rows, size_t count, size_t lists, fal_audit_overlap *table)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count && !strcmp(rows[i].name, rows[k].name); k++) {
            fal_audit_overlap *o = cell(table, lists, rows[i].list, rows[k].list);
            o->count++;
            o->example = o->example ? o->example : rows[i].name;
        }
}

static size_t move_shared(const fal_audit_overlap *table, size_t lists, const char *what, fal_audit_overlap *out)
{
    size_t count = 0;
    for (size_t i = 0; i < lists * lists; i++)
        if (table[i].count) {
            out[count] = table[i];
            out[count].what = what;
            out[count].first_list = i / lists;
            out[count++].second_list = i % lists;
        }
    return count;
}

fal_status fal_overlaps_find(const fal_collection *c, fal_audit_overlap **out, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    static const struct {
        const char *what;
        name_of_entry *name_of;
    } kinds[] = {{"identity", identity_of}, {"source", source_of}};
    named_row *rows = NULL;
    fal_audit_overlap *table = NULL, *found = NULL;
    size_t cells = c->list_count * c->list_count, found_count = 0;
    FAL_ALLOC(rows, fal_malloc_array(c->entry_count, sizeof *rows));
    FAL_ALLOC(table, fal_malloc_array(cells, sizeof *table));
    FAL_ALLOC(found, fal_calloc(2 * cells, sizeof *found));
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        memset(table, 0, cells * sizeof *table);
        count_shared(rows, sorted_names(c, kinds[k].name_of, rows), c->list_count, table);
        found_count += move_shared(table, c->list_count, kinds[k].what, found + found_count);
    }
    *out = found;
    *count = found_count;
    found = NULL;
done:
    fal_free(rows);
    fal_free(table);
    fal_free(found);
    return st;
}
