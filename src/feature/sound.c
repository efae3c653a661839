#include "feature/sound.h"

#include "feature/logfbank.h"

#include <math.h>

enum { RATE = 16000, WINDOW = 320 /* 20 ms */ };

/* A window counts as active when it is within 40 dB of the loudest one and above -60 dBFS: pauses between words fall
 * below, quiet recordings do not. */
static const double ACTIVE_RANGE = 0.01, ACTIVE_FLOOR = 0.001;

static const double SILENT_DBFS = -60;

static double window_rms(const float *wave, int64_t samples)
{
    double sum = 0;
    for (int64_t i = 0; i < samples; i++)
        sum += (double)wave[i] * wave[i];
    return sqrt(sum / (double)samples);
}

static double decibel(double amplitude)
{
    return amplitude > 0 ? 20 * log10(amplitude) : -INFINITY;
}

static double active_seconds(const float *wave, int64_t samples)
{
    double loudest = 0;
    int64_t active = 0, windows = samples / WINDOW;
    for (int64_t w = 0; w < windows; w++)
        loudest = fmax(loudest, window_rms(wave + w * WINDOW, WINDOW));
    double threshold = fmax(loudest * ACTIVE_RANGE, ACTIVE_FLOOR);
    for (int64_t w = 0; w < windows; w++)
        active += window_rms(wave + w * WINDOW, WINDOW) > threshold;
    return (double)(active * WINDOW) / RATE;
}

fal_sound_facts fal_sound_measure(const float *wave, int64_t samples)
{
    double peak = 0;
    for (int64_t i = 0; i < samples; i++)
        peak = fmax(peak, fabs((double)wave[i]));
    return (fal_sound_facts){
        .present = true,
        .duration_s = (double)samples / RATE,
        .rms_dbfs = samples ? decibel(window_rms(wave, samples)) : -INFINITY,
        .peak_dbfs = decibel(peak),
        .speech_s = active_seconds(wave, samples),
        .leading_silence_s = fal_silence_trim_find(wave, samples).seconds,
    };
}

bool fal_sound_is_silent(const fal_sound_facts *sound)
{
    return !sound->present || sound->peak_dbfs < SILENT_DBFS;
}
