#include "core/alloc.h"
#include "core/clock.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "feature/encode_inputs.h"
#include "feature/rivals.h"
#include "feature/store.h"

#include <falsetto/extract.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#define FAL_LOG_COMPONENT "extract"

enum { MAX_STREAMS = 3 };

/* What one worker thread has for itself. */
typedef struct worker {
    fal_session *session;
    fal_detector *detector;
} worker;

typedef struct extraction {
    const fal_extract_options *opt;
    fal_csv csv;
    int path_column;
    const char **rivals; /* [rows], see feature/rivals.h */
    char *root;
    fal_encoder *encoder;
    const fal_encoder_description *about;
    fal_stream streams[MAX_STREAMS];
    size_t stream_count;
    int jobs;
    worker *workers;
    pthread_mutex_t lock;      /* guards what follows */
    fal_extract_report report;
    fal_buf failed;            /* rows of failed.csv */
} extraction;

/* ---- settings of the output folder ---- */

static void settings_text(const extraction *x, fal_buf *text)
{
    fal_jw w = fal_jw_start(text, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-features-1");
    fal_jw_put_string(&w, "encoder", fal_path_base(x->opt->encoder));
    fal_jw_put_string(&w, "family", x->about->family);
    /* Hugging Face folders are often called alike: the shape tells them apart. */
    fal_jw_put_int(&w, "parameters", (int64_t)x->about->parameters);
    fal_jw_put_int(&w, "dim", x->about->dim);
    fal_jw_put_string(&w, "arithmetic", x->about->arithmetic);
    fal_jw_key(&w, "streams"), fal_jw_array(&w);
    for (size_t i = 0; i < x->stream_count; i++)
        fal_jw_string(&w, fal_stream_name(x->streams[i]));
    fal_jw_end_array(&w);
    fal_jw_put_string(&w, "stored", x->opt->half_precision ? "float16" : "float32");
    fal_jw_put_bool(&w, "exact_preprocessing", x->opt->exact_preprocessing);
    fal_jw_put_bool(&w, "trim_silence", x->opt->trim_silence);
    fal_jw_end_object(&w);
    fal_buf_puts(text, "\n");
}

static fal_status claim_folder(const extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf mine = {0}, theirs = {0};
    char *path = NULL;
    settings_text(x, &mine);
    FAL_ALLOC(path, mine.failed ? NULL : fal_path_join(x->opt->out, "extract.json"));
    FAL_TRY(fal_make_dirs(x->opt->out, err));
    if (!fal_path_exists(path)) {
        FAL_TRY(fal_file_write(path, mine.data, mine.length, err));
        goto done;
    }
    FAL_TRY(fal_file_read(path, 0, &theirs, err));
    if (mine.length != theirs.length || memcmp(mine.data, theirs.data, mine.length))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s holds features made with other settings:\n%sthis run has:\n%suse another folder",
                 x->opt->out, theirs.data, mine.data);
done:
    fal_buf_free(&mine);
    fal_buf_free(&theirs);
    fal_free(path);
    return st;
}

/* ---- one clip ---- */

static const char *key_for(const extraction *x, fal_stream stream)
{
    return x->about->audio_input != FAL_INPUT_NONE && x->about->video_input != FAL_INPUT_NONE ? fal_feature_key(stream)
                                                                                              : "arr_0";
}

/* True when the file is there and holds every array, whole: a run that was stopped left it so or not at all. */
static bool is_complete(const extraction *x, const char *path)
{
    fal_npz *npz = NULL;
    bool complete = fal_path_exists(path) && fal_npz_open(path, &npz, NULL) == FAL_OK;
    for (size_t i = 0; complete && i < x->stream_count; i++) {
        fal_npy array = {0};
        complete = fal_npz_get(npz, key_for(x, x->streams[i]), &array, NULL) == FAL_OK && array.rank == 2 &&
                   array.shape[1] == (size_t)x->about->dim;
        fal_npy_free(&array);
    }
    fal_npz_free(&npz);
    return complete;
}

static fal_status copy_rows(const fal_encoding *from, fal_npz_member *member, fal_error *err)
{
    fal_status st = FAL_OK;
    float *copy = NULL;
    size_t count = (size_t)(from->rows * from->dim);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(from->features[i]))
            FAL_FAIL(FAL_ERR_INTERNAL, "the encoder gave a value that is not finite in frame %zu",
                     i / (size_t)from->dim);
    FAL_ALLOC(copy, fal_malloc_array(count, sizeof *copy));
    memcpy(copy, from->features, count * sizeof *copy);
    member->data = copy;
    member->shape[0] = (size_t)from->rows;
    member->shape[1] = (size_t)from->dim;
