/* The facade: calls that join folders which must not know each other. Everything else of the public interface is
 * implemented in the folder it belongs to. */
#include "core/alloc.h"
#include "core/buf.h"
#include "feature/feature_set.h"
#include "head/head.h"
#include "recorded.h"
#include "tensor/run.h"

#include <falsetto/falsetto.h>

#define FAL_LOG_COMPONENT "score"

const char *fal_version(void)
{
    return FAL_VERSION;
}

const char *fal_instruction_set(void)
{
    return fal_cpu_isa();
}

/* ---- scoring a list: feature store + head ---- */

static fal_status score_clip(const fal_head *head, const fal_clip_features *clip, int64_t dim, fal_scored_clip *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    float *logits = NULL;
    *out = (fal_scored_clip){.path = clip->path, .label = clip->label, .frames = clip->frames};
    FAL_ALLOC(logits, fal_malloc_array((size_t)clip->frames, sizeof *logits));
    FAL_TRY(fal_head_score(head, clip->rows, clip->frames, dim, logits, &out->logit, err));
    out->p_fake = fal_head_probability(&fal_head_describe(head)->calibration, out->logit, clip->frames);
    out->frame_logits = logits, logits = NULL;
done:
    fal_free(logits);
    return st;
}

/* Those of too few frames for the head are named and counted. */
static fal_status score_clips(const fal_head *head, const fal_feature_set *set, const fal_log *log,
                              fal_scored_list *out, fal_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        fal_error reason = {0};
        if (set->clips[i].frames < 1)
            continue;
        fal_status st = score_clip(head, &set->clips[i], set->dim, &out->clips[out->count], &reason);
        if (st == FAL_OK) {
            out->count++;
        } else if (st == FAL_ERR_TOO_SHORT) {
            out->empty++;
            fal_log_warn(log, "%s is left out: %s", set->clips[i].path, reason.text);
        } else {
            return fal_fail(err, st, "%s: %s", set->clips[i].path, reason.text);
        }
    }
    return FAL_OK;
}

/* "visual+audio" for a head that says which arrays its rows are made of, into `out`; left empty for others. */
static void name_arrays(const fal_head_description *about, fal_buf *out)
{
    for (size_t i = 0; i < about->part_count && about->parts[i].array; i++)
        fal_buf_printf(out, "%s%s", i ? "+" : "", about->parts[i].array);
}

fal_status fal_head_score_list(const fal_head *head, const fal_feature_list *list, fal_stream stream,
                               const fal_log *log, fal_scored_list *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set *set = NULL;
    fal_scored_list made = {0};
    fal_buf arrays = {0};
    const fal_head_description *about = fal_head_describe(head);
    name_arrays(about, &arrays);
    fal_feature_query query = {.csv = list->csv,
                               .root = list->root,
                               .stream = stream                ? stream
                                         : about->stream_known ? about->stream
                                                               : FAL_STREAM_AV,
                               .arrays = stream ? NULL : arrays.data,
                               .log = log};
    FAL_TRY(fal_recorded_check(about, list->root, log, err));
    FAL_ALLOC(set, fal_calloc(1, sizeof *set));
    FAL_TRY(fal_feature_set_read(&query, set, NULL, err));
    FAL_ALLOC(made.clips, fal_malloc_array(set->count, sizeof *made.clips));
    made.missing = set->missing;
    made.empty = set->empty;
    FAL_TRY(score_clips(head, set, log, &made, err));
    made.storage = set, set = NULL;
    *out = made;
    made = (fal_scored_list){0};
done:
    if (set)
        fal_feature_set_free(set);
    fal_free(set);
    fal_scored_list_free(&made);
    fal_buf_free(&arrays);
    return st;
}

fal_status fal_scored_list_write(const fal_scored_list *list, const char *path, fal_error *err)
{
    static const char *const columns[] = {"path", "score", "label", "p_fake", "frames"};
    fal_table *table = NULL;
    fal_status st = fal_table_create(&table, err);
    if (st != FAL_OK)
        return st;
    fal_table_header(table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < list->count; i++) {
        const fal_scored_clip *c = &list->clips[i];
        fal_table_text(table, c->path);
        fal_table_float(table, c->logit);
        fal_table_text(table, c->label < 0 ? "" : c->label ? "1" : "0");
        fal_table_float(table, c->p_fake);
        fal_table_float(table, (double)c->frames);
        fal_table_end_row(table);
    }
    st = fal_table_write(table, path, err);
    fal_table_free(&table);
    return st;
}

void fal_scored_list_free(fal_scored_list *list)
{
    if (!list)
        return;
    if (list->storage)
        fal_feature_set_free(list->storage);
    fal_free(list->storage);
    for (size_t i = 0; i < list->count; i++)
        fal_free((float *)list->clips[i].frame_logits);
    fal_free(list->clips);
    *list = (fal_scored_list){0};
}
