#include "encoder/pictures.h"

#include <string.h>

void fal_levels_fill(fal_levels *levels, const float mean[3], const float std[3])
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            levels->value[c][v] = ((float)v / 255.0f - mean[c]) / std[c];
}

/* ---- layouts ---- */

static fal_pictures view_bytes(const fal_tensor *t, const fal_levels *levels)
{
    int64_t height = t->shape[1], width = t->shape[2];
    return (fal_pictures){.data = t->data,
                          .levels = levels,
                          .frames = t->shape[0],
                          .height = height,
                          .width = width,
                          .frame = height * width * 3,
                          .channel = 1,
                          .row = width * 3,
                          .column = 3};
}

static fal_pictures view_floats(const fal_tensor *t, bool channels_first)
{
    int64_t height = t->shape[2], width = t->shape[3], plane = height * width, frames = t->shape[channels_first];
    return (fal_pictures){.data = t->data,
                          .frames = frames,
                          .height = height,
                          .width = width,
                          .frame = channels_first ? plane : 3 * plane,
                          .channel = channels_first ? frames * plane : plane,
                          .row = width,
                          .column = 1};
}

static fal_tensor without_leading_ones(const fal_tensor *input)
{
    int extra = 0;
    while (input->rank - extra > 4 && input->shape[extra] == 1)
        extra++;
    return fal_tensor_make(input->dtype, input->data, input->rank - extra, input->shape + extra);
}

fal_status fal_pictures_view(const fal_tensor *input, fal_picture_order order, const fal_levels *levels,
                             const char *wanted, fal_pictures *out, fal_error *err)
{
    char shape[96];
    fal_tensor t = without_leading_ones(input);
    bool frames_first = t.rank == 4 && t.shape[1] == 3;
    bool channels_first = order != FAL_PICTURES_FRAMES && t.rank == 4 && t.shape[0] == 3;
    if (frames_first && channels_first)
        channels_first = order == FAL_PICTURES_CHANNELS;
    if (t.dtype == FAL_U8 && t.rank == 4 && t.shape[3] == 3)
        *out = view_bytes(&t, levels);
    else if (t.dtype == FAL_F32 && (frames_first || channels_first))
        *out = view_floats(&t, channels_first);
    else
        return fal_fail(err, FAL_ERR_ARGUMENT, "video is %s%s, want %s", fal_dtype_name(input->dtype),
                        fal_tensor_shape_text(shape, input), wanted);
    return FAL_OK;
}

/* ---- patches ---- */

/* `count` values of a picture's row. */
static void copy_pixels(const fal_pictures *p, int64_t channel, int64_t at, int64_t count, float *out)
{
    const float *floats = p->data;
    const uint8_t *bytes = p->data;
    if (!p->levels)
        memcpy(out, floats + at, (size_t)count * sizeof *out);
    else
        for (int64_t i = 0; i < count; i++)
            out[i] = p->levels->value[channel][bytes[at + i * p->column]];
}

/* One channel of one picture into all patches that show it: out is where that picture's part of the first patch goes.
 */
static void copy_plane(const fal_pictures *p, const fal_patch_args *args, int64_t frame, int64_t channel, float *out)
{
    int64_t side = args->side, columns = p->width / side, row_floats = 3 * args->depth * side * side;
    int64_t plane = frame * p->frame + channel * p->channel;
    for (int64_t y = 0; y < p->height / side * side; y++)
        for (int64_t patch = 0; patch < columns; patch++)
            copy_pixels(p, channel, plane + y * p->row + patch * side * p->column, side,
                        out + (y / side * columns + patch) * row_floats + y % side * side);
}

void fal_pictures_patches(const fal_pictures *p, const fal_patch_args *args)
{
    int64_t area = args->side * args->side, grid = p->height / args->side * (p->width / args->side);
    for (int64_t layer = 0; layer < args->layers; layer++)
        for (int64_t d = 0; d < args->depth; d++) {
            int64_t frame = args->first + layer * args->depth + d;
            for (int64_t channel = 0; channel < 3; channel++)
                copy_plane(p, args, frame < p->frames ? frame : p->frames - 1, channel,
                           args->out + layer * grid * 3 * args->depth * area + (channel * args->depth + d) * area);
        }
}
