/* libsoxr at quality HQ, through libswresample: its soxr engine at the default precision of 20 bits is that quality. */
#include "media/resampler.h"

#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

static fal_status soxr_create(int64_t rate, void **state, fal_error *err)
{
    SwrContext *swr = NULL;
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    enum AVSampleFormat format = AV_SAMPLE_FMT_FLT;
    int code = swr_alloc_set_opts2(&swr, &mono, format, FAL_AUDIO_RATE, &mono, format, (int)rate, 0, NULL);
    if (code < 0)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory for the resampler");
    if (av_opt_set_int(swr, "resampler", SWR_ENGINE_SOXR, 0) < 0 || av_opt_set_double(swr, "precision", 20, 0) < 0 ||
        swr_init(swr) < 0) {
        swr_free(&swr);
        return fal_fail(err, FAL_ERR_UNSUPPORTED,
                        "cannot resample from %lld Hz with libsoxr: is libswresample built with libsoxr?",
                        (long long)rate);
    }
    *state = swr;
    return FAL_OK;
}

/* in = NULL asks for what is left inside. */
static fal_status soxr_convert(SwrContext *swr, const float *in, int count, fal_samples *out, int *got, fal_error *err)
{
    int room = swr_get_out_samples(swr, count) + 64;
    fal_status st = fal_samples_reserve(out, (size_t)room, err);
    if (st != FAL_OK)
        return st;
    const uint8_t *planes[] = {(const uint8_t *)in};
    *got = swr_convert(swr, (uint8_t *[]){(uint8_t *)(out->data + out->count)}, room, in ? planes : NULL, count);
    if (*got < 0)
        return fal_fail(err, FAL_ERR_INTERNAL, "libswresample failed on %d samples", count);
    out->count += (size_t)*got;
    return FAL_OK;
}

static fal_status soxr_push(void *state, const float *in, size_t count, fal_samples *out, fal_error *err)
{
    enum { BLOCK = 1 << 16 };
    fal_status st = FAL_OK;
    for (size_t part; st == FAL_OK && count > 0; in += part, count -= part) {
        part = count < BLOCK ? count : BLOCK;
        int got;
        st = soxr_convert(state, in, (int)part, out, &got, err);
    }
    return st;
}

static fal_status soxr_finish(void *state, size_t wanted, fal_samples *out, fal_error *err)
{
    (void)wanted;
    fal_status st = FAL_OK;
    for (int got = 1; st == FAL_OK && got > 0;)
        st = soxr_convert(state, NULL, 0, out, &got, err);
    return st;
}

static void soxr_free(void *state)
{
    SwrContext *swr = state;
    swr_free(&swr);
}

const fal_resample_engine fal_resample_engine_soxr = {
    .create = soxr_create, .push = soxr_push, .finish = soxr_finish, .free = soxr_free};
