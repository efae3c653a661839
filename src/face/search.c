#include "face/search.h"

#include "media/image.h"

#include <math.h>

enum { QUICK_SIDE = 640, TILE_BOXES = 16 };

static const double least_overlap = 0.2; /* of a face with itself one frame later */

static fal_rect scale_rect(fal_rect r, double x, double y)
{
    return (fal_rect){llrint((double)r.left * x), llrint((double)r.top * y), llrint((double)r.right * x),
                      llrint((double)r.bottom * y)};
}

static fal_status search_shrunk(fal_detector *detector, const fal_picture *gray, double threshold, fal_arena *arena,
                                fal_face_box *boxes, size_t capacity, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    const int64_t longest = gray->width > gray->height ? gray->width : gray->height;
    int64_t width = gray->width * QUICK_SIDE / longest, height = gray->height * QUICK_SIDE / longest;
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    /* fal_plane serves for both directions and has no const; this one is only read. */
    const fal_plane whole = {(uint8_t *)gray->pixels, gray->width, gray->height, gray->stride};
    fal_plane shrunk = {NULL, width, height, width};
    FAL_ALLOC(shrunk.data, fal_arena_alloc(arena, (size_t)width, (size_t)height));
    FAL_TRY(fal_gray_shrink(&whole, &shrunk, err));
    const fal_picture small = {shrunk.data, width, height, width, 1};
    FAL_TRY(fal_detector_find(detector, &small, false, threshold, boxes, capacity, count, err));
    for (size_t i = 0; i < *count && i < capacity; i++)
        boxes[i].rect =
            scale_rect(boxes[i].rect, (double)gray->width / (double)width, (double)gray->height / (double)height);
done:
    return st;
}

fal_status fal_search_faces(fal_detector *detector, const fal_picture *gray, fal_search_depth depth, double threshold,
                            fal_arena *arena, fal_face_box *boxes, size_t capacity, size_t *count, fal_error *err)
{
    if (depth == FAL_SEARCH_QUICK && (gray->width > QUICK_SIDE || gray->height > QUICK_SIDE))
        return search_shrunk(detector, gray, threshold, arena, boxes, capacity, count, err);
    return fal_detector_find(detector, gray, depth == FAL_SEARCH_DEEP, threshold, boxes, capacity, count, err);
}

fal_status fal_search_near(fal_detector *detector, const fal_picture *gray, fal_rect known, int64_t reach,
                           double threshold, fal_arena *arena, fal_face_box *best, bool *found, fal_error *err)
{
    fal_status st = FAL_OK;
    const int middle = fal_level_for_face((double)(known.right - known.left));
    fal_face_box boxes[TILE_BOXES], winner = {.score = threshold};
    bool any = false;
    for (int index = middle > 0 ? middle - 1 : 0; index <= middle + 1; index++) {
        const fal_level level = fal_level_of(gray->width, gray->height, index);
        fal_level_tile tile;
        size_t count;
        FAL_TRY(fal_level_cut_tile(gray, &level, known, reach, arena, &tile, err));
        if (tile.pixels.width == 0)
            continue;
        FAL_TRY(fal_detector_find_in_tile(detector, &tile, threshold, boxes, TILE_BOXES, &count, err));
        for (size_t i = 0; i < count && i < TILE_BOXES; i++) {
            if (boxes[i].score < winner.score || fal_rect_iou(boxes[i].rect, known) < least_overlap)
                continue;
            winner = boxes[i];
            any = true;
        }
    }
    *found = any;
    if (any)
        *best = winner;
done:
    return st;
}
