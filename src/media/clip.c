#include "media/clip.h"

#include "core/alloc.h"
#include "media/audio.h"
#include "media/container.h"
#include "media/report.h"
#include "media/video.h"

enum { DEFAULT_FPS = 25, MAX_FPS = 1000, MAX_THREADS = 64 };

struct fal_clip {
    char *path;
    fal_clip_options options; /* with defaults filled in */
    fal_media_info info;
    fal_reading reading;
    fal_video_reader *video; /* opened by the first frame */
};

static fal_status settle_options(const fal_clip_options *given, fal_clip_options *out, fal_error *err)
{
    fal_clip_options options = given ? *given : (fal_clip_options){0};
    if (options.fps < 0 || options.fps > MAX_FPS)
        return fal_fail(err, FAL_ERR_ARGUMENT, "output rate of %d frames per second, expected 1 to %d", options.fps,
                        (int)MAX_FPS);
    if (options.threads < 0)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%d decoder threads, expected at least 1", options.threads);
    options.fps = options.fps ? options.fps : DEFAULT_FPS;
    options.threads = options.threads ? options.threads : 1;
    options.threads = options.threads < MAX_THREADS ? options.threads : MAX_THREADS;
    *out = options;
    return FAL_OK;
}

fal_status fal_clip_open(const char *path, const fal_clip_options *options, fal_clip **clip, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip *c = NULL;
    FAL_ALLOC(c, fal_calloc(1, sizeof *c));
    FAL_TRY(settle_options(options, &c->options, err));
    FAL_ALLOC(c->path, fal_strdup(path));
    FAL_TRY(fal_media_probe(path, &c->info, err));
    if (c->info.video.variable_rate)
        c->reading.report.warnings |= FAL_MEDIA_WARN_VARIABLE_RATE;
    *clip = c;
    c = NULL;
done:
    fal_clip_free(&c);
    return st;
}

void fal_clip_free(fal_clip **clip)
{
    if (!clip || !*clip)
        return;
    fal_clip *c = *clip;
    fal_video_reader_free(&c->video);
    fal_free(c->path);
    fal_release(clip);
}

const fal_media_info *fal_clip_info(const fal_clip *clip)
{
    return &clip->info;
}

const fal_media_report *fal_clip_report(const fal_clip *clip)
{
    return &clip->reading.report;
}

const char *fal_clip_path(const fal_clip *clip)
{
    return clip->path;
}

static fal_status open_video(fal_clip *clip, fal_error *err)
{
    return fal_video_reader_open(clip->path, &clip->options, &clip->reading, &clip->video, err);
}

fal_status fal_clip_next_frame(fal_clip *clip, fal_frame *frame, bool *end, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!clip->info.video.present) {
        *end = true;
        return FAL_OK;
    }
    if (!clip->video)
        st = open_video(clip, err);
    return st == FAL_OK ? fal_video_reader_next(clip->video, frame, end, err) : st;
}

fal_status fal_clip_rewind(fal_clip *clip, fal_error *err)
{
    fal_video_reader_free(&clip->video);
    fal_reading_restart_video(&clip->reading);
    return clip->info.video.present ? open_video(clip, err) : FAL_OK;
}

fal_status fal_clip_read_audio(fal_clip *clip, fal_resample_mode mode, float **samples, size_t *count, fal_error *err)
{
    return fal_audio_read(clip->path, &clip->options, mode, &clip->reading, samples, count, err);
}

fal_status fal_clip_save_audio(fal_clip *clip, const char *to, fal_error *err)
{
    return fal_audio_save(clip->path, &clip->options, &clip->reading, to, err);
}
