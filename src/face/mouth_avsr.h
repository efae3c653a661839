/* The mouth stream as Auto-AVSR aligns it: 96x96 RGB crops. It differs from AV-HuBERT's (face/mouth.h) in every step:
 * landmarks are averaged over up to six frames to both sides, the fit leaves out points that moved, the warp is
 * OpenCV's.
 *
 *     FAL_TRY(fal_avsr_plan_create(timeline, &plan, err));
 *     for (t = 0; ...next frame...; t++)
 *         FAL_TRY(fal_avsr_plan_crop(plan, t, &frame, rgb, err));
 */
#ifndef FAL_FACE_MOUTH_AVSR_H
#define FAL_FACE_MOUTH_AVSR_H

#include "core/status.h"
#include "face/lmeds.h"
#include "face/mouth.h"
#include "face/timeline.h"

/* Upstream has two detectors with points of their own. */
typedef struct fal_avsr_route {
    int points;       /* per frame */
    int stable_count; /* points that the fit uses */
    int stable[FAL_LMEDS_MAX];
    double reference[FAL_LMEDS_MAX][2]; /* where they lie on the canvas of 256x256 */
    int mouth_first, mouth_count;       /* the crop is centred on the mean of these points */
    int64_t least_frames;               /* upstream refuses clips with fewer */
} fal_avsr_route;

extern const fal_avsr_route fal_avsr_68_points; /* fal_landmarks; upstream's "retinaface" */
extern const fal_avsr_route fal_avsr_4_points;  /* right eye, left eye, nose, mouth, in whole pixels; "mediapipe" */

/* The points of frame t of n, averaged over frames t-w .. t+w with w = min(6, t, n-1-t), then moved so that their
 * centre is that of frame t's own. points: [n][route->points][2], out: [route->points][2]. */
void fal_avsr_smooth(const fal_avsr_route *route, const double *points, int64_t n, int64_t t, double *out);

/* Where and how one frame is cut. */
typedef struct fal_avsr_cut {
    fal_affine transform;           /* frame to canvas */
    uint8_t inliers[FAL_LMEDS_MAX]; /* of the stable points: used for the fit */
    double centre[2];               /* of the mouth on the canvas */
    int64_t left, top;              /* of the crop on the canvas */
    bool off_centre;                /* more than 53 from the middle of the canvas: upstream refuses the clip ("too much
                                       bias"), here the crop is moved inside the canvas */
} fal_avsr_cut;

/* From smoothed points [route->points][2]; false when they allow no alignment. */
bool fal_avsr_align(const fal_avsr_route *route, const double *smoothed, fal_avsr_cut *out);

/* 96*96 pixels of as many bytes as the frame's have. */
void fal_avsr_cut_frame(const fal_picture *frame, const fal_avsr_cut *cut, uint8_t *out);

typedef struct fal_avsr_plan {
    int64_t frame_count, width, height;
    bool whole_frames;  /* no face in the clip (or none that can be aligned): as in fal_mouth_plan */
    int64_t borrowed;   /* frames whose points allow no alignment; they are cut as the nearest other frame */
    int64_t off_centre; /* frames with fal_avsr_cut.off_centre */
    fal_avsr_cut *cuts; /* [frame_count], not for use with whole_frames */
} fal_avsr_plan;

/* In fast mode the averaging never crosses a scene cut. In exact mode the clip is one piece, and what upstream refuses
 * is refused: FAL_ERR_TOO_SHORT for fewer than 12 frames, FAL_ERR_UNSUPPORTED for a mouth off centre. The plan keeps
 * nothing of the timeline. */
fal_status fal_avsr_plan_create(const fal_face_timeline *timeline, fal_avsr_plan **out, fal_error *err);
void fal_avsr_plan_free(fal_avsr_plan **plan);

/* The crop of frame `index`, [96,96,3]; a gray frame's level is repeated. The frame must have the size of the tracked
 * ones. May be called from several threads at once. */
fal_status fal_avsr_plan_crop(const fal_avsr_plan *plan, int64_t index, const fal_picture *frame, uint8_t *rgb,
                              fal_error *err);

#endif
