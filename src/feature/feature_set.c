#include "feature/feature_set.h"

#include "core/alloc.h"
#include "core/arena.h"
#include "core/csv.h"
#include "core/json.h"
#include "core/str.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

#define FAL_LOG_COMPONENT "features"

enum { NAME_BYTES = 64 };

typedef struct loader {
    const fal_feature_query *query;
    fal_csv csv;
    int path_column, label_column;
    char names[FAL_QUERY_PARTS][NAME_BYTES]; /* of the arrays; none: by stream */
    size_t name_count;
    fal_feature_parts parts; /* count 0 until the first clip is read */
    fal_arena *arena;
} loader;

/* ---- the list ---- */

static fal_status split_names(loader *from, fal_error *err)
{
    const char *at = from->query->arrays;
    while (at) {
        size_t length = strcspn(at, "+");
        if (!length || length >= NAME_BYTES || from->name_count == FAL_QUERY_PARTS)
            return fal_fail(err, FAL_ERR_ARGUMENT, "'%s' is no list of up to %d array names with '+' between",
                            from->query->arrays, FAL_QUERY_PARTS);
        memcpy(from->names[from->name_count++], at, length);
        at = at[length] ? at + length + 1 : NULL;
    }
    return FAL_OK;
}

static fal_status open_list(loader *from, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *csv = from->query->csv;
    FAL_TRY(split_names(from, err));
    FAL_TRY(fal_csv_read(csv, &from->csv, err));
    from->path_column = fal_csv_column(&from->csv, "path");
    from->label_column = fal_csv_column(&from->csv, "label");
    if (from->path_column < 0 || from->label_column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column '%s'; a label list needs path and label", csv,
                 from->path_column < 0 ? "path" : "label");
    FAL_ALLOC(from->arena, fal_arena_create());
done:
    return st;
}

/* Any way to write the numbers 0 and 1, whatever the locale. Upstream truncates 0.5 to real; more likely it is a mistake. */
static fal_status parse_label(const loader *from, size_t row, int *label, fal_error *err)
{
    const char *text = fal_csv_cell(&from->csv, row, from->label_column);
    fal_json *number = NULL;
    fal_status read = fal_json_parse(text, strlen(text), "label", &number, NULL);
    double value = read == FAL_OK ? fal_json_real(number, NAN) : NAN;
    fal_json_free(&number);
    if (read == FAL_ERR_MEMORY)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
    if (!(value == 0 || value == 1))
        return fal_fail(err, FAL_ERR_FORMAT, "%s line %zu: label is '%s', expected 0 (real) or 1 (fake)",
                        from->query->csv, from->csv.lines[row], text);
    *label = (int)value;
    return FAL_OK;
}

/* ---- one clip ---- */

/* All arrays of a clip; *count of them. FAL_ERR_NOT_FOUND when there is no file. */
static fal_status read_arrays(const loader *from, const char *path, fal_feature_rows *rows, size_t *count,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_feature_query *q = from->query;
    if (!from->name_count) {
        *count = 1;
        return fal_features_read(q->root, path, q->stream, &rows[0], err);
    }
    for (*count = 0; *count < from->name_count; ++*count)
        FAL_TRY(fal_features_read_array(q->root, path, from->names[*count], &rows[*count], err));
done:
    return st;
}

static fal_status check_parts(loader *from, const char *path, const fal_feature_rows *rows, size_t count, fal_error *err)
{
    bool first = from->parts.count == 0;
    for (size_t i = 0; i < count; i++) {
        if (!first && rows[i].dim != from->parts.dims[i])
            return fal_fail(err, FAL_ERR_FORMAT, "%s: features of %lld channels%s%s, those before have %lld", path,
                            (long long)rows[i].dim, from->name_count ? " in array " : "",
                            from->name_count ? from->names[i] : "", (long long)from->parts.dims[i]);
        from->parts.dims[i] = rows[i].dim;
    }
    from->parts.count = count;
    return FAL_OK;
}

