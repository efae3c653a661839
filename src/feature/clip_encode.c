#include "feature/clip_encode.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/progress.h"
#include "feature/picture_chunk.h"

#include <string.h>

typedef struct clip_run clip_run;

/* Requests that read the same pictures. */
typedef struct picture_group {
    clip_run *run;
    fal_picture_chunk chunk;
    size_t *members; /* [member_count] indices of requests */
    size_t member_count;
} picture_group;

struct clip_run {
    const fal_clip_request *requests;
    size_t count;
    fal_input_request how;
    fal_session *session;
    picture_group *groups;   /* [group_count], room for one per request */
    fal_picture_sink *sinks; /* [group_count] */
    size_t group_count;
    fal_clip_encoding result;
};

static bool reads_pictures(fal_input_kind kind)
{
    return kind == FAL_INPUT_FRAME || kind == FAL_INPUT_FACE;
}

/* What ends the whole clip; anything else is one encoder's own affair. */
static bool ends_all(fal_status st)
{
    return st == FAL_ERR_CANCELLED || st == FAL_ERR_MEMORY;
}

/* Keeps the rows of one pass, or its failure. */
static fal_status settle(clip_run *run, size_t index, fal_status st, const fal_encoding *piece, fal_error *err)
{
    fal_clip_rows *rows = &run->result.rows[index];
    if (st == FAL_OK)
        st = fal_clip_rows_append(rows, piece, &rows->why);
    rows->status = st;
    if (!ends_all(st))
        return FAL_OK;
    return fal_fail(err, st, "%s", rows->why.text);
}

/* ---- pictures: encoded while the clip is decoded ---- */

static fal_status flush(picture_group *group, fal_error *err)
{
    fal_status st = FAL_OK;
    clip_run *run = group->run;
    double start = fal_now_s();
    fal_array pictures = fal_picture_chunk_array(&group->chunk);
    for (size_t m = 0; m < group->member_count; m++) {
        fal_clip_rows *rows = &run->result.rows[group->members[m]];
        fal_encoding piece;
        if (rows->status != FAL_OK)
            continue;
        fal_status encoded =
            fal_encode_arrays(&run->requests[group->members[m]], run->session, NULL, &pictures, &piece, &rows->why);
        FAL_TRY(settle(run, group->members[m], encoded, &piece, err));
    }
    group->chunk.count = 0;
done:
    run->result.encode_s += fal_now_s() - start;
    return st;
}

static fal_status take_picture(void *user, const fal_picture *picture, fal_error *err)
{
    picture_group *group = user;
    fal_status st = fal_picture_chunk_add(&group->chunk, picture, err);
    if (st == FAL_OK && group->chunk.count == group->chunk.capacity)
        st = flush(group, err);
    return st;
}

static picture_group *find_group(clip_run *run, const fal_encoder_description *encoder, const fal_picture_rule *rule)
{
    for (size_t g = 0; g < run->group_count; g++)
        if (fal_picture_chunk_suits(&run->groups[g].chunk, encoder->video_input, rule, encoder->chunk_frames))
            return &run->groups[g];
    return NULL;
}

static fal_status join_group(clip_run *run, size_t index, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_encoder_description *encoder = fal_encoder_describe(run->requests[index].encoder);
    const fal_picture_rule rule = fal_picture_rule_of(encoder, run->how.exact);
    picture_group *group = find_group(run, encoder, &rule);
    if (!group) {
        group = &run->groups[run->group_count];
        FAL_ALLOC(group->members, fal_calloc(run->count, sizeof *group->members));
        group->run = run;
        run->sinks[run->group_count++] =
            (fal_picture_sink){.kind = encoder->video_input, .take = take_picture, .user = group};
        st = fal_picture_chunk_create(encoder->video_input, &rule, encoder->chunk_frames, &group->chunk, err);
        if (st != FAL_OK) {
            fal_error_prefix(err, "%s", encoder->origin);
            goto done;
        }
    }
    group->members[group->member_count++] = index;
done:
    return st;
}

/* ---- the rest: encoded once the clip has been read ---- */

