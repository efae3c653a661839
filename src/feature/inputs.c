#include "feature/inputs.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "feature/crop_inputs.h"
#include "feature/frame_passes.h"
#include "feature/sound_pass.h"

#include <string.h>

fal_status fal_clip_inputs_read(const char *path, const fal_input_request *want, fal_clip_inputs *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip *clip = NULL;
    fal_clip_inputs in = {0};
    int64_t skip_frames = 0;
    double start = fal_now_s();
    if (want->from_crops)
        return fal_crop_inputs_read(path, want, out, err);
    FAL_TRY(fal_clip_open(path, &(fal_clip_options){.exact = want->exact, .threads = want->threads}, &clip, err));
    in.media = *fal_clip_info(clip);
    in.frame_hz = want->exact && in.media.video.average_fps > 0 ? in.media.video.average_fps : FAL_FRAMES_PER_SECOND;
    FAL_TRY(fal_sound_pass(clip, want, &in, &skip_frames, err));
    in.report = *fal_clip_report(clip);
    FAL_TRY(fal_frame_passes(clip, want, skip_frames, &in, err));
    in.decode_s = fal_now_s() - start - in.face_s - in.sink_s;
    *out = in;
    in = (fal_clip_inputs){0};
done:
    if (st != FAL_OK && err && !strstr(err->text, path))
        fal_error_prefix(err, "%s", path);
    fal_clip_inputs_free(&in);
    fal_clip_free(&clip);
    return st;
}

void fal_clip_inputs_free(fal_clip_inputs *in)
{
    fal_free(in->wave);
    fal_free(in->logfbank);
    fal_free(in->mouth);
    fal_free(in->mouth_avsr);
    *in = (fal_clip_inputs){0};
}

int64_t fal_paired_rows(const fal_clip_inputs *in)
{
    if (in->logfbank && in->mouth)
        return in->audio_rows < in->frames ? in->audio_rows : in->frames;
    return in->logfbank ? in->audio_rows : in->frames;
}
