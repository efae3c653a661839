/* What it costs to make the picture encoders' input from a frame, beside the same sums in plain loops over the whole
 * picture. Times are CPU time of one thread, the best of a few runs. Prints a Markdown table. */
#include "support.h"

#include "core/alloc.h"
#include "face/mouth_avsr.h"
#include "media/picture_scale.h"
#include "media/scale_taps.h"

#include <stdio.h>
#include <string.h>

enum { RUNS = 9, PLAIN_RUNS = 2, SIDE = 224, HALF = 1 << (FAL_TAPS_BITS - 1) };

static uint8_t *make_frame(int64_t width, int64_t height)
{
    uint8_t *rgb = need_memory(fal_malloc((size_t)(width * height * 3)));
    for (int64_t i = 0; i < width * height * 3; i++)
        rgb[i] = (uint8_t)((i * 2654435761u) >> 24);
    return rgb;
}

/* One axis of the whole picture: output pixel i of each of `lines` lines, which are `line` bytes apart and whose pixels
 * are `step` bytes apart. */
static void plain_pass(const uint8_t *in, const fal_taps *taps, int64_t lines, int64_t line, int64_t step, uint8_t *out,
                       int64_t out_line, int64_t out_step)
{
    for (int64_t l = 0; l < lines; l++)
        for (int64_t i = 0; i < taps->count; i++)
            for (int c = 0; c < 3; c++) {
                const uint8_t *pixel = in + l * line + taps->first[i] * step + c;
                int32_t sum = HALF;
                for (int64_t k = 0; k < taps->length[i]; k++)
                    sum += taps->weights[i * taps->stride + k] * pixel[k * step];
                sum >>= FAL_TAPS_BITS;
                out[l * out_line + i * out_step + c] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
            }
}

/* To 224 on the shorter (lower) edge, all of the width. */
static double plain_s(const uint8_t *rgb, int64_t width, int64_t height)
{
    fal_error err = {0};
    fal_taps columns, rows;
    const int64_t wide = SIDE * width / height;
    uint8_t *narrow = need_memory(fal_malloc((size_t)(wide * height * 3)));
    uint8_t *out = need_memory(fal_malloc((size_t)(wide * SIDE * 3)));
    double best = 1e9;
    need_ok(fal_taps_create(FAL_SCALE_BICUBIC, &(fal_scale_axis){width, wide, 0, wide}, &columns, &err), &err);
    need_ok(fal_taps_create(FAL_SCALE_BICUBIC, &(fal_scale_axis){height, SIDE, 0, SIDE}, &rows, &err), &err);
    for (int run = 0; run < PLAIN_RUNS; run++) {
        const double start = cpu_s();
        plain_pass(rgb, &columns, height, 3 * width, 3, narrow, 3 * wide, 3);
        plain_pass(narrow, &rows, wide, 3, 3 * wide, out, 3, 3 * wide);
        const double took = cpu_s() - start;
        best = took < best ? took : best;
    }
    fal_taps_free(&columns);
    fal_taps_free(&rows);
    fal_free(narrow);
    fal_free(out);
    return best;
}

static double scaler_s(const uint8_t *rgb, int64_t width, int64_t height, const fal_picture_rule *rule, bool create)
{
    fal_error err = {0};
    fal_picture_scaler *scaler = NULL;
    uint8_t *out = need_memory(fal_malloc(SIDE * SIDE * 3));
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        if (create)
            fal_picture_scaler_free(&scaler);
        const double start = cpu_s();
        need_ok(fal_picture_scaler_fit(&scaler, width, height, rule, &err), &err);
        fal_picture_scaler_run(scaler, rgb, 3 * width, out);
        const double took = cpu_s() - start;
        best = took < best ? took : best;
    }
    fal_picture_scaler_free(&scaler);
    fal_free(out);
    return best;
}

/* A mouth crop of a face 300 pixels wide. */
static double mouth_s(const uint8_t *rgb, int64_t width, int64_t height)
{
    const fal_picture frame = {rgb, width, height, 3 * width, 3};
    const fal_avsr_cut cut = {.transform = {{0.6, 0.05, -300, -0.05, 0.6, -100}}, .left = 80, .top = 110};
    uint8_t out[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE * 3];
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        const double start = cpu_s();
        fal_avsr_cut_frame(&frame, &cut, out);
        const double took = cpu_s() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void report(const char *what, double seconds, double plain)
{
    printf("| %s | %.2f | ", what, 1e3 * seconds);
    if (plain > 0)
        printf("%.1f | %.1f |\n", 1e3 * plain, plain / seconds);
    else
        printf("- | - |\n");
}

static void bench_size(int64_t width, int64_t height)
{
    const fal_picture_rule clip = {.side = SIDE, .shorter = SIDE}, whole = {.side = SIDE};
    const fal_picture_rule videomae = {
        .side = SIDE, .shorter = SIDE, .scaling = FAL_SCALE_BILINEAR, .crop_floor = true};
    char name[96];
    uint8_t *rgb = make_frame(width, height);
    snprintf(name, sizeof name, "%dx%d, bicubic, shorter edge, middle", (int)width, (int)height);
    report(name, scaler_s(rgb, width, height, &clip, false), plain_s(rgb, width, height));
    snprintf(name, sizeof name, "%dx%d, bilinear, shorter edge, middle", (int)width, (int)height);
    report(name, scaler_s(rgb, width, height, &videomae, false), 0);
    snprintf(name, sizeof name, "%dx%d, bicubic, whole picture, new scaler", (int)width, (int)height);
    report(name, scaler_s(rgb, width, height, &whole, true), 0);
    snprintf(name, sizeof name, "%dx%d, Auto-AVSR mouth crop", (int)width, (int)height);
    report(name, mouth_s(rgb, width, height), 0);
    fal_free(rgb);
}

int main(void)
{
    printf("| to %dx%d | ms | plain loops, ms | ratio |\n|---|---|---|---|\n", SIDE, SIDE);
    bench_size(1920, 1080);
    bench_size(1280, 720);
    bench_size(400, 400);
    return 0;
}