/* Rows side by side into out [frames, dim]; returns how many parts were all zero. */
static size_t join(const loader *from, const fal_feature_rows *rows, int64_t frames, int64_t dim, float *out)
{
    size_t zeros = 0;
    int64_t at = 0;
    for (size_t i = 0; i < from->parts.count; at += rows[i++].dim)
        for (int64_t t = 0; t < frames; t++) {
            float *to = out + t * dim + at;
            const float *x = rows[i].rows + t * rows[i].dim;
            if (from->query->l2_normalise)
                zeros += (size_t)fal_l2_normalise_rows(x, 1, rows[i].dim, to);
            else
                memcpy(to, x, (size_t)rows[i].dim * sizeof *to);
        }
    return zeros;
}

static fal_status keep_clip(loader *from, const char *path, int label, const fal_feature_rows *rows,
                            fal_feature_set *set, fal_error *err)
{
    fal_status st = FAL_OK;
    float *kept = NULL;
    char *name = NULL;
    int64_t frames = rows[0].frames, dim = 0;
    for (size_t i = 0; i < from->parts.count; i++) {
        frames = rows[i].frames < frames ? rows[i].frames : frames;
        dim += rows[i].dim;
    }
    FAL_ALLOC(name, fal_arena_strdup(from->arena, path));
    FAL_ALLOC(kept, fal_arena_alloc(from->arena, (size_t)(frames * dim), sizeof *kept));
    set->zero_rows += join(from, rows, frames, dim, kept);
    set->dim = dim;
    set->empty += frames == 0;
    set->clips[set->count++] = (fal_clip_features){.path = name, .label = label, .frames = frames, .rows = kept};
done:
    return st;
}

static fal_status load_row(loader *from, size_t row, fal_feature_set *set, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error missing;
    fal_feature_rows rows[FAL_QUERY_PARTS] = {{0}};
    size_t count = 0;
    int label;
    const char *path = fal_csv_cell(&from->csv, row, from->path_column);
    FAL_TRY(parse_label(from, row, &label, err));
    fal_status found = read_arrays(from, path, rows, &count, &missing);
    if (found == FAL_ERR_NOT_FOUND) {
        set->missing++;
        fal_log_warn(from->query->log, "%s", missing.text);
        goto done;
    }
    if (found != FAL_OK)
        FAL_FAIL(found, "%s", missing.text);
    FAL_TRY(check_parts(from, path, rows, count, err));
    FAL_TRY(keep_clip(from, path, label, rows, set, err));
done:
    for (size_t i = 0; i < FAL_QUERY_PARTS; i++)
        fal_free(rows[i].rows);
    return st;
}

/* ---- all of them ---- */

fal_status fal_feature_set_read(const fal_feature_query *query, fal_feature_set *out, fal_feature_parts *parts,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set set = {0};
    loader *from = NULL;
    FAL_ALLOC(from, fal_calloc(1, sizeof *from));
    from->query = query;
    FAL_TRY(open_list(from, err));
    FAL_ALLOC(set.clips, fal_arena_alloc(from->arena, from->csv.rows + 1, sizeof *set.clips));
    for (size_t row = 0; row < from->csv.rows; row++)
        FAL_TRY(load_row(from, row, &set, err));
    set.storage = from->arena, from->arena = NULL;
    if (parts)
        *parts = from->parts;
    *out = set;
done:
    if (from) {
        fal_csv_free(&from->csv);
        fal_arena_free(&from->arena);
    }
    fal_free(from);
    return st;
}

fal_status fal_feature_set_load(const char *csv_path, const char *root, fal_stream stream, bool l2_normalise,
                                const fal_log *log, fal_feature_set *out, fal_error *err)
{
    fal_feature_query query = {.csv = csv_path, .root = root, .stream = stream, .l2_normalise = l2_normalise, .log = log};
    return fal_feature_set_read(&query, out, NULL, err);
}

void fal_feature_set_free(fal_feature_set *set)
{
    fal_arena *arena = set->storage;
    fal_arena_free(&arena);
    *set = (fal_feature_set){0};
}