done:
    return st;
}

static fal_status encode_streams(extraction *x, worker *me, const fal_clip_inputs *in, fal_npz_member *members,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < x->stream_count; i++) {
        fal_encoding features = {0};
        members[i] = (fal_npz_member){.name = key_for(x, x->streams[i]),
                                      .type = FAL_NPY_F32,
                                      .store = x->opt->half_precision ? FAL_NPY_F16 : FAL_NPY_F32,
                                      .rank = 2};
        FAL_TRY(fal_encode_inputs(x->encoder, me->session, x->streams[i], in, &features, err));
        FAL_TRY(copy_rows(&features, &members[i], err));
    }
done:
    return st;
}

static fal_input_request request_for(const extraction *x, const worker *me)
{
    fal_input_request want = {.exact = x->opt->exact_preprocessing,
                              .trim_silence = x->opt->trim_silence,
                              .threads = 1,
                              .detector = me->detector,
                              .log = x->opt->log};
    for (size_t i = 0; i < x->stream_count; i++) {
        want.wave |= (x->streams[i] & FAL_STREAM_AUDIO) && x->about->audio_input == FAL_INPUT_WAVE;
        want.logfbank |= (x->streams[i] & FAL_STREAM_AUDIO) && x->about->audio_input == FAL_INPUT_LOGFBANK;
        want.mouth |= (x->streams[i] & FAL_STREAM_VIDEO) && x->about->video_input == FAL_INPUT_MOUTH;
    }
    return want;
}

static fal_status extract_clip(extraction *x, worker *me, const char *clip, const char *target, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip_inputs in = {0};
    fal_npz_member members[MAX_STREAMS] = {{0}};
    char *source = NULL;
    fal_input_request want = request_for(x, me);
    FAL_ALLOC(source, fal_path_join(x->root, clip));
    FAL_TRY(fal_clip_inputs_read(source, &want, &in, err));
    FAL_TRY(encode_streams(x, me, &in, members, err));
    FAL_TRY(fal_npz_write(target, members, x->stream_count, err));
done:
    for (size_t i = 0; i < MAX_STREAMS; i++)
        fal_free((void *)members[i].data);
    fal_clip_inputs_free(&in);
    fal_free(source);
    return st;
}

static void note_outcome(extraction *x, const char *clip, bool kept, fal_status st, const fal_error *why)
{
    pthread_mutex_lock(&x->lock);
    x->report.kept += kept;
    x->report.written += !kept && st == FAL_OK;
    if (st != FAL_OK) {
        fal_buf line = {0};
        x->report.failed++;
        fal_csv_put(&line, clip);
        fal_csv_put(&line, why->text);
        fal_buf_puts(&line, "\r\n");
        fal_buf_append(&x->failed, line.data, line.length);
        fal_buf_free(&line);
        fal_log_warn(x->opt->log, "%s", why->text);
    }
    fal_progress_report(x->opt->progress, "extracting",
                        (double)(x->report.written + x->report.kept + x->report.failed), (double)x->report.clips);
    pthread_mutex_unlock(&x->lock);
}

static bool cancelled(const extraction *x)
{
    return x->opt->progress && x->opt->progress->cancel && *x->opt->progress->cancel;
}

/* Listed paths are mirrored under the output folder; one that climbs could write anywhere. */
static bool climbs(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (fal_str_starts(part, "..") && (part[2] == '/' || !part[2]))
            return true;
    }
    return false;
}

static fal_status target_of(const extraction *x, size_t row, char **target, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *clip = fal_csv_cell(&x->csv, row, x->path_column);
    if (climbs(clip) || strlen(clip) < FAL_FEATURE_CUT)
        FAL_FAIL(FAL_ERR_ARGUMENT, "'%s' is no clip path: '..' in it, or too short", clip);
    if (x->rivals[row])
        FAL_FAIL(FAL_ERR_ARGUMENT, "'%s' would share its feature file with '%s'", clip, x->rivals[row]);
    FAL_ALLOC(*target, fal_feature_path(x->opt->out, clip, ".npz"));
done:
    return st;
}

static bool work_on_row(void *user, int worker_index, size_t row)
{
    extraction *x = user;
    const char *clip = fal_csv_cell(&x->csv, row, x->path_column);
    char *target = NULL;
    bool kept = false;
    fal_error why = {0};
    if (cancelled(x))
        return false;
    fal_status st = target_of(x, row, &target, &why);
    if (st == FAL_OK)
        kept = is_complete(x, target);
    if (st == FAL_OK && !kept)
        st = extract_clip(x, &x->workers[worker_index], clip, target, &why);
    fal_free(target);
    if (st == FAL_ERR_CANCELLED)
        return false;
    note_outcome(x, clip, kept, st, &why);
    return true;
}

