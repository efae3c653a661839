/* Pictures as vision transformers take them: the layouts of the input, bytes to normalised values, and patches as rows
 * of a matrix, which turns a convolution whose kernel is as large as its stride into one product. */
#ifndef FAL_ENCODER_PICTURES_H
#define FAL_ENCODER_PICTURES_H

#include "core/status.h"
#include "tensor/tensor.h"

/* What float pictures [a,b,H,W] are: frames before channels, or, when only `a` is 3, a clip with channels before
 * frames. A clip of three frames could be either. */
typedef enum fal_picture_order {
    FAL_PICTURES_FRAMES,  /* always [T,3,H,W] */
    FAL_PICTURES_CLIP,    /* three frames are [T,3,H,W] (VideoMAE at Hugging Face) */
    FAL_PICTURES_CHANNELS /* three frames are [3,T,H,W] (VideoMAE's own code) */
} fal_picture_order;

/* A normalised value per channel and byte: (v / 255 - mean) / std, rounded as float32 code does. */
typedef struct fal_levels {
    float value[3][256];
} fal_levels;
void fal_levels_fill(fal_levels *levels, const float mean[3], const float std[3]);

/* A view of T pictures; the value of channel c at (f, y, x) is the element at f frame + c channel + y row + x column.
 */
typedef struct fal_pictures {
    const void *data;
    const fal_levels *levels; /* NULL: float32, as the network reads it; else bytes */
    int64_t frames, height, width;
    int64_t frame, channel, row, column;
} fal_pictures;

/* `input`: U8[T,H,W,3] or F32[a,b,H,W]; further leading axes of length 1 are fine. `wanted`: how the error describes
 * the layouts this network takes. */
fal_status fal_pictures_view(const fal_tensor *input, fal_picture_order order, const fal_levels *levels,
                             const char *wanted, fal_pictures *out, fal_error *err);

/* Patches of `depth` frames and side x side pixels: `layers` layers of them, beginning with frame `first`, top to
 * bottom, left to right; where the clip ends its last picture is repeated. out [layers * (H / side) * (W / side), 3
 * depth side side], a row in the order of a convolution's weight: channel, frame, y, x. */
typedef struct fal_patch_args {
    int64_t depth, side, first, layers;
    float *out;
} fal_patch_args;
void fal_pictures_patches(const fal_pictures *pictures, const fal_patch_args *args);

#endif
