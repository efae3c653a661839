/* The ResNet-18 trunk of lip readers, and its twin that listens (Stafylakis and Tzimiropoulos 2017; Petridis et al.
 * 2018; He et al. 2016). The stem and the number of axes differ, the rest is the same. Widths come from the file;
 * released models have 64, 64, 128, 256, 512.
 *
 *   frames [T,88,88] ─ conv3d 5x7x7 /1,2,2, BN, act ─ max-pool 3x3 /2 ─► [T,22,22,W0]
 *   wave [640 T]     ─ conv1d 80 /4, BN, act ─────────────────────────► [160 T,W0]
 *     ─ 4 stages of 2 basic blocks, /2 from the second stage on ─► [T,3,3,W4] or [20 T,W4]
 *     ─ mean of each frame ─► [T,W4]
 *
 *   basic block: y = act2(BN(conv3(act1(BN(conv3(x))))) + r),  r = x, or BN(conv1(x)) where the block has one */
#ifndef FAL_ENCODER_RESNET_H
#define FAL_ENCODER_RESNET_H

#include "encoder/build.h"
#include "encoder/forward.h"
#include "weights/bind.h"

enum { FAL_TRUNK_STAGES = 4, FAL_TRUNK_BLOCKS = 2, FAL_TRUNK_SIDE = 88, FAL_TRUNK_SAMPLES = 640 };

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
    fal_conv_bn_weights stem; /* [W0,1,5,7,7] or [W0,1,80] */
    fal_tensor stem_slope;
    fal_basic_block_weights blocks[FAL_TRUNK_STAGES][FAL_TRUNK_BLOCKS];
} fal_trunk_weights;

typedef struct fal_trunk_config {
    int64_t widths[1 + FAL_TRUNK_STAGES]; /* stem, stages */
    fal_act act;                          /* FAL_ACT_PRELU, or one without weights */
    bool audio;
} fal_trunk_config;

/* In all of these `group` is what stands before "trunk.": "feature_extractor_video.resnet."; '|' spellings are fine. */

/* Kind and widths as the tensors say. They show whether there are PReLU slopes; without, the activation is `plain`. */
fal_status fal_trunk_configure(const fal_bind *bind, const char *group, fal_act plain, fal_trunk_config *out,
                               fal_error *err);
/* Drawn as upstream: the stem uniform within 1/sqrt(fan in), the other convolutions by `convs`, BatchNorm the identity,
 * slopes 0.25. */
void fal_trunk_bind(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_init convs,
                    fal_trunk_weights *target);

typedef struct fal_trunk fal_trunk;
fal_status fal_trunk_create(const fal_trunk_weights *weights, const fal_trunk_config *config, const fal_build *build,
                            fal_trunk **out, fal_error *err);
void fal_trunk_free(fal_trunk **trunk);
int64_t fal_trunk_width(const fal_trunk *trunk);

/* Writes one frame as the network reads it, a picture of FAL_TRUNK_SIDE squared or FAL_TRUNK_SAMPLES samples, so that a
 * long clip is never held prepared at once. */
typedef void fal_frame_reader(const void *source, int64_t frame, float *out);

/* Names under which stages are shown, channels last; NULL: not shown. */
typedef struct fal_trunk_stages {
    const char *stem;                     /* [T,22,22,W0] or [160 T,W0] */
    const char *layers[FAL_TRUNK_STAGES]; /* [T,22,22,W1] .. [T,3,3,W4] or [160 T,W1] .. [20 T,W4] */
    const char *out;                      /* [T,W4] */
} fal_trunk_stages;

typedef struct fal_trunk_args {
    fal_frame_reader *read;
    const void *source;
    int64_t frames; /* T */
    const fal_trunk_stages *stages;
    float *out; /* [T,W4] */
} fal_trunk_args;

/* Outside the clip the stem sees zeros, which stand for mean grey and for silence. */
fal_status fal_trunk_run(const fal_trunk *trunk, fal_forward *pass, const fal_trunk_args *args, fal_error *err);

#endif
