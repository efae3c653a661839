#include "puppet/take.h"

#include "core/alloc.h"
#include "puppet/random.h"
#include "puppet/text.h"

#include <math.h>
#include <string.h>

size_t pup_sample_at(const pup_take *take, double time_s)
{
    double at = fmax(time_s, 0) * PUP_RATE;
    return at >= (double)take->count ? take->count : (size_t)at;
}

/* The clip stops after the last whole word: later speech is silenced, later phonemes and words are dropped. */
static fal_status fit_speech(pup_take *take, pup_speech *speech, double lead_s, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t kept = 0;
    double stop_s = 0;
    for (size_t i = 0; i < speech->words.count && lead_s + speech->words.items[i].end_s < take->seconds - 0.04; i++) {
        stop_s = speech->words.items[i].end_s;
        kept = i + 1;
    }
    size_t lead = pup_sample_at(take, lead_s), count = (size_t)(stop_s * PUP_RATE);
    if (count > speech->count)
        count = speech->count;
    memcpy(take->track + lead, speech->samples, count * sizeof *take->track);
    for (size_t i = 0; i < 220 && i < count; i++) /* 10 ms, against a click */
        take->track[lead + count - 1 - i] *= (float)i / 220;
    FAL_TRY(pup_phones_add(&take->phones, &(pup_phone){.name = "_"}, err));
    for (size_t i = 0; i < speech->phones.count && speech->phones.items[i].start_s < stop_s; i++) {
        pup_phone phone = speech->phones.items[i];
        phone.start_s += lead_s;
        FAL_TRY(pup_phones_add(&take->phones, &phone, err));
    }
    FAL_TRY(pup_phones_add(&take->phones, &(pup_phone){.start_s = lead_s + stop_s, .name = "_"}, err));
    for (size_t i = 0; i < kept; i++) {
        speech->words.items[i].start_s += lead_s;
        speech->words.items[i].end_s += lead_s;
    }
    take->words = speech->words;
    take->words.count = kept;
    speech->words = (pup_words){0};
done:
    return st;
}

fal_status pup_take_make(const pup_clip *clip, const pup_voice *voice, double seconds, double lead_s, pup_take *out,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    pup_take take = {.seconds = seconds, .count = (size_t)llround(seconds * PUP_RATE)};
    pup_speech speech = {0};
    fal_rng rng = pup_rng(clip->recording, "text", 0);
    lead_s += pup_between(&rng, 0.08, 0.3);
    pup_write_text(&rng, (int)(seconds * voice->rate_wpm / 60.0 * 1.2) + 6, &take.text);
    if (take.text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "text: out of memory");
    FAL_TRY(pup_speak(voice, take.text.data, &speech, err));
    FAL_ALLOC(take.track, fal_calloc(take.count, sizeof *take.track));
    FAL_ALLOC(take.noise_gain, fal_malloc_array(take.count, sizeof *take.noise_gain));
    for (size_t i = 0; i < take.count; i++)
        take.noise_gain[i] = 1;
    FAL_TRY(fit_speech(&take, &speech, lead_s, err));
    *out = take;
    take = (pup_take){0};
done:
    pup_take_free(&take);
    pup_speech_free(&speech);
    return st;
}

void pup_take_free(pup_take *take)
{
    fal_free(take->track);
    fal_free(take->noise_gain);
    pup_phones_free(&take->phones);
    fal_free(take->words.items);
    fal_buf_free(&take->text);
    *take = (pup_take){0};
}
