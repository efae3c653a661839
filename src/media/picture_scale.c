#include "media/picture_scale.h"

#include "core/alloc.h"
#include "media/scale_opencv.h"
#include "media/scale_pillow.h"

enum { LARGEST_EDGE = 16384 };

struct fal_picture_scaler {
    int64_t width, height;
    fal_picture_rule rule;
    fal_pillow_scaler *pillow; /* one of the two, as the rule says */
    fal_opencv_scaler *opencv;
};

static int64_t crop_start(int64_t excess, bool crop_floor)
{
    return excess / 2 + (!crop_floor && excess % 4 == 3);
}

/* An axis of `in` pixels; `other` is the length of the other one. */
static fal_scale_axis lay_out(int64_t in, int64_t other, const fal_picture_rule *rule)
{
    if (rule->shorter == 0)
        return (fal_scale_axis){.in = in, .out = rule->side, .count = rule->side};
    fal_scale_axis axis = {.in = in, .out = rule->shorter, .count = rule->side};
    if (in > other)
        axis.out = (int64_t)((double)(rule->shorter * in) / (double)other);
    axis.from = crop_start(axis.out - rule->side, rule->crop_floor);
    return axis;
}

static fal_status check(int64_t width, int64_t height, const fal_picture_rule *rule, fal_error *err)
{
    if (width < 1 || height < 1 || width > LARGEST_EDGE || height > LARGEST_EDGE)
        return fal_fail(err, FAL_ERR_ARGUMENT, "cannot scale a picture of %lld x %lld pixels, only 1 to %d a side",
                        (long long)width, (long long)height, (int)LARGEST_EDGE);
    if (rule->side < 1 || rule->side > FAL_PICTURE_SIDE_MAX || rule->shorter > FAL_PICTURE_SIDE_MAX ||
        (rule->shorter != 0 && rule->shorter < rule->side))
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "cannot scale a picture's shorter edge to %lld and cut %lld pixels from it, wanted 1 <= cut <= "
                        "edge <= %d",
                        (long long)rule->shorter, (long long)rule->side, (int)FAL_PICTURE_SIDE_MAX);
    if (rule->scaling != FAL_SCALE_BICUBIC && rule->scaling != FAL_SCALE_BILINEAR &&
        rule->scaling != FAL_SCALE_OPENCV_BILINEAR)
        return fal_fail(err, FAL_ERR_ARGUMENT, "picture scaling %d is unknown", (int)rule->scaling);
    return FAL_OK;
}

fal_status fal_picture_scaler_create(int64_t width, int64_t height, const fal_picture_rule *rule,
                                     fal_picture_scaler **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_picture_scaler *s = NULL;
    FAL_TRY(check(width, height, rule, err));
    const fal_scale_axis x = lay_out(width, height, rule), y = lay_out(height, width, rule);
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    s->width = width;
    s->height = height;
    s->rule = *rule;
    if (rule->scaling == FAL_SCALE_OPENCV_BILINEAR)
        FAL_TRY(fal_opencv_scaler_create(&x, &y, &s->opencv, err));
    else
        FAL_TRY(fal_pillow_scaler_create(rule->scaling, &x, &y, &s->pillow, err));
    *out = s;
    s = NULL;
done:
    fal_picture_scaler_free(&s);
    return st;
}

void fal_picture_scaler_free(fal_picture_scaler **scaler)
{
    if (!scaler || !*scaler)
        return;
    fal_pillow_scaler_free(&(*scaler)->pillow);
    fal_opencv_scaler_free(&(*scaler)->opencv);
    fal_release(scaler);
}

bool fal_picture_rule_same(const fal_picture_rule *a, const fal_picture_rule *b)
{
    return a->side == b->side && a->shorter == b->shorter && a->scaling == b->scaling && a->crop_floor == b->crop_floor;
}

fal_status fal_picture_scaler_fit(fal_picture_scaler **scaler, int64_t width, int64_t height,
                                  const fal_picture_rule *rule, fal_error *err)
{
    fal_picture_scaler *made = NULL;
    const fal_picture_scaler *old = *scaler;
    if (old && old->width == width && old->height == height && fal_picture_rule_same(&old->rule, rule))
        return FAL_OK;
    const fal_status st = fal_picture_scaler_create(width, height, rule, &made, err);
    if (st != FAL_OK)
        return st;
    fal_picture_scaler_free(scaler);
    *scaler = made;
    return FAL_OK;
}

void fal_picture_scaler_run(fal_picture_scaler *scaler, const uint8_t *rgb, int64_t stride, uint8_t *out)
{
    if (scaler->opencv)
        fal_opencv_scaler_run(scaler->opencv, rgb, stride, out);
    else
        fal_pillow_scaler_run(scaler->pillow, rgb, stride, out);
}
