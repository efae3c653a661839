/* Resampling against the goldens of torchaudio and libsoxr, and against its own rules. */
#include "support/golden.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/rng.h"
#include "media/resample.h"
#include "media/resample_sinc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef fal_status resample_fn(const float *, size_t, int64_t, float **, size_t *, fal_error *);

static const char *syn(const char *file)
{
    return fal_data_path("wav2vec2/preprocess_syn/%s", file);
}

static const char *full(const char *file)
{
    return fal_golden_path("wav2vec2/preprocess/%s", file);
}

static void check_sinc(const char *(*find)(const char *), const char *name, int64_t rate, double tolerance)
{
    char file[64];
    snprintf(file, sizeof file, "%s.input.npy", name);
    fal_npy in = fal_golden_npy(find(file));
    snprintf(file, sizeof file, "%s.expected.npy", name);
    fal_npy want = fal_golden_npy(find(file));
    float *out = NULL;
    size_t count = 0;
    fal_error err = {0};
    fal_check_ok(fal_resample_sinc(fal_npy_f32(&in), in.count, rate, &out, &count, &err), &err);
    assert_int_equal(count, want.count);
    fal_check_close(name, out, fal_npy_f32(&want), count, tolerance, 0);
    fal_free(out);
    fal_npy_free(&in);
    fal_npy_free(&want);
}

/* Tolerances are those of case.json: 20 times torch's own float32 against float64 difference. */
static void test_sinc_synthetic(void **state)
{
    (void)state;
    check_sinc(syn, "resample_48000", 48000, 1.3e-6);
    check_sinc(syn, "resample_44100", 44100, 5.6e-5);
    check_sinc(syn, "resample_22050", 22050, 1.3e-4);
    check_sinc(syn, "resample_8000", 8000, 1.3e-6);
    check_sinc(syn, "resample_32000", 32000, 1.7e-6);
    check_sinc(syn, "resample_24000", 24000, 1e-6);
}

static void test_sinc_recorded(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_sinc(full, "resample_48000", 48000, 1.3e-6);
    check_sinc(full, "resample_44100", 44100, 5.6e-5);
    check_sinc(full, "resample_22050", 22050, 1.3e-4);
    check_sinc(full, "resample_8000", 8000, 1.3e-6);
    check_sinc(full, "resample_32000", 32000, 1.7e-6);
    check_sinc(full, "resample_24000", 24000, 1e-6);
}

/* Row `phase` of the kernel as torchaudio stores it, [width + step + width] taps from -width on. */
static void unpack_row(const fal_sinc_filter *f, int64_t phase, float *row, int64_t length)
{
    memset(row, 0, (size_t)length * sizeof *row);
    for (int64_t i = 0; i < f->taps; i++) {
        int64_t at = f->start[phase] + i + f->width;
        float value = f->kernel[phase * f->taps + i];
        if (at >= 0 && at < length)
            row[at] = value;
        else
            assert_true(value == 0);
    }
}

static void check_kernel(const char *(*find)(const char *), int64_t rate, const int64_t *phases)
{
    char file[32];
    float row[512];
    fal_sinc_filter filter;
    fal_error err = {0};
    snprintf(file, sizeof file, "kernel_%d.npy", (int)rate);
    fal_npy want = fal_golden_npy(find(file));
    fal_check_ok(fal_sinc_filter_make(rate, &filter, &err), &err);
    assert_int_equal(want.shape[1], 2 * filter.width + filter.step);
    for (size_t r = 0; r < want.shape[0]; r++) {
        unpack_row(&filter, phases[r], row, (int64_t)want.shape[1]);
        fal_check_close(file, row, fal_npy_f32(&want) + r * want.shape[1], want.shape[1], 1e-7, 0);
    }
    fal_sinc_filter_clear(&filter);
    fal_npy_free(&want);
}

static void test_sinc_kernels(void **state)
{
    (void)state;
    check_kernel(syn, 48000, (int64_t[]){0});
    check_kernel(syn, 8000, (int64_t[]){0, 1});
    check_kernel(syn, 44100, (int64_t[]){0, 1, 80, 159});
}

/* [channels][n] as stored -> [n][channels] as decoded. */
static float *interleave(const fal_npy *in)
{
    size_t channels = in->shape[0], n = in->shape[1];
    float *out = fal_malloc_array(channels * n, sizeof *out);
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < n; i++)
            out[i * channels + c] = fal_npy_f32(in)[c * n + i];
    return out;
}

