#include "feature/logfbank.h"

#include "core/alloc.h"

#include <complex.h>
#include <math.h>
#include <string.h>

enum {
    RATE_HZ = 16000,
    FRAME_SAMPLES = 400,
    HOP_SAMPLES = 160,
    FFT_SIZE = 512,
    HALF = FFT_SIZE / 2,
    BINS = HALF + 1,
    BANDS = FAL_LOGFBANK_BANDS,
    STACK = FAL_LOGFBANK_STACK,
    DIM = FAL_LOGFBANK_DIM,
    FRAME_SAMPLES_25HZ = 640
};
#define PREEMPHASIS 0.97f
#define ENERGY_FLOOR 2.220446049250313e-16
#define SILENCE_LEVEL 0.0005f
#define PI 3.14159265358979323846

/* Tables of one call. */
typedef struct bank {
    double complex turn[HALF]; /* exp(-2 pi i k / 512) */
    double weights[BANDS][BINS];
} bank;

/* ---- tables ---- */

static double mel_of_hz(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

static double hz_of_mel(double mel)
{
    return 700 * (pow(10, mel / 2595) - 1);
}

/* Triangles between 28 points equally spaced in mel, rounded down to bins of 1/(512 + 1) of the rate: the original's
 * rule, the + 1 included. */
static void fill_filters(bank *b)
{
    double edges[BANDS + 2], high = mel_of_hz(RATE_HZ / 2.0);
    for (int i = 0; i < BANDS + 2; i++)
        edges[i] = floor((FFT_SIZE + 1) * hz_of_mel(high * i / (BANDS + 1)) / RATE_HZ);
    memset(b->weights, 0, sizeof b->weights);
    for (int j = 0; j < BANDS; j++) {
        for (int i = (int)edges[j]; i < (int)edges[j + 1]; i++)
            b->weights[j][i] = (i - edges[j]) / (edges[j + 1] - edges[j]);
        for (int i = (int)edges[j + 1]; i < (int)edges[j + 2]; i++)
            b->weights[j][i] = (edges[j + 2] - i) / (edges[j + 2] - edges[j + 1]);
    }
}

static void fill_tables(bank *b)
{
    for (int k = 0; k < HALF; k++)
        b->turn[k] = cos(2 * PI * k / FFT_SIZE) - I * sin(2 * PI * k / FFT_SIZE);
    fill_filters(b);
}

/* ---- spectrum ---- */

/* In-place radix-2 transform of 256 complex values; turn[2k] is exp(-2 pi i k / 256). */
static void fft_256(double complex x[HALF], const double complex turn[HALF])
{
    for (int i = 1, j = 0; i < HALF; i++) {
        int bit = HALF / 2;
        for (; j & bit; bit /= 2)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double complex swap = x[i];
            x[i] = x[j];
            x[j] = swap;
        }
    }
    for (int size = 2; size <= HALF; size *= 2)
        for (int start = 0; start < HALF; start += size)
            for (int k = 0; k < size / 2; k++) {
                double complex a = x[start + k], b = x[start + k + size / 2] * turn[k * (FFT_SIZE / size)];
                x[start + k] = a + b;
                x[start + k + size / 2] = a - b;
            }
}

static double squared(double complex z)
{
    return creal(z) * creal(z) + cimag(z) * cimag(z);
}

/* |FFT|^2 / 512 of 400 real samples padded with zeros: even samples as real, odd ones as imaginary parts of a transform
 * of half the size, taken apart by symmetry. */
static void power_spectrum(const bank *b, const double frame[FRAME_SAMPLES], double power[BINS])
{
    double complex z[HALF] = {0};
    for (int i = 0; i < FRAME_SAMPLES / 2; i++)
        z[i] = frame[2 * i] + I * frame[2 * i + 1];
    fft_256(z, b->turn);
    for (int k = 0; k <= HALF; k++) {
        double complex here = z[k % HALF], mirror = conj(z[(HALF - k) % HALF]);
        double complex even = (here + mirror) / 2, odd = (here - mirror) / 2 * -I;
        double complex turn = k < HALF ? b->turn[k] : -1;
        power[k] = squared(even + turn * odd) / FFT_SIZE;
    }
}

