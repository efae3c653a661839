#include "cli/material.h"

#include "core/file.h"
#include "core/rng.h"
#include "core/str.h"
#include "support/probe_file.h"
#include "support/test.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = 16000, HEADER = 44 };

const char *tiny_encoder(void)
{
    return fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model");
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

void write_sound(const char *path, double seconds, double hertz, uint64_t seed)
{
    static const uint8_t header[HEADER + 1] =
        "RIFF    WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data    ";
    size_t count = (size_t)(seconds * RATE), bytes = HEADER + 2 * count;
    uint8_t *wav = malloc(bytes);
    fal_rng rng = fal_rng_make(seed, 0);
    fal_error err = {0};
    assert_non_null(wav);
    memcpy(wav, header, HEADER);
    put32(wav + 4, (uint32_t)bytes - 8);
    put32(wav + 40, (uint32_t)(2 * count));
    for (size_t i = 0; i < count; i++) {
        double x = 0.4 * sin(2 * M_PI * hertz * (double)i / RATE) + 0.05 * fal_rng_normal(&rng);
        int16_t sample = (int16_t)(32000 * fmax(-1, fmin(1, x)));
        memcpy(wav + HEADER + 2 * i, &sample, 2);
    }
    fal_check_ok(fal_file_write(path, wav, bytes, &err), &err);
    free(wav);
}

void write_probe(const char *path)
{
    float weight[TINY_DIM];
    fal_error err = {0};
    fal_probe probe = {.dim = TINY_DIM, .weight = weight, .bias = -1, .l2_normalise = true};
    fal_rng_fill_normal(9, 0, 0, 0, 2, weight, TINY_DIM);
    fal_calibration calibration = {.slope = 2, .low = 0.3, .high = 0.7};
    fal_check_ok(fal_probe_save(path, &probe, &(fal_head_training){.stream = FAL_STREAM_AUDIO}, &calibration, &err),
                 &err);
}

void write_text(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

void check_same_file(const char *a, const char *b)
{
    fal_buf x = {0}, y = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(a, 0, &x, &err), &err);
    fal_check_ok(fal_file_read(b, 0, &y, &err), &err);
    if (x.length != y.length || (x.length && memcmp(x.data, y.data, x.length)))
        fail_msg("%s (%zu bytes) and %s (%zu bytes) are not the same", a, x.length, b, y.length);
    fal_buf_free(&x);
    fal_buf_free(&y);
}

size_t files_in(const char *folder, const char *ending)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir));)
        count +=
            strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && e->d_type != DT_DIR && fal_str_ends(e->d_name, ending);
    closedir(dir);
    return count;
}
