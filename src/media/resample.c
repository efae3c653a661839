#include "media/resampler.h"

#include "core/alloc.h"

#include <string.h>

struct fal_resampler {
    const fal_resample_engine *engine; /* NULL: the rate is 16 kHz already, samples pass through */
    void *state;
    int64_t rate;
    size_t pushed, produced;
};

void fal_to_mono(const float *in, size_t frames, size_t channels, float *out)
{
    if (channels == 1) {
        memcpy(out, in, frames * sizeof *out);
        return;
    }
    for (size_t i = 0; i < frames; i++, in += channels) {
        float sum = in[0];
        for (size_t c = 1; c < channels; c++)
            sum += in[c];
        out[i] = sum / (float)channels;
    }
}

fal_status fal_samples_reserve(fal_samples *samples, size_t extra, fal_error *err)
{
    size_t needed, bytes;
    if (!fal_add_ok(samples->count, extra, &needed) || !fal_mul_ok(needed, 2 * sizeof(float), &bytes))
        return fal_fail(err, FAL_ERR_MEMORY, "%zu + %zu samples are more than memory can hold", samples->count, extra);
    if (needed <= samples->capacity)
        return FAL_OK;
    size_t capacity = needed < 2 * samples->capacity ? 2 * samples->capacity : needed;
    float *data = fal_realloc(samples->data, samples->count * sizeof(float), capacity * sizeof(float));
    if (!data)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory for %zu samples", capacity);
    samples->data = data;
    samples->capacity = capacity;
    return FAL_OK;
}

fal_status fal_samples_append(fal_samples *samples, const float *data, size_t count, fal_error *err)
{
    fal_status st = fal_samples_reserve(samples, count, err);
    if (st == FAL_OK && count) {
        memcpy(samples->data + samples->count, data, count * sizeof *data);
        samples->count += count;
    }
    return st;
}

fal_status fal_samples_append_zeros(fal_samples *samples, size_t count, fal_error *err)
{
    fal_status st = fal_samples_reserve(samples, count, err);
    if (st == FAL_OK && count) {
        memset(samples->data + samples->count, 0, count * sizeof *samples->data);
        samples->count += count;
    }
    return st;
}

static const fal_resample_engine *engine_for(fal_resample_mode mode, int64_t rate)
{
    if (rate == FAL_AUDIO_RATE)
        return NULL;
    return mode == FAL_RESAMPLE_SINC ? &fal_resample_engine_sinc : &fal_resample_engine_soxr;
}

fal_status fal_resampler_create(fal_resample_mode mode, int64_t rate, fal_resampler **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_resampler *r = NULL;
    if (rate < 1 || rate > FAL_MAX_SAMPLE_RATE)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "sample rate of %lld Hz, expected 1 to %d", (long long)rate,
                 (int)FAL_MAX_SAMPLE_RATE);
    FAL_ALLOC(r, fal_calloc(1, sizeof *r));
    r->rate = rate;
    r->engine = engine_for(mode, rate);
    if (r->engine)
        FAL_TRY(r->engine->create(rate, &r->state, err));
    *out = r;
    r = NULL;
done:
    fal_resampler_free(&r);
    return st;
}

void fal_resampler_free(fal_resampler **resampler)
{
    if (!resampler || !*resampler)
        return;
    if ((*resampler)->state)
        (*resampler)->engine->free((*resampler)->state);
    fal_release(resampler);
}

fal_status fal_resampler_push(fal_resampler *r, const float *in, size_t count, fal_samples *out, fal_error *err)
{
    size_t before = out->count;
    fal_status st =
        r->engine ? r->engine->push(r->state, in, count, out, err) : fal_samples_append(out, in, count, err);
    r->pushed += count;
    r->produced += out->count - before;
    return st;
}

/* ceil(pushed * 16000 / rate), as librosa and torchaudio define the length. */
static size_t total_length(const fal_resampler *r)
{
    size_t rate = (size_t)r->rate;
    return r->pushed / rate * FAL_AUDIO_RATE + (r->pushed % rate * FAL_AUDIO_RATE + rate - 1) / rate;
}

fal_status fal_resampler_finish(fal_resampler *r, fal_samples *out, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t before = out->count, total = total_length(r);
    if (r->engine)
        FAL_TRY(r->engine->finish(r->state, total, out, err));
    r->produced += out->count - before;
    /* libsoxr may end one sample early, for which librosa appends a zero. */
    if (r->produced < total)
        FAL_TRY(fal_samples_append_zeros(out, total - r->produced, err));
    else
        out->count -= r->produced - total;
    r->produced = total;
done:
    return st;
}

static fal_status resample_all(fal_resample_mode mode, const float *in, size_t count, int64_t rate, float **out,
                               size_t *out_count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_resampler *resampler = NULL;
    fal_samples samples = {0};
    FAL_TRY(fal_resampler_create(mode, rate, &resampler, err));
    FAL_TRY(fal_samples_reserve(&samples, 1, err)); /* so that an empty result is no NULL pointer */
    FAL_TRY(fal_resampler_push(resampler, in, count, &samples, err));
    FAL_TRY(fal_resampler_finish(resampler, &samples, err));
    *out = samples.data;
    *out_count = samples.count;
    samples.data = NULL;
done:
    fal_resampler_free(&resampler);
    fal_free(samples.data);
    return st;
}

fal_status fal_resample_soxr_hq(const float *in, size_t count, int64_t rate, float **out, size_t *out_count,
                                fal_error *err)
{
    return resample_all(FAL_RESAMPLE_SOXR_HQ, in, count, rate, out, out_count, err);
}

fal_status fal_resample_sinc(const float *in, size_t count, int64_t rate, float **out, size_t *out_count,
                             fal_error *err)
{
    return resample_all(FAL_RESAMPLE_SINC, in, count, rate, out, out_count, err);
}
