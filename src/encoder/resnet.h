/* The lip-reading video trunk: a 3-D convolution over time, then ResNet-18 on every frame (Stafylakis and Tzimiropoulos
 * 2017; He et al. 2016). Widths come from the file; released models have 64, 64, 128, 256, 512.
 *
 *   frames [T,88,88] ─ conv3d 5x7x7 /1,2,2, BN, act ─ max-pool 3x3 /2 ─► [T,22,22,W0]
 *     ─ 4 stages of 2 basic blocks, /2 from the second stage on ─► [T,3,3,W4] ─ mean over the map ─► [T,W4]
 *
 *   basic block: y = act2(BN(conv3x3(act1(BN(conv3x3(x))))) + r),  r = x, or BN(conv1x1(x)) where the block has one */
#ifndef FAL_ENCODER_RESNET_H
#define FAL_ENCODER_RESNET_H

#include "encoder/build.h"
#include "encoder/forward.h"
#include "weights/bind.h"

enum { FAL_TRUNK_STAGES = 4, FAL_TRUNK_BLOCKS = 2, FAL_TRUNK_SIDE = 88 };

/* What a file holds; members are fal_tensor only. */
typedef struct fal_conv_bn_weights {
    fal_tensor conv;                   /* [out, in, kernel...], no bias */
    fal_tensor gamma, beta, mean, var; /* [out] */
} fal_conv_bn_weights;

typedef struct fal_basic_block_weights {
    fal_conv_bn_weights first, second, shortcut; /* shortcut absent where the input is added as it is */
    fal_tensor slope1, slope2;                   /* [out], PReLU only */
} fal_basic_block_weights;

typedef struct fal_trunk_weights {
    fal_conv_bn_weights stem; /* [W0, 1, 5, 7, 7] */
    fal_tensor stem_slope;
    fal_basic_block_weights blocks[FAL_TRUNK_STAGES][FAL_TRUNK_BLOCKS];
} fal_trunk_weights;

typedef struct fal_trunk_config {
    int64_t widths[1 + FAL_TRUNK_STAGES]; /* stem, stages */
    fal_act act;                          /* FAL_ACT_PRELU or FAL_ACT_RELU */
} fal_trunk_config;

/* Widths and activation as the tensors below `group` ("feature_extractor_video.resnet.") have them. */
fal_status fal_trunk_configure(const fal_bind *bind, const char *group, fal_trunk_config *out, fal_error *err);
/* Drawn as upstream: convolutions normal with std sqrt(2 / (kernel * out)), the stem uniform +-1/sqrt(fan in),
 * BatchNorm the identity, slopes 0.25. */
void fal_trunk_bind(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_trunk_weights *target);

typedef struct fal_trunk fal_trunk;
fal_status fal_trunk_create(const fal_trunk_weights *weights, const fal_trunk_config *config, const fal_build *build,
                            fal_trunk **out, fal_error *err);
void fal_trunk_free(fal_trunk **trunk);
int64_t fal_trunk_width(const fal_trunk *trunk);

/* Writes one frame, FAL_TRUNK_SIDE squared and normalised, so that a long clip is never held in float32 at once. */
typedef void fal_frame_reader(const void *source, int64_t frame, float *out);

/* out [frames, width]. Frames outside the clip count as zeros in the stem, that is as mean grey.
 * Stages, channels last: "video_frontend3d" [T,22,22,W0], "video_trunk_layer4" [T,3,3,W4], "video_resnet" [T,W4]. */
fal_status fal_trunk_run(const fal_trunk *trunk, fal_forward *pass, fal_frame_reader *read, const void *source,
                         int64_t frames, float *out, fal_error *err);

#endif
