/* Mouth crops as the trunk of a lip reader reads them: the middle FAL_TRUNK_SIDE squared, grey in 0..1, normalised with
 * mean 0.421 and deviation 0.165. Frames are prepared one by one while the trunk reads them. */
#ifndef FAL_ENCODER_MOUTH_FRAMES_H
#define FAL_ENCODER_MOUTH_FRAMES_H

#include "core/status.h"
#include "tensor/tensor.h"

typedef enum fal_mouth_grey {
    FAL_GREY_GIVEN,   /* AV-HuBERT: crops are grey; half the margin is rounded down */
    FAL_GREY_WEIGHTED /* torchvision, as BRAVEn and Auto-AVSR use it: 0.2989 R + 0.587 G + 0.114 B, which weakens grey
                         crops too (the weights sum to 0.9999); half the margin is rounded to even */
} fal_mouth_grey;

typedef struct fal_mouth_frames {
    fal_tensor view; /* [frames, height, width] F32 as the network reads them, or U8; or U8 [.., 3] */
    int64_t frames, top, left;
    float shade[256]; /* U8 grey to network input */
} fal_mouth_frames;

/* `video` may have leading axes of length 1 and must outlive `out`. */
fal_status fal_mouth_open(const fal_tensor *video, fal_mouth_grey grey, fal_mouth_frames *out, fal_error *err);
/* An fal_frame_reader (resnet.h) of fal_mouth_frames. */
void fal_mouth_read(const void *source, int64_t frame, float *out);

#endif
