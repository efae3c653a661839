/* Any bytes as a media file: opening, frames and sound must succeed or fail cleanly, with sane geometry and numbers. */
#include "as_file.h"
#include "invariant.h"

#include "core/alloc.h"
#include "media/clip.h"

#include <math.h>
#include <stdbool.h>

enum { MAX_FRAMES = 40, MAX_SIDE = 1024, MAX_BYTES = 1 << 16 };

static void check_frame(const fal_frame *frame, int64_t index)
{
    unsigned total = 0;
    FAL_INVARIANT(frame->width >= 1 && frame->height >= 1 && frame->stride >= 3 * frame->width);
    FAL_INVARIANT(frame->index == index && isfinite(frame->time_s));
    for (int64_t y = 0; y < frame->height; y++)
        for (int64_t x = 0; x < 3 * frame->width; x++)
            total += frame->data[y * frame->stride + x]; /* every byte must be readable */
    FAL_INVARIANT(total <= 255u * 3u * MAX_SIDE * MAX_SIDE * 16u);
}

static void read_frames(fal_clip *clip)
{
    fal_frame frame, first = {0};
    bool end = false;
    for (int64_t n = 0; n < MAX_FRAMES; n++) {
        fal_error err = {0};
        if (fal_clip_next_frame(clip, &frame, &end, &err) != FAL_OK) {
            FAL_INVARIANT(err.text[0] != '\0');
            return;
        }
        if (end)
            return;
        first = n ? first : frame;
        FAL_INVARIANT(frame.width == first.width && frame.height == first.height);
        check_frame(&frame, n);
        FAL_INVARIANT(fal_clip_report(clip)->frames_out == n + 1);
    }
}

static void read_sound(fal_clip *clip, fal_resample_mode mode)
{
    float *samples = NULL;
    size_t count = 0;
    fal_error err = {0};
    if (fal_clip_read_audio(clip, mode, &samples, &count, &err) != FAL_OK) {
        FAL_INVARIANT(err.text[0] != '\0' && samples == NULL);
        return;
    }
    FAL_INVARIANT(count > 0);
    for (size_t i = 0; i < count; i++)
        FAL_INVARIANT(isfinite(samples[i]));
    fal_free(samples);
}

static bool is_small(const fal_media_info *info)
{
    return info->video.width <= MAX_SIDE && info->video.height <= MAX_SIDE;
}

static void read_clip(const char *path, bool exact)
{
    fal_clip *clip = NULL;
    fal_error err = {0};
    if (fal_clip_open(path, &(fal_clip_options){.exact = exact}, &clip, &err) != FAL_OK) {
        FAL_INVARIANT(clip == NULL && err.text[0] != '\0');
        return;
    }
    if (is_small(fal_clip_info(clip)))
        read_frames(clip);
    read_sound(clip, exact ? FAL_RESAMPLE_SOXR_HQ : FAL_RESAMPLE_SINC);
    fal_clip_free(&clip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[AS_FILE_PATH];
    int fd = size <= MAX_BYTES ? as_file(data, size, path) : -1;
    if (fd < 0)
        return 0;
    read_clip(path, false);
    read_clip(path, true);
    close(fd);
    return 0;
}
