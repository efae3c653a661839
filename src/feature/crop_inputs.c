#include "feature/crop_inputs.h"

#include "core/clock.h"
#include "core/str.h"
#include "feature/crop_tree.h"
#include "feature/frame_passes.h"
#include "feature/sound_pass.h"

#include <string.h>

/* *clip stays NULL when there is no such file. */
static fal_status open_if_there(const char *path, const fal_clip_options *how, fal_clip **clip, fal_error *err)
{
    return fal_path_exists(path) ? fal_clip_open(path, how, clip, err) : FAL_OK;
}

/* The sound's part of a report beside that of the pictures. */
static void add_sound_report(fal_media_report *report, const fal_media_report *sound)
{
    report->audio_errors = sound->audio_errors;
    report->audio_samples = sound->audio_samples;
    report->audio_s = sound->audio_s;
    report->lost_audio_s = sound->lost_audio_s;
    report->warnings |= sound->warnings;
}

static fal_status read_sound(fal_clip *clip, const fal_input_request *want, fal_clip_inputs *in, int64_t *skip,
                             fal_error *err)
{
    in->media.audio = fal_clip_info(clip)->audio;
    if (fal_clip_info(clip)->duration_s > in->media.duration_s)
        in->media.duration_s = fal_clip_info(clip)->duration_s;
    fal_status st = fal_sound_pass(clip, want, in, skip, err);
    if (st != FAL_OK && err && !strstr(err->text, fal_clip_path(clip)))
        fal_error_prefix(err, "%s", fal_clip_path(clip));
    return st;
}

fal_status fal_crop_inputs_read(const char *path, const fal_input_request *want, fal_clip_inputs *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip *pictures = NULL, *sound = NULL;
    fal_crop_files files = {0};
    fal_clip_inputs in = {.frame_hz = FAL_FRAMES_PER_SECOND};
    int64_t skip_frames = 0;
    double start = fal_now_s();
    FAL_TRY(fal_crop_files_name(path, &files, err));
    FAL_TRY(
        open_if_there(files.pictures, &(fal_clip_options){.exact = true, .threads = want->threads}, &pictures, err));
    FAL_TRY(
        open_if_there(files.sound, &(fal_clip_options){.exact = want->exact, .threads = want->threads}, &sound, err));
    if (!pictures && !sound)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "there is neither %s nor %s", files.pictures, files.sound);
    if (pictures)
        in.media = *fal_clip_info(pictures);
    in.media.audio = (fal_audio_info){0}; /* pictures with sound of their own: upstream listens to the other file */
    if (sound)
        FAL_TRY(read_sound(sound, want, &in, &skip_frames, err));
    if (pictures)
        FAL_TRY(fal_frame_passes(pictures, want, skip_frames, &in, err));
    if (sound)
        add_sound_report(&in.report, fal_clip_report(sound));
    in.decode_s = fal_now_s() - start - in.face_s - in.sink_s;
    *out = in;
    in = (fal_clip_inputs){0};
done:
    fal_clip_inputs_free(&in);
    fal_clip_free(&pictures);
    fal_clip_free(&sound);
    fal_crop_files_free(&files);
    return st;
}
