#include "core/alloc.h"
#include "core/json.h"
#include "core/status.h"

#include <falsetto/report.h>

static void put_opinion(fal_jw *w, const fal_opinion *o)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "encoder", o->encoder);
    fal_jw_put_string(w, "family", o->family);
    fal_jw_put_string(w, "stream", fal_stream_name(o->stream));
    fal_jw_put_string(w, "feature", o->feature);
    fal_jw_put_string(w, "head", o->head);
    fal_jw_put_bool(w, "usable", o->usable);
    fal_jw_put_double(w, "say", o->say);
    fal_jw_put_bool(w, "calibrated", o->calibrated);
    if (o->frames) {
        fal_jw_put_double(w, "clip_logit", o->clip_logit);
        fal_jw_put_double(w, "p_fake", o->p_fake);
    }
    fal_jw_put_double(w, "rate_hz", o->rate_hz);
    fal_jw_put_double(w, "start_s", o->start_s);
    fal_jw_key(w, "frame_logits");
    fal_jw_array(w);
    for (int64_t t = 0; t < o->frames; t++)
        fal_jw_float(w, o->frame_logits[t]);
    fal_jw_end_array(w);
    fal_jw_end_object(w);
}

static void put_range(fal_jw *w, const fal_range *r)
{
    fal_jw_object(w);
    fal_jw_put_double(w, "start_s", r->start_s);
    fal_jw_put_double(w, "end_s", r->end_s);
    fal_jw_put_double(w, "peak_s", r->peak_s);
    fal_jw_put_double(w, "peak_logit", r->peak_logit);
    fal_jw_end_object(w);
}

static void put_reason(fal_jw *w, const fal_reason *r)
{
    static const char *const severities[] = {"note", "warning", "blocking"};
    fal_jw_object(w);
    fal_jw_put_string(w, "code", r->code);
    fal_jw_put_string(w, "severity", severities[r->severity]);
    fal_jw_put_string(w, "text", r->text);
    fal_jw_end_object(w);
}

static void put_media(fal_jw *w, const fal_media_info *m, const fal_media_report *r)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "container", m->container);
    fal_jw_put_double(w, "claimed_duration_s", m->duration_s);
    if (m->video.present) {
        fal_jw_put_string(w, "video_codec", m->video.codec);
        fal_jw_put_int(w, "width", m->video.width);
        fal_jw_put_int(w, "height", m->video.height);
        fal_jw_put_int(w, "rotation_deg", m->video.rotation_deg);
        fal_jw_put_double(w, "fps", m->video.average_fps);
        fal_jw_put_bool(w, "variable_rate", m->video.variable_rate);
        fal_jw_put_double(w, "video_s", r->video_s);
        fal_jw_put_double(w, "bits_per_pixel", r->bits_per_pixel);
    }
    if (m->audio.present) {
        fal_jw_put_string(w, "audio_codec", m->audio.codec);
        fal_jw_put_int(w, "sample_rate", m->audio.sample_rate);
        fal_jw_put_int(w, "channels", m->audio.channels);
        fal_jw_put_double(w, "audio_s", r->audio_s);
    }
    fal_jw_put_double(w, "lost_video_s", r->lost_video_s);
    fal_jw_put_double(w, "lost_audio_s", r->lost_audio_s);
    fal_jw_put_int(w, "decode_errors", r->video_errors + r->audio_errors);
    fal_jw_end_object(w);
}

static void put_face(fal_jw *w, const fal_face_facts *f)
{
    fal_jw_object(w);
    fal_jw_put_bool(w, "looked", f->looked);
    fal_jw_put_int(w, "frames", f->frames);
    fal_jw_put_int(w, "seen", f->seen);
    fal_jw_put_int(w, "interpolated", f->interpolated);
    fal_jw_put_int(w, "missing", f->missing);
    fal_jw_put_int(w, "faces", f->faces);
    fal_jw_put_double(w, "several_fraction", f->several_fraction);
    fal_jw_put_int(w, "chosen", f->chosen);
    fal_jw_put_double(w, "median_width_px", f->median_width);
    fal_jw_put_bool(w, "whole_frames", f->whole_frames);
    fal_jw_end_object(w);
}

static void put_sound(fal_jw *w, const fal_sound_facts *s)
{
    fal_jw_object(w);
    fal_jw_put_bool(w, "present", s->present);
    if (s->present) {
        fal_jw_put_double(w, "duration_s", s->duration_s);
        fal_jw_put_double(w, "rms_dbfs", s->rms_dbfs);
        fal_jw_put_double(w, "peak_dbfs", s->peak_dbfs);
        fal_jw_put_double(w, "speech_s", s->speech_s);
        fal_jw_put_double(w, "leading_silence_s", s->leading_silence_s);
    }
    fal_jw_end_object(w);
}

static void put_timing(fal_jw *w, const fal_timing *t)
{
    fal_jw_object(w);
    fal_jw_put_double(w, "decode_s", t->decode_s);
    fal_jw_put_double(w, "face_s", t->face_s);
    fal_jw_put_double(w, "encode_s", t->encode_s);
    fal_jw_put_double(w, "total_s", t->total_s);
    fal_jw_end_object(w);
}

static void put_head(fal_jw *w, const fal_judgement *j)
{
    fal_jw_put_string(w, "format", "falsetto-judgement-1");
    fal_jw_put_string(w, "path", j->path);
    fal_jw_put_string(w, "verdict", fal_verdict_name(j->verdict));
    fal_jw_put_double(w, "p_fake", j->p_fake);
    fal_jw_put_double(w, "clip_logit", j->clip_logit);
    fal_jw_key(w, "band");
    fal_jw_array(w);
    fal_jw_double(w, j->low);
    fal_jw_double(w, j->high);
    fal_jw_end_array(w);
    fal_jw_put_double(w, "duration_s", j->duration_s);
}

static void put_lists(fal_jw *w, const fal_judgement *j)
{
    fal_jw_key(w, "reasons");
    fal_jw_array(w);
    for (size_t i = 0; i < j->reason_count; i++)
        put_reason(w, &j->reasons[i]);
    fal_jw_end_array(w);
    fal_jw_key(w, "ranges");
    fal_jw_array(w);
    for (size_t i = 0; i < j->range_count; i++)
        put_range(w, &j->ranges[i]);
    fal_jw_end_array(w);
    fal_jw_key(w, "opinions");
    fal_jw_array(w);
    for (size_t i = 0; i < j->opinion_count; i++)
        put_opinion(w, &j->opinions[i]);
    fal_jw_end_array(w);
}

fal_status fal_judgement_json(const fal_judgement *j, bool compact, char **json, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, compact);
    fal_jw_object(&w);
    put_head(&w, j);
    put_lists(&w, j);
    fal_jw_key(&w, "media"), put_media(&w, &j->media, &j->report);
    fal_jw_key(&w, "face"), put_face(&w, &j->face);
    fal_jw_key(&w, "sound"), put_sound(&w, &j->sound);
    fal_jw_key(&w, "timing"), put_timing(&w, &j->timing);
    fal_jw_end_object(&w);
    if (text.failed) {
        fal_buf_free(&text);
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory while writing JSON", j->path);
    }
    *json = text.data;
    return FAL_OK;
}
