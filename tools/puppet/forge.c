#include "puppet/forge.h"

#include "core/alloc.h"
#include "puppet/random.h"
#include "puppet/sound.h"
#include "puppet/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct forging {
    const pup_clip *clip;
    pup_take *take;
    pup_facts *facts;
    pup_retouch *retouch;
    fal_rng rng;
} forging;

static void hush(pup_take *take, pup_segment s, double gain)
{
    for (size_t i = pup_sample_at(take, s.start_s); i < pup_sample_at(take, s.end_s); i++)
        take->noise_gain[i] = (float)gain;
}

/* One or two neighbouring words of 0.2 to 1 s together; `*last` is the last one. */
static fal_status choose_words(forging *f, size_t *first, size_t *last, fal_error *err)
{
    const pup_words *words = &f->take->words;
    size_t start = words->count ? pup_pick(&f->rng, words->count) : 0;
    size_t wanted = 1 + pup_pick(&f->rng, 2);
    for (size_t tries = 0; tries < words->count; tries++) {
        size_t a = (start + tries) % words->count, b = a + wanted - 1 < words->count ? a + wanted - 1 : a;
        double length = words->items[b].end_s - words->items[a].start_s;
        if (length >= 0.2 && length <= 1.0) {
            *first = a;
            *last = b;
            return FAL_OK;
        }
    }
    return fal_fail(err, FAL_ERR_TOO_SHORT, "no word of 0.2 to 1 s to replace in a clip of %.1f s: make it longer",
                    f->take->seconds);
}

/* The part of a speech that is not pauses at its ends. */
static pup_segment voiced_part(const pup_speech *speech)
{
    pup_segment s = {0, (double)speech->count / PUP_RATE};
    size_t first = 0, last = speech->phones.count;
    while (first < speech->phones.count && pup_phone_is_pause(&speech->phones.items[first]))
        first++;
    while (last > first && pup_phone_is_pause(&speech->phones.items[last - 1]))
        last--;
    if (first < last)
        s.start_s = speech->phones.items[first].start_s;
    if (last < speech->phones.count)
        s.end_s = speech->phones.items[last].start_s;
    return s;
}

/* Other words in the speaker's voice, at the speed that fills `length_s`. */
static fal_status speak_other_words(forging *f, size_t words, double length_s, pup_speech *out, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_speech trial = {0};
    char *text = f->facts->new_words;
    size_t room = sizeof f->facts->new_words;
    do {
        const char *one = pup_other_word(&f->rng), *two = pup_other_word(&f->rng);
        snprintf(text, room, "%s%s%s", one, words > 1 ? " " : "", words > 1 ? two : "");
    } while (strcmp(text, f->facts->old_words) == 0);
    pup_voice voice = f->clip->speaker.voice;
    FAL_TRY(pup_speak(&voice, text, &trial, err));
    pup_segment part = voiced_part(&trial);
    voice.rate_wpm = (int)fmin(fmax(voice.rate_wpm * (part.end_s - part.start_s) / length_s, 90), 400);
    FAL_TRY(pup_speak(&voice, text, out, err));
done:
    pup_speech_free(&trial);
    return st;
}

/* Puts the phonemes of `part` of a speech in the place of those within the segment, stretched to fit. */
static fal_status replace_phones(pup_take *take, pup_segment gap, const pup_speech *speech, pup_segment part,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    pup_phones out = {0};
    pup_phone after = {.start_s = gap.end_s, .name = "_"};
    double stretch = (gap.end_s - gap.start_s) / (part.end_s - part.start_s);
    size_t i = 0;
    for (; i < take->phones.count && take->phones.items[i].start_s < gap.start_s; i++)
        FAL_TRY(pup_phones_add(&out, &take->phones.items[i], err));
    for (size_t k = 0; k < speech->phones.count; k++) {
        pup_phone phone = speech->phones.items[k];
        if (phone.start_s < part.start_s || phone.start_s >= part.end_s)
            continue;
        phone.start_s = gap.start_s + (phone.start_s - part.start_s) * stretch;
        FAL_TRY(pup_phones_add(&out, &phone, err));
    }
    for (; i < take->phones.count && take->phones.items[i].start_s < gap.end_s; i++)
        memcpy(after.name, take->phones.items[i].name, sizeof after.name);
    if (i == take->phones.count || take->phones.items[i].start_s > gap.end_s)
        FAL_TRY(pup_phones_add(&out, &after, err)); /* one that began in the gap and lasts beyond it */
    for (; i < take->phones.count; i++)
        FAL_TRY(pup_phones_add(&out, &take->phones.items[i], err));
    pup_phones_free(&take->phones);
    take->phones = out;
    out = (pup_phones){0};
done:
    pup_phones_free(&out);
    return st;
}

static fal_status replace_sound(forging *f, pup_segment gap, const pup_speech *speech, pup_segment part, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_take *take = f->take;
    size_t from = pup_sample_at(take, gap.start_s), to = pup_sample_at(take, gap.end_s);
    size_t first = (size_t)(part.start_s * PUP_RATE), last = (size_t)(part.end_s * PUP_RATE);
    if (last > speech->count)
        last = speech->count;
    pup_splice(take->track, from, to, speech->samples + first, last - first);
    FAL_TRY(pup_vocode(take->track, from, to, pup_between(&f->rng, 0.5, 0.85), f->clip->forgery, err));
    hush(take, gap, pup_between(&f->rng, 0.2, 0.5));
    f->facts->audio_fake = gap;
done:
    return st;
}

