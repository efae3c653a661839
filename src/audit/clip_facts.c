#include "audit/clip_facts.h"

#include "core/alloc.h"
#include "feature/logfbank.h"
#include "feature/sound.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const fal_fact_name fal_number_fact_names[FAL_NUMBER_FACTS] = {
    [FAL_FACT_LEADING_SILENCE] = {"leading-silence", "s", "trim it (--trim-silence of extract and detect)"},
    [FAL_FACT_TRAILING_SILENCE] = {"trailing-silence", "s", "cut all clips at the last sound"},
    [FAL_FACT_DURATION] = {"duration", "s", "cut clips to equal lengths, or calibrate with the clip's length"},
    [FAL_FACT_LENGTH_DIFFERENCE] = {"audio-video-length", "s", "cut both streams to the shorter one"},
    [FAL_FACT_AUDIO_DELAY] = {"audio-delay", "s", "write all clips anew with one tool"},
    [FAL_FACT_LOUDNESS] = {"loudness", "dBFS", "bring all clips to one loudness"},
    [FAL_FACT_PEAK] = {"peak", "dBFS", "bring all clips to one loudness"},
    [FAL_FACT_PICTURE_SIZE] = {"picture-size", "pixels", "scale all clips to one size"},
    [FAL_FACT_FRAME_RATE] = {"frame-rate", "Hz", "bring all clips to one frame rate"},
    [FAL_FACT_VIDEO_BIT_RATE] = {"video-bit-rate", "kbit/s", "encode all clips with the same settings"},
    [FAL_FACT_AUDIO_BIT_RATE] = {"audio-bit-rate", "kbit/s", "encode all clips with the same settings"},
    [FAL_FACT_FILE_SIZE] = {"file-size", "bytes", "encode all clips with the same settings"},
};

const fal_fact_name fal_text_fact_names[FAL_TEXT_FACTS] = {
    [FAL_FACT_STREAMS] = {"streams", NULL, "keep clips that have both sound and picture"},
    [FAL_FACT_CONTAINER] = {"container", NULL, "encode all clips with the same settings"},
    [FAL_FACT_VIDEO_CODEC] = {"video-codec", NULL, "encode all clips with the same settings"},
    [FAL_FACT_PIXEL_FORMAT] = {"pixel-format", NULL, "encode all clips with the same settings"},
    [FAL_FACT_RESOLUTION] = {"resolution", NULL, "scale all clips to one size"},
    [FAL_FACT_AUDIO_CODEC] = {"audio-codec", NULL, "encode all clips with the same settings"},
    [FAL_FACT_SAMPLE_RATE] = {"sample-rate", NULL, "resample all clips to the lowest rate"},
    [FAL_FACT_CHANNELS] = {"channels", NULL, "mix all clips to mono"},
};

/* Levels below this count as this: digital silence has no finite level. */
static const double LOWEST_DBFS = -120;

static void set_text(fal_clip_facts *facts, fal_text_fact which, const char *text)
{
    snprintf(facts->texts[which], FAL_FACT_TEXT, "%.*s", FAL_FACT_TEXT - 1, text);
}

static double known(double value)
{
    return value > 0 ? value : NAN;
}

static void take_headers(const fal_media_info *info, fal_clip_facts *f)
{
    const fal_video_info *v = &info->video;
    const fal_audio_info *a = &info->audio;
    set_text(f, FAL_FACT_CONTAINER, info->container);
    set_text(f, FAL_FACT_STREAMS, v->present && a->present ? "sound and picture" : v->present ? "picture" : "sound");
    if (v->present) {
        f->numbers[FAL_FACT_PICTURE_SIZE] = known((double)v->width * (double)v->height);
        f->numbers[FAL_FACT_FRAME_RATE] = known(v->average_fps);
        f->numbers[FAL_FACT_VIDEO_BIT_RATE] = known(1e-3 * (double)v->bit_rate);
        set_text(f, FAL_FACT_VIDEO_CODEC, v->codec);
        set_text(f, FAL_FACT_PIXEL_FORMAT, v->pixel_format);
        snprintf(f->texts[FAL_FACT_RESOLUTION], FAL_FACT_TEXT, "%lldx%lld", (long long)v->width, (long long)v->height);
    }
    if (a->present) {
        f->numbers[FAL_FACT_AUDIO_BIT_RATE] = known(1e-3 * (double)a->bit_rate);
        set_text(f, FAL_FACT_AUDIO_CODEC, a->codec);
        snprintf(f->texts[FAL_FACT_SAMPLE_RATE], FAL_FACT_TEXT, "%lld", (long long)a->sample_rate);
        snprintf(f->texts[FAL_FACT_CHANNELS], FAL_FACT_TEXT, "%lld", (long long)a->channels);
    }
    if (v->present && a->present)
        f->numbers[FAL_FACT_AUDIO_DELAY] = a->start_s - v->start_s;
}

