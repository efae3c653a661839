/* Small films with drawn faces: the free golden frames of a drawn face, scaled and put on a textured wall. */
#ifndef FAL_TESTS_FACE_STAGE_H
#define FAL_TESTS_FACE_STAGE_H

#include "face/picture.h"

#include <stdint.h>

enum { FAL_STAGE_WIDTH = 320, FAL_STAGE_HEIGHT = 240 };

typedef struct fal_stage {
    uint8_t pixels[FAL_STAGE_HEIGHT][FAL_STAGE_WIDTH];
} fal_stage;

/* An empty stage; `scene` changes wall and light. */
void fal_stage_clear(fal_stage *stage, int scene);

/* The face with its middle at (x, y), drawn `height` pixels high; frame `pose` of the golden film, 0..12. Skips the
 * current test, saying why, where the test data is absent. */
void fal_stage_face(fal_stage *stage, int x, int y, int height, int pose);

fal_picture fal_stage_picture(const fal_stage *stage);

/* Skips the current test where there is no landmark model to detect with. */
void fal_skip_without_landmark_model(void);

#endif