static void retouch_mouth(forging *f)
{
    *f->retouch = (pup_retouch){.kind = PUP_RETOUCH_MOUTH, .seed = f->clip->forgery};
    f->retouch->soft_radius = pup_chance(&f->rng, 0.5) ? 2 : 1;
    f->retouch->strength = pup_between(&f->rng, 0.75, 1);
    for (int c = 0; c < 3; c++)
        f->retouch->gain[c] = pup_between(&f->rng, 0.965, 1.035);
    f->retouch->noise_left = pup_between(&f->rng, 0.15, 0.5);
    f->retouch->flicker = 0.008;
}

static fal_status forge_words(forging *f, bool sound, bool mouth, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_speech other = {0};
    size_t first = 0, last = 0;
    FAL_TRY(choose_words(f, &first, &last, err));
    pup_take_quote(f->take, first, last, f->facts->old_words, sizeof f->facts->old_words);
    pup_segment gap = {f->take->words.items[first].start_s, f->take->words.items[last].end_s};
    FAL_TRY(speak_other_words(f, last - first + 1, gap.end_s - gap.start_s, &other, err));
    pup_segment part = voiced_part(&other);
    if (sound)
        FAL_TRY(replace_sound(f, gap, &other, part, err));
    if (mouth) {
        FAL_TRY(replace_phones(f->take, gap, &other, part, err));
        f->facts->visual_fake = gap;
        retouch_mouth(f);
    }
done:
    pup_speech_free(&other);
    return st;
}

static fal_status forge_word_audio(forging *f, fal_error *err)
{
    return forge_words(f, true, false, err);
}

static fal_status forge_word_mouth(forging *f, fal_error *err)
{
    return forge_words(f, false, true, err);
}

static fal_status forge_word_both(forging *f, fal_error *err)
{
    return forge_words(f, true, true, err);
}

/* Half of the clips are shifted as a whole; in the others, when long enough, one stretch of 1.2 to 2 s is. */
static fal_status forge_shift(forging *f, fal_error *err)
{
    pup_take *take = f->take;
    double shift_s = pup_between(&f->rng, 0.2, 0.5) * (pup_chance(&f->rng, 0.5) ? 1 : -1);
    double length_s = pup_between(&f->rng, 1.2, 2.0);
    pup_segment s = {0, take->seconds};
    if (pup_chance(&f->rng, 0.5) && take->seconds > length_s + 1) {
        s.start_s = pup_between(&f->rng, 0.5, take->seconds - length_s - 0.5);
        s.end_s = s.start_s + length_s;
    }
    f->facts->audio_fake = s;
    f->facts->shift_s = shift_s;
    return pup_shift_sound(take->track, pup_sample_at(take, s.start_s), pup_sample_at(take, s.end_s),
                           llround(shift_s * PUP_RATE), err);
}

/* The take was spoken by the stranger already (see clip.c): here it gets a vocoder's marks. */
static fal_status forge_voice(forging *f, fal_error *err)
{
    pup_segment all = {0, f->take->seconds};
    hush(f->take, all, pup_between(&f->rng, 0.35, 0.7));
    f->facts->audio_fake = all;
    return pup_vocode(f->take->track, 0, f->take->count, pup_between(&f->rng, 0.5, 0.9), f->clip->forgery, err);
}

static fal_status forge_face(forging *f, fal_error *err)
{
    (void)err;
    *f->retouch = (pup_retouch){.kind = PUP_RETOUCH_FACE, .seed = f->clip->forgery};
    f->retouch->soft_radius = 1;
    f->retouch->strength = pup_between(&f->rng, 0.5, 0.9);
    for (int c = 0; c < 3; c++)
        f->retouch->gain[c] = pup_between(&f->rng, 0.95, 1.05);
    f->retouch->noise_left = pup_between(&f->rng, 0.3, 0.6);
    f->retouch->flicker = 0.012;
    f->retouch->jitter_px = 0.35;
    f->facts->visual_fake = (pup_segment){0, f->take->seconds};
    return FAL_OK;
}

typedef fal_status forger(forging *f, fal_error *err);
static forger *const forgers[PUP_METHODS] = {
    [PUP_WORD_AUDIO] = forge_word_audio, [PUP_WORD_MOUTH] = forge_word_mouth, [PUP_WORD_BOTH] = forge_word_both,
    [PUP_SHIFT] = forge_shift,           [PUP_VOICE] = forge_voice,           [PUP_FACE] = forge_face,
};

fal_status pup_forge(const pup_clip *clip, pup_take *take, pup_facts *facts, pup_retouch *retouch, fal_error *err)
{
    forging f = {.clip = clip,
                 .take = take,
                 .facts = facts,
                 .retouch = retouch,
                 .rng = pup_rng(clip->forgery, "forge", clip->method)};
    return forgers[clip->method] ? forgers[clip->method](&f, err) : FAL_OK;
}
