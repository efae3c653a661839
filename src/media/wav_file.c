#include "media/wav_file.h"

#include "core/alloc.h"
#include "core/file.h"

#include <endian.h>
#include <string.h>

enum { HEADER_BYTES = 44, SAMPLE_BYTES = 2, BLOCK_SAMPLES = 2048, PCM = 1 };

struct fal_wav_file {
    char *path;
    fal_atomic *file;
    int rate, channels;
    uint64_t data_bytes;
};

static void put16(uint8_t *to, int value)
{
    memcpy(to, &(uint16_t){htole16((uint16_t)value)}, 2);
}

static void put32(uint8_t *to, uint64_t value)
{
    memcpy(to, &(uint32_t){htole32((uint32_t)value)}, 4);
}

static fal_status write_bytes(const fal_wav_file *w, const void *bytes, size_t length, fal_error *err)
{
    if (fwrite(bytes, 1, length, fal_atomic_stream(w->file)) != length)
        return fal_fail(err, FAL_ERR_IO, "%s: cannot write", w->path);
    return FAL_OK;
}

static fal_status write_header(const fal_wav_file *w, fal_error *err)
{
    uint8_t h[HEADER_BYTES];
    const int frame_bytes = w->channels * SAMPLE_BYTES;
    memcpy(h, "RIFF", 4);
    put32(h + 4, HEADER_BYTES - 8 + w->data_bytes);
    memcpy(h + 8, "WAVEfmt ", 8);
    put32(h + 16, 16);
    put16(h + 20, PCM);
    put16(h + 22, w->channels);
    put32(h + 24, (uint64_t)w->rate);
    put32(h + 28, (uint64_t)w->rate * (uint64_t)frame_bytes);
    put16(h + 32, frame_bytes);
    put16(h + 34, SAMPLE_BYTES * 8);
    memcpy(h + 36, "data", 4);
    put32(h + 40, w->data_bytes);
    return write_bytes(w, h, sizeof h, err);
}

fal_status fal_wav_create(const char *path, int rate, int channels, fal_wav_file **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_wav_file *w = NULL;
    FAL_ALLOC(w, fal_calloc(1, sizeof *w));
    FAL_ALLOC(w->path, fal_strdup(path));
    w->rate = rate;
    w->channels = channels;
    FAL_TRY(fal_atomic_open(path, &w->file, err));
    FAL_TRY(write_header(w, err)); /* again with the true sizes at the end */
    *out = w;
    w = NULL;
done:
    fal_wav_abort(&w);
    return st;
}

fal_status fal_wav_add(fal_wav_file *w, const int16_t *samples, size_t frames, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t left = frames * (size_t)w->channels;
    uint16_t block[BLOCK_SAMPLES];
    w->data_bytes += left * SAMPLE_BYTES;
    if (w->data_bytes > UINT32_MAX - HEADER_BYTES)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: more sound than the 4 GiB that a WAV file holds", w->path);
    for (size_t part; left > 0; left -= part, samples += part) {
        part = left < BLOCK_SAMPLES ? left : BLOCK_SAMPLES;
        for (size_t i = 0; i < part; i++)
            block[i] = htole16((uint16_t)samples[i]);
        FAL_TRY(write_bytes(w, block, part * SAMPLE_BYTES, err));
    }
done:
    return st;
}

fal_status fal_wav_commit(fal_wav_file **file, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_wav_file *w = *file;
    if (fseek(fal_atomic_stream(w->file), 0, SEEK_SET) != 0)
        FAL_FAIL(FAL_ERR_IO, "%s: cannot write", w->path);
    FAL_TRY(write_header(w, err));
    FAL_TRY(fal_atomic_commit(&w->file, err));
done:
    fal_wav_abort(file);
    return st;
}

void fal_wav_abort(fal_wav_file **file)
{
    if (!file || !*file)
        return;
    fal_atomic_abort(&(*file)->file);
    fal_free((*file)->path);
    fal_release(file);
}
