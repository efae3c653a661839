/* The landmark model: an ensemble of regression trees (Kazemi and Sullivan, "One millisecond face alignment", CVPR
 * 2014) as dlib's shape_predictor trains and stores them.
 *
 * Own reader and evaluation: the file is checked as it is read (dlib's is not), in a tenth of the time, and a
 * prediction, which is bound by memory, knows its leaves before it needs them. Results equal dlib's. A model is
 * immutable: any number of threads may use it. */
#ifndef FAL_FACE_SHAPE_H
#define FAL_FACE_SHAPE_H

#include "core/status.h"
#include "face/landmarks.h"
#include "face/picture.h"

#include <stddef.h>

typedef struct fal_shape_model fal_shape_model;

/* A file written by dlib's serialize() of a shape_predictor with 68 points. FAL_ERR_NOT_FOUND without the file,
 * FAL_ERR_FORMAT when it is damaged, FAL_ERR_UNSUPPORTED when its trees differ in size or it has other points. */
fal_status fal_shape_model_read(const char *path, fal_shape_model **out, fal_error *err);
fal_status fal_shape_model_parse(const void *bytes, size_t length, const char *origin, fal_shape_model **out,
                                 fal_error *err);
void fal_shape_model_free(fal_shape_model **model);

/* The 68 points, whole numbers, of the face in `box` of a gray picture. */
void fal_shape_model_predict(const fal_shape_model *model, const fal_picture *gray, fal_rect box, fal_landmarks *out);

#endif
