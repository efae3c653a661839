#include "face/mouth.h"

#include "core/alloc.h"
#include "face/plan.h"
#include "media/image.h"

#include <math.h>
#include <string.h>

/* Rows 33, 36, 39, 42, 45 of the 68-point mean face of the LRW corpus, as published with RAVEn
 * (20words_mean_face.npy in github.com/ahaliassos/raven, MIT licence) and used by AV-HuBERT. */
const int fal_mouth_stable_points[FAL_STABLE_POINTS] = {33, 36, 39, 42, 45};
const double fal_mouth_mean_face[FAL_STABLE_POINTS][2] = {
    {128.87017960974802, 137.30253355584708}, {92.52245552947952, 94.36876013925871},
    {112.7724172413806, 94.94360869870115},   {145.52511509158018, 94.5349986248377},
    {166.67710071343456, 93.56562295717796},
};

/* Landmarks 48..67 are the lips, the middle of them is where the crop is centred. */
enum { FIRST_MOUTH_POINT = 48, MOUTH_POINTS = 20, HALF = FAL_MOUTH_SIZE / 2, GRAY_MARGIN = 4, ENCODER_SIZE = 88 };

/* The stable points averaged over frames 0..n-1, fitted to the mean face. */
static fal_affine fit_window(const fal_landmarks *landmarks, int64_t n)
{
    double mean[FAL_STABLE_POINTS][2] = {{0}};
    for (int p = 0; p < FAL_STABLE_POINTS; p++) {
        for (int k = 0; k < 2; k++) {
            for (int64_t t = 0; t < n; t++)
                mean[p][k] += landmarks[t].xy[fal_mouth_stable_points[p]][k];
            mean[p][k] /= (double)n;
        }
    }
    return fal_similarity_fit((const double(*)[2])mean, fal_mouth_mean_face, FAL_STABLE_POINTS);
}

void fal_mouth_transforms(const fal_landmarks *landmarks, int64_t n, fal_affine *out)
{
    const int64_t window = n < FAL_MOUTH_WINDOW ? n : FAL_MOUTH_WINDOW;
    for (int64_t i = 0; i < n; i++)
        out[i] = i + window <= n ? fit_window(landmarks + i, window) : out[i - 1];
}

int64_t fal_mouth_crop_start(double centre)
{
    if (!(centre - HALF >= 0))
        centre = HALF;
    if (centre + HALF > FAL_MOUTH_CANVAS)
        centre = FAL_MOUTH_CANVAS - HALF;
    return (int64_t)rint(centre) - HALF;
}

/* The 96x96 window of the canvas around the frame's own mouth. */
static fal_warp_window mouth_window(const fal_affine *transform, const fal_landmarks *landmarks)
{
    const double *m = transform->m;
    double cx = 0, cy = 0;
    for (int p = FIRST_MOUTH_POINT; p < FIRST_MOUTH_POINT + MOUTH_POINTS; p++) {
        const double x = landmarks->xy[p][0], y = landmarks->xy[p][1];
        cx += m[0] * x + m[1] * y + m[2];
        cy += m[3] * x + m[4] * y + m[5];
    }
    return (fal_warp_window){FAL_MOUTH_CANVAS,
                             FAL_MOUTH_CANVAS,
                             fal_mouth_crop_start(cx / MOUTH_POINTS),
                             fal_mouth_crop_start(cy / MOUTH_POINTS),
                             FAL_MOUTH_SIZE,
                             FAL_MOUTH_SIZE};
}

/* `pixels` are 96*96 of `channels` bytes; fills what is asked for. */
static void deliver(const uint8_t *pixels, int channels, uint8_t *gray, uint8_t *rgb)
{
    for (int i = 0; i < FAL_MOUTH_SIZE * FAL_MOUTH_SIZE; i++) {
        const uint8_t *p = pixels + (size_t)i * (size_t)channels;
        const uint8_t r = p[0], g = p[channels == 3 ? 1 : 0], b = p[channels == 3 ? 2 : 0];
        if (gray)
            gray[i] = fal_gray_roi(r, g, b);
        if (rgb) {
            rgb[3 * i] = r;
            rgb[3 * i + 1] = g;
            rgb[3 * i + 2] = b;
        }
    }
}

fal_status fal_mouth_crop_frame(const fal_picture *frame, const fal_affine *transform, const fal_landmarks *landmarks,
                                uint8_t *gray, uint8_t *rgb, fal_error *err)
{
    uint8_t pixels[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE * 3];
    fal_affine inverse;
    if (!fal_affine_invert(transform, &inverse))
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "mouth crop: the landmarks give no alignment, scale and rotation are (%g, %g)", transform->m[0],
                        transform->m[3]);
    const fal_warp_window window = mouth_window(transform, landmarks);
    fal_warp_affine(frame, &inverse, &window, pixels);
    deliver(pixels, frame->channels, gray, rgb);
    return FAL_OK;
}

