/* The face stream: the square cut-out around a detector box that FSFM is fed with.
 *
 * As with mouth crops (face/mouth.h) the whole track is needed first, and the clip is decoded again to cut:
 *
 *     FAL_TRY(fal_face_plan_create(timeline, &plan, err));
 *     for (t = 0; ...next frame...; t++) {
 *         FAL_TRY(fal_face_plan_square(plan, t, &frame, &face, err));
 *         FAL_TRY(fal_picture_scaler_fit(&scaler, face.width, face.height, &rule, err));
 *         fal_picture_scaler_run(scaler, face.pixels, face.stride, out);
 *     }
 */
#ifndef FAL_FACE_FACE_CROP_H
#define FAL_FACE_FACE_CROP_H

#include "core/status.h"
#include "face/landmarks.h"
#include "face/picture.h"
#include "face/timeline.h"

/* left, top and side of a square inside the frame. */
typedef struct fal_square {
    int64_t left, top, size;
} fal_square;

/* 30 % larger than the longer side of the box, about its centre, shrunk (and then off centre) at the frame's border; a
 * box outside the frame gives a size of 0 or less. Integer arithmetic of FSFM's preprocessing, where a box's width is
 * right - left, without the usual + 1. */
fal_square fal_face_square(fal_rect box, int64_t frame_width, int64_t frame_height);

typedef struct fal_face_plan {
    int64_t frame_count, width, height;
    bool whole_frames;   /* no face in the clip: the squares are the middle of the frame, as large as it allows; the
                            official script leaves such clips out. Results say so */
    int64_t borrowed;    /* frames whose box gives no square; they have that of the nearest frame with one */
    fal_square *squares; /* [frame_count] all inside the frame, with a size of 1 or more */
} fal_face_plan;

/* The plan keeps nothing of the timeline, whose boxes it takes: the detector's where the face was seen, between them on
 * the straight line. The official script leaves frames without a detection out; here every frame has its picture. */
fal_status fal_face_plan_create(const fal_face_timeline *timeline, fal_face_plan **out, fal_error *err);
void fal_face_plan_free(fal_face_plan **plan);

/* The square of frame `index`, a view into the frame, which must have the size of the tracked ones. Any thread. */
fal_status fal_face_plan_square(const fal_face_plan *plan, int64_t index, const fal_picture *frame, fal_picture *square,
                                fal_error *err);

#endif