static void check_mix(const char *(*find)(const char *), const char *name, int64_t rate, double tolerance)
{
    char file[64];
    snprintf(file, sizeof file, "%s.input.npy", name);
    fal_npy in = fal_golden_npy(find(file));
    snprintf(file, sizeof file, "%s.mono.npy", name);
    fal_npy want_mono = fal_golden_npy(find(file));
    snprintf(file, sizeof file, "%s.expected.npy", name);
    fal_npy want = fal_golden_npy(find(file));
    float *samples = interleave(&in), *out = NULL;
    float *mono = fal_malloc_array(in.shape[1], sizeof *mono);
    size_t count = 0;
    fal_error err = {0};
    fal_to_mono(samples, in.shape[1], in.shape[0], mono);
    fal_check_close("mono", mono, fal_npy_f32(&want_mono), want_mono.count, 1e-7, 0);
    fal_check_ok(fal_resample_sinc(mono, in.shape[1], rate, &out, &count, &err), &err);
    assert_int_equal(count, want.count);
    fal_check_close(name, out, fal_npy_f32(&want), count, tolerance, 0);
    fal_free(samples);
    fal_free(mono);
    fal_free(out);
    fal_npy_free(&in);
    fal_npy_free(&want_mono);
    fal_npy_free(&want);
}

static void test_channels(void **state)
{
    (void)state;
    check_mix(syn, "stereo_44100", 44100, 9.4e-6);
    check_mix(syn, "six_channel_48000", 48000, 1.7e-6);
}

static void test_channels_recorded(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_mix(full, "stereo_44100", 44100, 9.4e-6);
    check_mix(full, "six_channel_48000", 48000, 1.7e-6);
}

static float *noise(size_t count)
{
    float *x = fal_malloc_array(count, sizeof *x);
    fal_rng_fill_uniform(7, 0, 0, -1, 1, x, count);
    return x;
}

/* The formula of the specification, term by term in double. */
static double sinc_by_formula(const float *x, int64_t n, int64_t rate, int64_t m)
{
    const double pi = 3.14159265358979323846;
    double ratio = (double)rate / 16000, cut = 0.99 * fmin(1, 16000.0 / (double)rate), sum = 0;
    double centre = (double)m * ratio;
    for (int64_t i = (int64_t)floor(centre - 6 / cut); i <= (int64_t)ceil(centre + 6 / cut); i++) {
        double t = cut * ((double)i - centre);
        if (i < 0 || i >= n || fabs(t) >= 6)
            continue;
        double window = cos(pi * t / 12);
        sum += x[i] * window * window * (t == 0 ? 1 : sin(pi * t) / (pi * t)) * cut;
    }
    return sum;
}

/* Rates without goldens. torchaudio rounds the place of each phase to float32, which moves samples by up to 5e-4 where
 * there are 16000 phases (rates prime to 16000) and in white noise changes them by as much. */
static void test_sinc_formula(void **state)
{
    (void)state;
    enum { N = 3000 };
    static const int64_t rates[] = {44101, 11025, 192000, 768000, 15999, 16001};
    static const double tolerance[] = {1e-3, 1e-4, 1e-6, 1e-6, 1e-3, 1e-3};
    float *x = noise(N);
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        float *out = NULL;
        size_t count = 0;
        float want[3 * N];
        fal_error err = {0};
        fal_check_ok(fal_resample_sinc(x, N, rates[r], &out, &count, &err), &err);
        assert_int_equal(count, (size_t)ceil(N * 16000.0 / (double)rates[r]));
        for (size_t m = 0; m < count; m++)
            want[m] = (float)sinc_by_formula(x, N, rates[r], (int64_t)m);
        char name[32];
        snprintf(name, sizeof name, "sinc formula %d Hz", (int)rates[r]);
        fal_check_close(name, out, want, count, tolerance[r], 0);
        fal_free(out);
    }
    fal_free(x);
}

static void check_soxr(const char *(*find)(const char *), const char *stem, int rate)
{
    char file[64];
    snprintf(file, sizeof file, "resampled_%d_to_16000.npy", rate);
    fal_npy want = fal_golden_npy(find(file));
    snprintf(file, sizeof file, "%s_%d.wav", stem, rate);
    fal_buf wav = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(find(file), 0, &wav, &err), &err);
    size_t count = (wav.length - 44) / 2, out_count = 0; /* plain 44-byte header, 16-bit mono */
    float *x = fal_malloc_array(count, sizeof *x), *out = NULL;
    for (size_t i = 0; i < count; i++) {
        int16_t sample;
        memcpy(&sample, wav.data + 44 + 2 * i, sizeof sample);
        x[i] = (float)sample / 32768.0f;
    }
    fal_check_ok(fal_resample_soxr_hq(x, count, rate, &out, &out_count, &err), &err);
    assert_int_equal(out_count, want.count);
    fal_check_close(file, out, fal_npy_f32(&want), want.count, 0, 0); /* the same library: bit for bit */
    fal_free(x);
    fal_free(out);
    fal_buf_free(&wav);
    fal_npy_free(&want);
}

static const char *soxr_syn(const char *file)
{
    return fal_data_path("avhubert/resample_soxr_hq_syn/%s", file);
}

