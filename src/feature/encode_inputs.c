#include "feature/encode_inputs.h"

#include "face/mouth.h"
#include "feature/logfbank.h"

static bool audio_array(const fal_encoder_description *enc, const fal_clip_inputs *in, fal_array *out)
{
    if (enc->audio_input == FAL_INPUT_LOGFBANK && in->logfbank) {
        *out = (fal_array){FAL_ELEMENT_F32, 2, {fal_paired_rows(in), FAL_LOGFBANK_DIM}, in->logfbank};
        return true;
    }
    if (enc->audio_input == FAL_INPUT_WAVE && in->wave) {
        *out = (fal_array){FAL_ELEMENT_F32, 1, {in->wave_count}, in->wave};
        return true;
    }
    return false;
}

static bool video_array(const fal_encoder_description *enc, const fal_clip_inputs *in, fal_array *out)
{
    if (enc->video_input != FAL_INPUT_MOUTH || !in->mouth)
        return false;
    int64_t rows = enc->audio_input == FAL_INPUT_LOGFBANK ? fal_paired_rows(in) : in->frames;
    *out = (fal_array){FAL_ELEMENT_U8, 3, {rows, FAL_MOUTH_SIZE, FAL_MOUTH_SIZE}, in->mouth};
    return true;
}

fal_status fal_encode_inputs(const fal_encoder *encoder, fal_session *session, fal_stream stream,
                             const fal_clip_inputs *in, fal_encoding *out, fal_error *err)
{
    const fal_encoder_description *enc = fal_encoder_describe(encoder);
    fal_array audio, video;
    bool need_audio = stream & FAL_STREAM_AUDIO, need_video = stream & FAL_STREAM_VIDEO;
    if (need_audio && !audio_array(enc, in, &audio))
        return fal_fail(err, FAL_ERR_NOT_FOUND, "the clip has no audio for %s", enc->origin);
    if (need_video && !video_array(enc, in, &video))
        return fal_fail(err, FAL_ERR_NOT_FOUND, "the clip has no video for %s", enc->origin);
    if ((need_audio && audio.shape[0] < 1) || (need_video && video.shape[0] < 1))
        return fal_fail(err, FAL_ERR_TOO_SHORT, "the clip gives no frame for %s", enc->origin);
    fal_encode_request request = {
        .stream = stream,
        .audio = need_audio ? &audio : NULL,
        .video = need_video ? &video : NULL,
    };
    return fal_encode(encoder, session, &request, out, err);
}
