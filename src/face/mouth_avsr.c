#include "face/mouth_avsr.h"

#include "core/alloc.h"
#include "face/plan.h"
#include "face/warp_fixed.h"

#include <math.h>

enum {
    SMOOTH_REACH = 6, /* frames to either side */
    LARGEST_BIAS = FAL_MOUTH_SIZE / 2 + 5,
    MOST_POINTS = FAL_LANDMARK_COUNT
};

/* Rows of the same 68-point mean face that face/mouth.c takes its points from. */
const fal_avsr_route fal_avsr_68_points = {
    .points = FAL_LANDMARK_COUNT,
    .stable_count = 8,
    .stable = {28, 33, 36, 39, 42, 45, 48, 54},
    .reference = {{128.48854473271905, 106.92459505614299},
                  {128.87017960974802, 137.30253355584708},
                  {92.52245552947952, 94.36876013925871},
                  {112.7724172413806, 94.94360869870115},
                  {145.52511509158018, 94.5349986248377},
                  {166.67710071343456, 93.56562295717796},
                  {107.16760614090083, 157.19606764242243},
                  {152.19284005377082, 156.98711116207943}},
    .mouth_first = 48,
    .mouth_count = 20,
    .least_frames = 12,
};

/* Means of the mean face's eyes, nostrils and lips. */
const fal_avsr_route fal_avsr_4_points = {
    .points = 4,
    .stable_count = 4,
    .stable = {0, 1, 2, 3},
    .reference = {{102.0739430570659, 94.27230352389712},
                  {156.3613054162131, 93.57815605186966},
                  {129.00373787023733, 135.90343028603127},
                  {129.31337322587925, 157.82299634918854}},
    .mouth_first = 3,
    .mouth_count = 1,
    .least_frames = 1,
};

static void centre_of(const double *points, int count, double centre[2])
{
    centre[0] = centre[1] = 0;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < 2; k++)
            centre[k] += points[2 * i + k];
    centre[0] /= count;
    centre[1] /= count;
}

void fal_avsr_smooth(const fal_avsr_route *route, const double *points, int64_t n, int64_t t, double *out)
{
    const int values = 2 * route->points;
    const double *own = points + t * values;
    const int64_t nearer_end = t < n - 1 - t ? t : n - 1 - t,
                  reach = nearer_end < SMOOTH_REACH ? nearer_end : SMOOTH_REACH;
    double own_centre[2], centre[2];
    for (int i = 0; i < values; i++) {
        double sum = 0;
        for (int64_t f = -reach; f <= reach; f++)
            sum += own[f * values + i];
        out[i] = sum / (double)(2 * reach + 1);
    }
    centre_of(own, route->points, own_centre);
    centre_of(out, route->points, centre);
    for (int i = 0; i < values; i++)
        out[i] += own_centre[i % 2] - centre[i % 2];
}

static void mouth_centre(const fal_avsr_route *route, const double *smoothed, const fal_affine *transform,
                         double centre[2])
{
    const double *m = transform->m;
    double mouth[MOST_POINTS][2];
    for (int i = 0; i < route->mouth_count; i++) {
        const double x = smoothed[2 * (route->mouth_first + i)], y = smoothed[2 * (route->mouth_first + i) + 1];
        mouth[i][0] = m[0] * x + m[1] * y + m[2];
        mouth[i][1] = m[3] * x + m[4] * y + m[5];
    }
    centre_of(&mouth[0][0], route->mouth_count, centre);
}

static bool is_off_centre(const double centre[2])
{
    const double middle = FAL_MOUTH_CANVAS / 2;
    return !(fabs(centre[0] - middle) <= LARGEST_BIAS && fabs(centre[1] - middle) <= LARGEST_BIAS);
}

bool fal_avsr_align(const fal_avsr_route *route, const double *smoothed, fal_avsr_cut *out)
{
    double stable[FAL_LMEDS_MAX][2];
    fal_affine inverse;
    for (int i = 0; i < route->stable_count; i++)
        for (int k = 0; k < 2; k++)
            stable[i][k] = smoothed[2 * route->stable[i] + k];
    if (!fal_similarity_lmeds((const double(*)[2])stable, route->reference, route->stable_count, &out->transform,
                              out->inliers) ||
        !fal_affine_invert(&out->transform, &inverse))
        return false;
    mouth_centre(route, smoothed, &out->transform, out->centre);
    out->off_centre = is_off_centre(out->centre);
    out->left = fal_mouth_crop_start(out->centre[0]);
    out->top = fal_mouth_crop_start(out->centre[1]);
    return true;
}