static fal_status encode_held(clip_run *run, size_t index, fal_error *err)
{
    fal_encoding piece;
    double start = fal_now_s();
    fal_clip_rows *rows = &run->result.rows[index];
    fal_status st = fal_encode_inputs(&run->requests[index], run->how.mouth_alignment, run->session,
                                      &run->result.inputs, &piece, &rows->why);
    st = settle(run, index, st, &piece, err);
    run->result.encode_s += fal_now_s() - start;
    return st;
}

/* A picture encoder that was never called. */
static void note_absence(clip_run *run, size_t index)
{
    fal_clip_rows *rows = &run->result.rows[index];
    const char *origin = fal_encoder_describe(run->requests[index].encoder)->origin;
    if (rows->status != FAL_OK || rows->features.rows)
        return;
    rows->status = run->result.inputs.report.frames_out
                       ? fal_fail(&rows->why, FAL_ERR_TOO_SHORT, "the clip gives no frame for %s", origin)
                       : fal_fail(&rows->why, FAL_ERR_NOT_FOUND, "the clip has no video for %s", origin);
}

static fal_status encode_rest(clip_run *run, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t g = 0; g < run->group_count; g++)
        if (run->groups[g].chunk.count)
            FAL_TRY(flush(&run->groups[g], err));
    for (size_t i = 0; i < run->count; i++) {
        fal_progress_report(run->how.progress, "encoding", (double)i, (double)run->count);
        if (reads_pictures(fal_request_video(&run->requests[i], run->how.mouth_alignment)))
            note_absence(run, i);
        else
            FAL_TRY(encode_held(run, i, err));
    }
    fal_progress_report(run->how.progress, "encoding", (double)run->count, (double)run->count);
done:
    return st;
}

/* ---- the whole clip ---- */

static fal_status plan(clip_run *run, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(run->result.rows, fal_calloc(run->count, sizeof *run->result.rows));
    run->result.row_count = run->count;
    FAL_ALLOC(run->groups, fal_calloc(run->count, sizeof *run->groups));
    FAL_ALLOC(run->sinks, fal_calloc(run->count, sizeof *run->sinks));
    for (size_t i = 0; i < run->count; i++) {
        fal_request_inputs(&run->requests[i], &run->how);
        if (reads_pictures(fal_request_video(&run->requests[i], run->how.mouth_alignment)))
            FAL_TRY(join_group(run, i, err));
    }
    run->how.sinks = run->sinks;
    run->how.sink_count = run->group_count;
done:
    return st;
}

static void run_free(clip_run *run)
{
    for (size_t g = 0; g < run->group_count; g++) {
        fal_picture_chunk_free(&run->groups[g].chunk);
        fal_free(run->groups[g].members);
    }
    fal_free(run->groups);
    fal_free(run->sinks);
    fal_clip_encoding_free(&run->result);
}

fal_status fal_clip_encode(const char *path, const fal_input_request *how, fal_session *session,
                           const fal_clip_request *requests, size_t count, fal_clip_encoding *out, fal_error *err)
{
    fal_status st = FAL_OK;
    clip_run run = {.requests = requests, .count = count, .how = *how, .session = session};
    FAL_TRY(plan(&run, err));
    FAL_TRY(fal_clip_inputs_read(path, &run.how, &run.result.inputs, err));
    run.result.inputs.decode_s += run.result.inputs.sink_s - run.result.encode_s; /* scaling */
    FAL_TRY(encode_rest(&run, err));
    *out = run.result;
    run.result = (fal_clip_encoding){0};
done:
    run_free(&run);
    return st;
}

void fal_clip_encoding_free(fal_clip_encoding *encoding)
{
    for (size_t i = 0; encoding->rows && i < encoding->row_count; i++)
        fal_clip_rows_free(&encoding->rows[i]);
    fal_free(encoding->rows);
    fal_clip_inputs_free(&encoding->inputs);
    *encoding = (fal_clip_encoding){0};
}

bool fal_requests_need_faces(const fal_clip_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fal_input_kind kind = fal_request_video(&requests[i], FAL_MOUTH_BY_FAMILY);
        if (kind == FAL_INPUT_MOUTH || kind == FAL_INPUT_MOUTH_AVSR || kind == FAL_INPUT_FACE)
            return true;
    }
    return false;
}
