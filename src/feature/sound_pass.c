#include "feature/sound_pass.h"

#include "core/alloc.h"
#include "feature/logfbank.h"
#include "feature/sound.h"

#include <string.h>

/* A clip whose audio track holds no decodable sample counts as one without audio; the report says what was lost. */
static fal_status read_wave(fal_clip *clip, fal_resample_mode mode, float **samples, size_t *count, fal_error *err)
{
    fal_status st = fal_clip_read_audio(clip, mode, samples, count, err);
    return st == FAL_ERR_TOO_SHORT || st == FAL_ERR_NOT_FOUND ? FAL_OK : st;
}

typedef struct waves {
    float *speech, *wave; /* resampled as AV-HuBERT's and as wav2vec's scripts do; NULL when not wanted */
    size_t speech_count, wave_count;
} waves;

static void drop_start(float *samples, size_t *count, size_t drop)
{
    if (!samples)
        return;
    drop = drop < *count ? drop : *count;
    *count -= drop;
    memmove(samples, samples + drop, *count * sizeof *samples);
}

/* Both waveforms lose the same time, and the picture as many frames. Silence is looked for in the soxr waveform, as
 * AVH-Align does, whichever the encoders read: one encoder's rows do not depend on its company. */
static fal_status trim_silence(waves *w, fal_clip_inputs *in, int64_t *skip_frames, fal_error *err)
{
    fal_silence_trim trim = fal_silence_trim_find(w->speech, (int64_t)w->speech_count);
    if (trim.samples >= (int64_t)w->speech_count)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "the audio is silent throughout; trimming would leave nothing");
    drop_start(w->speech, &w->speech_count, (size_t)trim.samples);
    drop_start(w->wave, &w->wave_count, (size_t)trim.samples);
    in->start_s = (double)trim.frames / FAL_FRAMES_PER_SECOND;
    *skip_frames = trim.frames;
    return FAL_OK;
}

fal_status fal_sound_pass(fal_clip *clip, const fal_input_request *want, fal_clip_inputs *in, int64_t *skip_frames,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    waves w = {0};
    if (!in->media.audio.present || !(want->wave || want->logfbank || want->sound_facts || want->trim_silence))
        return FAL_OK;
    if (want->wave)
        FAL_TRY(read_wave(clip, FAL_RESAMPLE_SINC, &w.wave, &w.wave_count, err));
    if (want->logfbank || want->trim_silence || !want->wave)
        FAL_TRY(read_wave(clip, FAL_RESAMPLE_SOXR_HQ, &w.speech, &w.speech_count, err));
    in->has_audio = w.speech_count || w.wave_count;
    if (!in->has_audio)
        goto done;
    in->sound = w.speech ? fal_sound_measure(w.speech, (int64_t)w.speech_count)
                         : fal_sound_measure(w.wave, (int64_t)w.wave_count);
    if (want->trim_silence && w.speech)
        FAL_TRY(trim_silence(&w, in, skip_frames, err));
    if (want->logfbank && w.speech_count)
        FAL_TRY(fal_logfbank_stacked(w.speech, (int64_t)w.speech_count, &in->logfbank, &in->audio_rows, err));
    in->wave = w.wave, w.wave = NULL;
    in->wave_count = (int64_t)w.wave_count;
done:
    fal_free(w.speech);
    fal_free(w.wave);
    return st;
}
