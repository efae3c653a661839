/* dlib's binary form of a shape_predictor: packed integers (a size byte with a sign bit, then that many bytes, lowest
 * first); floats as mantissa and exponent, two packed integers; vectors as a count and their elements; column vectors
 * of numbers as minus their two dimensions and their elements.
 *
 *     1, mean shape [136],
 *     cascades x trees x { splits { pixel a, pixel b, threshold }, leaves x step [136] },
 *     cascades x anchors [pixels], cascades x offsets [pixels] { x, y } */
#include "core/alloc.h"
#include "core/file.h"
#include "face/shape_model.h"

#include <endian.h>
#include <math.h>
#include <string.h>

/* Far above any model in use (15 cascades, 500 trees, 16 leaves): what is more is damage. */
enum { MOST_CASCADES = 256, MOST_TREES = 16384, MOST_LEAVES = 256 };

/* Coordinates are parts of a box and thresholds grey levels; with this limit no sum of them overflows. */
static const float largest_number = 1e6f;

typedef struct reader {
    const uint8_t *at, *end, *start;
    const char *origin;
    fal_error *err;
} reader;

static fal_status damaged(const reader *r, const char *what)
{
    return fal_fail(r->err, FAL_ERR_FORMAT, "%s: not a landmark model of dlib, or damaged: %s at byte %zu", r->origin,
                    what, (size_t)(r->at - r->start));
}

static fal_status read_int(reader *r, int64_t *out)
{
    const size_t left = (size_t)(r->end - r->at);
    const uint8_t head = left ? *r->at : 0;
    const size_t size = head & 0x0f;
    uint64_t value = 0;
    if (size < 1 || size > sizeof value || (head & 0x70) || size >= left)
        return damaged(r, "no packed integer");
    if (left > sizeof value) { /* there are 33 million of these: eight bytes at once, the surplus cut off */
        memcpy(&value, r->at + 1, sizeof value);
        value = le64toh(value) & UINT64_MAX >> (64 - 8 * size);
    } else {
        for (size_t i = size; i > 0; i--)
            value = value << 8 | r->at[i];
    }
    if (value > INT64_MAX)
        return damaged(r, "integer out of range");
    r->at += size + 1;
    *out = head & 0x80 ? -(int64_t)value : (int64_t)value;
    return FAL_OK;
}

/* 2^exponent, for exponents of normal doubles. */
static double power_of_two(int64_t exponent)
{
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static fal_status read_float(reader *r, float *out)
{
    fal_status st = FAL_OK;
    int64_t mantissa, exponent;
    FAL_TRY(read_int(r, &mantissa));
    FAL_TRY(read_int(r, &exponent));
    if (exponent < -1022 || exponent > 1022) /* dlib's codes for infinity and NaN lie above */
        return damaged(r, "number out of range");
    const float value = (float)((double)mantissa * power_of_two(exponent));
    if (!(fabsf(value) <= largest_number))
        return damaged(r, "number out of range");
    *out = value;
done:
    return st;
}

static fal_status read_floats(reader *r, float *out, size_t count)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < count; i++)
        FAL_TRY(read_float(r, out + i));
done:
    return st;
}

/* A count that must be `*known`, or, when that is 0, becomes it: 1..most. */
static fal_status read_count(reader *r, const char *what, size_t most, size_t *known)
{
    fal_status st = FAL_OK;
    int64_t count;
    FAL_TRY(read_int(r, &count));
    if (*known && count != (int64_t)*known)
        FAL_TRY(fal_fail(r->err, FAL_ERR_UNSUPPORTED, "%s: number of %s is %lld after %zu before", r->origin, what,
                         (long long)count, *known));
    if (count < 1 || count > (int64_t)most)
        FAL_TRY(fal_fail(r->err, FAL_ERR_FORMAT, "%s: number of %s is %lld, expected 1 to %zu", r->origin, what,
                         (long long)count, most));
    *known = (size_t)count;
done:
    return st;
}

/* A column of 136 numbers. */
static fal_status read_shape(reader *r, float *out)
{
    fal_status st = FAL_OK;
    int64_t rows, columns;
    FAL_TRY(read_int(r, &rows));
    FAL_TRY(read_int(r, &columns));
    if (rows != -FAL_SHAPE_FLOATS || columns != -1)
        FAL_TRY(fal_fail(r->err, rows < 0 && columns == -1 && rows % 2 == 0 ? FAL_ERR_UNSUPPORTED : FAL_ERR_FORMAT,
                         "%s: shape of %lld x %lld numbers, expected %d x 1 (68 landmarks)", r->origin,
                         -(long long)rows, -(long long)columns, FAL_SHAPE_FLOATS));
    FAL_TRY(read_floats(r, out, FAL_SHAPE_FLOATS));
done:
    return st;
}

static fal_status read_splits(reader *r, fal_shape_split *splits, size_t count)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < count; i++) {
        int64_t a, b;
        FAL_TRY(read_int(r, &a));
        FAL_TRY(read_int(r, &b));
        if (a < 0 || a >= FAL_SHAPE_MOST_PIXELS || b < 0 || b >= FAL_SHAPE_MOST_PIXELS)
            FAL_TRY(damaged(r, "pixel number out of range"));
        splits[i].a = (uint16_t)a;
        splits[i].b = (uint16_t)b;
        FAL_TRY(read_float(r, &splits[i].threshold));
    }
done:
    return st;
}

/* Memory for `trees` x `leaves` known from the first tree; bounded by what the rest of the file can hold, 4 bytes or
 * more for each number. */
