#include "face/landmarks.h"

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

double fal_rect_iou(fal_rect a, fal_rect b)
{
    const int64_t width = min_i64(a.right, b.right) - max_i64(a.left, b.left) + 1;
    const int64_t height = min_i64(a.bottom, b.bottom) - max_i64(a.top, b.top) + 1;
    if (width <= 0 || height <= 0)
        return 0;
    const double both = (double)width * (double)height;
    const double each =
        (double)fal_rect_width(a) * (double)fal_rect_height(a) + (double)fal_rect_width(b) * (double)fal_rect_height(b);
    return both / (each - both);
}

/* lm[t] on the line from lm[a] to lm[b], a < t < b; the order of operations is upstream's. */
static void fill_between(fal_landmarks *lm, int64_t a, int64_t b, int64_t t)
{
    const double part = (double)(t - a) / (double)(b - a);
    for (int p = 0; p < FAL_LANDMARK_COUNT; p++)
        for (int k = 0; k < 2; k++)
            lm[t].xy[p][k] = lm[a].xy[p][k] + part * (lm[b].xy[p][k] - lm[a].xy[p][k]);
}

bool fal_landmarks_interpolate(fal_landmarks *landmarks, uint8_t *states, int64_t first, int64_t count)
{
    int64_t last = -1; /* latest measured frame so far */
    for (int64_t t = first; t < first + count; t++) {
        if (!fal_face_seen(states[t]))
            continue;
        for (int64_t gap = last < 0 ? first : last + 1; gap < t; gap++) {
            if (last < 0) {
                landmarks[gap] = landmarks[t];
            } else {
                fill_between(landmarks, last, t, gap);
                states[gap] = FAL_FACE_INTERPOLATED;
            }
        }
        last = t;
    }
    if (last < 0)
        return false;
    for (int64_t t = last + 1; t < first + count; t++)
        landmarks[t] = landmarks[last];
    return true;
}
