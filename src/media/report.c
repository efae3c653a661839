#include "media/report.h"

#include <math.h>

/* Codec delay and rounding make claims a frame or two longer than what is there. */
static const double slack_s = 0.1;
static const double truncated_s = 0.5;
/* Clips of talking heads as cameras and platforms write them have 0.02 to 0.4 (H.264) or 0.01 to 0.02 (HEVC, AV1). */
static const double low_bits_per_pixel = 0.01;

typedef struct warning_row {
    fal_media_warning bit;
    const char *code, *text;
} warning_row;

static const warning_row warnings[] = {
    {FAL_MEDIA_WARN_VARIABLE_RATE, "variable_rate", "the frame rate varies; frames were picked by their time"},
    {FAL_MEDIA_WARN_LATE_VIDEO, "late_video", "the picture starts after the sound; its first frame stands in"},
    {FAL_MEDIA_WARN_LATE_AUDIO, "late_audio", "the sound starts after the picture; silence stands in"},
    {FAL_MEDIA_WARN_VIDEO_GAP, "video_gap", "frames are missing for half a second or more; the last one stands in"},
    {FAL_MEDIA_WARN_AUDIO_GAP, "audio_gap", "sound is missing inside the track; silence stands in"},
    {FAL_MEDIA_WARN_BAD_TIMESTAMPS, "bad_timestamps", "some time stamps make no sense and were not used"},
    {FAL_MEDIA_WARN_DAMAGED_VIDEO, "damaged_video", "parts of the picture data could not be decoded"},
    {FAL_MEDIA_WARN_DAMAGED_AUDIO, "damaged_audio", "parts of the sound data could not be decoded"},
    {FAL_MEDIA_WARN_TRUNCATED_VIDEO, "truncated_video", "the picture ends before the length the file claims"},
    {FAL_MEDIA_WARN_TRUNCATED_AUDIO, "truncated_audio", "the sound ends before the length the file claims"},
    {FAL_MEDIA_WARN_SIZE_CHANGE, "size_change", "the picture size changes; later frames were scaled to the first"},
    {FAL_MEDIA_WARN_LOW_BIT_RATE, "low_bit_rate", "the picture is heavily compressed"},
};

static const warning_row *find_warning(fal_media_warning warning)
{
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++)
        if (warnings[i].bit == warning)
            return &warnings[i];
    return NULL;
}

const char *fal_media_warning_code(fal_media_warning warning)
{
    const warning_row *row = find_warning(warning);
    return row ? row->code : "unknown";
}

const char *fal_media_warning_text(fal_media_warning warning)
{
    const warning_row *row = find_warning(warning);
    return row ? row->text : "unknown";
}

static double reached_s(const fal_stream_end *one, const fal_stream_end *other)
{
    if (one->claim.kind == FAL_CLAIM_LENGTH)
        return one->length_s;
    bool other_counts = one->claim.kind == FAL_CLAIM_FILE_END && other->done;
    return fmax(one->end_s, other_counts ? other->end_s : 0);
}

static double lost_s(const fal_stream_end *one, const fal_stream_end *other)
{
    if (!one->done || one->claim.kind == FAL_CLAIM_NONE)
        return 0;
    double lost = one->claim.seconds - reached_s(one, other);
    return lost > slack_s ? lost : 0;
}

static void set_warning(fal_media_report *report, fal_media_warning warning, bool on)
{
    if (on)
        report->warnings |= (uint32_t)warning;
    else
        report->warnings &= ~(uint32_t)warning;
}

void fal_reading_conclude(fal_reading *reading)
{
    fal_media_report *report = &reading->report;
    report->video_s = reading->video.length_s;
    report->audio_s = reading->audio.length_s;
    report->lost_video_s = lost_s(&reading->video, &reading->audio);
    report->lost_audio_s = lost_s(&reading->audio, &reading->video);
    set_warning(report, FAL_MEDIA_WARN_TRUNCATED_VIDEO, report->lost_video_s >= truncated_s);
    set_warning(report, FAL_MEDIA_WARN_TRUNCATED_AUDIO, report->lost_audio_s >= truncated_s);
    set_warning(report, FAL_MEDIA_WARN_DAMAGED_VIDEO, report->video_errors || report->frames_damaged);
    set_warning(report, FAL_MEDIA_WARN_DAMAGED_AUDIO, report->audio_errors > 0);
    set_warning(report, FAL_MEDIA_WARN_LOW_BIT_RATE,
                reading->video.done && report->frames_decoded && report->bits_per_pixel < low_bits_per_pixel);
}

void fal_reading_restart_video(fal_reading *reading)
{
    fal_media_report *report = &reading->report;
    report->frames_decoded = report->frames_out = report->frames_dropped = report->frames_duplicated = 0;
    report->frames_damaged = report->video_errors = 0;
    report->bits_per_pixel = 0;
    reading->video = (fal_stream_end){0};
    set_warning(report, FAL_MEDIA_WARN_VIDEO_GAP, false);
    fal_reading_conclude(reading);
}
