#include "face/face_crop.h"

#include "core/alloc.h"
#include "face/plan.h"

/* Halves rounded towards minus infinity, also for negative numbers. */
static int64_t floor_half(int64_t v)
{
    return (v - (v < 0)) / 2;
}

fal_square fal_face_square(fal_rect box, int64_t frame_width, int64_t frame_height)
{
    const int64_t width = box.right - box.left, height = box.bottom - box.top;
    int64_t size = (int64_t)((double)(width > height ? width : height) * 1.3);
    int64_t left = floor_half(box.left + box.right) - floor_half(size);
    int64_t top = floor_half(box.top + box.bottom) - floor_half(size);
    left = left > 0 ? left : 0;
    top = top > 0 ? top : 0;
    size = size < frame_width - left ? size : frame_width - left;
    size = size < frame_height - top ? size : frame_height - top;
    return (fal_square){left, top, size};
}

static void use_whole_frames(fal_face_plan *plan)
{
    const int64_t size = plan->width < plan->height ? plan->width : plan->height;
    for (int64_t t = 0; t < plan->frame_count; t++)
        plan->squares[t] = (fal_square){(plan->width - size) / 2, (plan->height - size) / 2, size};
    plan->whole_frames = true;
    plan->borrowed = 0;
}

/* Squares of all boxes; false when no box gives one. Scratch: `good` and `from` have a place for each frame. */
static bool use_boxes(fal_face_plan *plan, const fal_rect *boxes, uint8_t *good, int64_t *from)
{
    for (int64_t t = 0; t < plan->frame_count; t++) {
        plan->squares[t] = fal_face_square(boxes[t], plan->width, plan->height);
        good[t] = plan->squares[t].size >= 1;
        plan->borrowed += !good[t];
    }
    if (!fal_plan_nearest(good, plan->frame_count, from))
        return false;
    for (int64_t t = 0; t < plan->frame_count; t++)
        plan->squares[t] = plan->squares[from[t]];
    return true;
}

fal_status fal_face_plan_create(const fal_face_timeline *timeline, fal_face_plan **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const size_t n = (size_t)timeline->frame_count;
    fal_face_plan *plan = NULL;
    uint8_t *good = NULL;
    int64_t *from = NULL;
    FAL_ALLOC(plan, fal_calloc(1, sizeof *plan));
    plan->frame_count = timeline->frame_count;
    plan->width = timeline->width;
    plan->height = timeline->height;
    FAL_ALLOC(plan->squares, fal_malloc_array(n, sizeof *plan->squares));
    FAL_ALLOC(good, fal_malloc_array(n, sizeof *good));
    FAL_ALLOC(from, fal_malloc_array(n, sizeof *from));
    if (!timeline->has_face || !use_boxes(plan, timeline->boxes, good, from))
        use_whole_frames(plan);
    *out = plan;
    plan = NULL;
done:
    fal_free(good);
    fal_free(from);
    fal_face_plan_free(&plan);
    return st;
}

void fal_face_plan_free(fal_face_plan **plan)
{
    if (!plan || !*plan)
        return;
    fal_free((*plan)->squares);
    fal_release(plan);
}

fal_status fal_face_plan_square(const fal_face_plan *plan, int64_t index, const fal_picture *frame, fal_picture *square,
                                fal_error *err)
{
    const fal_tracked tracked = {plan->frame_count, plan->width, plan->height};
    const fal_status st = fal_plan_check("face crop", &tracked, index, frame, err);
    if (st != FAL_OK)
        return st;
    const fal_square *s = &plan->squares[index];
    *square = (fal_picture){.pixels = frame->pixels + s->top * frame->stride + s->left * frame->channels,
                            .width = s->size,
                            .height = s->size,
                            .stride = frame->stride,
                            .channels = frame->channels};
    return FAL_OK;
}
