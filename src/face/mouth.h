/* The mouth stream: 96x96 crops around the mouth of an aligned face, as AV-HuBERT's align_mouth.py makes them.
 *
 * The alignment of frame t averages the landmarks of frames t..t+11, and gaps are filled from both sides, so crops need
 * the whole landmark track first. Two passes over the clip keep memory bounded: the first feeds fal_tracker, the second
 * decodes again and cuts.
 *
 *     FAL_TRY(fal_mouth_plan_create(timeline, &plan, err));
 *     for (t = 0; ...next frame...; t++)
 *         FAL_TRY(fal_mouth_plan_crop(plan, t, &frame, gray, NULL, err));
 */
#ifndef FAL_FACE_MOUTH_H
#define FAL_FACE_MOUTH_H

#include "core/status.h"
#include "face/landmarks.h"
#include "face/timeline.h"
#include "face/warp.h"

enum {
    FAL_MOUTH_SIZE = 96,    /* side of a crop */
    FAL_MOUTH_CANVAS = 256, /* side of the aligned face the crop is cut from */
    FAL_MOUTH_WINDOW = 12,  /* frames averaged for the alignment, looking ahead */
    FAL_STABLE_POINTS = 5   /* outer and inner eye corners and the base of the nose */
};

/* Landmark numbers of the points that speaking does not move, and where they lie in the mean face on the canvas. */
extern const int fal_mouth_stable_points[FAL_STABLE_POINTS];
extern const double fal_mouth_mean_face[FAL_STABLE_POINTS][2];

/* Frame-to-canvas transforms for n consecutive frames with landmarks in all of them: with M = min(n, 12), frame i <=
 * n-M uses the mean of the stable points of frames i..i+M-1, the last M-1 frames repeat the last such transform. */
void fal_mouth_transforms(const fal_landmarks *landmarks, int64_t n, fal_affine *out);

/* One crop. `landmarks` are the frame's own, `transform` its alignment. `gray` gets 96*96 bytes, `rgb` 96*96*3 (channel
 * order of the frame); either may be NULL. Gray is (9798 R + 19235 G + 3735 B + 16384) >> 15 of the warped colours.
 * A gray frame gives gray only: `rgb` repeats it. FAL_ERR_ARGUMENT when the transform cannot be inverted. */
fal_status fal_mouth_crop_frame(const fal_picture *frame, const fal_affine *transform, const fal_landmarks *landmarks,
                                uint8_t *gray, uint8_t *rgb, fal_error *err);

/* Where a crop begins on the canvas along one axis, moved so that it lies inside: first centre - 48 is made 0 or more,
 * then centre + 48 at most 256, then half to even. */
int64_t fal_mouth_crop_start(double centre);

/* The 96x96 pixels in the middle of a frame, 0 outside a smaller one; `gray` and `rgb` as above. Their own 88x88 middle
 * is what upstream's centre crop of the whole frame would be. */
void fal_mouth_crop_middle(const fal_picture *frame, uint8_t *gray, uint8_t *rgb);

typedef struct fal_mouth_plan {
    int64_t frame_count, width, height;
    bool whole_frames;        /* no face in the clip (or none that can be aligned): crops are the middle of the whole
                                 frame, as the official script falls back to; results say so */
    int64_t borrowed;         /* frames whose landmarks give no alignment; they have that of the nearest frame */
    fal_affine *transforms;   /* [frame_count], all of them invertible; not for use with whole_frames */
    fal_landmarks *landmarks; /* [frame_count], not for use with whole_frames */
    uint8_t *states;          /* [frame_count] fal_face_state of the frame */
} fal_mouth_plan;

/* In fast mode the averaging never crosses a scene cut; in exact mode the clip is one piece. The plan keeps nothing of
 * the timeline. */
fal_status fal_mouth_plan_create(const fal_face_timeline *timeline, fal_mouth_plan **out, fal_error *err);
void fal_mouth_plan_free(fal_mouth_plan **plan);

/* The crop of frame `index` as fal_mouth_crop_frame makes it, with whole_frames as fal_mouth_crop_middle. The frame must
 * have the size of the tracked ones. May be called from several threads at once. */
fal_status fal_mouth_plan_crop(const fal_mouth_plan *plan, int64_t index, const fal_picture *frame, uint8_t *gray,
                               uint8_t *rgb, fal_error *err);

#endif
