#include "encoder/mouth_frames.h"

#include "encoder/resnet.h"

#include <string.h>

enum { SIDE = FAL_TRUNK_SIDE };

static const double weights[3] = {0.2989, 0.587, 0.114};

/* In double, rounded to float32 at the end. */
static float normalise(double grey)
{
    return (float)((grey / 255 - 0.421) / 0.165);
}

static bool is_colour(const fal_tensor *view)
{
    return view->rank == 4;
}

static int64_t half_margin(int64_t size, fal_mouth_grey grey)
{
    int64_t margin = size - SIDE, half = margin / 2;
    return grey == FAL_GREY_WEIGHTED && margin % 2 ? half + half % 2 : half;
}

/* Without leading axes of length 1: rank 3, or 4 for colour. */
static fal_tensor squeeze(const fal_tensor *video)
{
    fal_tensor view = *video;
    int rank = view.dtype == FAL_U8 && view.rank > 3 && view.shape[view.rank - 1] == 3 ? 4 : 3;
    while (view.rank > rank && view.shape[0] == 1) {
        view.rank--;
        memmove(view.shape, view.shape + 1, (size_t)view.rank * sizeof *view.shape);
        memmove(view.stride, view.stride + 1, (size_t)view.rank * sizeof *view.stride);
    }
    return view;
}

static bool is_readable(const fal_tensor *view, fal_mouth_grey grey)
{
    bool colour = is_colour(view) && view->shape[3] == 3 && grey == FAL_GREY_WEIGHTED;
    if ((view->rank != 3 && !colour) || view->shape[0] < 1)
        return false;
    if (view->dtype == FAL_F32)
        return !colour && view->shape[1] == SIDE && view->shape[2] == SIDE;
    return view->dtype == FAL_U8 && view->shape[1] >= SIDE && view->shape[2] >= SIDE;
}

fal_status fal_mouth_open(const fal_tensor *video, fal_mouth_grey grey, fal_mouth_frames *out, fal_error *err)
{
    char shape[96];
    fal_tensor view = squeeze(video);
    if (!is_readable(&view, grey))
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "video is %s%s, want F32[T,88,88] normalised frames or U8[T,96,96] grey%s mouth crops",
                        fal_dtype_name(video->dtype), fal_tensor_shape_text(shape, video),
                        grey == FAL_GREY_WEIGHTED ? " or U8[T,96,96,3] RGB" : "");
    out->view = view;
    out->frames = view.shape[0];
    out->top = half_margin(view.shape[1], grey);
    out->left = half_margin(view.shape[2], grey);
    double gain = grey == FAL_GREY_WEIGHTED ? weights[0] + weights[1] + weights[2] : 1;
    for (int v = 0; v < 256; v++)
        out->shade[v] = normalise(gain * v);
    return FAL_OK;
}

static void read_colour(const uint8_t *in, int64_t width, float *out)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *rgb = in + 3 * (y * width + x);
            out[y * SIDE + x] = normalise(weights[0] * rgb[0] + weights[1] * rgb[1] + weights[2] * rgb[2]);
        }
}

void fal_mouth_read(const void *source, int64_t frame, float *out)
{
    const fal_mouth_frames *frames = source;
    int64_t height = frames->view.shape[1], width = frames->view.shape[2];
    int64_t start = (frame * height + frames->top) * width + frames->left;
    if (frames->view.dtype == FAL_F32) {
        memcpy(out, (const float *)frames->view.data + start, SIDE * SIDE * sizeof *out);
        return;
    }
    const uint8_t *in = frames->view.data;
    if (is_colour(&frames->view)) {
        read_colour(in + 3 * start, width, out);
        return;
    }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            out[y * SIDE + x] = frames->shade[in[start + y * width + x]];
}
