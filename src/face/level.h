/* The picture pyramid of the face detector, and single tiles of it.
 *
 * dlib looks for faces of one size, 80 pixels, in a series of ever smaller pictures: level 0 is the frame enlarged
 * twice, every further level is 5/6 as large as the one before. Searching them all takes nearly all the time of the
 * official procedure. When it is known about where and how large a face is, one tile in two or three levels is enough,
 * and since a tile lies on the grid of the whole level, its boxes are the ones a search of everything would find. */
#ifndef FAL_FACE_LEVEL_H
#define FAL_FACE_LEVEL_H

#include "core/arena.h"
#include "core/status.h"
#include "face/landmarks.h"
#include "face/picture.h"

enum {
    FAL_LEVEL_CELL = 8,   /* the detector's features are made of cells of 8x8 pixels; tiles begin at a multiple */
    FAL_LEVEL_LEAST = 64, /* smallest side of a level that dlib searches, pixels */
    FAL_LEVEL_FACE = 72 /* side of the box of a face: from the middle of the window's first cell to that of its last */
};

typedef struct fal_level {
    int index;
    int64_t width, height; /* of the whole level, pixels */
    double step_x, step_y; /* frame pixels from one level pixel to the next; pixel 0 of both coincide */
} fal_level;

/* Level `index` >= 0 of a frame. Sizes are dlib's to the pixel; 0 or less when there is no such level. */
fal_level fal_level_of(int64_t frame_width, int64_t frame_height, int index);

/* The level in which a box `box_width` wide (frame pixels, right - left) has been or would be found, at least 0. */
int fal_level_for_face(double box_width);

typedef struct fal_level_tile {
    fal_level level;
    int64_t left, top;  /* of the tile in its level */
    fal_picture pixels; /* gray; memory of the arena */
} fal_level_tile;

/* The tile that holds every face window whose box is within `reach` level pixels of `face` (frame coordinates), cut at
 * the borders of the level. Pixels are weighted means that come close to dlib's repeated shrinking. A face outside the
 * frame, or less than half inside, and a level that dlib does not search give a tile of width 0. */
fal_status fal_level_cut_tile(const fal_picture *gray, const fal_level *level, fal_rect face, int64_t reach,
                              fal_arena *arena, fal_level_tile *out, fal_error *err);

#endif
