/* Configuration that the vision transformers share, and where files keep it: shapes, Hugging Face's config.json and
 * preprocessor_config.json. */
#ifndef FAL_ENCODER_VIT_CONFIG_H
#define FAL_ENCODER_VIT_CONFIG_H

#include "encoder/family.h"

#define FAL_FRAME_RATE_HZ 25.0 /* of the pictures the front end makes */

typedef struct fal_vit_config {
    int64_t width, ffn, layers, heads; /* D, F, L, h */
    int64_t patch;                     /* side of a patch in pixels, P */
    int64_t depth;                     /* frames of a patch: 1, VideoMAE 2 */
    int64_t frames;                    /* that see each other: 1, VideoMAE 16 */
    bool layer_scale;
    double norm_eps;
    fal_act act;
    float mean[3], std[3];    /* of RGB values in 0..1; float32 as the originals compute, and so one text per value */
    fal_picture_rule picture; /* picture.side is that of the network's input */
} fal_vit_config;

/* clang-format off */
#define FAL_IMAGENET_MEAN {0.485f, 0.456f, 0.406f}
#define FAL_IMAGENET_STD {0.229f, 0.224f, 0.225f}
/* clang-format on */

/* Tokens of a layer of patches: (side / patch) squared. */
static inline int64_t fal_vit_grid(const fal_vit_config *config)
{
    int64_t across = config->picture.side / config->patch;
    return across * across;
}

/* width, depth and patch from the weight of the patch convolution, [D,3,P,P] or [D,3,t,P,P]; `name` for the error. */
fal_status fal_vit_read_patch(const fal_tensor *weight, const char *name, fal_vit_config *config, fal_error *err);
/* The input's side from a table of positions [G*G + 1, D] or [1, G*G + 1, D]; patch must be known. */
fal_status fal_vit_read_positions(const fal_tensor *table, const char *name, fal_vit_config *config, fal_error *err);
/* ffn from the first matrix of a feed-forward, [F,D]. */
fal_status fal_vit_read_ffn(const fal_tensor *weight, const char *name, fal_vit_config *config, fal_error *err);

/* A number of a configuration must agree with what the tensors say. `file` for the error. */
fal_status fal_vit_same(const fal_value *json, const char *file, const char *key, int64_t fallback, int64_t found,
                        fal_error *err);
/* {"size":224,"crop_size":{"height":224,"width":224},"resample":3,"image_mean":[..],"image_std":[..]}: what is there
 * replaces what config->picture, mean and std hold. NULL: nothing. */
fal_status fal_vit_read_processor(const fal_value *json, fal_vit_config *config, fal_error *err);
/* Three numbers into out; std: they must be positive. NULL: out stays. */
fal_status fal_vit_read_channels(const fal_value *list, const char *name, bool std, float out[3], fal_error *err);
fal_status fal_vit_set_channels(const double values[3], const char *name, bool std, float out[3], fal_error *err);

/* What no family may leave open: heads that divide the width, a sane eps. */
fal_status fal_vit_check(const fal_vit_config *config, fal_error *err);
/* Exact scaling is that of the rule; families whose own scripts scale otherwise say so afterwards. */
void fal_vit_describe(const fal_vit_config *config, fal_encoder_description *out);
/* The members of an object in Hugging Face's names, "preprocessor" included: what the functions above read back. */
void fal_vit_write_json(const fal_vit_config *config, fal_jw *w);

#endif