/* Silence by the same rule as the leading one, seen from the other end. */
static double trailing_silence_s(const float *wave, size_t count)
{
    size_t quiet = 0;
    while (quiet < count && fal_sample_is_silent(wave[count - 1 - quiet]))
        quiet++;
    return (double)quiet / 16000;
}

static fal_status read_sound(fal_clip *clip, fal_print_maker *maker, fal_clip_facts *f, fal_error *err)
{
    fal_status st = FAL_OK;
    float *wave = NULL;
    size_t count;
    if (!fal_clip_info(clip)->audio.present)
        return FAL_OK;
    FAL_TRY(fal_clip_read_audio(clip, FAL_RESAMPLE_SOXR_HQ, &wave, &count, err));
    fal_sound_facts sound = fal_sound_measure(wave, (int64_t)count);
    f->numbers[FAL_FACT_LEADING_SILENCE] = sound.leading_silence_s;
    f->numbers[FAL_FACT_TRAILING_SILENCE] = trailing_silence_s(wave, count);
    f->numbers[FAL_FACT_LOUDNESS] = fmax(sound.rms_dbfs, LOWEST_DBFS);
    f->numbers[FAL_FACT_PEAK] = fmax(sound.peak_dbfs, LOWEST_DBFS);
    fal_print_sound(maker, wave, count, (size_t)lrint(sound.leading_silence_s * 16000));
done:
    fal_free(wave);
    return st;
}

static fal_status read_pictures(fal_clip *clip, const volatile sig_atomic_t *cancel, fal_print_maker *maker,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    for (;;) {
        fal_frame frame;
        bool end;
        if (cancel && *cancel)
            FAL_FAIL(FAL_ERR_CANCELLED, "stopped");
        FAL_TRY(fal_clip_next_frame(clip, &frame, &end, err));
        if (end)
            break;
        fal_print_picture(maker, &frame);
    }
done:
    return st;
}

/* From what was decoded, where headers may lie. */
static void take_lengths(const fal_clip *clip, fal_clip_facts *f)
{
    const fal_media_report *r = fal_clip_report(clip);
    const fal_media_info *info = fal_clip_info(clip);
    f->numbers[FAL_FACT_DURATION] = known(fmax(r->video_s, r->audio_s));
    if (info->video.present && info->audio.present)
        f->numbers[FAL_FACT_LENGTH_DIFFERENCE] = r->audio_s - r->video_s;
}

fal_status fal_clip_facts_measure(const char *path, const volatile sig_atomic_t *cancel, fal_clip_facts *out,
                                  fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip *clip = NULL;
    fal_clip_facts facts = {0};
    fal_print_maker maker = fal_print_start();
    fal_file_digest digest;
    for (int i = 0; i < FAL_NUMBER_FACTS; i++)
        facts.numbers[i] = NAN;
    FAL_TRY(fal_clip_open(path, &(fal_clip_options){.fps = FAL_PRINT_FPS, .threads = 1}, &clip, err));
    take_headers(fal_clip_info(clip), &facts);
    FAL_TRY(read_sound(clip, &maker, &facts, err));
    FAL_TRY(read_pictures(clip, cancel, &maker, err));
    take_lengths(clip, &facts);
    FAL_TRY(fal_digest_file(path, false, "reading", &(fal_progress){.cancel = cancel}, &digest, err));
    facts.numbers[FAL_FACT_FILE_SIZE] = (double)digest.bytes;
    fal_print_finish(&maker, &facts.print);
    memcpy(facts.print.file, digest.sha256, sizeof facts.print.file);
    *out = facts;
done:
    fal_clip_free(&clip);
    return st;
}