/* The encoder's centre crop of the whole frame would lie at (size - 88) / 2, rounded down. */
void fal_mouth_crop_middle(const fal_picture *frame, uint8_t *gray, uint8_t *rgb)
{
    uint8_t pixels[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE * 3] = {0};
    const int64_t left = (frame->width - ENCODER_SIZE) / 2 - GRAY_MARGIN;
    const int64_t top = (frame->height - ENCODER_SIZE) / 2 - GRAY_MARGIN;
    const size_t channels = (size_t)frame->channels;
    for (int64_t y = 0; y < FAL_MOUTH_SIZE; y++) {
        for (int64_t x = 0; x < FAL_MOUTH_SIZE; x++) {
            const int64_t c = left + x, r = top + y;
            if (c >= 0 && c < frame->width && r >= 0 && r < frame->height)
                memcpy(pixels + (size_t)(y * FAL_MOUTH_SIZE + x) * channels,
                       frame->pixels + r * frame->stride + c * frame->channels, channels);
        }
    }
    deliver(pixels, frame->channels, gray, rgb);
}

/* Transforms shot by shot. */
static void plan_transforms(fal_mouth_plan *plan, const fal_face_timeline *timeline)
{
    int64_t start = 0;
    for (int64_t t = 1; t <= plan->frame_count; t++) {
        if (t < plan->frame_count && !timeline->starts_shot[t])
            continue;
        fal_mouth_transforms(plan->landmarks + start, t - start, plan->transforms + start);
        start = t;
    }
}

/* Frames whose points give no alignment take the nearest one there is, and count. Without any, whole frames it is. */
static fal_status borrow_transforms(fal_mouth_plan *plan, fal_error *err)
{
    fal_status st = FAL_OK;
    const size_t n = (size_t)plan->frame_count;
    uint8_t *good = NULL;
    int64_t *from = NULL;
    fal_affine inverse;
    FAL_ALLOC(good, fal_malloc_array(n, sizeof *good));
    FAL_ALLOC(from, fal_malloc_array(n, sizeof *from));
    for (int64_t t = 0; t < plan->frame_count; t++) {
        good[t] = fal_affine_invert(&plan->transforms[t], &inverse);
        plan->borrowed += !good[t];
    }
    plan->whole_frames = !fal_plan_nearest(good, plan->frame_count, from);
    for (int64_t t = 0; t < plan->frame_count && !plan->whole_frames; t++)
        plan->transforms[t] = plan->transforms[from[t]];
done:
    fal_free(good);
    fal_free(from);
    return st;
}

fal_status fal_mouth_plan_create(const fal_face_timeline *timeline, fal_mouth_plan **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const size_t n = (size_t)timeline->frame_count;
    fal_mouth_plan *plan = NULL;
    FAL_ALLOC(plan, fal_calloc(1, sizeof *plan));
    plan->frame_count = timeline->frame_count;
    plan->width = timeline->width;
    plan->height = timeline->height;
    plan->whole_frames = !timeline->has_face;
    FAL_ALLOC(plan->states, fal_malloc_array(n, sizeof *plan->states));
    memcpy(plan->states, timeline->states, n * sizeof *plan->states);
    if (timeline->has_face) {
        FAL_ALLOC(plan->landmarks, fal_malloc_array(n, sizeof *plan->landmarks));
        FAL_ALLOC(plan->transforms, fal_malloc_array(n, sizeof *plan->transforms));
        memcpy(plan->landmarks, timeline->landmarks, n * sizeof *plan->landmarks);
        plan_transforms(plan, timeline);
        FAL_TRY(borrow_transforms(plan, err));
    }
    *out = plan;
    plan = NULL;
done:
    fal_mouth_plan_free(&plan);
    return st;
}

void fal_mouth_plan_free(fal_mouth_plan **plan)
{
    if (!plan || !*plan)
        return;
    fal_free((*plan)->transforms);
    fal_free((*plan)->landmarks);
    fal_free((*plan)->states);
    fal_release(plan);
}

fal_status fal_mouth_plan_crop(const fal_mouth_plan *plan, int64_t index, const fal_picture *frame, uint8_t *gray,
                               uint8_t *rgb, fal_error *err)
{
    const fal_tracked tracked = {plan->frame_count, plan->width, plan->height};
    const fal_status st = fal_plan_check("mouth crop", &tracked, index, frame, err);
    if (st != FAL_OK)
        return st;
    if (plan->whole_frames) {
        fal_mouth_crop_middle(frame, gray, rgb);
        return FAL_OK;
    }
    return fal_mouth_crop_frame(frame, &plan->transforms[index], &plan->landmarks[index], gray, rgb, err);
}
