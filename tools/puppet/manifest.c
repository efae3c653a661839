#include "puppet/manifest.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"

#include <math.h>
#include <stdio.h>

/* Times are written in milliseconds' precision. */
static double to_ms(double seconds)
{
    return round(seconds * 1000) / 1000;
}

static bool exists(pup_segment s)
{
    return s.end_s > s.start_s;
}

static void put_segment(fal_jw *w, pup_segment s)
{
    fal_jw_array(w);
    fal_jw_double(w, to_ms(s.start_s));
    fal_jw_double(w, to_ms(s.end_s));
    fal_jw_end_array(w);
}

static void put_segments(fal_jw *w, const char *key, pup_segment a, pup_segment b)
{
    fal_jw_key(w, key);
    fal_jw_array(w);
    if (exists(a))
        put_segment(w, a);
    if (exists(b) && !(exists(a) && a.start_s == b.start_s && a.end_s == b.end_s))
        put_segment(w, b);
    fal_jw_end_array(w);
}

static void put_operations(fal_jw *w, const pup_facts *facts)
{
    fal_jw_key(w, "operations");
    fal_jw_array(w);
    if (facts->new_words[0]) {
        pup_segment s = exists(facts->audio_fake) ? facts->audio_fake : facts->visual_fake;
        fal_jw_object(w);
        fal_jw_put_string(w, "operation", "replace");
        fal_jw_put_string(w, "old_word", facts->old_words);
        fal_jw_put_string(w, "new_word", facts->new_words);
        fal_jw_put_double(w, "start", to_ms(s.start_s));
        fal_jw_put_double(w, "end", to_ms(s.end_s));
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

static void put_clip(fal_jw *w, const pup_options *options, const pup_clip *clip, const pup_facts *facts)
{
    const pup_method_info *method = pup_method_get(clip->method);
    const pup_segment none = {0};
    fal_jw_object(w);
    fal_jw_put_string(w, "file", clip->path);
    fal_jw_put_string(w, "original", clip->original[0] ? clip->original : NULL);
    fal_jw_put_string(w, "split", options->splits[clip->split].name);
    fal_jw_put_string(w, "modify_type", method->modify_type);
    fal_jw_put_string(w, "audio_model", method->audio_model);
    fal_jw_put_string(w, "video_model", method->video_model);
    put_segments(w, "fake_segments", facts->audio_fake, facts->visual_fake);
    put_segments(w, "audio_fake_segments", facts->audio_fake, none);
    put_segments(w, "visual_fake_segments", facts->visual_fake, none);
    fal_jw_key(w, "video_frames"); /* at 25 Hz, as in AV-Deepfake1M, whatever the clip's own rate */
    fal_jw_int(w, llround(facts->duration_s * 25));
    fal_jw_key(w, "audio_frames"); /* samples at 16 kHz */
    fal_jw_int(w, llround(facts->duration_s * 16000));
    put_operations(w, facts);
    fal_jw_put_string(w, "method", method->name);
    fal_jw_put_int(w, "identity", clip->identity);
    fal_jw_put_string(w, "voice", facts->voice);
    fal_jw_put_string(w, "transcript", facts->text);
    fal_jw_put_double(w, "duration", facts->duration_s);
    fal_jw_put_double(w, "fps", (double)options->fps_num / options->fps_den);
    fal_jw_put_double(w, "audio_shift", to_ms(facts->shift_s));
    fal_jw_put_bool(w, "leading_silence", clip->leading_silence);
    fal_jw_end_object(w);
}

/* Writes a finished buffer to out_dir/name. */
static fal_status save(const pup_options *options, const char *name, const fal_buf *text, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    if (text->failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", name);
    FAL_ALLOC(path, fal_asprintf("%s/%s", options->out_dir, name));
    FAL_TRY(fal_file_write(path, text->data, text->length, err));
done:
    fal_free(path);
    return st;
}

static fal_status write_metadata(const pup_options *options, const pup_clip *clips, const pup_facts *facts,
                                 fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_array(&w);
    for (int64_t i = 0; i < options->clips; i++)
        put_clip(&w, options, &clips[i], &facts[i]);
    fal_jw_end_array(&w);
    fal_buf_puts(&text, "\n");
    fal_status st = save(options, "metadata.json", &text, err);
    fal_buf_free(&text);
    return st;
}

/* All columns, all splits. */
static fal_status write_labels(const pup_options *options, const pup_clip *clips, const pup_facts *facts,
                               fal_error *err)
{
    fal_buf text = {0};
    fal_buf_puts(&text, "path,label,split,identity,method,voice\n");
    for (int64_t i = 0; i < options->clips; i++)
        fal_buf_printf(&text, "%s,%d,%s,%d,%s,%s\n", clips[i].path, clips[i].method != PUP_REAL,
                       options->splits[clips[i].split].name, clips[i].identity, pup_method_get(clips[i].method)->name,
                       facts[i].voice);
    fal_status st = save(options, "labels.csv", &text, err);
    fal_buf_free(&text);
    return st;
}

/* path,label of one split. */
static fal_status write_split_labels(const pup_options *options, const pup_clip *clips, int split, fal_error *err)
{
    char name[64];
    fal_buf text = {0};
    snprintf(name, sizeof name, "%s_labels.csv", options->splits[split].name);
    fal_buf_puts(&text, "path,label\n");
    for (int64_t i = 0; i < options->clips; i++)
        if (clips[i].split == split)
            fal_buf_printf(&text, "%s,%d\n", clips[i].path, clips[i].method != PUP_REAL);
    fal_status st = save(options, name, &text, err);
    fal_buf_free(&text);
    return st;
}

fal_status pup_manifest_write(const pup_options *options, const pup_clip *clips, const pup_facts *facts, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(write_metadata(options, clips, facts, err));
    FAL_TRY(write_labels(options, clips, facts, err));
    for (int s = 0; s < options->split_count; s++)
        FAL_TRY(write_split_labels(options, clips, s, err));
done:
    return st;
}
