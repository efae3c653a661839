#include "media/audio.h"

#include "core/alloc.h"
#include "media/decoder.h"
#include "media/time_axis.h"
#include "media/wav_file.h"

#include <math.h>
#include <string.h>

#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>

enum { MAX_CHANNELS = 64, MIN_RATE = 1000 };

/* Far above any sound; float tracks can hold anything. */
static const float absurd_level = 1e6f;

/* Silence is filled in from half a video frame on at the start (codec delays are smaller) and from a tenth of a second
 * on inside, where coarse time stamps jitter more. From a tenth on it is worth a warning. */
static const double fill_s = 0.02, gap_s = 0.1;

/* One reading of the track: decoder -> channels as float -> mean -> 16 kHz; or decoder -> 16 bits -> WAV file. */
typedef struct audio_reader {
    const char *path;
    bool exact;
    bool sixteen_bit; /* quantise first, as a 16-bit WAV file in between does */
    fal_resample_mode mode;
    fal_reading *reading;
    fal_decoder *decoder;
    fal_time_axis axis;
    SwrContext *convert;    /* from the layout and format of `like` to interleaved samples */
    AVFrame *like;          /* properties of the frames `convert` was made for */
    AVChannelLayout layout; /* of the first frame; later ones are mixed to it */
    int rate;
    fal_resampler *resampler;
    const char *save_path; /* NULL: the track is resampled, not saved */
    fal_wav_file *wav;
    void *interleaved; /* room for block_frames * channels int16_t or float */
    float *channels, *mono;
    size_t block_frames;
    int64_t garbage_blocks;    /* decoded frames with samples that are no numbers */
    int64_t decoded, position; /* samples per channel: from the file; with the silence filled in */
    fal_samples out;
} audio_reader;

static void free_reader(audio_reader *a)
{
    swr_free(&a->convert);
    av_frame_free(&a->like);
    av_channel_layout_uninit(&a->layout);
    fal_resampler_free(&a->resampler);
    fal_wav_abort(&a->wav);
    fal_decoder_free(&a->decoder);
    fal_release(&a->interleaved);
    fal_release(&a->channels);
    fal_release(&a->mono);
    fal_release(&a->out.data);
}

/* Lossless audio keeps its precision for FAL_RESAMPLE_SINC; everything else went through a 16-bit WAV file upstream. */
static bool wants_sixteen_bit(fal_resample_mode mode, enum AVCodecID codec)
{
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get(codec);
    bool lossless = descriptor && descriptor->props & AV_CODEC_PROP_LOSSLESS;
    return mode == FAL_RESAMPLE_SOXR_HQ || !lossless;
}

static bool same_kind(const AVFrame *a, const AVFrame *b)
{
    return a->format == b->format && a->sample_rate == b->sample_rate &&
           av_channel_layout_compare(&a->ch_layout, &b->ch_layout) == 0;
}

/* The first frame fixes rate and channels of the track. */
static fal_status start_track(audio_reader *a, const AVFrame *frame, fal_error *err)
{
    if (av_channel_layout_copy(&a->layout, &frame->ch_layout) < 0)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", a->path);
    a->rate = frame->sample_rate;
    if (a->save_path)
        return fal_wav_create(a->save_path, a->rate, a->layout.nb_channels, &a->wav, err);
    fal_status st = fal_resampler_create(a->mode, a->rate, &a->resampler, err);
    if (st != FAL_OK)
        fal_error_prefix(err, "%s", a->path);
    return st;
}

static fal_status check_frame(const audio_reader *a, const AVFrame *frame, fal_error *err)
{
    int channels = frame->ch_layout.nb_channels;
    if (frame->sample_rate < MIN_RATE || channels < 1 || channels > MAX_CHANNELS)
        return fal_fail(err, FAL_ERR_UNSUPPORTED,
                        "%s: audio of %d channels at %d Hz, expected 1 to %d channels "
                        "at %d Hz or more",
                        a->path, channels, frame->sample_rate, (int)MAX_CHANNELS, (int)MIN_RATE);
    return FAL_OK;
}