/* ---- the whole run ---- */

static void choose_streams(extraction *x)
{
    static const fal_stream all[MAX_STREAMS] = {FAL_STREAM_VIDEO, FAL_STREAM_AUDIO, FAL_STREAM_AV};
    for (size_t i = 0; i < MAX_STREAMS; i++) {
        bool wanted = !x->opt->stream || all[i] == x->opt->stream;
        if (wanted && x->about->streams & 1 << all[i])
            x->streams[x->stream_count++] = all[i];
    }
}

static fal_status open_workers(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    int cores = x->opt->threads > 0 ? x->opt->threads : fal_cpu_count();
    x->jobs = x->opt->jobs > 0 ? x->opt->jobs : cores;
    if ((size_t)x->jobs > x->csv.rows)
        x->jobs = x->csv.rows ? (int)x->csv.rows : 1;
    bool faces = request_for(x, &(worker){0}).mouth;
    FAL_ALLOC(x->workers, fal_calloc((size_t)x->jobs, sizeof *x->workers));
    for (int i = 0; i < x->jobs; i++) {
        fal_session_options how = {.threads = cores / x->jobs > 1 ? cores / x->jobs : 1,
                                   .cancel = x->opt->progress ? x->opt->progress->cancel : NULL};
        FAL_TRY(fal_session_create(&how, &x->workers[i].session, err));
        if (faces)
            FAL_TRY(i ? fal_detector_clone(x->workers[0].detector, &x->workers[i].detector, err)
                      : fal_detector_open(NULL, &x->workers[i].detector, err));
    }
done:
    return st;
}

static fal_status prepare(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!x->opt->csv || !x->opt->out || !x->opt->encoder)
        FAL_FAIL(FAL_ERR_ARGUMENT, "extraction needs a dataset list, an output folder and an encoder");
    FAL_TRY(fal_csv_read(x->opt->csv, &x->csv, err));
    x->path_column = fal_csv_column(&x->csv, "path");
    if (x->path_column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column 'path'", x->opt->csv);
    x->report.clips = x->csv.rows;
    FAL_TRY(fal_rivals_find(&x->csv, x->path_column, &x->rivals, err));
    FAL_ALLOC(x->root, x->opt->root ? fal_strdup(x->opt->root) : fal_path_dir(x->opt->csv));
    fal_encoder_options how = {.numbers = x->opt->numbers, .threads = x->opt->threads, .log = x->opt->log};
    FAL_TRY(fal_encoder_open(x->opt->encoder, &how, &x->encoder, err));
    x->about = fal_encoder_describe(x->encoder);
    choose_streams(x);
    if (!x->stream_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s has no %s stream", x->opt->encoder, fal_stream_name(x->opt->stream));
    FAL_TRY(claim_folder(x, err));
    FAL_TRY(open_workers(x, err));
done:
    return st;
}

static fal_status write_failures(const extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    char *path = NULL;
    FAL_ALLOC(path, fal_path_join(x->opt->out, "failed.csv"));
    fal_buf_puts(&text, "path,reason\r\n");
    fal_buf_append(&text, x->failed.data, x->failed.length);
    if (text.failed || x->failed.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
done:
    fal_buf_free(&text);
    fal_free(path);
    return st;
}

static void extraction_free(extraction *x)
{
    for (int i = 0; x->workers && i < x->jobs; i++) {
        fal_session_free(&x->workers[i].session);
        fal_detector_free(&x->workers[i].detector);
    }
    fal_free(x->workers);
    fal_encoder_free(&x->encoder);
    fal_csv_free(&x->csv);
    fal_free(x->rivals);
    fal_free(x->root);
    fal_buf_free(&x->failed);
    pthread_mutex_destroy(&x->lock);
}

fal_status fal_extract(const fal_extract_options *options, fal_extract_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    extraction x = {.opt = options};
    double start = fal_now_s();
    pthread_mutex_init(&x.lock, NULL);
    FAL_TRY(prepare(&x, err));
    FAL_TRY(fal_parallel_for(x.jobs, x.csv.rows, work_on_row, &x, err));
    FAL_TRY(write_failures(&x, err));
    x.report.seconds = fal_now_s() - start;
    if (cancelled(&x))
        FAL_FAIL(FAL_ERR_CANCELLED, "stopped after %zu of %zu clips; run the same command again to go on",
                 x.report.written + x.report.kept + x.report.failed, x.report.clips);
    *report = x.report;
done:
    extraction_free(&x);
    return st;
}
