#include "audit/collection.h"

#include "core/alloc.h"
#include "core/number.h"
#include "core/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const identity_columns[] = {"identity", "speaker", "person", "subject", NULL};
static const char *const source_columns[] = {"source", "original", "video_id", "recording", NULL};

/* ---- columns ---- */

typedef struct list_columns {
    int path, label, identity, source; /* -1: none */
} list_columns;

static fal_status find_column(const fal_csv *table, const char *csv, const char *wanted, const char *const *usual,
                              int *out, fal_error *err)
{
    *out = wanted ? fal_csv_column(table, wanted) : -1;
    if (wanted && *out < 0)
        return fal_fail(err, FAL_ERR_FORMAT, "%s has no column '%s'", csv, wanted);
    for (size_t i = 0; !wanted && *out < 0 && usual[i]; i++)
        *out = fal_csv_column(table, usual[i]);
    return FAL_OK;
}

static fal_status find_columns(const fal_csv *table, const char *csv, const fal_audit_options *options,
                               list_columns *out, fal_error *err)
{
    fal_status st = FAL_OK;
    out->path = fal_csv_column(table, "path");
    out->label = fal_csv_column(table, "label");
    if (out->path < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column 'path'", csv);
    FAL_TRY(find_column(table, csv, options->identity_column, identity_columns, &out->identity, err));
    FAL_TRY(find_column(table, csv, options->source_column, source_columns, &out->source, err));
done:
    return st;
}

/* ---- one row ---- */

static bool looks_like_identity(const char *part, const char *pattern)
{
    return pattern ? fal_str_glob(pattern, part) : fal_str_starts(part, "id") && isdigit((unsigned char)part[2]);
}

/* The first part of the path that matches, NULL when there is none (or no memory: then it is simply not known). */
static char *identity_in_path(const char *path, const char *pattern)
{
    while (*path) {
        size_t length = strcspn(path, "/");
        char *part = fal_strndup(path, length);
        if (part && looks_like_identity(part, pattern))
            return part;
        fal_free(part);
        path += length + (path[length] == '/');
    }
    return NULL;
}

static const char *cell_or_null(const fal_csv *table, size_t row, int column)
{
    const char *text = column < 0 ? "" : fal_csv_cell(table, row, column);
    return *text ? text : NULL;
}

static void read_entry(const fal_csv *table, size_t row, const list_columns *columns, const char *pattern,
                       fal_audit_entry *out)
{
    out->path = fal_csv_cell(table, row, columns->path);
    if (columns->label < 0 || !fal_parse_label(fal_csv_cell(table, row, columns->label), &out->label))
        out->label = -1;
    out->identity = cell_or_null(table, row, columns->identity);
    out->source = cell_or_null(table, row, columns->source);
    if (columns->identity < 0)
        out->identity = out->own_identity = identity_in_path(out->path, pattern);
}

/* ---- files ---- */

static void look_at_file(fal_audit_file *file)
{
    struct stat info;
    file->bytes = file->modified_ns = -1;
    if (stat(file->path, &info) != 0)
        return;
    file->bytes = (int64_t)info.st_size;
    file->modified_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
}

typedef struct named_entry {
    char *path;
    size_t entry;
} named_entry;

static int by_path(const void *a, const void *b)
{
    const named_entry *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

/* Rows that name the same path share one file. Files take their paths out of `names`. */
static void share_files(fal_collection *c, named_entry *names)
{
    qsort(names, c->entry_count, sizeof *names, by_path);
    for (size_t i = 0; i < c->entry_count; i++) {
        if (!i || strcmp(names[i].path, c->files[c->file_count - 1].path)) {
            fal_audit_file *file = &c->files[c->file_count++];
            file->path = names[i].path;
            names[i].path = NULL;
            look_at_file(file);
        }
        c->entries[names[i].entry].file = c->file_count - 1;
    }
}

static void free_names(named_entry *names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        fal_free(names[i].path);
    fal_free(names);
}

static fal_status make_files(const fal_audit_options *options, fal_collection *c, fal_error *err)
{
    fal_status st = FAL_OK;
    named_entry *names = NULL;
    char *folder = NULL;
    FAL_ALLOC(names, fal_calloc(c->entry_count, sizeof *names));
    FAL_ALLOC(c->files, fal_calloc(c->entry_count, sizeof *c->files));
    for (size_t i = 0; i < c->entry_count; i++) {
        fal_release(&folder);
        FAL_ALLOC(folder,
                  options->root ? fal_strdup(options->root) : fal_path_dir(options->lists[c->entries[i].list].csv));
        names[i].entry = i;
        FAL_ALLOC(names[i].path, fal_path_join(folder, c->entries[i].path));
    }
    share_files(c, names);
done:
    fal_free(folder);
    free_names(names, c->entry_count);
    return st;
}

/* ---- the lists ---- */

static fal_status read_tables(const fal_audit_options *options, fal_collection *c, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(c->tables, fal_calloc(options->list_count, sizeof *c->tables));
    c->list_count = options->list_count;
    for (size_t l = 0; l < c->list_count; l++) {
        FAL_TRY(fal_csv_read(options->lists[l].csv, &c->tables[l], err));
        c->entry_count += c->tables[l].rows;
    }
done:
    return st;
}

static fal_status read_entries(const fal_audit_options *options, fal_collection *c, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_audit_entry *entry;
    FAL_ALLOC(c->entries, fal_calloc(c->entry_count, sizeof *c->entries));
    entry = c->entries;
    for (size_t l = 0; l < c->list_count; l++) {
        list_columns columns;
        FAL_TRY(find_columns(&c->tables[l], options->lists[l].csv, options, &columns, err));
        for (size_t row = 0; row < c->tables[l].rows; row++, entry++) {
            read_entry(&c->tables[l], row, &columns, options->identity_pattern, entry);
            entry->list = l;
        }
    }
done:
    return st;
}

fal_status fal_collection_read(const fal_audit_options *options, fal_collection *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_collection c = {0};
    FAL_TRY(read_tables(options, &c, err));
    FAL_TRY(read_entries(options, &c, err));
    FAL_TRY(make_files(options, &c, err));
    *out = c;
    c = (fal_collection){0};
done:
    fal_collection_free(&c);
    return st;
}

void fal_collection_free(fal_collection *c)
{
    for (size_t i = 0; c->entries && i < c->entry_count; i++)
        fal_free(c->entries[i].own_identity);
    for (size_t i = 0; i < c->file_count; i++) {
        fal_free(c->files[i].path);
        fal_free(c->files[i].failure);
    }
    for (size_t l = 0; c->tables && l < c->list_count; l++)
        fal_csv_free(&c->tables[l]);
    fal_free(c->tables);
    fal_free(c->entries);
    fal_free(c->files);
    *c = (fal_collection){0};
}
