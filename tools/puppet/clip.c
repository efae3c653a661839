#include "puppet/clip.h"

#include "core/alloc.h"
#include "core/file.h"
#include "puppet/encode.h"
#include "puppet/random.h"
#include "puppet/scene.h"
#include "puppet/sound.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Everything the pictures of one clip need. */
typedef struct studio {
    const pup_options *options;
    const pup_clip *clip;
    const pup_take *take;
    pup_segment fake;
    pup_retouch retouch;
    pup_scene scene;
    pup_identity stranger;
    pup_picture picture, other; /* other: only for a pasted face */
    pup_noise noise;
    fal_buf poses; /* lines of the file that --poses asks for */
    fal_rng noise_rng, flicker_rng;
} studio;

/* The colour mismatch of one frame. */
static void flickering_gain(studio *s, double gain[3])
{
    double flicker = 1 + s->retouch.flicker * fal_rng_normal(&s->flicker_rng);
    for (int c = 0; c < 3; c++)
        gain[c] = s->retouch.gain[c] * flicker;
}

static pup_patch mouth_patch(const pup_head *head)
{
    pup_point at = pup_in_picture(head, 0, head->id->mouth_y + 0.08, 0.05);
    double unit = head->pose.unit_px;
    return (pup_patch){at.x, at.y, 0.72 * unit, 0.60 * unit, head->pose.roll, 0.25};
}

static pup_patch face_patch(const pup_head *head)
{
    pup_point at = pup_in_picture(head, 0, 0.28, 0.05);
    double unit = head->pose.unit_px;
    return (pup_patch){at.x, at.y, 0.92 * unit, 1.08 * unit, head->pose.roll, 0.22};
}

/* The stranger's face where the speaker's is, a little displaced, into s->other. */
static void draw_stranger(studio *s, double time_s, const pup_head *speaker)
{
    pup_head fake = *speaker;
    fake.id = &s->stranger;
    fake.pose.x += s->retouch.jitter_px * fal_rng_normal(&s->flicker_rng);
    fake.pose.y += s->retouch.jitter_px * fal_rng_normal(&s->flicker_rng);
    pup_scene_draw(&s->scene, time_s, &fake, &s->other);
    pup_picture_blur(&s->other);
}

static void note_pose(studio *s, double time_s, const pup_head *head, bool forged)
{
    const pup_mouth *m = &head->face.mouth;
    pup_point mouth = pup_in_picture(head, 0, head->id->mouth_y, 0.06);
    fal_buf_printf(&s->poses, "%.4f,%d,%.4f,%.4f,%.4f,%.4f,%.2f,%.2f,%.2f,%.2f,%.2f,%.4f,%.4f,%.4f\n", time_s, forged,
                   m->open, m->width, m->round, head->face.lid, mouth.x, mouth.y, head->pose.x, head->pose.y,
                   head->pose.unit_px, head->pose.yaw, head->pose.pitch, head->pose.roll);
}

/* Draws the picture at a time as the forger leaves it; *patch is where he worked. Returns whether he did. */
static bool draw_picture(studio *s, double time_s, pup_patch *patch)
{
    static const double neutral[3] = {1, 1, 1};
    pup_mouth mouth = pup_mouth_at(&s->take->phones, s->take->seconds, time_s);
    pup_head head = pup_scene_speaker(&s->scene, time_s, &mouth);
    bool forged = time_s >= s->fake.start_s && time_s < s->fake.end_s;
    if (s->options->poses)
        note_pose(s, time_s, &head, forged);
    double gain[3];
    int radius = (int)ceil(s->retouch.soft_radius * head.pose.unit_px / 60);
    pup_scene_draw(&s->scene, time_s, &head, &s->picture);
    pup_picture_blur(&s->picture);
    if (!forged || s->retouch.kind == PUP_RETOUCH_NONE)
        return false;
    flickering_gain(s, gain);
    if (s->retouch.kind == PUP_RETOUCH_MOUTH) {
        *patch = mouth_patch(&head);
        pup_picture_soften(&s->picture, patch, radius, gain, s->retouch.strength);
        return true;
    }
    *patch = face_patch(&head);
    draw_stranger(s, time_s, &head);
    pup_picture_soften(&s->other, patch, radius, neutral, s->retouch.strength);
    pup_picture_paste(&s->picture, &s->other, patch, gain);
    return true;
}

static fal_status shoot(studio *s, int64_t frames, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_writer *writer = NULL;
    const pup_options *o = s->options;
    FAL_TRY(pup_writer_open(path, o, s->take->track, s->take->count, &writer, err));
    for (int64_t i = 0; i < frames; i++) {
        pup_patch patch;
        double time_s = ((double)i + 0.5) * o->fps_den / o->fps_num;
        bool forged = draw_picture(s, time_s, &patch);
        pup_picture_noise(&s->picture, &s->noise, &s->noise_rng, forged ? &patch : NULL, s->retouch.noise_left);
        FAL_TRY(pup_writer_picture(writer, s->picture.pixels, s->picture.stride, err));
    }
    FAL_TRY(pup_writer_close(&writer, err));
done:
    pup_writer_abort(&writer);
    return st;
}

