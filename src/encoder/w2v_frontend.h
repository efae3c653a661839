/* The convolutional front end of wav2vec 2.0, HuBERT and WavLM: seven Conv1d from the waveform to one row per 20 ms.
 *
 *   "group":  conv ─ GroupNorm with one group per channel (statistics over the whole clip) ─ GELU, then conv ─ GELU
 *   "layer":  conv ─ LayerNorm over the channels of each row ─ GELU, every layer
 *
 * It sees 400 samples per row, so it runs in short blocks; the values do not depend on where blocks begin. */
#ifndef FAL_ENCODER_W2V_FRONTEND_H
#define FAL_ENCODER_W2V_FRONTEND_H

#include "encoder/build.h"
#include "encoder/norm.h"
#include "encoder/w2v_config.h"

/* What a file holds; members are fal_tensor only. */
typedef struct fal_w2v_conv_weights {
    fal_tensor conv, bias; /* [C_i, C_i-1, k_i], [C_i]; bias optional */
    fal_norm_weights norm; /* [C_i]: all layers or the first only */
} fal_w2v_conv_weights;

/* weights: [config->conv_count]. */
void fal_w2v_frontend_bind(fal_bind *bind, const fal_w2v_config *config, fal_w2v_conv_weights *weights);

typedef struct fal_w2v_frontend fal_w2v_frontend;
fal_status fal_w2v_frontend_create(const fal_w2v_config *config, const fal_w2v_conv_weights *weights,
                                   const fal_build *build, fal_w2v_frontend **out, fal_error *err);
void fal_w2v_frontend_free(fal_w2v_frontend **front);

int64_t fal_w2v_frontend_rows(const fal_w2v_frontend *front, int64_t samples); /* 0: too short for one */
int64_t fal_w2v_frontend_samples(const fal_w2v_frontend *front, int64_t rows); /* fewest samples that make `rows` */

/* wave [samples] to out [rows, C]. Stage: "conv0" [rows0, C0], the first layer's output. */
fal_status fal_w2v_frontend_run(const fal_w2v_frontend *front, fal_forward *pass, const float *wave, int64_t samples,
                                float *out, fal_error *err);

#endif