static int make_converter(audio_reader *a)
{
    AVFrame *from = a->like;
    enum AVSampleFormat to = a->sixteen_bit ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLT;
    swr_free(&a->convert);
    int code = swr_alloc_set_opts2(&a->convert, &a->layout, to, a->rate, &from->ch_layout,
                                   (enum AVSampleFormat)from->format, from->sample_rate, 0, NULL);
    return code < 0 ? code : swr_init(a->convert);
}

/* Makes `convert` fit this frame. swresample keeps rate and channels when input and output agree, and then only changes
 * the sample format: rounding as the ffmpeg program does when it writes 16-bit WAV. */
static fal_status adapt(audio_reader *a, const AVFrame *frame, fal_error *err)
{
    fal_status st = FAL_OK;
    if (a->convert && same_kind(a->like, frame))
        return FAL_OK;
    FAL_TRY(check_frame(a, frame, err));
    if (!a->rate)
        FAL_TRY(start_track(a, frame, err));
    av_frame_free(&a->like);
    FAL_ALLOC(a->like, av_frame_clone(frame));
    int code = make_converter(a);
    if (code < 0)
        st = fal_fail_av(err, code, a->path, "cannot convert the audio samples");
done:
    return st;
}

static fal_status reserve(audio_reader *a, size_t frames, fal_error *err)
{
    fal_status st = FAL_OK;
    if (frames <= a->block_frames)
        return FAL_OK;
    size_t channels = (size_t)a->layout.nb_channels;
    fal_release(&a->interleaved);
    fal_release(&a->channels);
    fal_release(&a->mono);
    a->block_frames = 0;
    FAL_ALLOC(a->interleaved, fal_malloc_array(frames * channels, sizeof(float)));
    FAL_ALLOC(a->channels, fal_malloc_array(frames * channels, sizeof(float)));
    FAL_ALLOC(a->mono, fal_malloc_array(frames, sizeof(float)));
    a->block_frames = frames;
done:
    return st;
}

static void widen(const int16_t *in, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)in[i] / 32768.0f;
}

/* NaN, infinity and garbage become silence; tells whether there were any. */
static bool clean(float *samples, size_t count)
{
    bool dirty = false;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(samples[i]) <= absurd_level)) {
            samples[i] = 0;
            dirty = true;
        }
    }
    return dirty;
}

/* What is in `interleaved`: into the file, or as mono at the track's rate to the resampler. */
static fal_status push(audio_reader *a, size_t frames, fal_error *err)
{
    size_t channels = (size_t)a->layout.nb_channels;
    float *samples = a->interleaved;
    a->position += (int64_t)frames;
    if (a->wav)
        return fal_wav_add(a->wav, a->interleaved, frames, err);
    if (a->sixteen_bit) {
        widen(a->interleaved, frames * channels, a->channels);
        samples = a->channels;
    } else {
        a->garbage_blocks += clean(samples, frames * channels);
    }
    fal_to_mono(samples, frames, channels, a->mono);
    return fal_resampler_push(a->resampler, a->mono, frames, &a->out, err);
}

static fal_status push_silence(audio_reader *a, int64_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(reserve(a, 4096, err));
    for (size_t part; count > 0; count -= (int64_t)part) {
        part = count < (int64_t)a->block_frames ? (size_t)count : a->block_frames;
        memset(a->interleaved, 0, part * (size_t)a->layout.nb_channels * sizeof(float));
        FAL_TRY(push(a, part, err));
    }
done:
    return st;
}

/* Brings `position` to the frame's time when the file leaves a hole before it. */
static fal_status fill_hole(audio_reader *a, const AVFrame *frame, fal_error *err)
{
    bool repaired = false, first = !a->axis.started;
    int64_t duration = av_rescale_q(frame->nb_samples, (AVRational){1, frame->sample_rate}, a->axis.base);
    int64_t at = fal_time_axis_place(&a->axis, fal_decoder_frame_time(a->decoder, frame), duration, &repaired);
    uint32_t *warnings = &a->reading->report.warnings;
    if (repaired)
        *warnings |= FAL_MEDIA_WARN_BAD_TIMESTAMPS;
    int64_t missing = av_rescale_q(at, a->axis.base, (AVRational){1, a->rate}) - a->position;
    if ((double)missing <= (first ? fill_s : gap_s) * a->rate)
        return FAL_OK;
    if ((double)missing > gap_s * a->rate)
        *warnings |= first ? FAL_MEDIA_WARN_LATE_AUDIO : FAL_MEDIA_WARN_AUDIO_GAP;
    return a->exact ? FAL_OK : push_silence(a, missing, err);
}

