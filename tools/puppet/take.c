#include "puppet/take.h"

#include "core/alloc.h"
#include "puppet/random.h"
#include "puppet/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

size_t pup_sample_at(const pup_take *take, double time_s)
{
    double at = fmax(time_s, 0) * PUP_RATE;
    return at >= (double)take->count ? take->count : (size_t)at;
}

/* The speech begins at `begin_s`, which lies in the margin. */
static void lay_speech(pup_take *take, const pup_speech *speech, double begin_s, double quiet_s)
{
    float *whole = take->track - take->margin;
    size_t first = (size_t)llround((begin_s + PUP_MARGIN_S) * PUP_RATE);
    size_t room = take->count + 2 * take->margin - first;
    memcpy(whole + first, speech->samples, (speech->count < room ? speech->count : room) * sizeof *whole);
    if (quiet_s > 0)
        memset(whole, 0, (take->margin + pup_sample_at(take, quiet_s)) * sizeof *whole);
}

/* Phonemes from before the clip on; the mouth rests until quiet_s. */
static fal_status keep_phones(pup_take *take, const pup_speech *speech, double begin_s, double quiet_s, fal_error *err)
{
    fal_status st = FAL_OK;
    double from_s = quiet_s > 0 ? quiet_s : -PUP_MARGIN_S;
    FAL_TRY(pup_phones_add(&take->phones, &(pup_phone){.start_s = -PUP_MARGIN_S, .name = "_"}, err));
    for (size_t i = 0; i < speech->phones.count; i++) {
        pup_phone phone = speech->phones.items[i];
        double stop_s = i + 1 < speech->phones.count ? begin_s + speech->phones.items[i + 1].start_s : take->seconds;
        phone.start_s = fmax(begin_s + phone.start_s, from_s);
        if (stop_s > from_s && phone.start_s < take->seconds)
            FAL_TRY(pup_phones_add(&take->phones, &phone, err));
    }
done:
    return st;
}

/* Takes the words over from the speech. */
static void keep_words(pup_take *take, pup_speech *speech, double begin_s, double quiet_s)
{
    size_t kept = 0;
    take->words = speech->words;
    speech->words = (pup_words){0};
    for (size_t i = 0; i < take->words.count; i++) {
        pup_word word = take->words.items[i];
        word.start_s += begin_s;
        word.end_s += begin_s;
        if (word.start_s >= quiet_s && word.end_s < take->seconds - 0.04)
            take->words.items[kept++] = word;
    }
    take->words.count = kept;
}

static fal_status make_tracks(pup_take *take, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(take->track, fal_calloc(take->count + 2 * take->margin, sizeof *take->track));
    take->track += take->margin;
    FAL_ALLOC(take->noise_gain, fal_malloc_array(take->count, sizeof *take->noise_gain));
    for (size_t i = 0; i < take->count; i++)
        take->noise_gain[i] = 1;
done:
    return st;
}

fal_status pup_take_make(const pup_clip *clip, const pup_voice *voice, double seconds, double quiet_s, pup_take *out,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    pup_take take = {.seconds = seconds,
                     .count = (size_t)llround(seconds * PUP_RATE),
                     .margin = (size_t)llround(PUP_MARGIN_S * PUP_RATE)};
    pup_speech speech = {0};
    fal_rng rng = pup_rng(clip->recording, "text", 0);
    double begin_s = quiet_s - pup_between(&rng, 0.9, 1) * PUP_MARGIN_S;
    double spoken_s = seconds + 2 * PUP_MARGIN_S;
    pup_write_text(&rng, (int)(spoken_s * voice->rate_wpm / 60.0 * 1.2) + 6, &take.text);
    if (take.text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "text: out of memory");
    FAL_TRY(pup_speak(voice, take.text.data, &speech, err));
    FAL_TRY(make_tracks(&take, err));
    lay_speech(&take, &speech, begin_s, quiet_s);
    FAL_TRY(keep_phones(&take, &speech, begin_s, quiet_s, err));
    keep_words(&take, &speech, begin_s, quiet_s);
    *out = take;
    take = (pup_take){0};
done:
    pup_take_free(&take);
    pup_speech_free(&speech);
    return st;
}

void pup_take_free(pup_take *take)
{
    if (take->track)
        fal_free(take->track - take->margin);
    fal_free(take->noise_gain);
    pup_phones_free(&take->phones);
    fal_free(take->words.items);
    fal_buf_free(&take->text);
    *take = (pup_take){0};
}

void pup_take_quote(const pup_take *take, size_t first, size_t last, char *out, size_t room)
{
    *out = '\0';
    if (last >= take->words.count)
        return;
    const pup_word *a = &take->words.items[first], *b = &take->words.items[last];
    size_t end = b->text_at + b->text_length;
    if (end > take->text.length || a->text_at > end)
        end = a->text_at < take->text.length ? take->text.length : a->text_at;
    snprintf(out, room, "%.*s", (int)(end - a->text_at), take->text.data + a->text_at);
}
