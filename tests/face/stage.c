#include "face/stage.h"

#include "core/alloc.h"
#include "media/image.h"
#include "support/golden.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

void fal_stage_clear(fal_stage *stage, int scene)
{
    for (int y = 0; y < FAL_STAGE_HEIGHT; y++) {
        for (int x = 0; x < FAL_STAGE_WIDTH; x++) {
            const unsigned noise = (unsigned)(x * 7919 + y * 104729 + x * y) % 13u;
            const int light = scene % 2 ? 200 - y / 3 : 60 + x / 6;
            stage->pixels[y][x] = (uint8_t)(light + (int)noise);
        }
    }
}

/* Copies the part of a face picture that lies on the stage. */
static void paste(fal_stage *stage, const fal_plane *face, int left, int top)
{
    for (int64_t y = 0; y < face->height; y++) {
        for (int64_t x = 0; x < face->width; x++) {
            const int64_t sx = left + x, sy = top + y;
            if (sx >= 0 && sx < FAL_STAGE_WIDTH && sy >= 0 && sy < FAL_STAGE_HEIGHT)
                stage->pixels[sy][sx] = face->data[y * face->stride + x];
        }
    }
}

void fal_stage_face(fal_stage *stage, int x, int y, int height, int pose)
{
    fal_error err = {0};
    fal_npy film = fal_golden_npy_raw(fal_data_path("avhubert/mouth_roi_syn/frames_bgr.npy"));
    const int64_t h = (int64_t)film.shape[1], w = (int64_t)film.shape[2];
    const uint8_t *bgr = (const uint8_t *)film.data + (size_t)pose * (size_t)(w * h) * 3;
    fal_plane small = {fal_malloc((size_t)(w * h)), w, h, w};
    fal_plane large = {NULL, height * w / h, height, height * w / h};
    large.data = fal_malloc((size_t)(large.width * large.height));
    for (int64_t i = 0; i < w * h; i++)
        small.data[i] = fal_gray_roi(bgr[3 * i + 2], bgr[3 * i + 1], bgr[3 * i]);
    fal_check_ok(fal_gray_resize(&small, &large, &err), &err);
    paste(stage, &large, x - (int)large.width / 2, y - height / 2);
    fal_free(small.data);
    fal_free(large.data);
    fal_npy_free(&film);
}

fal_picture fal_stage_picture(const fal_stage *stage)
{
    return (fal_picture){&stage->pixels[0][0], FAL_STAGE_WIDTH, FAL_STAGE_HEIGHT, FAL_STAGE_WIDTH, 1};
}

void fal_skip_without_landmark_model(void)
{
    const char *path = getenv("FALSETTO_LANDMARKS");
    fal_skip_without(path && *path ? path : "/usr/share/dlib/shape_predictor_68_face_landmarks.dat");
}
