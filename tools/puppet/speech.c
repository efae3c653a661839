#include "puppet/speech.h"

#include "core/alloc.h"

#include <espeak-ng/speak_lib.h>
#include <stdint.h>
#include <string.h>

/* Makes room for `more` elements at the end of a growing array. */
static fal_status reserve(void **items, size_t *capacity, size_t count, size_t more, size_t size, fal_error *err)
{
    size_t wanted, bytes;
    if (!fal_add_ok(count, more, &wanted) || wanted > SIZE_MAX / 4)
        return fal_fail(err, FAL_ERR_MEMORY, "speech: too many elements");
    if (wanted <= *capacity)
        return FAL_OK;
    size_t next = wanted * 2 + 64;
    if (!fal_mul_ok(next, size, &bytes))
        return fal_fail(err, FAL_ERR_MEMORY, "speech: too many elements");
    void *grown = fal_realloc(*items, *capacity * size, bytes);
    if (!grown)
        return fal_fail(err, FAL_ERR_MEMORY, "speech: out of memory");
    *items = grown;
    *capacity = next;
    return FAL_OK;
}

#define RESERVE(list, more) \
    reserve((void **)&(list)->items, &(list)->capacity, (list)->count, more, sizeof *(list)->items, err)

fal_status pup_phones_add(pup_phones *phones, const pup_phone *phone, fal_error *err)
{
    fal_status st = RESERVE(phones, 1);
    if (st == FAL_OK)
        phones->items[phones->count++] = *phone;
    return st;
}

static fal_status words_add(pup_words *words, const pup_word *word, fal_error *err)
{
    fal_status st = RESERVE(words, 1);
    if (st == FAL_OK)
        words->items[words->count++] = *word;
    return st;
}

void pup_phones_free(pup_phones *phones)
{
    fal_free(phones->items);
    *phones = (pup_phones){0};
}

void pup_speech_free(pup_speech *speech)
{
    fal_free(speech->samples);
    pup_phones_free(&speech->phones);
    fal_free(speech->words.items);
    *speech = (pup_speech){0};
}

bool pup_phone_is_pause(const pup_phone *phone)
{
    return phone->name[0] == '_' || phone->name[0] == 0;
}

/* What the callback fills; travels through espeak as user data of every event. */
typedef struct collector {
    pup_speech speech;
    fal_status st;
    fal_error error;
} collector;

static fal_status collect_event(collector *to, const espeak_EVENT *event)
{
    double at_s = event->audio_position / 1000.0;
    if (event->type == espeakEVENT_PHONEME) {
        pup_phone phone = {.start_s = at_s};
        memcpy(phone.name, event->id.string, sizeof event->id.string);
        return pup_phones_add(&to->speech.phones, &phone, &to->error);
    }
    if (event->type == espeakEVENT_WORD && event->text_position > 0 && event->length > 0) {
        pup_word word = {
            .start_s = at_s, .text_at = (size_t)event->text_position - 1, .text_length = (size_t)event->length};
        return words_add(&to->speech.words, &word, &to->error);
    }
    return FAL_OK;
}

static fal_status collect_samples(collector *to, const short *samples, size_t count)
{
    pup_speech *speech = &to->speech;
    fal_status st =
        reserve((void **)&speech->samples, &speech->capacity, speech->count, count, sizeof(float), &to->error);
    if (st != FAL_OK)
        return st;
    for (size_t i = 0; i < count; i++)
        speech->samples[speech->count++] = (float)samples[i] / 32768.0f;
    return FAL_OK;
}

static int on_speech(short *samples, int count, espeak_EVENT *events)
{
    collector *to = events->user_data;
    if (!to)
        return 0;
    if (samples && count > 0 && to->st == FAL_OK)
        to->st = collect_samples(to, samples, (size_t)count);
    for (; events->type != espeakEVENT_LIST_TERMINATED && to->st == FAL_OK; events++)
        to->st = collect_event(to, events);
    return to->st == FAL_OK ? 0 : 1;
}

fal_status pup_speech_start(fal_error *err)
{
    int rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL,
                                 espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_DONT_EXIT);
    if (rate != PUP_RATE)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "espeak-ng started with rate %d, want %d (is its data installed?)",
                        rate, PUP_RATE);
    espeak_SetSynthCallback(on_speech);
    return FAL_OK;
}

void pup_speech_stop(void)
{
    espeak_Terminate();
}

/* A word ends where the next one or a pause begins. */
static void find_word_ends(pup_speech *speech)
{
    for (size_t i = 0; i < speech->words.count; i++) {
        pup_word *word = &speech->words.items[i];
        word->end_s = i + 1 < speech->words.count ? word[1].start_s : (double)speech->count / PUP_RATE;
        for (size_t p = 0; p < speech->phones.count; p++) {
            const pup_phone *phone = &speech->phones.items[p];
            if (phone->start_s > word->start_s && phone->start_s < word->end_s && pup_phone_is_pause(phone))
                word->end_s = phone->start_s;
        }
    }
}

fal_status pup_speak(const pup_voice *voice, const char *text, pup_speech *out, fal_error *err)
{
    fal_status st = FAL_OK;
    collector to = {0};
    if (espeak_SetVoiceByName(voice->name) != EE_OK)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "espeak-ng has no voice \"%s\"", voice->name);
    espeak_SetParameter(espeakRATE, voice->rate_wpm, 0);
    espeak_SetParameter(espeakPITCH, voice->pitch, 0);
    espeak_SetParameter(espeakRANGE, voice->range, 0);
    if (espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, &to) != EE_OK)
        FAL_FAIL(FAL_ERR_INTERNAL, "espeak-ng could not speak \"%.60s\"", text);
    if (to.st != FAL_OK)
        FAL_FAIL(to.st, "%s", to.error.text);
    if (to.speech.count == 0 || to.speech.phones.count == 0)
        FAL_FAIL(FAL_ERR_INTERNAL, "espeak-ng gave no sound for \"%.60s\"", text);
    find_word_ends(&to.speech);
    *out = to.speech;
    to.speech = (pup_speech){0};
done:
    pup_speech_free(&to.speech);
    return st;
}
