/* Rounding follows dlib's predictor: shapes and pixel offsets in float without fused multiply-add, the similarity fit
 * and the way into the picture in double. */
#include "face/shape_model.h"

#include "core/clones.h"
#include "face/warp.h"

#include <math.h>
#include <string.h>

/* Steps to prefetch before they are added: as many as a tree needs time to be walked through. */
enum { BLOCK = 16, CACHE_LINE = 64 };

static void to_points(const float shape[FAL_SHAPE_FLOATS], double points[FAL_LANDMARK_COUNT][2])
{
    for (int i = 0; i < FAL_SHAPE_FLOATS; i++)
        points[i / 2][i % 2] = shape[i];
}

/* One coordinate of a turned offset: fmaf(m0, x, m1 * y), which is slow where the processor has no such instruction.
 * The product of two floats is exact in double. */
static float turn_offset(float m0, float x, float m1, float y)
{
    const float second = m1 * y;
    return (float)((double)m0 * (double)x + (double)second);
}

/* Where a point of the shape lies in the picture, whole pixels. */
static double to_pixel(float part, int64_t low, int64_t high)
{
    return floor((double)part * (double)(high - low) + (double)low + 0.5);
}

/* The grey levels of the cascade's pixels under the current shape; 0 outside the picture. */
static void look(const fal_shape_model *model, size_t cascade, const fal_picture *gray, fal_rect box,
                 const float *shape, float *levels)
{
    double mean[FAL_LANDMARK_COUNT][2], now[FAL_LANDMARK_COUNT][2];
    to_points(model->mean, mean);
    to_points(shape, now);
    const fal_affine turn = fal_similarity_fit((const double(*)[2])mean, (const double(*)[2])now, FAL_LANDMARK_COUNT);
    const float m00 = (float)turn.m[0], m01 = (float)turn.m[1], m10 = (float)turn.m[3], m11 = (float)turn.m[4];
    const fal_shape_pixel *pixel = model->pixel + cascade * model->pixels;
    for (size_t i = 0; i < model->pixels; i++) {
        const float *anchor = shape + 2 * pixel[i].anchor;
        const double x = to_pixel(turn_offset(m00, pixel[i].dx, m01, pixel[i].dy) + anchor[0], box.left, box.right);
        const double y = to_pixel(turn_offset(m10, pixel[i].dx, m11, pixel[i].dy) + anchor[1], box.top, box.bottom);
        const bool inside = x >= 0 && x < (double)gray->width && y >= 0 && y < (double)gray->height;
        levels[i] = inside ? gray->pixels[(int64_t)y * gray->stride + (int64_t)x] : 0;
    }
}

static size_t walk(const fal_shape_split *splits, size_t count, const float *levels)
{
    size_t i = 0;
    while (i < count)
        i = 2 * i + (levels[splits[i].a] - levels[splits[i].b] > splits[i].threshold ? 1 : 2);
    return i - count;
}

FAL_CLONES static void add_step(float *shape, const float *step)
{
    for (int i = 0; i < FAL_SHAPE_FLOATS; i++)
        shape[i] += step[i];
}

static void prefetch_step(const float *step)
{
    for (size_t byte = 0; byte < FAL_SHAPE_FLOATS * sizeof *step; byte += CACHE_LINE)
        __builtin_prefetch((const char *)step + byte);
}

/* All trees look at the same pixels, so that leaves can be fetched a block ahead of their addition. */
static void add_trees(const fal_shape_model *model, size_t cascade, const float *levels, float *shape)
{
    const size_t splits = model->leaves - 1;
    const float *steps[BLOCK];
    for (size_t first = 0; first < model->trees; first += BLOCK) {
        const size_t count = model->trees - first < BLOCK ? model->trees - first : BLOCK;
        for (size_t i = 0; i < count; i++) {
            const size_t tree = cascade * model->trees + first + i;
            const size_t leaf = walk(model->splits + tree * splits, splits, levels);
            steps[i] = model->steps + (tree * model->leaves + leaf) * FAL_SHAPE_FLOATS;
            prefetch_step(steps[i]);
        }
        for (size_t i = 0; i < count; i++)
            add_step(shape, steps[i]);
    }
}

void fal_shape_model_predict(const fal_shape_model *model, const fal_picture *gray, fal_rect box, fal_landmarks *out)
{
    float shape[FAL_SHAPE_FLOATS], levels[FAL_SHAPE_MOST_PIXELS];
    memcpy(shape, model->mean, sizeof shape);
    for (size_t c = 0; c < model->cascades; c++) {
        look(model, c, gray, box, shape, levels);
        add_trees(model, c, levels, shape);
    }
    for (int p = 0; p < FAL_LANDMARK_COUNT; p++) {
        out->xy[p][0] = to_pixel(shape[2 * p], box.left, box.right);
        out->xy[p][1] = to_pixel(shape[2 * p + 1], box.top, box.bottom);
    }
}