static fal_status take_frame(audio_reader *a, const AVFrame *frame, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(adapt(a, frame, err));
    FAL_TRY(fill_hole(a, frame, err));
    if (a->position / a->rate >= FAL_MAX_STREAM_S)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: more than %d hours of audio", a->path, FAL_MAX_STREAM_S / 3600);
    int room = swr_get_out_samples(a->convert, frame->nb_samples);
    if (room < 0)
        FAL_FAIL(FAL_ERR_INTERNAL, "%s: the sample converter refuses %d samples", a->path, frame->nb_samples);
    FAL_TRY(reserve(a, (size_t)room, err));
    int got = swr_convert(a->convert, (uint8_t *[]){a->interleaved}, room, (const uint8_t **)frame->extended_data,
                          frame->nb_samples);
    if (got < 0) {
        st = fal_fail_av(err, got, a->path, "cannot convert the audio samples");
        goto done;
    }
    a->decoded += got;
    st = push(a, (size_t)got, err);
done:
    return st;
}

static fal_status decode_all(audio_reader *a, fal_error *err)
{
    for (;;) {
        AVFrame *frame;
        fal_status st = fal_decoder_next(a->decoder, &frame, err);
        if (st != FAL_OK || !frame)
            return st;
        st = take_frame(a, frame, err);
        av_frame_free(&frame);
        if (st != FAL_OK)
            return st;
    }
}

static void conclude(const audio_reader *a)
{
    fal_stream_end *end = &a->reading->audio;
    end->done = true;
    end->length_s = a->rate ? (double)a->decoded / a->rate : 0;
    end->end_s = fal_time_axis_seconds(&a->axis, a->axis.end);
    end->claim = fal_container_claim(&a->decoder->container, a->decoder->stream);
    a->reading->report.audio_samples = a->decoded;
    a->reading->report.audio_errors = a->decoder->errors + a->garbage_blocks;
    fal_reading_conclude(a->reading);
}

static fal_status read_track(audio_reader *a, const fal_clip_options *options, fal_error *err)
{
    fal_status st = FAL_OK;
    a->exact = options->exact;
    FAL_TRY(fal_decoder_open(a->path, AVMEDIA_TYPE_AUDIO, options->threads, &a->decoder, err));
    a->sixteen_bit = a->save_path || wants_sixteen_bit(a->mode, a->decoder->stream->codecpar->codec_id);
    a->axis = fal_time_axis_start(a->decoder->stream->time_base, (AVRational){0, 1});
    FAL_TRY(decode_all(a, err));
    conclude(a);
    if (!a->decoded)
        FAL_FAIL(FAL_ERR_TOO_SHORT, "%s: not one audio sample could be decoded", a->path);
done:
    return st;
}

fal_status fal_audio_read(const char *path, const fal_clip_options *options, fal_resample_mode mode,
                          fal_reading *reading, float **samples, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    audio_reader a = {.path = path, .mode = mode, .reading = reading};
    FAL_TRY(read_track(&a, options, err));
    FAL_TRY(fal_resampler_finish(a.resampler, &a.out, err));
    *samples = a.out.data;
    *count = a.out.count;
    a.out.data = NULL;
done:
    free_reader(&a);
    return st;
}

fal_status fal_audio_save(const char *path, const fal_clip_options *options, fal_reading *reading, const char *to,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    audio_reader a = {.path = path, .reading = reading, .save_path = to};
    FAL_TRY(read_track(&a, options, err));
    FAL_TRY(fal_wav_commit(&a.wav, err));
done:
    free_reader(&a);
    return st;
}
