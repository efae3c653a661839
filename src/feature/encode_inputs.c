#include "feature/encode_inputs.h"

#include "face/mouth.h"
#include "feature/logfbank.h"

fal_input_kind fal_request_audio(const fal_clip_request *request)
{
    return request->stream & FAL_STREAM_AUDIO ? fal_encoder_describe(request->encoder)->audio_input : FAL_INPUT_NONE;
}

fal_input_kind fal_request_video(const fal_clip_request *request, fal_mouth_alignment alignment)
{
    if (!(request->stream & FAL_STREAM_VIDEO))
        return FAL_INPUT_NONE;
    fal_input_kind kind = fal_encoder_describe(request->encoder)->video_input;
    return kind == FAL_INPUT_MOUTH_AVSR && alignment == FAL_MOUTH_AVHUBERT ? FAL_INPUT_MOUTH : kind;
}

void fal_request_inputs(const fal_clip_request *request, fal_input_request *out)
{
    fal_input_kind audio = fal_request_audio(request), video = fal_request_video(request, out->mouth_alignment);
    out->wave |= audio == FAL_INPUT_WAVE;
    out->logfbank |= audio == FAL_INPUT_LOGFBANK;
    out->mouth |= video == FAL_INPUT_MOUTH;
    out->mouth_avsr |= video == FAL_INPUT_MOUTH_AVSR;
}

/* Rows of a stream with `own` rows: those of both where they are joined row by row. */
static int64_t rows_of(const fal_clip_request *request, const fal_clip_inputs *in, int64_t own)
{
    bool joined = fal_encoder_describe(request->encoder)->audio_input == FAL_INPUT_LOGFBANK &&
                  (request->stream == FAL_STREAM_AV || request->pair);
    return joined ? fal_paired_rows(in) : own;
}

static bool audio_array(const fal_clip_request *request, const fal_clip_inputs *in, fal_array *out)
{
    fal_input_kind kind = fal_request_audio(request);
    if (kind == FAL_INPUT_LOGFBANK && in->logfbank) {
        *out = (fal_array){FAL_ELEMENT_F32, 2, {rows_of(request, in, in->audio_rows), FAL_LOGFBANK_DIM}, in->logfbank};
        return true;
    }
    if (kind == FAL_INPUT_WAVE && in->wave) {
        *out = (fal_array){FAL_ELEMENT_F32, 1, {in->wave_count}, in->wave};
        return true;
    }
    return false;
}

static bool video_array(const fal_clip_request *request, fal_mouth_alignment alignment, const fal_clip_inputs *in,
                        fal_array *out)
{
    fal_input_kind kind = fal_request_video(request, alignment);
    int64_t rows = rows_of(request, in, in->frames);
    if (kind == FAL_INPUT_MOUTH && in->mouth) {
        *out = (fal_array){FAL_ELEMENT_U8, 3, {rows, FAL_MOUTH_SIZE, FAL_MOUTH_SIZE}, in->mouth};
        return true;
    }
    if (kind == FAL_INPUT_MOUTH_AVSR && in->mouth_avsr) {
        *out = (fal_array){FAL_ELEMENT_U8, 4, {rows, FAL_MOUTH_SIZE, FAL_MOUTH_SIZE, 3}, in->mouth_avsr};
        return true;
    }
    return false;
}

fal_status fal_encode_arrays(const fal_clip_request *request, fal_session *session, const fal_array *audio,
                             const fal_array *video, fal_encoding *out, fal_error *err)
{
    fal_encode_request full = {
        .stream = request->stream,
        .audio = audio,
        .video = video,
        .layers = request->layers,
        .layer_count = request->layer_count,
        .all_layers = request->all_layers,
        .pool_hidden = true,
    };
    return fal_encode(request->encoder, session, &full, out, err);
}

fal_status fal_encode_inputs(const fal_clip_request *request, fal_mouth_alignment alignment, fal_session *session,
                             const fal_clip_inputs *in, fal_encoding *out, fal_error *err)
{
    const char *origin = fal_encoder_describe(request->encoder)->origin;
    fal_array audio, video;
    bool need_audio = request->stream & FAL_STREAM_AUDIO, need_video = request->stream & FAL_STREAM_VIDEO;
    if (need_audio && !audio_array(request, in, &audio))
        return fal_fail(err, FAL_ERR_NOT_FOUND, "the clip has no audio for %s", origin);
    bool have_video = need_video && video_array(request, alignment, in, &video);
    if (need_video && !have_video && in->has_video && in->avsr_refusal.code)
        return fal_fail(err, in->avsr_refusal.code, "%s", in->avsr_refusal.text);
    if (need_video && !have_video)
        return fal_fail(err, FAL_ERR_NOT_FOUND, "the clip has no video for %s", origin);
    if ((need_audio && audio.shape[0] < 1) || (need_video && video.shape[0] < 1))
        return fal_fail(err, FAL_ERR_TOO_SHORT, "the clip gives no frame for %s", origin);
    return fal_encode_arrays(request, session, need_audio ? &audio : NULL, need_video ? &video : NULL, out, err);
}
