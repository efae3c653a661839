#include "feature/set_reader.h"

#include "core/alloc.h"
#include "core/digest.h"
#include "core/number.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "tensor/ops.h"

#include <string.h>
#include <sys/stat.h>

#define FAL_LOG_COMPONENT "features"

enum { NAME_BYTES = 64, READ_AHEAD = 8 }; /* READ_AHEAD: clips per thread */

struct fal_set_reader {
    const fal_feature_query *query;
    fal_csv csv;
    int path_column, label_column;
    char names[FAL_QUERY_PARTS][NAME_BYTES]; /* of the arrays; none: by stream */
    size_t name_count;
};

/* ---- the list ---- */

static fal_status split_names(fal_set_reader *from, fal_error *err)
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

fal_status fal_set_reader_open(const fal_feature_query *query, fal_set_reader **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_set_reader *made = NULL;
    FAL_ALLOC(made, fal_calloc(1, sizeof *made));
    made->query = query;
    FAL_TRY(split_names(made, err));
    FAL_TRY(fal_csv_read(query->csv, &made->csv, err));
    made->path_column = fal_csv_column(&made->csv, "path");
    made->label_column = fal_csv_column(&made->csv, "label");
    if (made->path_column < 0 || made->label_column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column '%s'; a label list needs path and label", query->csv,
                 made->path_column < 0 ? "path" : "label");
    *out = made, made = NULL;
done:
    fal_set_reader_free(&made);
    return st;
}

void fal_set_reader_free(fal_set_reader **reader)
{
    if (!reader || !*reader)
        return;
    fal_csv_free(&(*reader)->csv);
    fal_release(reader);
}

size_t fal_set_reader_count(const fal_set_reader *reader)
{
    return reader->csv.rows;
}

static const char *path_of(const fal_set_reader *from, size_t row)
{
    return fal_csv_cell(&from->csv, row, from->path_column);
}

/* Upstream truncates 0.5 to real; more likely it is a mistake. */
static fal_status parse_label(const fal_set_reader *from, size_t row, int *label, fal_error *err)
{
    const char *text = fal_csv_cell(&from->csv, row, from->label_column);
    if (!fal_parse_label(text, label))
        return fal_fail(err, FAL_ERR_FORMAT, "%s line %zu: label is '%s', expected 0 (real) or 1 (fake)",
                        from->query->csv, from->csv.lines[row], text);
    return FAL_OK;
}

/* ---- one clip ---- */