void fal_avsr_cut_frame(const fal_picture *frame, const fal_avsr_cut *cut, uint8_t *out)
{
    const fal_warp_window window = {FAL_MOUTH_CANVAS, FAL_MOUTH_CANVAS, cut->left,
                                    cut->top,         FAL_MOUTH_SIZE,   FAL_MOUTH_SIZE};
    fal_warp_fixed(frame, &cut->transform, &window, out);
}

/* Cuts of the shot [start, end); good[t] tells which there are. */
static void plan_shot(fal_avsr_plan *plan, const fal_landmarks *landmarks, int64_t start, int64_t end, uint8_t *good)
{
    fal_landmarks smoothed;
    for (int64_t t = start; t < end; t++) {
        fal_avsr_smooth(&fal_avsr_68_points, &landmarks[start].xy[0][0], end - start, t - start, &smoothed.xy[0][0]);
        good[t] = fal_avsr_align(&fal_avsr_68_points, &smoothed.xy[0][0], &plan->cuts[t]);
        plan->borrowed += !good[t];
    }
}

static fal_status plan_cuts(fal_avsr_plan *plan, const fal_face_timeline *timeline, fal_error *err)
{
    fal_status st = FAL_OK;
    const size_t n = (size_t)plan->frame_count;
    uint8_t *good = NULL;
    int64_t *from = NULL;
    FAL_ALLOC(plan->cuts, fal_malloc_array(n, sizeof *plan->cuts));
    FAL_ALLOC(good, fal_malloc_array(n, sizeof *good));
    FAL_ALLOC(from, fal_malloc_array(n, sizeof *from));
    for (int64_t start = 0, end; start < plan->frame_count; start = end) {
        end = start + 1;
        while (end < plan->frame_count && !timeline->starts_shot[end])
            end++;
        plan_shot(plan, timeline->landmarks, start, end, good);
    }
    plan->whole_frames = !fal_plan_nearest(good, plan->frame_count, from);
    for (int64_t t = 0; t < plan->frame_count && !plan->whole_frames; t++) {
        plan->cuts[t] = plan->cuts[from[t]];
        plan->off_centre += plan->cuts[t].off_centre;
    }
done:
    fal_free(good);
    fal_free(from);
    return st;
}

/* What upstream would not cut. */
static fal_status check_exact(const fal_avsr_plan *plan, fal_error *err)
{
    if (plan->frame_count < fal_avsr_68_points.least_frames)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "the Auto-AVSR alignment wants %lld frames, the clip has %lld",
                        (long long)fal_avsr_68_points.least_frames, (long long)plan->frame_count);
    for (int64_t t = 0; t < plan->frame_count && !plan->whole_frames; t++)
        if (plan->cuts[t].off_centre)
            return fal_fail(
                err, FAL_ERR_UNSUPPORTED,
                "in frame %lld the aligned mouth is at (%g, %g), more than %d from the middle (%d, %d): the "
                "official Auto-AVSR alignment refuses such clips",
                (long long)t, plan->cuts[t].centre[0], plan->cuts[t].centre[1], (int)LARGEST_BIAS, FAL_MOUTH_CANVAS / 2,
                FAL_MOUTH_CANVAS / 2);
    return FAL_OK;
}

fal_status fal_avsr_plan_create(const fal_face_timeline *timeline, fal_avsr_plan **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_avsr_plan *plan = NULL;
    FAL_ALLOC(plan, fal_calloc(1, sizeof *plan));
    plan->frame_count = timeline->frame_count;
    plan->width = timeline->width;
    plan->height = timeline->height;
    plan->whole_frames = !timeline->has_face;
    if (timeline->has_face)
        FAL_TRY(plan_cuts(plan, timeline, err));
    if (timeline->mode == FAL_FACE_EXACT)
        FAL_TRY(check_exact(plan, err));
    *out = plan;
    plan = NULL;
done:
    fal_avsr_plan_free(&plan);
    return st;
}

void fal_avsr_plan_free(fal_avsr_plan **plan)
{
    if (!plan || !*plan)
        return;
    fal_free((*plan)->cuts);
    fal_release(plan);
}

fal_status fal_avsr_plan_crop(const fal_avsr_plan *plan, int64_t index, const fal_picture *frame, uint8_t *rgb,
                              fal_error *err)
{
    const fal_tracked tracked = {plan->frame_count, plan->width, plan->height};
    const fal_status st = fal_plan_check("mouth crop", &tracked, index, frame, err);
    if (st != FAL_OK)
        return st;
    if (plan->whole_frames) {
        fal_mouth_crop_middle(frame, NULL, rgb);
        return FAL_OK;
    }
    fal_avsr_cut_frame(frame, &plan->cuts[index], rgb);
    if (frame->channels == 1)
        for (int64_t i = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE - 1; i >= 0; i--)
            rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = rgb[i];
    return FAL_OK;
}