static fal_status write_poses(studio *s, const char *clip_path, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    if (s->poses.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "poses: out of memory");
    FAL_ALLOC(path, fal_asprintf("%s.poses.csv", clip_path));
    FAL_TRY(fal_file_write(path, s->poses.data, s->poses.length, err));
done:
    fal_free(path);
    return st;
}

static void studio_free(studio *s)
{
    fal_buf_free(&s->poses);
    pup_scene_free(&s->scene);
    pup_picture_free(&s->picture);
    pup_picture_free(&s->other);
}

static fal_status studio_make(const pup_options *options, const pup_clip *clip, const pup_take *take, pup_segment fake,
                              const pup_retouch *retouch, studio *s, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_identity speaker = pup_identity_make(clip->speaker.look, clip->speaker.female);
    s->options = options;
    s->clip = clip;
    s->take = take;
    s->fake = fake;
    s->retouch = *retouch;
    s->noise_rng = pup_rng(clip->recording, "noise rows", 0);
    s->flicker_rng = pup_rng(retouch->seed, "flicker", 0);
    pup_noise_make(&s->noise, clip->recording, options->noise);
    FAL_TRY(pup_scene_make(options, clip->recording, &speaker, &s->scene, err));
    FAL_TRY(pup_picture_make(options->width, options->height, &s->picture, err));
    if (retouch->kind == PUP_RETOUCH_FACE) {
        s->stranger = pup_identity_make(clip->stranger.look, clip->stranger.female);
        s->stranger.width = speaker.width;
        s->stranger.glasses = speaker.glasses;
        FAL_TRY(pup_picture_make(options->width, options->height, &s->other, err));
    }
done:
    return st;
}

/* The planted shortcut: exact zeros in front of the recording, as text-to-speech output starts. The clip lasts longer
 * by them, so that trimming them leaves as much as other clips have. */
static double leading_silence_s(const pup_clip *clip)
{
    fal_rng rng = pup_rng(clip->recording, "leading silence", 0);
    return clip->leading_silence ? pup_between(&rng, 0.12, 0.3) : 0;
}

static fal_status record(const pup_clip *clip, pup_take *take, pup_facts *facts, pup_retouch *retouch, fal_error *err)
{
    fal_status st = FAL_OK;
    double silence_s = leading_silence_s(clip);
    pup_voice voice = clip->speaker.voice;
    if (clip->method == PUP_VOICE) {
        voice = clip->stranger.voice;
        voice.rate_wpm = clip->speaker.voice.rate_wpm;
    }
    FAL_TRY(pup_take_make(clip, &voice, facts->duration_s, silence_s, take, err));
    snprintf(facts->voice, sizeof facts->voice, "%s", voice.name);
    if (take->words.count)
        pup_take_quote(take, 0, take->words.count - 1, facts->text, sizeof facts->text);
    FAL_TRY(pup_forge(clip, take, facts, retouch, err));
    FAL_TRY(pup_room(take->track, take->noise_gain, take->count, clip->recording, err));
    memset(take->track, 0, pup_sample_at(take, silence_s) * sizeof *take->track);
done:
    return st;
}

fal_status pup_clip_make(const pup_options *options, const pup_clip *clip, pup_facts *out, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_take take = {0};
    pup_facts facts = {0};
    pup_retouch retouch = {0};
    studio *s = NULL;
    char *path = NULL;
    double fps = (double)options->fps_num / options->fps_den;
    facts.frames = llround(options->seconds * fps) + (int64_t)ceil(leading_silence_s(clip) * fps);
    facts.duration_s = (double)facts.frames * options->fps_den / options->fps_num;
    FAL_TRY(pup_speech_start(err));
    FAL_ALLOC(path, fal_asprintf("%s/%s", options->out_dir, clip->path));
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_TRY(record(clip, &take, &facts, &retouch, err));
    FAL_TRY(studio_make(options, clip, &take, facts.visual_fake, &retouch, s, err));
    fal_buf_puts(&s->poses, "time_s,forged,mouth_open,mouth_width,mouth_round,lid,mouth_x,mouth_y,face_x,face_y,"
                            "face_unit,yaw,pitch,roll\n");
    FAL_TRY(shoot(s, facts.frames, path, err));
    if (options->poses)
        FAL_TRY(write_poses(s, path, err));
    *out = facts;
done:
    if (s)
        studio_free(s);
    pup_speech_stop();
    pup_take_free(&take);
    fal_free(s);
    fal_free(path);
    return st;
}