/* ---- rows ---- */

int64_t fal_logfbank_rows(int64_t samples)
{
    return samples <= FRAME_SAMPLES ? 1 : 1 + (samples - FRAME_SAMPLES + HOP_SAMPLES - 1) / HOP_SAMPLES;
}

/* Pre-emphasised samples from `first` on, zeros after the end. The product and the difference are rounded to float32
 * one after the other, as the original does: this file is compiled without contraction to fused multiply-add. */
static void read_frame(const float *wave, int64_t samples, int64_t first, double frame[FRAME_SAMPLES])
{
    for (int i = 0; i < FRAME_SAMPLES; i++) {
        int64_t at = first + i;
        float before = at > 0 && at < samples ? PREEMPHASIS * wave[at - 1] : 0;
        frame[i] = at < samples ? wave[at] - before : 0;
    }
}

static void log_energies(const bank *b, const double power[BINS], float row[BANDS])
{
    for (int j = 0; j < BANDS; j++) {
        double energy = 0;
        for (int i = 0; i < BINS; i++)
            energy += power[i] * b->weights[j][i];
        row[j] = (float)log(energy == 0 ? ENERGY_FLOOR : energy);
    }
}

fal_status fal_logfbank(const float *wave, int64_t samples, float *rows, fal_error *err)
{
    fal_status st = FAL_OK;
    bank *b = NULL;
    double frame[FRAME_SAMPLES], power[BINS];
    if (samples < 1)
        FAL_FAIL(FAL_ERR_TOO_SHORT, "no audio samples to make log filterbank rows of");
    FAL_ALLOC(b, fal_malloc(sizeof *b));
    fill_tables(b);
    for (int64_t r = 0; r < fal_logfbank_rows(samples); r++) {
        read_frame(wave, samples, r * HOP_SAMPLES, frame);
        power_spectrum(b, frame, power);
        log_energies(b, power, rows + r * BANDS);
    }
done:
    fal_free(b);
    return st;
}

static void normalise_row(float row[DIM])
{
    double sum = 0, squares = 0;
    for (int i = 0; i < DIM; i++)
        sum += row[i];
    double mean = sum / DIM;
    for (int i = 0; i < DIM; i++)
        squares += (row[i] - mean) * (row[i] - mean);
    double deviation = sqrt(squares / DIM + 1e-5);
    for (int i = 0; i < DIM; i++)
        row[i] = (float)((row[i] - mean) / deviation);
}

fal_status fal_logfbank_stacked(const float *wave, int64_t samples, float **out, int64_t *frames, fal_error *err)
{
    fal_status st = FAL_OK;
    float *rows = NULL;
    int64_t count = (fal_logfbank_rows(samples) + STACK - 1) / STACK;
    FAL_ALLOC(rows, fal_calloc((size_t)count, DIM * sizeof *rows)); /* padding rows are zeros in the log domain */
    FAL_TRY(fal_logfbank(wave, samples, rows, err));
    for (int64_t f = 0; f < count; f++)
        normalise_row(rows + f * DIM);
    *out = rows;
    *frames = count;
    rows = NULL;
done:
    fal_free(rows);
    return st;
}

/* ---- silence ---- */

bool fal_sample_is_silent(float sample)
{
    return fabsf(sample) <= SILENCE_LEVEL;
}

fal_silence_trim fal_silence_trim_find(const float *wave, int64_t samples)
{
    int64_t first = 0;
    while (first < samples && fal_sample_is_silent(wave[first]))
        first++;
    if (first == 0)
        return (fal_silence_trim){0};
    double seconds = (double)first / RATE_HZ;
    int64_t frames = (int64_t)(seconds * 25) + 1; /* in this order: products of other orders truncate elsewhere */
    return (fal_silence_trim){seconds, frames * FRAME_SAMPLES_25HZ, frames};
}