static const char *soxr_full(const char *file)
{
    return fal_golden_path("avhubert/resample_soxr_hq/%s", file);
}

static void test_soxr_synthetic(void **state)
{
    (void)state;
    check_soxr(soxr_syn, "vowel", 44100);
    check_soxr(soxr_syn, "vowel", 48000);
    check_soxr(soxr_syn, "vowel", 22050);
}

static void test_soxr_recorded(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_soxr(soxr_full, "speech", 44100);
    check_soxr(soxr_full, "speech", 48000);
    check_soxr(soxr_full, "speech", 22050);
}

static void push_in_pieces(fal_resample_mode mode, int64_t rate, const float *x, size_t n, fal_samples *out)
{
    fal_resampler *r = NULL;
    fal_error err = {0};
    fal_rng rng = fal_rng_make(3, 0);
    fal_check_ok(fal_resampler_create(mode, rate, &r, &err), &err);
    for (size_t done = 0; done < n;) {
        size_t part = 1 + fal_rng_index(&rng, 700);
        part = part < n - done ? part : n - done;
        fal_check_ok(fal_resampler_push(r, x + done, part, out, &err), &err);
        done += part;
    }
    fal_check_ok(fal_resampler_finish(r, out, &err), &err);
    fal_resampler_free(&r);
}

static void check_streaming(const char *name, fal_resample_mode mode, resample_fn *whole, int64_t rate)
{
    enum { N = 50000 };
    float *x = noise(N), *want = NULL;
    size_t count = 0;
    fal_samples got = {0};
    fal_error err = {0};
    fal_check_ok(whole(x, N, rate, &want, &count, &err), &err);
    push_in_pieces(mode, rate, x, N, &got);
    assert_int_equal(got.count, count);
    fal_check_close(name, got.data, want, count, 0, 0);
    fal_free(x);
    fal_free(want);
    fal_free(got.data);
}

static void test_streaming_is_exact(void **state)
{
    (void)state;
    check_streaming("sinc 44100 in pieces", FAL_RESAMPLE_SINC, fal_resample_sinc, 44100);
    check_streaming("sinc 8000 in pieces", FAL_RESAMPLE_SINC, fal_resample_sinc, 8000);
    check_streaming("soxr 44100 in pieces", FAL_RESAMPLE_SOXR_HQ, fal_resample_soxr_hq, 44100);
    check_streaming("soxr 8000 in pieces", FAL_RESAMPLE_SOXR_HQ, fal_resample_soxr_hq, 8000);
    check_streaming("16000 in pieces", FAL_RESAMPLE_SINC, fal_resample_sinc, 16000);
}

static void check_lengths(resample_fn *resample)
{
    static const int64_t rates[] = {8000, 16000, 22050, 44100, 48000, 96000};
    static const size_t lengths[] = {0, 1, 2, 3, 5, 160, 441, 1000};
    float *x = noise(1000);
    for (size_t r = 0; r < 6; r++) {
        for (size_t i = 0; i < 8; i++) {
            float *out = NULL;
            size_t count = 99;
            fal_error err = {0};
            fal_check_ok(resample(x, lengths[i], rates[r], &out, &count, &err), &err);
            assert_int_equal(count, (lengths[i] * 16000 + (size_t)rates[r] - 1) / (size_t)rates[r]);
            assert_non_null(out);
            if (rates[r] == 16000 && count)
                assert_memory_equal(out, x, count * sizeof *out);
            fal_free(out);
        }
    }
    fal_free(x);
}

static void test_lengths(void **state)
{
    (void)state;
    check_lengths(fal_resample_sinc);
    check_lengths(fal_resample_soxr_hq);
}

static void test_bad_rates(void **state)
{
    (void)state;
    fal_resampler *r = NULL;
    fal_error err = {0};
    fal_check_fails(fal_resampler_create(FAL_RESAMPLE_SINC, 0, &r, &err), FAL_ERR_UNSUPPORTED, "0 Hz", &err);
    fal_check_fails(fal_resampler_create(FAL_RESAMPLE_SOXR_HQ, -5, &r, &err), FAL_ERR_UNSUPPORTED, "-5 Hz", &err);
    fal_check_fails(fal_resampler_create(FAL_RESAMPLE_SINC, 800000, &r, &err), FAL_ERR_UNSUPPORTED, "800000", &err);
    assert_null(r);
    fal_resampler_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sinc_synthetic),     cmocka_unit_test(test_sinc_recorded),
        cmocka_unit_test(test_sinc_kernels),       cmocka_unit_test(test_sinc_formula),
        cmocka_unit_test(test_channels),           cmocka_unit_test(test_channels_recorded),
        cmocka_unit_test(test_soxr_synthetic),     cmocka_unit_test(test_soxr_recorded),
        cmocka_unit_test(test_streaming_is_exact), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_bad_rates),
    };
    return cmocka_run_group_tests_name("media/resample", tests, NULL, NULL);
}