static fal_status allocate_forests(reader *r, fal_shape_model *model)
{
    fal_status st = FAL_OK;
    fal_error *err = r->err;
    const size_t all = model->cascades * model->trees; /* cannot overflow, see the limits */
    if (all * model->leaves > (size_t)(r->end - r->at) / (4 * FAL_SHAPE_FLOATS) + model->leaves)
        FAL_TRY(damaged(r, "shorter than its trees"));
    FAL_ALLOC(model->splits, fal_malloc_array(all * (model->leaves - 1), sizeof *model->splits));
    FAL_ALLOC(model->steps, fal_malloc_array(all * model->leaves, FAL_SHAPE_FLOATS * sizeof *model->steps));
done:
    return st;
}

static fal_status read_tree(reader *r, fal_shape_model *model, size_t index)
{
    fal_status st = FAL_OK;
    size_t splits = model->leaves ? model->leaves - 1 : 0;
    FAL_TRY(read_count(r, "splits of a tree", MOST_LEAVES - 1, &splits));
    if (!model->leaves) {
        model->leaves = splits + 1;
        if (model->leaves & (model->leaves - 1))
            FAL_TRY(damaged(r, "leaves of a tree are no power of two"));
        FAL_TRY(allocate_forests(r, model));
    }
    FAL_TRY(read_splits(r, model->splits + index * splits, splits));
    FAL_TRY(read_count(r, "leaves of a tree", MOST_LEAVES, &model->leaves));
    for (size_t leaf = 0; leaf < model->leaves; leaf++)
        FAL_TRY(read_shape(r, model->steps + (index * model->leaves + leaf) * FAL_SHAPE_FLOATS));
done:
    return st;
}

static fal_status read_forests(reader *r, fal_shape_model *model)
{
    fal_status st = FAL_OK;
    FAL_TRY(read_count(r, "cascades", MOST_CASCADES, &model->cascades));
    for (size_t c = 0; c < model->cascades; c++) {
        FAL_TRY(read_count(r, "trees of a cascade", MOST_TREES, &model->trees));
        for (size_t t = 0; t < model->trees; t++)
            FAL_TRY(read_tree(r, model, c * model->trees + t));
    }
done:
    return st;
}

static fal_status read_anchors(reader *r, fal_shape_model *model)
{
    fal_status st = FAL_OK;
    fal_error *err = r->err;
    FAL_TRY(read_count(r, "cascades", MOST_CASCADES, &model->cascades));
    for (size_t c = 0; c < model->cascades; c++) {
        FAL_TRY(read_count(r, "pixels of a cascade", FAL_SHAPE_MOST_PIXELS, &model->pixels));
        if (!model->pixel)
            FAL_ALLOC(model->pixel, fal_malloc_array(model->cascades * model->pixels, sizeof *model->pixel));
        for (size_t p = 0; p < model->pixels; p++) {
            int64_t anchor;
            FAL_TRY(read_int(r, &anchor));
            if (anchor < 0 || anchor >= FAL_LANDMARK_COUNT)
                FAL_TRY(damaged(r, "landmark number out of range"));
            model->pixel[c * model->pixels + p].anchor = (uint8_t)anchor;
        }
    }
done:
    return st;
}

static fal_status read_offsets(reader *r, fal_shape_model *model)
{
    fal_status st = FAL_OK;
    FAL_TRY(read_count(r, "cascades", MOST_CASCADES, &model->cascades));
    for (size_t c = 0; c < model->cascades; c++) {
        FAL_TRY(read_count(r, "pixels of a cascade", FAL_SHAPE_MOST_PIXELS, &model->pixels));
        for (size_t p = 0; p < model->pixels; p++) {
            FAL_TRY(read_float(r, &model->pixel[c * model->pixels + p].dx));
            FAL_TRY(read_float(r, &model->pixel[c * model->pixels + p].dy));
        }
    }
done:
    return st;
}

/* Splits come before the pixels they name. */
static fal_status check_splits(const reader *r, const fal_shape_model *model)
{
    const size_t count = model->cascades * model->trees * (model->leaves - 1);
    for (size_t i = 0; i < count; i++)
        if (model->splits[i].a >= model->pixels || model->splits[i].b >= model->pixels)
            return damaged(r, "split on a pixel that does not exist");
    return FAL_OK;
}

fal_status fal_shape_model_parse(const void *bytes, size_t length, const char *origin, fal_shape_model **out,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    reader r = {bytes, (const uint8_t *)bytes + length, bytes, origin, err};
    fal_shape_model *model = NULL;
    int64_t version;
    FAL_ALLOC(model, fal_calloc(1, sizeof *model));
    FAL_TRY(read_int(&r, &version));
    if (version != 1)
        FAL_TRY(damaged(&r, "version is not 1"));
    FAL_TRY(read_shape(&r, model->mean));
    FAL_TRY(read_forests(&r, model));
    FAL_TRY(read_anchors(&r, model));
    FAL_TRY(read_offsets(&r, model));
    FAL_TRY(check_splits(&r, model));
    *out = model;
    model = NULL;
done:
    fal_shape_model_free(&model);
    return st;
}

fal_status fal_shape_model_read(const char *path, fal_shape_model **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_map map = {0};
    FAL_TRY(fal_map_open(path, &map, err));
    FAL_TRY(fal_shape_model_parse(map.data, map.size, path, out, err));
done:
    fal_map_close(&map);
    return st;
}

void fal_shape_model_free(fal_shape_model **model)
{
    if (!model || !*model)
        return;
    fal_free((*model)->splits);
    fal_free((*model)->steps);
    fal_free((*model)->pixel);
    fal_release(model);
}
