/* Face boxes and landmarks by dlib's frontal face detector (five HOG filters) and its 68-point regression trees
 * (face/shape.h), the pair that the official preprocessing uses.
 *
 * The landmark model is a file of 95 MiB: it is read once per detector that is opened and shared by its clones.
 * A detector holds scratch memory, so each thread needs its own; different detectors may be used at the same time. */
#ifndef FAL_FACE_DETECTOR_H
#define FAL_FACE_DETECTOR_H

#include "core/status.h"
#include "face/landmarks.h"
#include "face/level.h"
#include "face/picture.h"

#include <stddef.h>

typedef struct fal_detector fal_detector;

typedef struct fal_face_box {
    fal_rect rect;
    double score; /* above 0; 1 is a clear frontal face */
} fal_face_box;

/* `model_path` NULL: the environment variable FALSETTO_LANDMARKS, and without it the file of Debian's libdlib-data,
 * /usr/share/dlib/shape_predictor_68_face_landmarks.dat. FAL_ERR_NOT_FOUND when there is no such file,
 * FAL_ERR_FORMAT when it is not a 68-point predictor. */
fal_status fal_detector_open(const char *model_path, fal_detector **out, fal_error *err);
/* Another detector for another thread, sharing the landmark model; each is freed on its own, in any order. */
fal_status fal_detector_clone(const fal_detector *detector, fal_detector **out, fal_error *err);
void fal_detector_free(fal_detector **detector);

/* Faces in a gray picture, best first, at most `capacity` of them written to `boxes`; *count is the number found and
 * can be larger. Faces down to about 80 pixels are found, or 40 with `upsample`, which enlarges the picture twofold
 * first (dlib's pyramid_up) and takes four times as long; boxes are in the coordinates of `gray` either way.
 * `threshold` moves the acceptance level: 0 is dlib's own, negative finds more. */
fal_status fal_detector_find(fal_detector *detector, const fal_picture *gray, bool upsample, double threshold,
                             fal_face_box *boxes, size_t capacity, size_t *count, fal_error *err);

/* Faces in one tile, of the one size that its level is for: the same boxes, in frame coordinates, that a search of the
 * whole frame with `upsample` makes there. Windows that the tile does not hold completely are left out. */
fal_status fal_detector_find_in_tile(fal_detector *detector, const fal_level_tile *tile, double threshold,
                                     fal_face_box *boxes, size_t capacity, size_t *count, fal_error *err);

/* The 68 points in the box of a face, whole pixels, in the coordinates of `gray`. */
fal_status fal_detector_landmarks(const fal_detector *detector, const fal_picture *gray, fal_rect box,
                                  fal_landmarks *out, fal_error *err);

#endif