/* All arrays of a clip; *count of them. FAL_ERR_NOT_FOUND when there is no file. */
static fal_status read_arrays(const fal_set_reader *from, const char *path, fal_feature_rows *rows, size_t *count,
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

/* Rows side by side into out [frames, dim]; returns how many parts were all zero. */
static size_t join(const fal_set_reader *from, const fal_feature_rows *rows, size_t parts, int64_t frames, int64_t dim,
                   float *out)
{
    size_t zeros = 0;
    int64_t at = 0;
    for (size_t i = 0; i < parts; at += rows[i++].dim)
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

/* One array needs no second copy: it is normalised where it is. */
static fal_status take_rows(const fal_set_reader *from, fal_feature_rows *rows, size_t count, fal_listed_clip *clip,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t frames = rows[0].frames, dim = 0;
    for (size_t i = 0; i < count; i++) {
        frames = rows[i].frames < frames ? rows[i].frames : frames;
        dim += clip->parts.dims[i] = rows[i].dim;
    }
    clip->parts.count = count;
    if (count == 1)
        clip->rows = rows[0].rows;
    else
        FAL_ALLOC(clip->rows, fal_malloc_array((size_t)(frames * dim), sizeof *clip->rows));
    if (count > 1 || from->query->l2_normalise)
        clip->zero_rows = join(from, rows, count, frames, dim, clip->rows);
    if (count == 1)
        rows[0].rows = NULL;
    clip->frames = frames;
done:
    return st;
}

static fal_status read_clip(const fal_set_reader *from, size_t row, fal_listed_clip *clip, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_rows rows[FAL_QUERY_PARTS] = {{0}};
    size_t count = 0;
    clip->path = path_of(from, row);
    FAL_TRY(parse_label(from, row, &clip->label, err));
    fal_status found = read_arrays(from, clip->path, rows, &count, err);
    clip->missing = found == FAL_ERR_NOT_FOUND;
    if (!clip->missing)
        FAL_TRY(found);
    if (!clip->missing)
        FAL_TRY(take_rows(from, rows, count, clip, err));
done:
    for (size_t i = 0; i < FAL_QUERY_PARTS; i++)
        fal_free(rows[i].rows);
    return st;
}

/* ---- all of them ---- */

typedef struct batch {
    const fal_set_reader *from;
    size_t first, count;
    fal_listed_clip *clips;
} batch;

static bool read_one(void *user, int worker, size_t item)
{
    batch *b = user;
    fal_listed_clip *clip = &b->clips[item];
    (void)worker;
    memset(clip, 0, sizeof *clip);
    clip->status = read_clip(b->from, b->first + item, clip, &clip->why);
    return true;
}

static fal_status check_parts(const fal_set_reader *from, const fal_listed_clip *clip, fal_feature_parts *seen,
                              fal_error *err)
{
    for (size_t i = 0; i < seen->count; i++)
        if (clip->parts.dims[i] != seen->dims[i])
            return fal_fail(err, FAL_ERR_FORMAT, "%s: features of %lld channels%s%s, those before have %lld",
                            clip->path, (long long)clip->parts.dims[i], from->name_count ? " in array " : "",
                            from->name_count ? from->names[i] : "", (long long)seen->dims[i]);
    *seen = clip->parts;
    return FAL_OK;
}

static fal_status hand_out(const batch *b, fal_feature_parts *seen, fal_take_clip *take, void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < b->count; i++) {
        fal_listed_clip *clip = &b->clips[i];
        if (clip->status != FAL_OK)
            FAL_FAIL(clip->status, "%s", clip->why.text);
        if (clip->missing)
            fal_log_warn(b->from->query->log, "%s", clip->why.text);
        else
            FAL_TRY(check_parts(b->from, clip, seen, err));
        FAL_TRY(take(user, clip, err));
        clip->rows = NULL;
    }
done:
    return st;
}

fal_status fal_set_reader_each(const fal_set_reader *from, const fal_progress *progress, fal_take_clip *take,
                               void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const int threads = from->query->threads ? from->query->threads : fal_cpu_count();
    const size_t most = (size_t)threads * READ_AHEAD;
    fal_feature_parts seen = {0};
    batch b = {.from = from};
    FAL_ALLOC(b.clips, fal_calloc(most, sizeof *b.clips));
    for (; b.first < from->csv.rows; b.first += b.count) {
        b.count = from->csv.rows - b.first < most ? from->csv.rows - b.first : most;
        if (fal_progress_cancelled(progress))
            FAL_FAIL(FAL_ERR_CANCELLED, "stopped while reading features");
        FAL_TRY(fal_parallel_for(threads, b.count, read_one, &b, err));
        FAL_TRY(hand_out(&b, &seen, take, user, err));
        fal_progress_report(progress, "reading features", (double)(b.first + b.count), (double)from->csv.rows);
    }
done:
    for (size_t i = 0; b.clips && i < most; i++)
        fal_free(b.clips[i].rows);
    fal_free(b.clips);
    return st;
}

/* ---- fingerprint ---- */

static void add_text(fal_digest *d, const char *text)
{
    fal_sha256_add(d, text ? text : "", text ? strlen(text) + 1 : 1);
}

static fal_status add_file(const fal_set_reader *from, size_t row, fal_digest *d, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    struct stat info;
    int64_t facts[3] = {0}; /* size, time in s and ns; zeros: no file */
    fal_status found = fal_feature_file(from->query->root, path_of(from, row), &path, err);
    if (found != FAL_ERR_NOT_FOUND)
        FAL_TRY(found);
    if (path && stat(path, &info) == 0)
        facts[0] = info.st_size, facts[1] = info.st_mtim.tv_sec, facts[2] = info.st_mtim.tv_nsec;
    add_text(d, path);
    fal_sha256_add(d, facts, sizeof facts);
done:
    fal_free(path);
    return st;
}

fal_status fal_set_reader_fingerprint(const fal_set_reader *from, char out[FAL_SOURCES_TEXT], fal_error *err)
{
    fal_status st = FAL_OK;
    char hex[FAL_SHA256_HEX];
    const fal_feature_query *q = from->query;
    fal_digest d = fal_sha256_start();
    add_text(&d, q->arrays ? q->arrays : fal_feature_key(q->stream));
    add_text(&d, q->l2_normalise ? "l2" : "");
    for (size_t row = 0; row < from->csv.rows; row++) {
        add_text(&d, path_of(from, row));
        add_text(&d, fal_csv_cell(&from->csv, row, from->label_column));
        FAL_TRY(add_file(from, row, &d, err));
    }
    fal_sha256_text(&d, hex);
    memcpy(out, hex, FAL_SOURCES_TEXT - 1);
    out[FAL_SOURCES_TEXT - 1] = '\0';
done:
    return st;
}
